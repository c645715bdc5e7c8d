package html

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/bulkproof/bulkproof/reporters/model"
	"github.com/bulkproof/bulkproof/reporters/reporttest"
)

const visibleChecks = `[...document.querySelectorAll("details.check")].filter(e => e.checkVisibility()).length`

func TestInBrowser(t *testing.T) {
	ctx := startBrowser(t)
	t.Run("filters", func(t *testing.T) { testFilters(t, ctx) })
	t.Run("links open what they point at", func(t *testing.T) { testLinks(t, ctx) })
	t.Run("without JavaScript", func(t *testing.T) { testWithoutScript(t, ctx) })
	t.Run("print", func(t *testing.T) { testPrint(t, ctx) })
	t.Run("narrow", func(t *testing.T) { testNarrow(t, ctx) })
	t.Run("contrast", func(t *testing.T) { testContrast(t, ctx) })
	t.Run("structure", func(t *testing.T) { testStructure(t, ctx) })
	t.Run("hostile text stays text", func(t *testing.T) { testHostile(t, ctx) })
	t.Run("empty report", func(t *testing.T) { testEmpty(t, ctx) })
	t.Run("screenshots", func(t *testing.T) { takeScreenshots(t, ctx) })
}

func testFilters(t *testing.T, ctx context.Context) {
	r := reporttest.Sample()
	p := open(t, ctx, r)
	expect := func(what string, want int) {
		t.Helper()
		if got := eval[int](p, visibleChecks); got != want {
			t.Errorf("%s: %d checks are visible, want %d", what, got, want)
		}
		said := eval[string](p, `document.getElementById("shown").textContent`)
		wantSaid := fmt.Sprintf("%d of %d checks", want, len(r.Checks))
		if want == len(r.Checks) {
			wantSaid = fmt.Sprintf("All %d checks", want)
		}
		if said != wantSaid {
			t.Errorf("%s: the count says %q, want %q", what, said, wantSaid)
		}
	}
	reset := click("#clear")
	search := func(s string) action { return typeInto("input[name=text]", s) }
	choose := func(name, value string) action {
		return run(fmt.Sprintf(`{const e = document.querySelector("select[name=%s]"); e.value = %q; e.dispatchEvent(new Event("input", {bubbles: true}))}`, name, value))
	}
	tick := func(o model.Outcome) action {
		return click(fmt.Sprintf(`input[name=outcome][value="%s"]`, o))
	}

	expect("at first", r.Totals.Checks)
	for _, o := range model.Outcomes() {
		p.do(tick(o))
		expect("only "+string(o), r.Totals.Of(o))
		p.do(reset)
	}
	p.do(tick(model.Fail), tick(model.Warn))
	expect("fail and warn", r.Totals.Fail+r.Totals.Warn)
	if n := eval[int](p, `[...document.querySelectorAll("section.group")].filter(e => e.checkVisibility()).length`); n != 1 {
		t.Errorf("%d groups are shown, want only the one that has matches", n)
	}
	if note := eval[string](p, `document.getElementById("filtered-note").innerText`); !strings.Contains(note, "6 of 24") {
		t.Errorf("a filtered view does not say so: %q", note)
	}
	p.do(choose("area", "kickoff"))
	expect("fail and warn in kickoff", 2)
	p.do(reset)
	expect("after reset", r.Totals.Checks)

	p.do(choose("area", "status"))
	expect("area status", 4)
	p.do(reset, choose("level", "MAY"))
	expect("level MAY", 3)
	p.do(reset, search("repeats the type"))
	expect("words of a finding", 1)
	p.do(reset, search("MANIFEST-019"))
	expect("a requirement", 1)
	p.do(reset, search("no such words"))
	expect("no match", 0)
	if !eval[bool](p, `document.getElementById("nothing").checkVisibility()`) {
		t.Error("no match, and nothing says so")
	}
	p.do(reset, click("#expand"))
	if n := eval[int](p, `document.querySelectorAll("details.check:not([open])").length`); n != 0 {
		t.Errorf("%d checks are closed after expanding all", n)
	}
	p.do(click("#collapse"))
	if n := eval[int](p, `document.querySelectorAll("details.check[open]").length`); n != 0 {
		t.Errorf("%d checks are open after collapsing all", n)
	}
	p.quiet()
}

