package dataset

// resource writes the resource at b.l.
func (b *builder) resource() {
	switch b.l.k {
	case kPatient:
		b.patient()
	case kOrganization:
		b.organization()
	case kLocation:
		b.location()
	case kPractitioner:
		b.practitioner()
	case kPractitionerRole:
		b.practitionerRole()
	case kEncounter:
		b.encounter()
	case kCondition:
		b.condition()
	case kObservation:
		b.observation()
	case kProcedure:
		b.procedure()
	case kMedication:
		b.medication()
	case kMedicationRequest:
		b.medicationRequest()
	case kImmunization:
		b.immunization()
	case kAllergy:
		b.allergy()
	case kDiagnosticReport:
		b.diagnosticReport()
	case kDocument:
		b.documentReference()
	case kCarePlan:
		b.carePlan()
	case kGoal:
		b.goal()
	case kDevice:
		b.device()
	case kCoverage:
		b.coverage()
	case kClaim:
		b.claim()
	case kBenefit:
		b.benefit()
	case kGroup:
		b.group()
	case kCodeSystem:
		b.codeSystem()
	case kValueSet:
		b.valueSet()
	default:
		b.provenance()
	}
}

// at returns the place of a resource of the same patient. The ordinal wraps around, so the place exists if the
// patient has any of the kind.
func (b *builder) at(k kindID, o int) loc {
	return loc{k, b.l.p, o % b.s.counts[k].of(b.l.p)}
}

// has reports whether the patient has resources of the kind.
func (b *builder) has(k kindID) bool { return b.s.counts[k].of(b.l.p) > 0 }

// provider and insurer choose an organisation: those whose number leaves 1 when divided by 3 are insurers.
func (s *Set) provider(h uint64) loc {
	i := int(h % uint64(s.counts[kOrganization].owners))
	if i%3 == 1 {
		i--
	}
	return loc{k: kOrganization, p: i}
}

func (s *Set) insurer(h uint64) loc {
	return loc{k: kOrganization, p: 1 + 3*int(h%uint64((s.counts[kOrganization].owners+1)/3))}
}

// insurerOf returns the payer of patient p.
func (s *Set) insurerOf(p int) loc { return s.insurer(mix(s.cfg.Seed, 0x14504E4, uint64(p))) }

// organizationOf returns the managing organisation of patient p. Number 0 manages exactly the members of GroupHalf,
// which is what makes the description of that group true when it is too large to be listed.
func (s *Set) organizationOf(p int) loc {
	if s.member(0, p) {
		return loc{k: kOrganization}
	}
	return loc{k: kOrganization, p: 2 + 3*int(mix(s.cfg.Seed, 0x049, uint64(p))%uint64(s.counts[kOrganization].owners/3))}
}

// practitionerOf returns the general practitioner of patient p.
func (s *Set) practitionerOf(p int) loc {
	return loc{k: kPractitioner, p: int(mix(s.cfg.Seed, 0xD0C704, uint64(p)) % uint64(s.counts[kPractitioner].owners))}
}

// anyOf chooses a resource of a kind that hangs on no patient.
func (b *builder) anyOf(k kindID) loc { return loc{k: k, p: b.n(b.s.counts[k].owners)} }
