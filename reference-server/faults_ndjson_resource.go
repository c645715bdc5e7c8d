package refserver

import "regexp"

func init() { registerFaults(resourceFaults()...) }

// lastOf is the last file of a type in an export of one type for each file.
func lastOf(typ string) func(*Answer) bool {
	return func(a *Answer) bool { return output(a) && a.Job.FileType == typ && a.Job.TypeFile == a.Job.TypeFiles-1 }
}

// onFirst edits the first line that the pattern matches, in the last file of a type.
func onFirst(typ, pattern, repl string) func(*Behaviour) {
	re := regexp.MustCompile(pattern)
	return onFile(lastOf(typ), func(a *Answer) {
		done := false
		a.Line = func(_ int, line []byte) []byte {
			if done || !re.Match(line) {
				return line
			}
			done = true
			return re.ReplaceAll(line, []byte(repl))
		}
	})
}

// resourceFaults break single resources: what is JSON, one object on a line, and no valid FHIR.
func resourceFaults() []Fault {
	invalid := func(name, doc string, apply func(*Behaviour)) Fault {
		return Fault{Name: "ndjson-" + name, Area: "ndjson", Doc: doc, Caught: []string{"ndjson.valid-resource"}, Apply: apply}
	}
	suspicious := func(name, doc string, apply func(*Behaviour)) Fault {
		return Fault{Name: "ndjson-" + name, Area: "ndjson", Doc: doc, Warned: []string{"ndjson.unsuspicious-resource"}, Apply: apply}
	}
	return []Fault{
		invalid("unknown-element", "A resource has an element that its type does not have, as servers add columns of their own.",
			onFirst("Condition", `^\{`, `{"severityLevel":"high",`)),
		invalid("wrong-type", "A boolean is written as a string.",
			onFirst("Patient", `"active":(true|false)`, `"active":"$1"`)),
		invalid("number-as-string", "A decimal is written as a string, to keep its digits.",
			onFirst("Observation", `"valueQuantity":\{"value":([0-9.]+)`, `"valueQuantity":{"value":"$1"`)),
		invalid("missing-element", "A mandatory element is missing: an Observation without status.",
			onFirst("Observation", `"status":"[a-z-]+",`, ``)),
		invalid("bad-date", "A date is written as day, month and year.",
			onFirst("Patient", `"birthDate":"[^"]*"`, `"birthDate":"27.10.1939"`)),
		invalid("date-time-without-zone", "A dateTime has a time and no zone, as databases print it.",
			onFirst("Condition", `"recordedDate":"[^"]*"`, `"recordedDate":"2014-12-11T18:25:00"`)),
		invalid("wrong-code", "A code is not in the required value set.",
			onFirst("Observation", `"status":"[a-z-]+"`, `"status":"finished"`)),
		invalid("wrong-code-case", "A code differs from the required one by case alone.",
			onFirst("Patient", `"gender":"(male|female|other|unknown)"`, `"gender":"Female"`)),
		invalid("bad-reference", "A reference holds a space, so that it refers to nothing.",
			onFirst("Procedure", `"encounter":\{"reference":"[^"]*"`, `"encounter":{"reference":"Encounter 12"`)),
		invalid("object-for-array", "An element that repeats is written as a single object.",
			onFirst("Procedure", `^\{`, `{"note":{"text":"one"},`)),
		invalid("array-for-object", "An element that does not repeat is written as an array.",
			onFirst("Condition", `^\{`, `{"language":["en"],`)),
		invalid("extension-two-values", "An extension has two values.",
			onFirst("Patient", `\{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex",`,
				`{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex","valueString":"UNK",`)),
		invalid("extension-no-value", "An extension has neither a value nor extensions.",
			onFirst("Condition", `^\{`, `{"modifierExtension":[{"url":"http://example.org/nothing"}],`)),
		invalid("two-choices", "Two types of a choice are given at once.",
			onFirst("Condition", `"onsetDateTime":"[^"]*"`, `"onsetDateTime":"2014","onsetString":"2014"`)),
		invalid("empty-string", "A string is empty in place of absent.",
			onFirst("Condition", `^\{`, `{"implicitRules":"",`)),
		invalid("null-element", "An element without a value is null in place of absent.",
			onFirst("Condition", `^\{`, `{"language":null,`)),
		invalid("empty-array", "An element without values is an empty array in place of absent.",
			onFirst("Condition", `^\{`, `{"bodySite":[],`)),
		invalid("script-in-narrative", "A narrative has a script, which runs where the text is shown.",
			onFirst("Patient", `(<div xmlns=\\"http://www.w3.org/1999/xhtml\\">)`, `$1<script>alert(1)</script>`)),
		suspicious("reference-to-other-type", "An element refers to a resource of a type that it cannot refer to.",
			onFirst("Procedure", `"encounter":\{"reference":"[^"]*"`, `"encounter":{"reference":"Location/somewhere"`)),
		suspicious("blank-string", "A line of an address holds nothing but a space.",
			onFirst("Patient", `"line":\["`, `"line":[" ","`)),
		suspicious("bell-in-string", "A text has a control character, as old interfaces leave them.",
			onFirst("Patient", `"line":\["`, `"line":["\u0007`)),
		suspicious("code-without-system", "A code of a required value set comes without its system.",
			onFirst("Condition", `"system":"http://terminology.hl7.org/CodeSystem/condition-clinical",`, ``)),
		suspicious("empty-narrative", "A narrative says that it was generated and holds no text.",
			onFirst("Patient", `(<div xmlns=\\"http://www.w3.org/1999/xhtml\\">).*?</div>`, `$1</div>`)),
	}
}
