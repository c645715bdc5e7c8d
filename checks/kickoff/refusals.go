package kickoff

import (
	"context"
	"net/http"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/outcome"
	"github.com/bulkproof/bulkproof/checks/session"
)

// bad is a kick-off with something wrong in it, which a server should or may refuse.
type bad struct {
	what     string
	scenario session.Scenario
	edit     func(*session.Request)
	follow   bool // run the export to its end if it is accepted
}

// All requests with something wrong in them. Each is sent once, whichever checks look at its answer.
var (
	noSuchType    = bad{what: "an unknown resource type in _type", scenario: session.Scenario{}.With("_type", "BulkproofNoSuchType")}
	badSince      = bad{what: "a _since that is no instant", scenario: session.Scenario{}.With("_type", "Patient").With("_since", "not-a-date")}
	noSuchFormat  = bad{what: "an unknown _outputFormat", scenario: session.Scenario{}.With("_outputFormat", "application/x-bulkproof-no-such-format")}
	noSuchParam   = bad{what: "an unknown parameter", scenario: session.Scenario{}.With("_type", "Patient").With(session.UnknownParameter, "1")}
	noSuchGroup   = bad{what: "a Group that does not exist", scenario: session.Scenario{Level: session.Group, Group: "bulkproof-no-such-group-4d1f0c7a"}, follow: true}
	malformedPost = bad{what: "a POST body that breaks off", scenario: session.Posted, edit: func(r *session.Request) { r.Body = r.Body[:len(r.Body)/2] }}
)

// answer returns the answer to the bad kick-off and whether it started an export; the string says why there is no answer.
func (b bad) answer(s *session.Session) (res *session.Response, started bool, why string) {
	if b.follow {
		ex := s.Export(b.scenario)
		if ex.KickOff == nil {
			return nil, false, ex.Reason
		}
		return ex.KickOff, ex.Location != "", ""
	}
	p := s.ProbeEdited(b.scenario, b.name(), b.edit)
	return p.KickOff, p.Location != "", p.Reason
}

func (b bad) name() string {
	if b.edit == nil {
		return ""
	}
	return b.what
}

// refused returns all bad kick-offs that were sent and got an answer which is no acceptance, as far as they apply to the
// target.
func refused(s *session.Session) (out []refusal) {
	all := []bad{noSuchType, badSince, noSuchFormat, noSuchParam}
	if _, why := s.GroupID(); why == "" {
		all = append(all, noSuchGroup)
	}
	if s.Export(session.Posted).State != session.Refused {
		all = append(all, malformedPost)
	}
	for _, b := range all {
		res, started, _ := b.answer(s)
		if res == nil || res.Status == 0 || started || res.Status == http.StatusAccepted {
			continue
		}
		out = append(out, refusal{b, res})
	}
	return out
}

type refusal struct {
	bad
	res *session.Response
}

// judgeRefusal records a finding if the bad kick-off is accepted. A refusal with a wrong status is judged elsewhere.
func judgeRefusal(t *checks.T, b bad, req, what string) {
	res, started, why := b.answer(t.Session())
	switch {
	case why != "":
		t.Inconclusivef("%s", why)
	case res.Status == 0:
		t.Inconclusivef("the kick-off got no answer: %v", res.Err)
	case started || res.Status == http.StatusAccepted:
		t.Warns(req, res.At(), "%s is accepted with HTTP %d, where an error is expected", what, res.Status)
	case res.Status < 400:
		t.Inconclusivef("%s is answered with HTTP %d, which is neither an acceptance nor a refusal (see kickoff.error-status)", what, res.Status)
	case aboutAccess(res.Status):
		t.Inconclusivef("%s is answered with HTTP %d, which says nothing about the parameter", what, res.Status)
	default:
		t.Examined("refused with HTTP %d", res.Status)
	}
}

const refusalDoc = " Any error status passes; its body is judged by kickoff.error-outcome. An answer of 202 is a warning even if the job " +
	"fails later, since the client has to be told at once."