func testLinks(t *testing.T, ctx context.Context) {
	p := open(t, ctx, reporttest.Sample())
	const evidence = `document.getElementById("exchange-4")`
	if eval[bool](p, evidence+`.open`) {
		t.Fatal("evidence is open before anybody asked")
	}
	p.do(click(`.finding a[href="#exchange-4"]`))
	if !eval[bool](p, evidence+`.open && `+evidence+`.querySelector("pre").checkVisibility()`) {
		t.Error("the link to the evidence does not open it")
	}
	if s := eval[string](p, evidence+`.innerText`); !strings.Contains(s, "/fhir/jobs/6f2c") || !strings.Contains(s, "Bearer [redacted]") {
		t.Errorf("the evidence lacks the response's or the request's headers: %q", s)
	}
	// Closed again by hand, the same link opens it again although the address does not change.
	p.do(run(evidence+`.open = false`), click(`.finding a[href="#exchange-4"]`))
	if !eval[bool](p, evidence+`.open`) {
		t.Error("the same link does not open the evidence a second time")
	}
	// Back to a check that a filter hides.
	p.do(typeInto("input[name=text]", "no such words"), run(`location.hash = "#check.kickoff.content-location"`),
		chromedp.WaitVisible(chromedp.CSS(`details.check[id="check.kickoff.content-location"]`)))
	if n := eval[int](p, visibleChecks); n != 24 {
		t.Errorf("a link to a hidden check leaves the filter on: %d checks visible", n)
	}
	// Every link within the page has a target, and every other one leads to the web.
	bad := eval[[]string](p, `[...document.querySelectorAll("a")].map(a => a.getAttribute("href"))
		.filter(h => h.startsWith("#") ? !document.getElementById(decodeURIComponent(h.slice(1))) : !/^https?:\/\//.test(h))`)
	if len(bad) > 0 {
		t.Errorf("links that lead nowhere: %q", bad)
	}
	p.quiet()
}

func testWithoutScript(t *testing.T, ctx context.Context) {
	p := open(t, ctx, reporttest.Sample(), call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	// The test itself evaluates in the page even so: DevTools is not bound by the switch.
	if eval[bool](p, `document.getElementById("filters").checkVisibility()`) {
		t.Error("filters that cannot work are shown")
	}
	if n := eval[int](p, visibleChecks); n != 24 {
		t.Errorf("%d checks are visible, want all 24", n)
	}
	p.do(click(`details.check[data-outcome=pass] > summary`))
	if !eval[bool](p, `document.querySelector("details.check[data-outcome=pass] .requirements").checkVisibility()`) {
		t.Error("a check cannot be opened")
	}
	p.quiet()
}

func testPrint(t *testing.T, ctx context.Context) {
	p := open(t, ctx, reporttest.Sample())
	p.do(click("#collapse"), emulate("print", "dark"))
	// By the style sheet alone, since a reader without JavaScript prints too. Asking for the box first makes the browser
	// lay out what the medium has changed.
	shown := eval[map[string]bool](p, `Object.fromEntries(Object.entries({
		finding: "details.check[data-outcome=fail] .finding", passed: "details.check[data-outcome=pass] .requirements",
		cited: "#exchange-4 pre", uncited: "#exchange-3 pre", filters: "#filters", contents: ".contents",
	}).map(([k, s]) => { const e = document.querySelector(s); return [k, e.getBoundingClientRect().height > 0 && e.checkVisibility()]; }))`)
	for name, want := range map[string]bool{"finding": true, "cited": true, "passed": false, "uncited": false, "filters": false, "contents": false} {
		if got := shown[name]; got != want {
			t.Errorf("printed, %s is shown: %v, want %v", name, got, want)
		}
	}
	pdf := printPDF(p)
	if len(pdf) < 10_000 || !strings.HasPrefix(string(pdf), "%PDF-") {
		t.Errorf("printing gave %d bytes that are no PDF", len(pdf))
	}
	p.quiet()
}

func printPDF(p *tab) []byte {
	return result(p, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground(), chromedp.PDFPaper(chromedp.PaperA4)))
}

func testNarrow(t *testing.T, ctx context.Context) {
	long := strings.Repeat("abcdefghij", 60) // as long as an unbroken URL may get
	r := reporttest.Sample()
	r.Target.BaseURL += "/" + long
	r.Checks[6].Findings[0].Observed = long
	r.Exchanges[0].Request.URL += long
	r.Exports[0].Request += long
	r.Target.Facts[0].Value = long
	for _, w := range []int64{320, 390, 768, 1280} {
		p := open(t, ctx, r, width(w))
		p.do(click("#expand"))
		if got := eval[int64](p, `document.documentElement.scrollWidth`); got > w {
			wide := eval[[]string](p, fmt.Sprintf(`[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > %d && !e.closest(".scroll"))
				.map(e => e.tagName + "." + e.className).slice(0, 5)`, w))
			t.Errorf("at %d pixels the page is %d wide: %q", w, got, wide)
		}
		p.quiet()
	}
}

