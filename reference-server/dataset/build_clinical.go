package dataset

func (b *builder) encounter() {
	p, o := b.l.p, b.l.o
	from, to := b.s.visit(p, o)
	stay := to-from >= day
	b.start(to, "us-core-encounter")
	if b.one(6) {
		b.narrative(pick(&b.rng, sentences))
	}
	b.identifier("identifier", "encounter", "V")
	state := pick(&b.rng, []string{"finished", "finished", "finished", "finished", "finished", "finished", "in-progress", "cancelled", "entered-in-error"})
	b.str("status", state)
	class := pick(&b.rng, encounterClasses)
	if stay {
		class = inpatient
	}
	b.coding("class", class)
	b.concepts("type", pick(&b.rng, encounterTypes))
	b.subjectNamed(p)
	b.list("participant")
	b.open("")
	b.concepts("type", primaryPerformer)
	b.period("period", from, to)
	if b.one(3) {
		b.ref("individual", b.anyOf(kPractitionerRole))
	} else {
		b.ref("individual", b.s.practitionerOf(p))
	}
	b.end()
	b.endList()
	if state == "in-progress" {
		b.period("period", from, 0)
	} else {
		b.period("period", from, to)
	}
	b.concepts("reasonCode", pick(&b.rng, visitReasons))
	if o < b.s.counts[kCondition].of(p) {
		b.list("diagnosis")
		b.open("")
		b.ref("condition", b.at(kCondition, o))
		b.int("rank", 1)
		b.end()
		b.endList()
	}
	if stay {
		b.open("hospitalization")
		b.concept("dischargeDisposition", code{terms + "discharge-disposition", "home", "Home"})
		b.end()
	}
	b.list("location")
	b.open("")
	b.ref("location", b.anyOf(kLocation))
	b.str("status", "completed")
	b.end()
	b.endList()
	b.ref("serviceProvider", b.s.organizationOf(p))
	b.end()
}

// subjectNamed writes subject with the patient's name as display.
func (b *builder) subjectNamed(p int) {
	who := b.s.person(p)
	b.named("subject", loc{k: kPatient, p: p}, who.full())
	b.joins(p)
}

func (b *builder) condition() {
	p, o := b.l.p, b.l.o
	v, from, _ := b.s.visitOf(p, o)
	problem := o%2 == 0
	profile, category := "us-core-condition-encounter-diagnosis", encounterDiagnosis
	if problem {
		profile, category = "us-core-condition-problems-health-concerns", problemList
	}
	b.start(from+day, profile)
	what := pick(&b.rng, conditions)
	if b.one(4) {
		b.narrative(what[0].display, "Recorded at a sample visit")
	}
	verification := pick(&b.rng, []string{"confirmed", "confirmed", "confirmed", "provisional", "unconfirmed", "entered-in-error"})
	clinical := pick(&b.rng, []string{"active", "active", "recurrence", "inactive", "resolved", "remission"})
	if verification != "entered-in-error" { // con-3 and con-5
		b.concept("clinicalStatus", status("condition-clinical", clinical))
	}
	b.concept("verificationStatus", status("condition-ver-status", verification))
	b.concepts("category", category)
	if b.one(2) {
		b.concept("severity", pick(&b.rng, severities))
	}
	if b.one(3) {
		b.concept("code", what[0])
	} else {
		b.concept("code", what[0], what[1])
	}
	b.subject("subject", p)
	b.ref("encounter", loc{kEncounter, p, v})
	switch b.n(3) {
	case 0:
		b.dateTime("onsetDateTime", from)
	case 1:
		b.time("onsetDateTime", from-400*day, "2006-01")
	default:
		b.period("onsetPeriod", from-90*day, from)
	}
	// con-4: what has abated cannot be active.
	if verification != "entered-in-error" && (clinical == "resolved" || clinical == "remission") {
		b.date("abatementDateTime", from+day)
	}
	b.dateTime("recordedDate", from)
	b.ref("recorder", b.s.practitionerOf(p))
	if b.one(4) {
		b.subject("asserter", p)
	}
	if b.one(5) {
		b.note()
	}
	b.end()
}

// note writes a list of one Annotation.
func (b *builder) note() {
	b.list("note")
	b.open("")
	b.str("text", pick(&b.rng, sentences))
	b.end()
	b.endList()
}

func (b *builder) procedure() {
	p, o := b.l.p, b.l.o
	v, from, to := b.s.visitOf(p, o+1)
	b.start(to, "us-core-procedure")
	state := pick(&b.rng, []string{"completed", "completed", "completed", "completed", "in-progress", "not-done", "entered-in-error"})
	b.str("status", state)
	if state == "not-done" {
		b.concept("statusReason", notDone)
	}
	b.concept("category", procedureCategory)
	b.concept("code", pick(&b.rng, procedures))
	b.subjectNamed(p)
	b.ref("encounter", loc{kEncounter, p, v})
	if o%2 == 0 {
		b.dateTime("performedDateTime", from)
	} else {
		b.period("performedPeriod", from, to)
	}
	b.list("performer")
	b.open("")
	if b.one(6) {
		b.subject("actor", p) // patients do some things themselves
	} else {
		b.ref("actor", b.anyOf(kPractitioner))
		b.ref("onBehalfOf", b.s.organizationOf(p))
	}
	b.end()
	b.endList()
	b.ref("location", b.anyOf(kLocation))
	b.list("reasonReference")
	b.ref("", b.at(kCondition, o))
	b.endList()
	if o == 0 && b.has(kDevice) {
		b.list("focalDevice")
		b.open("")
		b.ref("manipulated", b.at(kDevice, 0))
		b.end()
		b.endList()
	}
	b.end()
}

