package session

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/bulkproof/bulkproof/checks/ndjson"
	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/bulkproof/bulkproof/fixtures/definitions"
	"github.com/go-json-experiment/json/jsontext"
)

// Rules for attachments (export.html#attachments).
const (
	RuleAttachmentType        = "bulk.attachment.content-type"           // no contentType
	RuleAttachmentEmpty       = "bulk.attachment.empty"                  // neither data nor url
	RuleAttachmentURL         = "bulk.attachment.relative-url"           // a url that is not absolute, and no data
	RuleAttachmentURLWithData = "bulk.attachment.relative-url-with-data" // the same beside data
	RuleAttachmentScheme      = "bulk.attachment.scheme"                 // an absolute url that is neither http nor https
	RuleAttachmentInline      = "bulk.attachment.inline"                 // size or hash are not those of data
	ruleAttachment            = "bulk.attachment"                        // carries the line of a chosen one
)

// Attachment is an element of type Attachment that was chosen to be fetched.
type Attachment struct {
	File        string // "output[3] DocumentReference"
	Line        int64
	Pointer     string
	Path        string // "DocumentReference.content.attachment"
	URL         string // absolute, http or https; may hold secrets
	ContentType string
	Size        int64  // -1 if absent
	Hash        string // as written

	number int64
}

// AttachmentTally counts the attachments on the lines of a file.
type AttachmentTally struct {
	Total, WithURL, WithData int64
	lost                     int64
	found                    []Attachment
}

// Bounds of the attachments that are remembered.
const (
	sampledAttachments = 20   // are fetched, unless all are asked for
	spreadAttachments  = 2000 // over all files, to choose from
	maxAttachmentBytes = 32 << 20
	maxAttachmentURL   = 8 << 10
)

// attachmentRules says where elements of type Attachment may stand.
type attachmentRules struct {
	nodes   []attachmentNode
	types   map[string]int      // node of a resource type
	needles map[string][][]byte // what a line of a resource type holds if there may be an attachment on it
	perFile int                 // attachments that are remembered of one file and path; 0 for all
	budget  *counterBudget      // bytes
}

// attachmentNode is a type or backbone element that leads to attachments, by the names of its JSON members.
type attachmentNode map[string]attachmentMember

type attachmentMember struct {
	path       string // of an Attachment; "" for others
	node       int    // to go on with; -1 for none
	isResource bool
}

// anyAttachment is in every line with a member named attachment or ending in Attachment, such as valueAttachment.
var anyAttachment = []byte(`ttachment"`)

// anyContained is in every line with contained resources, which may be of any type.
var anyContained = []byte(`"contained"`)

// attachmentRules returns the rules for the FHIR version of the target, or nil if the suite does not know it.
func (s *Session) attachmentRules(files int) *attachmentRules {
	_, version, _ := s.definitions()
	if version == "" {
		return nil
	}
	set, err := definitions.Load(version)
	if err != nil {
		return nil
	}
	r := newAttachmentRules(set)
	r.budget = &counterBudget{left: maxAttachmentBytes}
	if !s.cfg.AllAttachments {
		r.perFile = min(max(spreadAttachments/max(files, 1), 1), sampledAttachments)
	}
	return r
}

func newAttachmentRules(set *definitions.Set) *attachmentRules {
	leads := make([]bool, len(set.Nodes)) // to an Attachment, otherwise than through an extension or another resource
	for changed := true; changed; {
		changed = false
		for i := range set.Nodes {
			if leads[i] || set.Nodes[i].Path == "Extension" || set.Nodes[i].Path == "Attachment" {
				continue
			}
			for _, e := range set.Nodes[i].Elements {
				for _, t := range e.Types {
					if t.Name == "Attachment" || t.Node >= 0 && leads[t.Node] && e.Name != "extension" && e.Name != "modifierExtension" {
						leads[i], changed = true, true
					}
				}
			}
		}
	}
	r := &attachmentRules{nodes: make([]attachmentNode, len(set.Nodes)), types: map[string]int{}, needles: map[string][][]byte{}}
	for i, n := range set.Nodes {
		node := attachmentNode{}
		for _, e := range n.Elements {
			for _, t := range e.Types {
				name := e.Name
				if e.Choice() {
					name = strings.TrimSuffix(e.Name, "[x]") + strings.ToUpper(t.Name[:1]) + t.Name[1:]
				}
				switch {
				case t.Name == "Attachment":
					node[name] = attachmentMember{path: n.Path + "." + name, node: -1}
				case t.Name == "Resource":
					node[name] = attachmentMember{node: -1, isResource: true}
				case t.Node >= 0 && leads[t.Node]:
					node[name] = attachmentMember{node: t.Node}
				}
			}
		}
		r.nodes[i] = node
	}
	for _, i := range set.Resources {
		typ := set.Nodes[i].Path
		r.types[typ] = i
		var names []string
		r.names(i, map[int]bool{}, &names)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if !strings.HasSuffix(name, "ttachment") {
				r.needles[typ] = append(r.needles[typ], []byte(`"`+name+`"`))
			}
		}
	}
	return r
}

