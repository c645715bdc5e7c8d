package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/all"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
	refserver "github.com/bulkproof/bulkproof/reference-server"
	"github.com/bulkproof/bulkproof/reporters"
	"github.com/bulkproof/bulkproof/reporters/build"
	"github.com/bulkproof/bulkproof/reporters/console"
	"github.com/bulkproof/bulkproof/suites"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// runOptions are the options of `bulkproof run` besides those of the target.
type runOptions struct {
	targetOptions
	selectionOptions
	captureOptions
	reference      bool
	fault          string
	only, skip     []string
	areas          []string
	strict, dryRun bool
	quiet, plain   bool
	noColour       bool
	out            string
	formats        []string
	waivers        string
	implementation string
	budget         int
	configFile     string
}

func runCommand(ctx context.Context, e env, args []string) int {
	var o runOptions
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.targetOptions.flags(fs)
	fs.BoolVar(&o.reference, "reference", false, "test the bundled reference server, started in this process")
	fs.StringVar(&o.fault, "fault", "", "with --reference: break the reference server in this way")
	o.selectionOptions.flags(fs)
	o.captureOptions.flags(fs)
	fs.StringArrayVar(&o.only, "check", nil, "run only checks whose id matches, such as kickoff.* (repeatable)")
	fs.StringArrayVar(&o.skip, "skip-check", nil, "leave out checks whose id matches (repeatable)")
	fs.StringArrayVar(&o.areas, "area", nil, "run only this area (repeatable)")
	fs.BoolVar(&o.strict, "strict", false, "let warnings fail the run")
	fs.BoolVar(&o.dryRun, "dry-run", false, "print the plan and its cost; asks the server only what it says of itself")
	fs.IntVar(&o.budget, "budget-kickoffs", 0, "leave out the checks that can be spared first until at most this many kick-offs are planned (0: no budget)")
	fs.BoolVarP(&o.quiet, "quiet", "q", false, "print the outcome only")
	fs.BoolVar(&o.plain, "plain", false, "print lines instead of a progress bar")
	fs.BoolVar(&o.noColour, "no-color", false, "print without colour")
	fs.StringVarP(&o.out, "out", "o", "bulkproof-report", "folder for the reports")
	fs.StringSliceVar(&o.formats, "format", nil, "reports to write: json, junit, html (default all)")
	fs.StringVar(&o.waivers, "waivers", "", "file of known failures: a check id, optionally until=YYYY-MM-DD, and a reason on each line")
	fs.StringVar(&o.implementation, "implementation", "", "what is being tested, for the report: name, version, contact")
	fs.StringVar(&o.configFile, "config", "", "YAML file with options; the command line and BULKPROOF_… variables go first")
	if err := parse(e, fs, "run --server URL | --reference [options]", args); err != nil {
		return exitOf(err)
	}
	if fs.NArg() > 0 {
		return problems(e, "run", fmt.Errorf("%q is not an option; the server is named with --server", fs.Arg(0)))
	}
	if err := settle(fs, o.configFile, os.LookupEnv); err != nil {
		return problems(e, "run", err)
	}
	areas, cat, err := all.Load()
	if err != nil {
		fmt.Fprintf(e.err, "bulkproof: %v\n", err)
		return checks.ExitInconclusive
	}
	r := &runner{env: e, o: o, areas: areas, cat: cat, args: append([]string{"run"}, args...)}
	return r.run(ctx)
}

// runner is one run of the command.
type runner struct {
	env
	o       runOptions
	areas   []checks.Area
	cat     *spec.Catalogue
	args    []string
	waivers checks.Waivers
	console *console.Console
	chosen  chosen
	tape    tape
}

