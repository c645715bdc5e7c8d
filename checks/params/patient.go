package params

import (
	"context"
	"fmt"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

// OnePatient is the Patient-level export of one patient, asked for with the patient parameter, without _type.
type OnePatient struct {
	*trial
	patient *record
	others  int // patients that must not appear
	why     string
}

// Key returns the key of the patient asked for.
func (o *OnePatient) Key() uint64 { return o.patient.key }

// PatientCost is what the shared export of one patient costs.
// It is asked for by POST, which the shared POST export shows to work.
var PatientCost = []checks.Observation{{Name: "the export of one patient at the Patient level", Cost: checks.Cost{KickOffs: 1}}}

// One returns the shared export of one patient, chosen from the plain export. The check is inconclusive if there is no
// choice.
func One(t *checks.T) *OnePatient {
	base := Plain(t)
	needPost(t)
	o := choose(t, "patient", func() *OnePatient {
		list, err := records(base)
		p := best(list, 0)
		switch {
		case err != nil:
			return &OnePatient{why: err.Error()}
		case p == nil:
			return &OnePatient{why: "the plain export has no Patient to choose"}
		case base.Patients() < 2:
			return &OnePatient{why: "the plain export has one Patient only, so there is nobody to leave out"}
		}
		sc := session.Scenario{Level: session.Patient, Post: true}.With("patient", "Patient/"+p.id)
		return &OnePatient{trial: attempt(t.Session(), "patient", sc), patient: p, others: base.Patients() - 1}
	})
	if o.why != "" {
		t.Inconclusivef("%s", o.why)
	}
	return o
}

// Data returns what was learned of the export; the check is skipped where the server refuses the parameter.
func (o *OnePatient) Data(t *checks.T) *learn.Data { return o.data(t, "patient") }

const patientDoc = " The patient is chosen from the plain export. By the letter nothing may come that lies in another patient's compartment; resources " +
	"that lie in both, such as appointments, groups and family links, pass all the same, as the listed patient's own record would be cut otherwise."

func patientOnlyListed() checks.Check {
	return checks.Check{
		ID:    "param.patient-only-listed",
		Title: "With patient no other Patient resource comes",
		// export.html#query-parameters, patient: "the server SHALL NOT return resources in the patient compartments belonging to patients
		// outside of this list."
		Doc: "A POST to Patient/$export with one patient. Other Patient resources fail, except that one which a returned resource refers to is a warning, and " +
			"one that is linked with the listed one passes." + patientDoc,
		Requires: []string{"PARAM-047", "PARAM-050"}, Needs: []checks.Need{checks.NeedPatient}, Exports: posting(), Observes: PatientCost, Learns: true,
		Ahead: true,
		Run: func(_ context.Context, t *checks.T) {
			base, o := Plain(t), One(t)
			d := o.Data(t)
			foreign, referred := newTally(d), newTally(d)
			var n int64
			must(t, d.Each(learn.Patients|learn.Refs, func(e *learn.Entry) {
				if d.TypeOf(e.Row) != "Patient" {
					return
				}
				n++
				switch {
				case e.Row.Key == o.patient.key || slices.Contains(e.Patients, o.patient.key):
				case slices.ContainsFunc(e.Refs, func(r learn.Edge) bool { return d.From(&r) != "Patient" }) && d.Patients() < max(3, o.others*9/10):
					referred.add(e.Row)
				default:
					foreign.add(e.Row)
				}
			}))
			t.Examined("%d Patient resources, %d others in the plain export", n, o.others)
			foreign.violates(t, "PARAM-047", "came that was not listed in patient")
			if foreign.total() > 0 && foreign.total() >= int64(o.others*9/10) && d.Resources >= base.Resources/2 {
				t.Violates("PARAM-050", d.Export.KickOff.At(), "patient is accepted and ignored; a server without it should refuse it")
			}
			referred.warns(t, "PARAM-047", "came that was not listed in patient, though something returned refers to it")
		},
	}
}

func patientCompartments() checks.Check {
	return checks.Check{
		ID:    "param.patient-compartments",
		Title: "With patient nothing of other patients comes, in any file",
		Doc: "A POST to Patient/$export with one patient. Every resource of every file is looked at by the R4 Patient compartment definition: one that lies in " +
			"compartments, but not in that of the listed patient, fails. Patient resources are judged by param.patient-only-listed; where all of " +
			"them come, this check says nothing more. Resources in no compartment pass." + patientDoc,
		Requires: []string{"PARAM-047"}, Needs: []checks.Need{checks.NeedPatient}, Exports: posting(), Observes: PatientCost, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			o := One(t)
			d := o.Data(t)
			if d.Patients() > 1 && d.Patients() > o.others*9/10 {
				t.Inconclusivef("all Patient resources come, patient or not (see param.patient-only-listed)")
			}
			n := foreignTo(t, d, o.patient.key, "PARAM-047", "in the compartment of a patient that was not listed came")
			t.Examined("%d resources, %d of them in compartments", d.Resources, n)
			if n == 0 {
				t.Inconclusivef("nothing in any compartment came besides Patient resources")
			}
		},
	}
}

