package battery

import (
	"fmt"
)

type edit = func(*World, *Attempt) error

// one is the list of variants of a case that has a single one.
func one(e edit) []Variant { return []Variant{{Edit: e}} }

// claim sets a claim to a value, rawClaim to a JSON text, noClaim removes it.
func claim(name string, value any) edit {
	return func(_ *World, a *Attempt) error { a.Claims.Set(name, value); return nil }
}

func rawClaim(name, raw string) edit {
	return func(_ *World, a *Attempt) error { a.Claims.Raw(name, raw); return nil }
}

func noClaim(name string) edit {
	return func(_ *World, a *Attempt) error { a.Claims.Del(name); return nil }
}

func header(name string, value any) edit {
	return func(_ *World, a *Attempt) error { a.Header.Set(name, value); return nil }
}

func rawHeader(name, raw string) edit {
	return func(_ *World, a *Attempt) error { a.Header.Raw(name, raw); return nil }
}

func noHeader(name string) edit {
	return func(_ *World, a *Attempt) error { a.Header.Del(name); return nil }
}

// param sets a form parameter, noParam removes it.
func param(name, value string) edit {
	return func(_ *World, a *Attempt) error { a.Form.Set(name, value); return nil }
}

func noParam(name string) edit {
	return func(_ *World, a *Attempt) error { a.Form.Del(name); return nil }
}

// assertion replaces the text of the assertion.
func assertion(text string) edit {
	return func(_ *World, a *Attempt) error {
		a.Join = func(Parts) string { return text }
		return nil
	}
}

// each makes a variant for each value, named after it.
func each[T any](e func(T) edit, values ...T) []Variant {
	var out []Variant
	for _, v := range values {
		out = append(out, Variant{Name: cut(fmt.Sprint(v)), Edit: e(v)})
	}
	return out
}

// cut keeps the name of a variant short.
func cut(s string) string {
	if s == "" {
		return "empty"
	}
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// with begins with a valid attempt signed by a key of the algorithm; ready says so where there is none.
func with(alg string) func(*World) *Attempt {
	return func(w *World) *Attempt {
		k, _ := w.KeyFor(alg)
		return w.New(k)
	}
}

func needs(algs ...string) func(*World) string {
	return func(w *World) string {
		if w.Baseline.Grant == nil {
			return "" // said elsewhere
		}
		for _, alg := range algs {
			if _, ok := w.KeyFor(alg); !ok {
				return fmt.Sprintf("no key for %s is registered and accepted", alg)
			}
		}
		return ""
	}
}

// clockKnown holds where the server's clock is near enough to judge times by.
func clockKnown(w *World) string {
	if d, ok := w.s.Skew(); ok && d.Abs().Minutes() > 1 {
		return fmt.Sprintf("the server's clock is off by %s, so that times prove nothing", d.Round(1e9))
	}
	return ""
}
