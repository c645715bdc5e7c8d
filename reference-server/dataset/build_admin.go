package dataset

import "strconv"

func (b *builder) patient() {
	who := b.s.person(b.l.p)
	b.start(who.died, "us-core-patient")
	if b.l.p%4 == 0 {
		b.narrative(who.full()+" <synthetic>", "Made up by Bulkproof & nobody's data")
	}
	b.list("extension")
	b.raceExtension("race", pick(&b.rng, races))
	b.raceExtension("ethnicity", pick(&b.rng, ethnicities))
	b.open("")
	b.str("url", usCore+"StructureDefinition/us-core-birthsex")
	b.str("valueCode", pick(&b.rng, []string{"F", "M", "UNK"}))
	b.end()
	b.endList()
	b.identifier("identifier", "mrn", "MRN ")
	b.bool("active", b.n(9) > 0)
	b.list("name")
	b.open("")
	b.str("use", "official")
	b.str("family", who.family)
	b.list("given")
	b.str("", who.given)
	b.str("", who.middle)
	b.endList()
	if who.middle == "N." {
		// A primitive extension inside a list: the null keeps the positions aligned.
		b.list("_given")
		b.raw("", "null")
		b.open("")
		b.list("extension")
		b.open("")
		b.str("url", extension+"iso21090-EN-qualifier")
		b.str("valueCode", "IN")
		b.end()
		b.endList()
		b.end()
		b.endList()
	}
	b.end()
	if b.one(5) {
		b.open("")
		b.str("use", "nickname")
		b.str("text", "Ünïcödé 🧪 "+who.given)
		b.end()
	}
	b.endList()
	b.telecom("home", "patient")
	b.str("gender", who.gender)
	switch b.l.p % 5 {
	case 2: // the time of birth as a primitive extension
		b.date("birthDate", who.born)
		b.open("_birthDate")
		b.list("extension")
		b.open("")
		b.str("url", extension+"patient-birthTime")
		b.time("valueDateTime", who.born+2*3600, "2006-01-02T15:04:05Z07:00")
		b.end()
		b.endList()
		b.end()
	case 3: // only the year is known
		b.time("birthDate", who.born, "2006")
	default:
		b.date("birthDate", who.born)
	}
	if who.died != 0 {
		b.dateTime("deceasedDateTime", who.died)
	} else if b.one(3) {
		b.bool("deceasedBoolean", false)
	}
	b.address("home")
	if b.one(2) {
		b.concept("maritalStatus", pick(&b.rng, maritals))
	}
	b.list("communication")
	b.open("")
	b.concept("language", pick(&b.rng, languages))
	b.bool("preferred", true)
	b.end()
	b.endList()
	b.list("generalPractitioner")
	b.ref("", b.s.practitionerOf(b.l.p))
	b.endList()
	b.ref("managingOrganization", b.s.organizationOf(b.l.p))
	b.joins(b.l.p)
	b.end()
}

// raceExtension writes the US Core race or ethnicity extension.
func (b *builder) raceExtension(name string, c code) {
	b.open("")
	b.list("extension")
	b.open("")
	b.str("url", "ombCategory")
	b.coding("valueCoding", c)
	b.end()
	b.open("")
	b.str("url", "text")
	b.str("valueString", c.display)
	b.end()
	b.endList()
	b.str("url", usCore+"StructureDefinition/us-core-"+name)
	b.end()
}

// telecom writes a phone number of the range reserved for fiction and an address that no mail reaches (RFC 6761).
func (b *builder) telecom(use, box string) {
	b.list("telecom")
	b.open("")
	b.str("system", "phone")
	b.str("value", "555-01"+strconv.Itoa(b.between(10, 99)))
	b.str("use", use)
	b.end()
	if b.one(2) {
		b.open("")
		b.str("system", "email")
		b.str("value", box+strconv.Itoa(b.l.p)+"@example.org")
		b.end()
	}
	b.endList()
}

func (b *builder) address(use string) {
	b.list("address")
	b.postal("", use)
	b.endList()
}

func (b *builder) postal(k, use string) {
	b.open(k)
	if use != "" {
		b.str("use", use)
	}
	b.list("line")
	b.str("", strconv.Itoa(b.between(1, 999))+" Example Street")
	b.endList()
	b.str("city", pick(&b.rng, []string{"Sampleville", "Testburg", "Nulltown", "Mockholm"}))
	b.str("state", pick(&b.rng, []string{"MA", "WI", "CA", "TX"}))
	b.str("postalCode", "0000"+strconv.Itoa(b.n(10)))
	b.str("country", "US")
	b.end()
}

func (b *builder) organization() {
	i := b.l.p
	b.start(firstUpdate, "us-core-organization")
	b.identifier("identifier", "organization", "")
	b.bool("active", i < 3 || b.n(7) > 0)
	b.concepts("type", organizationTypes[i%3])
	name := organizationNames[i%len(organizationNames)]
	if i%3 == 1 {
		name = insurerNames[i/3%len(insurerNames)]
	}
	if i >= len(organizationNames) {
		name += " " + strconv.Itoa(i)
	}
	b.str("name", name)
	if i%2 == 0 {
		b.list("alias")
		b.str("", "„"+name+"“")
		b.endList()
	}
	b.telecom("work", "desk")
	b.address("work")
	if i%3 == 2 {
		b.ref("partOf", loc{k: kOrganization})
	}
	b.end()
}

