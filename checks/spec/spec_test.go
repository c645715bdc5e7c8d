package spec

import (
	"slices"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

func mustGet(t *testing.T, name string) Requirement {
	t.Helper()
	r, ok := MustLoad().Get(name)
	if !ok {
		t.Fatalf("the catalogue has no %s", name)
	}
	return r
}

// The counts are written down here once more so that the catalogue cannot shrink together with its own versions.yaml.
func TestCounts(t *testing.T) {
	g := NewWithT(t)
	c := MustLoad()
	g.Expect(c.All()).To(HaveLen(747))
	own := map[Version]int{}
	for _, r := range c.All() {
		for v := range r.Entries {
			own[v]++
		}
	}
	g.Expect(own).To(Equal(map[Version]int{V101: 248, V200: 231, V300: 341, V400: 521, SMART: 153, Async: 59}))
	for _, v := range known() {
		d, ok := c.Document(v)
		g.Expect(ok).To(BeTrue(), string(v))
		g.Expect(d.Count).To(Equal(own[v]), string(v))
	}
	// Own entries, SMART's 153 from 2.0.0 on, async.html's 42 up to 3.0.0, async-bundle.html's 17 from 3.0.0 on.
	g.Expect(c.In(V101)).To(HaveLen(248 + 42))
	g.Expect(c.In(V200)).To(HaveLen(231 + 153 + 42))
	g.Expect(c.In(V300)).To(HaveLen(341 + 153 + 42 + 17))
	g.Expect(c.In(V400)).To(HaveLen(521 + 153 + 17))
	g.Expect(c.In(SMART)).To(HaveLen(153))
	g.Expect(c.In(Async)).To(HaveLen(59))
	g.Expect(c.In("5.0.0")).To(BeEmpty())
}

func TestIn(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   Version
		from Version // "" if nothing binds
	}{
		{"KICKOFF/get", V101, V101},
		{"KICKOFF/get", V300, V300},
		{"KICKOFF/get", V400, ""},
		{"KICKOFF/get-forbidden", V300, ""},
		{"KICKOFF/get-forbidden", V400, V400},
		{"JWT/jti-replay", V101, V101}, // its own authorization page
		{"JWT/jti-replay", V200, SMART},
		{"JWT/jti-replay", V300, SMART},
		{"JWT/jti-replay", V400, SMART},
		{"JWT/jti-replay", SMART, SMART},
		{"JWT/jti-replay", Async, ""},
		{"JWT/client-chooses", V101, ""}, // SMART only: does not bind 1.0.1
		{"SCOPE/v1-format", V101, V101},
		{"SCOPE/v1-format", V200, ""},
		{"ASYNC/headers-must", V101, Async},
		{"ASYNC/headers-must", V300, Async},
		{"ASYNC/headers-must", V400, ""}, // its own async.html
		{"ASYNC/bundle-202", V101, ""},   // no Bulk Cohort API
		{"ASYNC/bundle-202", V200, ""},
		{"ASYNC/bundle-202", V300, Async},
		{"ASYNC/bundle-202", V400, Async},
		{"ASYNC/bundle-202", SMART, ""},
	} {
		e, ok := mustGet(t, tc.name).In(tc.in)
		if ok != (tc.from != "") || e.Version != tc.from {
			t.Errorf("%s in %s: got an entry of %q (%v), want %q", tc.name, tc.in, e.Version, ok, tc.from)
		}
	}
}

// A catalogue entry has to agree with itself in every version, whatever it says.
func TestEntriesAreConsistent(t *testing.T) {
	for _, r := range MustLoad().All() {
		for v, e := range r.Entries {
			if e.Version != v {
				t.Errorf("%s %s: entry says version %s", r.ID, v, e.Version)
			}
			if e.Not && e.Level == May {
				t.Errorf("%s %s: MAY NOT is no keyword", r.ID, v)
			}
			if want := strings.TrimSuffix(e.Keyword(), " NOT"); want != e.Level.String() {
				t.Errorf("%s %s: keyword %q and level %s", r.ID, v, e.Keyword(), e.Level)
			}
			if !strings.HasPrefix(e.URL, "http") || !strings.HasSuffix(e.URL, e.Source) {
				t.Errorf("%s %s: source %q gives the URL %q", r.ID, v, e.Source, e.URL)
			}
		}
	}
}