// contrastScript returns every element with text of its own whose contrast with what lies behind it is below 4.5
// (WCAG 2.2, 1.4.3 without its leniency for large text).
const contrastScript = `(() => {
	const ctx = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgba = (c) => { ctx.clearRect(0, 0, 1, 1); ctx.fillStyle = c; ctx.fillRect(0, 0, 1, 1); return [...ctx.getImageData(0, 0, 1, 1).data]; };
	const over = (top, under) => { const a = top[3] / 255; return [0, 1, 2].map(i => top[i] * a + under[i] * (1 - a)).concat(255); };
	const ground = (e) => { const layers = []; for (; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
		return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 255]); };
	const lum = (c) => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	let n = 0;
	const bad = [];
	for (const e of document.querySelectorAll("body *")) {
		if (!e.checkVisibility() || e.closest("svg, script") || ![...e.childNodes].some(c => c.nodeType === 3 && c.data.trim())) continue;
		n++;
		const under = ground(e), a = lum(over(rgba(getComputedStyle(e).color), under)), b = lum(under);
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) bad.push(e.tagName + "." + e.className + " " + ratio.toFixed(2) + " " + e.textContent.trim().slice(0, 30));
	}
	return {n, bad};
})()`

func testContrast(t *testing.T, ctx context.Context) {
	for _, name := range []string{"light", "dark"} {
		p := open(t, ctx, reporttest.Sample(), emulate("", name))
		p.do(click("#expand"), run(`document.querySelectorAll("details").forEach(d => d.open = true)`))
		for _, state := range []string{"filters off", "filters on"} {
			got := eval[struct {
				N   int      `json:"n"`
				Bad []string `json:"bad"`
			}](p, contrastScript)
			if got.N < 400 {
				t.Errorf("%s, %s: only %d elements with text were found, so the measurement misses most", name, state, got.N)
			}
			for _, b := range got.Bad {
				t.Errorf("%s, %s: too little contrast: %s", name, state, b)
			}
			p.do(run(`document.querySelectorAll("input[name=outcome]").forEach(e => e.click())`))
		}
		p.quiet()
	}
}

// testStructure checks what a screen reader and a keyboard need.
func testStructure(t *testing.T, ctx context.Context) {
	p := open(t, ctx, reporttest.Sample())
	p.do(run(`document.querySelectorAll("details").forEach(d => d.open = true)`))
	wrong := eval[[]string](p, `(() => {
		const bad = [];
		const all = (s) => [...document.querySelectorAll(s)];
		const is = (ok, what) => { if (!ok) bad.push(what); };
		is(document.documentElement.lang === "en", "no language");
		is(document.title.startsWith("Not conformant: "), "title " + document.title);
		for (const s of ["main", "header", "footer", "nav[aria-label]", "h1"]) is(all(s).length === 1, all(s).length + " × " + s);
		let last = 0;
		for (const h of all("h1, h2, h3, h4")) { const n = +h.tagName[1]; is(n <= last + 1, "heading skips a level: " + h.textContent); last = n; }
		for (const e of all("input, select")) is(e.labels.length === 1 && e.labels[0].textContent.trim(), "no label: " + e.name);
		for (const e of all("th")) is(e.scope, "th without scope: " + e.textContent);
		for (const e of all("th")) is(e.textContent.trim(), "empty th");
		for (const e of all("svg[role=img]")) is(e.getAttribute("aria-label"), "picture without a name");
		for (const e of all("[aria-labelledby]")) is(document.getElementById(e.getAttribute("aria-labelledby")), "label points nowhere: " + e.outerHTML.slice(0, 80));
		for (const e of all("main > section, main section.group")) is(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby"), "unnamed section");
		for (const e of all("details")) is(e.firstElementChild.tagName === "SUMMARY", "details without summary first");
		for (const e of all("pre, .scroll")) is(e.tabIndex === 0, "cannot be scrolled with the keyboard: " + e.outerHTML.slice(0, 80));
		const ids = all("[id]").map(e => e.id);
		is(new Set(ids).size === ids.length, "ids repeat");
		return bad;
	})()`)
	for _, w := range wrong {
		t.Error(w)
	}
	// The first press of the tab key reaches the link that skips what repeats.
	p.do(chromedp.KeyEvent("\t"))
	if s := eval[string](p, `document.activeElement.textContent`); s != "Skip to the verdict" {
		t.Errorf("the first tab reaches %q", s)
	}
	// Each outcome is told in words, not by colour alone.
	text := eval[string](p, `document.querySelector(".counts").innerText`)
	for _, o := range model.Outcomes() {
		if !strings.Contains(text, word(o)) {
			t.Errorf("the counts do not say %q: %q", word(o), text)
		}
	}
	p.quiet()
}

