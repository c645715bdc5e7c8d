package session

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/go-json-experiment/json/jsontext"
)

// Rules for the lines of deleted files (export.html#response---output-manifest, field deleted).
const (
	RuleDeletedType     = "bulk.deleted.type"     // the Bundle is not of type transaction
	RuleDeletedEmpty    = "bulk.deleted.empty"    // it has no entry
	RuleDeletedRequest  = "bulk.deleted.request"  // an entry lacks request.method or request.url
	RuleDeletedMethod   = "bulk.deleted.method"   // request.method is not DELETE
	RuleDeletedURL      = "bulk.deleted.url"      // request.url names no single resource
	RuleDeletedExported = "bulk.deleted.exported" // a deleted resource is in the output
)

// maxDeletions bounds the deletions that are looked for among the output: 16 bytes each.
const maxDeletions = 1 << 20

// deletions is the set of deleted resources, by a hash of 128 bits of type and id. It is filled by several goroutines,
// then settled, then asked.
type deletions struct {
	mu   sync.Mutex
	a, b maphash.Seed
	keys []deletionKey
	lost int64
}

type deletionKey struct{ a, b uint64 }

func (d *deletions) key(typ, id string) deletionKey {
	var h [2]maphash.Hash
	for i, seed := range []maphash.Seed{d.a, d.b} {
		h[i].SetSeed(seed)
		_, _ = h[i].WriteString(typ)
		_ = h[i].WriteByte('/')
		_, _ = h[i].WriteString(id)
	}
	return deletionKey{h[0].Sum64(), h[1].Sum64()}
}

func (d *deletions) add(typ, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keys == nil {
		d.a, d.b = maphash.MakeSeed(), maphash.MakeSeed()
	}
	if len(d.keys) == maxDeletions {
		d.lost++
		return
	}
	d.keys = append(d.keys, d.key(typ, id))
}

func compareKeys(x, y deletionKey) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) }

func (d *deletions) settle() { slices.SortFunc(d.keys, compareKeys) }

func (d *deletions) empty() bool { return len(d.keys) == 0 }

func (d *deletions) has(typ, id string) bool {
	_, found := slices.BinarySearchFunc(d.keys, d.key(typ, id), compareKeys)
	return found
}

// lenient returns a reader of JSON that has been judged already; what it refuses is not looked at any further.
func lenient(b []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// object calls member for each member of the object that d is about to read; member has to read the value. It reports
// false if there is no object.
func object(d *jsontext.Decoder, member func(name string) error) (bool, error) {
	if d.PeekKind() != '{' {
		return false, d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return false, err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return false, err
		}
		if err := member(name.String()); err != nil {
			return false, err
		}
	}
	_, err := d.ReadToken()
	return true, err
}

// array calls item for each item of the array that d is about to read; item has to read it. It reports false if there is
// no array.
func array(d *jsontext.Decoder, item func() error) (bool, error) {
	if d.PeekKind() != '[' {
		return false, d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return false, err
	}
	for d.PeekKind() != ']' {
		if err := item(); err != nil {
			return false, err
		}
	}
	_, err := d.ReadToken()
	return true, err
}

// text reads a string; any other value is "".
func text(d *jsontext.Decoder) (string, error) {
	if d.PeekKind() != '"' {
		return "", d.SkipValue()
	}
	t, err := d.ReadToken()
	return t.String(), err
}

// each walks the top-level members of a line. Errors of JSON have been told by the judge.
func each(line []byte, member func(d *jsontext.Decoder, name string) error) {
	d := lenient(line)
	_, _ = object(d, func(name string) error { return member(d, name) })
}

// deletedLine judges a line of a deleted file and notes what it says was deleted.
func (j *lineJudge) deletedLine(line []byte, head resource.Head) {
	if head.ResourceType != "Bundle" {
		return // the rule of lines that hold another type than the file should
	}
	typ, entries := "", 0
	each(line, func(d *jsontext.Decoder, name string) (err error) {
		switch name {
		case "type":
			typ, err = text(d)
		case "entry":
			_, err = array(d, func() error {
				entries++
				return j.deletedEntry(d)
			})
		default:
			err = d.SkipValue()
		}
		return err
	})
	if typ != "transaction" {
		j.problem(RuleDeletedType, resource.Error, "/type", "Bundle.type", "The Bundle is not of type transaction.")
	}
	if entries == 0 {
		j.problem(RuleDeletedEmpty, resource.Error, "/entry", "Bundle.entry", "The Bundle has no entry.")
	}
}

func (j *lineJudge) deletedEntry(d *jsontext.Decoder) error {
	j.f.Deletions++
	at := string(d.StackPointer())
	var method, url string
	_, err := object(d, func(name string) error {
		if name != "request" {
			return d.SkipValue()
		}
		_, err := object(d, func(name string) (err error) {
			switch name {
			case "method":
				method, err = text(d)
			case "url":
				url, err = text(d)
			default:
				err = d.SkipValue()
			}
			return err
		})
		return err
	})
	if err != nil {
		return err
	}
	const path = "Bundle.entry.request"
	switch {
	case method == "" && url == "":
		j.problem(RuleDeletedRequest, resource.Error, at, path, "The entry has neither request.method nor request.url.")
	case method == "":
		j.problem(RuleDeletedRequest, resource.Error, at, path+".method", "The entry has no request.method.")
	case url == "":
		j.problem(RuleDeletedRequest, resource.Error, at, path+".url", "The entry has no request.url.")
	}
	if method != "" && method != "DELETE" {
		j.problem(RuleDeletedMethod, resource.Error, at+"/request/method", path+".method", "The request.method is not DELETE.")
	}
	if url == "" {
		return nil
	}
	if typ, id, ok := resourceOf(url); ok {
		j.r.deleted.add(typ, id)
	} else {
		j.problem(RuleDeletedURL, resource.Warning, at+"/request/url", path+".url", "The request.url is not of the form Type/id, so that it names no single resource.")
	}
	return nil
}

// resourceOf takes a reference to a resource on a server apart: Type/id, absolute or relative, perhaps with a version.
func resourceOf(ref string) (typ, id string, ok bool) {
	if strings.ContainsAny(ref, "?# ") {
		return "", "", false
	}
	parts := strings.Split(ref, "/")
	if n := len(parts); n >= 4 && parts[n-2] == "_history" {
		parts = parts[:n-2]
	}
	if len(parts) < 2 {
		return "", "", false
	}
	typ, id = parts[len(parts)-2], parts[len(parts)-1]
	return typ, id, typePath(typ) != "" && id != "" && len(id) <= 256
}