func TestLevels(t *testing.T) {
	g := NewWithT(t)
	for _, tc := range []struct {
		name    string
		v       Version
		keyword string
		kind    Kind
		basis   Basis
	}{
		{"CAPABILITY/cs-accurate", V200, "SHOULD", Warn, Keyword},
		{"CAPABILITY/cs-accurate", V300, "SHALL", Fail, Keyword},
		{"ERROR/status-body", V101, "SHALL", Fail, Keyword},
		{"ERROR/status-body", V200, "SHOULD", Warn, Keyword},
		{"STATUS/expires", V101, "MAY", Tolerate, Keyword},
		{"STATUS/expires", V300, "SHOULD", Warn, Keyword},
		{"KICKOFF/post", V300, "MAY", Tolerate, Keyword},
		{"KICKOFF/post", V400, "SHALL", Fail, Keyword},
		{"PARAM/since-support", V101, "MAY", Tolerate, Table},
		{"PARAM/since-support", V200, "SHALL", Fail, Table},
		{"MANIFEST/output", V300, "SHALL", Fail, Table},
		{"MANIFEST/output", V400, "MAY", Tolerate, Table},
		{"MANIFEST/deleted-not-in-output", V300, "SHALL NOT", Fail, Keyword},
		{"SECURITY/keep-files", V300, "SHOULD NOT", Untestable, Keyword},
		{"KICKOFF/success-202", V300, "SHALL", Fail, Implied},
		{"KICKOFF/success-202", V400, "SHALL", Fail, Keyword},
		{"KICKOFF/prefer-client", V300, "SHOULD", Client, Keyword},
		{"PARAM/typefilter-one-type", V300, "SHALL", ClientReaction, Keyword},
		{"CAPABILITY/params-in-cs", V300, "SHOULD", Warn, Lowercase},
		{"FILE/false-expiry", V300, "SHALL", Untestable, Keyword},
	} {
		e, ok := mustGet(t, tc.name).In(tc.v)
		g.Expect(ok).To(BeTrue(), "%s %s", tc.name, tc.v)
		g.Expect([]any{e.Keyword(), e.Kind, e.Basis}).To(Equal([]any{tc.keyword, tc.kind, tc.basis}), "%s %s", tc.name, tc.v)
	}
	g.Expect(Level(9).String()).To(Equal("unknown level"))
}

// Exactly one level differs between 2.0.0 and 3.0.0: read in the specification, so a slip in either shows.
func TestLevelChanges2To3(t *testing.T) {
	g := NewWithT(t)
	var changed []string
	for _, r := range MustLoad().All() {
		a, inA := r.Entries[V200]
		b, inB := r.Entries[V300]
		if inA && inB && a.Keyword() != b.Keyword() {
			changed = append(changed, r.Key)
		}
	}
	g.Expect(changed).To(Equal([]string{"CAPABILITY/cs-accurate"}))
}

