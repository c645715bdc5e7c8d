package resource

import (
	"archive/tar"
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// seeded says what each bad line of seeded.ndjson must be blamed for: rule and pointer, nothing else.
var seeded = map[int]string{
	10: "fhir.unknown-element /foo",
	11: "fhir.unknown-element /name/0/foo",
	12: "fhir.unknown-element /birthdate",
	13: "fhir.array /name",
	14: "fhir.array /gender",
	15: "fhir.type /subject",
	16: "fhir.type /active",
	17: "fhir.cardinality.min ",
	18: "fhir.cardinality.min ",
	19: "fhir.cardinality.min ",
	20: "fhir.cardinality.min /link/0",
	21: "fhir.code /gender",
	22: "fhir.code /status",
	23: "fhir.code /name/0/use",
	24: "fhir.code /status",
	25: "fhir.choice.several /valueString",
	26: "fhir.choice.type /valueMoney",
	27: "fhir.format.date /birthDate",
	28: "fhir.format.date /birthDate",
	29: "fhir.format.date /birthDate",
	30: "fhir.format.dateTime /effectiveDateTime",
	31: "fhir.format.dateTime /effectiveDateTime",
	32: "fhir.format.instant /issued",
	33: "fhir.format.id /id",
	34: "fhir.format.id /id",
	35: "fhir.empty /name/0/family",
	36: "fhir.empty /name",
	37: "fhir.empty /name/0",
	38: "fhir.null /gender",
	39: "fhir.type /valueQuantity/value",
	40: "fhir.format.positiveInt /telecom/0/rank",
	41: "fhir.format.uri /identifier/0/system",
	42: "fhir.format.code /valueQuantity/code",
	43: "fhir.resource-type /resourceType",
	44: "fhir.resource-type ",
	45: "fhir.unknown-element /contained/0/foo",
	46: "fhir.extension.url /extension/0",
	47: "fhir.choice.several /extension/0/valueCode",
	48: "fhir.format.integer /multipleBirthInteger",
	49: "fhir.primitive-extension /_name",
	50: "json.duplicate-key /gender",
	51: "json.surrogate /name/0/family",
	52: "json.control-character /name/0/family",
	53: "json.number /valueQuantity/value",
	54: "json.trailing-data ",
	55: "json.syntax ",
	56: "json.not-object ",
	57: "json.syntax ",
	58: "json.utf8 /name/0/family",
}

func TestSeededErrors(t *testing.T) {
	file, err := os.ReadFile(filepath.Join(sharedData, "seeded.labels"))
	if err != nil {
		t.Skip("the reference data is not here")
	}
	labels := strings.Split(strings.TrimSpace(string(file)), "\n")
	v := NewJudge(definitionsFor(t, "4.0.1"), Options{})
	lines := 0
	eachLine(t, "seeded.ndjson", func(number int, line []byte) {
		lines++
		var got []string
		v.Line(line, func(p Problem) { got = append(got, p.Rule+" "+p.Pointer) })
		var want []string
		if w, ok := seeded[number]; ok {
			want = []string{w}
		}
		if bad := strings.HasPrefix(labels[number-1], "bad"); bad != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("line %d (%s): got %q, want %q", number, labels[number-1], got, want)
		}
	})
	if lines != len(labels) {
		t.Errorf("%d lines, %d labels", lines, len(labels))
	}
}

// invalidExamples are the official examples that two independent validators reject: two have no name and status, one
// repeats items without linkId, ten are search parameters without base, one has an id of 67 characters.
var invalidExamples = []int{1392, 1832, 3201, 3202, 3203, 3204, 3205, 3254, 3255, 3256, 3257, 3258, 3259, 5298}

func TestOfficialExamples(t *testing.T) {
	v := NewJudge(definitionsFor(t, "R4"), Options{})
	var rejected []int
	warned := 0
	eachLine(t, "r4-examples.ndjson.gz", func(number int, line []byte) {
		worst := Severity(0)
		first := ""
		v.Line(line, func(p Problem) {
			if p.Severity > worst {
				worst, first = p.Severity, describe(p)
			}
		})
		switch worst {
		case Error:
			rejected = append(rejected, number)
			if !slices.Contains(invalidExamples, number) {
				t.Errorf("line %d: %s", number, first)
			}
		case Warning:
			warned++
		}
	})
	if !slices.Equal(rejected, invalidExamples) {
		t.Errorf("rejected %v, want %v", rejected, invalidExamples)
	}
	if warned != 8 { // four references to types that are not allowed, four narratives without content
		t.Errorf("%d examples with warnings only, want 8", warned)
	}
}

