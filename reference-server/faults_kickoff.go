package refserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

func init() { registerFaults(kickoffFaults()...) }

// answering returns an Apply that edits the answers for which when holds.
func answering(when func(*Answer) bool, edit func(*Answer)) func(*Behaviour) {
	return func(b *Behaviour) {
		b.ThenAnswer(func(a *Answer) {
			if when(a) {
				edit(a)
			}
		})
	}
}

func acceptedKickOff(a *Answer) bool { return a.Endpoint == KickOff && a.Status == http.StatusAccepted }

// refusedKickOff leaves refusals of tokens out: they are the business of other faults.
func refusedKickOff(a *Answer) bool { return a.Endpoint == KickOff && refusal(a) }

func putKickOff(a *Answer) bool { return a.Endpoint == KickOff && a.Request.Method == http.MethodPut }

// refusedSystemKickOff leaves alone what other levels refuse because the level does not offer it.
func refusedSystemKickOff(a *Answer) bool { return refusedKickOff(a) && kickOffAt(SystemLevel)(a) }

func refusal(a *Answer) bool {
	return a.Status >= 400 && a.Status != http.StatusUnauthorized && a.Status != http.StatusForbidden
}

// write sets status, media type and body.
func (a *Answer) set(status int, mediaType, body string) {
	a.Status, a.Body = status, []byte(body)
	a.Header.Set("Content-Type", mediaType)
	if body == "" {
		a.Header.Del("Content-Type")
	}
}

// refused turns an acceptance into a refusal as the conforming server would word it.
func (a *Answer) refused(status int, code, text string) {
	a.set(status, fhirJSON, string(outcome("error", Issue{Code: code, Text: text})))
	a.Header.Del("Content-Location")
	a.Header.Del("Preference-Applied")
}

// replacing returns an edit that replaces part of a body; a body without it is left alone.
func replacing(old, new string) func(*Answer) {
	return func(a *Answer) { a.Body = bytes.Replace(a.Body, []byte(old), []byte(new), 1) }
}

// sending returns an Apply that edits the parameters as they were sent.
func sending(edit func(r *http.Request, level Level, sent []Parameter) []Parameter) func(*Behaviour) {
	return func(b *Behaviour) { b.Parameters = edit }
}

// without returns an Apply that drops the parameters for which drop holds, unless lenient handling was asked for.
func without(drop func(Parameter) bool) func(*Behaviour) {
	return sending(func(r *http.Request, _ Level, sent []Parameter) []Parameter {
		if parsePrefer(r.Header.Values("Prefer")).lenient {
			return sent
		}
		return slices.DeleteFunc(slices.Clone(sent), drop)
	})
}

// only keeps the first (or last) occurrence of a parameter.
func only(sent []Parameter, name string, last bool) []Parameter {
	var out []Parameter
	for i, p := range sent {
		repeated := func(q Parameter) bool { return q.Name == name }
		if p.Name == name && (!last && slices.ContainsFunc(sent[:i], repeated) || last && slices.ContainsFunc(sent[i+1:], repeated)) {
			continue
		}
		out = append(out, p)
	}
	return out
}

func kickOffAt(level Level) func(*Answer) bool {
	return func(a *Answer) bool {
		l, _, ok := levelOf(strings.TrimSuffix(strings.TrimPrefix(a.Request.URL.Path, mount), "/$export"))
		return a.Endpoint == KickOff && ok && l == level && !(a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden)
	}
}

const someHTML = "<html><body><h1>Error</h1><p>Something went wrong.</p></body></html>"

func kickoffFaults() []Fault {
	return append(acceptanceFaults(), append(parameterFaults(), refusalFaults()...)...)
}

