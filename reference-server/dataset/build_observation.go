package dataset

// measure is something that can be observed as a quantity. Values lie between min and max, in units of 10^-places.
type measure struct {
	code        code
	min, max    int
	places      int
	unit, ucum  string
	low, high   int // reference range, or 0, 0
	coreProfile string
	usProfile   string
}

var (
	heartRate = measure{code: code{sysLOINC, "8867-4", "Heart rate"}, min: 52, max: 118, unit: "/min", ucum: "/min",
		coreProfile: "heartrate", usProfile: "us-core-heart-rate"}
	weight = measure{code: bodyWeight, min: 480, max: 1320, places: 1, unit: "kg", ucum: "kg",
		coreProfile: "bodyweight", usProfile: "us-core-body-weight"}
	height = measure{code: code{sysLOINC, "8302-2", "Body height"}, min: 1480, max: 2010, places: 1, unit: "cm", ucum: "cm",
		coreProfile: "bodyheight", usProfile: "us-core-body-height"}
	bmi = measure{code: code{sysLOINC, "39156-5", "Body mass index (BMI) [Ratio]"}, min: 1750, max: 4120, places: 2, unit: "kg/m2",
		ucum: "kg/m2", coreProfile: "bmi", usProfile: "us-core-bmi"}
	temperature = measure{code: code{sysLOINC, "8310-5", "Body temperature"}, min: 355, max: 402, places: 1, unit: "Cel", ucum: "Cel",
		coreProfile: "bodytemp", usProfile: "us-core-body-temperature"}
	breathing = measure{code: code{sysLOINC, "9279-1", "Respiratory rate"}, min: 11, max: 27, unit: "/min", ucum: "/min",
		coreProfile: "resprate", usProfile: "us-core-respiratory-rate"}
	saturation = measure{code: code{sysLOINC, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"}, min: 88, max: 100,
		unit: "%", ucum: "%", coreProfile: "oxygensat", usProfile: "us-core-pulse-oximetry"}
	oxygen = code{sysLOINC, "2708-6", "Oxygen saturation in Arterial blood"}

	bloodPressure = code{sysLOINC, "85354-9", "Blood pressure panel with all children optional"}
	systolic      = measure{code: code{sysLOINC, "8480-6", "Systolic blood pressure"}, min: 94, max: 171, unit: "mm[Hg]", ucum: "mm[Hg]"}
	diastolic     = measure{code: code{sysLOINC, "8462-4", "Diastolic blood pressure"}, min: 52, max: 93, unit: "mm[Hg]", ucum: "mm[Hg]"}

	labs = []measure{
		{code: code{sysLOINC, "2339-0", "Glucose [Mass/volume] in Blood"}, min: 62, max: 213, unit: "mg/dL", ucum: "mg/dL", low: 70, high: 110},
		{code: code{sysLOINC, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"}, min: 45, max: 103, places: 1, unit: "%", ucum: "%", low: 40, high: 57},
		{code: code{sysLOINC, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma"}, min: 51, max: 190, places: 2, unit: "mg/dL", ucum: "mg/dL", low: 60, high: 120},
		{code: code{sysLOINC, "2093-3", "Cholesterol [Mass/volume] in Serum or Plasma"}, min: 131, max: 287, unit: "mg/dL", ucum: "mg/dL", low: 125, high: 200},
		{code: code{sysLOINC, "718-7", "Hemoglobin [Mass/volume] in Blood"}, min: 98, max: 172, places: 1, unit: "g/dL", ucum: "g/dL", low: 120, high: 160},
		{code: code{sysLOINC, "2951-2", "Sodium [Moles/volume] in Serum or Plasma"}, min: 131, max: 149, unit: "mmol/L", ucum: "mmol/L", low: 135, high: 145},
		{code: code{sysLOINC, "6690-2", "Leukocytes [#/volume] in Blood by Automated count"}, min: 280, max: 1480, places: 2, unit: "10*3/uL", ucum: "10*3/uL", low: 450, high: 1100},
	}

	nitrite    = code{sysLOINC, "5802-4", "Nitrite [Presence] in Urine by Test strip"}
	presence   = []code{{sysSNOMED, "260373001", "Detected (qualifier value)"}, {sysSNOMED, "260415000", "Not detected (qualifier value)"}}
	urineColor = code{sysLOINC, "5778-6", "Color of Urine"}
	smoking    = code{sysLOINC, "72166-2", "Tobacco smoking status"}
	smokers    = []code{
		{sysSNOMED, "266919005", "Never smoked tobacco (finding)"}, {sysSNOMED, "8517006", "Ex-smoker (finding)"},
		{sysSNOMED, "449868002", "Smokes tobacco daily (finding)"},
	}
	phq9 = measure{code: code{sysLOINC, "44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"}, min: 0, max: 27,
		unit: "{score}", ucum: "{score}"}

	observationStates = []string{
		"final", "final", "final", "final", "final", "final", "amended", "corrected", "preliminary", "entered-in-error",
	}
)

// What the ordinals of a patient's Observations hold; later ones are laboratory results.
const (
	obsPressure = iota
	obsHeart
	obsWeight
	obsPanel
	obsFirstLab
	obsSecondLab
	obsSmoking
	obsTemperature
	obsHeight
	obsCodedLab
	obsSurvey
	obsSaturation
	obsBreathing
	obsBMI
	obsMissing
	obsText
)

func (b *builder) observation() {
	switch b.l.o {
	case obsPressure:
		b.observed(vitalSigns, "us-core-blood-pressure", "bp")
		b.concept("code", bloodPressure)
		b.context(true)
		b.list("component")
		for _, m := range []*measure{&systolic, &diastolic} {
			b.open("")
			b.concept("code", m.code)
			b.quantity("valueQuantity", b.between(m.min, m.max), m.places, m.unit, m.ucum)
			b.end()
		}
		b.endList()
	case obsHeart:
		b.vital(&heartRate)
	case obsWeight:
		b.vital(&weight)
	case obsHeight:
		b.vital(&height)
	case obsBMI:
		b.vital(&bmi)
	case obsTemperature:
		b.vital(&temperature)
	case obsBreathing:
		b.vital(&breathing)
	case obsSaturation:
		b.vital(&saturation, oxygen)
	case obsPanel:
		b.observed(laboratory, "us-core-observation-lab")
		b.concept("code", pick(&b.rng, reportPanels))
		b.context(false)
		b.list("hasMember")
		b.ref("", b.at(kObservation, obsFirstLab))
		b.ref("", b.at(kObservation, obsSecondLab))
		b.endList()
	case obsCodedLab:
		b.observed(laboratory, "us-core-observation-lab")
		b.concept("code", nitrite)
		b.context(false)
		b.concept("valueCodeableConcept", pick(&b.rng, presence))
	case obsText:
		b.observed(laboratory, "us-core-observation-lab")
		b.concept("code", urineColor)
		b.context(false)
		b.str("valueString", pick(&b.rng, []string{"straw\tyellow", "amber", "\"clear\""}))
	case obsMissing:
		b.observed(laboratory, "us-core-observation-lab")
		b.concept("code", pick(&b.rng, labs).code)
		b.context(false)
		b.concept("dataAbsentReason", pick(&b.rng, []code{unknownValue, notPerformed}))
	case obsSmoking:
		b.observed(socialHistory, "us-core-smokingstatus")
		b.concept("code", smoking)
		b.context(false)
		b.concept("valueCodeableConcept", pick(&b.rng, smokers))
	case obsSurvey:
		b.observed(survey, "us-core-observation-screening-assessment")
		b.concept("code", phq9.code)
		b.context(true)
		b.quantity("valueQuantity", b.between(phq9.min, phq9.max), 0, phq9.unit, phq9.ucum)
	default:
		b.laboratoryResult(&labs[(b.l.p+b.l.o)%len(labs)])
	}
	b.end()
}

// observed writes an Observation up to its category.
func (b *builder) observed(category code, profiles ...string) {
	_, from, _ := b.s.visitOf(b.l.p, b.l.o)
	b.start(from+day, profiles...)
	if b.one(9) {
		b.narrative(pick(&b.rng, sentences))
	}
	if b.one(3) {
		b.identifier("identifier", "observation", "")
	}
	state := pick(&b.rng, observationStates)
	switch b.l.o {
	case obsMissing:
		state = pick(&b.rng, []string{"cancelled", "registered", "unknown"})
	case obsSmoking: // us-core-smokingstatus allows no other
		state = pick(&b.rng, []string{"final", "final", "entered-in-error"})
	}
	b.str("status", state)
	b.concepts("category", category)
}

// context writes who and when. A patient may have made a plain measurement alone.
func (b *builder) context(alone bool) {
	p, o := b.l.p, b.l.o
	v, from, to := b.s.visitOf(p, o)
	b.subject("subject", p)
	b.ref("encounter", loc{kEncounter, p, v})
	if o > obsMissing && b.one(4) {
		b.period("effectivePeriod", from, to)
	} else {
		b.dateTime("effectiveDateTime", from+moment(o)*60)
	}
	b.instant("issued", from+moment(b.n(day)))
	b.list("performer")
	if alone && b.one(5) {
		b.subject("", p)
	} else {
		b.ref("", b.s.practitionerOf(p))
		b.ref("", b.s.organizationOf(p))
	}
	b.endList()
}

func (b *builder) vital(m *measure, also ...code) {
	b.observed(vitalSigns, m.usProfile, m.coreProfile)
	b.concept("code", append([]code{m.code}, also...)...)
	b.context(true)
	b.quantity("valueQuantity", b.between(m.min, m.max), m.places, m.unit, m.ucum)
	switch {
	case b.one(6):
		b.concept("bodySite", pick(&b.rng, bodySites))
	case b.one(3) && b.has(kDevice):
		b.ref("device", b.at(kDevice, 0))
	}
}

func (b *builder) laboratoryResult(m *measure) {
	b.observed(laboratory, "us-core-observation-lab")
	b.concept("code", m.code)
	b.context(false)
	value := b.between(m.min, m.max)
	b.quantity("valueQuantity", value, m.places, m.unit, m.ucum)
	switch {
	case value < m.low:
		b.concepts("interpretation", low)
	case value > m.high:
		b.concepts("interpretation", high)
	default:
		b.concepts("interpretation", normal)
	}
	if b.one(5) {
		b.note()
	}
	b.list("referenceRange")
	b.open("")
	b.quantity("low", m.low, m.places, m.unit, m.ucum)
	b.quantity("high", m.high, m.places, m.unit, m.ucum)
	b.end()
	b.endList()
}

func (b *builder) diagnosticReport() {
	p, o := b.l.p, b.l.o
	v, from, _ := b.s.visitOf(p, o)
	lab := o%2 == 0
	if lab {
		b.start(from+day, "us-core-diagnosticreport-lab")
	} else {
		b.start(from+day, "us-core-diagnosticreport-note")
	}
	if b.one(4) {
		b.narrative(sentences[0])
	}
	b.str("status", pick(&b.rng, []string{"final", "final", "final", "amended", "partial", "registered"}))
	if lab {
		b.concepts("category", reportLab)
		b.concept("code", pick(&b.rng, reportPanels))
	} else {
		b.concepts("category", reportNotes[o/2%2])
		b.concept("code", reportStudies[o/2%2])
	}
	b.subjectNamed(p)
	b.ref("encounter", loc{kEncounter, p, v})
	b.dateTime("effectiveDateTime", from)
	b.instant("issued", from+moment(b.n(day)))
	b.list("performer")
	b.ref("", b.s.organizationOf(p))
	b.endList()
	if lab {
		b.list("result")
		b.ref("", b.at(kObservation, obsFirstLab))
		b.ref("", b.at(kObservation, obsSecondLab))
		b.endList()
	} else {
		b.str("conclusion", pick(&b.rng, sentences))
	}
	b.end()
}

// documentReference writes a clinical note that points at its content by URL or holds it inline.
func (b *builder) documentReference() {
	p, o := b.l.p, b.l.o
	v, from, to := b.s.visitOf(p, o)
	b.start(to, "us-core-documentreference")
	what := pick(&b.rng, documentTypes)
	b.identifier("identifier", "document", "")
	state := pick(&b.rng, []string{"current", "current", "current", "current", "superseded", "entered-in-error"})
	b.str("status", state)
	if state == "entered-in-error" {
		b.str("docStatus", "entered-in-error")
	} else {
		b.str("docStatus", pick(&b.rng, []string{"final", "preliminary", "amended"}))
	}
	b.concept("type", what)
	b.concepts("category", clinicalNote)
	b.subject("subject", p)
	b.instant("date", to)
	b.list("author")
	b.ref("", b.s.practitionerOf(p))
	if b.one(5) {
		b.subject("", p)
	}
	b.endList()
	b.ref("custodian", b.s.organizationOf(p))
	b.list("content")
	b.open("")
	b.attachment("attachment", to, what.display)
	b.coding("format", documentFormat)
	b.end()
	b.endList()
	b.open("context")
	b.list("encounter")
	b.ref("", loc{kEncounter, p, v})
	b.endList()
	b.period("period", from, to)
	b.end()
	b.end()
}
