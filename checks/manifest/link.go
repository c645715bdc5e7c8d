package manifest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/outcome"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/status"
)

func linkNotRequested() checks.Check {
	return checks.Check{
		ID:    "manifest.link-not-requested",
		Title: "Without allowPartialManifests there is one manifest, and it is complete",
		// export.html#response---output-manifest, link: "When the allowPartialManifests kickoff parameter is true, the manifest MAY
		// include a link array".
		Doc: "The permission is tied to the parameter. A client that did not send it does not look for further manifests and loses what is behind a next " +
			"link: a violation. A manifest in an in-progress answer is a warning, as such a client does not read that body. An empty link array " +
			"passes.",
		Requires: []string{"PARAM-089"},
		Exports:  []session.Scenario{session.Baseline},
		Run: func(_ context.Context, t *checks.T) {
			ex := final(t)
			for i, l := range session.List(ex.Manifest.Tree, "link") {
				if strings.EqualFold(session.Text(l, "relation"), "next") {
					t.Violates("PARAM-089", at(ex, fmt.Sprintf("/link/%d", i)), "the manifest links to a next one, and the kick-off had no allowPartialManifests")
				}
			}
			for _, p := range ex.Polls[:len(ex.Polls)-1] {
				if m := session.ReadManifest(p); ex.ExportStatus(p) == 202 && len(m.Output) > 0 {
					t.Warns("PARAM-089", p.At(), "an in-progress answer has a manifest with files, and the kick-off had no allowPartialManifests")
				}
			}
		},
	}
}

// linked returns the export with allowPartialManifests; the check is skipped if no manifest of it has a link.
func linked(t *checks.T) (*status.PartialExport, []*status.Snapshot) {
	p := status.Partial(t.Session())
	switch {
	case p.Reason != "":
		t.Inconclusivef("%s", p.Reason)
	case p.Export.State == session.Refused:
		t.Skipf("the server refuses allowPartialManifests (with _type), which is legal: %s", p.Export.Reason)
	case p.Export.State != session.Completed || p.Export.Manifest.Tree == nil:
		t.Inconclusivef("the export with allowPartialManifests did not complete with a readable manifest: %s", p.Export.Reason)
	}
	all := append(slices.Clone(p.Early), p.Pages...)
	if !slices.ContainsFunc(all, func(s *status.Snapshot) bool { _, ok := s.Manifest.Tree["link"]; return ok }) {
		t.Skipf("the server ignores allowPartialManifests or needs one manifest only, which is legal")
	}
	return p, all
}

func link() checks.Check {
	return checks.Check{
		ID:    "manifest.link",
		Title: "link holds one object, with relation next and the absolute url of another manifest",
		// export.html#response---output-manifest, link: "a link array with a single object containing a relation field with a value of
		// next, and a url field pointing to the location of another manifest".
		Doc: "Judged on every manifest of an export with allowPartialManifests. The next manifest is fetched; an error in its place is legal if it has the " +
			"form of a status error, and is noted. An empty array passes. Skipped where the server refuses or ignores the parameter.",
		Requires: []string{"MANIFEST-035", "MANIFEST-036", "MANIFEST-038"},
		Observes: status.PartialObservation,
		Run: func(_ context.Context, t *checks.T) {
			p, all := linked(t)
			for _, s := range all {
				judgeLink(t, s)
			}
			if b := p.Broken; b != nil {
				switch {
				case b.Err != nil && b.Status == 0:
					t.Inconclusivef("the next link got no answer: %v", b.Err)
				case b.Status >= 400 && outcome.Read(b).Kind <= outcome.Odd:
					t.Note("the next link is answered with an error, which is legal: HTTP %d", b.Status)
				case b.Status == 429 || b.Status == 503:
					t.Inconclusivef("the next link is answered with HTTP %d", b.Status)
				default:
					t.Violates("MANIFEST-036", b.At(), "the next link leads to no manifest: %s", b.Describe())
				}
			}
			t.Examined("%d manifests", len(all))
		},
	}
}

func judgeLink(t *checks.T, s *status.Snapshot) {
	raw, present := s.Manifest.Tree["link"]
	if !present {
		return
	}
	where := s.Response.At().In("/link")
	list, ok := raw.([]any)
	switch {
	case !ok:
		t.Violates("MANIFEST-036", where, "link is %s, expected is an array", kind(raw))
		return
	case len(list) > 1:
		t.Violates("MANIFEST-036", where, "link has %d entries, expected is one", len(list))
	}
	for i, l := range list {
		where := where.In(fmt.Sprintf("/link/%d", i))
		if _, ok := l.(map[string]any); !ok {
			t.Violates("MANIFEST-036", where, "an entry of link is %s, expected is an object", kind(l))
			continue
		}
		if r := session.Text(l, "relation"); r != "next" {
			t.Violates("MANIFEST-036", where, "the relation of a link is %q, expected is next", short(r))
		}
		if u := session.Text(l, "url"); u == "" {
			t.Violates("MANIFEST-036", where, "a link has no url")
		} else if why := absolute(u); why != "" {
			t.Violates("MANIFEST-036", where, "the url of a link %s: %s", why, short(session.RedactURL(u)))
		}
	}
}

func linkSameFields() checks.Check {
	return checks.Check{
		ID:    "manifest.link-same-fields",
		Title: "Linked manifests repeat all fields of the first but the file arrays and the link",
		// export.html#response---output-manifest, link: "All fields in the linked manifest SHALL be populated with the same values as the
		// manifest with the link, apart from the output, deleted and link arrays."
		Doc: "transactionTime, request, requiresAccessToken and all other members are equal on all pages; values are compared, not their JSON spelling. A " +
			"differing error array or extension is a warning: by the letter it is a violation, but the next version of the text allows the " +
			"former. Skipped where there are no linked manifests.",
		Requires: []string{"MANIFEST-037"},
		Observes: status.PartialObservation,
		Run: func(_ context.Context, t *checks.T) {
			p, _ := linked(t)
			if len(p.Pages) < 2 {
				t.Skipf("the final manifest links to no other that could be read")
			}
			first := p.Pages[0].Manifest.Tree
			for _, page := range p.Pages[1:] {
				tree := page.Manifest.Tree
				all := maps.Clone(first)
				maps.Copy(all, tree)
				for _, name := range slices.Sorted(maps.Keys(all)) {
					if slices.Contains([]string{"output", "deleted", "link"}, name) || reflect.DeepEqual(first[name], tree[name]) {
						continue
					}
					if name == "error" || name == "extension" {
						t.Warns("MANIFEST-037", page.Response.At().In("/"+name), "%s of a linked manifest differs from that of the first", name)
						continue
					}
					t.Violates("MANIFEST-037", page.Response.At().In("/"+short(name)), "%s of a linked manifest differs from that of the first", short(name))
				}
			}
			t.Examined("%d manifests", len(p.Pages))
		},
	}
}
