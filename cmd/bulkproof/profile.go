package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/profile"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/reporters"
	"github.com/bulkproof/bulkproof/reporters/model"
	"github.com/spf13/pflag"
)

// selectionOptions are the options of `bulkproof run` that name a set of requirements or a script.
type selectionOptions struct {
	profile, scenario string
}

func (o *selectionOptions) flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.profile, "profile", "", "judge only what this profile asks for (default full); `bulkproof list profiles` names them")
	fs.StringVar(&o.scenario, "scenario", "", "run a connectathon scenario and print its table: "+strings.Join(scenarioNames(), ", "))
	for _, f := range []string{"profile", "scenario"} {
		fs.Lookup(f).Usage = strings.ReplaceAll(fs.Lookup(f).Usage, "`", "") // pflag takes a quoted word for the value's name
	}
}

// chosen is what the options of selection come to.
type chosen struct {
	profile  *profile.Profile
	scenario *scenario // nil without --scenario
}

// choose resolves the names. The error joins everything that is wrong.
func (o selectionOptions) choose(cat *spec.Catalogue) (chosen, error) {
	list, err := profile.Load(cat)
	if err != nil {
		return chosen{}, err
	}
	var c chosen
	var errs []error
	name := o.profile
	if o.scenario != "" {
		if c.scenario = scenarioNamed(o.scenario); c.scenario == nil {
			errs = append(errs, fmt.Errorf("there is no scenario %q%s; there are %s", o.scenario, nearest(o.scenario, scenarioNames()), strings.Join(scenarioNames(), ", ")))
		}
		if name != "" && name != scenarioProfile {
			errs = append(errs, fmt.Errorf("--scenario has a selection of its own; leave out --profile %s", name))
		}
		name = scenarioProfile
	}
	if name == "" {
		name = profile.Default
	}
	if c.profile = profile.Named(list, name); c.profile == nil {
		var names []string
		for _, p := range list {
			names = append(names, p.Name)
		}
		errs = append(errs, fmt.Errorf("there is no profile %q%s; `bulkproof list profiles` names them", name, nearest(name, names)))
	}
	return c, errors.Join(errs...)
}

// narrow returns keep, narrowed to what the profile and the scenario select under the version.
func (c chosen) narrow(v spec.Version, keep func(*checks.Check) (bool, string)) func(*checks.Check) (bool, string) {
	return func(k *checks.Check) (bool, string) {
		switch {
		case c.scenario != nil && !c.scenario.selects(k):
			return false, "it is no step of the scenario " + c.scenario.name
		case c.scenario == nil && !c.profile.Selects(v, k):
			return false, "it judges nothing that the profile " + c.profile.Name + " asks for"
		}
		return keep(k)
	}
}

// complete adds to the report what the selection means: the profile with what stayed unjudged, and the scenario's table.
// It returns the exit code: a scenario with a step that nobody saw work is no pass, though every check that was run passed.
func (c chosen) complete(r *reporters.Report, v spec.Version) int {
	ids := c.profile.Requirements(v)
	r.Profile = &reporters.Profile{Name: c.profile.Name, Title: c.profile.Title, Doc: c.profile.Doc, Requirements: ids, Unjudged: reporters.Unjudged(ids, r.Checks)}
	if c.scenario == nil {
		return r.ExitCode
	}
	r.Scenario = c.scenario.table(r)
	if r.Scenario.Outcome == model.StepInconclusive && r.ExitCode == checks.ExitConformant {
		r.Verdict = reporters.VerdictInconclusive
		r.ExitCode = r.Verdict.ExitCode()
	}
	return r.ExitCode
}

// parseIdentity takes "name, version, contact" apart. Version and contact may be left out; commas behind the second
// belong to the contact.
func parseIdentity(given string) (*reporters.Identity, error) {
	if given == "" {
		return nil, nil
	}
	parts := strings.SplitN(given, ",", 3)
	for len(parts) < 3 {
		parts = append(parts, "")
	}
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	if parts[0] == "" || strings.ContainsFunc(given, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(given) > 500 {
		return nil, errors.New(`--implementation: write it like "Example EHR, 2026.3, interop@example.org": the name, and if you like the version and a contact, in one line of at most 500 bytes`)
	}
	return &reporters.Identity{Name: parts[0], Version: parts[1], Contact: parts[2]}, nil
}

// profileRow is a row of `bulkproof list profiles --json`.
type profileRow struct {
	Name         string   `json:"name"`
	Title        string   `json:"title"`
	IG           string   `json:"ig"`
	Requirements []string `json:"requirements"`
	Checks       []string `json:"checks"`
}

func profileRows(o listOptions, areas []checks.Area, cat *spec.Catalogue) ([]profileRow, error) {
	list, err := profile.Load(cat)
	if err != nil {
		return nil, err
	}
	v := spec.V300
	if o.ig != "" {
		v = spec.Version(o.ig)
	}
	rows := []profileRow{}
	for _, p := range list {
		rows = append(rows, profileRow{p.Name, p.Title, string(v), p.Requirements(v), checksOf(p, v, areas, cat)})
	}
	return rows, nil
}

// checksOf returns the ids of the checks that are run for the profile.
func checksOf(p *profile.Profile, v spec.Version, areas []checks.Area, cat *spec.Catalogue) []string {
	out := []string{}
	for _, e := range checks.NewPlan(areas, cat, v, nil).Entries {
		if p.Selects(v, e.Check) {
			out = append(out, e.Check.ID)
		}
	}
	return out
}

// explainProfile prints a profile's paragraph, its rules, and what they give in each version.
func explainProfile(e env, p *profile.Profile, areas []checks.Area, cat *spec.Catalogue) {
	fmt.Fprintf(e.out, "%s (profile)\n%s\n\n%s\n", p.Name, p.Title, wrap(p.Doc, ""))
	for _, l := range []struct {
		what  string
		rules []profile.Rule
	}{{"It has:", p.Include}, {"Without:", p.Exclude}} {
		if len(l.rules) == 0 {
			continue
		}
		fmt.Fprintf(e.out, "\n%s\n", l.what)
		for _, r := range l.rules {
			fmt.Fprintf(e.out, "%s\n%s\n", wrap(r.Why, "  "), wrap(r.String(), "    "))
		}
	}
	fmt.Fprintln(e.out)
	for _, v := range spec.Versions() {
		ids := p.Requirements(v)
		cited := citations(areas)
		judged := 0
		for _, id := range ids {
			if len(cited[id]) > 0 {
				judged++
			}
		}
		fmt.Fprintf(e.out, "  %-13s %3d requirements, %3d of them judged by %d checks\n", v, len(ids), judged, len(checksOf(p, v, areas, cat)))
	}
	fmt.Fprintf(e.out, "\nRequirements under %s:\n%s\n\nRun it: bulkproof run --server URL --profile %s\n", spec.V300, wrap(strings.Join(p.Requirements(spec.V300), " "), "  "), p.Name)
}

// profileNamed returns the profile of that name, or nil; known gets the names of all.
func profileNamed(cat *spec.Catalogue, name string, known *[]string) (*profile.Profile, error) {
	list, err := profile.Load(cat)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		*known = append(*known, p.Name)
	}
	*known = slices.Concat(*known, scenarioNames())
	return profile.Named(list, name), nil
}
