package refserver

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// fileName is the last segment of a file's URL: one letter for the array, then a number.
func fileName(kind FileKind, index int) string { return fmt.Sprintf("%c%02d", kind[0], index+1) }

// parseFileName is the reverse, by the letter of its own output only.
func parseFileName(name string) (FileKind, int, bool) {
	if len(name) < 2 {
		return "", 0, false
	}
	n, err := strconv.Atoi(name[1:])
	for _, kind := range []FileKind{OutputFile, DeletedFile, ErrorFile} {
		if err == nil && n > 0 && fileName(kind, n-1) == name {
			return kind, n - 1, true
		}
	}
	return "", 0, false
}

// fileURL is where a client finds a file.
func (j *job) fileURL(kind FileKind, index int) string {
	files := j.s.filesBase(j.base)
	if j.s.cfg.Auth && j.s.cfg.CapabilityURLs {
		return j.capabilityURL(kind, index)
	}
	return files + shelfPath + j.ticket + "/" + fileName(kind, index)
}

// capabilityURL leads to the same file without a token: whoever knows it may read.
func (j *job) capabilityURL(kind FileKind, index int) string {
	return j.s.filesBase(j.base) + pickupPath + j.ticket + "." + j.key + "/" + fileName(kind, index)
}

// shelf serves a file to the bearer of a token.
func (s *Server) shelf(r *http.Request, rest string) *Answer {
	ticket, name, _ := strings.Cut(rest, "/")
	return s.file(r, s.jobs.find(ticket, s.now()), name, false)
}

// pickup serves a file or an attachment to whoever knows its URL. Such URLs exist only where the server
// hands them out.
func (s *Server) pickup(r *http.Request, rest string) *Answer {
	pass, name, _ := strings.Cut(rest, "/")
	dot := strings.LastIndexByte(pass, '.')
	if dot < 0 || !s.cfg.CapabilityURLs && !s.cfg.RedirectFiles {
		return s.unknownFile(r)
	}
	what, key := pass[:dot], pass[dot+1:]
	if what == pickupPaper {
		if !equalSecret(key, s.key) {
			return s.notFound(Attachment, r, "There is no attachment here.")
		}
		return s.paper(r, name, true)
	}
	j := s.jobs.find(what, s.now())
	if j == nil || !equalSecret(key, j.key) {
		return s.unknownFile(r)
	}
	return s.file(r, j, name, true)
}

func (s *Server) unknownFile(r *http.Request) *Answer {
	return s.notFound(File, r, "There is no such file, or it has expired; the manifest lists the files there are.")
}

