package resource

// resource reads the resource at i.
func (r *reader) resource(i int) int { return r.value(i, 0) }
