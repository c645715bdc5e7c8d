package manifest

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

func request() checks.Check {
	return checks.Check{
		ID:    "manifest.request",
		Title: "request in the manifest is the full URL of the kick-off",
		// export.html#response---output-manifest, request: "The full URL of the original Bulk Data kick-off request."
		Doc: "An absolute URL with the path and the parameters of the kick-off. Compared are the end of the path and the decoded parameters, in any order, " +
			"for an export without and one with parameters. A public base that differs from the one called passes with a note; the same host " +
			"without its port is a warning, because that URL leads nowhere.",
		Requires: []string{"MANIFEST-005", "ASYNC-031"},
		Exports:  []session.Scenario{session.Baseline, session.TwoTypes},
		Run: func(_ context.Context, t *checks.T) {
			judgeRequest(t, final(t))
			// An export with parameters shows whether they are kept; where _type is not supported there is none to look at.
			if ex := t.Session().Export(session.TwoTypes); ex.State == session.Completed && ex.Manifest.Tree != nil {
				judgeRequest(t, ex)
			}
		},
	}
}

func judgeRequest(t *checks.T, ex *session.Export) {
	where := at(ex, "/request")
	raw, present := ex.Manifest.Tree["request"]
	text, isString := raw.(string)
	if !present || raw == nil || isString && text == "" {
		t.Violates("MANIFEST-005", where, "the manifest has no request")
		return
	}
	if !isString {
		t.Violates("MANIFEST-005", where, "request is %s, expected is a string", kind(raw))
		return
	}
	got, err := url.Parse(text)
	if err != nil || !got.IsAbs() || got.Host == "" {
		t.Violates("MANIFEST-005", where, "request is not an absolute URL: %s", short(session.RedactURL(text)))
		return
	}
	want, err := url.Parse(ex.KickOff.URL)
	if err != nil || len(ex.KickOff.Hops) > 0 {
		t.Note("the kick-off was redirected, so it is open which URL is the original one")
		return
	}
	if !strings.HasSuffix(got.Path, operation(want.Path)) {
		t.Violates("MANIFEST-005", where, "the path of request does not end in %s: %s", operation(want.Path), short(session.RedactURL(text)))
		return
	}
	missing, extra := difference(parameters(want), parameters(got))
	if len(missing) > 0 {
		t.Violates("MANIFEST-005", where, "request lacks parameters of the kick-off: %s", strings.Join(missing, ", "))
	}
	if len(extra) > 0 {
		t.Warns("MANIFEST-005", where, "request has parameters that the kick-off had not: %s", strings.Join(extra, ", "))
	}
	switch {
	case strings.EqualFold(got.Hostname(), want.Hostname()) && port(got) != port(want):
		t.Warns("MANIFEST-005", where, "request names port %s of the host, the kick-off went to port %s", port(got), port(want))
	case !strings.EqualFold(got.Host, want.Host) || got.Path != want.Path:
		t.Note("request has another base than the one that was called, as behind a proxy: %s", short(session.RedactURL(text)))
	}
}

// operation returns the end of a kick-off path that the specification fixes: "/$export", "/Patient/$export" or
// "/Group/[id]/$export".
func operation(path string) string {
	parts := strings.Split(path, "/")
	n := len(parts)
	switch {
	case n >= 3 && parts[n-3] == "Group":
		return "/" + strings.Join(parts[n-3:], "/")
	case n >= 2 && parts[n-2] == "Patient":
		return "/" + strings.Join(parts[n-2:], "/")
	}
	return "/" + parts[n-1]
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
}

// parameters returns the decoded parameters as name=value, with comma lists taken apart, sorted.
func parameters(u *url.URL) []string {
	var out []string
	for name, values := range u.Query() {
		for _, v := range values {
			for _, one := range strings.Split(v, ",") {
				out = append(out, name+"="+strings.TrimSpace(one))
			}
		}
	}
	slices.Sort(out)
	return out
}

// difference returns the names of what is in a and not in b, and the other way round.
func difference(a, b []string) (missing, extra []string) {
	names := func(of, in []string) (out []string) {
		for _, p := range of {
			if name, _, _ := strings.Cut(p, "="); !slices.Contains(in, p) && !slices.Contains(out, short(name)) {
				out = append(out, short(name))
			}
		}
		return out
	}
	return names(a, b), names(b, a)
}

func requestPost() checks.Check {
	return checks.Check{
		ID:    "manifest.request-post",
		Title: "For a POST kick-off request is the URL without parameters",
		// export.html#response---output-manifest, request: "In the case of a POST request, this URL will not include the request
		// parameters."
		Doc: "The parameters of a POST stand in its body; a query that repeats them was never requested. The sentence tells rather than asks: a warning. " +
			"Skipped where POST is not offered.",
		Requires: []string{"MANIFEST-006"},
		Exports:  []session.Scenario{session.Posted},
		Run: func(_ context.Context, t *checks.T) {
			ex := t.Session().Export(session.Posted)
			if ex.State == session.Refused {
				t.Skipf("POST kick-offs are not offered, which is legal: %s", ex.Reason)
			}
			ex = t.Export(session.Posted)
			u, err := url.Parse(session.Text(ex.Manifest.Tree, "request"))
			if err != nil || !u.IsAbs() {
				t.Inconclusivef("request is missing or not a URL (see manifest.request)")
			}
			if u.RawQuery != "" {
				_, names := difference(nil, parameters(u))
				t.Violates("MANIFEST-006", at(ex, "/request"), "the kick-off was a POST without a query, and request has one: %s", strings.Join(names, ", "))
			}
		},
	}
}
