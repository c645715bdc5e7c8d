package security

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// try is one request that should be refused.
type try struct {
	what string // "without a token"
	at   string // "the status request"
	res  *session.Response
}

// let reports whether the request was answered as if it were allowed.
func (v try) let() bool { return v.res != nil && v.res.Status >= 200 && v.res.Status <= 299 }

// refused reports whether it was answered with an error of the 4xx range.
func (v try) refused() bool { return v.res != nil && v.res.Status >= 400 && v.res.Status <= 499 }

// bad is a way to ask without the right to.
type bad struct {
	name string // key, and prefix of the probe
	what string
	cred session.Credentials
}

var without = bad{"no token", "without a token", session.NoToken}

// garbage is a token that no server ever issued, the same one for the whole session.
func garbage(s *session.Session) bad {
	return session.Shared(s, "garbage token", func(context.Context) bad {
		b := make([]byte, 24)
		_, _ = rand.Read(b) // never fails since Go 1.24
		return bad{"garbage token", "with a token that the server never issued", session.Bearer("bulkproof-" + hex.EncodeToString(b))}
	})
}

// kickOffAs sends a plain kick-off with other credentials, once for all checks. A job that it starts is deleted.
func kickOffAs(s *session.Session, b bad) (try, string) {
	p := s.ProbeEdited(session.Scenario{}.With("_type", "Patient"), b.name, func(r *session.Request) { r.Credentials = b.cred })
	return try{b.what, "a kick-off", p.KickOff}, p.Reason
}

// taken reports whether a kick-off was accepted; a success status without a polling location is no acceptance.
func (v try) taken() bool {
	return v.let() && (v.res.Status == http.StatusAccepted || v.res.Header.Get("Content-Location") != "")
}

// gate returns why nothing can be said of other requests with the same credentials: the kick-off lets them pass as well,
// or could not be tried. "" if it refuses them.
func gate(s *session.Session, b bad) string {
	k, why := kickOffAs(s, b)
	switch {
	case why != "":
		return why
	case k.res.Status == 0:
		return "the kick-off " + b.what + " got no answer: " + k.res.Err.Error()
	case k.taken():
		return "a kick-off " + b.what + " is accepted as well"
	}
	return ""
}

// statusAs asks for the status of the finished plain export with other credentials, once for all checks.
func statusAs(s *session.Session, b bad) try {
	return session.Shared(s, "status as "+b.name, func(ctx context.Context) try {
		ex := s.Export(session.Baseline)
		req := session.StatusRequest(ex.Location)
		req.Credentials, req.NoRedirects = b.cred, true
		return try{b.what, "a status request", s.Client("").Do(ctx, req)}
	})
}

// fileTry is a try of one file.
type fileTry struct {
	try
	item    session.Item
	content bool // something of a resource came
}

// enough is how much of an answer shows whether it holds resources, in bytes.
const enough = 16 << 10

// filesAs asks for every file of the plain export with other credentials, once for all checks. Only the beginning of an
// answer is read.
func filesAs(s *session.Session, b bad) []fileTry {
	return session.Shared(s, "files as "+b.name, func(ctx context.Context) []fileTry {
		ex := s.Export(session.Baseline)
		if ex.Manifest == nil {
			return nil
		}
		all := ex.Manifest.Items()
		out := make([]fileTry, len(all))
		limit := make(chan struct{}, max(1, s.Config().Parallel))
		var wg sync.WaitGroup
		for i, it := range all {
			out[i] = fileTry{item: it, try: try{what: b.what, at: it.Name()}}
			if it.Resolved == "" || i >= s.Config().MaxFiles {
				continue
			}
			limit <- struct{}{}
			wg.Add(1)
			go func() {
				defer func() { <-limit; wg.Done() }()
				req := ex.Manifest.FileRequest(it)
				req.Credentials = b.cred
				req.Header = http.Header{"Accept": {"application/fhir+ndjson"}}
				var head bytes.Buffer
				res := s.Client("").Glance(ctx, req, func(_ *session.Response, body io.Reader) error {
					_, err := io.Copy(&head, io.LimitReader(body, enough))
					return err
				})
				out[i].res = res
				// Gzip that nobody asked for cannot be empty of resources either.
				out[i].content = res.Status >= 200 && res.Status <= 299 && (bytes.Contains(head.Bytes(), []byte(`"resourceType"`)) || bytes.HasPrefix(head.Bytes(), []byte{0x1f, 0x8b}))
			}()
		}
		wg.Wait()
		return out
	})
}

// exported returns the finished plain export, for checks that ask for its status or files.
func exported(t *checks.T) *session.Export { return t.Export(session.Baseline) }

// protectedFiles ends the check where the manifest says that its files need no token.
func protectedFiles(t *checks.T) *session.Export {
	ex := exported(t)
	v, ok := ex.Manifest.Tree["requiresAccessToken"].(bool)
	if !ok {
		t.Inconclusivef("requiresAccessToken is missing or no boolean (see manifest.requires-access-token)")
	}
	if !v {
		t.Skipf("the manifest says that files need no token, so that nothing protects them but their URLs")
	}
	return ex
}

func tell(v try) string {
	if v.res.Status == 0 && v.res.Err != nil {
		return fmt.Sprintf("%s %s got no answer: %v", v.at, v.what, v.res.Err)
	}
	return fmt.Sprintf("%s %s is answered with %s", v.at, v.what, v.res.Describe())
}
