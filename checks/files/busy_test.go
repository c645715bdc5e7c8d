package files_test

import (
	"net/http"
	"sync"

	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// busyOnce returns a hook that answers the first request for each file with 503.
func busyOnce() func(*refserver.Answer) {
	var mu sync.Mutex
	seen := map[string]bool{}
	return func(a *refserver.Answer) {
		if a.Endpoint != refserver.File || a.Status != http.StatusOK {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if path := a.Request.URL.Path; !seen[path] && !a.Job.Export.Partial {
			seen[path] = true
			a.Status, a.Body = http.StatusServiceUnavailable, []byte{}
			a.Header = http.Header{"Retry-After": {"7"}}
		}
	}
}
