package params

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

// List is what a Group resource says of its members.
type List struct {
	Response *session.Response
	Keys     map[uint64]bool // of active members that are Patients
	Inactive map[uint64]bool
	Complete bool   // it says that these are all
	Others   bool   // it has members that are no Patients
	Why      string // why there is no list
}

func (l *List) has(key uint64) bool { return l.Keys[key] }

// Listed reads the exported Group and returns its members, with those the tester named.
func Listed(s *session.Session) *List {
	return session.Shared(s, "group members", func(ctx context.Context) *List {
		l := &List{Keys: map[uint64]bool{}, Inactive: map[uint64]bool{}}
		for _, id := range s.Config().Known.Members {
			l.Keys[learn.Key("Patient", id)] = true
		}
		id, why := s.GroupID()
		if l.Why = why; id == "" {
			return l
		}
		l.Response = s.Client("").Do(ctx, session.Request{URL: "Group/" + url.PathEscape(id), Purpose: "group read", Header: http.Header{"Accept": {"application/fhir+json"}}})
		v, err := l.Response.JSON()
		if err != nil || l.Response.Status != http.StatusOK || session.Text(v, "resourceType") != "Group" {
			l.Why = "the Group cannot be read: " + l.Response.Describe()
			return l
		}
		tree, _ := v.(map[string]any)
		base := s.Config().BaseURL + "/"
		members := session.List(v, "member")
		n := int64(0)
		for _, m := range members {
			ref := strings.TrimPrefix(session.Text(session.Object(m, "entity"), "reference"), base)
			patient, ok := strings.CutPrefix(ref, "Patient/")
			patient, _, _ = strings.Cut(patient, "/")
			if !ok {
				l.Others = true
				continue
			}
			key := learn.Key("Patient", patient)
			if off, _ := m.(map[string]any)["inactive"].(bool); off {
				l.Inactive[key] = true
				continue
			}
			l.Keys[key] = true
			n++
		}
		actual, _ := tree["actual"].(bool)
		quantity, hasQuantity := tree["quantity"].(session.Number)
		count, _ := quantity.Int()
		l.Complete = actual && hasQuantity && count == n && !l.Others
		if len(members) == 0 {
			l.Why = "the Group lists no members"
		}
		return l
	})
}