func acceptanceFaults() []Fault {
	return []Fault{
		{
			Name: "kickoff-200", Area: "kickoff",
			Doc:    "An accepted kick-off is answered with 200 OK, which a client takes for the result.",
			Caught: []string{"kickoff.accepted-202"},
			Apply:  answering(acceptedKickOff, func(a *Answer) { a.Status = http.StatusOK }),
		},
		{
			Name: "kickoff-201", Area: "kickoff",
			Doc:    "An accepted kick-off is answered with 201 Created, as if the job were a resource.",
			Caught: []string{"kickoff.accepted-202"},
			Apply:  answering(acceptedKickOff, func(a *Answer) { a.Status = http.StatusCreated }),
		},
		{
			Name: "kickoff-by-put", Area: "kickoff",
			Doc:    "The export endpoint pays no heed to the method: a PUT starts an export.",
			Warned: []string{"kickoff.other-methods-refused"},
			Apply: answering(putKickOff, func(a *Answer) {
				a.set(http.StatusAccepted, "", "")
				a.Header.Set("Content-Location", "http://"+a.Request.Host+mount+deskPath+"by-put")
			}),
		},
		{
			Name: "kickoff-put-200", Area: "kickoff",
			Doc:    "A PUT on the export endpoint is answered with 200 and a page for people.",
			Warned: []string{"kickoff.other-methods-refused"},
			Apply:  answering(putKickOff, func(a *Answer) { a.set(http.StatusOK, "text/html", someHTML) }),
		},
		{
			Name: "kickoff-synchronous", Area: "kickoff",
			Doc:    "The kick-off is answered with a Bundle of the data in spite of Prefer: respond-async; large exports time out.",
			Caught: []string{"kickoff.accepted-202"},
			Apply: answering(acceptedKickOff, func(a *Answer) {
				a.set(http.StatusOK, fhirJSON, `{"resourceType":"Bundle","type":"collection"}`)
				a.Header.Del("Content-Location")
			}),
		},
		{
			Name: "kickoff-no-content-location", Area: "kickoff",
			Doc:    "The 202 answer has no Content-Location, so a client cannot ask for the status.",
			Caught: []string{"kickoff.content-location"},
			Apply:  answering(acceptedKickOff, func(a *Answer) { a.Header.Del("Content-Location") }),
		},
		{
			Name: "kickoff-location-header", Area: "kickoff",
			Doc:    "The polling location stands in Location in place of Content-Location.",
			Caught: []string{"kickoff.content-location"},
			Apply: answering(acceptedKickOff, func(a *Answer) {
				a.Header.Set("Location", a.Header.Get("Content-Location"))
				a.Header.Del("Content-Location")
			}),
		},
		{
			Name: "kickoff-relative-content-location", Area: "kickoff",
			Doc:    "Content-Location is a relative reference; a client that does not resolve it cannot poll.",
			Caught: []string{"kickoff.content-location"},
			Apply: answering(acceptedKickOff, func(a *Answer) {
				_, path, _ := strings.Cut(a.Header.Get("Content-Location"), mount)
				a.Header.Set("Content-Location", mount+path)
			}),
		},
		{
			Name: "kickoff-content-location-no-url", Area: "kickoff",
			Doc:    "Content-Location is not a URL: a placeholder in it was never replaced.",
			Caught: []string{"kickoff.content-location"},
			Apply:  answering(acceptedKickOff, func(a *Answer) { a.Header.Set("Content-Location", "http://%HOST%/jobs/1") }),
		},
		{
			Name: "kickoff-content-location-ftp", Area: "kickoff",
			Doc:    "Content-Location has a scheme that no client of a REST service speaks.",
			Caught: []string{"kickoff.content-location"},
			Apply: answering(acceptedKickOff, func(a *Answer) {
				_, rest, _ := strings.Cut(a.Header.Get("Content-Location"), ":")
				a.Header.Set("Content-Location", "ftp:"+rest)
			}),
		},
		{
			Name: "kickoff-two-content-locations", Area: "kickoff",
			Doc:    "The 202 answer has two Content-Location headers; clients differ in which of them they poll.",
			Caught: []string{"kickoff.content-location"},
			Apply: answering(acceptedKickOff, func(a *Answer) {
				a.Header.Add("Content-Location", a.Header.Get("Content-Location")+"?copy=1")
			}),
		},
		{
			Name: "kickoff-html-body", Area: "kickoff",
			Doc:    "The 202 answer has a page of HTML as body, where an OperationOutcome may stand.",
			Warned: []string{"kickoff.accepted-body"},
			Apply:  answering(acceptedKickOff, func(a *Answer) { a.set(a.Status, "text/html", "<p>Your export has begun.</p>") }),
		},
		{
			Name: "kickoff-body-as-text", Area: "kickoff",
			Doc:    "The OperationOutcome of the 202 answer is sent as text/plain, so clients do not look into it.",
			Caught: []string{"kickoff.accepted-body"},
			Apply: answering(acceptedKickOff, func(a *Answer) {
				a.set(a.Status, "text/plain", string(outcome("information", Issue{Code: "informational", Text: "The export has begun."})))
			}),
		},
		{
			Name: "kickoff-system-404", Area: "kickoff",
			Doc:    "System-level export is declared, but nothing is found at [base]/$export.",
			Caught: []string{"kickoff.get-system"},
			Apply:  answering(kickOffAt(SystemLevel), func(a *Answer) { a.refused(http.StatusNotFound, "not-found", "No such path.") }),
		},
		{
			Name: "kickoff-patient-404", Area: "kickoff",
			Doc:    "Export of all patients is declared, but nothing is found at [base]/Patient/$export.",
			Caught: []string{"kickoff.get-patient"},
			Apply:  answering(kickOffAt(PatientLevel), func(a *Answer) { a.refused(http.StatusNotFound, "not-found", "No such path.") }),
		},
		{
			Name: "kickoff-patient-post-only", Area: "kickoff",
			Doc:    "Export of all patients can be started with POST only, as the ballot of the next version has it.",
			Caught: []string{"kickoff.get-patient"},
			Apply: answering(func(a *Answer) bool { return kickOffAt(PatientLevel)(a) && a.Request.Method == http.MethodGet }, func(a *Answer) {
				a.refused(http.StatusMethodNotAllowed, "not-supported", "Use POST.")
			}),
		},
		{
			Name: "kickoff-group-404", Area: "kickoff",
			Doc:    "Group-level export is declared, but an existing Group is not found at [base]/Group/[id]/$export.",
			Caught: []string{"kickoff.get-group"},
			Apply:  answering(kickOffAt(GroupLevel), func(a *Answer) { a.refused(http.StatusNotFound, "not-found", "No such path.") }),
		},
		{
			Name: "kickoff-group-read-404", Area: "kickoff",
			Doc:    "A Group that can be exported cannot be read, so a client does not learn what it is about to export.",
			Warned: []string{"kickoff.group-read"},
			Apply: answering(func(a *Answer) bool { return a.Endpoint == Read && strings.Contains(a.Request.URL.Path, "/Group/") }, func(a *Answer) {
				a.refused(http.StatusNotFound, "not-found", "There is nothing here.")
			}),
		},
		{
			Name: "kickoff-group-read-other", Area: "kickoff",
			Doc:    "Reading a Group gives another one.",
			Warned: []string{"kickoff.group-read"},
			Apply: answering(func(a *Answer) bool {
				return a.Endpoint == Read && strings.Contains(a.Request.URL.Path, "/Group/") && a.Status == http.StatusOK
			}, func(a *Answer) {
				a.editJSON(func(m map[string]any) { m["id"] = "another" })
			}),
		},
		{
			Name: "kickoff-group-search-405", Area: "kickoff",
			Doc:    "Groups can be exported, but not searched for: a client has no way to find those it may export.",
			Warned: []string{"kickoff.group-search"},
			Apply: answering(func(a *Answer) bool { return a.Endpoint == Read && strings.HasSuffix(a.Request.URL.Path, "/Group") }, func(a *Answer) {
				a.refused(http.StatusMethodNotAllowed, "not-supported", "Groups cannot be searched for.")
			}),
		},
	}
}

