package status

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// Bounds of what is looked at in an export with allowPartialManifests, out of politeness.
const (
	maxPages        = 50 // linked manifests that are followed
	filesOfManifest = 4  // files of one partial manifest that are fetched at once
)

// Fetched is one fetch of a file of a partial manifest.
type Fetched struct {
	Item     session.Item
	Response *session.Response
	Hash     string // of the decoded content; "" if it could not be read to its end
	Reason   string // why it was not requested; "" otherwise
}

// Snapshot is one manifest as it was seen at one place.
type Snapshot struct {
	URL      string // where
	Response *session.Response
	Manifest *session.Manifest
	Early    []Fetched // files as fetched at once; only of manifests that came before the end
}

// PartialExport is an export with allowPartialManifests as it was observed.
type PartialExport struct {
	Export *session.Export
	Reason string            // why there is none
	Early  []*Snapshot       // manifests in in-progress answers, in order
	Pages  []*Snapshot       // the final manifest and those linked from it, in order
	Late   []Fetched         // the files of Early, fetched again after the end
	Broken *session.Response // a next link that did not lead to a manifest
}

// Partial runs the shared export with allowPartialManifests, fetches files of partial manifests as they appear and
// again at the end, and follows the next links.
func Partial(s *session.Session) *PartialExport {
	return session.Shared(s, "partial manifests", func(ctx context.Context) *PartialExport {
		p := &PartialExport{}
		l, why := s.Level()
		if why != "" {
			p.Reason = why
			return p
		}
		sc := session.Partial
		sc.Level = l
		c := s.Client("")
		p.Export = s.ObservedExport(ctx, sc, func(ctx context.Context, ex *session.Export, res *session.Response) {
			if res.Err != nil || ex.ExportStatus(res) != http.StatusAccepted {
				return
			}
			m := session.ReadManifest(res)
			if m.Tree == nil || !isManifest(m.Tree) {
				return
			}
			snap := &Snapshot{URL: ex.Location, Response: res, Manifest: m}
			for i, it := range m.Output {
				if i < filesOfManifest && it.Resolved != "" && !p.has(it.Resolved) {
					snap.Early = append(snap.Early, fetch(ctx, s, m, it))
				}
			}
			p.Early = append(p.Early, snap)
		})
		if p.Export.State != session.Completed || p.Export.Manifest.Tree == nil {
			return p
		}
		p.follow(ctx, c)
		for _, snap := range p.Early {
			for _, f := range snap.Early {
				p.Late = append(p.Late, fetch(ctx, s, snap.Manifest, p.renewed(f.Item)))
			}
		}
		return p
	})
}

func (p *PartialExport) has(url string) bool {
	for _, s := range p.Early {
		for _, f := range s.Early {
			if f.Item.Resolved == url {
				return true
			}
		}
	}
	return false
}

// renewed returns the item as the final manifest has it, at the same place: its URL may have been renewed.
func (p *PartialExport) renewed(it session.Item) session.Item {
	if out := p.Export.Manifest.Output; it.Index < len(out) && out[it.Index].Resolved != "" && out[it.Index].Type == it.Type {
		return out[it.Index]
	}
	return it
}

// follow collects the manifests that are linked from the final one.
func (p *PartialExport) follow(ctx context.Context, c *session.Client) {
	page := &Snapshot{URL: p.Export.Location, Response: p.Export.Final(), Manifest: p.Export.Manifest}
	p.Pages = []*Snapshot{page}
	seen := map[string]bool{page.URL: true}
	for len(p.Pages) < maxPages {
		next := nextOf(page)
		if next == "" || seen[next] {
			return
		}
		seen[next] = true
		res := c.Do(ctx, session.Request{URL: next, Purpose: "linked manifest", Header: http.Header{"Accept": {"application/json"}}})
		m := session.ReadManifest(res)
		if !res.OK(http.StatusOK) || m.Tree == nil {
			p.Broken = res
			return
		}
		page = &Snapshot{URL: next, Response: res, Manifest: m}
		p.Pages = append(p.Pages, page)
	}
}

// nextOf returns the absolute URL that the manifest's next link leads to, or "".
func nextOf(s *Snapshot) string {
	for _, l := range session.List(s.Manifest.Tree, "link") {
		if strings.EqualFold(session.Text(l, "relation"), "next") {
			return session.ResolveAgainst(s.Response.URL, session.Text(l, "url"))
		}
	}
	return ""
}

// fetch reads one file and hashes its decoded content.
func fetch(ctx context.Context, s *session.Session, m *session.Manifest, it session.Item) Fetched {
	f := Fetched{Item: it, Response: &session.Response{}}
	if f.Reason = s.WhyNotFetch(m, it); f.Reason != "" {
		return f
	}
	c := s.Client("")
	sum := sha256.New()
	req := m.FileRequest(it)
	req.Header.Set("Accept-Encoding", "identity")
	f.Response = c.Stream(ctx, req, func(res *session.Response, body io.Reader) error {
		switch strings.ToLower(res.Header.Get("Content-Encoding")) {
		case "", "identity":
		case "gzip", "x-gzip":
			z, err := gzip.NewReader(body)
			if err != nil {
				return fmt.Errorf("the body is marked as gzip but does not decompress: %w", err)
			}
			body = z
		default:
			return errors.New("the body has a Content-Encoding that was not offered")
		}
		n, err := io.Copy(sum, io.LimitReader(body, c.MaxFile()))
		if err == nil && n == c.MaxFile() {
			err = errors.New("it is longer than the bound (see --max-file-bytes)")
		}
		return err
	})
	if f.Response.OK(http.StatusOK) {
		f.Hash = hex.EncodeToString(sum.Sum(nil))
	}
	return f
}

// partial returns the observed export; the check is skipped if the server does not honour allowPartialManifests.
func partial(t *checks.T) *PartialExport {
	p := Partial(t.Session())
	switch {
	case p.Reason != "":
		t.Inconclusivef("%s", p.Reason)
	case p.Export.State == session.Refused:
		t.Skipf("the server refuses allowPartialManifests (with _type), which is legal: %s", p.Export.Reason)
	}
	return p
}

// early is partial for checks on manifests that come before the end.
func early(t *checks.T) *PartialExport {
	p := partial(t)
	if len(p.Early) == 0 {
		if p.Export.State != session.Completed {
			t.Inconclusivef("the export with allowPartialManifests did not complete: %s", p.Export.Reason)
		}
		t.Skipf("no manifest came before the end of the export, which is legal")
	}
	return p
}
