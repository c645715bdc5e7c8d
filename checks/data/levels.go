package data

import (
	"context"
	"net/http"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/params"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/fixtures/compartment"
)

// learned returns what was learned of a shared export; the check is inconclusive unless all of it could be read.
func learned(t *checks.T, sc session.Scenario) *learn.Data {
	d := learn.Of(t.Session(), t.Export(sc))
	if d.Incomplete != "" {
		t.Inconclusivef("not all of the export (%s) could be read: %s", d.Export.Scenario, d.Incomplete)
	}
	return d
}

// above returns what was learned of the plain export, if that is at the system level: then it shows what other levels
// should hold. Otherwise the check is skipped where the server does not offer that level, which it need not, and
// inconclusive where it should have run there.
func above(t *checks.T) *learn.Data {
	base := params.Whole(t)
	if d := t.Discovery(); base.Export.Scenario.Level != session.System && d.Capability != nil && !d.Declares(session.System) {
		t.Skipf("the CapabilityStatement declares no system-level export, which alone would show what else there is than at the %s level", base.Export.Scenario.Level)
	}
	if base.Export.Scenario.Level != session.System {
		t.Inconclusivef("the plain export runs at the %s level, so nothing shows what else there is; a system-level export would", base.Export.Scenario.Level)
	}
	return base
}

func patientsComplete() checks.Check {
	return checks.Check{
		ID:    "data.patients-complete",
		Title: "A Patient-level export covers all patients",
		// export.html#endpoint---all-patients: "pertaining to all patients."
		Doc: "The Patient resources of Patient/$export?_type=Patient are compared with those of the plain system-level export, which the same client may see. " +
			"Consent and policy may hold single ones back, so that a few missing ones are a warning; a quarter, or a round number of returned ones " +
			"as a page size leaves it, is the failure.",
		Requires: []string{"DATA-001"}, Needs: []checks.Need{checks.NeedPatient}, Exports: []session.Scenario{session.Baseline, session.PatientLevel}, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, d := above(t), learned(t, session.PatientLevel)
			missing := params.NewTally(base)
			params.Must(t, learn.Both(base, d, 0, func(b, e *learn.Entry) {
				if b.Row != nil && e.Row == nil && base.TypeOf(b.Row) == "Patient" {
					missing.Add(b.Row)
				}
			}))
			t.Examined("%d of %d patients", d.Patients(), base.Patients())
			if base.Patients() == 0 {
				t.Inconclusivef("the plain export has no Patient")
			}
			const what = "of the system-level export did not come at the Patient level"
			if n := missing.Total(); n > 0 && (n*4 >= int64(base.Patients()) || d.Patients()%10 == 0) {
				missing.Violates(t, "DATA-001", what)
			} else if n > 0 {
				missing.Warns(t, "DATA-001", what)
			}
		},
	}
}

func recordComplete() checks.Check {
	return checks.Check{
		ID:    "data.record-complete",
		Title: "The export of a patient holds all of the patient's record",
		Doc: "One patient is exported without _type. What the plain system-level export has in the patient's compartment, by the R4 definition, comes, of every " +
			"type that comes at all; a type left out altogether is judged by data.group-types, since a server may limit what it exports. Where " +
			"something is missing, up to five resources are read over REST to see whether they changed meanwhile. A server without the parameter " +
			"patient is skipped.",
		Requires: []string{"DATA-001"}, Needs: []checks.Need{checks.NeedPatient}, Exports: []session.Scenario{session.Baseline, session.Posted}, Observes: params.PatientCost, Learns: true,
		Run: func(ctx context.Context, t *checks.T) {
			base, one := above(t), params.One(t)
			d := one.Data(t)
			n := params.MissingFrom(ctx, t, base, d, "DATA-001", "of the patient's compartment in the system-level export did not come with the patient's own", func(e *learn.Entry) bool {
				typ := base.TypeOf(e.Row)
				return typ != "Provenance" && typ != "Group" && d.Count(typ) > 0 && slices.Contains(e.Patients, one.Key())
			})
			t.Examined("%d resources, %d expected", d.Resources, n)
			if n < 2 {
				t.Inconclusivef("the plain export has nothing in the patient's compartment but the Patient")
			}
		},
	}
}

