package html

import "github.com/bulkproof/bulkproof/reporters/model"

// track is the table of a connectathon scenario.
type track struct {
	*model.Scenario
	Badge badge
	Steps []step
}

type step struct {
	*model.ScenarioStep
	Badge badge
	Links []link
}

// badge is a word with the class of its colour and icon.
type badge struct{ Word, Class string }

func stepBadge(o model.StepOutcome) badge {
	switch o {
	case model.StepPass:
		return badge{"Passed", "pass"}
	case model.StepFail:
		return badge{"Failed", "fail"}
	}
	return badge{"Inconclusive", "inconclusive"}
}

// track links each step of the scenario, if there is one, to the checks it rests on.
func (p *page) track() {
	s := p.Scenario
	if s == nil {
		return
	}
	anchors := map[string]string{}
	for i := range p.Checks {
		anchors[p.Checks[i].ID] = p.anchors[i]
	}
	p.Track = &track{Scenario: s, Badge: stepBadge(s.Outcome)}
	for i := range s.Steps {
		row := step{ScenarioStep: &s.Steps[i], Badge: stepBadge(s.Steps[i].Outcome)}
		for _, id := range s.Steps[i].Checks {
			l := link{Text: id}
			if a := anchors[id]; a != "" {
				l.Href = "#" + a
			}
			row.Links = append(row.Links, l)
		}
		p.Track.Steps = append(p.Track.Steps, row)
	}
}