func TestSynthea(t *testing.T) {
	v := NewJudge(definitionsFor(t, "R4"), Options{})
	n := 0
	eachLine(t, "synthea-sample-55mb.ndjson.gz", func(number int, line []byte) {
		n++
		v.Line(line, func(p Problem) { t.Errorf("line %d: %s", number, describe(p)) })
	})
	if n != 46340 {
		t.Errorf("%d lines, want 46340", n)
	}
}

// load returns a file of the reference data, unpacked, as lines.
func load(t testing.TB, name string) [][]byte {
	t.Helper()
	var all bytes.Buffer
	w := bufio.NewWriter(&all)
	eachLine(t, name, func(_ int, line []byte) {
		w.Write(line)
		w.WriteByte('\n')
	})
	w.Flush()
	return bytes.Split(bytes.TrimSuffix(all.Bytes(), []byte("\n")), []byte("\n"))
}

// TestCorePackages judges the 12,127 resources of the core and example packages of R4B and R5, where
// BULKPROOF_FHIR_PACKAGES names the folder that npm pack wrote them to. The named files are invalid indeed: they lack
// required elements, have an id of 67 characters, refer to ids with underscores, or to ids without a type.
func TestCorePackages(t *testing.T) {
	folder := os.Getenv("BULKPROOF_FHIR_PACKAGES")
	if folder == "" {
		t.Skip("the published packages are not here")
	}
	invalidR4B := []string{"CodeSystem-catalogType.json"}
	for _, name := range []string{
		"codesystem-extensions-CodeSystem-author", "codesystem-extensions-CodeSystem-effective", "codesystem-extensions-CodeSystem-end",
		"codesystem-extensions-CodeSystem-keyword", "codesystem-extensions-CodeSystem-workflow",
		"questionnaireresponse-extensions-QuestionnaireResponse-item-subject", "valueset-extensions-ValueSet-author",
		"valueset-extensions-ValueSet-effective", "valueset-extensions-ValueSet-end", "valueset-extensions-ValueSet-keyword",
		"valueset-extensions-ValueSet-workflow",
	} {
		invalidR4B = append(invalidR4B, "SearchParameter-"+name+".json")
	}
	invalidR4B = append(invalidR4B, "ValueSet-catalogType.json")
	for _, tt := range []struct {
		version, file string
		resources     int
		invalid       []string
	}{
		{"R4B", "hl7.fhir.r4b.core-4.3.0.tgz", 3497, invalidR4B},
		{"R5", "hl7.fhir.r5.core-5.0.0.tgz", 2968, []string{"ImplementationGuide-fhir.json"}},
		{"R4B", "hl7.fhir.r4b.examples-4.3.0.tgz", 2840, append([]string{"Bundle-valuesets.json"}, invalidR4B...)},
		{"R5", "hl7.fhir.r5.examples-5.0.0.tgz", 2822, []string{"GenomicStudy-example-lungMass.json", "ResearchSubject-example-crossover-placebo-to-drug.json"}},
	} {
		v := NewJudge(definitionsFor(t, tt.version), Options{})
		f, err := os.Open(filepath.Join(folder, tt.file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		judged := 0
		var invalid []string
		for r := tar.NewReader(z); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(h.Name)
			if filepath.Dir(h.Name) != "package" || !strings.Contains(name, "-") || !strings.HasSuffix(name, ".json") {
				continue
			}
			raw, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			judged++
			bad := false
			v.Line(bytes.TrimPrefix(raw, []byte("\ufeff")), func(p Problem) { bad = bad || p.Severity == Error })
			if bad {
				invalid = append(invalid, name)
			}
		}
		slices.Sort(invalid)
		if judged != tt.resources || !slices.Equal(invalid, tt.invalid) {
			t.Errorf("%s: %d resources, rejected %q", tt.version, judged, invalid)
		}
	}
}
