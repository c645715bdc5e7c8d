package model

import (
	"reflect"
	"time"
)

// MapStrings returns a deep copy of the report in which every string is f of the original. It walks the types
// rather than naming the fields, so that a field added later is never forgotten.
func (r *Report) MapStrings(f func(string) string) *Report {
	out := new(Report)
	mapStrings(reflect.ValueOf(out).Elem(), reflect.ValueOf(r).Elem(), f)
	return out
}

func mapStrings(dst, src reflect.Value, f func(string) string) {
	switch src.Kind() {
	case reflect.String:
		dst.SetString(f(src.String()))
	case reflect.Struct:
		if src.Type() == reflect.TypeFor[time.Time]() {
			dst.Set(src) // has no exported fields, and is a value
			return
		}
		for i := range src.NumField() {
			mapStrings(dst.Field(i), src.Field(i), f)
		}
	case reflect.Slice:
		if src.IsNil() {
			return
		}
		dst.Set(reflect.MakeSlice(src.Type(), src.Len(), src.Len()))
		for i := range src.Len() {
			mapStrings(dst.Index(i), src.Index(i), f)
		}
	case reflect.Pointer:
		if src.IsNil() {
			return
		}
		dst.Set(reflect.New(src.Type().Elem()))
		mapStrings(dst.Elem(), src.Elem(), f)
	default:
		dst.Set(src)
	}
}