func (r *runner) run(ctx context.Context) int {
	cfg, keep, err := r.prepare()
	if cfg.Hosted != nil {
		defer cfg.Hosted.Close()
	}
	if err != nil {
		return problems(r.env, "run", err)
	}
	// The session lives longer than ctx: after the first ^C it still cleans up.
	stopServer := func(context.Context) error { return nil }
	if r.o.reference {
		ref, err := startReferenceFor(r.chosen, cfg.IG, r.fault())
		if err != nil {
			fmt.Fprintf(r.err, "bulkproof run: the reference server could not be started: %v\n", err)
			return checks.ExitInconclusive
		}
		cfg = ref.Configure(cfg)
		stopServer = ref.Close
	}
	if cfg, err = r.tape.begin(r.o.captureOptions, cfg, checks.NewPlan(r.areas, r.cat, cfg.IG, keep)); err != nil {
		return problems(r.env, "run", err)
	}
	defer r.tape.discard()
	r.console = r.newConsole()
	cfg.Progress = r.console.Status
	s, err := session.Open(context.WithoutCancel(ctx), cfg)
	if err != nil {
		return problems(r.env, "run", err)
	}
	defer context.AfterFunc(ctx, s.Stop)()
	code := r.judge(ctx, s, keep)
	if err := stopServer(context.WithoutCancel(ctx)); err != nil {
		fmt.Fprintf(r.err, "bulkproof run: the reference server did not stop cleanly: %v\n", err)
	}
	return code
}

// prepare checks everything that can be checked without the server.
func (r *runner) prepare() (session.Config, func(*checks.Check) (bool, string), error) {
	var errs []error
	if r.o.reference && r.o.server != "" {
		errs = append(errs, errors.New("--server and --reference exclude each other"))
	}
	if r.o.reference && (r.o.clientID != "" || r.o.token != "" || r.o.keyFile != "") {
		errs = append(errs, errors.New("--reference brings its own client; leave out --client-id, --key and --token"))
	}
	if r.o.budget < 0 {
		errs = append(errs, errors.New("--budget-kickoffs is a positive number"))
	}
	if !r.o.reference && r.o.server == "" && r.o.replay == "" {
		errs = append(errs, errors.New("name the server under test with --server URL, or try --reference"))
	}
	if r.o.fault != "" && !r.o.reference {
		errs = append(errs, errors.New("--fault breaks the reference server; it needs --reference"))
	}
	if f := r.o.fault; f != "" {
		if _, ok := refserver.FaultNamed(f); !ok {
			var known []string
			for _, f := range refserver.Faults() {
				known = append(known, f.Name)
			}
			errs = append(errs, fmt.Errorf("there is no fault %q%s; `bulkproof list faults` names them", f, nearest(f, known)))
		}
	}
	cfg, err := r.o.config()
	if err != nil {
		errs = append(errs, err)
	}
	if err := r.o.captureOptions.check(r.o); err != nil {
		errs = append(errs, err)
	} else if cfg, err = r.tape.load(r.o.captureOptions, cfg); err != nil {
		errs = append(errs, err)
	}
	keep, err := r.selection()
	if err != nil {
		errs = append(errs, err)
	}
	keep = r.tape.narrow(keep)
	if r.chosen, err = r.o.choose(r.cat); err != nil {
		errs = append(errs, err)
	} else {
		keep = r.chosen.narrow(cfg.IG, keep)
	}
	if r.chosen.scenario != nil {
		errs = append(errs, r.chosen.scenario.check(cfg, r.o.reference))
		if len(r.o.only)+len(r.o.skip)+len(r.o.areas) > 0 {
			errs = append(errs, errNoStep)
		}
	}
	if _, err := parseIdentity(r.o.implementation); err != nil {
		errs = append(errs, err)
	}
	if _, err := reporters.Select(r.o.formats); err != nil {
		errs = append(errs, err)
	}
	if r.o.waivers != "" {
		if r.waivers, err = loadWaivers(r.o.waivers, r.known); err != nil {
			errs = append(errs, err)
		}
	}
	return cfg, keep, errors.Join(errs...)
}

func loadWaivers(file string, known func(string) bool) (checks.Waivers, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the waivers cannot be read: %w", err)
	}
	defer f.Close()
	ws, err := checks.ParseWaivers(f, known)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return ws, nil
}

