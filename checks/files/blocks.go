package files

import (
	"context"
	"slices"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
)

var organized = []session.Scenario{session.Organized}

const organizedDoc = " Judged on an export with organizeOutputBy=Patient; skipped where the server refuses or ignores the parameter, which its own " +
	"checks judge."

// blocks is organised output, for a look at the blocks of one file after the other.
type blocks struct {
	set   *session.FileSet
	known []*session.File                 // the output files whose blocks are all known
	from  map[*session.File]*session.File // for each output file that another one names in continuesInFile, that other one
}

// blockCheck completes a check of organised output. What the lines have of the rule, if one is named, are violations of its
// first requirement; look judges each file whose blocks are known.
func blockCheck(c checks.Check, rule string, look func(*checks.T, *blocks, *session.File)) checks.Check {
	c.Doc += organizedDoc
	c.Exports = organized
	c.Run = func(_ context.Context, t *checks.T) {
		_, set := organizedFiles(t)
		b := &blocks{set, known(set), continuedFrom(set)}
		for _, p := range set.Problems {
			if rule != "" && p.Rule == rule {
				reportProblem(t, c.Requires[0], set, p)
			}
		}
		if look != nil {
			for _, f := range b.known {
				look(t, b, f)
			}
		}
		examined(t, set)
	}
	return c
}

// organizedFiles returns the files of the export organised by Patient; the check is skipped if there is none.
func organizedFiles(t *checks.T) (*session.Export, *session.FileSet) {
	ex := t.Session().Export(session.Organized)
	if ex.State == session.Refused {
		t.Skipf("the server refuses organizeOutputBy=Patient, which is legal: %s", ex.Reason)
	}
	ex, set := t.Files(session.Organized)
	if session.Text(ex.Manifest.Tree, "outputOrganizedBy") == "" {
		t.Skipf("the manifest has no outputOrganizedBy, so the server has ignored organizeOutputBy")
	}
	return ex, set
}

// examined says how much was looked at, and makes the check inconclusive if a file was not read.
func examined(t *checks.T, set *session.FileSet) {
	var blocks, lines int64
	files := set.Kind("output")
	for _, f := range files {
		lines += f.Summary.Lines
		if f.Blocks != nil {
			blocks += f.Blocks.Count
		}
	}
	t.Examined("%d files, %d blocks, %d lines", len(files), blocks, lines)
	for _, f := range files {
		if !f.Read {
			t.Inconclusivef("%s was not read to its end: %s", f.Item.Name(), f.Reason)
		}
		if f.Blocks != nil && f.Blocks.Damaged {
			t.Inconclusivef("%s has lines that are no JSON, so that not all of its blocks are known", f.Item.Name())
		}
	}
}

// known returns the output files whose blocks are all known.
func known(set *session.FileSet) []*session.File {
	return slices.DeleteFunc(set.Kind("output"), func(f *session.File) bool { return !f.Read || f.Blocks == nil || f.Blocks.Damaged })
}

// continuedFrom returns, for each output file that another one names in continuesInFile, that other one.
func continuedFrom(set *session.FileSet) map[*session.File]*session.File {
	files := set.Kind("output")
	out := map[*session.File]*session.File{}
	for _, f := range files {
		next := session.Text(f.Item.Tree, "continuesInFile")
		if next == "" {
			continue
		}
		for _, to := range files {
			if to != f && to.Item.URL == next {
				out[to] = f
			}
		}
	}
	return out
}

// begunElsewhere reports whether the first block of the file is also in another file.
func begunElsewhere(set *session.FileSet, f *session.File) bool {
	return f.Blocks.First != "" && slices.ContainsFunc(set.Kind("output"), func(o *session.File) bool {
		return o != f && o.Blocks.Holds(f.Blocks.First)
	})
}

func blockHeaders() checks.Check {
	return blockCheck(checks.Check{
		ID:    "file.block-headers",
		Title: "Organised files consist of blocks that begin with a header",
		// 3.0.0 export.html#bulk-data-output-file-organization: "blocks consisting of a header Parameters resource containing a
		// parameter named header with a reference to a resource of the type in the kickoff parameter".
		Doc: "The first line of every file is a Parameters resource with a parameter named header whose valueReference refers to a Patient, and every " +
			"other Parameters resource is such a header as well. Relative and absolute references and further parameters pass. A file that continues " +
			"another one without a header is judged by file.block-continued.",
		Requires: []string{"FILE-020"},
	}, session.RuleBlockHeader, func(t *checks.T, b *blocks, f *session.File) {
		if f.Blocks.Headless && b.from[f] == nil {
			t.Violates("FILE-020", f.At(), "an organised file does not begin with a header")
		}
	})
}

