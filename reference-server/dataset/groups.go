package dataset

import (
	"iter"
)

// Ids of the groups; they are the same for every seed.
const (
	GroupHalf = "grp.Every-Other"
	GroupFew  = "few"
)

// Group names a group of patients that can be exported.
type Group struct {
	ID, Name   string
	Identifier string // value of Group.identifier, in system urn:example:bulkproof:group
}

// groups is indexed like kinds[kGroup].fixed.
var groups = []Group{
	{ID: GroupHalf, Name: "Attributed to the founding organisation", Identifier: "ATTR/half"},
	{ID: GroupFew, Name: "Pilot programme", Identifier: "PILOT/few"},
}

// MaxListedMembers bounds the member list of a Group resource, so that one line cannot outgrow memory. A group with
// more members is described instead: actual is false (R4 invariant grp-1 then forbids members) and a characteristic
// says who belongs to it; quantity is exact either way. IsMember and Members know every member regardless.
const MaxListedMembers = 10_000

// halfPattern has four of eight patients in the half group, and in any five successive ones both members and others.
const halfPattern = 0b01101001

// Groups lists the groups of the set: one with about half of the patients, and a small one.
func (s *Set) Groups() []Group { return append([]Group(nil), groups...) }

// IsMember reports whether the patient is an active member of the group; false if the set lacks either.
func (s *Set) IsMember(groupID, patientID string) bool {
	g, ok := s.find("Group", groupID)
	if !ok {
		return false
	}
	l, ok := s.find("Patient", patientID)
	return ok && s.member(g.p, l.p)
}

// Members yields the ids of the group's members, in the order of the Patient resources.
func (s *Set) Members(groupID string) iter.Seq[string] {
	return func(yield func(string) bool) {
		g, ok := s.find("Group", groupID)
		if !ok {
			return
		}
		for p := range s.cfg.Patients {
			if s.member(g.p, p) && !yield(s.id(loc{k: kPatient, p: p})) {
				return
			}
		}
	}
}

func (s *Set) member(group, p int) bool {
	off := int(mix(s.cfg.Seed, 0x6200) & 7)
	if group == 0 {
		return halfPattern>>((p+off)&7)&1 == 1
	}
	n := s.cfg.Patients
	return p == (off+1)%n || p == (off+n/2+1)%n
}

// size returns the number of members of a group.
func (s *Set) size(group int) int {
	if group != 0 {
		return 2
	}
	n := s.cfg.Patients / 8 * 4
	for p := s.cfg.Patients / 8 * 8; p < s.cfg.Patients; p++ {
		if s.member(group, p) {
			n++
		}
	}
	return n
}