func testHostile(t *testing.T, ctx context.Context) {
	for _, attack := range []string{
		`<script>window.owned = 1</script>`,
		`"><img src=x onerror="window.owned = 1">`,
		`'><svg onload='window.owned = 1'>`,
		`javascript:window.owned=1`,
		`</style></script><script>window.owned = 1</script>`,
		`{{.Digest}}${owned=1}<!--`,
		`https://evil.example/" onclick="window.owned=1" x="`,
		"\x00\x1b]0;owned\a\u202eowned\xff",
	} {
		p := open(t, ctx, reporttest.Hostile(attack))
		p.do(run(`document.querySelectorAll("details").forEach(d => d.open = true)`))
		got := eval[struct {
			Owned                          bool
			Scripts, Styles, Images, Svgs  int
			Handlers, Hrefs, Inline, Metas []string
			Checks                         int
			Text                           string
		}](p, `(() => { const all = (s) => [...document.querySelectorAll(s)]; return {
			Owned: "owned" in window,
			Scripts: all("script").length, Styles: all("style").length, Images: all("img, iframe, object, embed, video, audio, base").length,
			Svgs: all("svg[onload]").length,
			Handlers: all("*").flatMap(e => e.getAttributeNames()).filter(n => n.startsWith("on") || n === "style"),
			Hrefs: all("a").map(a => a.getAttribute("href")).filter(h => !/^(#|https?:\/\/)/.test(h)),
			Inline: [], Metas: all("meta[http-equiv]").map(m => m.getAttribute("http-equiv")).slice(1),
			Checks: all("details.check").length,
			Text: document.body.textContent,
		}; })()`)
		if got.Owned || got.Scripts != 1 || got.Styles != 1 || got.Images+got.Svgs != 0 || len(got.Handlers)+len(got.Hrefs)+len(got.Metas) != 0 {
			t.Errorf("%q became more than text: %+v", attack, struct {
				Owned                   bool
				Scripts, Styles, Images int
				Handlers, Hrefs         []string
			}{got.Owned, got.Scripts, got.Styles, got.Images, got.Handlers, got.Hrefs})
		}
		if got.Checks != 24 {
			t.Errorf("%q: %d checks are left of 24", attack, got.Checks)
		}
		want := attack
		if strings.Contains(attack, "\x00") {
			want = `\u0000\u001b]0;owned\u0007\u202eowned\xff`
		}
		// Once for each field it was put in: 100 is below what the sample has and far above any accident.
		if n := strings.Count(got.Text, want); n < 100 {
			t.Errorf("%q is shown as text %d times, want at least 100", attack, n)
		}
		// The filters still work on it.
		p.do(click("#collapse"), typeInto("input[name=text]", "no such words"))
		if n := eval[int](p, visibleChecks); n != 0 {
			t.Errorf("%q: the filter leaves %d checks", attack, n)
		}
		p.quiet()
	}
}

func testEmpty(t *testing.T, ctx context.Context) {
	p := open(t, ctx, &model.Report{Verdict: model.NothingSelected, IG: "3.0.0"})
	if s := eval[string](p, `document.querySelector("main").innerText`); !strings.Contains(s, "Nothing selected") || !strings.Contains(s, "No check was selected.") {
		t.Errorf("the page says %q", s)
	}
	p.quiet()
}

// takeScreenshots writes pictures for a person to look at, into the folder that BULKPROOF_SCREENSHOTS names.
func takeScreenshots(t *testing.T, ctx context.Context) {
	dir := os.Getenv("BULKPROOF_SCREENSHOTS")
	if dir == "" {
		t.Skip("BULKPROOF_SCREENSHOTS names no folder")
	}
	save := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []int64{1280, 390} {
		for _, s := range []string{"light", "dark"} {
			p := open(t, ctx, reporttest.Sample(), width(w), emulate("", s))
			p.do(run(`document.querySelectorAll("details.cited, details.check[data-outcome=skip]").forEach(d => d.open = true)`))
			save(fmt.Sprintf("%s-%d.png", s, w), result(p, chromedp.FullScreenshot(100)))
		}
	}
	p := open(t, ctx, reporttest.Sample())
	save("print.pdf", printPDF(p))
	p = open(t, ctx, reporttest.Sample(), width(700), emulate("print", "light"))
	save("print-700.png", result(p, chromedp.FullScreenshot(100)))
}