// foreignTo reports what lies in compartments, but not in the patient's, Patient resources aside. It returns how many
// resources lie in compartments.
func foreignTo(t *checks.T, d *learn.Data, patient uint64, requirement, what string) int64 {
	foreign := newTally(d)
	var n int64
	must(t, d.Each(learn.Patients, func(e *learn.Entry) {
		if len(e.Patients) == 0 || d.TypeOf(e.Row) == "Patient" {
			return
		}
		if n++; !slices.Contains(e.Patients, patient) {
			foreign.add(e.Row)
		}
	}))
	foreign.violates(t, requirement, what)
	return n
}

func patientGroup() checks.Check {
	return checks.Check{
		ID:    "param.patient-group",
		Title: "With patient a Group export holds nothing of other members",
		Doc: "A POST to Group/[id]/$export with one member: no other Patient resource that nothing refers to, and nothing in the compartments of others " +
			"only. Skipped where the server refuses patient in Group exports, inconclusive where it is no better at the Patient level." + patientDoc,
		Requires: []string{"PARAM-047"}, Needs: []checks.Need{checks.NeedGroup}, Exports: append(posting(), session.GroupLevel),
		Observes: slicedCost, Learns: true, Spare: 1,
		Run: func(_ context.Context, t *checks.T) {
			base, sl := Plain(t), sliced(t)
			d := sl.data(t, "patient")
			if d.Patients() > 2 && t.Discovery().Declares(session.Patient) {
				if o := One(t); o.export != nil && learn.Of(t.Session(), o.export).Patients() > 2 {
					t.Inconclusivef("patient has no effect at the Patient level either (see param.patient-only-listed)")
				}
			}
			foreign, n := newTally(d), int64(0)
			must(t, learn.Both(base, d, learn.Patients|learn.Refs, func(b, e *learn.Entry) {
				if e.Row == nil {
					return
				}
				// _elements may have taken the reference to the patient away.
				patients := append(slices.Clone(e.Patients), b.Patients...)
				referred := slices.ContainsFunc(e.Refs, func(r learn.Edge) bool { return d.From(&r) != "Patient" })
				if len(patients) == 0 || d.TypeOf(e.Row) == "Patient" && referred {
					return
				}
				if n++; !slices.Contains(patients, sl.member.key) {
					foreign.add(e.Row)
				}
			}))
			foreign.violates(t, "PARAM-047", "of a patient that was not listed came")
			t.Examined("%d resources, %d of them in compartments", d.Resources, n)
			if n == 0 {
				t.Inconclusivef("nothing in any compartment came besides Patient resources")
			}
		},
	}
}

// provenanceOf returns the keys of the Provenance of the plain export that is about resources of another export, and how
// many of them that one has.
func provenanceOf(t *checks.T, base, d *learn.Data, about func(b, e *learn.Entry) bool) (need, have map[uint64]bool) {
	need = map[uint64]bool{}
	must(t, learn.Both(base, d, learn.Patients|learn.Witnesses, func(b, e *learn.Entry) {
		if e.Row == nil || d.TypeOf(e.Row) == "Provenance" || !about(b, e) {
			return
		}
		for _, w := range b.Witnesses {
			need[w.Provenance] = true
		}
	}))
	have, err := d.Has(need)
	must(t, err)
	return need, have
}

