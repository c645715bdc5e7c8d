// Package reporttest gives tests a realistic finished Report: a run with every outcome in it, against a server
// that does not exist. Golden files rest on it, so a change here changes them.
package reporttest

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulkproof/bulkproof/reporters/model"
)

const base = "https://ehr.example.org/fhir"

func start() time.Time { return time.Date(2026, time.November, 20, 14, 3, 12, 480_000_000, time.UTC) }

// Sample returns a new Report on each call: not conformant, with each outcome at least once, consistent, unsealed.
func Sample() *model.Report {
	r := &model.Report{
		SchemaVersion: model.SchemaVersion,
		Tool: model.Tool{
			Name: "bulkproof", Version: "1.0.0",
			CatalogueDigest: "sha256:5f1d0a3c9b7e4482a6c0d1f2e3b4958677a8b9cadbecfd0e1f2031425364758a",
		},
		Verdict:  model.NotConformant,
		ExitCode: 1,
		IG:       "3.0.0",
		Started:  start(),
		Ended:    start().Add(3*time.Minute + 41*time.Second + 120*time.Millisecond),
		CommandLine: []string{"bulkproof", "run", "--server", base, "--client-id", "bulkproof-ci",
			"--key", "[redacted]", "--group", "cohort-7", "--implementation", "Example EHR,2026.3,interop@example.org"},
		Target: model.Target{
			BaseURL:        base,
			Implementation: "Example EHR,2026.3,interop@example.org",
			Identity:       &model.Identity{Name: "Example EHR", Version: "2026.3", Contact: "interop@example.org"},
			Capture:        "sha256:0c5e7a3b1d2f4968a7b6c5d4e3f201918273645566778899aabbccddeeff0011",
			Software:       "Example FHIR Gateway 8.4.1",
			Authorization:  "smart-backend-services",
			Facts: []model.Fact{
				{Name: "FHIR version", Value: "4.0.1", Provenance: "declared", Source: "/metadata fhirVersion"},
				{Name: "export operations", Value: "system, Patient, Group", Provenance: "declared", Source: "/metadata rest[0].operation, rest[0].resource[3].operation"},
				{Name: "group", Value: "cohort-7", Provenance: "told", Source: "--group"},
				{Name: "output formats", Value: "application/fhir+ndjson", Provenance: "probed", Source: "kick-off with _outputFormat"},
				{Name: "token endpoint", Value: "https://auth.example.org/oauth2/token", Provenance: "declared", Source: "/.well-known/smart-configuration token_endpoint"},
			},
		},
		Profile: &model.Profile{Name: "core", Title: "Core export",
			Doc:          "Every mandatory requirement of the export protocol and of access to it.",
			Requirements: []string{"DELETE-001", "DELETE-004", "KICKOFF-001", "SECURITY-099"}, Unjudged: []string{"DELETE-004", "SECURITY-099"}},
		Scenario: &model.Scenario{Name: "1-full-open", Title: "Bulk data export, full, open endpoint", Role: "data provider",
			Doc: "A client exports everything from a server that asks for no authorization.", Outcome: model.StepFail,
			Steps: []model.ScenarioStep{
				{Title: "The kick-off is accepted", Outcome: model.StepPass, Checks: []string{"kickoff.accepted"}},
				{Title: "The kick-off response names the polling location", Outcome: model.StepFail, Checks: []string{"kickoff.content-location"},
					Reason: "kickoff.content-location fails"},
				{Title: "The files can be read", Outcome: model.StepInconclusive, Checks: []string{}, Reason: "no check of this run judges it"},
			}},
		Environment: model.Environment{GoVersion: "go1.26.8", Platform: "linux/amd64"},
		Traffic: model.Traffic{Requests: 412, KickOffs: 14, KickOffAttempts: 23, CompletedExports: 9, JobsDeleted: 14,
			BytesReceived: 48_391_227, Resources: 128_740},
		Checks:       checks(),
		Requirements: requirements(),
		Exchanges:    exchanges(),
		Exports: []model.Export{
			{Scenario: "system, no parameters", Request: "GET " + base + "/$export", State: "completed", Files: 22, Resources: 61_204, Bytes: 23_110_482, Deleted: true},
			{Scenario: "patient, no parameters", Request: "GET " + base + "/Patient/$export", State: "completed", Files: 19, Resources: 58_933, Bytes: 21_904_117, Deleted: true},
			{Scenario: "group, no parameters", Request: "GET " + base + "/Group/cohort-7/$export", State: "completed", Files: 15, Resources: 8_603, Bytes: 3_376_628, Deleted: true},
			{Scenario: "system, _since", Request: "GET " + base + "/$export?_since=2026-01-01T00:00:00Z", State: "timed out", Deleted: true},
			{Scenario: "system, _type=Bogus", Request: "GET " + base + "/$export?_type=Bogus", State: "refused"},
		},
		Problems: []string{
			"The export \"system, _since\" was still running after 120 s, the limit given by --export-timeout; it was deleted.",
		},
	}
	r.Totals = model.Tally(r.Checks)
	for i := range r.Requirements {
		q := &r.Requirements[i]
		for _, c := range r.Checks {
			if slices.Contains(c.Requires, q.ID) {
				q.Checks = append(q.Checks, c.ID)
			}
		}
	}
	return r
}