func unknownType() checks.Check {
	return checks.Check{
		ID:    "kickoff.unknown-type-refused",
		Title: "A kick-off that asks for an unknown resource type is refused",
		// export.html#query-parameters, _type: "a server SHOULD return an error and an OperationOutcome resource" when types are
		// not supported.
		Doc: "With _type naming a type that neither FHIR nor the server knows, a server should answer with an error, unless the client sent " +
			"Prefer: handling=lenient; this request does not." + refusalDoc,
		Requires: []string{"PARAM-030"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: observes(noSuchType),
		Run: func(_ context.Context, t *checks.T) {
			judgeRefusal(t, noSuchType, "PARAM-030", "a kick-off with _type=BulkproofNoSuchType")
		},
	}
}

func invalidSince() checks.Check {
	return checks.Check{
		ID:    "kickoff.invalid-since-refused",
		Title: "A kick-off with a _since that is no instant is refused",
		// export.html#response---output-manifest, error: invalid parameters are processed only "along with a Prefer:
		// handling=lenient header".
		Doc: "_since=not-a-date cannot be read generously. A server that ignores it sends everything where the client wanted changes only. The " +
			"refusal follows from the rule for lenient handling and has no sentence of its own: a warning." + refusalDoc,
		Requires: []string{"PARAM-009"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: observes(badSince),
		Run: func(_ context.Context, t *checks.T) {
			judgeRefusal(t, badSince, "PARAM-009", "a kick-off with _since=not-a-date")
		},
	}
}

func outputFormatUnsupported() checks.Check {
	return checks.Check{
		ID:    "kickoff.output-format-unsupported-refused",
		Title: "A kick-off that asks for an unknown _outputFormat is refused",
		// export.html#query-parameters, _outputFormat: "Servers SHALL support Newline Delimited JSON, but MAY choose to support
		// additional output formats."
		Doc: "The format application/x-bulkproof-no-such-format does not exist, so NDJSON in its place is not what the client asked for. The error " +
			"is not spelt out in the text: a warning." + refusalDoc,
		Requires: []string{"PARAM-009", "PARAM-004"},
		Exports:  []session.Scenario{session.Baseline},
		Observes: observes(noSuchFormat),
		Run: func(_ context.Context, t *checks.T) {
			judgeRefusal(t, noSuchFormat, "PARAM-009", "a kick-off with _outputFormat=application/x-bulkproof-no-such-format")
		},
	}
}

func unknownGroup() checks.Check {
	return checks.Check{
		ID:    "kickoff.unknown-group-refused",
		Title: "A kick-off for a Group that does not exist exports nothing",
		// export.html#endpoint---group-of-patients: the operation is "to obtain a detailed set of FHIR resources … pertaining to all
		// members of a specified Group".
		Doc: "A Group id that cannot exist has no members, so there is nothing to export. Any error status passes, 403 and 404 alike. A job that is " +
			"accepted and then fails, or is empty, passes with a note, since nothing says when a request is validated. Exporting data under an " +
			"invented id is a violation.",
		Requires: []string{"KICKOFF-011"},
		Needs:    []checks.Need{checks.NeedGroup},
		Observes: observes(noSuchGroup),
		Run: func(_ context.Context, t *checks.T) {
			ex := t.Session().Export(noSuchGroup.scenario)
			switch {
			case ex.KickOff == nil || ex.KickOff.Status == 0:
				t.Inconclusivef("the kick-off got no answer: %s", ex.Reason)
			case ex.State == session.Refused:
				t.Examined("refused with HTTP %d", ex.KickOff.Status)
			case ex.State == session.Completed && ex.Manifest.Tree != nil && len(ex.Manifest.Output) > 0:
				t.Violates("KICKOFF-011", ex.Final().At(), "the export of a Group that does not exist has %d output files (%s)", len(ex.Manifest.Output), list(types(ex)))
			case ex.State == session.Completed && ex.Manifest.Tree != nil:
				t.Note("the export of a Group that does not exist is accepted and empty; a refusal would tell the client of its mistake")
			case ex.State == session.Failed:
				t.Note("the export of a Group that does not exist is accepted and then fails: %s", ex.Reason)
			default:
				t.Inconclusivef("the export of a Group that does not exist: %s", ex.Reason)
			}
		},
	}
}

func errorExports() []session.Scenario { return []session.Scenario{session.Baseline, session.Posted} }

// observes declares the kick-offs that checks on bad requests share.
func observes(list ...bad) []checks.Observation {
	out := make([]checks.Observation, len(list))
	for i, b := range list {
		out[i] = checks.Observation{Name: "kick-off with " + b.what, Cost: checks.Cost{KickOffs: 1}}
	}
	return out
}

func allBad() []checks.Observation {
	return observes(noSuchType, badSince, noSuchFormat, noSuchParam, noSuchGroup, malformedPost)
}

func errorStatus() checks.Check {
	return checks.Check{
		ID:    "kickoff.error-status",
		Title: "A refused kick-off is answered with a 4XX or 5XX status",
		Doc: "Kick-offs with something wrong in them are sent: an unknown type, parameter, format and Group, a malformed instant, a broken POST body. " +
			"Where the server does not start an export, the status has to be an error; 200 with an OperationOutcome, or a redirect that ends in a " +
			"page, is a violation. Starting an export all the same is not judged here.",
		Requires: []string{"ERROR-001", "ASYNC-013"},
		Exports:  errorExports(),
		Observes: allBad(),
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, r := range refused(t.Session()) {
				n++
				// export.html#response---error-eg-unsupported-search-parameter: "HTTP Status Code of 4XX or 5XX".
				if r.res.Status < 400 {
					t.Violates("ERROR-001", r.res.At(), "a kick-off with %s starts no export and is answered with %s", r.what, r.res.Describe())
				}
			}
			if n == 0 {
				t.Skipf("the server refused none of the bad kick-offs, so there is no refusal to judge")
			}
			t.Examined("%d refusals", n)
		},
	}
}

func errorOutcome() checks.Check {
	return checks.Check{
		ID:    "kickoff.error-outcome",
		Title: "A refused kick-off carries a valid OperationOutcome in JSON",
		Doc: "The body of each refusal is decoded strictly and has to be an OperationOutcome: an array of at least one issue, each with a severity " +
			"and a code of FHIR's value sets. Statuses that mostly come from a layer in front of the FHIR server (401, 403, 413, 414, 429, 502 to " +
			"504) give a warning only, and so does a severity or code that the value set lacks. The media type is judged by " +
			"kickoff.error-content-type.",
		Requires: []string{"ERROR-002"},
		Exports:  errorExports(),
		Observes: allBad(),
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, r := range refused(t.Session()) {
				if r.res.Status < 400 {
					continue
				}
				if r.res.Err != nil {
					t.Note("the refusal of %s could not be read to its end: %v", r.what, r.res.Err)
					continue
				}
				n++
				o := outcome.Read(r.res)
				at := r.res.At().In(o.Pointer)
				// export.html#response---error-eg-unsupported-search-parameter: "The body SHALL be a FHIR OperationOutcome resource in
				// JSON format".
				switch {
				case o.Kind == outcome.Fine:
				case o.Kind == outcome.Odd || outcome.Gateway(r.res.Status):
					t.Warns("ERROR-002", at, "the refusal (HTTP %d) of %s is not a valid OperationOutcome: %s", r.res.Status, r.what, o.Problem)
				default:
					t.Violates("ERROR-002", at, "the refusal (HTTP %d) of %s is not a valid OperationOutcome: %s", r.res.Status, r.what, o.Problem)
				}
			}
			if n == 0 {
				t.Skipf("the server refused none of the bad kick-offs with an error status, so there is no body to judge")
			}
			t.Examined("%d refusals", n)
		},
	}
}

