package session

import "github.com/bulkproof/bulkproof/checks/ndjson"

// Collector gathers something of every line of one export's files while they stream by, so that nothing has to be
// fetched twice and no content is kept.
type Collector interface {
	// File announces a file by its index in FileSet.Files. It returns what is called for each line that was judged, in
	// order, and what is called once behind the last one; either may be nil. Files are read at the same time, each with
	// functions of its own.
	File(index int, it Item) (line func(ndjson.Line), end func())
	// Done is called once, when all files were read as far as they could be.
	Done(*FileSet)
}

// Collect has a collector made for every export whose files are read from now on. The first call wins: all checks share
// what is collected, in FileSet.Collected.
func (s *Session) Collect(make func(*Export) Collector) {
	s.collect.CompareAndSwap(nil, &make)
}

// collector returns the collector of an export, or nil.
func (s *Session) collector(ex *Export) Collector {
	if make := s.collect.Load(); make != nil {
		return (*make)(ex)
	}
	return nil
}

// collected calls read with what the collector wants to be called for each line of the file.
func collected(c Collector, index int, it Item, read func(line func(ndjson.Line)) *File) *File {
	if c == nil {
		return read(nil)
	}
	line, end := c.File(index, it)
	f := read(line)
	if end != nil {
		end()
	}
	return f
}