// Hostile returns the Sample with s put in every field that a target, a user or a file can influence: a writer
// must show it as the text it is.
func Hostile(s string) *model.Report {
	r := Sample()
	r.Tool.Version += s
	r.IG += s
	r.CommandLine = append(r.CommandLine, s)
	r.Profile.Name, r.Profile.Title, r.Profile.Doc = s, s, s
	r.Profile.Requirements = append(r.Profile.Requirements, s)
	r.Profile.Unjudged = append(r.Profile.Unjudged, s)
	r.Scenario.Name, r.Scenario.Title, r.Scenario.Role, r.Scenario.Doc = s, s, s, s
	for i := range r.Scenario.Steps {
		p := &r.Scenario.Steps[i]
		p.Title, p.Reason, p.Checks = s, s, append(p.Checks, s)
	}
	r.Target = model.Target{BaseURL: s, Implementation: s, Software: s, Authorization: s, Identity: &model.Identity{Name: s, Version: s, Contact: s},
		Facts: []model.Fact{{Name: s, Value: s, Provenance: "probed", Source: s}}}
	r.Environment = model.Environment{GoVersion: s, Platform: s}
	for i := range r.Checks {
		c := &r.Checks[i]
		c.ID += s
		c.Area += s
		c.Title += s
		c.Doc += "\n\n" + s
		c.Reason += s
		c.Examined = s
		c.Notes = append(c.Notes, s)
		for n := range c.Requires {
			c.Requires[n] += s
		}
		for n := range c.Findings {
			f := &c.Findings[n]
			f.Requirement += s
			f.Expected, f.Observed, f.Reproduce = s, s, s
			f.Evidence.URL, f.Evidence.File, f.Evidence.Pointer = s, s, s
		}
	}
	for i := range r.Requirements {
		q := &r.Requirements[i]
		q.ID += s
		q.Key, q.Summary, q.Source = s, s, s
	}
	for i := range r.Exchanges {
		e := &r.Exchanges[i]
		e.Check, e.Purpose = s, s
		messages := []*model.Message{&e.Request}
		if e.Response != nil {
			messages = append(messages, e.Response)
		} else {
			e.Error = s
		}
		for _, m := range messages {
			m.Method, m.URL, m.Proto, m.Excerpt = s, s, s, s
			m.Headers = append(m.Headers, model.Header{Name: s, Value: s})
		}
	}
	for i := range r.Exports {
		e := &r.Exports[i]
		e.Scenario, e.Request, e.State = s, s, s
	}
	r.Problems = append(r.Problems, s)
	return r
}

