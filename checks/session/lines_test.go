package session

import (
	"slices"
	"sync"
	"testing"

	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

// judged runs the lines of one file of a kind through the session's judge and returns the rules of Bulk Data that they
// break, in order.
func judged(tb testing.TB, kind, organizedBy string, lines ...string) (*File, []string) {
	tb.Helper()
	ex := &Export{Manifest: &Manifest{Tree: map[string]any{}}}
	if organizedBy != "" {
		ex.Manifest.Tree["outputOrganizedBy"] = organizedBy
		ex.Scenario = ex.Scenario.With("organizeOutputBy", organizedBy)
	}
	r := &reading{s: &Session{}, ex: ex, judges: judges{plain: true}, headers: counterBudget{left: 10}, attachments: testRules()}
	f := &File{Item: Item{Kind: kind}}
	j := r.newJudge(f)
	var rules []string
	for _, l := range lines {
		j.Line([]byte(l), func(p resource.Problem) {
			if p.Rule != ruleAttachment {
				rules = append(rules, p.Rule)
			}
		})
	}
	j.finish()
	return f, rules
}

// testRules are where attachments stand in R4; two of each file and path are remembered.
var testRules = sync.OnceValue(func() *attachmentRules {
	set, err := definitions.Load("4.0.1")
	if err != nil {
		panic(err)
	}
	r := newAttachmentRules(set)
	r.perFile = 2
	return r
})

const headerLine = `{"resourceType":"Parameters","parameter":[{"name":"header","valueReference":{"reference":"https://e/Patient/1/_history/2"}}]}`

func TestLinesOfBulkData(t *testing.T) {
	for name, c := range map[string]struct {
		kind, by string
		lines    []string
		want     []string
	}{
		"good deletion": {"deleted", "", []string{`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/1"}}]}`}, nil},
		"bad deletions": {"deleted", "", []string{`{"resourceType":"Bundle","type":"batch"}`,
			`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Patient?x=1"}},{}]}`},
			[]string{RuleDeletedType, RuleDeletedEmpty, RuleDeletedMethod, RuleDeletedURL, RuleDeletedRequest}},
		"good block": {"output", "Patient", []string{headerLine, `{"resourceType":"Patient","id":"1"}`,
			`{"resourceType":"Basic","id":"a","subject":{"reference":"Patient\/1"}}`, `{"resourceType":"Organization","id":"o"}`,
			`{"resourceType":"Group","id":"g","member":[{"entity":{"reference":"Patient/2"}},{"entity":{"reference":"http://x/Patient/1"}}]}`}, nil},
		"bad block": {"output", "Patient", []string{headerLine, `{"resourceType":"Patient","id":"1"}`, `{"resourceType":"Basic","id":"a","subject":{"reference":"Patient/2"}}`,
			headerLine, `{"resourceType":"Basic","id":"b","subject":{"reference":"Patient/1"}}`, `{"resourceType":"Parameters"}`},
			[]string{RuleBlockMember, RuleBlockResource, RuleBlockHeader}},
		"attachments": {"output", "", []string{`{"resourceType":"Patient","id":"1","photo":[{"contentType":"image/png","url":"http://x/1"},{"url":"photo.png"}]}`,
			`{"resourceType":"Basic","id":"2","extension":[{"url":"http://x","valueAttachment":{"title":"x"}}]}`,
			`{"resourceType":"List","id":"3","contained":[{"photo":[{"url":"a"}],"resourceType":"Patient"}]}`,
			`{"resourceType":"DocumentReference","id":"4","content":[{"attachment":{"contentType":"text/plain","data":"aGVsbG8=","size":6,"url":"x"}},` +
				`{"attachment":{"contentType":"text/plain","data":"aGVsbG8=","size":5,"hash":"qvTGHdzF6KLavt4PO0gs2a6pQ00=","url":"urn:uuid:1"}}]}`},
			[]string{RuleAttachmentType, RuleAttachmentURL, RuleAttachmentType, RuleAttachmentEmpty, RuleAttachmentType, RuleAttachmentURL,
				RuleAttachmentInline, RuleAttachmentURLWithData, RuleAttachmentScheme}},
		"a broken line says nothing of FHIR": {"output", "", []string{`{"resourceType":"Patient","photo":[{"url":"a"}],,}`}, []string{"json.syntax", "json.syntax"}},
	} {
		if _, got := judged(t, c.kind, c.by, c.lines...); !slices.Equal(got, c.want) {
			t.Errorf("%s: the rules are %q, want %q", name, got, c.want)
		}
	}
	f, _ := judged(t, "output", "Patient", `{"resourceType":"Patient","id":"1"}`, headerLine, `not JSON`)
	if b := f.Blocks; !b.Headless || !b.Damaged || b.Count != 1 || b.First != "Patient/1" || !b.Holds("Patient/1") || b.Holds("Patient/2") {
		t.Errorf("the blocks are %+v", *b)
	}
}

// A deletion is found again by type and id, and by nothing else; what is too much is counted.
func TestDeletions(t *testing.T) {
	var d deletions
	for _, id := range []string{"1", "2", "3"} {
		d.add("Patient", id)
	}
	d.settle()
	if d.empty() || !d.has("Patient", "2") || d.has("Patient", "4") || d.has("Person", "2") {
		t.Error("the set holds something else than what was added")
	}
	for in, want := range map[string]string{"Patient/1": "Patient/1", "http://x/y/Patient/1/_history/3": "Patient/1", "Patient?x=1": "", "Patient": "", "patient/1": ""} {
		typ, id, ok := resourceOf(in)
		if got := typ + "/" + id; ok != (want != "") || ok && got != want {
			t.Errorf("%s names %s (%v), want %q", in, got, ok, want)
		}
	}
}

// No line makes the judge panic, whatever file it stands in.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{"", "{", headerLine, `{"resourceType":"Bundle","entry":[null,1,{"request":[]}]}`, `{"resourceType":"Patient","photo":{"url":[1]}}`,
		`{"resourceType":"DocumentReference","content":[{"attachment":[{"data":"%%%","size":-1}]}],"contained":[[{"a":"ttachment\""}]]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, kind := range []string{"output", "deleted", "error"} {
			judged(t, kind, "", line, line)
		}
		judged(t, "output", "Patient", headerLine, line, line)
	})
}
