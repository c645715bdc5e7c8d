package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/reporters"
	"github.com/spf13/pflag"
)

// captureOptions are the options of `bulkproof run` that record a run or take a recorded one for the target.
type captureOptions struct {
	record, replay string
}

func (o *captureOptions) flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.record, "record", "", "write everything said and heard to this file, redacted, for --replay")
	fs.StringVar(&o.replay, "replay", "", "judge the recorded run in this file again, instead of a live server")
}

// check returns what is wrong with the options beside others.
func (o captureOptions) check(r runOptions) error {
	var errs []error
	if o.record != "" && r.dryRun {
		errs = append(errs, errors.New("--record and --dry-run exclude each other: nothing is exchanged that could be replayed"))
	}
	if o.replay != "" {
		if r.server != "" || r.reference {
			errs = append(errs, errors.New("--replay takes the place of a server; leave out --server and --reference"))
		}
		if r.clientID != "" || r.token != "" || r.keyFile != "" {
			errs = append(errs, errors.New("--replay brings its own client; leave out --client-id, --key and --token"))
		}
		if o.record != "" {
			errs = append(errs, errors.New("--record and --replay exclude each other"))
		}
	}
	return errors.Join(errs...)
}

// tape is the capture of a run: one being written, or one being read.
type tape struct {
	recorder *session.Recorder
	capture  *session.Capture
	replay   *session.Replay
}

// load opens the capture to replay, if there is one, and returns the configuration it was recorded with.
func (t *tape) load(o captureOptions, cfg session.Config) (session.Config, error) {
	if o.replay == "" {
		return cfg, nil
	}
	c, err := session.LoadCapture(o.replay)
	if err != nil {
		return cfg, fmt.Errorf("--replay: %w", err)
	}
	t.capture, t.replay = c, session.NewReplay(c)
	keys, err := replayKeys(c)
	if err != nil {
		return cfg, err
	}
	return t.replay.Configure(cfg, keys)
}

// replayKeys makes a key for each of the capture: nothing verifies what it signs.
func replayKeys(c *session.Capture) ([]session.Key, error) {
	if len(c.Header.Keys) == 0 {
		return nil, nil
	}
	fresh, err := session.GenerateKeys("replay", 2048)
	if err != nil {
		return nil, err
	}
	var out []session.Key
	for _, want := range c.Header.Keys {
		i := slices.IndexFunc(fresh, func(k session.Key) bool { return k.Algorithm == want.Algorithm })
		if i < 0 {
			return nil, fmt.Errorf("the capture was recorded with a key for %q, which this tool does not know", want.Algorithm)
		}
		out = append(out, fresh[i])
	}
	return out, nil
}

// narrow leaves out checks that the recorded run did not select: the capture has nothing for them.
func (t *tape) narrow(keep func(*checks.Check) (bool, string)) func(*checks.Check) (bool, string) {
	if t.capture == nil {
		return keep
	}
	return func(c *checks.Check) (bool, string) {
		if !slices.Contains(t.capture.Header.Checks, c.ID) {
			return false, "it was not selected in the recorded run"
		}
		return keep(c)
	}
}

// begin opens the recorder, if the run is to be recorded.
func (t *tape) begin(o captureOptions, cfg session.Config, plan *checks.Plan) (session.Config, error) {
	if o.record == "" {
		return cfg, nil
	}
	selected := []string{}
	for _, e := range plan.Entries {
		if e.Selected {
			selected = append(selected, e.Check.ID)
		}
	}
	var err error
	if t.recorder, err = session.NewRecorder(o.record, "bulkproof "+toolVersion(), cfg, selected, nil); err != nil {
		return cfg, fmt.Errorf("--record: %w", err)
	}
	cfg.Tap = t.recorder
	return cfg, nil
}

// finish ends the recording and tells the report what a replay means. It returns remarks for the report.
func (t *tape) finish(r *reporters.Report) ([]string, error) {
	outcomes := map[string]string{}
	for _, c := range r.Checks {
		if c.Outcome != reporters.NotRun {
			outcomes[c.ID] = string(c.Outcome)
		}
	}
	var remarks []string
	if t.capture != nil {
		r.Target.Capture = t.capture.Digest
		remarks = append(remarks, t.compare(outcomes)...)
		if n := len(t.replay.Missing()); n > 0 {
			remarks = append(remarks, fmt.Sprintf("the capture holds no answer to %d of the requests, such as %s; what rests on them could not be judged", n, t.replay.Missing()[0]))
		}
	}
	if rec := t.recorder; rec != nil {
		t.recorder = nil
		return remarks, rec.Close(string(r.Verdict), outcomes)
	}
	return remarks, nil
}

// discard removes a recording that did not come to its end.
func (t *tape) discard() {
	if t.recorder != nil {
		t.recorder.Discard()
	}
}

// compare says how the outcomes differ from those of the recorded run.
func (t *tape) compare(outcomes map[string]string) []string {
	var changed []string
	n := 0
	for _, id := range t.capture.Header.Checks {
		now, ok := outcomes[id]
		if !ok {
			continue
		}
		n++
		if was := t.capture.End.Outcomes[id]; was != now {
			changed = append(changed, fmt.Sprintf("%s was %q when it was recorded and is %q now", id, was, now))
		}
	}
	if len(changed) == 0 {
		return []string{fmt.Sprintf("replayed from a capture: %d checks, each with the outcome of the recorded run", n)}
	}
	return append([]string{fmt.Sprintf("replayed from a capture: %d of %d checks come out differently than in the recorded run", len(changed), n)}, changed...)
}