func requirements() []model.Requirement {
	row := func(id, key, level, summary, anchor string) model.Requirement {
		return model.Requirement{ID: id, Key: key, Level: level, Summary: summary,
			Source: "https://hl7.org/fhir/uv/bulkdata/STU3/" + anchor}
	}
	smart := func(id, key, level, summary, anchor string) model.Requirement {
		q := row(id, key, level, summary, anchor)
		q.Source = "https://hl7.org/fhir/smart-app-launch/STU2.2/" + anchor
		return q
	}
	return []model.Requirement{
		row("CAPABILITY-001", "CAPABILITY/instantiates", "SHOULD", "The server announces conformance by listing the IG CapabilityStatement canonical URL in its own CapabilityStatement.instantiates.", "index.html#conformance"),
		row("CAPABILITY-002", "CAPABILITY/cs-accurate", "SHALL", "The CapabilityStatement states exactly those Bulk Data operations that the server implements.", "export.html#server-capability-documentation"),
		row("DATA-002", "DATA/scope-group", "SHALL", "Group-level export covers the members of the Group and only them.", "export.html#endpoint---group-of-patients"),
		row("DATA-010", "DATA/latest-version", "SHALL", "Only the newest version of each resource is exported, once.", "export.html#bulk-data-output-file-request"),
		row("DELETE-001", "DELETE/accepted", "SHALL", "An accepted deletion of a job is answered with 202 Accepted.", "export.html#bulk-data-delete-request"),
		row("DELETE-004", "DELETE/then-404", "SHALL", "After a deletion, the polling location answers 404 with an OperationOutcome.", "export.html#bulk-data-delete-request"),
		smart("DISCOVERY-003", "DISCOVERY/token-endpoint", "SHALL", "The SMART configuration names the token endpoint by an absolute URL.", "conformance.html#metadata"),
		row("ERROR-002", "ERROR/kickoff-body", "SHALL", "The error answer to a kick-off has an OperationOutcome in JSON.", "export.html#response---error-eg-unsupported-search-parameter"),
		row("FILE-003", "FILE/content-type", "SHALL", "An output file is sent with a Content-Type that matches the format asked for.", "export.html#response---success-2"),
		row("KICKOFF-001", "KICKOFF/async-pattern", "SHALL", "Export is started with the FHIR asynchronous request pattern (respond-async, 202, polling location).", "export.html#bulk-data-kick-off-request"),
		row("KICKOFF-004", "KICKOFF/post", "MAY", "Kick-off by HTTP POST with a Parameters resource works.", "export.html#bulk-data-kick-off-request"),
		row("KICKOFF-024", "KICKOFF/content-location", "SHALL", "The 202 answer carries a Content-Location header with the polling URL.", "export.html#response---success"),
		row("KICKOFF-025", "KICKOFF/content-location-absolute", "SHALL", "The polling URL is absolute.", "export.html#response---success"),
		row("MANIFEST-001", "MANIFEST/transactiontime", "SHALL", "The manifest has transactionTime.", "export.html#response---output-manifest"),
		row("MANIFEST-018", "MANIFEST/count", "MAY", "Items may have count, a JSON number.", "export.html#response---output-manifest"),
		row("MANIFEST-019", "MANIFEST/count-right", "SHALL", "count equals the number of resources in the file.", "export.html#response---output-manifest"),
		row("PARAM-009", "PARAM/since-filters", "SHALL", "With _since only resources last changed after that time are returned.", "export.html#query-parameters"),
		row("PARAM-020", "PARAM/until-filters", "SHALL", "With _until only resources last changed before that time are returned (apart from referenced ones).", "export.html#query-parameters"),
		row("PARAM-030", "PARAM/type-unsupported-types", "SHOULD", "Asking for a resource type the server does not export gives an error with an OperationOutcome.", "export.html#query-parameters"),
		row("PARAM-081", "PARAM/organize-support", "MAY", "The server may support organizeOutputBy.", "export.html#query-parameters"),
		row("SECURITY-004", "SECURITY/files-protected", "SHALL", "Output files whose manifest says requiresAccessToken=true are refused without a valid token.", "export.html#security-considerations"),
		row("STATUS-004", "STATUS/retry-after", "SHOULD", "In-progress answers carry Retry-After.", "export.html#bulk-data-status-request"),
		row("STATUS-005", "STATUS/retry-after-format", "SHALL", "Retry-After is a whole number of seconds or an HTTP-date.", "export.html#bulk-data-status-request"),
		row("STATUS-014", "STATUS/x-progress-length", "SHALL", "X-Progress is shorter than 100 characters.", "export.html#response---in-progress-status"),
		row("STATUS-024", "STATUS/expires", "SHOULD", "The complete answer has an Expires header telling when the files go away.", "export.html#response---complete-status"),
		smart("TOKEN-007", "TOKEN/audience", "SHALL", "An assertion whose aud is not the token endpoint is refused with invalid_client.", "client-confidential-asymmetric.html#authenticating-to-the-token-endpoint"),
		smart("TOKEN-012", "TOKEN/expires-in", "SHOULD", "An access token lives no longer than 300 seconds.", "backend-services.html#issue-access-token"),
	}
}

