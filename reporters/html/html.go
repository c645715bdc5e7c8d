// Package html writes a Report as one self-contained page for a reviewer who was not there: no request to
// anywhere, readable without JavaScript, on paper and with a screen reader.
//
// The page holds what a target said, and the target is hostile until proven otherwise. Three layers keep it text:
// control and invisible characters are made visible, html/template escapes by context, and a Content-Security-Policy
// allows exactly the one style sheet and the one script that are embedded here, by their hashes.
package html

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"github.com/bulkproof/bulkproof/reporters/internal/figures"
	"github.com/bulkproof/bulkproof/reporters/internal/visible"
	"github.com/bulkproof/bulkproof/reporters/model"
)

var (
	//go:embed page.tmpl
	pageText string
	//go:embed style.css
	styleText string
	//go:embed script.js
	scriptText string
)

// Write writes the report. It errs when w does.
func Write(w io.Writer, r *model.Report) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"count": figures.Number[int],
		"lines": figures.Number[int64],
		"size":  figures.Size,
		"body":  body,
	}).Parse(pageText)
	if err != nil {
		return err
	}
	return t.Execute(w, newPage(r.MapStrings(visible.Text)))
}

// policy is the page's Content-Security-Policy.
func policy() string {
	return "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src " + source(styleText) +
		"; script-src " + source(scriptText)
}

func source(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// assets are constants of this package, so they may go into the page as they are; html/template would take the
// comments out of them, and the hashes would no longer fit.
func assets() (style, script template.HTML) {
	return template.HTML("<style>" + styleText + "</style>"), template.HTML("<script>" + scriptText + "</script>")
}
