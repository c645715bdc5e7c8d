package data

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/params"
	"github.com/bulkproof/bulkproof/checks/session"
)

// reads is how many resources are read over REST to compare versions with.
const reads = 8

func latestVersion() checks.Check {
	return checks.Check{
		ID:    "data.latest-version",
		Title: "The latest version of a resource is exported",
		// export.html#bulk-data-output-file-organization: "only the most recent version of each resource".
		Doc: "One resource each of up to eight types is read over REST after the export. One whose meta.lastUpdated is later than the exported one, and not " +
			"later than transactionTime, was exported in an old version. What changed after transactionTime passes, and so does what cannot be read " +
			"or has no lastUpdated; if that holds for all, the check is inconclusive.",
		Requires: []string{"DATA-010"}, Exports: plain, Learns: true,
		Run: func(ctx context.Context, t *checks.T) {
			base := params.Whole(t)
			tt, ok := params.TransactionTime(base.Export)
			if !ok {
				t.Inconclusivef("transactionTime is not an instant (see manifest.transaction-time-instant)")
			}
			now := map[uint64]int64{}
			for _, typ := range base.Types() {
				ids := base.IDs(typ)
				if len(now) >= reads || len(ids) == 0 {
					continue
				}
				res := params.Read(ctx, t, typ, ids[0])
				v, err := res.JSON()
				if res.Status != http.StatusOK || err != nil {
					continue
				}
				if at, err := time.Parse(time.RFC3339Nano, session.Text(session.Object(v, "meta"), "lastUpdated")); err == nil {
					now[learn.Key(typ, ids[0])] = at.UnixNano()
				}
			}
			stale, n := params.NewTally(base), 0
			params.Must(t, base.Each(0, func(e *learn.Entry) {
				at, read := now[e.Row.Key]
				if !read || e.Row.Updated == learn.NoTime {
					return
				}
				if n++; at > e.Row.Updated && at <= tt-int64(time.Second) {
					stale.Add(e.Row)
				}
			}))
			stale.Violates(t, "DATA-010", "was exported in a version older than the one that was current at transactionTime")
			t.Examined("%d resources read", n)
			if n == 0 {
				t.Inconclusivef("no exported resource with meta.lastUpdated could be read over REST")
			}
		},
	}
}

func sameVersion() checks.Check {
	return checks.Check{
		ID:    "data.same-version",
		Title: "All exports hold the same version of a resource",
		Doc: "A resource that is in the plain export and in that of a Group has the same meta.lastUpdated in both, or a later one in the later export and " +
			"after the transactionTime of the earlier one. An older one is an old version: a server that exports from stores of different age.",
		Requires: []string{"DATA-010"}, Needs: []checks.Need{checks.NeedGroup}, Exports: grouped, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base, d := params.Whole(t), learned(t, session.GroupLevel)
			stale, n := params.NewTally(d), 0
			tb, okb := params.TransactionTime(base.Export)
			td, okd := params.TransactionTime(d.Export)
			if !okb || !okd {
				t.Inconclusivef("transactionTime is not an instant (see manifest.transaction-time-instant)")
			}
			params.Must(t, learn.Both(base, d, 0, func(b, e *learn.Entry) {
				if b.Row == nil || e.Row == nil || b.Row.Updated == learn.NoTime || e.Row.Updated == learn.NoTime {
					return
				}
				n++
				older, newer, tt := e.Row.Updated, b.Row.Updated, td
				if older > newer {
					older, newer, tt = newer, older, tb
				}
				if older < newer && newer <= tt-int64(time.Second) {
					stale.Add(e.Row)
				}
			}))
			stale.Violates(t, "DATA-010", "came in two versions in two exports, although the newer one was current at the transactionTime of both")
			t.Examined("%d resources in both exports", n)
			if n == 0 {
				t.Inconclusivef("no resource with meta.lastUpdated is in both exports")
			}
		},
	}
}

func uniqueInGroup() checks.Check {
	return checks.Check{
		ID:    "data.unique-in-group",
		Title: "No resource is exported twice with a Group",
		Doc: "In the Group-level export no type and id occur on two lines with different content, over all files: resources that belong to two members are " +
			"exported once. Lines that repeat another byte for byte are noted. The plain export is judged by ndjson.unique; where that one finds " +
			"duplicates, this check is inconclusive.",
		Requires: []string{"DATA-010"}, Needs: []checks.Need{checks.NeedGroup}, Exports: grouped, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			different := func(g ndjson.Group) bool { return g.Rule != ndjson.RuleDuplicateIdentical && len(g.First) > 0 }
			_, base := t.Files(session.Baseline)
			if slices.ContainsFunc(base.Duplicates, different) {
				t.Inconclusivef("the plain export has resources in two versions already (see ndjson.unique)")
			}
			_, set := t.Files(session.GroupLevel)
			for _, g := range set.Duplicates {
				if len(g.First) == 0 {
					continue
				}
				first := g.First[0]
				if !different(g) {
					t.Note("%d lines repeat another one byte for byte; the first is line %d of %s", g.Count, first.Line, first.File)
					continue
				}
				t.Violates("DATA-010", checks.Evidence{File: first.File, Line: first.Line, Offset: first.LineOffset}, "%s, line %d has the type and id of another line and different content; %d lines of this type are such", first.File, first.Line, g.Count)
			}
			t.Examined("%d resources in %d files", set.Resources(), len(set.Kind("output")))
			if set.Resources() == 0 {
				t.Inconclusivef("the Group's export is empty")
			}
			for _, f := range set.Kind("output") {
				if !f.Read {
					t.Inconclusivef("%s was not read: %s", f.Item.Name(), f.Reason)
				}
			}
		},
	}
}