func (r *runner) fault() *refserver.Fault {
	if f, ok := refserver.FaultNamed(r.o.fault); ok {
		return &f
	}
	return nil
}

func (r *runner) known(id string) bool {
	return slices.ContainsFunc(r.areas, func(a checks.Area) bool {
		return slices.ContainsFunc(a.Checks, func(c checks.Check) bool { return c.ID == id })
	})
}

// selection returns which checks to run. A pattern that matches nothing is an error, so that a misspelt one does not
// pass for a clean run.
func (r *runner) selection() (func(*checks.Check) (bool, string), error) {
	return selectChecks(r.areas, r.o.areas, r.o.only, r.o.skip)
}

func selectChecks(areas []checks.Area, wanted, only, skip []string) (func(*checks.Check) (bool, string), error) {
	var errs []error
	var ids, names []string
	for _, a := range areas {
		names = append(names, a.Name)
		for _, c := range a.Checks {
			ids = append(ids, c.ID)
		}
	}
	for _, p := range slices.Concat(only, skip) {
		if _, err := path.Match(p, "x"); err != nil {
			errs = append(errs, fmt.Errorf("the pattern %q is malformed", p))
		} else if !slices.ContainsFunc(ids, func(id string) bool { return matches(p, id) }) {
			errs = append(errs, fmt.Errorf("no check matches %q%s; `bulkproof list checks` names them", p, nearest(p, ids)))
		}
	}
	for _, a := range wanted {
		if !slices.Contains(names, strings.ToLower(a)) {
			errs = append(errs, fmt.Errorf("there is no area %q%s", a, nearest(strings.ToLower(a), names)))
		}
	}
	keep := func(c *checks.Check) (bool, string) {
		in := func(list []string) bool {
			return slices.ContainsFunc(list, func(p string) bool { return matches(p, c.ID) })
		}
		switch {
		case len(wanted) > 0 && !slices.ContainsFunc(wanted, func(a string) bool { return strings.EqualFold(a, c.Area()) }):
			return false, "its area was not selected with --area"
		case len(only) > 0 && !in(only):
			return false, "it was not selected with --check"
		case in(skip):
			return false, "it was left out with --skip-check"
		}
		return true, ""
	}
	return keep, errors.Join(errs...)
}

func matches(pattern, id string) bool { ok, _ := path.Match(pattern, id); return ok }

func (r *runner) newConsole() *console.Console {
	o := console.Options{Mode: console.Normal}
	if f, ok := r.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.Terminal = true
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = w
		}
	}
	switch {
	case r.o.quiet:
		o.Mode = console.Quiet
	case r.o.plain:
		o.Mode = console.Plain
	}
	if r.o.noColour {
		o.Colour = console.Never
	}
	return console.New(r.out, o)
}

// observer passes progress on to the console.
type observer struct {
	r    *runner
	s    *session.Session
	plan *checks.Plan
}

func (o observer) CheckStarted(c *checks.Check) { o.r.console.CheckStarted(c.ID) }
func (o observer) CheckDone(res checks.Result)  { o.r.console.CheckDone(build.Check(o.s, o.plan, res)) }

