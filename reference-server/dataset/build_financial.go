package dataset

import "strconv"

// money writes an amount in US dollars, given in cents.
func (b *builder) money(k string, cents int) {
	b.open(k)
	b.decimal("value", cents, 2)
	b.str("currency", "USD")
	b.end()
}

// coverage writes an insurance policy. A patient's second one is held by the next patient of the set, which puts it
// into the compartments of both (R4 Patient compartment: policy-holder, subscriber, beneficiary, payor).
func (b *builder) coverage() {
	p, o := b.l.p, b.l.o
	from, _ := b.s.visit(p, 0)
	holder, relation := p, relationSelf
	if o > 0 {
		holder, relation = (p+1)%b.s.cfg.Patients, relationOther
	}
	b.start(from, "us-core-coverage")
	b.identifier("identifier", "coverage", "POL ")
	state := pick(&b.rng, []string{"active", "active", "active", "cancelled", "draft"})
	b.str("status", state)
	b.concept("type", pick(&b.rng, coverageTypes))
	b.subject("policyHolder", holder)
	b.subject("subscriber", holder)
	b.str("subscriberId", "SUB"+strconv.Itoa(b.between(10_000, 99_999)))
	b.subject("beneficiary", p)
	b.concept("relationship", relation)
	if state == "cancelled" {
		b.period("period", from-700*day, from)
	} else {
		b.period("period", from-700*day, 0)
	}
	b.list("payor")
	b.ref("", b.s.insurerOf(p))
	b.endList()
	b.list("class")
	b.open("")
	b.concept("type", coveragePlan)
	b.str("value", "P"+strconv.Itoa(b.n(9)))
	b.str("name", "Imaginary plan")
	b.end()
	b.endList()
	b.end()
}

// bill is what a Claim and the ExplanationOfBenefit paid on it have in common.
type bill struct {
	kind, service code
	provider      loc
	cents, paid   int
	visit         int
	from, to      moment
}

func (s *Set) bill(p, o int) bill {
	r := rng{mix(s.cfg.Seed, 0xB111, uint64(p), uint64(o))}
	v, from, to := s.visitOf(p, o)
	x := bill{kind: pick(&r, claimTypes), service: pick(&r, services), provider: s.organizationOf(p), visit: v, from: from, to: to}
	x.cents = r.between(2_000, 480_000)
	x.paid = x.cents * r.between(30, 100) / 100
	return x
}

func (b *builder) claim() {
	p, o := b.l.p, b.l.o
	x := b.s.bill(p, o)
	b.start(x.to + 3*day)
	b.identifier("identifier", "claim", "")
	b.str("status", pick(&b.rng, []string{"active", "active", "active", "active", "cancelled", "draft"}))
	b.concept("type", x.kind)
	b.str("use", pick(&b.rng, []string{"claim", "claim", "claim", "preauthorization", "predetermination"}))
	b.subject("patient", p)
	b.period("billablePeriod", x.from, x.to)
	b.dateTime("created", x.to+2*day)
	b.ref("insurer", b.s.insurerOf(p))
	b.ref("provider", x.provider)
	b.concept("priority", claimPriority)
	b.payee(x.provider)
	b.diagnoses()
	b.list("insurance")
	b.open("")
	b.int("sequence", 1)
	b.bool("focal", true)
	b.ref("coverage", b.at(kCoverage, o))
	b.end()
	b.endList()
	b.list("item")
	b.item(&x)
	b.end()
	b.endList()
	b.money("total", x.cents)
	b.end()
}

func (b *builder) benefit() {
	p, o := b.l.p, b.l.o
	x := b.s.bill(p, o)
	b.start(x.to + 10*day)
	b.identifier("identifier", "benefit", "")
	b.str("status", pick(&b.rng, []string{"active", "active", "active", "active", "cancelled", "entered-in-error"}))
	b.concept("type", x.kind)
	b.str("use", "claim")
	b.subject("patient", p)
	b.period("billablePeriod", x.from, x.to)
	b.dateTime("created", x.to+9*day)
	b.ref("insurer", b.s.insurerOf(p))
	b.ref("provider", x.provider)
	b.payee(x.provider)
	b.ref("claim", b.at(kClaim, o))
	b.str("outcome", pick(&b.rng, []string{"complete", "complete", "complete", "partial", "queued"}))
	b.list("careTeam")
	b.open("")
	b.int("sequence", 1)
	b.ref("provider", b.s.practitionerOf(p))
	b.end()
	b.endList()
	b.diagnoses()
	b.list("insurance")
	b.open("")
	b.bool("focal", true)
	b.ref("coverage", b.at(kCoverage, o))
	b.end()
	b.endList()
	b.list("item")
	b.item(&x)
	b.list("adjudication")
	b.adjudicated("category", submitted, x.cents)
	b.adjudicated("category", benefit, x.paid)
	b.endList()
	b.end()
	b.endList()
	b.list("total")
	b.adjudicated("category", submitted, x.cents)
	b.adjudicated("category", benefit, x.paid)
	b.endList()
	b.open("payment")
	b.date("date", x.to+8*day)
	b.money("amount", x.paid)
	b.end()
	b.end()
}

func (b *builder) adjudicated(k string, c code, cents int) {
	b.open("")
	b.concept(k, c)
	b.money("amount", cents)
	b.end()
}

// payee pays the patient back now and then, else the provider.
func (b *builder) payee(provider loc) {
	b.open("payee")
	if b.one(4) {
		b.concept("type", payeeSubscriber)
		b.subject("party", b.l.p)
	} else {
		b.concept("type", payeeProvider)
		b.ref("party", provider)
	}
	b.end()
}

func (b *builder) diagnoses() {
	b.list("diagnosis")
	b.open("")
	b.int("sequence", 1)
	if b.one(2) {
		b.ref("diagnosisReference", b.at(kCondition, b.l.o))
	} else {
		b.concept("diagnosisCodeableConcept", pick(&b.rng, conditions)[1])
	}
	b.end()
	b.endList()
}

// item opens an item; the caller closes it.
func (b *builder) item(x *bill) {
	b.open("")
	b.int("sequence", 1)
	b.list("diagnosisSequence")
	b.int("", 1)
	b.endList()
	b.concept("productOrService", x.service)
	b.period("servicedPeriod", x.from, x.to)
	b.open("quantity")
	b.raw("value", "1")
	b.end()
	b.money("unitPrice", x.cents)
	b.money("net", x.cents)
	b.list("encounter")
	b.ref("", loc{kEncounter, b.l.p, x.visit})
	b.endList()
}
