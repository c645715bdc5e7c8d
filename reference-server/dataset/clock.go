package dataset

import "time"

// moment is a point in time in seconds since 1970, UTC.
type moment int64

func date(year, month, day int) moment {
	return moment(time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix())
}

const day = 24 * 60 * 60

var (
	firstVisit  = date(2012, 1, 9)
	lastVisit   = date(2025, 6, 30) // leaves half a year for results, updates and claims before Epoch
	firstUpdate = date(2019, 1, 1)
	endOfTime   = moment(Epoch.Unix())
)

// loads are the instants of bulk loads. Resources that came in with one share its lastUpdated to the nanosecond, so
// that a client sees ties.
var loads = []time.Time{
	time.Date(2019, 2, 3, 1, 0, 0, 0, time.UTC),
	time.Date(2021, 7, 19, 3, 30, 0, 0, time.UTC),
	time.Date(2023, 11, 5, 22, 15, 0, 250_000_000, time.UTC),
	time.Date(2025, 8, 1, 0, 0, 0, 0, time.UTC),
}

// Layouts for instants. Z and offsets alternate, fractions have any number of digits from none to nine: all of it is
// a valid instant (https://hl7.org/fhir/R4/datatypes.html#instant).
var (
	fractions     = []string{"", "", "", ".0", ".00", ".000", ".000", ".000", ".000000", ".000000000"}
	fractionUnits = []int{1e9, 1e9, 1e9, 1e8, 1e7, 1e6, 1e6, 1e6, 1e3, 1}
	// zones are minutes east of UTC; the first is written as Z, the second as +00:00.
	zones = []int{0, 0, -5 * 60, -8 * 60, 5*60 + 30, -3*60 - 30, 12*60 + 45}
)

// updated returns when the resource was last updated: a bulk load or any other time between notBefore and Epoch. r
// must be the resource's own.
func updated(r *rng, notBefore moment) time.Time {
	if r.one(24) {
		if t := pick(r, loads); t.Unix() >= int64(notBefore) {
			return t
		}
	}
	lo := max(notBefore, firstUpdate)
	t := int64(lo) + int64(r.next()%uint64(endOfTime-lo))
	return time.Unix(t, int64(r.n(1e9))).UTC()
}

// appendInstant appends t in one of the many ways to write an instant and returns the instant as written, in UTC:
// the fraction may have been cut.
func appendInstant(dst []byte, r *rng, t time.Time) ([]byte, time.Time) {
	f := r.n(len(fractions))
	if t.Nanosecond()%fractionUnits[f] != 0 {
		t = t.Truncate(time.Duration(fractionUnits[f]))
	}
	z := 0
	if r.one(3) {
		z = r.n(len(zones))
	}
	layout := "Z07:00"
	if z == 1 {
		layout = "-07:00"
	}
	dst = t.In(fixedZones[z]).AppendFormat(dst, "2006-01-02T15:04:05"+fractions[f]+layout)
	return dst, t
}

var fixedZones = func() []*time.Location {
	list := make([]*time.Location, len(zones))
	for i, minutes := range zones {
		list[i] = time.FixedZone("", minutes*60)
	}
	list[0] = time.UTC
	return list
}()

func (m moment) in(zone *time.Location) time.Time { return time.Unix(int64(m), 0).In(zone) }

// date writes only the day of m.
func (b *builder) date(k string, m moment) { b.time(k, m, "2006-01-02") }

// dateTime writes m to the second, in the time zone of the resource's patient.
func (b *builder) dateTime(k string, m moment) { b.time(k, m, "2006-01-02T15:04:05Z07:00") }

func (b *builder) time(k string, m moment, layout string) {
	b.key(k)
	b.j = append(b.j, '"')
	b.j = m.in(b.zone).AppendFormat(b.j, layout)
	b.j = append(b.j, '"')
}

// instant writes m, to the millisecond if frac is not zero.
func (b *builder) instant(k string, m moment) {
	b.key(k)
	b.j = append(b.j, '"')
	b.j = m.in(b.zone).AppendFormat(b.j, "2006-01-02T15:04:05.000Z07:00")
	b.j = append(b.j, '"')
}

func (b *builder) period(k string, from, to moment) {
	b.open(k)
	b.dateTime("start", from)
	if to != 0 {
		b.dateTime("end", to)
	}
	b.end()
}

// visit returns when patient p came for the o-th time and left again. Everything clinical happens during a visit.
func (s *Set) visit(p, o int) (from, to moment) {
	r := rng{mix(s.cfg.Seed, 0x715117, uint64(p), uint64(o))}
	days := int(lastVisit-firstVisit) / day
	from = firstVisit + moment(r.n(days)*day+r.between(13, 22)*3600+r.n(12)*300)
	if r.one(8) {
		return from, from + moment(r.between(1, 9)*day)
	}
	return from, from + moment(r.between(2, 14)*300)
}

// visitOf spreads the resources of patient p over the visits: it returns the ordinal of the visit for the o-th
// resource and its times.
func (s *Set) visitOf(p, o int) (v int, from, to moment) {
	v = o % s.counts[kEncounter].of(p)
	from, to = s.visit(p, v)
	return v, from, to
}

// zone returns the time zone that patient p's records are written in.
func (s *Set) zone(p int) *time.Location {
	return fixedZones[mix(s.cfg.Seed, 0x2024E, uint64(p))%uint64(len(fixedZones))]
}