func (b *builder) location() {
	i := b.l.p
	b.start(firstUpdate, "us-core-location")
	b.identifier("identifier", "location", "")
	b.str("status", pick(&b.rng, []string{"active", "active", "active", "suspended", "inactive"}))
	b.str("name", locationNames[i%len(locationNames)]+", floor "+strconv.Itoa(i))
	b.str("mode", "instance")
	b.concepts("type", pick(&b.rng, siteCodes))
	b.telecom("work", "floor")
	b.postal("address", "work")
	b.open("position")
	b.decimal("longitude", -b.between(70_000, 120_000), 3)
	b.decimal("latitude", b.between(25_000, 48_000), 3)
	b.end()
	b.ref("managingOrganization", b.s.provider(b.next()))
	if i%4 == 1 {
		b.ref("partOf", loc{k: kLocation, p: i - 1})
	}
	b.end()
}

func (b *builder) practitionerName() (family, given string) {
	r := rng{mix(b.s.cfg.Seed, 0x9AC71, uint64(b.l.p))}
	return pick(&r, families), pick(&r, givens)
}

func (b *builder) practitioner() {
	family, given := b.practitionerName()
	b.start(firstUpdate, "us-core-practitioner")
	b.identifier("identifier", "practitioner", "LIC-")
	b.bool("active", b.n(8) > 0)
	b.list("name")
	b.open("")
	b.str("family", family)
	if b.l.p%4 == 3 {
		b.open("_family")
		b.list("extension")
		b.open("")
		b.str("url", extension+"humanname-own-name")
		b.str("valueString", family)
		b.end()
		b.endList()
		b.end()
	}
	b.list("given")
	b.str("", given)
	b.endList()
	b.list("prefix")
	b.str("", "Dr.")
	b.endList()
	b.end()
	b.endList()
	b.telecom("work", "doctor")
	b.str("gender", pick(&b.rng, genders))
	b.list("qualification")
	b.open("")
	b.concept("code", qualifications[b.l.p%2])
	b.end()
	b.endList()
	b.end()
}

func (b *builder) practitionerRole() {
	family, given := b.practitionerName()
	b.start(firstUpdate, "us-core-practitionerrole")
	b.bool("active", b.n(6) > 0)
	b.open("period")
	b.time("start", firstVisit-moment(b.n(4000))*day, "2006-01")
	b.end()
	b.named("practitioner", loc{k: kPractitioner, p: b.l.p}, "Dr. "+given+" "+family)
	b.ref("organization", b.s.provider(b.next()))
	b.concepts("code", pick(&b.rng, roles))
	b.concepts("specialty", pick(&b.rng, specialties))
	b.list("location")
	b.ref("", b.anyOf(kLocation))
	b.endList()
	b.telecom("work", "role")
	b.list("availableTime")
	b.open("")
	b.list("daysOfWeek")
	b.str("", "mon")
	b.str("", "thu")
	b.endList()
	b.str("availableStartTime", "08:30:00")
	b.str("availableEndTime", "16:00:00")
	b.end()
	b.endList()
	b.end()
}

// device writes an implanted device. It names its patient, yet R4 puts no Device into the Patient compartment.
func (b *builder) device() {
	_, from, _ := b.s.visitOf(b.l.p, b.l.o)
	what := pick(&b.rng, devices)
	serial := strconv.Itoa(b.between(100_000, 999_999))
	b.start(from, "us-core-implantable-device")
	b.identifier("identifier", "device", "SN-")
	b.list("udiCarrier")
	b.open("")
	b.str("deviceIdentifier", "00000000000000")
	b.str("carrierHRF", "(01)00000000000000(21)"+serial)
	b.end()
	b.endList()
	b.str("status", pick(&b.rng, []string{"active", "active", "inactive"}))
	b.dateTime("manufactureDate", from-300*day)
	b.dateTime("expirationDate", from+3000*day)
	b.str("lotNumber", "LOT-"+serial[:3])
	b.str("serialNumber", serial)
	b.list("deviceName")
	b.open("")
	b.str("name", "Mock device "+serial)
	b.str("type", "user-friendly-name")
	b.end()
	b.endList()
	b.concept("type", what)
	b.ref("patient", loc{k: kPatient, p: b.l.p})
	b.ref("owner", b.s.organizationOf(b.l.p))
	b.end()
}

// group writes one of the groups; see MaxListedMembers for large ones.
func (b *builder) group() {
	g, n := groups[b.l.p], b.s.size(b.l.p)
	listed := n <= MaxListedMembers
	b.start(firstUpdate)
	b.list("identifier")
	b.open("")
	b.str("system", "urn:example:bulkproof:group")
	b.str("value", g.Identifier)
	b.end()
	b.endList()
	b.bool("active", true)
	b.str("type", "person")
	b.bool("actual", listed)
	b.str("name", g.Name)
	b.int("quantity", n)
	b.ref("managingEntity", loc{k: kOrganization})
	if !listed {
		b.list("characteristic")
		b.open("")
		b.open("code")
		b.str("text", "Patient.managingOrganization")
		b.end()
		b.ref("valueReference", loc{k: kOrganization})
		b.bool("exclude", false)
		b.end()
		b.endList()
		b.end()
		return
	}
	b.list("member")
	for p := range b.s.cfg.Patients {
		if !b.s.member(b.l.p, p) {
			continue
		}
		joined := firstUpdate + moment(mix(b.s.cfg.Seed, 0x701, uint64(b.l.p), uint64(p))%2000)*day
		b.open("")
		b.newRef("entity", loc{k: kPatient, p: p})
		b.inPatients = append(b.inPatients, p)
		b.open("period")
		b.date("start", joined)
		b.end()
		b.bool("inactive", false)
		b.end()
	}
	b.endList()
	b.end()
}