func patientsReturned() checks.Check {
	return checks.Check{
		ID:    "data.patients-returned",
		Title: "Group exports hold the Patient resources themselves",
		// export.html#bulk-data-kick-off-request: "where applicable, Patient resources SHOULD be returned."
		Doc: "The Group-level export has resources in patients' compartments, and Patient resources with them; none at all is a warning. Single patients " +
			"whose Patient is missing are noted. Not for Groups of practitioners or devices, which have nothing in patients' compartments.",
		Requires: []string{"DATA-005"}, Needs: []checks.Need{checks.NeedGroup}, Exports: grouped, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			d := learned(t, session.GroupLevel)
			owned, without := int64(0), int64(0)
			params.Must(t, d.Each(learn.Patients, func(e *learn.Entry) {
				if len(e.Patients) == 0 || d.TypeOf(e.Row) == "Patient" {
					return
				}
				if owned++; !slices.ContainsFunc(e.Patients, d.HasPatient) {
					without++
				}
			}))
			t.Examined("%d Patient resources, %d others in compartments", d.Patients(), owned)
			switch {
			case owned == 0 && d.Patients() == 0:
				t.Inconclusivef("the Group's export has nothing in patients' compartments")
			case d.Patients() == 0:
				t.Violates("DATA-005", d.Export.Final().At(), "the Group's export has %d resources in patients' compartments and no Patient", owned)
			case without > 0:
				t.Note("%d resources lie in compartments of patients whose Patient resource is missing only", without)
			}
		},
	}
}

// declared returns the Group's members as it declares them, with those the tester named. The check is skipped where there
// are none: a server need not list them.
func declared(t *checks.T) *params.List {
	list := params.Listed(t.Session())
	if len(list.Keys) == 0 {
		t.Skipf("no member of the Group is known (%s); name some with --known-members", list.Why)
	}
	return list
}

func groupMembers() checks.Check {
	return checks.Check{
		ID:    "data.group-members",
		Title: "A Group export holds every declared member",
		// export.html#endpoint---group-of-patients: "pertaining to all members of a specified Group."
		Doc: "Each active member that the Group resource lists, or the tester named, has its Patient in the Group's export. Group.member need not tell " +
			"everything, so further patients are no finding here.",
		Requires: []string{"DATA-002"}, Needs: []checks.Need{checks.NeedGroup}, Exports: grouped, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			list, d := declared(t), learned(t, session.GroupLevel)
			if d.Patients() == 0 {
				t.Inconclusivef("the Group's export has no Patient at all (see data.patients-returned)")
			}
			missing := 0
			for k := range list.Keys {
				if !d.HasPatient(k) {
					missing++
				}
			}
			if missing > 0 {
				t.Violates("DATA-002", d.Export.Final().At(), "%d of %d declared members of the Group have no Patient in its export", missing, len(list.Keys))
			}
			t.Examined("%d members, %d Patient resources", len(list.Keys), d.Patients())
		},
	}
}

func groupNonMembers() checks.Check {
	return checks.Check{
		ID:    "data.group-non-members",
		Title: "A Group export holds no Patient who is declared not to be a member",
		Doc: "A Group whose resource says that its list is complete (actual, and quantity equal to the active members) declares everybody else a non-member, and " +
			"so does the tester with --known-non-member. A Patient of such a one fails, unless something returned refers to it: a relative may come for " +
			"context, which is noted. What belongs to non-members is judged by data.group-compartments.",
		Requires: []string{"DATA-002"}, Needs: []checks.Need{checks.NeedGroup}, Exports: grouped, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			list, d := declared(t), learned(t, session.GroupLevel)
			known := t.Session().Config().Known.NonMember
			if !list.Complete && known == "" {
				t.Skipf("the Group does not say that its list of members is complete; name a patient outside it with --known-non-member")
			}
			foreign, relatives := params.NewTally(d), int64(0)
			params.Must(t, d.Each(learn.Refs, func(e *learn.Entry) {
				switch {
				case d.TypeOf(e.Row) != "Patient" || list.Keys[e.Row.Key] || !list.Complete && e.Row.Key != learn.Key("Patient", known):
				case len(e.Refs) > 0 && list.Complete && e.Row.Key != learn.Key("Patient", known):
					relatives++
				default:
					foreign.Add(e.Row)
				}
			}))
			foreign.Violates(t, "DATA-002", "of a patient who is no member came in the Group's export, and nothing returned refers to it")
			if relatives > 0 {
				t.Note("%d Patient resources of non-members came that something returned refers to", relatives)
			}
			t.Examined("%d Patient resources, %d members", d.Patients(), len(list.Keys))
		},
	}
}

