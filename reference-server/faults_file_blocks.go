package refserver

import (
	"bytes"
	"slices"

	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// organizedFile is a file of an export organised by patients; lastOrganized the last one.
func organizedFile(a *Answer) bool { return a.Job.Kind == OutputFile && a.Job.Export.OrganizeBy != "" }
func lastOrganized(a *Answer) bool { return organizedFile(a) && a.Job.LastFile() }

func isType(line []byte, typ string) bool {
	return bytes.Contains(line, []byte(`"resourceType":"`+typ+`"`)) && !bytes.Contains(line, []byte(`"contained"`))
}

// headerEdit edits the headers of the last organised file.
func headerEdit(edit func([]byte) []byte) func(*Behaviour) {
	return onFile(lastOrganized, func(a *Answer) {
		a.Line = func(_ int, line []byte) []byte {
			if isType(line, "Parameters") {
				return edit(bytes.Clone(line))
			}
			return line
		}
	})
}

// firstPart is a block that goes on elsewhere, and secondPart what goes on.
var firstPart = []string{headerOf("part"), `{"resourceType":"Patient","id":"part"}`,
	`{"resourceType":"Basic","id":"part-1","code":{"text":"one"},"subject":{"reference":"Patient/part"}}`}

const secondPart = `{"resourceType":"Basic","id":"part-2","code":{"text":"two"},"subject":{"reference":"Patient/part"}}`

// twoParts adds two output files to an organised export, of a block that the first begins. second are the lines of the
// second one; the manifest says that the first goes on in the second.
func twoParts(second ...string) func(*Behaviour) { return split(firstPart, second) }

// split is twoParts with the lines of the first one.
func split(first, second []string) func(*Behaviour) {
	return func(b *Behaviour) {
		b.Extra = func(j JobInfo) []ExtraFile {
			if j.Export.OrganizeBy == "" {
				return nil
			}
			return []ExtraFile{{Kind: OutputFile, Lines: first}, {Kind: OutputFile, Lines: second}}
		}
		b.ThenManifest(func(m map[string]any, j JobInfo) {
			out, _ := m["output"].([]any)
			if j.Export.OrganizeBy == "" || len(out) < 2 {
				return
			}
			out[len(out)-2].(map[string]any)["continuesInFile"] = out[len(out)-1].(map[string]any)["url"]
		})
	}
}

// headerOf is the header of the block of a patient.
func headerOf(id string) string {
	return `{"resourceType":"Parameters","parameter":[{"name":"header","valueReference":{"reference":"Patient/` + id + `"}}]}`
}

// blockFaults break organised output (3.0.0 only).
func blockFaults() []Fault {
	faults := []Fault{
		{
			Name:   "file-block-no-header",
			Doc:    "The last organised file has no headers, so that nobody knows where a patient begins.",
			Caught: []string{"file.block-headers"},
			Apply:  headerEdit(func([]byte) []byte { return nil }),
		},
		{
			Name:   "file-block-header-string",
			Doc:    "Headers hold the reference as a string.",
			Caught: []string{"file.block-headers"},
			Apply:  headerEdit(rewritten(`"valueReference":\{"reference":"([^"]*)"\}`, `"valueString":"$1"`)),
		},
		{
			Name:   "file-block-header-other-type",
			Doc:    "Headers refer to a Group in place of a Patient.",
			Caught: []string{"file.block-headers"},
			Apply:  headerEdit(rewritten(`"(http[^"]*/)?Patient/`, `"Group/`)),
		},
		{
			Name:   "file-block-header-other-name",
			Doc:    "The parameter of the headers is named patient in place of header.",
			Caught: []string{"file.block-headers"},
			Apply:  headerEdit(rewritten(`"name":"header"`, `"name":"patient"`)),
		},
		{
			Name:   "file-block-patient-second",
			Doc:    "The Patient comes behind the first of its resources in place of right behind the header.",
			Caught: []string{"file.block-resource"},
			Apply: onFile(lastOrganized, func(a *Answer) {
				var held []byte
				a.Line = func(_ int, line []byte) []byte {
					if isType(line, "Patient") {
						held = bytes.Clone(line)
						return nil
					}
					if held != nil {
						line = slices.Concat(line, []byte("\n"), held)
						held = nil
					}
					return line
				}
			}),
		},
		{
			Name:   "file-block-patient-missing",
			Doc:    "Blocks do not hold the Patient of their header.",
			Caught: []string{"file.block-resource"},
			Apply: onFile(lastOrganized, func(a *Answer) {
				a.Line = func(_ int, line []byte) []byte {
					if isType(line, "Patient") {
						return nil
					}
					return line
				}
			}),
		},
		{
			Name:   "file-block-stranger",
			Doc:    "A resource stands in the block of a patient it has nothing to do with, and refers to another one.",
			Caught: []string{"file.block-members"},
			Apply: onLine(lastOrganized, -1, func(line []byte) []byte {
				return append(line, "\n"+`{"resourceType":"Basic","id":"stray","code":{"text":"stray"},"subject":{"reference":"Patient/somebody-else"}}`...)
			}),
		},
		{
			Name:   "file-block-second-patient",
			Doc:    "A block holds another Patient than its own.",
			Caught: []string{"file.block-members"},
			Apply: onLine(lastOrganized, -1, func(line []byte) []byte {
				return append(line, "\n"+`{"resourceType":"Patient","id":"somebody-else"}`...)
			}),
		},
		{
			Name:   "file-block-split-needlessly",
			Doc:    "A block of a few lines is spread over two files.",
			Warned: []string{"file.block-whole"},
			Apply:  twoParts(headerOf("part"), secondPart),
		},
		{
			Name:   "file-block-split-in-the-midst",
			Doc:    "A block goes on in another file although another one comes behind its first part, so that there was room.",
			Warned: []string{"file.block-whole"},
			Apply: split(slices.Concat(
				[]string{headerOf("whole"), `{"resourceType":"Patient","id":"whole"}`}, firstPart,
				[]string{headerOf("other"), `{"resourceType":"Patient","id":"other"}`}), []string{headerOf("part"), secondPart}),
		},
		{
			Name:   "file-block-continued-without-header",
			Doc:    "A block goes on in another file without its header.",
			Caught: []string{"file.block-continued"},
			Apply:  twoParts(secondPart),
		},
		{
			Name:   "file-block-continued-by-other",
			Doc:    "continuesInFile names a file that begins with the block of another patient.",
			Caught: []string{"file.block-continued"},
			Apply:  twoParts(headerOf("whole"), `{"resourceType":"Patient","id":"whole"}`),
		},
		{
			Name:   "file-block-continued-silently",
			Doc:    "Blocks too large for a file go on in another one, and the manifest has no continuesInFile.",
			Caught: []string{"file.block-continues-named"},
			Apply: func(b *Behaviour) {
				b.ResourcesPerFile = 30
				b.ThenManifest(func(m map[string]any, _ JobInfo) {
					out, _ := m["output"].([]any)
					for _, item := range out {
						delete(item.(map[string]any), "continuesInFile")
					}
				})
			},
		},
		{
			Name:   "file-block-few-types",
			Doc:    "Blocks hold the Patient, Conditions and Observations, and nothing else of the compartment.",
			Warned: []string{"file.block-compartment"},
			Apply: func(b *Behaviour) {
				b.Keep = func(j JobInfo, r *dataset.Resource, include bool) bool {
					return include && (j.Export.OrganizeBy == "" || slices.Contains([]string{"Patient", "Condition", "Observation"}, r.Type))
				}
			},
		},
	}
	for i := range faults {
		faults[i].Area, faults[i].Versions = "file", []string{"3.0.0"}
	}
	return faults
}