// judge runs the plan against the session, writes the reports and returns the exit code.
func (r *runner) judge(ctx context.Context, s *session.Session, keep func(*checks.Check) (bool, string)) int {
	started := time.Now()
	plan := checks.NewPlan(r.areas, r.cat, s.IG(), keep)
	if plan.Selected() == 0 {
		fmt.Fprintln(r.err, "bulkproof run: no check was selected; nothing was tested")
		return checks.ExitNothing
	}
	if idle := r.waivers.Idle(plan); len(idle) > 0 {
		return problems(r.env, "run", errors.New(strings.Join(idle, "\n")))
	}
	if err := s.Discover().Reachable(); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintf(r.err, "bulkproof run: nothing could be tested: %v\n", err)
		return checks.ExitInconclusive
	}
	if r.o.budget > 0 {
		plan.LimitKickOffs(s, r.o.budget)
	}
	cost := plan.Cost(s)
	if r.o.dryRun {
		r.printPlan(plan, cost, s)
		s.Close(context.WithoutCancel(ctx))
		return checks.ExitConformant
	}
	r.console.Start(console.Plan{Tool: "bulkproof " + toolVersion(), Target: session.RedactURL(s.Config().BaseURL), IG: string(plan.IG),
		Checks: plan.Selected(), KickOffs: cost.KickOffs, Downloads: cost.Downloads, Requirements: build.Requirements(plan)})

	results, err := suites.Run(ctx, s, plan, checks.Options{Observer: observer{r, s, plan}, Waivers: r.waivers})
	var remarks []string
	if err != nil {
		remarks = append(remarks, err.Error())
	}
	interrupted := ctx.Err() != nil
	if interrupted {
		remarks = append(remarks, "the run was interrupted; what was not judged by then is listed as not run")
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	remarks = append(remarks, s.Close(clean)...)
	cancel()

	verdict, code := checks.Judge(results, r.o.strict, interrupted || err != nil)
	report := build.Report(build.Input{Session: s, Plan: plan, Results: results, Verdict: verdict, ExitCode: code, Strict: r.o.strict, Started: started,
		Ended: time.Now(), ToolVersion: toolVersion(), CommandLine: redactedCommandLine(r.args), Implementation: r.o.implementation, Problems: remarks})
	code = r.chosen.complete(report, plan.IG)
	report.Target.Identity, _ = parseIdentity(r.o.implementation) // judged before the run
	taped, err := r.tape.finish(report)
	if report.Problems = append(report.Problems, taped...); err != nil {
		report.Problems = append(report.Problems, err.Error())
	}
	r.stacks(results)
	paths, _ := reporters.Paths(r.o.out, r.o.formats)
	if err := reporters.WriteAll(r.o.out, report, r.o.formats); err != nil {
		r.console.Summary(report, nil)
		fmt.Fprintf(r.err, "bulkproof run: %v\n", err)
		if code == checks.ExitConformant {
			code = checks.ExitInconclusive
		}
		return code
	}
	r.console.Summary(report, paths)
	return code
}

// stacks prints the stack of a check that panicked: our own defect, for the bug report.
func (r *runner) stacks(results []checks.Result) {
	for _, res := range results {
		if res.Stack != "" {
			fmt.Fprintf(r.err, "bulkproof run: the check %s failed in itself; please report this:\n%s\n", res.Check.ID, res.Stack)
		}
	}
}

func (r *runner) printPlan(p *checks.Plan, cost checks.PlannedCost, s *session.Session) {
	fmt.Fprintf(r.out, "Plan for %s, IG %s, profile %s\n\n%d checks:\n", session.RedactURL(s.Config().BaseURL), p.IG, r.chosen.profile.Name, p.Selected())
	for _, e := range p.Entries {
		if e.Selected {
			fmt.Fprintf(r.out, "  %-40s %s\n", e.Check.ID, e.Check.Title)
		}
	}
	fmt.Fprintf(r.out, "\n%d shared exports:\n", len(cost.Exports))
	for _, x := range cost.Exports {
		fmt.Fprintf(r.out, "  %s\n", x)
	}
	fmt.Fprintf(r.out, "\nAt most %d kick-offs, shared exports included, and %d file requests beyond one for each file of an export.\n", cost.KickOffs, cost.Downloads)
	if cost.EachFile > 0 {
		fmt.Fprintf(r.out, "Each file of the plain export is asked for %d times more with credentials that should not do.\n", cost.EachFile)
	}
	if len(cost.Exports) > 0 {
		fmt.Fprintf(r.out, "Data to expect: up to %d times the files of the plain export, and about 1 MB of documents and tokens.\n", cost.Times)
	}
}