func (b *builder) immunization() {
	p, o := b.l.p, b.l.o
	v, from, _ := b.s.visitOf(p, o)
	b.start(from, "us-core-immunization")
	state := pick(&b.rng, []string{"completed", "completed", "completed", "completed", "not-done", "entered-in-error"})
	b.str("status", state)
	if state == "not-done" {
		b.concept("statusReason", vaccineRefused)
	}
	b.concept("vaccineCode", pick(&b.rng, vaccines))
	b.subject("patient", p)
	b.ref("encounter", loc{kEncounter, p, v})
	if o%3 == 2 {
		b.date("occurrenceDateTime", from)
	} else {
		b.dateTime("occurrenceDateTime", from)
	}
	b.bool("primarySource", b.n(4) > 0)
	b.ref("location", b.anyOf(kLocation))
	if state == "completed" {
		b.str("lotNumber", "S/"+symbols[b.n(20):][:6])
		b.concept("route", intramuscular)
		b.quantity("doseQuantity", 5, 1, "mL", "mL")
		b.list("performer")
		b.open("")
		b.ref("actor", b.anyOf(kPractitioner))
		b.end()
		b.endList()
	}
	b.end()
}

func (b *builder) allergy() {
	p, o := b.l.p, b.l.o
	v, from, _ := b.s.visitOf(p, o)
	b.start(from, "us-core-allergyintolerance")
	what := pick(&b.rng, allergens)
	verification := pick(&b.rng, []string{"confirmed", "confirmed", "confirmed", "unconfirmed", "refuted", "entered-in-error"})
	if verification != "entered-in-error" { // ait-1 and ait-2
		b.concept("clinicalStatus", status("allergyintolerance-clinical", pick(&b.rng, []string{"active", "active", "inactive", "resolved"})))
	}
	b.concept("verificationStatus", status("allergyintolerance-verification", verification))
	b.str("type", "allergy")
	b.list("category")
	b.str("", what.category)
	b.endList()
	b.str("criticality", pick(&b.rng, []string{"low", "high", "unable-to-assess"}))
	b.concept("code", what.code)
	b.subject("patient", p)
	b.ref("encounter", loc{kEncounter, p, v})
	b.time("onsetDateTime", from-2000*day, "2006")
	b.dateTime("recordedDate", from)
	if b.one(2) {
		b.subject("recorder", p)
	} else {
		b.ref("recorder", b.s.practitionerOf(p))
	}
	b.list("reaction")
	b.open("")
	b.concepts("manifestation", pick(&b.rng, manifestations))
	b.str("severity", pick(&b.rng, []string{"mild", "moderate", "severe"}))
	b.end()
	b.endList()
	b.end()
}

func (b *builder) carePlan() {
	p, o := b.l.p, b.l.o
	v, from, _ := b.s.visitOf(p, o)
	state := pick(&b.rng, []string{"active", "active", "completed", "revoked", "draft"})
	if state == "completed" {
		b.start(from+180*day, "us-core-careplan")
	} else {
		b.start(from, "us-core-careplan")
	}
	b.narrative("Plan number " + string(rune('1'+o)) + " of a patient who does not exist")
	b.str("status", state)
	b.str("intent", pick(&b.rng, []string{"plan", "order", "proposal"}))
	b.concepts("category", assessPlan)
	b.str("title", "Sample plan")
	b.subject("subject", p)
	b.ref("encounter", loc{kEncounter, p, v})
	if state == "completed" {
		b.period("period", from, from+180*day)
	} else {
		b.period("period", from, 0)
	}
	b.ref("author", b.s.practitionerOf(p))
	b.list("addresses")
	b.ref("", b.at(kCondition, o))
	b.endList()
	b.list("goal")
	b.ref("", b.at(kGoal, o))
	b.endList()
	b.list("activity")
	b.open("")
	b.open("detail")
	b.concept("code", pick(&b.rng, activities))
	b.str("status", pick(&b.rng, []string{"in-progress", "completed", "not-started"}))
	b.list("performer")
	b.subject("", p)
	b.ref("", b.s.practitionerOf(p))
	b.endList()
	b.end()
	b.end()
	b.endList()
	b.end()
}

func (b *builder) goal() {
	p, o := b.l.p, b.l.o
	_, from, _ := b.s.visitOf(p, o)
	b.start(from, "us-core-goal")
	b.str("lifecycleStatus", pick(&b.rng, []string{"active", "active", "accepted", "completed", "on-hold", "cancelled"}))
	b.concept("achievementStatus", pick(&b.rng, achievements))
	b.concept("description", pick(&b.rng, goals))
	b.subject("subject", p)
	b.date("startDate", from)
	b.list("target")
	b.open("")
	b.concept("measure", bodyWeight)
	b.quantity("detailQuantity", b.between(600, 900), 1, "kg", "kg")
	b.date("dueDate", from+365*day)
	b.end()
	b.endList()
	b.ref("expressedBy", b.s.practitionerOf(p))
	b.list("addresses")
	b.ref("", b.at(kCondition, o))
	b.endList()
	b.end()
}
