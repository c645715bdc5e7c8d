package manifest

import (
	"context"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

// as reads the transactionTime of an export; the check is inconclusive if it is not an instant.
func as(t *checks.T, ex *session.Export) time.Time {
	tt, ok := parseInstant(ex.Manifest.TransactionTime)
	if !ok {
		t.Inconclusivef("transactionTime is not an instant (see manifest.transaction-time-instant)")
	}
	return tt
}

// clockGrain is how exact instants and the Date header are compared: lastUpdated and transactionTime may be taken a moment
// apart, and by clocks of two machines.
const clockGrain = 2 * time.Second

// together is how far two exports may lie apart to be compared: data may be loaded meanwhile that keep an older
// lastUpdated.
const together = 10 * time.Minute

func everythingUntil() checks.Check {
	return checks.Check{
		ID:    "manifest.everything-until-transaction-time",
		Title: "An export holds everything that was last updated before its transactionTime",
		// export.html#response---output-manifest, transactionTime: the response "SHALL include any matching resources modified up to
		// and including this instant".
		Doc: "The plain export is compared with one that begins after it has ended and asks for Patients changed since 2001. What the later one has, last updated " +
			"more than two seconds before the transactionTime of the plain one, was there when that one was made, and has to be in it. A server that " +
			"exports a copy of its data of last night says so by its transactionTime and passes. Not judged: Group-level exports, whose members may " +
			"change; two exports at different levels, or whose transactionTimes lie more than ten minutes apart or in the wrong order; resources " +
			"without meta.lastUpdated.",
		Requires: []string{"MANIFEST-004"},
		Exports:  []session.Scenario{session.Baseline, session.SinceLongAgo},
		Learns:   true,
		Run: func(_ context.Context, t *checks.T) {
			s := t.Session()
			plain := final(t)
			tt := as(t, plain)
			later := s.Export(session.SinceLongAgo)
			if later.State == session.Refused {
				t.Inconclusivef("the server refuses the export to compare with, which its own checks judge: %s", later.Reason)
			}
			later = t.Export(session.SinceLongAgo)
			switch gap := as(t, later).Sub(tt); {
			case plain.Scenario.Level != later.Scenario.Level:
				t.Inconclusivef("the plain export is at the %s level and the one to compare with at the %s level", plain.Scenario.Level, later.Scenario.Level)
			case plain.Scenario.Level == session.Group:
				t.Skipf("only Group-level exports are offered, and members of a Group may change between two of them")
			case gap < 0 || gap > together:
				t.Skipf("the transactionTimes of two exports lie %s apart; only exports with less than %s between them are compared", gap.Round(time.Second), together)
			}
			if _, ok := plain.Manifest.Tree["output"].([]any); !ok {
				t.Inconclusivef("the plain export has no output array (see manifest.output)")
			}
			a, b := learn.Of(s, plain), learn.Of(s, later)
			if a.Incomplete != "" {
				t.Inconclusivef("not all resources of the plain export are known: %s", a.Incomplete)
			}
			limit := tt.Add(-clockGrain).UnixNano()
			var missing, compared int64
			var first *learn.Row
			err := learn.Both(a, b, 0, func(x, y *learn.Entry) {
				if y.Row == nil || y.Row.Updated == learn.NoTime || y.Row.Updated > limit {
					return
				}
				if compared++; x.Row != nil {
					return
				}
				if missing++; first == nil || y.Row.Before(first) {
					row := *y.Row
					first = &row
				}
			})
			t.Examined("%d Patients", compared)
			switch {
			case err != nil:
				t.Inconclusivef("what was learned of the files cannot be read: %v", err)
			case missing > 0:
				t.Violates("MANIFEST-004", b.At(first), "the plain export lacks %d of %d Patients that were last updated before its transactionTime and that a later export has, the first "+
					"of them at %s", missing, compared, b.Place(first))
			case b.Incomplete != "":
				t.Inconclusivef("not all resources of the later export are known: %s", b.Incomplete)
			case compared == 0:
				t.Skipf("no Patient has a meta.lastUpdated before transactionTime")
			}
		},
	}
}

func deletionsTold() checks.Check {
	return checks.Check{
		ID:    "manifest.deletions-told",
		Title: "An export with _since lists the deletions since then",
		// export.html#response---output-manifest, deleted: "When a _since timestamp is supplied in the export request, this array
		// SHOULD be populated with output files containing FHIR Transaction Bundles that indicate which FHIR resources match the
		// kick-off request criteria, but have been deleted subsequent to the _since date." Where "the server has other reasons to
		// avoid exposing these data", it may leave the array out or empty.
		Doc: "Nobody but the tester can tell what was deleted: --known-deleted-patients names Patients, and the deleted files of an export of Patients with " +
			"_since in 2001 have to name them too. Without the option nothing is judged. Skipped where the array is missing or empty: a server may have reasons not to tell of " +
			"deletions at all.",
		Requires: []string{"MANIFEST-023"},
		Exports:  []session.Scenario{session.SinceLongAgo},
		Learns:   true,
		Run: func(_ context.Context, t *checks.T) {
			known := t.Session().Config().Known.DeletedPatients
			if len(known) == 0 {
				t.Note("no deletion is known; name a Patient with --known-deleted-patients to see whether the server tells of it")
				return
			}
			if ex := t.Session().Export(session.SinceLongAgo); ex.State == session.Refused {
				t.Inconclusivef("the server refuses the export with _since, which its own checks judge: %s", ex.Reason)
			}
			ex, set := t.Files(session.SinceLongAgo)
			if len(ex.Manifest.Deleted) == 0 {
				t.Skipf("the manifest of an export with _since lists no deleted files, for which a server may have its reasons")
			}
			told, _ := learn.Of(t.Session(), ex).Deleted()
			for i, id := range known {
				if told[learn.Key("Patient", id)] {
					continue
				}
				for _, f := range set.Kind("deleted") {
					if !f.Read {
						t.Inconclusivef("%s was not read to its end: %s", f.Item.Name(), f.Reason)
					}
				}
				if set.DeletionsLost > 0 {
					t.Inconclusivef("there are too many deletions to look for one of them")
				}
				t.Violates("MANIFEST-023", at(ex, "/deleted"), "the deleted files do not name the Patient that --known-deleted-patients names as number %d", i+1)
			}
			t.Examined("%d known deletions", len(known))
		},
	}
}
