package selftest

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"

	refserver "github.com/bulkproof/bulkproof/reference-server"
)

// script is markup that must never reach a page as such.
const script = `<script>bulkproofEvil()</script>"'><img src=x onerror=bulkproofEvil()>`

// hostileCase is one hostile behaviour.
type hostileCase struct {
	name  string
	at    stage
	only  func(*http.Request) bool // of the requests at the stage
	serve strike
	edit  func(*refserver.Behaviour) // instead of serve, or besides
	hasty bool                       // with request timeouts of a quarter of a second
	never []string                   // checks that must not pass
	whole bool                       // with the battery of client assertions
}

var (
	noToken   = []string{"kickoff.accepted-202", "status.complete-200", "manifest.output", "file.status-200"}
	noKickOff = []string{"kickoff.accepted-202", "status.complete-200", "manifest.output", "file.status-200"}
	noStatus  = []string{"status.complete-200", "manifest.output", "file.status-200"}
	noFile    = []string{"file.count"} // whatever is wrong with the content, lines cannot be counted
)

func hostileCases() []hostileCase {
	ndjson, json, fhir := "application/fhir+ndjson", "application/json", "application/fhir+json"
	resource := `{"resourceType":"Patient","id":"p"}` + "\n"
	cases := []hostileCase{
		// ---- bodies without end ----
		{name: "endless CapabilityStatement", at: atMetadata, serve: endless(200, fhir, `{"a":`), never: []string{"capability.readable"}},
		{name: "endless smart-configuration", at: atSMART, serve: endless(200, json, `["x",`), never: append([]string{"discovery.token-endpoint"}, noToken...)},
		{name: "endless token response", at: atToken, serve: endless(200, json, `{"access_token":"`), never: noToken},
		{name: "endless body of a 202", at: atKickOff, serve: endless(202, fhir, " "), never: []string{"kickoff.accepted-body", "status.complete-200"}},
		{name: "endless body of a refusal", at: atKickOff, serve: endless(400, fhir, "x"), never: noKickOff},
		{name: "endless manifest", at: atStatus, serve: endless(200, json, `{"output":[`), never: noStatus[1:]},
		{name: "endless in-progress body", at: atStatus, serve: endless(202, "text/html", "<p>"), never: noStatus},
		{name: "endless file", at: atFile, serve: endless(200, ndjson, resource), never: noFile},
		{name: "endless file of blank lines", at: atFile, serve: endless(200, ndjson, "\n"), never: noFile},
		{name: "endless error file", at: atFile, serve: endless(500, "text/plain", "no "), never: append([]string{"file.status-200"}, noFile...)},
		{name: "endless answer to DELETE", at: atDelete, serve: endless(202, fhir, "["), never: nil},
		{name: "a line without end", at: atFile, serve: endless(200, ndjson, "a"), never: append([]string{"ndjson.json"}, noFile...)},
		// ---- silence and slowness ----
		{name: "no CapabilityStatement comes", at: atMetadata, serve: silence, hasty: true, never: []string{"capability.readable"}},
		{name: "no token comes", at: atToken, serve: silence, hasty: true, never: noToken},
		{name: "kick-offs are not answered", at: atKickOff, serve: silence, hasty: true, never: noKickOff},
		{name: "polls are not answered", at: atStatus, serve: silence, hasty: true, never: noStatus},
		{name: "files do not come", at: atFile, serve: silence, hasty: true, never: append([]string{"file.status-200"}, noFile...)},
		{name: "a manifest comes in drops", at: atStatus, serve: drip(json), hasty: true, never: noStatus[1:]},
		{name: "a file comes in drops", at: atFile, serve: drip(ndjson), hasty: true, never: noFile},
		// ---- sizes ----
		{name: "a compression bomb as file", at: atFile, serve: bomb(ndjson, resource), never: noFile},
		{name: "a compression bomb as manifest", at: atStatus, serve: bomb(json, " "), never: noStatus[1:]},
		{name: "a compression bomb as CapabilityStatement", at: atMetadata, serve: bomb(fhir, " "), never: []string{"capability.readable"}},
		{name: "a manifest of 100,000 entries", at: atStatus, edit: manyEntries, never: []string{"file.status-200"}},
		{name: "a flood of headers with the CapabilityStatement", at: atMetadata, serve: raw("HTTP/1.1 200 OK\r\n", strings.Repeat("X-Flood: 0123456789012345678901234567890123456789\r\n", 20_000), "\r\n{}"), never: []string{"capability.readable"}},
		{name: "a flood of headers with the 202", at: atKickOff, serve: raw("HTTP/1.1 202 Accepted\r\n", strings.Repeat("Set-Cookie: a=0123456789012345678901234567890123456789\r\n", 20_000), "\r\n"), never: noKickOff},
		{name: "a header of a megabyte", at: atStatus, serve: raw("HTTP/1.1 202 Accepted\r\nX-Progress: ", strings.Repeat("x", 1<<20), "\r\n\r\n"), never: noStatus},
		{name: "a token of half a megabyte", at: atToken, serve: answer(200, `{"access_token":"`+strings.Repeat("t", 1<<19)+`","token_type":"bearer","expires_in":300,"scope":"system/*.rs"}`, "Content-Type", json), never: noToken},
		{name: "a URL of a megabyte", at: atStatus, serve: manifestOf(`"output":[{"type":"Patient","url":"{base}/` + strings.Repeat("u", 900_000) + `"}]`), never: []string{"file.status-200"}},
		// ---- redirects ----
		{name: "the CapabilityStatement redirects to itself", at: atMetadata, serve: redirectToSelf, never: []string{"capability.readable"}},
		{name: "smart-configuration redirects to itself", at: atSMART, serve: redirectToSelf, never: noToken},
		{name: "kick-offs redirect to themselves", at: atKickOff, serve: redirectToSelf, never: noKickOff},
		{name: "polls redirect to themselves", at: atStatus, serve: redirectToSelf, never: noStatus},
		{name: "files redirect to themselves", at: atFile, serve: redirectToSelf, never: append([]string{"file.status-200"}, noFile...)},
		{name: "kick-offs redirect to another origin", at: atKickOff, serve: answer(307, "", "Location", "{evil}/k"), never: noKickOff},
		{name: "polls redirect to another origin", at: atStatus, serve: answer(302, "", "Location", "{evil}/s"), never: noStatus[1:]},
		{name: "files redirect to another origin", at: atFile, serve: answer(307, "", "Location", "{evil}/f"), never: []string{"file.content-type"}},
		{name: "DELETE redirects to another origin", at: atDelete, serve: answer(308, "", "Location", "{evil}/d")},
		{name: "the token endpoint redirects to another origin", at: atToken, serve: answer(307, "", "Location", "{evil}/t"), never: noToken},
		{name: "redirects to a file of the machine", at: atFile, serve: answer(302, "", "Location", "file:///etc/passwd"), never: noFile},
		// ---- connections ----
		{name: "chunks that are none", at: atStatus, serve: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\nrubbish\r\n"), never: noStatus[1:]},
		{name: "chunks of a file break off", at: atFile, serve: raw("HTTP/1.1 200 OK\r\nContent-Type: application/fhir+ndjson\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n{}"), never: noFile},
		{name: "a Content-Length that is too long", at: atFile, serve: raw("HTTP/1.1 200 OK\r\nContent-Type: application/fhir+ndjson\r\nContent-Length: 99999\r\n\r\n", resource), never: noFile},
		{name: "a negative Content-Length", at: atStatus, serve: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n{}"), never: noStatus[1:]},
		{name: "two Content-Lengths", at: atStatus, serve: raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), never: noStatus[1:]},
		{name: "a storm of 1xx", at: atStatus, serve: raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 5000), "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"), never: noStatus},
		{name: "101 that switches protocols", at: atStatus, serve: raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\nConnection: Upgrade\r\n\r\n"), never: noStatus},
		{name: "status 999", at: atStatus, serve: raw("HTTP/1.1 999 Whatever\r\nContent-Length: 0\r\n\r\n"), never: noStatus},
		{name: "status 99", at: atKickOff, serve: raw("HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n"), never: noKickOff},
		{name: "no HTTP at all", at: everywhere, serve: raw("\x00\x01\x02SSH-2.0-evil\r\n"), never: append([]string{"capability.readable"}, noKickOff...)},
		{name: "headers that are not UTF-8", at: atStatus, serve: raw("HTTP/1.1 202 Accepted\r\nX-Progress: \xff\xfe" + script + "\r\nRetry-After: \x80\r\nContent-Length: 0\r\n\r\n"), never: noStatus},
		// ---- JSON ----
		{name: "a manifest nested a hundred thousand deep", at: atStatus, serve: answer(200, strings.Repeat("[", 100_000), "Content-Type", json), never: noStatus[1:]},
		{name: "a CapabilityStatement nested without end", at: atMetadata, serve: answer(200, strings.Repeat(`{"a":`, 100_000), "Content-Type", fhir), never: []string{"capability.readable"}},
		{name: "lines nested a hundred thousand deep", at: atFile, serve: answer(200, strings.Repeat("[", 100_000)+"\n", "Content-Type", ndjson), never: []string{"ndjson.json"}},
		{name: "names that occur twice", at: atStatus, serve: manifestOf(`"output":[],"output":[{"type":"Patient","url":"{evil}/x"}]`), never: []string{"manifest.json-strict"}},
		{name: "a manifest that is not UTF-8", at: atStatus, serve: manifestOf(`"output":[{"type":"Pat` + "\xff\xc0" + `","url":"{base}/x"}]`), never: []string{"manifest.json-strict", "manifest.output"}},
		{name: "items that are none", at: atStatus, serve: manifestOf(`"output":[null,1,"x",[],{},{"type":7,"url":false}]`), never: []string{"manifest.output-url", "manifest.schema"}},
		{name: "counts beyond all bounds", at: atStatus, serve: manifestOf(`"output":[{"type":"Patient","url":"{base}/x","count":-1},{"type":"Patient","url":"{base}/y","count":1e400},{"type":"Patient","url":"{base}/z","count":99999999999999999999}]`), never: []string{"manifest.count"}},
		{name: "null in place of everything", at: everywhere, serve: answer(200, "null", "Content-Type", json), never: append([]string{"capability.readable"}, noKickOff...)},
		{name: "a manifest in UTF-16", at: atStatus, serve: answer(200, "\xff\xfe{\x00}\x00", "Content-Type", json), never: noStatus[1:]},
		// ---- locations ----
		{name: "the polling location is a file", at: atKickOff, serve: answer(202, "", "Content-Location", "file:///etc/passwd"), never: append([]string{"kickoff.content-location"}, noStatus...)},
		{name: "the polling location is a script", at: atKickOff, serve: answer(202, "", "Content-Location", "javascript:alert(1)"), never: append([]string{"kickoff.content-location"}, noStatus...)},
		{name: "the polling location is on another origin", at: atKickOff, serve: answer(202, "", "Content-Location", "{evil}/desk/1"), never: noStatus[1:]},
		{name: "the polling location is the kick-off itself", at: atKickOff, serve: func(h *hostileTarget, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Location", "http://"+r.Host+r.URL.RequestURI())
			w.WriteHeader(http.StatusAccepted)
		}, never: noStatus},
		{name: "the polling location has a user and password", at: atKickOff, serve: answer(202, "", "Content-Location", "http://user:secret@127.0.0.1:1/x"), never: noStatus},
		{name: "files that are scripts, data and local", at: atStatus, serve: manifestOf(`"output":[{"type":"Patient","url":"javascript:alert(1)"},{"type":"Patient","url":"data:,x"},{"type":"Patient","url":"file:///etc/passwd"},{"type":"Patient","url":"http://[::1"}]`), never: []string{"manifest.output-url-absolute", "file.status-200"}},
		{name: "files on another origin that ask for the token", at: atStatus, serve: manifestOf(`"output":[{"type":"Patient","url":"{evil}/p.ndjson"}]`), never: []string{"file.status-200"}},
		{name: "manifests linked in a circle", at: atStatus, serve: func(h *hostileTarget, w http.ResponseWriter, r *http.Request) {
			manifestOf(fmt.Sprintf(`"output":[],"link":[{"relation":"next","url":"http://%s%s"}]`, r.Host, r.URL.Path))(h, w, r)
		}}, // no sentence forbids it; what counts is that the run ends
		{name: "manifests linked to another origin", at: atStatus, serve: manifestOf(`"output":[],"link":[{"relation":"next","url":"{evil}/m"}]`), never: []string{"manifest.link"}},
		// ---- waiting ----
		{name: "429 for ever at the kick-off", at: atKickOff, serve: answer(429, "", "Retry-After", "1"), never: noKickOff},
		{name: "429 for ever at the status", at: atStatus, serve: answer(429, "", "Retry-After", "0"), never: noStatus},
		{name: "202 for ever", at: atStatus, serve: answer(202, "", "Retry-After", "1"), never: noStatus},
		{name: "503 for ever", at: atStatus, serve: answer(503, ""), never: noStatus},
		{name: "Retry-After of ages", at: atStatus, serve: answer(202, "", "Retry-After", "99999999999999999999"), never: noStatus},
		{name: "a negative Retry-After", at: atStatus, serve: answer(202, "", "Retry-After", "-5"), never: noStatus},
		{name: "Retry-After that is not a number", at: atStatus, serve: answer(202, "", "Retry-After", "NaN"), never: noStatus},
		{name: "Retry-After in the year 9999", at: atStatus, serve: answer(202, "", "Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"), never: noStatus},
		// ---- tokens ----
		{name: "a token with a line break", at: atToken, serve: answer(200, `{"access_token":"a\r\nX-Evil: 1","token_type":"bearer","expires_in":300,"scope":"system/*.rs"}`, "Content-Type", json), never: noToken},
		{name: "expires_in beyond all bounds", at: atToken, serve: answer(200, `{"access_token":"abc","token_type":"bearer","expires_in":1e999999,"scope":"system/*.rs"}`, "Content-Type", json), never: append([]string{"token.expires-in"}, noToken...), whole: true},
		{name: "an unknown Content-Encoding", at: atFile, serve: answer(200, resource, "Content-Type", ndjson, "Content-Encoding", "evil, gzip"), never: append([]string{"file.content-encoding"}, noFile...)},
		{name: "a page of HTML for everything", at: everywhere, serve: answer(200, "<html>"+script+"</html>", "Content-Type", "text/html"), never: append([]string{"capability.readable"}, noKickOff...)},
	}
	for _, s := range []stage{atMetadata, atSMART, atToken, atKickOff, atStatus, atFile, atDelete} {
		c := hostileCase{name: "connections are reset at " + string(s), at: s, serve: reset}
		switch s {
		case atMetadata:
			c.never = []string{"capability.readable"}
		case atSMART, atToken:
			c.never = noToken
		case atKickOff:
			c.never = noKickOff
		case atStatus:
			c.never = noStatus
		case atFile:
			c.never = append([]string{"file.status-200"}, noFile...)
		}
		cases = append(cases, c)
	}
	return append(cases, markup()...)
}

