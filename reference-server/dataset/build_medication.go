package dataset

import "strconv"

func (b *builder) medication() {
	b.start(firstUpdate, "us-core-medication")
	b.concept("code", drugs[b.l.p])
	b.str("status", []string{"active", "active", "active", "active", "inactive"}[b.l.p%5])
	b.concept("form", tablet)
	b.end()
}

// medicationRequest names its drug in one of three ways: as a code, as a Medication resource of the set, or as a
// contained one.
func (b *builder) medicationRequest() {
	p, o := b.l.p, b.l.o
	v, from, _ := b.s.visitOf(p, o)
	b.start(from, "us-core-medicationrequest")
	drug := b.n(len(drugs))
	if o%4 == 2 {
		b.list("contained")
		b.open("")
		b.str("resourceType", "Medication")
		b.str("id", "drug")
		b.concept("code", drugs[drug])
		b.ref("manufacturer", loc{k: kOrganization})
		b.list("ingredient")
		b.open("")
		b.concept("itemCodeableConcept", drugs[(drug+1)%len(drugs)])
		b.end()
		b.endList()
		b.end()
		b.endList()
	}
	b.identifier("identifier", "order", "RX")
	b.str("status", pick(&b.rng, []string{"active", "active", "active", "completed", "completed", "stopped", "on-hold", "entered-in-error"}))
	b.str("intent", pick(&b.rng, []string{"order", "order", "order", "plan", "proposal"}))
	b.concepts("category", pick(&b.rng, orderPlaces))
	b.bool("reportedBoolean", b.one(5))
	switch o % 4 {
	case 2:
		b.open("medicationReference")
		b.str("reference", "#drug")
		b.end()
	case 1:
		b.named("medicationReference", loc{k: kMedication, p: drug}, drugs[drug].display)
	default:
		b.concept("medicationCodeableConcept", drugs[drug])
	}
	b.subject("subject", p)
	b.ref("encounter", loc{kEncounter, p, v})
	b.dateTime("authoredOn", from)
	b.ref("requester", b.s.practitionerOf(p))
	if b.one(2) {
		b.list("reasonReference")
		b.ref("", b.at(kCondition, o))
		b.endList()
	}
	b.list("dosageInstruction")
	b.open("")
	b.int("sequence", 1)
	b.str("text", "Take one sample "+strconv.Itoa(b.between(1, 3))+" times a day \u2014 never")
	b.open("timing")
	b.open("repeat")
	b.int("frequency", b.between(1, 3))
	b.raw("period", "1.0")
	b.str("periodUnit", "d")
	b.end()
	b.end()
	b.bool("asNeededBoolean", b.one(3))
	b.concept("route", oral)
	b.list("doseAndRate")
	b.open("")
	b.open("doseQuantity")
	b.raw("value", "1")
	b.str("unit", "{tablet}")
	b.str("system", sysUCUM)
	b.str("code", "{tablet}")
	b.end()
	b.end()
	b.endList()
	b.end()
	b.endList()
	b.open("dispenseRequest")
	b.int("numberOfRepeatsAllowed", b.n(4))
	b.quantity("quantity", 30*b.between(1, 3), 0, "{tablet}", "{tablet}")
	b.end()
	b.end()
}
