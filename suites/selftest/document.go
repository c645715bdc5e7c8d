package selftest

import (
	"html/template"
	"io"
	"slices"
)

// MatrixDocument is the matrix as JSON.
type MatrixDocument struct {
	IG      string        `json:"ig"`
	Exact   bool          `json:"exact"`
	Checks  []string      `json:"checks"`
	Clean   RowDocument   `json:"clean"`
	Rows    []RowDocument `json:"rows"`
	Untried []string      `json:"untried"` // checks that no fault trips
}

// RowDocument is one row of it.
type RowDocument struct {
	Fault        string   `json:"fault"`
	Area         string   `json:"area"`
	Doc          string   `json:"doc"`
	Exact        bool     `json:"exact"`
	Failed       []string `json:"failed"`
	Warned       []string `json:"warned"`
	Inconclusive []string `json:"inconclusive"`
	Missing      []string `json:"missing"`
	Extra        []string `json:"extra"`
	Errors       []string `json:"errors"`
	Problem      string   `json:"problem,omitempty"`
}

// Document returns the matrix in its JSON form.
func Document(m *Matrix) MatrixDocument {
	d := MatrixDocument{IG: string(m.IG), Exact: m.Exact(), Checks: list(m.Checks), Clean: rowDocument(m.Clean), Rows: []RowDocument{}, Untried: list(m.Untried)}
	for _, r := range m.Rows {
		d.Rows = append(d.Rows, rowDocument(r))
	}
	return d
}

func rowDocument(r Row) RowDocument {
	return RowDocument{Fault: r.Fault, Area: r.Area, Doc: r.Doc, Exact: r.Exact(), Failed: list(r.Failed), Warned: list(r.Warned),
		Inconclusive: list(r.Inconclusive), Missing: list(r.Missing), Extra: list(r.Extra), Errors: list(r.Errors), Problem: r.Problem}
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Cell returns how the check fared in the row, as the HTML matrix shows it: a letter, and a class for its colour.
func (r RowDocument) Cell(id string) (cell struct{ Letter, Class, Title string }) {
	in := func(l []string) bool { return slices.Contains(l, id) }
	switch {
	case in(r.Missing):
		cell.Letter, cell.Class, cell.Title = "✗", "missing", "missed"
	case in(r.Extra):
		cell.Letter, cell.Class, cell.Title = "!", "extra", "found without being named"
	case in(r.Failed):
		cell.Letter, cell.Class, cell.Title = "F", "fail", "failed, as named"
	case in(r.Warned):
		cell.Letter, cell.Class, cell.Title = "W", "warn", "warned, as named"
	case in(r.Inconclusive):
		cell.Letter, cell.Class, cell.Title = "?", "unsure", "inconclusive"
	}
	return cell
}

// WriteHTML writes the matrix as one self-contained page: faults as rows, checks as columns.
func WriteHTML(w io.Writer, m *Matrix) error { return matrixPage.Execute(w, Document(m)) }

var matrixPage = template.Must(template.New("matrix").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bulkproof fault matrix, IG {{.IG}}</title>
<style>
:root{color-scheme:light dark;--line:light-dark(#d5dae0,#333a44);--bg:light-dark(#fff,#14171c);--head:light-dark(#f3f5f7,#1d2229)}
body{font:14px/1.45 system-ui,sans-serif;margin:2rem;background:var(--bg)}
h1{font-size:1.4rem}
.scroll{overflow:auto;max-height:85vh;border:1px solid var(--line)}
table{border-collapse:collapse}
th,td{border:1px solid var(--line);padding:2px 6px;text-align:center}
thead th{position:sticky;top:0;background:var(--head);vertical-align:bottom;z-index:1}
thead th span{writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap;font-weight:500}
tbody th{position:sticky;left:0;background:var(--head);text-align:left;white-space:nowrap;font-weight:500}
td{font-weight:700}
.fail{background:light-dark(#cfe9d6,#1d4a2b)}.warn{background:light-dark(#e6efc6,#414a16)}
.unsure{color:light-dark(#6a737d,#9aa4af);font-weight:400}
.missing,.extra{background:light-dark(#f6c8c8,#6b1f1f)}
</style></head><body>
<h1>Fault matrix, IG {{.IG}}</h1>
<p>{{if .Exact}}Every fault is caught by exactly the checks it names, and the conformant server gives no finding.{{else}}<strong>The matrix is not exact.</strong>{{end}}
{{len .Rows}} faults, {{len .Checks}} checks. F: failed as named. W: warned as named. ?: could not be judged because of the fault. ✗: missed. !: found without being named.</p>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">fault</th>{{range .Checks}}<th scope="col"><span>{{.}}</span></th>{{end}}</tr></thead><tbody>
{{$checks := .Checks}}{{range $row := .Rows}}<tr><th scope="row" title="{{.Doc}}">{{.Fault}}{{if not .Exact}} ✗{{end}}</th>{{range $checks}}{{$c := $row.Cell .}}<td{{if $c.Class}} class="{{$c.Class}}" title="{{$row.Fault}} × {{.}}: {{$c.Title}}"{{end}}>{{$c.Letter}}</td>{{end}}</tr>
{{end}}</tbody></table></div></body></html>
`))
