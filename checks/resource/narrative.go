package resource

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const xhtmlNamespace = "http://www.w3.org/1999/xhtml"

// narrative judges the XHTML of Narrative.div (narrative.html#xhtml): one well-formed div element in the XHTML
// namespace, with the elements, attributes and entities that FHIR allows and nothing active. It keeps buffers,
// so that judging costs no allocation.
type narrative struct {
	b       []byte
	open    []span                                 // names of the open elements
	attrs   []span                                 // names of the current element's attributes
	report  func(offset int, rule, message string) // nil to stop at the first problem
	bad     bool
	content bool // there is text or an image
}

type span struct{ from, to int }

// judge returns whether b has no problem. It calls report, if that is not nil, for each problem with its offset
// in b, in ascending order.
func (n *narrative) judge(b []byte, report func(offset int, rule, message string)) bool {
	n.b, n.open, n.report, n.bad, n.content = b, n.open[:0], report, false, false
	i := space(b, 0)
	for strings.HasPrefix(string(b[i:min(i+4, len(b))]), "<!--") {
		if i = n.comment(i); i < 0 {
			return false
		}
		i = space(b, i)
	}
	if i == len(b) || b[i] != '<' {
		n.fail(i, "fhir.narrative.root", "The narrative does not start with a div element.")
		return false
	}
	for {
		i = n.markup(i)
		if i < 0 || n.stopped() {
			return false
		}
		if len(n.open) == 0 {
			break
		}
		if i = n.text(i); i < 0 || n.stopped() {
			return false
		}
	}
	for i = space(b, i); i < len(b); i = space(b, i) {
		if !strings.HasPrefix(string(b[i:min(i+4, len(b))]), "<!--") {
			n.fail(i, "fhir.narrative.root", "Something follows the div element of the narrative.")
			return false
		}
		if i = n.comment(i); i < 0 {
			return false
		}
	}
	return !n.bad
}

// stopped says whether the caller only wants to know that there is a problem, and there is one.
func (n *narrative) stopped() bool { return n.bad && n.report == nil }

func (n *narrative) fail(i int, rule, message string) int {
	n.bad = true
	if n.report != nil {
		n.report(min(i, len(n.b)), rule, message)
	}
	return -1
}

func (n *narrative) malformed(i int, message string) int {
	return n.fail(i, "fhir.narrative.xml", message)
}

// text reads character data up to the next markup.
func (n *narrative) text(i int) int {
	b := n.b
	for i < len(b) {
		switch c := b[i]; {
		case c == '<':
			return i
		case c == '&':
			n.content = true
			if i = n.entity(i); i < 0 {
				return -1
			}
			continue
		case c == ']' && strings.HasPrefix(string(b[i:min(i+3, len(b))]), "]]>"):
			return n.malformed(i, "The narrative holds ]]> outside a CDATA section.")
		case c > ' ':
			n.content = true
		case c < ' ' && !isXMLSpace(c):
			return n.malformed(i, "The narrative holds a control character that XML does not allow.")
		}
		i++
	}
	return n.malformed(i, "The narrative ends inside an element.")
}

func isXMLSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// entity reads a character reference or one of XML's five entities. FHIR has no others (narrative.html#entities).
func (n *narrative) entity(i int) int {
	end := slices.Index(n.b[i:min(i+32, len(n.b))], ';')
	if end < 0 {
		return n.malformed(i, "The narrative holds an ampersand that does not start an entity.")
	}
	name := n.b[i+1 : i+end]
	switch string(name) {
	case "lt", "gt", "amp", "quot", "apos":
		return i + end + 1
	}
	if len(name) > 1 && name[0] == '#' {
		if r := charRef(name[1:]); r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r < 0xd800 || r > 0xdfff && r < 0xfffe || r > 0xffff && r <= utf8.MaxRune {
			return i + end + 1
		}
		return n.malformed(i, "The narrative holds a character reference that stands for no XML character.")
	}
	for _, c := range name {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if c-'0' > 9 {
				return n.malformed(i, "The narrative holds an ampersand that does not start an entity.")
			}
		}
	}
	n.fail(i, "fhir.narrative.entity", "The narrative holds an entity other than lt, gt, amp, quot and apos.")
	return i + end + 1
}

func charRef(s []byte) rune {
	base := rune(10)
	if s[0] == 'x' {
		base, s = 16, s[1:]
	}
	if len(s) == 0 || len(s) > 8 {
		return -1
	}
	var r rune
	for _, c := range s {
		d := rune(-1)
		switch {
		case c-'0' <= 9:
			d = rune(c - '0')
		case base == 16 && c|0x20 >= 'a' && c|0x20 <= 'f':
			d = rune(c|0x20-'a') + 10
		}
		if d < 0 || r > utf8.MaxRune {
			return -1
		}
		r = r*base + d
	}
	return r
}

