package session

import (
	"context"
	"net/http"
	"time"
)

// A capture is a file of everything that a run said and heard, redacted, so that the run can be judged again without the
// target. It is JSON lines in UTF-8: a CaptureHeader, a CaptureExchange for each request, and a CaptureEnd. docs/captures.md
// describes the format and the redaction.

// CaptureVersion is the version of the format. Adding a member raises nothing as long as older tools may ignore it;
// they do not: the parser is strict, so every change raises it.
const CaptureVersion = 1

// Bounds of captures. A run against the reference server takes 3 MB.
const (
	maxCaptureLine      = 48 << 20  // bytes of a line: a body, escaped
	maxCaptureFile      = 1 << 30   // bytes of a file
	maxCaptureBody      = 8 << 20   // bytes of a body that are kept
	maxCaptureBodies    = 512 << 20 // bytes of all bodies that are kept
	maxCaptureExchanges = maxExchanges
)

// CaptureHeader is the first line: what has to be known to ask the same questions again.
type CaptureHeader struct {
	Capture       int          `json:"capture"` // CaptureVersion
	Tool          string       `json:"tool"`
	Recorded      time.Time    `json:"recorded"` // shifted like every time in the capture
	IG            string       `json:"ig"`
	BaseURL       string       `json:"baseUrl"`       // redacted: no host of the target's is left
	Authorization string       `json:"authorization"` // "open", "backend" or "token"
	ClientID      string       `json:"clientId,omitzero"`
	Keys          []CaptureKey `json:"keys,omitzero"`
	TokenURL      string       `json:"tokenUrl,omitzero"` // where the user named it
	Scope         string       `json:"scope"`
	Group         string       `json:"group,omitzero"`
	Types         []string     `json:"types"`
	TrustOrigins  []string     `json:"trustOrigins,omitzero"`
	Checks        []string     `json:"checks"` // those that were selected, in plan order
}

// CaptureKey names a client key by what the requests show of it.
type CaptureKey struct {
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
}

// CaptureExchange is one request and its answer.
type CaptureExchange struct {
	Number  int    `json:"n"`     // from 1, in the order in which requests were sent
	Cause   string `json:"cause"` // the shared observation or the check that asked
	Purpose string `json:"purpose"`
	At      int64  `json:"at"`   // milliseconds from the beginning of the recording
	Took    int64  `json:"took"` // milliseconds until the headers of the answer were in

	Method string `json:"method"`
	URL    string `json:"url"`
	Auth   string `json:"auth"` // "none", "issued" (a token of this target's) or "other"
	Sent   string `json:"sent"` // digest of the other headers and of the redacted body: enough to tell requests apart

	Status  int         `json:"status,omitzero"`
	Proto   string      `json:"proto,omitzero"`
	TLS     int         `json:"tls,omitzero"` // version of TLS as on the wire, 771 is 1.2
	Header  http.Header `json:"header,omitzero"`
	Body    string      `json:"body,omitzero"`
	Bytes   []byte      `json:"bytes,omitzero"`   // the body where it is not UTF-8, in base64
	Gzip    bool        `json:"gzip,omitzero"`    // the body came compressed, and is compressed again on replay
	Opaque  int64       `json:"opaque,omitzero"`  // bytes of a body that was not kept because it is no text
	Partial bool        `json:"partial,omitzero"` // the body was longer than what was kept
	Error   string      `json:"error,omitzero"`   // kind of the failure without an answer, or of the one that cut the body off
}

// CaptureEnd is the last line; without it a capture is incomplete.
type CaptureEnd struct {
	End       bool              `json:"end"`
	Exchanges int               `json:"exchanges"`
	Verdict   string            `json:"verdict"`
	Outcomes  map[string]string `json:"outcomes"` // of the selected checks
}

// Capture is a parsed capture.
type Capture struct {
	Header    CaptureHeader
	Exchanges []CaptureExchange // by number
	End       CaptureEnd
	Digest    string // "sha256:…" of the file
}

// cause travels with the context of a request: which shared observation it belongs to. Checks share observations, and
// which of them asks first may change, so the check does not tell as much.
type (
	causeKey  struct{}
	originKey struct{}
)

// requestOrigin says who sends a request, for whoever stands behind the HTTP client.
type requestOrigin struct {
	check, purpose string
	stamp          *stamp
}

// stamp is how a replay tells when an answer was recorded.
type stamp struct{ started, received time.Time }

func withCause(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, causeKey{}, key)
}

func withOrigin(ctx context.Context, check, purpose string) (context.Context, *stamp) {
	o := requestOrigin{check, purpose, new(stamp)}
	return context.WithValue(ctx, originKey{}, o), o.stamp
}

// causeOf returns the name under which a request is filed, its purpose, and where to put the times of a replay.
func causeOf(ctx context.Context) (cause, purpose string, at *stamp) {
	o, _ := ctx.Value(originKey{}).(requestOrigin)
	key, _ := ctx.Value(causeKey{}).(string)
	switch {
	case o.check == "" && o.purpose == "token":
		cause = "session token" // whoever needs it first asks for it
	case key != "":
		cause = "shared " + plainCause(key)
	case o.check != "":
		cause = "check " + o.check
	default:
		cause = "session"
	}
	return cause, o.purpose, o.stamp
}

// Tap stands between a session and the network: a recorder, or a replay.
type Tap interface {
	// Wrap returns what sends requests in place of next.
	Wrap(next http.RoundTripper) http.RoundTripper
}

// tapped returns the client with the session's tap in front of its transport.
func (s *Session) tapped(c *http.Client) *http.Client {
	if s.cfg.Tap == nil {
		return c
	}
	return &http.Client{Transport: s.cfg.Tap.Wrap(c.Transport), CheckRedirect: c.CheckRedirect, Jar: c.Jar, Timeout: c.Timeout}
}

// wall returns the time of day: the machine's, or in a replay that of the recording.
func (s *Session) wall() time.Time {
	if r, ok := s.cfg.Tap.(*Replay); ok {
		return r.wall()
	}
	if c, ok := s.clock.(interface{ Wall() time.Time }); ok {
		return c.Wall()
	}
	return time.Now()
}
