package dataset

// resource writes the resource at b.l.
func (b *builder) resource() {
	switch b.l.k {
	case kProvenance:
		b.provenance()
	default:
		b.start(firstUpdate)
		b.end()
	}
}

func (s *Set) organizationOf(p int) loc { return loc{k: kOrganization} }
func (s *Set) practitionerOf(p int) loc { return loc{k: kPractitioner} }

var drugs = make([]code, 10)