// names collects the names under which attachments stand below a node.
func (r *attachmentRules) names(node int, seen map[int]bool, names *[]string) {
	if seen[node] {
		return
	}
	seen[node] = true
	for name, m := range r.nodes[node] {
		if m.path != "" {
			*names = append(*names, name)
		} else if m.node >= 0 {
			r.names(m.node, seen, names)
		}
	}
}

// attachmentReader finds the attachments on the lines of one file.
type attachmentReader struct {
	rules  *attachmentRules
	file   string
	tally  AttachmentTally
	paths  []string
	chosen []*sampler[*Attachment] // by path
	all    []*Attachment
	told   int64 // attachments whose line is asked for
	placed int64

	problem func(rule string, severity resource.Severity, pointer, path, message string)
}

// line looks for attachments in a resource.
func (a *attachmentReader) line(line []byte, head resource.Head, problem func(string, resource.Severity, string, string, string)) {
	if !a.worthALook(line, head.ResourceType) {
		return
	}
	a.problem = problem
	node, ok := a.rules.types[head.ResourceType]
	if !ok {
		node = -1
	}
	a.resource(lenient(line), node, "")
}

func (a *attachmentReader) worthALook(line []byte, typ string) bool {
	if bytes.Contains(line, anyAttachment) || bytes.Contains(line, anyContained) {
		return true
	}
	for _, n := range a.rules.needles[typ] {
		if bytes.Contains(line, n) {
			return true
		}
	}
	return false
}

// resource reads the object that d is about to read, by the rules of a node; -1 stands for anything, where only
// extensions can hold attachments. base is the pointer of where d began. The JSON has been judged before: an error ends
// the search and no more.
func (a *attachmentReader) resource(d *jsontext.Decoder, node int, base string) {
	_, _ = object(d, func(name string) error { return a.member(d, node, name, base) })
}

func (a *attachmentReader) member(d *jsontext.Decoder, node int, name, base string) error {
	m := attachmentMember{node: -1}
	if node >= 0 {
		if known, ok := a.rules.nodes[node][name]; ok {
			m = known
		}
	}
	if m.path == "" && name == "valueAttachment" {
		m.path = "Extension.valueAttachment"
	}
	return a.value(d, m, base)
}

func (a *attachmentReader) value(d *jsontext.Decoder, m attachmentMember, base string) error {
	switch d.PeekKind() {
	case '[':
		_, err := array(d, func() error { return a.value(d, m, base) })
		return err
	case '{':
		if m.path != "" {
			return a.attachment(d, m.path, base)
		}
		if m.isResource {
			raw, err := d.ReadValue()
			if err != nil {
				return err
			}
			inner, ok := a.rules.types[typeOf(raw)]
			if !ok {
				inner = -1
			}
			a.resource(lenient(raw), inner, base+string(d.StackPointer()))
			return nil
		}
		_, err := object(d, func(name string) error { return a.member(d, m.node, name, base) })
		return err
	}
	return d.SkipValue()
}

// typeOf returns the resourceType of an object.
func typeOf(raw []byte) string {
	found := ""
	each(raw, func(d *jsontext.Decoder, name string) (err error) {
		if name == "resourceType" {
			found, err = text(d)
			return err
		}
		return d.SkipValue()
	})
	return found
}

// attachment judges one Attachment, and remembers it if it may be fetched.
func (a *attachmentReader) attachment(d *jsontext.Decoder, path, base string) error {
	at := Attachment{File: a.file, Path: path, Size: -1}
	var data string
	var hasData bool
	_, err := object(d, func(name string) (err error) {
		switch name {
		case "contentType":
			at.ContentType, err = text(d)
		case "url":
			at.URL, err = text(d)
		case "hash":
			at.Hash, err = text(d)
		case "data":
			data, err = text(d)
			hasData = data != ""
		case "size":
			var v jsontext.Value
			if v, err = d.ReadValue(); err == nil {
				if n, ok := Number(strings.Trim(string(v), `"`)).Int(); ok && n >= 0 {
					at.Size = n
				}
			}
		default:
			err = d.SkipValue()
		}
		return err
	})
	if err != nil {
		return err
	}
	at.Pointer = base + string(d.StackPointer())
	a.tally.Total++
	if hasData {
		a.tally.WithData++
		a.inline(&at, data)
	}
	if at.ContentType == "" {
		a.problem(RuleAttachmentType, resource.Warning, at.Pointer, path, "The attachment has no contentType.")
	}
	if at.URL == "" {
		if !hasData {
			a.problem(RuleAttachmentEmpty, resource.Warning, at.Pointer, path, "The attachment has neither data nor url.")
		}
		return nil
	}
	a.tally.WithURL++
	u, err := url.Parse(at.URL)
	switch {
	case err != nil || !u.IsAbs():
		if hasData {
			a.problem(RuleAttachmentURLWithData, resource.Error, at.Pointer+"/url", path, "The attachment has data and a url that is not absolute.")
		} else {
			a.problem(RuleAttachmentURL, resource.Error, at.Pointer+"/url", path, "The attachment has a url that is not absolute.")
		}
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		a.problem(RuleAttachmentScheme, resource.Note, at.Pointer+"/url", path, "The attachment has a url that is neither http nor https.")
	default:
		a.remember(at)
	}
	return nil
}