func parameterFaults() []Fault {
	return []Fault{
		{
			Name: "kickoff-parameter-required", Area: "kickoff",
			Doc:    "A kick-off without _type is refused, although every parameter is optional for the client.",
			Caught: []string{"kickoff.no-parameters"},
			Apply: sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
				if !slices.ContainsFunc(sent, func(p Parameter) bool { return p.Name == "_type" }) {
					return append(slices.Clone(sent), Parameter{Name: "_type", Value: "TypeIsRequired"})
				}
				return sent
			}),
		},
		{
			Name: "kickoff-post-body-ignored", Area: "kickoff",
			Doc:    "The body of a POST kick-off is not read: everything is exported in place of what was asked for.",
			Caught: []string{"kickoff.post"},
			Apply: sending(func(r *http.Request, _ Level, sent []Parameter) []Parameter {
				if r.Method == http.MethodPost {
					return nil
				}
				return sent
			}),
		},
		{
			Name: "kickoff-post-malformed-accepted", Area: "kickoff",
			Doc:    "A POST kick-off whose body breaks off in the middle starts an export of everything.",
			Warned: []string{"kickoff.post-malformed-body"},
			Apply:  func(b *Behaviour) { b.IgnoreMalformedBody = true },
		},
		{
			Name: "kickoff-repeat-first-wins", Area: "kickoff",
			Doc:    "Of a repeated _type only the first counts, so a client that repeats it loses data without a word.",
			Caught: []string{"kickoff.repeat-equals-comma"},
			Apply:  sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter { return only(sent, "_type", false) }),
		},
		{
			Name: "kickoff-repeat-last-wins", Area: "kickoff",
			Doc:    "Of a repeated _type only the last counts, as in frameworks that keep parameters in a map.",
			Caught: []string{"kickoff.repeat-equals-comma"},
			Apply:  sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter { return only(sent, "_type", true) }),
		},
		{
			Name: "kickoff-repeat-refused", Area: "kickoff",
			Doc:    "A repeated _type is refused, although the server takes the comma list that it has to be equal to.",
			Caught: []string{"kickoff.repeat-equals-comma"},
			Apply: sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
				if len(only(sent, "_type", false)) < len(sent) {
					return append(slices.Clone(sent), Parameter{Name: "_type", Value: "RepetitionIsNotSupported"})
				}
				return sent
			}),
		},
		{
			Name: "kickoff-output-format-short-refused", Area: "kickoff",
			Doc:    "_outputFormat=ndjson is refused, a name of NDJSON that every server has to know.",
			Caught: []string{"kickoff.output-format-spellings"},
			Apply:  refusingFormat("ndjson"),
		},
		{
			Name: "kickoff-output-format-app-refused", Area: "kickoff",
			Doc:    "_outputFormat=application/ndjson is refused, a name of NDJSON that every server has to know.",
			Caught: []string{"kickoff.output-format-spellings"},
			Apply:  refusingFormat("application/ndjson"),
		},
		{
			Name: "kickoff-output-format-full-refused", Area: "kickoff",
			Doc:    "_outputFormat=application/fhir+ndjson is refused, as by a server that decodes the plus sign twice.",
			Caught: []string{"kickoff.output-format-spellings"},
			Apply:  refusingFormat("application/fhir+ndjson"),
		},
		{
			Name: "kickoff-output-format-refused", Area: "kickoff",
			Doc:    "Any _outputFormat is refused, although servers have to support the parameter.",
			Caught: []string{"kickoff.output-format-spellings"},
			Apply:  refusingFormat("application/fhir+ndjson", "application/ndjson", "ndjson"),
		},
		{
			Name: "kickoff-unknown-format-accepted", Area: "kickoff",
			Doc:    "An unknown _outputFormat is swallowed: the client gets NDJSON in place of what it asked for.",
			Warned: []string{"kickoff.output-format-unsupported-refused"},
			Apply:  without(func(p Parameter) bool { return p.Name == "_outputFormat" && strings.Contains(p.Value, "no-such") }),
		},
		{
			Name: "kickoff-unknown-type-accepted", Area: "kickoff",
			Doc:    "An unknown resource type in _type is swallowed, and everything is exported.",
			Warned: []string{"kickoff.unknown-type-refused"},
			Apply: without(func(p Parameter) bool {
				return p.Name == "_type" && strings.Contains(p.Value, "NoSuchType")
			}),
		},
		{
			Name: "kickoff-invalid-since-accepted", Area: "kickoff",
			Doc:    "A _since that is no instant is swallowed, and everything is exported in place of changes only.",
			Warned: []string{"kickoff.invalid-since-refused"},
			Apply:  without(func(p Parameter) bool { return p.Name == "_since" && p.Value == "not-a-date" }),
		},
		{
			Name: "kickoff-unknown-group-exports", Area: "kickoff",
			Doc:    "A kick-off for a Group that does not exist exports all patients.",
			Caught: []string{"kickoff.unknown-group-refused"},
			Apply: func(b *Behaviour) {
				b.AcceptUnknownGroup = true
				b.Keep = func(j JobInfo, _ *dataset.Resource, include bool) bool {
					known := j.Export.Group == "" || slices.Contains([]string{dataset.GroupFew, dataset.GroupHalf}, j.Export.Group)
					return include || !known
				}
			},
		},
		{
			Name: "kickoff-prefer-compared-whole", Area: "kickoff",
			Doc:    "The Prefer header is compared as a whole with respond-async: a client with a second preference cannot export.",
			Caught: []string{"kickoff.lenient"},
			Apply: answering(func(a *Answer) bool {
				p := a.Request.Header.Get("Prefer")
				return acceptedKickOff(a) && p != "" && p != "respond-async"
			}, func(a *Answer) {
				a.refused(http.StatusBadRequest, "invalid", "The Prefer header has to be respond-async.")
			}),
		},
		{
			Name: "kickoff-without-accept-xml", Area: "kickoff",
			Doc:    "Without Accept the 202 answer has a body in XML, a format that only clients asking for it can read.",
			Warned: []string{"kickoff.without-accept"},
			Apply: answering(func(a *Answer) bool { return acceptedKickOff(a) && a.Request.Header.Get("Accept") == "" }, func(a *Answer) {
				a.set(a.Status, "application/fhir+xml", `<OperationOutcome xmlns="http://hl7.org/fhir"/>`)
			}),
		},
		{
			Name: "kickoff-without-prefer-synchronous", Area: "kickoff",
			Doc:    "Without Prefer the data come in the answer, although only an error or an asynchronous export are foreseen.",
			Warned: []string{"kickoff.without-prefer"},
			Apply: answering(func(a *Answer) bool { return acceptedKickOff(a) && a.Request.Header.Get("Prefer") == "" }, func(a *Answer) {
				a.set(http.StatusOK, fhirJSON, `{"resourceType":"Bundle","type":"collection"}`)
				a.Header.Del("Content-Location")
			}),
		},
		{
			Name: "kickoff-no-preference-applied", Area: "kickoff", Versions: []string{IG300},
			Doc:    "The export's status is kept apart as asked for, but Preference-Applied is missing: a client reads 200 as completion.",
			Caught: []string{"kickoff.preference-applied"},
			Apply:  answering(acceptedKickOff, func(a *Answer) { a.Header.Del("Preference-Applied") }),
		},
		{
			Name: "kickoff-preference-applied-incomplete", Area: "kickoff", Versions: []string{IG300},
			Doc:    "Preference-Applied names only one of the two preferences that were applied.",
			Caught: []string{"kickoff.preference-applied"},
			Apply: answering(func(a *Answer) bool { return acceptedKickOff(a) && a.Header.Get("Preference-Applied") != "" }, func(a *Answer) {
				a.Header.Set("Preference-Applied", "separate-export-status")
			}),
		},
	}
}