func TestTextAndSourceByVersion(t *testing.T) {
	g := NewWithT(t)
	r := mustGet(t, "KICKOFF/async-pattern")
	g.Expect(r.SourceIn(V300)).To(Equal("http://hl7.org/fhir/uv/bulkdata/STU3/export.html#bulk-data-kick-off-request"))
	g.Expect(r.SourceIn(V101)).To(Equal("http://hl7.org/fhir/uv/bulkdata/STU1.0.1/export/index.html#bulk-data-kick-off-request"))
	g.Expect(r.SourceIn(SMART)).To(BeEmpty())
	g.Expect(r.SummaryIn(V300)).To(Equal(r.Summary))
	g.Expect(mustGet(t, "JWT/jti-replay").SourceIn(V300)).To(
		Equal("http://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#signature-verification"))
	g.Expect(mustGet(t, "ASYNC/headers-must").SourceIn(V200)).To(Equal("https://hl7.org/fhir/R4/async.html#kick-off-request"))
	var own int
	for _, r := range MustLoad().All() {
		for v, e := range r.Entries {
			if e.Summary != "" {
				own++
				g.Expect(r.SummaryIn(v)).To(Equal(e.Summary))
				g.Expect(e.Summary).NotTo(Equal(r.Summary))
			}
		}
	}
	g.Expect(own).To(BeNumerically(">", 0))
}

func TestGetAreasAndOrder(t *testing.T) {
	g := NewWithT(t)
	c := MustLoad()
	byID, ok := c.Get("STATUS-008")
	g.Expect(ok).To(BeTrue())
	g.Expect(byID.Key).To(Equal("STATUS/in-progress-202"))
	g.Expect(mustGet(t, byID.Key).ID).To(Equal("STATUS-008"))
	for _, name := range []string{"", "STATUS", "STATUS-8", "status-008", "STATUS/nothing"} {
		_, ok := c.Get(name)
		g.Expect(ok).To(BeFalse(), name)
	}
	g.Expect(c.Areas()).To(HaveLen(21))
	g.Expect(c.AreaTitle("KICKOFF")).To(Equal("Kick-off request"))
	g.Expect(c.AreaTitle("NONE")).To(BeEmpty())
	rank := func(r Requirement) int { return slices.Index(c.Areas(), r.Area) }
	g.Expect(slices.IsSortedFunc(c.All(), func(a, b Requirement) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})).To(BeTrue())
	g.Expect(mustGet(t, "ASYNC/bundle-202").Area).To(Equal("ASYNCBUNDLE"))
	for _, r := range c.All() {
		g.Expect(rank(r)).To(BeNumerically(">=", 0), r.ID)
	}
	// What a caller does with the slices it gets must not reach the catalogue.
	c.All()[0] = Requirement{}
	c.Areas()[0] = "changed"
	g.Expect(c.All()[0].ID).To(Equal("DISCOVERY-001"))
	g.Expect(c.Areas()[0]).To(Equal("DISCOVERY"))
}

func TestParseVersion(t *testing.T) {
	g := NewWithT(t)
	for s, want := range map[string]Version{
		"1.0.1": V101, "2.0.0": V200, "3.0.0": V300, "4.0.0-ballot": V400, "STU1": V101, "stu2": V200, "Stu3": V300,
	} {
		v, err := ParseVersion(s)
		g.Expect(err).NotTo(HaveOccurred(), s)
		g.Expect(v).To(Equal(want), s)
	}
	for _, s := range []string{"", "3", "3.0", "4.0.0", "STU4", "smart-2.2.0", "fhir-async", " 3.0.0", "3.0.0 "} {
		_, err := ParseVersion(s)
		g.Expect(err).To(MatchError(ContainSubstring("1.0.1, 2.0.0, 3.0.0, 4.0.0-ballot")), s)
	}
	g.Expect(Versions()).To(Equal([]Version{V101, V200, V300, V400}))
}

func TestMustLoadIsShared(t *testing.T) {
	var wg sync.WaitGroup
	seen := make([]*Catalogue, 8)
	digests := make([]string, 8)
	for i := range seen {
		wg.Go(func() {
			seen[i] = MustLoad()
			digests[i] = seen[i].Digest()
			seen[i].In(V300)
		})
	}
	wg.Wait()
	for i := range seen {
		if seen[i] != seen[0] || digests[i] != digests[0] {
			t.Fatalf("call %d returned another catalogue or digest", i)
		}
	}
}