func provenancePatient() checks.Check {
	return checks.Check{
		ID:    "param.provenance-patient",
		Title: "A Patient-level export holds the Provenance about the patients' data",
		// export.html#query-parameters, below the table: "the server SHALL include all available Provenance resources whose
		// Provenance.target is a resource in the Patient compartment in a patient level export request".
		Doc: "The export of one patient without _type and includeAssociatedData: the Provenance that the plain export has about resources of the patient is " +
			"there. None at all is the failure, single missing ones are a warning. The Group level is not named by the text and not judged.",
		Requires: []string{"PARAM-062"}, Needs: []checks.Need{checks.NeedPatient}, Exports: posting(), Observes: PatientCost, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, o := Plain(t), One(t)
			d := o.Data(t)
			need, have := provenanceOf(t, base, d, func(_, e *learn.Entry) bool { return slices.Contains(e.Patients, o.patient.key) })
			t.Examined("%d Provenance resources of %d expected", len(have), len(need))
			switch {
			case len(need) == 0:
				t.Inconclusivef("the plain export has no Provenance about the patient's resources")
			case len(have) == 0:
				t.Violates("PARAM-062", d.Export.Final().At(), "the export of a patient holds none of %s about it in the plain export", plural(int64(len(need)), "Provenance resource"))
			case len(have) < len(need):
				t.Warns("PARAM-062", d.Export.Final().At(), "the export of a patient holds %d of %d Provenance resources about it in the plain export", len(have), len(need))
			}
		},
	}
}

func provenanceSystem() checks.Check {
	return checks.Check{
		ID:    "param.provenance-system",
		Title: "A system-level export holds all Provenance",
		// export.html#query-parameters, below the table: "and all available Provenance resources in a system level export request".
		Doc: "Provenance that other exports of this run return, last updated before the transactionTime of the plain system-level export, is in that one too. " +
			"None at all is the failure, single missing ones are a warning. Not judged where the plain export runs at another level.",
		Requires: []string{"PARAM-063"}, Needs: []checks.Need{checks.NeedSystem}, Exports: append(posting(), session.GroupLevel), Observes: PatientCost, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base := whole(t)
			if base.Export.Scenario.Level != session.System {
				t.Skipf("the plain export runs at the %s level", base.Export.Scenario.Level)
			}
			tt, _ := transactionTime(base.Export)
			seen, missing := map[uint64]bool{}, map[uint64]bool{}
			look := func(d *learn.Data) {
				must(t, learn.Both(base, d, 0, func(b, e *learn.Entry) {
					if e.Row == nil || d.TypeOf(e.Row) != "Provenance" || e.Row.Updated != learn.NoTime && e.Row.Updated > tt-second {
						return
					}
					if seen[e.Row.Key] = true; b.Row == nil {
						missing[e.Row.Key] = true
					}
				}))
			}
			if _, why := t.Session().GroupID(); why == "" {
				if ex := t.Session().Export(session.GroupLevel); ex.State == session.Completed && ex.Manifest.Tree != nil {
					look(learn.Of(t.Session(), ex))
				}
			}
			if t.Discovery().Declares(session.Patient) && base.Patients() > 1 {
				if o := One(t); o.export != nil {
					look(learn.Of(t.Session(), o.export))
				}
			}
			t.Examined("%d Provenance resources, %d seen in other exports", base.Count("Provenance"), len(seen))
			switch {
			case len(seen) == 0 && base.Count("Provenance") == 0:
				t.Inconclusivef("no export has a Provenance")
			case len(missing) > 0 && base.Count("Provenance") == 0:
				t.Violates("PARAM-063", base.Export.Final().At(), "the system-level export has no Provenance, although other exports have %d", len(seen))
			case len(missing) > 0:
				t.Warns("PARAM-063", base.Export.Final().At(), "%s of other exports missing in the system-level one", fmt.Sprintf("%d of %d Provenance resources are", len(missing), len(seen)))
			}
		},
	}
}
