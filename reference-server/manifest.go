package refserver

import (
	"encoding/json"
	"time"
)

// instant is the form in which the server writes instants: UTC with milliseconds.
const instant = "2006-01-02T15:04:05.000Z07:00"

// manifest serialises one page of the output manifest (3.0.0 export.html#response---output-manifest).
// ready is how many pages exist so far: a page that is not the last of them links to the next one. What
// is on a page never changes, apart from that link.
func (j *job) manifest(page, ready int, info *JobInfo) []byte {
	p := j.plan
	m := map[string]any{
		"transactionTime":     j.transactionTime().UTC().Format(instant),
		"request":             j.ex.URL,
		"requiresAccessToken": j.s.tokensForFiles(),
		"error":               j.items(p.errors, ErrorFile, 0, len(p.errors)),
	}
	from, to := p.pageRange(page)
	m["output"] = j.items(p.output, OutputFile, from, to)
	if j.ex.OrganizeBy != "" {
		m["outputOrganizedBy"] = j.ex.OrganizeBy
	}
	if !j.ex.Since.IsZero() && j.s.cfg.IG >= IG200 {
		// Deletions close the list: a client that follows the pages applies them last.
		n := 0
		if page == p.pages {
			n = len(p.deleted)
		}
		m["deleted"] = j.items(p.deleted, DeletedFile, 0, n)
	}
	if page < ready {
		m["link"] = []any{map[string]any{"relation": "next", "url": j.pageLocation(page + 1)}}
	}
	if hook := j.s.cfg.Behaviour.Manifest; hook != nil {
		hook(m, *info)
	}
	// Only a hook could put something in that cannot be marshalled; the answer then is no manifest.
	body, err := json.Marshal(m)
	if err != nil {
		return []byte("null")
	}
	return body
}

// items lists files from..to of an array of the manifest; never nil, so that an empty one is [].
func (j *job) items(list []part, kind FileKind, from, to int) []any {
	out := []any{}
	for i := from; i < to; i++ {
		item := map[string]any{"url": j.fileURL(kind, i), "count": list[i].lines}
		if kind != OutputFile || j.ex.OrganizeBy == "" {
			item["type"] = list[i].typ
		}
		if list[i].continues >= 0 {
			item["continuesInFile"] = j.fileURL(kind, list[i].continues)
		}
		out = append(out, item)
	}
	return out
}

// expires is when the files of a complete job go; zero before.
func (j *job) expires() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.completed.IsZero() {
		return time.Time{}
	}
	return j.completed.Add(j.s.cfg.FilesLifetime)
}