func refusingFormat(names ...string) func(*Behaviour) {
	return sending(func(_ *http.Request, _ Level, sent []Parameter) []Parameter {
		sent = slices.Clone(sent)
		for i, p := range sent {
			if p.Name == "_outputFormat" && slices.Contains(names, p.Value) {
				sent[i].Value = "application/x-refused"
			}
		}
		return sent
	})
}

func refusalFaults() []Fault {
	outcomeFault := func(name, doc string, edit func(*Answer)) Fault {
		return Fault{Name: name, Area: "kickoff", Doc: doc, Caught: []string{"kickoff.error-outcome"}, Apply: answering(refusedKickOff, edit)}
	}
	return []Fault{
		{
			Name: "kickoff-errors-as-200", Area: "kickoff",
			Doc:    "A refused system-level kick-off is answered with 200 OK and an OperationOutcome, which clients take for success.",
			Caught: []string{"kickoff.error-status"},
			Apply:  answering(refusedSystemKickOff, func(a *Answer) { a.Status = http.StatusOK }),
		},
		{
			Name: "kickoff-errors-redirect", Area: "kickoff",
			Doc:    "A refused system-level kick-off redirects to an error page, which is served with 200 OK.",
			Caught: []string{"kickoff.error-status"},
			Apply:  answering(refusedSystemKickOff, func(a *Answer) { a.set(http.StatusOK, "text/html", someHTML) }),
		},
		outcomeFault("kickoff-error-html", "A refused kick-off has an HTML error page as body.",
			func(a *Answer) { a.set(a.Status, "text/html", someHTML) }),
		outcomeFault("kickoff-error-empty", "A refused kick-off has no body, so the client does not learn what was wrong.",
			func(a *Answer) { a.set(a.Status, "", "") }),
		outcomeFault("kickoff-error-framework-json", "A refused kick-off has the error object of a web framework as body.",
			func(a *Answer) { a.set(a.Status, fhirJSON, `{"error":"Bad Request","status":400}`) }),
		outcomeFault("kickoff-error-broken-json", "The OperationOutcome of a refused kick-off is not valid JSON.",
			func(a *Answer) {
				a.set(a.Status, fhirJSON, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid",}]}`)
			}),
		outcomeFault("kickoff-error-no-issue", "The OperationOutcome of a refused kick-off has no issue.",
			func(a *Answer) { a.set(a.Status, fhirJSON, `{"resourceType":"OperationOutcome","issue":[]}`) }),
		outcomeFault("kickoff-error-numeric-code", "issue.code is a number in the OperationOutcome of a refused kick-off.",
			func(a *Answer) {
				a.set(a.Status, fhirJSON, `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":400}]}`)
			}),
		outcomeFault("kickoff-error-duplicate-names", "The OperationOutcome of a refused kick-off names its issue twice; parsers differ in which they take.",
			func(a *Answer) {
				a.set(a.Status, fhirJSON, `{"resourceType":"OperationOutcome","issue":[],"issue":[{"severity":"error","code":"invalid"}]}`)
			}),
		{
			Name: "kickoff-error-unknown-severity", Area: "kickoff",
			Doc:    "issue.severity is no code of FHIR's value set in the OperationOutcome of a refused kick-off.",
			Warned: []string{"kickoff.error-outcome"},
			Apply:  answering(refusedKickOff, replacing(`"severity":"error"`, `"severity":"ERROR"`)),
		},
		{
			Name: "kickoff-error-content-type", Area: "kickoff",
			Doc:    "The OperationOutcome of a refused kick-off is sent as text/plain.",
			Caught: []string{"kickoff.error-content-type"},
			Apply:  answering(refusedKickOff, func(a *Answer) { a.Header.Set("Content-Type", "text/plain") }),
		},
	}
}

// editJSON decodes a JSON object, lets edit change it and encodes it again; another body is left alone.
func (a *Answer) editJSON(edit func(map[string]any)) {
	var m map[string]any
	if json.Unmarshal(a.Body, &m) != nil {
		return
	}
	edit(m)
	if body, err := json.Marshal(m); err == nil {
		a.Body = body
	}
}