func nothingLater() checks.Check {
	return checks.Check{
		ID:    "data.nothing-later",
		Title: "Nothing is exported that changed after transactionTime",
		// export.html#response---output-manifest, transactionTime: "The response SHOULD NOT include any resources modified after this instant".
		Doc: "No exported meta.lastUpdated is more than a second later than the transactionTime of the plain export: a client that asks for changes since then " +
			"would get them twice, and could not tell what its copy is a copy of.",
		Requires: []string{"MANIFEST-003"}, Exports: plain, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base := params.Plain(t)
			tt, ok := params.TransactionTime(base.Export)
			if !ok {
				t.Inconclusivef("transactionTime is not an instant (see manifest.transaction-time-instant)")
			}
			later := params.NewTally(base)
			params.Must(t, base.Each(0, func(e *learn.Entry) {
				if e.Row.Updated != learn.NoTime && e.Row.Updated > tt+int64(time.Second) {
					later.Add(e.Row)
				}
			}))
			later.Violates(t, "MANIFEST-003", "last updated after transactionTime came")
			t.Examined("%d resources with meta.lastUpdated", base.Dated())
			if base.Dated() == 0 {
				t.Inconclusivef("no resource has meta.lastUpdated")
			}
		},
	}
}

func binaries() checks.Check {
	return checks.Check{
		ID:    "data.binary",
		Title: "A patient's Binary content comes as DocumentReference",
		// export.html#bulk-data-kick-off-request: "Binary Resources whose content is associated with an individual patient SHALL be serialized as
		// DocumentReference Resources with the content.attachment element populated".
		Doc: "A Binary is a patient's if its securityContext says so, or a resource in a patient's compartment refers to it. A DocumentReference whose attachment " +
			"leads to it makes it a warning; one without is the failure. A Binary of no patient passes. Without any Binary every line was looked at " +
			"for one, and DocumentReference resources are what one would expect.",
		Requires: []string{"DATA-007"}, Exports: plain, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			base := params.Whole(t)
			bare, beside := params.NewTally(base), params.NewTally(base)
			params.Must(t, base.Each(learn.Refs, func(e *learn.Entry) {
				if base.TypeOf(e.Row) != "Binary" || !e.Row.Secured() && len(e.Refs) == 0 {
					return
				}
				if slices.ContainsFunc(e.Refs, func(r learn.Edge) bool { return r.Attachment() }) {
					beside.Add(e.Row)
				} else {
					bare.Add(e.Row)
				}
			}))
			bare.Violates(t, "DATA-007", "of a patient came, and no DocumentReference leads to it")
			beside.Warns(t, "DATA-007", "of a patient came beside the DocumentReference that leads to it")
			t.Examined("%d resources, %d Binary and %d DocumentReference", base.Resources, base.Count("Binary"), base.Count("DocumentReference"))
		},
	}
}

func expected() checks.Check {
	return checks.Check{
		ID:    "data.expected",
		Title: "Resources that the tester expects are exported",
		Doc: "Each Type/id of --known-resources is in the plain export: only the tester knows what has to be there. Without such knowledge the check is skipped, " +
			"and the report says what to add.",
		Requires: []string{"PARAM-026"}, Exports: plain, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			list := t.Session().Config().Known.Expected
			if len(list) == 0 {
				t.Skipf("no resource is known that has to be exported; name some with --known-resources, as Type/id")
			}
			base := params.Whole(t)
			keys := map[uint64]bool{}
			for _, ref := range list {
				typ, id, _ := strings.Cut(ref, "/")
				keys[learn.Key(typ, id)] = true
			}
			have, err := base.Has(keys)
			params.Must(t, err)
			if n := len(keys) - len(have); n > 0 {
				t.Violates("PARAM-026", base.Export.Final().At(), "%d of %d resources that the tester expects are not in the plain export", n, len(keys))
			}
			t.Examined("%d resources expected", len(keys))
		},
	}
}

func defaultTypes() checks.Check {
	return checks.Check{
		ID:    "data.default-types",
		Title: "An export without _type holds every type that is declared as its default",
		// export.html#query-parameters, _type: "If this parameter is omitted, the server SHALL return all supported resources".
		Doc: "Each type of --known-default-types, which the server's documentation promises and of which there are resources, is in the plain export. Without " +
			"such knowledge the check is skipped: a server may limit its default export to a subset.",
		Requires: []string{"PARAM-026"}, Exports: plain, Learns: true,
		Run: func(_ context.Context, t *checks.T) {
			list := t.Session().Config().Known.DefaultTypes
			if len(list) == 0 {
				t.Skipf("it is not known which types belong to the default export; name them with --known-default-types")
			}
			base := params.Whole(t)
			for _, typ := range list {
				if base.Count(typ) == 0 {
					t.Violates("PARAM-026", base.Export.Final().At(), "the plain export has no %s, although the type is declared as part of it", typ)
				}
			}
			t.Examined("%d types", len(list))
		},
	}
}
