package session

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/go-json-experiment/json/jsontext"
)

// Rules for organised output (3.0.0 export.html#bulk-data-output-file-organization).
const (
	RuleBlockHeader   = "bulk.block.header"   // a Parameters resource that is no header
	RuleBlockResource = "bulk.block.resource" // the resource of the header does not follow it
	RuleBlockMember   = "bulk.block.member"   // a resource refers to another instance only
)

// Blocks is what is known of the resource blocks of one file of organised output.
type Blocks struct {
	Count       int64
	Headless    bool   // the file has lines before its first header
	Damaged     bool   // it has lines that are no JSON, so that not all of its blocks are known
	First, Last string // "Patient/id" of its first and last header; "" without a header that can be read
	// Begun: the resource of the first header follows it, as it does unless the block began in another file.
	Begun bool
	// Alone is how many lines the block of the first header has here, and Tail that of the last, headers included.
	Alone, Tail int64
	headers     []uint64
}

// organizedBy returns the type that the files of the export are organised by: what was asked for, if the manifest shows
// that the server took notice; "" otherwise.
func (e *Export) organizedBy() string {
	if Text(e.Manifest.Tree, "outputOrganizedBy") == "" {
		return ""
	}
	for _, p := range e.Scenario.Params {
		if p.Name == "organizeOutputBy" {
			return p.Value
		}
	}
	return ""
}

// maxHeaders bounds the block headers that are kept, over all files of an export: 8 bytes each.
const maxHeaders = 1 << 20

type counterBudget struct {
	mu   sync.Mutex
	left int
}

// take takes n of what is left and reports whether there was as much.
func (b *counterBudget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < n {
		return false
	}
	b.left -= n
	return true
}

var headerSeed = maphash.MakeSeed()

// Holds reports whether the file has a block with the header, as far as headers were kept.
func (b *Blocks) Holds(header string) bool {
	return b != nil && slices.Contains(b.headers, maphash.String(headerSeed, header))
}

// blockReader follows the blocks of one file.
type blockReader struct {
	j         *lineJudge
	by        string // the type that the output is organised by
	header    string // of the present block; "" before the first, and after one that cannot be read
	lines     int64
	afterHead bool // the line before was a header
	unknown   bool // the header of the present block cannot be read
}

func (b *blockReader) line(line []byte, head resource.Head) {
	blocks := b.j.f.Blocks
	if head.ResourceType == "Parameters" {
		b.begin(line)
		return
	}
	if blocks.Count == 0 {
		blocks.Headless = !blocks.Damaged
		return
	}
	b.lines++
	blocks.Tail = b.lines
	if blocks.Count == 1 {
		blocks.Alone = b.lines
	}
	first := b.afterHead
	b.afterHead = false
	if b.unknown {
		return
	}
	self := head.ResourceType + "/" + head.ID
	if first {
		if blocks.Count == 1 {
			blocks.Begun = self == b.header
		} else if self != b.header {
			b.j.problem(RuleBlockResource, resource.Error, "", typePath(head.ResourceType), "The line after the header is not the resource that the header refers to.")
		}
	}
	if self == b.header {
		return
	}
	if bytes.Contains(line, []byte(`"`+b.header+`"`)) {
		return
	}
	mine, others := b.references(line)
	if !mine && (others || head.ResourceType == b.by) {
		b.j.problem(RuleBlockMember, resource.Error, "", typePath(head.ResourceType),
			"The resource refers to another "+typePath(b.by)+" and not to the one of its block.")
	}
}

// lost tells of a line that could not be read: it may have been a header, or the resource behind one.
func (b *blockReader) lost() {
	b.j.f.Blocks.Damaged = true
	b.unknown, b.afterHead = true, false
}

// begin reads a header.
func (b *blockReader) begin(line []byte) {
	blocks := b.j.f.Blocks
	if b.afterHead && blocks.Count > 1 && !b.unknown {
		b.j.problem(RuleBlockResource, resource.Error, "", "Parameters", "The header before this one is not followed by the resource that it refers to.")
	}
	blocks.Count++
	b.lines, b.afterHead = 1, true
	blocks.Tail = 1
	if blocks.Count == 1 {
		blocks.Alone = 1
	}
	ref := headerReference(line)
	typ, id, ok := resourceOf(ref)
	b.unknown = !ok || typ != b.by
	if b.unknown {
		b.header = ""
		b.j.problem(RuleBlockHeader, resource.Error, "/parameter", "Parameters.parameter", "The Parameters resource has no parameter named header with a reference to a "+typePath(b.by)+".")
	} else {
		b.header = typ + "/" + id
		if b.j.r.headers.take(1) {
			blocks.headers = append(blocks.headers, maphash.String(headerSeed, b.header))
		}
	}
	if blocks.Count == 1 {
		blocks.First = b.header
	}
	blocks.Last = b.header
}

// headerReference returns the reference in the parameter named header, "" if there is none.
func headerReference(line []byte) string {
	found := ""
	each(line, func(d *jsontext.Decoder, name string) error {
		if name != "parameter" {
			return d.SkipValue()
		}
		_, err := array(d, func() error {
			var what, ref string
			_, err := object(d, func(name string) (err error) {
				switch name {
				case "name":
					what, err = text(d)
				case "valueReference":
					_, err = object(d, func(name string) (err error) {
						if name == "reference" {
							ref, err = text(d)
							return err
						}
						return d.SkipValue()
					})
				default:
					err = d.SkipValue()
				}
				return err
			})
			if what == "header" && found == "" {
				found = ref
			}
			return err
		})
		return err
	})
	return found
}

// references reports whether the resource refers to the instance of the present block, and whether to others of its type.
func (b *blockReader) references(line []byte) (mine, others bool) {
	if !bytes.Contains(line, []byte(b.by)) {
		return false, false
	}
	d := lenient(line)
	for name := false; ; {
		t, err := d.ReadToken()
		if err != nil {
			return mine, others
		}
		switch t.Kind() {
		case '"':
			kind, n := d.StackIndex(d.StackDepth())
			if kind == '{' && n%2 == 1 { // a member name has just been read
				name = t.String() == "reference"
				continue
			}
			if !name {
				continue
			}
			name = false
			typ, id, ok := resourceOf(t.String())
			switch {
			case !ok || typ != b.by || strings.HasPrefix(t.String(), "#"):
			case typ+"/"+id == b.header:
				mine = true
			default:
				others = true
			}
		default:
			name = false
		}
	}
}