func groupCompartments() checks.Check {
	return checks.Check{
		ID:    "data.group-compartments",
		Title: "Everything in a Group export that belongs to patients belongs to a member",
		Doc: "Every resource of every file is looked at by the R4 Patient compartment definition: one that lies in compartments, but in none of a member, fails. " +
			"Members are those that the Group lists or, if it does not list all, the Patients of its export. Patient resources are judged by " +
			"data.group-non-members.",
		Requires: []string{"DATA-002"}, Needs: []checks.Need{checks.NeedGroup}, Exports: grouped, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			list, d := params.Listed(t.Session()), learned(t, session.GroupLevel)
			member := func(k uint64) bool { return list.Keys[k] || !list.Complete && d.HasPatient(k) }
			foreign, n := params.NewTally(d), int64(0)
			params.Must(t, d.Each(learn.Patients, func(e *learn.Entry) {
				if len(e.Patients) == 0 || d.TypeOf(e.Row) == "Patient" {
					return
				}
				if n++; !slices.ContainsFunc(e.Patients, member) {
					foreign.Add(e.Row)
				}
			}))
			foreign.Violates(t, "DATA-002", "in the compartment of a patient who is no member came in the Group's export")
			t.Examined("%d resources in compartments", n)
			if n == 0 {
				t.Inconclusivef("the Group's export has nothing in patients' compartments")
			}
			if d.Patients() == 0 && len(list.Keys) == 0 {
				t.Skipf("no member of the Group is known; name some with --known-members")
			}
		},
	}
}

// ofMembers reports whether something of the plain export belongs to a member of the Group.
func ofMembers(t *checks.T, d *learn.Data) func(e *learn.Entry) bool {
	list := params.Listed(t.Session())
	return func(e *learn.Entry) bool {
		return slices.ContainsFunc(e.Patients, func(k uint64) bool { return d.HasPatient(k) && (list.Keys[k] || !list.Complete) })
	}
}

func groupRecord() checks.Check {
	return checks.Check{
		ID:    "data.group-record",
		Title: "A Group export holds all of its members' records",
		Doc: "What the plain system-level export has in the compartments of the Group's members, by the R4 definition, comes with the Group, of every type that " +
			"comes at all; a type left out altogether is judged by data.group-types. Where something is missing, up to five resources are read over " +
			"REST to see whether they changed meanwhile.",
		Requires: []string{"DATA-002"}, Needs: []checks.Need{checks.NeedGroup}, Exports: grouped, Learns: true,
		Run: func(ctx context.Context, t *checks.T) {
			base, d := above(t), learned(t, session.GroupLevel)
			theirs := ofMembers(t, d)
			n := params.MissingFrom(ctx, t, base, d, "DATA-002", "of the members' compartments in the system-level export did not come with the Group", func(e *learn.Entry) bool {
				typ := base.TypeOf(e.Row)
				return typ != "Patient" && typ != "Provenance" && typ != "Group" && d.Count(typ) > 0 && theirs(e)
			})
			t.Examined("%d resources, %d expected", d.Resources, n)
			if n == 0 {
				t.Inconclusivef("the plain export has nothing in the members' compartments but Patients")
			}
		},
	}
}

