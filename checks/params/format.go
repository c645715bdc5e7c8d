package params

import (
	"context"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

func formatDefault() checks.Check {
	return checks.Check{
		ID:    "param.output-format-default",
		Title: "Without _outputFormat filtered exports are NDJSON too",
		// export.html#query-parameters, _outputFormat: "Defaults to application/fhir+ndjson."
		Doc: "The files of the export with _type are sent as application/fhir+ndjson, with any parameters of the media type, like those of the plain export. " +
			"Those are judged by file.content-type; where they are sent as something else, this check is inconclusive.",
		Requires: []string{"PARAM-002"}, Exports: twoTypes(), Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			wrong := func(sc session.Scenario) (*session.File, int) {
				_, set := t.Files(sc)
				n := 0
				for _, f := range set.Kind("output") {
					if f.Response == nil || f.Response.Status != 200 {
						continue
					}
					if n++; f.Response.MediaType() != "application/fhir+ndjson" {
						return f, n
					}
				}
				return nil, n
			}
			if f, _ := wrong(session.Baseline); f != nil {
				t.Inconclusivef("files of the plain export are sent with another Content-Type (see file.content-type)")
			}
			f, n := wrong(session.TwoTypes)
			t.Examined("%d files", n)
			if n == 0 {
				t.Inconclusivef("no file of the export with _type could be fetched")
			}
			if f != nil {
				t.Violates("PARAM-002", f.At(), "a file of the export with _type is sent as %q, although no _outputFormat was asked for", f.Response.MediaType())
			}
		},
	}
}

func organizeOmitted() checks.Check {
	return checks.Check{
		ID:    "param.organize-omitted",
		Title: "Without organizeOutputBy each file of a filtered export holds one type",
		// export.html#query-parameters, organizeOutputBy: "When omitted, servers SHALL organize each output file with resources of only single
		// type."
		Doc: "The files of the export with _type=Patient,Condition hold resources of one type each; contained resources do not count. Files of the plain export " +
			"are judged by ndjson.file-type.",
		Requires: []string{"PARAM-083"}, Exports: twoTypes(), Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			types := func(f *session.File) (n int) {
				for _, c := range f.Summary.ByType {
					if c.Type != "" {
						n++
					}
				}
				return n
			}
			_, all := t.Files(session.Baseline)
			for _, f := range all.Kind("output") {
				if types(f) > 1 {
					t.Inconclusivef("files of the plain export hold several types already (see ndjson.file-type)")
				}
			}
			_, set := t.Files(session.TwoTypes)
			n := 0
			for _, f := range set.Kind("output") {
				if !f.Read || f.Summary.Lines == 0 {
					continue
				}
				if n++; types(f) > 1 {
					t.Violates("PARAM-083", f.At(), "%s holds resources of %d types", f.Item.Name(), types(f))
				}
			}
			t.Examined("%d files", n)
			if n == 0 {
				t.Inconclusivef("no file of the export with _type could be read")
			}
			for _, f := range set.Kind("output") {
				if !f.Read {
					t.Inconclusivef("%s was not read: %s", f.Item.Name(), f.Reason)
				}
			}
		},
	}
}

func organizeComplete() checks.Check {
	return checks.Check{
		ID:    "param.organize-complete",
		Title: "Output organised by Patient holds what refers to the patients",
		// export.html#bulk-data-output-file-organization (3.0.0): each block holds the resource of its header "and resources that reference" it.
		Doc: "Where organizeOutputBy=Patient took effect, everything that the plain export has in the compartments of the organised export's patients, by the R4 " +
			"definition, comes organised, too, of every type that comes at all; a type left out altogether is judged by file.block-compartment. In which block it lies is judged with the files, how far further references are followed is open, and so " +
			"is Provenance and Group. Where something is missing, up to five resources are read over REST to see whether they changed meanwhile. " +
			"Skipped where the server refuses or ignores the parameter.",
		Requires: []string{"PARAM-082"}, Exports: []session.Scenario{session.Baseline, session.Organized}, Learns: true,
		Run: func(ctx context.Context, t *checks.T) {
			base := whole(t)
			ex := t.Session().Export(session.Organized)
			if ex.State == session.Refused && !AboutAccess(ex.KickOff.Status) && ex.KickOff.Status >= 400 {
				t.Skipf("the server refuses organizeOutputBy=Patient, which it may: %s", ex.Reason)
			}
			d := learn.Of(t.Session(), t.Export(session.Organized))
			if session.Text(ex.Manifest.Tree, "outputOrganizedBy") == "" {
				t.Skipf("the manifest has no outputOrganizedBy, so the server has ignored organizeOutputBy")
			}
			if d.Incomplete != "" {
				t.Inconclusivef("not all of the organised export could be read: %s", d.Incomplete)
			}
			n := missingFrom(ctx, t, base, d, "PARAM-082", "of patients' compartments in the plain export did not come with organizeOutputBy=Patient", func(e *learn.Entry) bool {
				typ := base.TypeOf(e.Row)
				return typ != "Patient" && typ != "Provenance" && typ != "Group" && d.Count(typ) > 0 && slices.ContainsFunc(e.Patients, d.HasPatient)
			})
			t.Examined("%d resources, %d expected", d.Resources, n)
			if n == 0 {
				t.Inconclusivef("the plain export has nothing in the compartments of the organised export's patients")
			}
		},
	}
}
