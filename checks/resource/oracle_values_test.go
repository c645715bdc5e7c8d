package resource

import (
	"encoding/base64"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bulkproof/bulkproof/fixtures/definitions"
)

var oraclePatterns = map[string]*regexp.Regexp{
	"uri":         regexp.MustCompile(`^[^\t\n\v\f\r ]+$`),
	"url":         regexp.MustCompile(`^[^\t\n\v\f\r ]+$`),
	"canonical":   regexp.MustCompile(`^[^\t\n\v\f\r ]+$`),
	"code":        regexp.MustCompile(`^[^\t\n\v\f\r ]+([\t\n\v\f\r ][^\t\n\v\f\r ]+)*$`),
	"id":          regexp.MustCompile(`^[A-Za-z0-9\-\.]{1,64}$`),
	"oid":         regexp.MustCompile(`^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$`),
	"uuid":        regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`),
	"date":        regexp.MustCompile(`^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1]))?)?$`),
	"dateTime":    regexp.MustCompile(`^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1])(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?)?)?$`),
	"instant":     regexp.MustCompile(`^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))$`),
	"time":        regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?$`),
	"integer":     regexp.MustCompile(`^-?([0]|([1-9][0-9]*))$`),
	"integer64":   regexp.MustCompile(`^-?([0]|([1-9][0-9]*))$`),
	"unsignedInt": regexp.MustCompile(`^([0]|([1-9][0-9]*))$`),
	"positiveInt": regexp.MustCompile(`^[1-9][0-9]*$`),
	"decimal":     regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`),
}

func oracleFormat(typ, text string) bool {
	if p := oraclePatterns[typ]; p != nil && !p.MatchString(text) {
		return false
	}
	switch typ {
	case "date", "dateTime", "instant":
		if len(text) >= 10 {
			_, err := time.Parse("2006-01-02", text[:10])
			return err == nil
		}
	case "integer", "unsignedInt", "positiveInt":
		n, ok := new(big.Int).SetString(text, 10)
		return ok && n.IsInt64() && n.Int64() >= -1<<31 && n.Int64() < 1<<31
	case "integer64":
		n, ok := new(big.Int).SetString(text, 10)
		return ok && n.IsInt64()
	case "base64Binary":
		compact := strings.NewReplacer(" ", "", "\t", "", "\n", "", "\r", "", "\f", "", "\v", "").Replace(text)
		_, err := base64.StdEncoding.DecodeString(compact)
		return err == nil && compact != ""
	}
	return true
}

func (o *oracle) primitive(typ string, t *tree, pointer string, codes *definitions.CodeSet) {
	want := jsontext.Kind('"')
	switch typ {
	case "boolean":
		if t.kind != 't' && t.kind != 'f' {
			o.add("fhir.type", pointer)
		}
		return
	case "integer", "positiveInt", "unsignedInt", "decimal":
		want = '0'
	}
	switch {
	case t.kind != want:
		o.add("fhir.type", pointer)
		return
	case t.text == "":
		o.add("fhir.empty", pointer)
		return
	case typ == "xhtml":
		var n narrative
		var rules []string
		if n.judge([]byte(t.text), func(_ int, rule, _ string) { o.add(rule, pointer); rules = append(rules, rule) }) && !n.content {
			o.add("fhir.narrative.empty", pointer)
		}
		return
	case !oracleFormat(typ, t.text):
		o.add("fhir.format."+typ, pointer)
		return
	case codes != nil && !slices.ContainsFunc(codes.Systems, func(s definitions.System) bool { return oracleCode(s, t.text) }):
		o.add("fhir.code", pointer)
	}
	if typ != "string" && typ != "markdown" {
		return
	}
	if utf8.RuneCountInString(t.text) > 1024*1024 {
		o.add("fhir.size", pointer)
	}
	if strings.Trim(t.text, " \t\n\v\f\r") == "" {
		o.add("fhir.blank", pointer)
	}
	if strings.ContainsFunc(t.text, func(r rune) bool { return r < 0x20 && r != '\t' && r != '\n' && r != '\r' }) {
		o.add("fhir.control-character", pointer)
	}
}

// oracleCode says whether a code is one of a system, as far as the system is known.
func oracleCode(s definitions.System, code string) bool {
	if len(s.Codes) > 0 {
		return slices.Contains(s.Codes, code)
	}
	valid := grammars[s.URL]
	return valid == nil || valid([]byte(code))
}

func (o *oracle) concept(codes *definitions.CodeSet, t *tree, pointer string) {
	coding := t.member("coding")
	var codings []*tree
	if coding != nil {
		codings = []*tree{coding}
		if coding.kind == '[' {
			codings = coding.items
		}
	}
	codings = slices.DeleteFunc(slices.Clone(codings), func(c *tree) bool { return c.kind != '{' || len(c.names) == 0 })
	if len(codings) == 0 && t.member("extension") != nil {
		return
	}
	o.coded(codes, codings, pointer)
}

func (o *oracle) coded(codes *definitions.CodeSet, codings []*tree, pointer string) {
	almost := false
	for _, c := range codings {
		for _, s := range codes.Systems {
			if code := c.str("code"); code != "" && s.URL == c.str("system") && oracleCode(s, code) {
				return
			}
			almost = almost || c.str("system") == "" && oracleCode(s, c.str("code"))
		}
	}
	if almost {
		o.add("fhir.code.system", pointer)
	} else {
		o.add("fhir.code", pointer)
	}
}

var (
	oracleRelative = regexp.MustCompile(`^([A-Za-z]+)/([^/]*)(/_history/[A-Za-z0-9\-\.]{1,64})?$`)
	oracleAbsolute = regexp.MustCompile(`^https?://([^/ ]+/)+([A-Za-z]+)/[A-Za-z0-9\-\.]{1,64}(/_history/[A-Za-z0-9\-\.]{1,64})?$`)
	oracleScheme   = regexp.MustCompile(`^[A-Za-z]+:[^\t\n\v\f\r ]+$`)
	oracleSearch   = regexp.MustCompile(`^([A-Za-z]+)\?`)
)