func checks() []model.Check {
	pass := func(id, title, examined string, ms int64, requires ...string) model.Check {
		return check(id, title, model.Pass, ms, func(c *model.Check) { c.Requires, c.Examined = requires, examined })
	}
	return []model.Check{
		check("capability.instantiates", "CapabilityStatement.instantiates names the IG", model.Warn, 12, func(c *model.Check) {
			c.Requires = []string{"CAPABILITY-001"}
			c.Exchanges = []int{1}
			c.Findings = []model.Finding{{
				Requirement: "CAPABILITY-001", Level: "SHOULD", Severity: "warn",
				Expected:  "instantiates holds http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data",
				Observed:  "instantiates is absent",
				Evidence:  model.Evidence{Exchange: 1, URL: base + "/metadata", Pointer: "/instantiates"},
				Reproduce: "curl -H 'Accept: application/fhir+json' " + base + "/metadata",
			}}
		}),
		pass("capability.operations", "The declared export operations exist and no others", "3 operations declared, 3 answered", 38, "CAPABILITY-002"),
		pass("discovery.token-endpoint", "smart-configuration names an absolute token endpoint", "1 document", 9, "DISCOVERY-003"),
		pass("token.audience", "An assertion for another audience is refused", "4 assertions", 212, "TOKEN-007"),
		check("token.lifetime", "An access token lives no longer than five minutes", model.Warn, 57, func(c *model.Check) {
			c.Requires = []string{"TOKEN-012"}
			c.Exchanges = []int{2}
			c.Findings = []model.Finding{{
				Requirement: "TOKEN-012", Level: "SHOULD", Severity: "warn",
				Expected: "expires_in of 300 seconds or less",
				Observed: "expires_in is 3600",
				Evidence: model.Evidence{Exchange: 2, URL: "https://auth.example.org/oauth2/token", Pointer: "/expires_in"},
			}}
		}),
		pass("kickoff.accepted", "A kick-off without parameters is accepted", "3 kick-offs", 301, "KICKOFF-001"),
		check("kickoff.content-location", "A 202 answer names an absolute polling location", model.Fail, 96, func(c *model.Check) {
			c.Requires = []string{"KICKOFF-024", "KICKOFF-025"}
			c.Examined = "3 kick-offs"
			c.Exchanges = []int{4, 5}
			c.Doc = "The answer to an accepted kick-off says in Content-Location where the job's status can be read. The URL is absolute, " +
				"since clients are not asked to resolve it.\n\nInterpretation: a URL that begins with \"//\" is not absolute (RFC 3986 section 4.3). " +
				"Leniency: another host or scheme than the kick-off's is accepted."
			c.Findings = []model.Finding{{
				Requirement: "KICKOFF-025", Level: "SHALL", Severity: "fail",
				Expected:  "an absolute URL in Content-Location",
				Observed:  "Content-Location is \"/fhir/jobs/6f2c\", which has no scheme and host",
				Evidence:  model.Evidence{Exchange: 4, URL: base + "/Patient/$export"},
				Reproduce: "curl -i -H 'Accept: application/fhir+json' \\\n  -H 'Prefer: respond-async' \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  '" + base + "/Patient/$export'",
				Count:     2,
			}}
		}),
		check("kickoff.post", "A kick-off by POST with Parameters is accepted", model.Skip, 0, func(c *model.Check) {
			c.Requires = []string{"KICKOFF-004"}
			c.Reason = "The server refuses POST kick-offs with 405, which the specification permits."
		}),
		check("kickoff.error-body", "A refused kick-off explains itself with an OperationOutcome", model.Fail, 143, func(c *model.Check) {
			c.Requires = []string{"ERROR-002", "PARAM-030"}
			c.Examined = "9 refusals"
			c.Exchanges = []int{6}
			c.Findings = []model.Finding{
				{
					Requirement: "ERROR-002", Level: "SHALL", Severity: "fail",
					Expected:  "an OperationOutcome in the body of the 400 answer",
					Observed:  "the body is HTML (text/html; charset=utf-8, 1,284 bytes)",
					Evidence:  model.Evidence{Exchange: 6, URL: base + "/$export?_type=Bogus"},
					Reproduce: "curl -i -H 'Prefer: respond-async' '" + base + "/$export?_type=Bogus'",
				},
				{
					Requirement: "PARAM-030", Level: "SHOULD", Severity: "warn",
					Expected: "issue.expression or diagnostics that names the parameter _type",
					Observed: "nothing machine-readable was returned",
					Evidence: model.Evidence{Exchange: 6, URL: base + "/$export?_type=Bogus"},
				},
			}
			c.Notes = []string{"The same gateway page is returned for 401; it was judged under authz.error-body."}
		}),
		pass("status.polling", "The polling location answers 202 until the job is complete", "31 polls of 9 exports", 88_120, "STATUS-005"),
		check("status.retry-after", "An in-progress answer says when to ask again", model.Waived, 14, func(c *model.Check) {
			c.Requires = []string{"STATUS-004", "STATUS-005"}
			c.Reason = "Waived until 2027-03-31: vendor ticket EHR-4471, fixed in 2027.1."
			c.Exchanges = []int{7}
			c.Findings = []model.Finding{{
				Requirement: "STATUS-005", Level: "SHALL", Severity: "fail",
				Expected: "Retry-After in whole seconds or as an HTTP-date",
				Observed: "Retry-After is \"soon\"",
				Evidence: model.Evidence{Exchange: 7, URL: base + "/jobs/6f2c"},
				Count:    31,
			}}
		}),
		pass("status.x-progress", "X-Progress stays below 100 characters", "31 polls", 2, "STATUS-014"),
		pass("status.expires", "The complete answer says when the files go away", "9 manifests", 3, "STATUS-024"),
		pass("manifest.transaction-time", "The manifest has a transactionTime", "9 manifests", 4, "MANIFEST-001"),
		check("manifest.count", "count equals the number of lines of the file", model.Fail, 1_204, func(c *model.Check) {
			c.Requires = []string{"MANIFEST-018", "MANIFEST-019"}
			c.Examined = "56 files, 128,740 lines"
			c.Exchanges = []int{8, 9}
			c.Findings = []model.Finding{
				{
					Requirement: "MANIFEST-019", Level: "SHALL", Severity: "fail",
					Expected: "count 4,096, the number of lines of the file",
					Observed: "count is 4,100",
					Evidence: model.Evidence{Exchange: 8, URL: base + "/jobs/6f2c", File: "output[3] Observation", Pointer: "/output/3/count"},
				},
				{
					Requirement: "MANIFEST-018", Level: "MAY", Severity: "note",
					Expected: "count as a JSON number where it is given",
					Observed: "count is absent from 4 of 22 items",
					Evidence: model.Evidence{Exchange: 8, URL: base + "/jobs/6f2c", Pointer: "/output/7"},
				},
			}
		}),
		pass("files.content-type", "Output files are sent as application/fhir+ndjson", "56 files", 18, "FILE-003"),
		check("files.unique", "No resource is exported twice", model.Fail, 2_871, func(c *model.Check) {
			c.Requires = []string{"DATA-010"}
			c.Examined = "56 files, 128,740 lines"
			c.Exchanges = []int{9}
			c.Findings = []model.Finding{{
				Requirement: "DATA-010", Level: "SHALL", Severity: "fail",
				Expected: "each type and id once in an export",
				Observed: "line 118 repeats the type and id of line 12",
				Evidence: model.Evidence{Exchange: 9, URL: "https://files.example.org/d/9b1e.ndjson?sig=[redacted]",
					File: "output[3] Observation", Line: 118, Offset: 60_211, Pointer: "/id"},
				Count: 14,
			}}
		}),
		check("security.files", "Every output file is refused without a token", model.Inconclusive, 30_004, func(c *model.Check) {
			c.Requires = []string{"SECURITY-004"}
			c.Examined = "55 of 56 files"
			c.Exchanges = []int{10}
			c.Reason = "The request for output[21] Provenance without a token got no answer within 30 s; all others were refused with 401."
		}),
		check("data.since", "_since keeps older resources out", model.Inconclusive, 120_010, func(c *model.Check) {
			c.Requires = []string{"PARAM-009"}
			c.Reason = "The export this check judges was still running after 120 s (--export-timeout); give it more time or a smaller group."
		}),
		check("data.until", "_until keeps newer resources out", model.Skip, 0, func(c *model.Check) {
			c.Requires = []string{"PARAM-020"}
			c.Reason = "The server refuses _until, which is optional (answer 400, exchange 6)."
		}),
		check("data.organized", "Organised output keeps each block together", model.Pass, 11, func(c *model.Check) {
			c.Requires = []string{"PARAM-081"}
			c.Provisional = true
			c.Notes = []string{"The server offers organizeOutputBy=Patient."}
		}),
		check("group.members-only", "A group export holds the data of its members only", model.Error, 5, func(c *model.Check) {
			c.Requires = []string{"DATA-002"}
			c.Reason = "The suite itself failed: index out of range in group.members-only. This says nothing about the server; please report it."
		}),
		pass("cancel.accepted", "Deleting a job is accepted", "14 jobs", 61, "DELETE-001"),
		check("cancel.then-404", "A deleted job is gone", model.NotRun, 0, func(c *model.Check) {
			c.Requires = []string{"DELETE-004"}
			c.Reason = "Left out by --skip cancel.then-404."
		}),
	}
}

