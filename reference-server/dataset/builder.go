package dataset

import (
	"slices"
	"time"
)

// builder generates resources one after the other into the same buffers.
type builder struct {
	writer
	rng
	s    *Set
	l    loc
	zone *time.Location

	res        Resource
	prov       Provenance
	text       []byte // ids and references of the resource, turned into one string at the end
	refs       []span // in text: "Type/id"
	refLocs    []loc
	inPatients []int // patients whose compartment the resource is in
}

type span struct{ from, to int }

func newBuilder(s *Set) *builder {
	return &builder{writer: writer{j: make([]byte, 0, 4096)}, s: s}
}

// build generates the resource at l. The result is valid until the next call, its strings for ever.
func (b *builder) build(l loc) *Resource {
	b.l = l
	b.state = mix(b.s.cfg.Seed, uint64(l.k)+100, uint64(l.p), uint64(l.o))
	b.zone = time.UTC
	if kinds[l.k].per != nil {
		b.zone = b.s.zone(l.p)
	}
	b.j, b.text = b.j[:0], b.text[:0]
	b.refs, b.refLocs, b.inPatients = b.refs[:0], b.refLocs[:0], b.inPatients[:0]
	b.prov.Targets = b.prov.Targets[:0]

	b.text = b.s.appendID(b.text, l)
	id := len(b.text)
	b.resource()

	patients := make([]span, 0, 2)
	for _, p := range b.inPatients {
		from := len(b.text)
		b.text = b.s.appendID(b.text, loc{k: kPatient, p: p})
		patients = append(patients, span{from, len(b.text)})
	}
	text := string(b.text)
	b.res.Type, b.res.ID, b.res.JSON = kinds[l.k].name, text[:id], b.j
	b.res.Refs, b.res.Patients = b.res.Refs[:0], b.res.Patients[:0]
	for _, s := range b.refs {
		b.res.Refs = append(b.res.Refs, text[s.from:s.to])
	}
	for _, s := range patients {
		b.res.Patients = append(b.res.Patients, text[s.from:s.to])
	}
	b.res.Provenance = nil
	if l.k == kProvenance {
		b.res.Provenance = &b.prov
	}
	return &b.res
}

// start writes resourceType, id and meta. The resource cannot have been updated before notBefore; profiles are short
// names of US Core profiles, or canonical URLs.
func (b *builder) start(notBefore moment, profiles ...string) {
	b.open("")
	b.str("resourceType", kinds[b.l.k].name)
	b.key("id")
	b.j = append(b.j, '"')
	b.j = b.s.appendID(b.j, b.l)
	b.j = append(b.j, '"')
	b.open("meta")
	b.key("versionId")
	b.j = append(b.j, '"')
	b.j = append(b.j, versions[b.n(len(versions))]...)
	b.j = append(b.j, '"')
	b.key("lastUpdated")
	b.j = append(b.j, '"')
	b.j, b.res.LastUpdated = appendInstant(b.j, &b.rng, updated(&b.rng, notBefore))
	b.j = append(b.j, '"')
	if len(profiles) > 0 {
		b.list("profile")
		for _, name := range profiles {
			b.key("")
			b.j = append(b.j, '"')
			if !slices.Contains(coreProfiles, name) {
				b.j = append(b.j, "http://hl7.org/fhir/us/core/"...)
			} else {
				b.j = append(b.j, "http://hl7.org/fhir/"...)
			}
			b.j = append(b.j, "StructureDefinition/"...)
			b.j = append(b.j, name...)
			b.j = append(b.j, '"')
		}
		b.endList()
	}
	if b.l.k == kPatient {
		b.list("security")
		b.coding("", htest)
		b.endList()
	}
	b.end()
}

// versions are opaque (https://hl7.org/fhir/R4/resource.html#Meta: any id), so they are not all numbers.
var versions = []string{"1", "1", "2", "3", "17", "b", "r4.0-7"}

// coreProfiles are profiles of FHIR itself; all others that the set claims are US Core's.
var coreProfiles = []string{"vitalsigns", "bp", "heartrate", "bodyweight", "bodyheight", "bmi", "bodytemp", "resprate", "oxygensat"}