func blockResources() checks.Check {
	return blockCheck(checks.Check{
		ID:    "file.block-resource",
		Title: "The header of a block is followed by the resource that it refers to",
		// 3.0.0 export.html#bulk-data-output-file-organization: the header is "followed by the resource referenced in this header and
		// resources that reference" it.
		Doc: "The line behind each header is that very Patient; the export has no _type and no filter that could keep it out. In a file that goes on with " +
			"a block of another one it may be missing.",
		Requires: []string{"FILE-021"},
	}, session.RuleBlockResource, func(t *checks.T, b *blocks, f *session.File) {
		if f.Blocks.First != "" && !f.Blocks.Begun && b.from[f] == nil && !begunElsewhere(b.set, f) {
			t.Violates("FILE-021", f.At(), "the header of the first block of a file is not followed by the resource that it refers to")
		}
	})
}

func blockMembers() checks.Check {
	return blockCheck(checks.Check{
		ID:    "file.block-members",
		Title: "The resources of a block belong to the resource of its header",
		// 3.0.0 export.html#bulk-data-output-file-organization, as above.
		Doc: "A line that refers to other Patients and not to that of its block is a violation, and so is another Patient. Resources that refer to both, " +
			"and those that refer to no Patient at all, pass: they may be there for context, be reached over another resource, or be repeated in " +
			"every block.",
		Requires: []string{"FILE-022"},
	}, session.RuleBlockMember, nil)
}

func blocksWhole() checks.Check {
	return blockCheck(checks.Check{
		ID:    "file.block-whole",
		Title: "A block is in one file if it fits into one",
		// 3.0.0 export.html#bulk-data-output-file-organization: "when possible, a single resource's block SHOULD NOT be split across
		// files".
		Doc: "A block that is in two files is a warning if all of it is no longer than the longest file of the export, as one file could have held it. " +
			"Larger blocks have to be split where files have a limit.",
		Requires: []string{"FILE-024"},
	}, "", func(t *checks.T, b *blocks, f *session.File) {
		header := f.Blocks.First
		if header == "" || slices.IndexFunc(b.known, func(o *session.File) bool { return o.Blocks.First == header }) != slices.Index(b.known, f) {
			return // without a block, or told of when another part came
		}
		var longest, parts, lines int64
		midst := false
		for _, o := range b.known {
			longest = max(longest, o.Summary.Lines)
			switch {
			case o.Blocks.First == header:
				parts, lines = parts+1, lines+o.Blocks.Alone
			case o.Blocks.Last == header:
				parts, lines = parts+1, lines+o.Blocks.Tail
			case o.Blocks.Holds(header):
				parts, midst = parts+1, true
			}
		}
		lines -= parts - 1 // the header counts once
		switch {
		case parts < 2:
		case midst:
			t.Violates("FILE-024", f.At(), "the block at the beginning of a file has another part in the midst of another file")
		case lines <= longest:
			t.Violates("FILE-024", f.At(), "a block of %d lines is split over %d files, and the longest file has %d lines", lines, parts, longest)
		}
	})
}

func blocksContinued() checks.Check {
	return blockCheck(checks.Check{
		ID:    "file.block-continued",
		Title: "A block that goes on in another file has its header there again",
		// 3.0.0 export.html#bulk-data-output-file-organization: "the header SHALL be repeated at the start of each file where the block
		// continues".
		Doc: "The file that continuesInFile names begins with a header that refers to the same Patient as one of the headers of the file before, which is " +
			"the last one unless blocks are split needlessly. That the url is one of the manifest is judged with the manifest.",
		Requires: []string{"FILE-025"},
	}, "", func(t *checks.T, b *blocks, f *session.File) {
		before := b.from[f]
		if before == nil || !slices.Contains(b.known, before) {
			return
		}
		switch first := f.Blocks.First; {
		case f.Blocks.Headless:
			t.Violates("FILE-025", f.At(), "a file that continues a block does not begin with its header")
		case first != "" && before.Blocks.Last != "" && first != before.Blocks.Last && !before.Blocks.Holds(first):
			t.Violates("FILE-025", f.At(), "a file that continues a block begins with the header of another one")
		}
	})
}