// markup reads one tag, comment or CDATA section.
func (n *narrative) markup(i int) int {
	b := n.b
	switch rest := b[i:]; {
	case len(rest) < 2:
		return n.malformed(i, "The narrative ends inside a tag.")
	case rest[1] == '/':
		return n.endTag(i)
	case rest[1] == '?':
		return n.fail(i, "fhir.narrative.active", "The narrative holds a processing instruction.")
	case rest[1] == '!':
		if len(rest) >= 4 && string(rest[:4]) == "<!--" {
			return n.comment(i)
		}
		if len(rest) >= 9 && string(rest[:9]) == "<![CDATA[" && len(n.open) > 0 {
			n.content = true
			end := strings.Index(alias(rest), "]]>")
			if end < 0 {
				return n.malformed(i, "The narrative ends inside a CDATA section.")
			}
			return i + end + 3
		}
		return n.fail(i, "fhir.narrative.doctype", "The narrative holds a document type or entity declaration.")
	}
	return n.startTag(i)
}

func (n *narrative) comment(i int) int {
	rest := alias(n.b[i+4:])
	end := strings.Index(rest, "--")
	if end < 0 || len(rest) < end+3 || rest[end+2] != '>' {
		return n.malformed(i, "The narrative holds a comment that is not closed, or that holds two hyphens.")
	}
	return i + 4 + end + 3
}

func (n *narrative) name(i int) int {
	for i < len(n.b) {
		if c := n.b[i]; c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9 || c == ':' || c == '-' || c == '_' || c == '.' || c >= 0x80 {
			i++
			continue
		}
		break
	}
	return i
}

func (n *narrative) endTag(i int) int {
	b := n.b
	end := n.name(i + 2)
	last := len(n.open) - 1
	if last < 0 || string(b[i+2:end]) != string(b[n.open[last].from:n.open[last].to]) {
		return n.malformed(i, "The narrative holds an end tag that does not match its start tag.")
	}
	if end = space(b, end); end >= len(b) || b[end] != '>' {
		return n.malformed(i, "The narrative holds an end tag that is not closed.")
	}
	n.open = n.open[:last]
	return end + 1
}

func (n *narrative) startTag(i int) int {
	b := n.b
	end := n.name(i + 1)
	if end == i+1 || b[i+1]|0x20 < 'a' || b[i+1]|0x20 > 'z' {
		return n.malformed(i, "The narrative holds a < that does not start a tag.")
	}
	tag := b[i+1 : end]
	root := len(n.open) == 0
	switch {
	case root && string(tag) != "div":
		return n.fail(i, "fhir.narrative.root", "The narrative does not start with a div element.")
	case !allowedElement(tag):
		if activeElement(tag) {
			n.fail(i, "fhir.narrative.active", "The narrative holds an element that is active or reaches outside, such as script, form or iframe.")
		} else {
			n.fail(i, "fhir.narrative.element", "The narrative holds an element that FHIR does not allow there.")
		}
	case string(tag) == "img":
		n.content = true
	}
	n.attrs = n.attrs[:0]
	namespace := false
	for {
		at := end
		end = space(b, end)
		if end >= len(b) {
			return n.malformed(i, "The narrative ends inside a tag.")
		}
		if b[end] == '>' || b[end] == '/' {
			break
		}
		if end == at {
			return n.malformed(end, "The narrative holds a tag whose attributes are not separated.")
		}
		var isNamespace bool
		if end, isNamespace = n.attribute(end); end < 0 {
			return -1
		}
		namespace = namespace || isNamespace
	}
	if root && !namespace {
		n.fail(i, "fhir.narrative.namespace", "The div of the narrative is not in the namespace http://www.w3.org/1999/xhtml.")
	}
	if b[end] == '/' {
		if end+1 >= len(b) || b[end+1] != '>' {
			return n.malformed(end, "The narrative holds a tag that is not closed.")
		}
		return end + 2
	}
	n.open = append(n.open, span{i + 1, i + 1 + len(tag)})
	return end + 1
}

