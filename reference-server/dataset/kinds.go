package dataset

// kindID numbers the resource types, in the order of Set.Types.
type kindID int

const (
	kPatient kindID = iota
	kOrganization
	kLocation
	kPractitioner
	kPractitionerRole
	kEncounter
	kCondition
	kObservation
	kProcedure
	kMedication
	kMedicationRequest
	kImmunization
	kAllergy
	kDiagnosticReport
	kDocument
	kCarePlan
	kGoal
	kDevice
	kCoverage
	kClaim
	kBenefit
	kGroup
	kCodeSystem
	kValueSet
	kProvenance
	kindCount
)

// loc is the place of a resource: the patient it hangs on and its ordinal among those of its type there. Types that
// hang on no patient use p as a running number and o = 0.
type loc struct {
	k    kindID
	p, o int
}

// kind describes a resource type. Exactly one of per and free is set.
type kind struct {
	name string
	// lead and tail surround the six symbols of an id, mid is between the third and the fourth.
	lead, mid, tail string
	// fixed, if set, lists the ids instead.
	fixed []string
	// per is a cycle of how many resources of the type successive patients have. Cycles of different lengths keep
	// patients from looking alike, and make exact totals a matter of arithmetic. The seed chooses where the cycle
	// starts, so five successive entries must never be all zero: a set of five patients is small but complete.
	per []int
	// free returns how many there are in a set of that many patients.
	free func(patients int) int
}

func always(n int) func(int) int { return func(int) int { return n } }

// kinds is indexed by kindID. On average a patient has about 47 resources.
var kinds = [kindCount]kind{
	kPatient:           {name: "Patient", lead: "pt-", mid: ".", per: []int{1}},
	kOrganization:      {name: "Organization", lead: "org.", mid: "-", free: func(n int) int { return 3 + n/200 }},
	kLocation:          {name: "Location", lead: "at", mid: ".", tail: ".L", free: func(n int) int { return 4 + n/100 }},
	kPractitioner:      {name: "Practitioner", mid: ".", tail: "-dr", free: func(n int) int { return 5 + n/50 }},
	kPractitionerRole:  {name: "PractitionerRole", lead: "role-", mid: ".", free: func(n int) int { return 5 + n/50 }},
	kEncounter:         {name: "Encounter", lead: "v.", mid: "-", per: []int{4, 3, 5, 3, 4, 6, 3}},
	kCondition:         {name: "Condition", lead: "cd", mid: "--", per: []int{3, 2, 4, 2, 3}},
	kObservation:       {name: "Observation", lead: "Ob", mid: ".", tail: "x", per: []int{14, 11, 17, 12, 15, 19, 10}},
	kProcedure:         {name: "Procedure", lead: "op.", mid: ".", per: []int{2, 1, 3}},
	kMedication:        {name: "Medication", lead: "rx-", mid: "", free: always(len(drugs))},
	kMedicationRequest: {name: "MedicationRequest", lead: "order.", mid: "-", per: []int{2, 3, 1, 4}},
	kImmunization:      {name: "Immunization", lead: "vx", mid: "..", per: []int{3, 2, 4}},
	kAllergy:           {name: "AllergyIntolerance", mid: "-", tail: ".ai", per: []int{1, 0, 2, 1, 0}},
	kDiagnosticReport:  {name: "DiagnosticReport", lead: "rep.", mid: "", tail: ".1", per: []int{2, 1, 3, 2}},
	kDocument:          {name: "DocumentReference", lead: "doc-", mid: "-", per: []int{2, 1, 1, 2}},
	kCarePlan:          {name: "CarePlan", lead: "plan.", mid: ".", per: []int{1, 1, 2}},
	// 64 characters, the most an id may have.
	kGoal:       {name: "Goal", lead: "the-goal-that-was-agreed-and-written-down-on-paper.No.", mid: "-", tail: "-v1", per: []int{1, 2, 1}},
	kDevice:     {name: "Device", lead: "di.", mid: "", per: []int{1, 0, 0, 1}},
	kCoverage:   {name: "Coverage", mid: ".", tail: ".cov", per: []int{1, 2, 1, 1, 2}},
	kClaim:      {name: "Claim", lead: "clm-", mid: "", per: []int{2, 1, 3, 2}},
	kBenefit:    {name: "ExplanationOfBenefit", lead: "eob-", mid: "", per: []int{2, 1, 3, 2}},
	kGroup:      {name: "Group", fixed: []string{GroupHalf, GroupFew}, free: always(2)},
	kCodeSystem: {name: "CodeSystem", fixed: []string{"C", "c"}, free: always(2)},
	kValueSet:   {name: "ValueSet", fixed: []string{"vs.visit-reasons", "vs.Site-Codes"}, free: always(2)},
	kProvenance: {name: "Provenance", lead: "by.", mid: ".", per: []int{5, 4, 7, 6, 5}},
}

// kindOf returns the kind of a resource type name.
func kindOf(typ string) (kindID, bool) {
	for k := range kindCount {
		if kinds[k].name == typ {
			return k, true
		}
	}
	return 0, false
}

// shape answers, for one kind in one set, how many resources there are and whose.
type shape struct {
	owners int   // patients, or resources if the type hangs on none
	cycle  []int // resources of patient p: cycle[p % len(cycle)]
}

func newShape(k kindID, cfg Config) shape {
	def := &kinds[k]
	if def.per == nil {
		return shape{owners: def.free(cfg.Patients), cycle: []int{1}}
	}
	// Claims and the benefits paid on them come in pairs, so both cycles must start at the same place.
	salt := k
	if k == kBenefit {
		salt = kClaim
	}
	start := int(mix(cfg.Seed, 0xC0FFEE, uint64(salt)) % uint64(len(def.per)))
	return shape{owners: cfg.Patients, cycle: append(append([]int(nil), def.per[start:]...), def.per[:start]...)}
}

// of returns how many resources owner p has.
func (s *shape) of(p int) int { return s.cycle[p%len(s.cycle)] }

// total returns how many resources there are.
func (s *shape) total() int {
	n := 0
	for i, c := range s.cycle {
		n += c * ((s.owners + len(s.cycle) - 1 - i) / len(s.cycle))
	}
	return n
}