// bomb is a gzip body that grows to more than any bound when it is decompressed.
func bomb(contentType, piece string) strike {
	return func(_ *hostileTarget, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		block := []byte(strings.Repeat(piece, 1+1<<20/len(piece)))
		for range 64 {
			if _, err := z.Write(block); err != nil {
				return
			}
		}
		_ = z.Close()
	}
}

// manyEntries lists a hundred thousand files in each manifest.
func manyEntries(b *refserver.Behaviour) {
	b.ThenManifest(func(m map[string]any, _ refserver.JobInfo) {
		entry := map[string]any{"type": "Patient", "url": fmt.Sprint(m["request"])}
		list := make([]any, 100_000)
		for i := range list {
			list[i] = entry
		}
		m["output"] = list
	})
}

// markup puts HTML with scripts into every field that may reach a report, a stage at a time.
func markup() []hostileCase {
	quoted := strings.ReplaceAll(script, `"`, `\"`)
	outcome := `{"resourceType":"OperationOutcome","issue":[{"severity":"` + quoted + `","code":"` + quoted + `","details":{"text":"` + quoted + `"},"diagnostics":"` + quoted + `"}]}`
	header := []string{"Content-Type", `text/` + script, "X-Progress", script, "Retry-After", script, "X-Export-Status", script, "Preference-Applied", script,
		"WWW-Authenticate", script, "Expires", script, "Server", script, "Content-Encoding", script, "ETag", script}
	at := func(name string, s stage, status int, body string) hostileCase {
		return hostileCase{name: "markup in " + name, at: s, serve: answer(status, body, header...)}
	}
	return []hostileCase{
		at("refusals of kick-offs", atKickOff, 400, outcome),
		at("errors of polls", atStatus, 500, outcome),
		at("in-progress answers", atStatus, 202, outcome),
		at("answers to DELETE", atDelete, 400, outcome),
		at("refusals of files", atFile, 403, outcome),
		at("lines of files", atFile, 200, `{"resourceType":"`+quoted+`","id":"`+quoted+`","`+quoted+`":1}`+"\n"+script+"\n"),
		{name: "markup in the polling location", at: atKickOff, serve: answer(202, "", "Content-Location", "{base}/desk/"+script+"?"+script)},
		{name: "markup in the manifest", at: atStatus, serve: manifestOf(`"output":[{"type":"` + quoted + `","url":"{base}/` + quoted + `","` + quoted + `":1}],"outputOrganizedBy":"` + quoted + `","` + quoted + `":"x"`)},
		{name: "markup in instants of the manifest", at: atStatus, serve: answer(200, `{"transactionTime":"`+quoted+`","request":"`+quoted+`","requiresAccessToken":"`+quoted+`","output":"`+quoted+`","error":"`+quoted+`"}`, "Content-Type", "application/json")},
		{name: "markup in the CapabilityStatement", at: atMetadata, edit: func(b *refserver.Behaviour) {
			b.ThenCapability(func(m map[string]any) {
				m["software"] = map[string]any{"name": script, "version": script}
				m["fhirVersion"], m["instantiates"], m["implementationGuide"] = script, []any{script}, []any{script}
				rest := m["rest"].([]any)[0].(map[string]any)
				rest["operation"] = []any{map[string]any{"name": "export", "definition": "http://x/" + script + "/OperationDefinition/export"},
					map[string]any{"name": script, "definition": script}}
				for _, r := range rest["resource"].([]any)[:3] {
					r.(map[string]any)["type"] = script
				}
			})
		}},
		{name: "markup in smart-configuration", at: atSMART, whole: true, edit: func(b *refserver.Behaviour) {
			b.Auth.EditConfiguration = func(doc map[string]any) {
				for _, k := range []string{"scopes_supported", "capabilities", "grant_types_supported", "code_challenge_methods_supported"} {
					doc[k] = []string{script}
				}
				doc["issuer"], doc["jwks_uri"], doc["authorization_endpoint"] = script, script, script
			}
		}},
		{name: "markup in token responses", at: atToken, whole: true, edit: func(b *refserver.Behaviour) {
			b.Auth.EditTokenResponse = func(body map[string]any) { body["token_type"], body["scope"], body[script] = script, script, script }
			b.Auth.EditError = func(_ *int, body map[string]any, h http.Header) {
				body["error"], body["error_description"], body["error_uri"] = script, script, script
				h.Set("WWW-Authenticate", script)
			}
		}},
	}
}