// inline compares data with what the attachment says of it.
func (a *attachmentReader) inline(at *Attachment, data string) {
	if at.Size < 0 && at.Hash == "" {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, data))
	if err != nil {
		return // a matter of FHIR's own rules
	}
	sum := sha1.Sum(raw)
	switch {
	case at.Size >= 0 && at.Size != int64(len(raw)):
		a.problem(RuleAttachmentInline, resource.Warning, at.Pointer+"/size", at.Path, "The size of the attachment is not that of its data.")
	case at.Hash != "" && at.Hash != base64.StdEncoding.EncodeToString(sum[:]):
		a.problem(RuleAttachmentInline, resource.Warning, at.Pointer+"/hash", at.Path, "The hash of the attachment is not the SHA-1 of its data.")
	}
}

// remember keeps the attachment if it belongs to the sample, and asks for its line by a note.
func (a *attachmentReader) remember(at Attachment) {
	if a.rules.perFile == 0 {
		cost := len(at.URL) + len(at.Pointer) + len(at.ContentType) + len(at.Hash) + 160
		if len(at.URL) > maxAttachmentURL || !a.rules.budget.take(cost) {
			a.tally.lost++
			return
		}
		a.all = append(a.all, a.numbered(at))
		return
	}
	k := slices.Index(a.paths, at.Path)
	if k < 0 {
		k = len(a.paths)
		a.paths = append(a.paths, at.Path)
		a.chosen = append(a.chosen, &sampler[*Attachment]{limit: a.rules.perFile})
	}
	if len(at.URL) <= maxAttachmentURL && a.chosen[k].wants() {
		a.chosen[k].keep(a.numbered(at))
	}
}

func (a *attachmentReader) numbered(at Attachment) *Attachment {
	a.told++
	at.number = a.told
	a.problem(ruleAttachment, resource.Note, at.Pointer, "", "")
	return &at
}

// place learns the line of an attachment from the finding that asked for it. Findings come in the order in which they
// were made.
func (a *attachmentReader) place(f ndjson.Finding) {
	if f.Rule != ruleAttachment {
		return
	}
	a.placed++
	set := func(list []*Attachment) {
		k, ok := slices.BinarySearchFunc(list, a.placed, func(at *Attachment, n int64) int { return cmp.Compare(at.number, n) })
		if ok {
			list[k].Line = f.Line
		}
	}
	set(a.all)
	for _, s := range a.chosen {
		set(s.kept)
	}
}

// result returns the tally with what was remembered, in the order of the lines.
func (a *attachmentReader) result() AttachmentTally {
	list := a.all
	for _, s := range a.chosen {
		list = append(list, s.kept...)
	}
	slices.SortFunc(list, func(x, y *Attachment) int { return cmp.Compare(x.number, y.number) })
	for _, at := range list {
		a.tally.found = append(a.tally.found, *at)
	}
	return a.tally
}

// chooseAttachments puts together which attachments are to be fetched: all, or a few of every path, spread over the
// files.
func (fs *FileSet) chooseAttachments(all bool) {
	byPath := map[string][]Attachment{}
	var paths []string
	for _, f := range fs.Files {
		fs.AttachmentsLost += f.Found.lost
		for _, at := range f.Found.found {
			if all {
				fs.Attachments = append(fs.Attachments, at)
				continue
			}
			if byPath[at.Path] == nil {
				paths = append(paths, at.Path)
			}
			byPath[at.Path] = append(byPath[at.Path], at)
		}
		f.Found.found = nil
	}
	slices.Sort(paths)
	left := sampledAttachments
	for i, path := range paths {
		list := byPath[path]
		n := min(len(list), max(left/(len(paths)-i), 1))
		left -= n
		for k := range n { // the first, the last, and what lies between at equal distances
			at := 0
			if n > 1 {
				at = k * (len(list) - 1) / (n - 1)
			}
			fs.Attachments = append(fs.Attachments, list[at])
		}
	}
}