func errorContentType() checks.Check {
	return checks.Check{
		ID:    "kickoff.error-content-type",
		Title: "The OperationOutcome of a refused kick-off is sent as application/fhir+json",
		// export.html#headers, Accept: "Specifies the format of the optional FHIR OperationOutcome resource response to the kick-off
		// request. Currently, only application/fhir+json is supported."
		Doc: "Every kick-off asks for application/fhir+json. Media type parameters and letter case do not matter, and application/json passes with " +
			"a note. Bodies that are no OperationOutcome are judged by kickoff.error-outcome.",
		Requires: []string{"KICKOFF-017"},
		Exports:  errorExports(),
		Observes: allBad(),
		Run: func(_ context.Context, t *checks.T) {
			n := 0
			for _, r := range refused(t.Session()) {
				if o := outcome.Read(r.res); r.res.Err != nil || r.res.Status < 400 || o.Kind > outcome.Flawed {
					continue
				} else if n++; !o.JSONType {
					t.Violates("KICKOFF-017", r.res.At(), "the OperationOutcome that refuses %s has the media type %q", r.what, r.res.MediaType())
				} else if !outcome.FHIRType(r.res) {
					t.Note("the OperationOutcome that refuses %s is sent as %s", r.what, r.res.MediaType())
				}
			}
			if n == 0 {
				t.Inconclusivef("no refusal has an OperationOutcome, so there is no media type to judge")
			}
			t.Examined("%d refusals", n)
		},
	}
}
