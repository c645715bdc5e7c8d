package resource

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// pool is what strings are replaced with: values that are right somewhere and wrong elsewhere.
var pool = []string{
	"", " ", "a", "a b", "a  b", " a", "\u0001x", "\t", "1980-02-29", "1981-02-29", "1980", "1980-13", "1980-1-1", "0000",
	"2012-03-04T05:06:07Z", "2012-03-04T05:06:07.123-05:00", "2012-03-04T24:00:00Z", "2012-03-04T05:06:60+14:00", "2012-03-04T05:06:07+14:01",
	"2012-03-04T05:06:07", "2012-04-31T05:06:07Z", "2012-03-04t05:06:07Z", "05:06:07", "23:59:60.5", "24:00:00", "male", "final", "en-US", "x-",
	"http://loinc.org", "urn:x y", "urn:uuid:04121321-4af5-424c-a0e1-ed3aab1c349d", "urn:uuid:04121321-4AF5-424c-a0e1-ed3aab1c349d", "urn:uuid:1",
	"urn:oid:1.2.3", "urn:oid:3.1", "urn:oid:1.02", "Patient/1", "Patient/p_1", "Patient/", "/1", "Patient", "Nope/1", "Patient/1/_history/2",
	"Patient/1/history/2", "http://x/y/Observation/1", "https://x/Observation/1/_history/3", "http://Patient/1", "Practitioner?identifier=1",
	"#", "#x", "#c", "Patient/" + strings.Repeat("a", 65), "Patient/1#x", "AAAA", "AAA=", "AA==", "A===", "=AAA", "AA AA", "A", "12", "-1",
	"9223372036854775808", "-9223372036854775808", "text/plain", "text", "text/plain;charset=utf-8", "USD", "US", "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>",
	"<div xmlns=\"http://www.w3.org/1999/xhtml\"/>", "<div>x</div>", "é漢😀", "\u00a0", "Observation", "http://hl7.org/fhir/StructureDefinition/Patient",
	"http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "http://example.org/#frag", "mailto:x", ":x", "x:", strings.Repeat("a", 64), strings.Repeat("b", 65),
}

var numbers = []string{"0", "-0", "1", "-1", "1.0", "1e2", "2147483647", "2147483648", "-2147483648", "-2147483649", "0.10", "123456789012345678901234567890", "1E-3"}

var names = []string{
	"foo", "id", "_id", "extension", "modifierExtension", "resourceType", "status", "_status", "valueString", "_valueString", "valueCode", "valueMoney",
	"valueQuantity", "code", "system", "reference", "type", "contained", "meta", "text", "div", "url", "versionId", "name", "given", "_given", "value", "Status",
	"resourcetype", "display", "_display", "coding", "subject", "period", "value[x]", "a/b~c",
}

// mutate changes one or two things somewhere in a tree.
func mutate(r *rand.Rand, root *tree) {
	for range 1 + r.IntN(2) {
		var all []*tree
		var walk func(t *tree)
		walk = func(t *tree) {
			all = append(all, t)
			for _, item := range t.items {
				walk(item)
			}
		}
		walk(root)
		change(r, all[r.IntN(len(all))], all)
	}
}

func change(r *rand.Rand, t *tree, all []*tree) {
	any := func() *tree { return copyTree(all[1+r.IntN(max(len(all)-1, 1))%len(all)]) }
	scalar := func() *tree {
		switch r.IntN(6) {
		case 0:
			return &tree{kind: 'n'}
		case 1:
			return &tree{kind: 't'}
		case 2:
			return &tree{kind: '0', text: numbers[r.IntN(len(numbers))]}
		default:
			return &tree{kind: '"', text: pool[r.IntN(len(pool))]}
		}
	}
	switch {
	case t.kind == '"' && r.IntN(4) > 0:
		t.text = pool[r.IntN(len(pool))]
	case t.kind == '0' && r.IntN(3) > 0:
		t.text = numbers[r.IntN(len(numbers))]
	case t.kind == '{' && len(t.names) > 0:
		k := r.IntN(len(t.names))
		set := func(name string, value *tree) {
			if !slices.Contains(t.names, name) {
				at := r.IntN(len(t.names) + 1)
				t.names, t.items = slices.Insert(t.names, at, name), slices.Insert(t.items, at, value)
			}
		}
		switch r.IntN(9) {
		case 0:
			t.names, t.items = slices.Delete(t.names, k, k+1), slices.Delete(t.items, k, k+1)
		case 1:
			if name := names[r.IntN(len(names))]; !slices.Contains(t.names, name) {
				t.names[k] = name
			}
		case 2:
			set(names[r.IntN(len(names))], scalar())
		case 3:
			set(names[r.IntN(len(names))], any())
		case 4:
			extension := &tree{kind: '{', names: []string{"extension"}, items: []*tree{{kind: '[', items: []*tree{{kind: '{',
				names: []string{"url", "valueString"}, items: []*tree{{kind: '"', text: "http://x"}, {kind: '"', text: "y"}}}}}}}
			if t.items[k].kind == '[' {
				list := &tree{kind: '['}
				for range r.IntN(len(t.items[k].items) + 2) {
					if r.IntN(2) == 0 {
						list.items = append(list.items, &tree{kind: 'n'})
					} else {
						list.items = append(list.items, copyTree(extension))
					}
				}
				extension = list
			}
			set("_"+t.names[k], extension)
		case 5:
			t.items[k] = &tree{kind: '[', items: []*tree{t.items[k]}}
		case 6:
			if name := strings.ToUpper(t.names[k][:min(1, len(t.names[k]))]) + t.names[k][min(1, len(t.names[k])):]; !slices.Contains(t.names, name) {
				t.names[k] = name
			}
		case 7:
			t.items[k] = any()
		case 8:
			set("contained", &tree{kind: '[', items: []*tree{copyTree(all[0])}})
		}
	case t.kind == '[':
		switch r.IntN(4) {
		case 0:
			t.items = append(t.items, &tree{kind: 'n'})
		case 1:
			t.items = nil
		case 2:
			t.items = append(t.items, any())
		case 3:
			if len(t.items) > 0 {
				*t = *t.items[0]
			}
		}
	default:
		*t = *scalar()
	}
}

func copyTree(t *tree) *tree {
	c := &tree{kind: t.kind, text: t.text, names: slices.Clone(t.names)}
	for _, item := range t.items {
		c.items = append(c.items, copyTree(item))
	}
	return c
}
