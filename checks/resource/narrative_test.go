package resource

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
)

func narrativeRules(div string) []string {
	var n narrative
	var found []string
	ok := n.judge([]byte(div), func(_ int, rule, _ string) { found = append(found, strings.TrimPrefix(rule, "fhir.narrative.")) })
	if ok != (len(found) == 0) {
		return []string{"verdict and report differ"}
	}
	if ok && !n.content {
		found = append(found, "empty")
	}
	return found
}

func TestNarrative(t *testing.T) {
	const open = `<div xmlns="http://www.w3.org/1999/xhtml">`
	tests := []struct{ div, want string }{
		{open + `x</div>`, ""},
		{` <!-- a --> ` + open + `<p style='a:b' class="c">x &lt; &#160; &#xA0; <br/><img src="a.png" alt="&amp;"/></p><!-- b --></div> <!-- c --> `, ""},
		{open + `<![CDATA[<x>]]></div>`, ""},
		{open + `<table><tr><td colspan = "2" >x</td ></tr></table><a name="x" href="http://x">y</a></div>`, ""},
		{`<div xmlns='http://www.w3.org/1999/xhtml' xml:lang="en" lang="en"><div xmlns="http://www.w3.org/1999/xhtml">x</div></div>`, ""},
		{open + `<img src="#a"/></div>`, ""},
		{open + ` &#32;</div>`, ""},
		{open + " \n</div>", "empty"},
		{`<div xmlns="http://www.w3.org/1999/xhtml"/>`, "empty"},
		{`<div>x</div>`, "namespace"},
		{`<div xmlns="http://www.w3.org/1999/xhtml2">x</div>`, "namespace"},
		{`text`, "root"}, {``, "root"}, {`<p xmlns="http://www.w3.org/1999/xhtml">x</p>`, "root"}, {open + `x</div><div/>`, "root"},
		{open + `<p>x</div>`, "xml"}, {open + `x`, "xml"}, {open + `<br>x</div>`, "xml"}, {open + `a < b</div>`, "xml"}, {open + `a & b</div>`, "xml"},
		{open + `<p class=x>y</p></div>`, "xml"}, {open + `<p class>y</p></div>`, "xml"}, {open + `<p class="a" class="b">y</p></div>`, "xml"},
		{open + `<p class="a"id="b">y</p></div>`, "xml"}, {open + `<p class="<">y</p></div>`, "xml"}, {open + `]]></div>`, "xml"}, {open + `<!-- a -- b --></div>`, "xml"},
		{open + `&#0;</div>`, "xml"}, {open + `&#xD800;</div>`, "xml"}, {open + "\u0001</div>", "xml"}, {open + `<![CDATA[x</div>`, "xml"}, {`<div`, "xml"}, {`<`, "xml"},
		{open + `&nbsp;x</div>`, "entity"}, {open + `<p title="&copy;">x</p></div>`, "entity"},
		{open + `<font>x</font></div>`, "element"}, {open + `<DIV>x</DIV></div>`, "element"},
		{open + `<p foo="x">y</p></div>`, "attribute"},
		{open + `<script>x</script></div>`, "active"}, {open + `<form>x</form><iframe src="x"/></div>`, "active active"},
		{open + `<p onclick="x()">y</p></div>`, "active"}, {open + `<a href=" Java&#9;scr&#x49;pt&#58;x">y</a></div>`, "active"}, {open + `<a href="javascripts:x&amp;y&#x3a;">y</a></div>`, ""}, {open + `<a href=" JAVAscript:x">y</a></div>`, "active"},
		{open + `<?php x?></div>`, "active"}, {`<!DOCTYPE div>` + open + `x</div>`, "doctype"}, {open + `<!ENTITY a "b"></div>`, "doctype"},
		{open + `<font color="x">y</font>&nbsp;<b onload="z">w</b></div>`, "element attribute entity active"},
	}
	for _, tt := range tests {
		if got := strings.Join(narrativeRules(tt.div), " "); got != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.div, got, tt.want)
		}
	}
}

func TestNarrativeOffset(t *testing.T) {
	v := NewJudge(definitionsFor(t, "R4"), Options{})
	line := `{"resourceType":"Basic","code":{"text":"x"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">\u00e9é\n<font>x</font></div>"}}`
	var got []Problem
	v.Line([]byte(line), func(p Problem) { got = append(got, p) })
	if len(got) != 1 || got[0].Offset != strings.Index(line, "<font") || got[0].Pointer != "/text/div" {
		t.Errorf("got %+v, want one problem at %d", got, strings.Index(line, "<font"))
	}
}

// FuzzNarrative checks that what is accepted is well-formed for another parser, and that nothing panics.
func FuzzNarrative(f *testing.F) {
	for _, s := range []string{
		`<div xmlns="http://www.w3.org/1999/xhtml"><p class='a'>x &amp; &#160;<br/></p><!-- c --><![CDATA[d]]></div>`, `<div>`, `<div xmlns="x`, `<!--`, `<a &`, `&#`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rules := narrativeRules(s)
		if slices.Contains(rules, "verdict and report differ") {
			t.Fatal("verdict and report differ")
		}
		if len(rules) > 0 && rules[0] != "empty" {
			return
		}
		d := xml.NewDecoder(strings.NewReader(s))
		for {
			_, err := d.Token()
			if err == io.EOF {
				return
			}
			// Stricter than XML there, or about characters that a JSON string has already been checked for.
			if err != nil && !strings.Contains(err.Error(), "invalid UTF-8") && !strings.Contains(err.Error(), "illegal character code") && !strings.Contains(err.Error(), "invalid XML name") && !strings.Contains(err.Error(), "expected element name") && !strings.Contains(err.Error(), "expected attribute name") {
				t.Fatalf("%q: accepted, but %v", s, err)
			}
			if err != nil {
				return
			}
		}
	})
}
