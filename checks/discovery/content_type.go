package discovery

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
)

func contentType() checks.Check {
	return checks.Check{
		ID:    "discovery.content-type",
		Title: "smart-configuration is sent as application/json",
		Doc: "The Content-Type is application/json, with parameters or without, whatever Accept was sent. application/fhir+json is wrong by the letter: " +
			"the document is no FHIR resource.",
		Requires: []string{"DISCOVERY-004"},
		Needs:    []checks.Need{checks.NeedSMART},
		Run: func(_ context.Context, t *checks.T) {
			t.Configuration()
			all := []variant{{"with Accept: application/json", t.Discovery().SMART}}
			for _, v := range variants(t.Session()) {
				// What is not JSON at all is judged by discovery.json-whatever-accept.
				if doc, err := v.res.JSON(); err == nil && v.res.Status == 200 && doc != nil {
					all = append(all, v)
				}
			}
			for _, v := range all {
				// conformance.html#using-well-known: "servers SHALL respond with application/json".
				if m := v.res.MediaType(); m != "application/json" {
					t.Violates("DISCOVERY-004", v.res.At(), "%s, the Content-Type of the smart-configuration is %s", v.what, orNothing(m))
				}
			}
		},
	}
}

func orNothing(s string) string {
	if s == "" {
		return "missing"
	}
	return s
}