func check(id, title string, outcome model.Outcome, ms int64, more func(*model.Check)) model.Check {
	area := id[:slices.Index([]byte(id), '.')]
	c := model.Check{ID: id, Area: area, Title: title, Outcome: outcome, DurationMS: ms,
		Doc: fmt.Sprintf("%s. The check reads only what shared exports have already fetched, so it costs the server nothing more.", title)}
	more(&c)
	return c
}

func exchanges() []model.Exchange {
	at := func(n int, after time.Duration, check, purpose string, ms int64, request model.Message, response *model.Message) model.Exchange {
		return model.Exchange{Number: n, Check: check, Purpose: purpose, Started: start().Add(after), DurationMS: ms,
			Request: request, Response: response}
	}
	get := func(url, accept string) model.Message {
		return model.Message{Method: "GET", URL: url, Proto: "HTTP/1.1", Headers: []model.Header{
			{Name: "Accept", Value: accept},
			{Name: "Authorization", Value: "Bearer [redacted]"},
			{Name: "User-Agent", Value: "bulkproof/1.0.0"},
		}}
	}
	kickOff := func(url string) model.Message {
		m := get(url, "application/fhir+json")
		m.Headers = slices.Insert(m.Headers, 2, model.Header{Name: "Prefer", Value: "respond-async"})
		return m
	}
	answer := func(status int, bytes int64, sha string, headers ...string) *model.Message {
		m := &model.Message{Proto: "HTTP/1.1", Status: status, BodyBytes: bytes, BodySHA256: sha}
		for i := 0; i < len(headers); i += 2 {
			m.Headers = append(m.Headers, model.Header{Name: headers[i], Value: headers[i+1]})
		}
		return m
	}
	const date = "Fri, 20 Nov 2026 14:03:13 GMT"
	token := model.Message{Method: "POST", URL: "https://auth.example.org/oauth2/token", Proto: "HTTP/1.1", BodyBytes: 1_102,
		Headers: []model.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "User-Agent", Value: "bulkproof/1.0.0"}}}
	failed := at(10, 170*time.Second, "security.files", "output file without a token", 30_000,
		model.Message{Method: "GET", URL: base + "/files/6f2c/21", Proto: "HTTP/1.1",
			Headers: []model.Header{{Name: "User-Agent", Value: "bulkproof/1.0.0 (security.files)"}}}, nil)
	failed.Error = "no response within 30 s"
	return []model.Exchange{
		at(1, 20*time.Millisecond, "", "CapabilityStatement", 84, get(base+"/metadata", "application/fhir+json"),
			answer(200, 38_211, "0d6e4079e36703ebd37c00722f5891d28b0e2811dc114b129215123adcce3605",
				"Content-Type", "application/fhir+json;charset=utf-8", "Date", date)),
		at(2, 130*time.Millisecond, "", "token", 41, token,
			answer(200, 1_390, "", "Cache-Control", "no-store", "Content-Type", "application/json", "Date", date)),
		at(3, 190*time.Millisecond, "", "smart-configuration", 22, get(base+"/.well-known/smart-configuration", "application/json"),
			answer(200, 611, "6a09e667f3bcc908b2fb1366ea957d3e3adec17512775099da2f590b0667322a", "Content-Type", "application/json")),
		at(4, 260*time.Millisecond, "", "kick-off", 48, kickOff(base+"/Patient/$export"),
			answer(202, 0, "", "Content-Location", "/fhir/jobs/6f2c", "Date", date)),
		at(5, 330*time.Millisecond, "", "kick-off", 51, kickOff(base+"/Group/cohort-7/$export"),
			answer(202, 0, "", "Content-Location", "/fhir/jobs/91aa", "Date", date)),
		at(6, 900*time.Millisecond, "kickoff.error-body", "kick-off", 39, kickOff(base+"/$export?_type=Bogus"),
			answer(400, 1_284, "bb67ae8584caa73b25742d7078b83b8925d834cc53da4798c720a6486e45a6e2",
				"Content-Type", "text/html; charset=utf-8", "Date", date, "Server", "gateway")),
		at(7, 5*time.Second, "", "status", 12, get(base+"/jobs/6f2c", "application/json"),
			answer(202, 0, "", "Date", date, "Retry-After", "soon", "X-Progress", "37%")),
		at(8, 92*time.Second, "", "status", 15, get(base+"/jobs/6f2c", "application/json"),
			answer(200, 6_932, "3c6ef372fe94f82ba54ff53a5f1d36f1510e527fade682d19b05688c2b3e6c1f",
				"Content-Type", "application/json", "Expires", "Sat, 21 Nov 2026 14:04:45 GMT")),
		at(9, 94*time.Second, "", "output file", 733, get("https://files.example.org/d/9b1e.ndjson?sig=[redacted]", "application/fhir+ndjson"),
			answer(200, 2_118_404, "510e527fade682d19b05688c2b3e6c1f1f83d9abfb41bd6b5be0cd19137e2179",
				"Content-Encoding", "gzip", "Content-Type", "application/fhir+ndjson")),
		failed,
	}
}
