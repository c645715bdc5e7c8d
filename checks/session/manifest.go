package session

import (
	"fmt"
	"net/http"
	"net/url"
)

// Manifest is the body of a final status response, as far as it can be read. Checks judge Tree; the other fields
// are for finding the files.
type Manifest struct {
	Tree    map[string]any // nil if the body is not one strict JSON object
	Err     error          // why Tree is nil
	Output  []Item
	Error   []Item
	Deleted []Item

	RequiresAccessToken bool // as declared; true if absent or not a boolean, which is the careful reading
	TransactionTime     string
}

// Item is one entry of output, error or deleted.
type Item struct {
	Kind     string // "output", "error" or "deleted"
	Index    int
	Type     string
	URL      string // as written
	Resolved string // absolute; "" if it cannot be requested
	Count    *int64 // nil if absent or not a non-negative integer
	Tree     any
}

// Name says which file is meant: "output[3] Patient".
func (i Item) Name() string {
	n := fmt.Sprintf("%s[%d]", i.Kind, i.Index)
	if i.Type != "" && len(i.Type) < 50 {
		n += " " + i.Type
	}
	return n
}

// Pointer returns the JSON pointer of the item in the manifest.
func (i Item) Pointer() string { return fmt.Sprintf("/%s/%d", i.Kind, i.Index) }

// Items returns output, error and deleted items, in this order.
func (m *Manifest) Items() []Item {
	var all []Item
	return append(append(append(all, m.Output...), m.Error...), m.Deleted...)
}

// ReadManifest reads the body of a status response, or of a linked manifest, as far as it can be read.
func ReadManifest(res *Response) *Manifest { return readManifest(res) }

func readManifest(res *Response) *Manifest {
	m := &Manifest{RequiresAccessToken: true}
	v, err := res.JSON()
	tree, ok := v.(map[string]any)
	switch {
	case err != nil:
		m.Err = err
		return m
	case !ok:
		m.Err = fmt.Errorf("the JSON value is not an object")
		return m
	}
	m.Tree = tree
	m.TransactionTime = Text(tree, "transactionTime")
	if b, ok := tree["requiresAccessToken"].(bool); ok {
		m.RequiresAccessToken = b
	}
	base, _ := url.Parse(res.URL)
	m.Output, m.Error, m.Deleted = items(tree, "output", base), items(tree, "error", base), items(tree, "deleted", base)
	return m
}

func items(tree map[string]any, kind string, base *url.URL) []Item {
	var out []Item
	for i, v := range List(tree, kind) {
		it := Item{Kind: kind, Index: i, Type: Text(v, "type"), URL: Text(v, "url"), Tree: v}
		if m, ok := v.(map[string]any); ok {
			if n, ok := m["count"].(Number); ok {
				if c, ok := n.Int(); ok && c >= 0 {
					it.Count = &c
				}
			}
		}
		if base != nil && it.URL != "" {
			if u, err := base.Parse(it.URL); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
				it.Resolved = u.String()
			}
		}
		out = append(out, it)
	}
	return out
}

// FileRequest is the request for one output file under the manifest's own token rule (export.html#bulk-data-output-file-request).
func (m *Manifest) FileRequest(it Item) Request {
	req := Request{URL: it.Resolved, Purpose: "output file", Header: http.Header{"Accept": {"application/fhir+ndjson"}, "Accept-Encoding": {"gzip"}}}
	if !m.RequiresAccessToken {
		req.Credentials = NoToken
	}
	return req
}