// ref writes a Reference to the resource at l.
func (b *builder) ref(k string, l loc) {
	b.open(k)
	b.reference(l)
	b.end()
}

// named is ref with a display.
func (b *builder) named(k string, l loc, display string) {
	b.open(k)
	b.reference(l)
	b.str("display", display)
	b.end()
}

// newRef is ref for a target that the caller knows to be new, which saves the search in a long member list.
func (b *builder) newRef(k string, l loc) {
	b.open(k)
	b.addReference(l)
	b.end()
}

func (b *builder) reference(l loc) {
	known := slices.Contains(b.refLocs, l)
	text, refs, locs := len(b.text), len(b.refs), len(b.refLocs)
	b.addReference(l)
	if known {
		b.text, b.refs, b.refLocs = b.text[:text], b.refs[:refs], b.refLocs[:locs]
	}
}

func (b *builder) addReference(l loc) {
	from := len(b.text)
	b.text = append(b.text, kinds[l.k].name...)
	b.text = append(b.text, '/')
	b.text = b.s.appendID(b.text, l)
	b.key("reference")
	b.j = append(b.j, '"')
	if b.s.cfg.AbsoluteReferences {
		b.j = appendEscaped(b.j, b.s.cfg.BaseURL)
		b.j = append(b.j, '/')
	}
	b.j = append(b.j, b.text[from:]...)
	b.j = append(b.j, '"')
	b.refLocs = append(b.refLocs, l)
	b.refs = append(b.refs, span{from, len(b.text)})
}

// subject writes a Reference to patient p in an element that puts the resource into p's compartment.
func (b *builder) subject(k string, p int) {
	b.ref(k, loc{k: kPatient, p: p})
	b.joins(p)
}

func (b *builder) joins(p int) {
	if !slices.Contains(b.inPatients, p) {
		b.inPatients = append(b.inPatients, p)
	}
}

// coding, concept and concepts write Coding, CodeableConcept and a list of one CodeableConcept.
func (b *builder) coding(k string, c code) {
	b.open(k)
	b.str("system", c.system)
	b.str("code", c.code)
	if c.display != "" {
		b.str("display", c.display)
	}
	b.end()
}

func (b *builder) concept(k string, codes ...code) {
	b.open(k)
	b.list("coding")
	for _, c := range codes {
		b.coding("", c)
	}
	b.endList()
	if codes[0].display != "" {
		b.str("text", codes[0].display)
	}
	b.end()
}

func (b *builder) concepts(k string, codes ...code) {
	b.list(k)
	b.concept("", codes...)
	b.endList()
}

// identifier writes a list of one Identifier. The system lies under example.org, so no value belongs to anybody.
func (b *builder) identifier(k, system, lead string) {
	b.list(k)
	b.open("")
	b.str("system", "urn:example:bulkproof:"+system)
	b.key("value")
	b.j = append(b.j, '"')
	b.j = append(b.j, lead...)
	b.j = appendSymbols(b.j, mix(b.s.cfg.Seed, 0x1DE47, uint64(b.l.k), uint64(b.l.p), uint64(b.l.o))&placeMask, "/")
	b.j = append(b.j, '"')
	b.end()
	b.endList()
}

// quantity writes a Quantity of n / 10^places in a UCUM unit.
func (b *builder) quantity(k string, n, places int, unit, ucum string) {
	b.open(k)
	b.decimal("value", n, places)
	b.str("unit", unit)
	b.str("system", sysUCUM)
	b.str("code", ucum)
	b.end()
}

// narrative writes a text element; lines are plain text and become paragraphs.
func (b *builder) narrative(lines ...string) {
	b.open("text")
	b.str("status", "generated")
	b.key("div")
	b.j = append(b.j, `"<div xmlns=\"http://www.w3.org/1999/xhtml\">`...)
	for _, line := range lines {
		b.j = append(b.j, "<p>"...)
		b.j = appendEscaped(b.j, xhtml.Replace(line))
		b.j = append(b.j, "</p>"...)
	}
	b.j = append(b.j, `</div>"`...)
	b.end()
}