// attribute reads name="value". It reports whether the attribute declares the XHTML namespace as the default.
func (n *narrative) attribute(i int) (int, bool) {
	b := n.b
	end := n.name(i)
	if end == i {
		return n.malformed(i, "The narrative holds a tag with a character that belongs to no attribute."), false
	}
	name := b[i:end]
	for _, other := range n.attrs {
		if string(b[other.from:other.to]) == string(name) {
			return n.malformed(i, "The narrative holds an element with the same attribute twice."), false
		}
	}
	n.attrs = append(n.attrs, span{i, end})
	at := i
	i = space(b, end)
	if i >= len(b) || b[i] != '=' {
		return n.malformed(at, "The narrative holds an attribute without a value."), false
	}
	i = space(b, i+1)
	if i >= len(b) || b[i] != '"' && b[i] != '\'' {
		return n.malformed(at, "The narrative holds an attribute whose value is not in quotes."), false
	}
	quote := b[i]
	first := i + 1
	for i = first; ; {
		if i >= len(b) {
			return n.malformed(at, "The narrative ends inside an attribute."), false
		}
		switch c := b[i]; {
		case c == quote:
			return i + 1, n.judgeAttribute(at, name, b[first:i])
		case c == '<' || c < ' ' && !isXMLSpace(c):
			return n.malformed(i, "The narrative holds an attribute value with a character that XML does not allow there."), false
		case c == '&':
			content := n.content
			if i = n.entity(i); i < 0 {
				return -1, false
			}
			n.content = content
		default:
			i++
		}
	}
}

func (n *narrative) judgeAttribute(at int, name, value []byte) (namespace bool) {
	switch {
	case string(name) == "xmlns":
		if string(value) != xhtmlNamespace {
			n.fail(at, "fhir.narrative.namespace", "The narrative declares a namespace other than http://www.w3.org/1999/xhtml.")
		}
		return true // wrong or not, it has been said once
	case len(name) > 2 && name[0]|0x20 == 'o' && name[1]|0x20 == 'n':
		n.fail(at, "fhir.narrative.active", "The narrative holds an event handler attribute.")
	case !allowedAttribute(name):
		n.fail(at, "fhir.narrative.attribute", "The narrative holds an attribute that FHIR does not allow there.")
	case carriesURL(name) && activeURL(value):
		n.fail(at, "fhir.narrative.active", "The narrative holds a link that runs a script.")
	}
	return false
}

// allowedElement lists the elements of HTML 4.0 chapters 7 to 11 (without section 4 of chapter 9) and 15, the a
// element and images (narrative.html#xhtml).
func allowedElement(name []byte) bool {
	switch string(name) {
	case "a", "abbr", "acronym", "address", "area", "b", "bdo", "big", "blockquote", "br", "caption", "center", "cite", "code",
		"col", "colgroup", "dd", "dfn", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li",
		"map", "ol", "p", "pre", "q", "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
		"thead", "tr", "tt", "ul", "var":
		return true
	}
	return false
}

func activeElement(name []byte) bool {
	switch string(name) {
	case "script", "style", "link", "base", "form", "input", "button", "select", "textarea", "iframe", "frame", "frameset",
		"object", "embed", "applet", "meta", "head", "body", "html", "svg", "math", "video", "audio", "SCRIPT", "Script":
		return true
	}
	return false
}

// allowedAttribute lists the attributes that those elements have, without event handlers.
func allowedAttribute(name []byte) bool {
	switch string(name) {
	case "abbr", "accesskey", "align", "alt", "axis", "bgcolor", "border", "cellhalign", "cellpadding", "cellspacing",
		"cellvalign", "char", "charoff", "charset", "cite", "class", "colspan", "compact", "coords", "dir", "frame", "headers",
		"height", "href", "hreflang", "hspace", "id", "ismap", "lang", "longdesc", "name", "nohref", "noshade", "nowrap", "rel",
		"rev", "rowspan", "rules", "scope", "shape", "size", "space", "span", "src", "start", "style", "summary", "tabindex",
		"target", "title", "type", "usemap", "valign", "value", "vspace", "width", "xml:id", "xml:lang", "xml:space":
		return true
	}
	return false
}

func carriesURL(name []byte) bool {
	switch string(name) {
	case "href", "src", "cite", "longdesc", "usemap":
		return true
	}
	return false
}

// activeURL says whether a URL has a scheme that runs code. Browsers ignore white space and case there, and see
// characters where the XML has references to them.
func activeURL(value []byte) bool {
	for _, scheme := range [...]string{"javascript:", "vbscript:", "data:text/html"} {
		k := 0
		for i := 0; i < len(value); i++ {
			c := value[i]
			if c == '&' {
				end := slices.Index(value[i:], ';')
				if end < 3 || value[i+1] != '#' {
					break
				}
				r := charRef(value[i+2 : i+end])
				if r < 0 || r >= utf8.RuneSelf {
					break
				}
				c, i = byte(r), i+end
			}
			if c <= ' ' {
				continue
			}
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			if c != scheme[k] {
				break
			}
			if k++; k == len(scheme) {
				return true
			}
		}
	}
	return false
}
