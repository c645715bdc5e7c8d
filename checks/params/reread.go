package params

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

// maxReads is how many resources a check reads over REST to see whether they changed between two exports.
const maxReads = 5

// Gone reads some of the resources that are missing from an export and were in the plain one, by key with their
// meta.lastUpdated. It reports whether none of those that could be read is still there as it was: then the data changed,
// or nothing can be said, and the server need not be at fault.
func Gone(ctx context.Context, t *checks.T, base *learn.Data, missing map[uint64]int64) bool {
	reads := 0
	for _, typ := range base.Types() {
		for _, id := range base.IDs(typ) {
			updated, ok := missing[learn.Key(typ, id)]
			if !ok {
				continue
			}
			if reads++; reads > maxReads {
				return true
			}
			res := Read(ctx, t, typ, id)
			v, err := res.JSON()
			if res.Status != http.StatusOK || err != nil {
				continue
			}
			at, err := time.Parse(time.RFC3339Nano, session.Text(session.Object(v, "meta"), "lastUpdated"))
			if err == nil && at.UnixNano() == updated {
				return false
			}
		}
	}
	return true
}

// Read reads a resource over REST.
func Read(ctx context.Context, t *checks.T, typ, id string) *session.Response {
	return t.Client().Do(ctx, session.Request{URL: typ + "/" + url.PathEscape(id), Purpose: "read", Header: http.Header{"Accept": {"application/fhir+json"}}})
}
