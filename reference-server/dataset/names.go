package dataset

import "strings"

// person is what the rest of a record says about its patient.
type person struct {
	family, given, middle string
	gender                string // FHIR administrative gender
	born                  moment
	died                  moment // 0 if alive
}

// Names are made of words for sample, test, example and nothing, in several scripts, so that nobody takes them for real.
var (
	families = []string{
		"Sampleton", "Testington", "Mockridge", "Prüfstein", "Ejemplo-Ficticio", "O'Specimen", "Dummyová", "Exempeldóttir",
		"Образцов", "Δοκιμίδης", "見本", "Nulldotter", "Platzhälter", "Fictício", "Örnekoğlu", "בדיקה", "di Prova", "Van der Test",
	}
	givens = []string{
		"Testina", "Mock", "Alpha", "Zoë-Sample", "Specimenia", "Bravo", "Exempla", "Dummy", "Próba", "Fixture", "例子", "Placebo",
		"Synthea-Not", "Random", "Stubbe", "Éxample",
	}
	middles = []string{"Placeholder", "\"Quote\"", "N.", "Of", "Q"}
	genders = []string{"female", "male", "female", "male", "other", "female", "male", "unknown"}
)

func (s *Set) person(p int) person {
	r := rng{mix(s.cfg.Seed, 0x9E7507, uint64(p))}
	who := person{family: pick(&r, families), given: pick(&r, givens), middle: pick(&r, middles), gender: pick(&r, genders)}
	who.born = date(1931, 1, 1) + moment(r.n(79*365))*day
	if r.one(12) {
		who.died = lastVisit + moment(r.between(5, 60))*day
	}
	return who
}

func (p *person) full() string { return p.given + " " + p.family }

// xhtml escapes text for the inside of a paragraph.
var xhtml = xhtmlReplacer{strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")}

type xhtmlReplacer struct{ *strings.Replacer }

func (x xhtmlReplacer) Replace(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return x.Replacer.Replace(s)
}

// sentences fill documents and notes. They say nothing about anybody.
var sentences = []string{
	"The quick brown fox of this note jumps over the lazy template.",
	"Nothing in this paragraph was observed, measured or said.",
	"Findings: none, since there was nobody to examine.",
	"Plan: generate the next document from the same seed and compare.",
	"\tIndented on purpose, with a tab, and \"quoted\" in places.",
	"Längere Zeilen enthalten auch Umlaute, naïve accents et des caractères spéciaux; 文字もある。",
	"Backslashes \\ and slashes / must survive a round trip.",
	"Discussed with an imaginary colleague <nobody@example.org> & filed.",
}

var (
	organizationNames = []string{
		"Founding Sample Clinic", "Mock Valley Laboratory", "Placeholder General Hospital", "Null Island Imaging", "Example Street Surgery",
	}
	insurerNames = []string{"Imaginary Mutual Insurance", "Fictitious Health Plan"}
)

var locationNames = []string{"North Wing (sample)", "Pavillon d'essai", "Ward Zero", "Outpatient Mock-up", "Teststraße 1"}
