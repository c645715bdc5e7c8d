package kickoff

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// export.html#endpoint---group-of-patients: "If a FHIR server supports Group-level data export, it SHOULD support reading and
// searching for Group resource."

// groupRead reads the exported Group, once for the checks on reading and searching.
func groupResponse(s *session.Session) *session.Response {
	return session.Shared(s, "group read", func(ctx context.Context) *session.Response {
		id, _ := s.GroupID()
		return s.Client("").Do(ctx, session.Request{URL: "Group/" + url.PathEscape(id), Purpose: "group read", Header: http.Header{"Accept": {"application/fhir+json"}}})
	})
}

// mayReadGroup says why the session's token may not be good for reading Groups, or "".
func mayReadGroup(ctx context.Context, s *session.Session) string {
	c := s.Config()
	if c.Token != "" {
		return "the scopes of the given token are not known to the suite"
	}
	if c.ClientID == "" {
		return ""
	}
	for _, sc := range strings.Fields(s.Grant(ctx).Scope) {
		rest, ok := strings.CutPrefix(sc, "system/")
		typ, rights, ok2 := strings.Cut(rest, ".")
		if ok && ok2 && (typ == "*" || typ == "Group") && (strings.Contains(rights, "r") || rights == "*") {
			return ""
		}
	}
	return "the granted scopes do not cover Group"
}

func groupRead() checks.Check {
	return checks.Check{
		ID:    "kickoff.group-read",
		Title: "The exported Group can be read",
		Doc: "A server with Group export should let clients read Group resources. 401, 403 and 404 for a token that does not cover Group are " +
			"no finding: the check is skipped then.",
		Requires: []string{"KICKOFF-013"},
		Needs:    []checks.Need{checks.NeedGroup},
		Run: func(ctx context.Context, t *checks.T) {
			res := groupResponse(t.Session())
			id, _ := t.Session().GroupID()
			switch {
			case res.Err != nil:
				t.Inconclusivef("the Group could not be read: %v", res.Err)
			case res.Status == http.StatusOK:
				v, err := res.JSON()
				if err != nil || session.Text(v, "resourceType") != "Group" || session.Text(v, "id") != id {
					t.Violates("KICKOFF-013", res.At(), "reading the exported Group gives a body that is not the Group of that id")
				}
			default:
				if why := mayReadGroup(ctx, t.Session()); why != "" {
					t.Skipf("reading the Group is answered with HTTP %d, and %s", res.Status, why)
				}
				t.Violates("KICKOFF-013", res.At(), "reading the exported Group is answered with HTTP %d", res.Status)
			}
		},
	}
}

func groupSearch() checks.Check {
	return checks.Check{
		ID:    "kickoff.group-search",
		Title: "Groups can be searched for",
		Doc: "A server with Group export should let clients search for Groups. Where the user names a Group, one search that finds it is enough: by " +
			"_id, identifier or name, or without a parameter; only the first page is looked at. Otherwise the plain search Group?_count=5 has to " +
			"be answered with a Bundle; one without a Group is no finding. Refusals of a token that does not cover Group are none either.",
		Requires: []string{"KICKOFF-014"},
		Run: func(ctx context.Context, t *checks.T) {
			s := t.Session()
			if d := s.Discover(); d.Capability != nil && !d.Declares(session.Group) {
				t.Skipf("the CapabilityStatement declares no Group-level export")
			}
			id := s.Config().Group
			queries := []string{"_count=5"}
			if id != "" {
				queries = groupQueries(s, id)
			}
			var tried []string
			var last *session.Response
			for _, q := range queries {
				name, _, _ := strings.Cut(q, "=")
				last = t.Client().Do(ctx, session.Request{URL: "Group?" + q, Purpose: "group search", Header: http.Header{"Accept": {"application/fhir+json"}}})
				if last.Err != nil {
					t.Inconclusivef("Groups could not be searched: %v", last.Err)
				}
				if found(last, id) {
					t.Examined("search by %s", name)
					return
				}
				tried = append(tried, fmt.Sprintf("%s: HTTP %d", name, last.Status))
			}
			if why := mayReadGroup(ctx, s); why != "" && last.Status != http.StatusOK {
				t.Skipf("no search for Groups succeeds (%s), and %s", strings.Join(tried, ", "), why)
			}
			t.Violates("KICKOFF-014", last.At(), "no search for Groups succeeds (%s)", strings.Join(tried, ", "))
		},
	}
}

// groupQueries returns searches for a Group that is known, the most certain one first.
func groupQueries(s *session.Session, id string) []string {
	queries := []string{"_id=" + url.QueryEscape(id)}
	if v, err := groupResponse(s).JSON(); err == nil {
		for _, i := range session.List(v, "identifier") {
			if value := session.Text(i, "value"); value != "" {
				queries = append(queries, "identifier="+url.QueryEscape(session.Text(i, "system")+"|"+value))
				break
			}
		}
		if name := session.Text(v, "name"); name != "" {
			queries = append(queries, "name="+url.QueryEscape(name))
		}
	}
	return append(queries, "_count=100")
}

// found reports whether the answer is a Bundle with the Group of that id, or any Bundle if the id is "".
func found(res *session.Response, id string) bool {
	v, err := res.JSON()
	if err != nil || res.Status != http.StatusOK || session.Text(v, "resourceType") != "Bundle" {
		return false
	}
	for _, e := range session.List(v, "entry") {
		if r := session.Object(e, "resource"); session.Text(r, "resourceType") == "Group" && session.Text(r, "id") == id {
			return true
		}
	}
	return id == ""
}