// file answers a request for a file of a job; open means that the URL is all the authorization needed.
func (s *Server) file(r *http.Request, j *job, name string, open bool) *Answer {
	kind, index, ok := parseFileName(name)
	if j == nil || !ok {
		return s.withoutJob(File, r, s.unknownFile)
	}
	p, found := j.findPart(r.Context(), kind, index)
	info := j.info(File)
	if found {
		info = j.fileInfo(info, kind, index)
	}
	var client string
	if !open || s.cfg.Behaviour.Access != nil && !s.cfg.Auth {
		grant, refusal := s.admit(File, r, &info, demand{job: j, types: j.typesOf(p, found)})
		if refusal != nil {
			return refusal
		}
		client = grant.ClientID
	}
	switch {
	case !found:
		return s.unknownFile(r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return s.methodNotAllowed(File, r, "GET, HEAD")
	case !open && s.cfg.RedirectFiles:
		a := &Answer{Endpoint: File, Request: r, Job: &info, Client: client, Status: http.StatusTemporaryRedirect, Header: http.Header{}, Body: []byte{}}
		a.Header.Set("Location", j.capabilityURL(kind, index))
		return a
	}
	a := &Answer{Endpoint: File, Request: r, Job: &info, Client: client, Status: http.StatusOK, Header: http.Header{}}
	a.Header.Set("Content-Type", fhirNDJSON)
	a.Header.Set("Vary", "Accept-Encoding")
	b := &s.cfg.Behaviour
	if a.Gzip = (acceptsGzip(r.Header) || b.GzipAlways) && !b.GzipNever; a.Gzip {
		a.Header.Set("Content-Encoding", "gzip")
	}
	// The file ends early, and visibly so, if the client goes away; a DELETE lets a running download
	// finish (3.0.0 export.html#privacy-and-security-considerations).
	ctx := r.Context()
	a.stream = func(w io.Writer) error { return j.writeFile(ctx, w, p) }
	return a
}

// withoutJob refuses what concerns no known job: without a valid token as such, so that an outsider
// cannot tell known from unknown.
func (s *Server) withoutJob(e Endpoint, r *http.Request, unknown func(*http.Request) *Answer) *Answer {
	if _, refusal := s.admit(e, r, nil, demand{}); refusal != nil {
		return refusal
	}
	return unknown(r)
}

// findPart returns a file that can be fetched now: one of a complete job, or on a page that was ready
// already. It never waits for the plan.
func (j *job) findPart(ctx context.Context, kind FileKind, index int) (part, bool) {
	j.mu.Lock()
	deleted := j.deleted && !j.s.cfg.Behaviour.FilesOutliveDelete
	j.mu.Unlock()
	select {
	case <-j.prepared:
	default:
		return part{}, false
	}
	if deleted || j.plan == nil {
		return part{}, false
	}
	list := j.plan.of(kind)
	if index >= len(list) {
		return part{}, false
	}
	progress := j.progress(j.s.now())
	if progress < 1 && kind == OutputFile {
		_, ready := j.plan.pageRange(j.pagesReady(progress))
		if !j.ex.Partial || index >= ready {
			return part{}, false
		}
	}
	if progress < 1 && kind == DeletedFile {
		return part{}, false
	}
	return list[index], ctx.Err() == nil
}

// pagesReady is how many pages of the manifest exist at a progress: the last one only at the end.
func (j *job) pagesReady(progress float64) int {
	if progress >= 1 {
		return j.plan.pages
	}
	return min(j.plan.pages-1, int(progress*float64(j.plan.pages)+1e-9))
}

// typesOf is what a token has to cover to fetch a file: its type, or everything the job exports for a
// file of deletions, messages or blocks.
func (j *job) typesOf(p part, found bool) []string {
	if found && p.kind == OutputFile && p.typ != "" {
		return []string{p.typ}
	}
	if found && p.kind == ErrorFile {
		return nil
	}
	return j.coveredTypes()
}

// coveredTypes are the types a token has to cover to see the job at all.
func (j *job) coveredTypes() []string {
	var out []string
	for _, t := range j.sel.types {
		if j.sel.wants(t) {
			out = append(out, t)
		}
	}
	return out
}

// fileInfo completes a JobInfo for a file of the plan.
func (j *job) fileInfo(info JobInfo, kind FileKind, index int) JobInfo {
	list := j.plan.of(kind)
	p := list[index]
	info.Kind, info.File, info.Files = kind, index, len(list)
	info.FileType, info.TypeFile, info.TypeFiles, info.Lines = p.typ, p.typeIndex, p.typeFiles, p.lines
	info.Pages = j.plan.pages
	return info
}

// writeFile generates a file: the same bytes each time, one Write for each line.
func (j *job) writeFile(ctx context.Context, w io.Writer, p part) error {
	switch {
	case p.extra != nil:
		for _, line := range p.extra {
			if err := writeLine(w, []byte(line)); err != nil {
				return err
			}
		}
		return nil
	case p.kind == DeletedFile:
		return j.writeDeleted(ctx, w, p)
	case p.typ == "":
		return j.writeBlocks(ctx, w, p)
	}
	if p.lines == 0 {
		return nil
	}
	n := 0
	for r := range j.sel.resources(ctx, p.typ) {
		if n++; n <= p.first {
			continue
		}
		if err := writeLine(w, j.rewrite(j.sel.render(r.JSON, r.Type))); err != nil {
			return err
		}
		if n == p.first+p.lines {
			return nil
		}
	}
	return ctx.Err()
}

// render applies _elements.
func (s *selection) render(resource []byte, typ string) []byte {
	if len(s.ex.Elements) == 0 {
		return resource
	}
	return subset(resource, typ, s.ex.Elements)
}

// writeDeleted writes transaction Bundles (3.0.0 export.html#response---output-manifest, deleted).
func (j *job) writeDeleted(ctx context.Context, w io.Writer, p part) error {
	var entries []any
	bundle, from, to := 0, p.first, p.first+p.lines
	flush := func() error {
		defer func() { entries, bundle = entries[:0], bundle+1 }()
		if len(entries) == 0 || bundle < from || bundle >= to {
			return nil
		}
		line, err := json.Marshal(map[string]any{"resourceType": "Bundle", "type": "transaction",
			"id": fmt.Sprintf("gone-%d", bundle+1), "entry": entries})
		if err != nil {
			return err
		}
		return writeLine(w, line)
	}
	for d := range j.deletions(ctx) {
		entries = append(entries, map[string]any{"request": map[string]any{"method": "DELETE", "url": d.Type + "/" + d.ID}})
		if len(entries) == deletionsPerBundle {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return ctx.Err()
}

// rewrite puts the URLs of attachments where this client has to fetch them: at the files' origin, and
// behind a capability where files need no token.
func (j *job) rewrite(line []byte) []byte {
	to := j.s.filesBase(j.base) + attachmentPath
	if j.s.cfg.Auth && j.s.cfg.CapabilityURLs {
		to = j.s.filesBase(j.base) + pickupPath + pickupPaper + "." + j.s.key + "/"
	}
	from := j.base + attachmentPath
	if from == to {
		return line
	}
	return []byte(strings.ReplaceAll(string(line), `"`+from, `"`+to))
}

// writeLine writes a line and its end, in one call where it matters: lineEditor counts calls.
func writeLine(w io.Writer, line []byte) error {
	if b, ok := w.(*bufio.Writer); ok {
		_, _ = b.Write(line) // the next write reports the same error
		return b.WriteByte('\n')
	}
	_, err := w.Write(append(line[:len(line):len(line)], '\n'))
	return err
}

// attachment serves the content behind an Attachment.url, by the rule of the manifest's
// requiresAccessToken.
func (s *Server) attachment(r *http.Request, id string) *Answer { return s.paper(r, id, false) }

func (s *Server) paper(r *http.Request, id string, open bool) *Answer {
	if !open {
		if _, refusal := s.admit(Attachment, r, nil, demand{types: []string{"DocumentReference"}}); refusal != nil {
			return refusal
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return s.methodNotAllowed(Attachment, r, "GET, HEAD")
	}
	set, err := s.set(s.base(r))
	if err != nil {
		return s.notFound(Attachment, r, "There is no attachment here.")
	}
	contentType, data, ok := set.Attachment(id)
	if !ok {
		return s.notFound(Attachment, r, "There is no attachment with this id.")
	}
	a := &Answer{Endpoint: Attachment, Request: r, Status: http.StatusOK, Header: http.Header{}, Body: data}
	a.Header.Set("Content-Type", contentType)
	return a
}
