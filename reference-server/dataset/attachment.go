package dataset

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strconv"
)

// AttachmentPath lies between BaseURL and the attachment's id in DocumentReference.content.attachment.url.
const AttachmentPath = "vault/paper"

// attachmentLead and attachmentMid shape the ids of attachments, which are not those of their DocumentReferences.
const (
	attachmentLead = "sheet_"
	attachmentMid  = "~"
)

// Attachment returns the bytes behind BaseURL/AttachmentPath/id and their content type, and whether there are any.
// Only DocumentReferences that refer to their content by URL have one; the others hold it inline. size (in bytes) and
// hash (SHA-1, https://hl7.org/fhir/R4/datatypes.html#attachment) in the resource are those of data.
func (s *Set) Attachment(id string) (contentType string, data []byte, ok bool) {
	l, ok := s.attachmentOwner(id)
	if !ok {
		return "", nil, false
	}
	contentType, data = s.document(l)
	return contentType, data, true
}

// AttachmentOwner returns the id of the DocumentReference that an attachment belongs to and of its patient.
func (s *Set) AttachmentOwner(id string) (documentReference, patient string, ok bool) {
	l, ok := s.attachmentOwner(id)
	if !ok {
		return "", "", false
	}
	return s.id(l), s.id(loc{k: kPatient, p: l.p}), true
}

func (s *Set) attachmentOwner(id string) (loc, bool) {
	const n = len(attachmentLead) + idSymbols + len(attachmentMid)
	if len(id) != n || id[:len(attachmentLead)] != attachmentLead {
		return loc{}, false
	}
	x, ok := parseSymbols(id[len(attachmentLead):], attachmentMid)
	if !ok {
		return loc{}, false
	}
	x = s.keys[kDocument].undo(^x & placeMask)
	l := loc{kDocument, int(x >> ordinalBits), int(x & ordinalMask)}
	ok = l.p < s.cfg.Patients && l.o < s.counts[kDocument].of(l.p) && !s.inline(l)
	return l, ok
}

// appendAttachmentID appends the id of the attachment of the DocumentReference at l: its own place, scrambled with
// all bits turned, so that neither id reveals the other.
func (s *Set) appendAttachmentID(dst []byte, l loc) []byte {
	dst = append(dst, attachmentLead...)
	x := ^s.keys[kDocument].do(uint64(l.p)<<ordinalBits|uint64(l.o)) & placeMask
	return appendSymbols(dst, x, attachmentMid)
}

// inline reports whether the DocumentReference at l holds its content itself: one patient's first document in three.
func (s *Set) inline(l loc) bool { return (l.p+l.o)%3 == 2 }

// document returns the content of the DocumentReference at l.
func (s *Set) document(l loc) (contentType string, data []byte) {
	r := rng{mix(s.cfg.Seed, 0xD0C, uint64(l.p), uint64(l.o))}
	who := s.person(l.p)
	from, _ := s.visit(l.p, l.o%s.counts[kEncounter].of(l.p))
	lines := []string{
		"Synthetic document, made up by Bulkproof. It describes nobody.",
		"Patient: " + who.given + " " + who.family,
		"Visit: " + from.in(s.zone(l.p)).Format("2 January 2006, 15:04 MST"),
	}
	for range r.between(4, 30) {
		lines = append(lines, pick(&r, sentences))
	}
	if l.o%2 == 1 {
		return "application/pdf", pdf(lines)
	}
	for _, line := range lines {
		data = append(append(data, line...), '\n')
	}
	return "text/plain; charset=utf-8", data
}

// pdf returns a PDF 1.4 file of one page that shows the lines (ISO 32000-1, 7.5). Characters beyond ASCII are shown
// as question marks, since the standard fonts lack them.
func pdf(lines []string) []byte {
	content := "BT /F 9 Tf 12 TL 40 800 Td"
	for _, line := range lines {
		plain := make([]byte, 0, len(line))
		for _, c := range line {
			switch {
			case c > '~' || c < ' ':
				c = '?'
			case c == '(' || c == ')' || c == '\\':
				plain = append(plain, '\\')
			}
			plain = append(plain, byte(c))
		}
		content += "\n(" + string(plain) + ") '"
	}
	content += "\nET"
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
		"<</Length " + strconv.Itoa(len(content)) + ">>\nstream\n" + content + "\nendstream",
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	}
	out := []byte("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = len(out)
		out = fmt.Appendf(out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := len(out)
	out = fmt.Appendf(out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		out = fmt.Appendf(out, "%010d 00000 n \n", at)
	}
	return fmt.Appendf(out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
}

// attachment writes the Attachment of a DocumentReference.
func (b *builder) attachment(k string, created moment, title string) {
	contentType, data := b.s.document(b.l)
	sum := sha1.Sum(data)
	b.open(k)
	b.str("contentType", contentType)
	b.str("language", "en-US")
	if b.s.inline(b.l) {
		b.key("data")
		b.j = append(b.j, '"')
		b.j = base64.StdEncoding.AppendEncode(b.j, data)
		b.j = append(b.j, '"')
	} else {
		b.key("url")
		b.j = append(b.j, '"')
		b.j = appendEscaped(b.j, b.s.cfg.BaseURL)
		b.j = append(b.j, '/')
		b.j = append(b.j, AttachmentPath...)
		b.j = append(b.j, '/')
		b.j = b.s.appendAttachmentID(b.j, b.l)
		b.j = append(b.j, '"')
	}
	b.int("size", len(data))
	b.key("hash")
	b.j = append(b.j, '"')
	b.j = base64.StdEncoding.AppendEncode(b.j, sum[:])
	b.j = append(b.j, '"')
	b.str("title", title)
	b.dateTime("creation", created)
	b.end()
}
