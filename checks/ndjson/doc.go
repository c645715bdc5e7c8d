// Package ndjson reads newline-delimited JSON as a stream, hands every line to a judge and collects what is
// wrong, in the order of the input, in memory that depends neither on the size of the input nor on the number
// of findings.
//
// The rules for lines follow the NDJSON specification 1.0.0 (github.com/ndjson/ndjson-spec, sections 3.1 and
// 3.2), RFC 8259 section 8.1 and FHIR's own page on the format (hl7.org/fhir/R4/nd-json.html). Where those leave
// room to a reader, this package reads the line and says so:
//
//   - Blank lines (nothing but spaces and tabs) hold no JSON text and are skipped. Section 3.2 permits that to a
//     parser that documents it; other readers may refuse them, so between resources they are a warning. After the
//     last resource they are a note.
//   - CR LF ends a line as well as LF does (3.2); one note for each file.
//   - A last line without LF is judged like any other; a note, because 3.1 asks writers to end every text with LF.
//   - A byte order mark is skipped, with a warning: RFC 8259 forbids writers to add it and permits readers to
//     ignore it.
//
// Offsets and lengths are bytes of the decompressed stream. Lines are counted from 1 and end at LF only.
package ndjson
