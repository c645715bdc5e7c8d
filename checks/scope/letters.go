package scope

import (
	"context"
	"net/http"
	"net/url"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/scopes"
	"github.com/bulkproof/bulkproof/checks/session"
)

// exactly asks for one letter for Group and returns the token if that is what was granted.
func exactly(t *checks.T, letter string) *session.Grant {
	g := ask(t, "system/Group."+letter)
	if g.Err != nil || scopes.Parse(g.Scope).Letters("Group", true) != letter {
		t.Note("system/Group.%s is not granted as such, which is legal", letter)
		return nil
	}
	return g
}

func lettersKept() checks.Check {
	return checks.Check{
		ID:    "scope.letters",
		Title: "A token does what its letters say and no more",
		Doc: "A token for system/Group.s, which is for searching, does not read the Group, and one for system/Group.r does not search for Groups. Both are " +
			"warnings, as servers may deal in reading and searching together only. Rights to write are not tried, as that could change data; that none come out of " +
			"requests to read is judged by scope.no-write. A refusal of either scope is noted.",
		Requires: []string{"SCOPE-017"},
		Needs:    append([]checks.Need{checks.NeedGroup}, needs...),
		Run: func(ctx context.Context, t *checks.T) {
			if !announces(t, "permission-v2") {
				t.Note("permission-v2 is not announced, so that there are no letters to keep to")
				return
			}
			id, why := t.Session().GroupID()
			if why != "" {
				t.Inconclusivef("%s", why)
			}
			fhir := http.Header{"Accept": {"application/fhir+json"}}
			// scopes-and-launch-context.html#scopes-for-requesting-fhir-resources: "r" is read, vread and instance history, "s" search, and type and
			// system history.
			if g := exactly(t, "s"); g != nil {
				res := t.Client().Do(ctx, session.Request{URL: "Group/" + url.PathEscape(id), Purpose: "read", Credentials: session.Bearer(g.Token), Header: fhir})
				if doc, err := res.JSON(); err == nil && res.Status == http.StatusOK && kind(doc) == "Group" {
					t.Warns("SCOPE-017", res.At(), "a token for system/Group.s reads a Group")
				}
			}
			if g := exactly(t, "r"); g != nil {
				res := t.Client().Do(ctx, session.Request{URL: "Group?_count=1", Purpose: "search", Credentials: session.Bearer(g.Token), Header: fhir})
				if doc, err := res.JSON(); err == nil && res.Status == http.StatusOK && kind(doc) == "Bundle" && holds(doc, "Group") {
					t.Warns("SCOPE-017", res.At(), "a token for system/Group.r searches for Groups")
				}
			}
		},
	}
}

// kind returns the resource type of a document.
func kind(doc any) string {
	m, _ := doc.(map[string]any)
	return session.Text(m, "resourceType")
}

// holds reports whether an entry of a Bundle, or of a Bundle in it, has a resource of the type.
func holds(doc any, typ string) bool {
	m, _ := doc.(map[string]any)
	for _, e := range session.List(m, "entry") {
		entry, _ := e.(map[string]any)
		if r := entry["resource"]; kind(r) == typ || kind(r) == "Bundle" && holds(r, typ) {
			return true
		}
	}
	return false
}
