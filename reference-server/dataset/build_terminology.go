package dataset

// The two code systems and value sets hang on no patient; a client meets them in a system level export.

// localCodes holds, in the order of kinds[kCodeSystem].fixed, what the CodeSystem resources define.
func localCodes(i int) (url, name, title string, codes []code) {
	if i == 0 {
		return sysVisitReason, "VisitReason", "Why a made-up patient comes", visitReasons
	}
	return sysSite, "SampleSite", "Where the made-up wards are", siteCodes
}

func (b *builder) codeSystem() {
	url, name, title, codes := localCodes(b.l.p)
	b.start(firstUpdate)
	b.narrative(title)
	b.str("url", url)
	b.str("version", "0.1.0")
	b.str("name", name)
	b.str("title", title)
	b.str("status", [2]string{"active", "draft"}[b.l.p])
	b.bool("experimental", true)
	b.date("date", firstUpdate)
	b.str("publisher", "Bulkproof reference server")
	b.bool("caseSensitive", true)
	b.str("content", "complete")
	b.int("count", len(codes))
	b.list("concept")
	for _, c := range codes {
		b.open("")
		b.str("code", c.code)
		b.str("display", c.display)
		b.list("designation")
		b.open("")
		b.str("language", "eo")
		b.str("value", "ekzemplo: "+c.code)
		b.end()
		b.endList()
		b.end()
	}
	b.endList()
	b.end()
}

func (b *builder) valueSet() {
	url, name, title, codes := localCodes(b.l.p)
	b.start(firstUpdate)
	b.str("url", url+"-codes")
	b.str("version", "0.1.0")
	b.str("name", name+"Codes")
	b.str("title", title)
	b.str("status", [2]string{"active", "draft"}[b.l.p])
	b.bool("experimental", true)
	b.time("date", firstUpdate, "2006-01")
	b.open("compose")
	b.list("include")
	b.open("")
	b.str("system", url)
	if b.l.p == 1 {
		b.list("concept")
		for _, c := range codes[1:] {
			b.open("")
			b.str("code", c.code)
			b.str("display", c.display)
			b.end()
		}
		b.endList()
	}
	b.end()
	b.endList()
	b.end()
	b.end()
}