func groupTypes() checks.Check {
	return checks.Check{
		ID:    "data.group-types",
		Title: "A Group export holds the types of the Patient compartment that there are",
		// export.html#bulk-data-kick-off-request: "the Patient Compartment SHOULD be used as a point of reference for recommended resources to be
		// returned".
		Doc: "Each compartment type of which the plain system-level export has resources of the Group's members comes with the Group. A warning, as a server " +
			"may limit exports to a subset; Provenance and Group are left to the server.",
		Requires: []string{"DATA-004"}, Needs: []checks.Need{checks.NeedGroup}, Exports: grouped, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, d := above(t), learned(t, session.GroupLevel)
			theirs := ofMembers(t, d)
			have := map[string]int64{}
			params.Must(t, base.Each(learn.Patients, func(e *learn.Entry) {
				if typ := base.TypeOf(e.Row); compartment.Has(typ) && typ != "Provenance" && typ != "Group" && theirs(e) {
					have[typ]++
				}
			}))
			for _, typ := range base.Types() {
				if have[typ] > 0 && d.Count(typ) == 0 {
					t.Violates("DATA-004", d.Export.Final().At(), "the Group's export has no %s, although the system-level one has %d of its members", typ, have[typ])
				}
			}
			t.Examined("%d types", len(have))
			if len(have) < 2 {
				t.Inconclusivef("the plain export has no compartment type of the members but Patient")
			}
		},
	}
}

func groupForbidden() checks.Check {
	return checks.Check{
		ID:    "data.group-forbidden",
		Title: "A Group that is closed to the client is not exported",
		// export.html#privacy-and-security-considerations (3.0.0): "Servers SHALL also restrict access to specific groups based on underlying
		// business rules."
		Doc: "Needs the id of a Group that exists and that this client must not use, in --known-forbidden-group; ids are never guessed. A refusal with any error " +
			"status, a job that fails, and an empty export all restrict access; delivered data fails.",
		Requires: []string{"SECURITY-010"}, Needs: []checks.Need{checks.NeedGroup}, Exports: plain, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			id := t.Session().Config().Known.ForbiddenGroup
			if id == "" {
				t.Skipf("no Group is known that is closed to this client; name one with --known-forbidden-group")
			}
			ex := t.Session().Export(session.Scenario{Level: session.Group, Group: id})
			switch {
			case ex.State == session.Refused && ex.KickOff.Status >= 400 && ex.KickOff.Status != http.StatusTooManyRequests:
				t.Examined("refused with HTTP %d", ex.KickOff.Status)
			case ex.State == session.Failed:
				t.Note("the export is accepted and then fails: %s", ex.Reason)
			case ex.State != session.Completed || ex.Manifest.Tree == nil:
				t.Inconclusivef("the export of the closed Group: %s", ex.Reason)
			case len(ex.Manifest.Output) > 0:
				t.Violates("SECURITY-010", ex.Final().At(), "a Group that is closed to the client is exported: %d output files", len(ex.Manifest.Output))
			default:
				t.Note("the export is accepted and empty")
			}
		},
	}
}

func beyondPatients() checks.Check {
	return checks.Check{
		ID:    "data.system-beyond-patients",
		Title: "A system-level export also holds what belongs to no patient",
		// export.html#endpoint---system-level-export: "Export data from a FHIR server, whether or not it is associated with a patient."
		Doc: "Types outside the R4 Patient compartment, such as Organization and Practitioner, that exported resources refer to and that can be read over " +
			"REST: none of their resources in the export is a warning, as subsets, policy and scopes may limit a system-level export too.",
		Requires: []string{"DATA-003"}, Needs: []checks.Need{checks.NeedSystem}, Exports: plain, Learns: true,
		Run: func(ctx context.Context, t *checks.T) {
			base := above(t)
			var outside []string
			for _, typ := range base.ReferencedTypes() {
				if !compartment.Has(typ) {
					outside = append(outside, typ)
				}
			}
			t.Examined("%d types outside the compartment are referred to", len(outside))
			if len(outside) == 0 {
				t.Inconclusivef("nothing in the export refers to a type outside the Patient compartment")
			}
			if slices.ContainsFunc(base.Types(), func(s string) bool { return !compartment.Has(s) }) {
				return
			}
			for _, typ := range outside {
				for i, id := range base.Referenced(typ) {
					if res := params.Read(ctx, t, typ, id); res.Status == http.StatusOK && res.Err == nil {
						t.Violates("DATA-003", base.Export.Final().At(), "the system-level export has nothing outside the Patient compartment, although exported resources refer to %s resources that can be read", typ)
						return
					} else if i == 2 {
						break
					}
				}
			}
			t.Inconclusivef("the export has nothing outside the Patient compartment, and what its resources refer to there cannot be read over REST")
		},
	}
}