func blocksNamed() checks.Check {
	return blockCheck(checks.Check{
		ID:    "file.block-continues-named",
		Title: "Where a block goes on in another file, the manifest says so in continuesInFile",
		// 3.0.0 export.html#response---output-manifest, field output: when resources related to one "continue into another output
		// file, the continuesInFile field SHALL be populated with the URL of that output file".
		Doc: "If the header of the last block of a file stands at the beginning of another file, continuesInFile of the first one is the url of the " +
			"second one. Where a block has more than two parts, each but the last names one of the others.",
		Requires: []string{"MANIFEST-020"},
	}, "", func(t *checks.T, b *blocks, f *session.File) {
		if f.Blocks.First == "" || b.from[f] != nil {
			return
		}
		// The part that has the block's own resource is its beginning; without one, the first in the manifest is.
		begins := f.Blocks.Begun || !slices.ContainsFunc(b.known, func(o *session.File) bool {
			return o != f && o.Blocks.Holds(f.Blocks.First) && (o.Item.Index < f.Item.Index || o.Blocks.First != f.Blocks.First || o.Blocks.Begun)
		})
		if !begins && begunElsewhere(b.set, f) {
			t.Violates("MANIFEST-020", f.At().In("/output"), "%s goes on with a block of another file, and no continuesInFile names it", name(f))
		}
	})
}

// compartmentTypes are the types of the R4 Patient compartment whose resources usually belong to a patient directly
// (hl7.org/fhir/R4/compartmentdefinition-patient.html); types that R5 has renamed or dropped do no harm.
var compartmentTypes = []string{"Account", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse", "AuditEvent", "Basic", "BodyStructure",
	"CarePlan", "CareTeam", "ChargeItem", "Claim", "ClaimResponse", "ClinicalImpression", "Communication", "CommunicationRequest", "Composition", "Condition",
	"Consent", "Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DetectedIssue", "DeviceRequest", "DeviceUseStatement", "DiagnosticReport",
	"DocumentManifest", "DocumentReference", "Encounter", "EnrollmentRequest", "EpisodeOfCare", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal",
	"ImagingStudy", "Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation", "Invoice", "List", "MeasureReport", "Media", "MedicationAdministration",
	"MedicationDispense", "MedicationRequest", "MedicationStatement", "MolecularSequence", "NutritionOrder", "Observation", "Patient", "Person", "Procedure",
	"QuestionnaireResponse", "RelatedPerson", "RequestGroup", "ResearchSubject", "RiskAssessment", "Schedule", "ServiceRequest", "Specimen", "SupplyDelivery",
	"SupplyRequest", "VisionPrescription"}

func blockCompartment() checks.Check {
	return checks.Check{
		ID:    "file.block-compartment",
		Title: "The blocks of patients hold their compartment",
		// 3.0.0 export.html#bulk-data-output-file-organization, STU note: with organizeOutputBy=Patient "servers SHOULD use the Patient
		// Compartment Definition to determine a base set of related resources".
		Doc: "Every type of the Patient compartment of which the plain export has resources that refer to a Patient occurs in the blocks. Types are " +
			"compared and not single resources, since data may change between two exports. Other types may be left out." + organizedDoc,
		Requires: []string{"FILE-027"},
		Exports:  []session.Scenario{session.Baseline, session.Organized},
		Run: func(_ context.Context, t *checks.T) {
			ex, set := organizedFiles(t)
			plain, all := t.Files(session.Baseline)
			if plain.Scenario.Level != ex.Scenario.Level {
				t.Inconclusivef("the plain export is at the %s level and the organised one at the %s level", plain.Scenario.Level, ex.Scenario.Level)
			}
			in := map[string]bool{}
			for _, f := range set.Kind("output") {
				for _, c := range f.Summary.ByType {
					in[c.Type] = true
				}
			}
			seen := map[string]bool{}
			for _, f := range all.Kind("output") {
				typ := f.Item.Type
				if !f.Patients || seen[typ] || !slices.Contains(compartmentTypes, typ) {
					continue
				}
				seen[typ] = true
				if !in[typ] {
					t.Violates("FILE-027", ex.Final().At(), "the plain export has %s resources that refer to patients, and the blocks hold none", typ)
				}
			}
			t.Examined("%d types", len(seen))
			for _, f := range slices.Concat(set.Kind("output"), all.Kind("output")) {
				if !f.Read {
					t.Inconclusivef("%s was not read to its end: %s", f.Item.Name(), f.Reason)
				}
			}
		},
	}
}
