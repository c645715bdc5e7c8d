package refserver

import (
	"net/http"
	"reflect"
	"slices"
)

// Combine returns a Behaviour with both faults: the second one's hooks run behind the first one's. It returns false
// where the two cannot be had together, since both set something that can be set once only.
func Combine(a, b Fault) (*Behaviour, bool) {
	var first, second Behaviour
	a.Apply(&first)
	b.Apply(&second)
	ok := merge(reflect.ValueOf(&first).Elem(), reflect.ValueOf(&second).Elem())
	return &first, ok
}

// merge puts everything that is set in from into into.
func merge(into, from reflect.Value) bool {
	ok := true
	for i := range into.NumField() {
		x, y := into.Field(i), from.Field(i)
		switch {
		case x.Kind() == reflect.Struct:
			ok = merge(x, y) && ok
		case y.IsZero():
		case x.IsZero():
			x.Set(y)
		case x.Kind() == reflect.Bool: // both are set
		case x.Kind() == reflect.Slice && x.Type() == reflect.TypeFor[[]string]():
			x.Set(reflect.ValueOf(slices.Concat(x.Interface().([]string), y.Interface().([]string))))
		default:
			chained, can := chain(x.Interface(), y.Interface())
			if can {
				x.Set(reflect.ValueOf(chained))
			}
			ok = ok && can
		}
	}
	return ok
}

// chain joins two hooks whose effects add up.
func chain(x, y any) (any, bool) {
	switch first := x.(type) {
	case func(*Answer):
		second := y.(func(*Answer))
		return func(a *Answer) { first(a); second(a) }, true
	case func(map[string]any, JobInfo):
		second := y.(func(map[string]any, JobInfo))
		return func(m map[string]any, j JobInfo) { first(m, j); second(m, j) }, true
	case func(map[string]any):
		second := y.(func(map[string]any))
		return func(m map[string]any) { first(m); second(m) }, true
	case func(*Export):
		second := y.(func(*Export))
		return func(e *Export) { first(e); second(e) }, true
	case func(JobInfo) []ExtraFile:
		second := y.(func(JobInfo) []ExtraFile)
		return func(j JobInfo) []ExtraFile { return slices.Concat(first(j), second(j)) }, true
	case func(*int, http.Header):
		second := y.(func(*int, http.Header))
		return func(status *int, h http.Header) { first(status, h); second(status, h) }, true
	case func(*int, map[string]any, http.Header):
		second := y.(func(*int, map[string]any, http.Header))
		return func(status *int, body map[string]any, h http.Header) {
			first(status, body, h)
			second(status, body, h)
		}, true
	}
	return nil, false
}
