package resource

// Rule explains a rule id that problems carry.
type Rule struct {
	ID   string
	Text string // what is required, and where it is written
}

// Rules lists every rule that a Validator can report, in groups: JSON, the line, FHIR.
func Rules() []Rule {
	out := make([]Rule, len(catalogue))
	copy(out, catalogue)
	return out
}

var catalogue = []Rule{
	{"json.syntax", "The line must follow the JSON grammar (RFC 8259)."},
	{"json.not-object", "The value on the line must be an object: NDJSON lines of FHIR hold one resource each."},
	{"json.trailing-data", "Nothing but white space may follow the object on its line."},
	{"json.utf8", "Strings must be valid UTF-8 (RFC 8259 section 8.1)."},
	{"json.control-character", "Control characters in strings must be escaped (RFC 8259 section 7)."},
	{"json.escape", "Only the escape sequences of RFC 8259 section 7 may be used."},
	{"json.surrogate", "Escaped surrogates must come in pairs (RFC 7493 section 2.1)."},
	{"json.duplicate-key", "The names within an object must be unique (RFC 7493 section 2.3; FHIR json.html)."},
	{"json.number", "Numbers must follow the JSON grammar: no leading zeros or plus signs, digits on both sides of a point (RFC 8259 section 6)."},
	{"json.depth", "Objects and arrays must not nest deeper than the limit given."},
	{"line.more-problems", "The line has more problems than are listed for one line."},

	{"fhir.resource-type", "A resource names its type in resourceType, and the type is one of the FHIR version (json.html#resources)."},
	{"fhir.unknown-element", "Only elements that the type defines may occur, in their exact spelling."},
	{"fhir.type", "The JSON value must be of the kind that the element's type asks for: string, number, boolean or object (json.html)."},
	{"fhir.array", "Elements that may repeat are arrays, all others are not (json.html#array)."},
	{"fhir.empty", "Objects, arrays and strings must not be empty (json.html#null, datatypes.html#string)."},
	{"fhir.null", "null may only fill gaps in arrays of primitives beside their extensions (json.html#primitive)."},
	{"fhir.cardinality.min", "Required elements must be present, or have an extension in their place."},
	{"fhir.choice.several", "An element value[x] may have one type only (formats.html#choice)."},
	{"fhir.choice.type", "An element value[x] may only have the types that the definition lists (formats.html#choice)."},
	{"fhir.code", "Codes with a required binding must be in the value set (terminologies.html#required)."},
	{"fhir.code.system", "A coding with a required binding should name its code system."},
	{"fhir.size", "Strings must not exceed 1048576 characters (datatypes.html#string)."},
	{"fhir.blank", "Strings should hold more than white space (datatypes.html#string)."},
	{"fhir.control-character", "Strings should not hold control characters other than tab, line feed and carriage return (datatypes.html#string)."},
	{"fhir.format.base64Binary", "base64Binary: groups of four base64 characters, white space ignored (datatypes.html#base64Binary)."},
	{"fhir.format.canonical", "canonical: a URI without white space (datatypes.html#canonical)."},
	{"fhir.format.code", "code: no leading or trailing white space, single spaces inside (datatypes.html#code)."},
	{"fhir.format.date", "date: YYYY, YYYY-MM or YYYY-MM-DD, and a day that the calendar has (datatypes.html#date)."},
	{"fhir.format.dateTime", "dateTime: a date, or a date and time with seconds and time zone (datatypes.html#dateTime)."},
	{"fhir.format.decimal", "decimal: a JSON number, kept as it is written (datatypes.html#decimal)."},
	{"fhir.format.id", "id: 1 to 64 letters, digits, hyphens and dots (datatypes.html#id)."},
	{"fhir.format.instant", "instant: a date and time with seconds and time zone (datatypes.html#instant)."},
	{"fhir.format.integer", "integer: 32 bits, no fraction or exponent (datatypes.html#integer)."},
	{"fhir.format.integer64", "integer64: 64 bits, in a string (datatypes.html#integer64, R5)."},
	{"fhir.format.oid", "oid: urn:oid: and an OID (datatypes.html#oid)."},
	{"fhir.format.positiveInt", "positiveInt: 1 to 2147483647 (datatypes.html#positiveInt)."},
	{"fhir.format.time", "time: hh:mm:ss (datatypes.html#time)."},
	{"fhir.format.unsignedInt", "unsignedInt: 0 to 2147483647 (datatypes.html#unsignedInt)."},
	{"fhir.format.uri", "uri: no white space (datatypes.html#uri)."},
	{"fhir.format.url", "url: no white space (datatypes.html#url)."},
	{"fhir.format.uuid", "uuid: urn:uuid: and a UUID in lower case (datatypes.html#uuid)."},
	{"fhir.primitive-extension", "A member _x holds the extensions of a primitive x; if x is an array, it is one of the same length (json.html#primitive)."},
	{"fhir.extension.url", "Every extension has a url (extensibility.html#Extension)."},
	{"fhir.extension.value", "An extension has either a value or extensions, not both (invariant ext-1)."},
	{"fhir.contained.nested", "Contained resources do not contain resources (invariant dom-2)."},
	{"fhir.contained.meta", "Contained resources have no meta.versionId, meta.lastUpdated and security labels (invariants dom-4, dom-5)."},
	{"fhir.contained.id", "Contained resources have an id, unique in the resource, to be referred to (references.html#contained)."},
	{"fhir.reference.shape", "A reference is Type/id, #id, or an absolute URI (references.html#literal). Conditional references (Type?search) are not judged."},
	{"fhir.reference.long-id", "An id in a reference should have at most 64 characters."},
	{"fhir.reference.type", "Reference.type is a resource type, the one that the reference names (references.html#Reference)."},
	{"fhir.reference.target", "A reference should be to one of the types that the definition lists; official examples break this, so it is a warning."},
	{"fhir.reference.contained", "A reference #id must be to a contained resource that is there (invariant ref-1)."},
	{"fhir.narrative.xml", "The narrative must be well-formed XML (narrative.html#xhtml)."},
	{"fhir.narrative.root", "The narrative is one div element."},
	{"fhir.narrative.namespace", "The div is in the namespace http://www.w3.org/1999/xhtml."},
	{"fhir.narrative.doctype", "The narrative has no document type or entity declaration."},
	{"fhir.narrative.active", "The narrative has no scripts, event handlers, forms, frames, objects, or processing instructions."},
	{"fhir.narrative.element", "The narrative holds basic formatting elements only (invariant txt-1)."},
	{"fhir.narrative.attribute", "The narrative holds basic formatting attributes only (invariant txt-1)."},
	{"fhir.narrative.entity", "The narrative uses no named entities but those of XML: lt, gt, amp, quot, apos."},
	{"fhir.narrative.empty", "The narrative should have text or an image (invariant txt-2)."},

	{"profile.claim", "A resource claims profiles of its own type only (resource.html#Meta)."},
	{"profile.cardinality.min", "Elements that the profile requires must be present."},
	{"profile.cardinality.max", "Elements must not occur more often than the profile allows."},
	{"profile.type", "An element value[x] must be of a type that the profile allows."},
	{"profile.type-profile", "A value must meet one of the profiles that the profile allows for it."},
	{"profile.fixed", "A value must be the one that the profile fixes."},
	{"profile.pattern", "A value must hold all that the profile's pattern holds."},
	{"profile.code", "Codes must be in the value sets that the profile requires."},
	{"profile.max-length", "Strings must not be longer than the profile allows."},
	{"profile.slice.min", "Slices that the profile requires must be present."},
	{"profile.slice.max", "Slices must not occur more often than the profile allows."},
	{"profile.slice.closed", "Where the profile closes a slicing, every value must belong to one of its slices."},
	{"profile.reference.target", "A reference should be to one of the types that the profile lists."},
	{"profile.too-large", "Lines with more than four million values are not judged against profiles."},
}
