package refserver

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// Variation is a legal way to be different: a server that varies so conforms, and a judge that finds
// fault with it is wrong. It is the counterpart of a Fault.
type Variation struct {
	// Name is stable, lower-case, with dashes: "first-poll-complete".
	Name string
	// Doc is a sentence: what differs, and what permits it.
	Doc string
	// Versions lists the IG versions under which it is legal; empty means 2.0.0 and 3.0.0.
	Versions []string
	// NeedsTLS and NeedsAuth say what the Config has to have for the variation to show.
	NeedsTLS, NeedsAuth bool
	// Apply changes a conforming Config.
	Apply func(*Config)
}

// Variations returns every variation, sorted by name. The slice is the caller's own.
func Variations() []Variation {
	all := []Variation{
		{Name: "first-poll-complete", Doc: "The first poll finds the job complete; nothing obliges a server to show 202.",
			Apply: func(c *Config) { c.JobTime, c.PollsUntilDone = 0, 0 }},
		{Name: "many-polls", Doc: "The job takes several polls; no limit is set for the length of a job.",
			Apply: func(c *Config) { c.JobTime, c.PollsUntilDone = 0, 4 }},
		{Name: "group-only", Doc: "Only the group level is offered, and the CapabilityStatement says so.",
			Apply: func(c *Config) { c.Levels = []Level{GroupLevel} }},
		{Name: "no-system-level", Doc: "The system level is not offered, and the CapabilityStatement says so.",
			Apply: func(c *Config) { c.Levels = []Level{PatientLevel, GroupLevel} }},
		{Name: "system-only", Doc: "Only the system level is offered, and the CapabilityStatement says so.",
			Apply: func(c *Config) { c.Levels = []Level{SystemLevel} }},
		{Name: "absolute-references", Doc: "References are absolute URLs below the FHIR base.",
			Apply: func(c *Config) { c.AbsoluteReferences = true }},
		{Name: "one-file-per-type", Doc: "Each type is in a single file.",
			Apply: func(c *Config) { c.ResourcesPerFile = 1 << 30 }},
		{Name: "many-files-per-type", Doc: "Types are spread over many small files, and resource blocks too large for one go on in the next.",
			Apply: func(c *Config) { c.ResourcesPerFile = 60 }},
		{Name: "capability-urls", Doc: "requiresAccessToken is false and the file URLs, of another origin, are authorization enough.", NeedsAuth: true,
			Apply: func(c *Config) { c.CapabilityURLs, c.FilesListener = true, true }},
		{Name: "files-other-origin", Doc: "Files are served by another origin, with the same tokens.",
			Apply: func(c *Config) { c.FilesListener = true }},
		{Name: "files-redirected", Doc: "A file request is answered with 307 to storage of another origin that needs no token.",
			Apply: func(c *Config) { c.RedirectFiles, c.FilesListener = true, true }},
		{Name: "charset-parameters", Doc: "Media types carry parameters and odd letter case.",
			Apply: varyAnswer(func(a *Answer) {
				if t := a.Header.Get("Content-Type"); strings.Contains(t, "json") && !strings.Contains(t, ";") {
					a.Header.Set("Content-Type", strings.Replace(t, "application", "Application", 1)+"; charset=UTF-8")
				}
			})},
		{Name: "weak-etags", Doc: "Answers carry weak entity tags.",
			Apply: varyAnswer(func(a *Answer) { a.Header.Set("ETag", `W/"1"`) })},
		{Name: "chunked", Doc: "No answer has a Content-Length.",
			Apply: varyAnswer(func(a *Answer) { a.Chunked = true })},
		{Name: "manifest-extension", Doc: "The manifest and its items carry extensions.",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				m["extension"] = map[string]any{"https://bulkproof.example/shelf": "north"}
				for _, item := range m["output"].([]any) {
					item.(map[string]any)["extension"] = map[string]any{"https://bulkproof.example/colour": 3}
				}
			})},
		{Name: "no-count", Doc: "The manifest items have no count, which is optional.",
			Apply: varyManifest(func(m map[string]any, _ JobInfo) {
				for _, list := range []string{"output", "deleted", "error"} {
					items, _ := m[list].([]any)
					for _, item := range items {
						delete(item.(map[string]any), "count")
					}
				}
			})},
		{Name: "instant-with-offset", Doc: "transactionTime is written with an offset and nine digits of fraction.",
			Apply: varyManifest(func(m map[string]any, j JobInfo) {
				m["transactionTime"] = j.TransactionTime.In(time.FixedZone("", 2*3600)).Format("2006-01-02T15:04:05.000000000-07:00")
			})},
		{Name: "progress-free-text", Doc: "X-Progress is prose.",
			Apply: varyAnswer(func(a *Answer) {
				if a.Header.Get("X-Progress") != "" {
					a.Header.Set("X-Progress", "Still at it — the archive is large; please be patient")
				}
			})},
		{Name: "no-progress", Doc: "There is no X-Progress header, which is optional.",
			Apply: varyAnswer(func(a *Answer) { a.Header.Del("X-Progress") })},
		{Name: "retry-after-date", Doc: "Retry-After is an HTTP-date.",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Status && a.Header.Get("Retry-After") != "" {
					a.Header.Set("Retry-After", a.Now.Add(time.Second).Format(http.TimeFormat))
				}
			})},
		{Name: "throttled-once", Doc: "The first poll of a job is answered with 429 and Retry-After.",
			Apply: func(c *Config) {
				c.Behaviour.TransientStatus = func(j JobInfo) int {
					if j.Poll == 1 {
						return http.StatusTooManyRequests
					}
					return 0
				}
			}},
		{Name: "unavailable-once", Doc: "The first poll of a job is answered with 503, Retry-After and a transient issue.",
			Apply: func(c *Config) {
				c.Behaviour.TransientStatus = func(j JobInfo) int {
					if j.Poll == 1 {
						return http.StatusServiceUnavailable
					}
					return 0
				}
			}},
		{Name: "refusals-422", Doc: "Bad kick-offs are refused with 422 in place of 400; any 4XX will do.",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == KickOff && a.Status == http.StatusBadRequest {
					a.Status = http.StatusUnprocessableEntity
				}
			})},
		{Name: "refusals-501", Doc: "Bad kick-offs are refused with 501 in place of 400; any 5XX will do.",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == KickOff && a.Status == http.StatusBadRequest {
					a.Status = http.StatusNotImplemented
				}
			})},
		{Name: "outcome-on-success", Doc: "Accepted kick-offs and deletions carry an informational OperationOutcome.",
			Apply: varyAnswer(func(a *Answer) {
				if a.Status == http.StatusAccepted && (a.Endpoint == KickOff || a.Endpoint == Delete) {
					a.Header.Set("Content-Type", fhirJSON)
					a.Body = outcome("information", Issue{Code: "informational", Text: "Accepted."})
				}
			})},
		{Name: "headers-required", Doc: "A kick-off without Accept or without Prefer is refused.",
			Apply: func(c *Config) { c.Behaviour.RequireAccept, c.Behaviour.RequirePrefer = true, true }},
		{Name: "no-post", Doc: "Kick-off by POST is not offered.",
			Apply: func(c *Config) { c.Behaviour.NoPost = true }},
		{Name: "few-parameters", Doc: "Of the parameters only _outputFormat, _since and _type are supported; others are refused.",
			Apply: func(c *Config) {
				c.Behaviour.Unsupported = []string{"_until", "_elements", "patient", "includeAssociatedData", "_typeFilter",
					"organizeOutputBy", "allowPartialManifests", "separate-export-status"}
				c.Behaviour.Capability = func(m map[string]any) {
					for _, res := range m["rest"].([]any)[0].(map[string]any)["resource"].([]any) {
						if r := res.(map[string]any); r["type"] != "Group" {
							delete(r, "searchParam")
						}
					}
				}
			}},
		{Name: "complete-stays", Doc: "A complete job cannot be deleted: DELETE is answered with 409.",
			Apply: func(c *Config) { c.Behaviour.KeepComplete = true }},
		{Name: "delete-idempotent", Doc: "Deleting what is not there is answered with 202.",
			Apply: varyAnswer(func(a *Answer) {
				if a.Endpoint == Delete && a.Status == http.StatusNotFound {
					a.Status, a.Body = http.StatusAccepted, []byte{}
					a.Header.Del("Content-Type")
				}
			})},
		{Name: "files-outlive-delete", Doc: "Files of a deleted job stay until they expire.",
			Apply: func(c *Config) { c.Behaviour.FilesOutliveDelete = true }},
		{Name: "gzip-always", Doc: "Files are compressed with gzip whatever was asked for, and say so.",
			Apply: func(c *Config) { c.Behaviour.GzipAlways = true }},
		{Name: "gzip-never", Doc: "Files are never compressed.",
			Apply: func(c *Config) { c.Behaviour.GzipNever = true }},
		{Name: "supporting-resources", Doc: "Patient and group exports without _type hold the Organizations, Practitioners, Locations and Medications too.",
			Apply: func(c *Config) { c.Behaviour.Keep = keepSupporting }},
	}
	slices.SortFunc(all, func(a, b Variation) int { return cmpString(a.Name, b.Name) })
	return all
}

func varyAnswer(f func(*Answer)) func(*Config) {
	return func(c *Config) { c.Behaviour.ThenAnswer(f) }
}

func varyManifest(f func(map[string]any, JobInfo)) func(*Config) {
	return func(c *Config) { c.Behaviour.ThenManifest(f) }
}

// keepSupporting adds the types that help to read patient data, when the client named no types.
func keepSupporting(j JobInfo, r *dataset.Resource, include bool) bool {
	if include || !j.Granted(r.Type) || j.Export.Level == SystemLevel || j.Export.Types != nil || !j.Export.Since.IsZero() || !j.Export.Until.IsZero() {
		return include
	}
	switch r.Type {
	case "Organization", "Practitioner", "PractitionerRole", "Location", "Medication":
		return len(j.Export.filtersFor(r.Type)) == 0
	}
	return false
}
