package discovery

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

// variant is the document as asked for with one Accept header.
type variant struct {
	what string
	res  *session.Response
}

// variants asks for the document with Accept headers that do not name JSON, once for all checks.
func variants(s *session.Session) []variant {
	return session.Shared(s, "smart-configuration by Accept", func(ctx context.Context) []variant {
		var out []variant
		for _, v := range []struct {
			what   string
			accept []string
		}{{"without Accept", nil}, {"with Accept: application/xml", []string{"application/xml"}},
			{"with Accept: text/html;q=0.9, x-bulkproof/unknown", []string{"text/html;q=0.9, x-bulkproof/unknown"}}} {
			out = append(out, variant{v.what, s.Client("").Do(ctx, session.Request{URL: ".well-known/smart-configuration",
				Purpose: "smart configuration", Credentials: session.NoToken, Header: http.Header{"Accept": v.accept}})})
		}
		return out
	})
}

func jsonWhateverAccept() checks.Check {
	return checks.Check{
		ID:    "discovery.json-whatever-accept",
		Title: "smart-configuration is JSON whatever Accept says",
		Doc: "The document is asked for without Accept, with application/xml, and with text/html beside an unknown type. Each time 200 and a JSON object " +
			"are due; servers ignore the header. 406 is a violation. Whether its Content-Type is right is another check's question.",
		Requires: []string{"DISCOVERY-003", "DISCOVERY-006"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			t.Configuration()
			for _, v := range variants(t.Session()) {
				if v.res.Status == 0 {
					t.Inconclusivef("the smart-configuration could not be asked for %s: %v", v.what, v.res.Err)
				}
				doc, err := v.res.JSON()
				_, object := doc.(map[string]any)
				// conformance.html#using-well-known: responses "SHALL be JSON, regardless of Accept headers".
				switch {
				case v.res.Status != http.StatusOK:
					t.Violates("DISCOVERY-003", v.res.At(), "%s, the smart-configuration is answered with %s", v.what, v.res.Describe())
				case err != nil || !object:
					t.Violates("DISCOVERY-003", v.res.At(), "%s, the smart-configuration is no JSON object: %s", v.what, v.res.Describe())
				}
			}
		},
	}
}