func (o *oracle) reference(t *tree, pointer string, c oracleContext) {
	typ := strings.TrimPrefix(t.str("type"), "http://hl7.org/fhir/StructureDefinition/")
	if t.str("type") != "" && !strings.Contains(typ, ":") && !o.isResource(typ) {
		o.add("fhir.reference.type", pointer+"/type")
	}
	if !o.isResource(typ) {
		typ = ""
	}
	if typ != "" && c.targets != nil && !slices.Contains(c.targets, typ) {
		o.add("fhir.reference.target", pointer+"/type")
	}
	ref := t.str("reference")
	pointer += "/reference"
	target := func(named string) {
		if c.targets != nil && !slices.Contains(c.targets, named) {
			o.add("fhir.reference.target", pointer)
		} else if typ != "" && typ != named {
			o.add("fhir.reference.type", pointer)
		}
	}
	switch {
	case ref == "" || ref == "#":
	case ref[0] == '#':
		c.scope.refs = append(c.scope.refs, func() {
			if named := c.scope.ids[ref[1:]]; named != "" {
				target(named)
			} else if c.scope.container {
				o.add("fhir.reference.contained", pointer)
			}
		})
	case oracleScheme.MatchString(ref):
		switch {
		case strings.HasPrefix(ref, "urn:uuid:"):
			if !oraclePatterns["uuid"].MatchString(strings.ToLower(ref)) {
				o.add("fhir.reference.shape", pointer)
			}
		case strings.HasPrefix(ref, "urn:oid:"):
			if !oraclePatterns["oid"].MatchString(ref) {
				o.add("fhir.reference.shape", pointer)
			}
		default:
			if m := oracleAbsolute.FindStringSubmatch(ref); m != nil && o.isResource(m[2]) {
				target(m[2])
			}
		}
	case oracleSearch.MatchString(ref) && o.isResource(oracleSearch.FindStringSubmatch(ref)[1]):
		target(oracleSearch.FindStringSubmatch(ref)[1])
	default:
		m := oracleRelative.FindStringSubmatch(ref)
		switch {
		case m == nil || !o.isResource(m[1]):
			o.add("fhir.reference.shape", pointer)
		case oraclePatterns["id"].MatchString(m[2]):
			target(m[1])
		case regexp.MustCompile(`^[A-Za-z0-9\-\.]{65,}$`).MatchString(m[2]):
			o.add("fhir.reference.long-id", pointer)
			target(m[1])
		default:
			o.add("fhir.reference.shape", pointer)
			target(m[1])
		}
	}
}
