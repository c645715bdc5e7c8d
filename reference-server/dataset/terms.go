package dataset

// code is a coded value.
type code struct{ system, code, display string }

// Code systems. The code lists below are a handful of common codes each, picked by hand.
const (
	sysLOINC  = "http://loinc.org"
	sysSNOMED = "http://snomed.info/sct"
	sysRxNorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
	sysCVX    = "http://hl7.org/fhir/sid/cvx"
	sysICD10  = "http://hl7.org/fhir/sid/icd-10-cm"
	sysUCUM   = "http://unitsofmeasure.org"
	sysRace   = "urn:oid:2.16.840.1.113883.6.238"
	usCore    = "http://hl7.org/fhir/us/core/"
	terms     = "http://terminology.hl7.org/CodeSystem/"
	extension = "http://hl7.org/fhir/StructureDefinition/"

	sysVisitReason = "https://bulkproof.example.org/CodeSystem/visit-reason"
	sysSite        = "https://bulkproof.example.org/CodeSystem/site"
)

var (
	htest            = code{terms + "v3-ActReason", "HTEST", "test health data"}
	agentAuthor      = code{terms + "provenance-participant-type", "author", "Author"}
	agentTransmitter = code{usCore + "CodeSystem/us-core-provenance-participant-type", "transmitter", "Transmitter"}

	races = []code{
		{sysRace, "2106-3", "White"}, {sysRace, "2054-5", "Black or African American"}, {sysRace, "2028-9", "Asian"},
		{sysRace, "1002-5", "American Indian or Alaska Native"}, {sysRace, "2076-8", "Native Hawaiian or Other Pacific Islander"},
	}
	ethnicities = []code{{sysRace, "2135-2", "Hispanic or Latino"}, {sysRace, "2186-5", "Not Hispanic or Latino"}}
	languages   = []code{
		{"urn:ietf:bcp:47", "en-US", "English (United States)"}, {"urn:ietf:bcp:47", "es", "Spanish"},
		{"urn:ietf:bcp:47", "de", "German"}, {"urn:ietf:bcp:47", "ja", "Japanese"},
	}
	maritals = []code{
		{terms + "v3-MaritalStatus", "M", "Married"}, {terms + "v3-MaritalStatus", "S", "Never Married"},
		{terms + "v3-MaritalStatus", "D", "Divorced"}, {terms + "v3-MaritalStatus", "W", "Widowed"},
	}

	organizationTypes = []code{
		{terms + "organization-type", "prov", "Healthcare Provider"},
		{terms + "organization-type", "ins", "Insurance Company"},
		{terms + "organization-type", "prov", "Healthcare Provider"},
	}
	roles = []code{
		{terms + "practitioner-role", "doctor", "Doctor"}, {terms + "practitioner-role", "nurse", "Nurse"},
		{terms + "practitioner-role", "pharmacist", "Pharmacist"},
	}
	specialties = []code{
		{"http://nucc.org/provider-taxonomy", "207Q00000X", "Family Medicine Physician"},
		{"http://nucc.org/provider-taxonomy", "207R00000X", "Internal Medicine Physician"},
		{"http://nucc.org/provider-taxonomy", "208000000X", "Pediatrics Physician"},
	}
	qualifications = []code{{terms + "v2-0360", "MD", "Doctor of Medicine"}, {terms + "v2-0360", "RN", "Registered Nurse"}}

	encounterClasses = []code{
		{terms + "v3-ActCode", "AMB", "ambulatory"}, {terms + "v3-ActCode", "EMER", "emergency"}, {terms + "v3-ActCode", "VR", "virtual"},
	}
	inpatient      = code{terms + "v3-ActCode", "IMP", "inpatient encounter"}
	encounterTypes = []code{
		{sysSNOMED, "185349003", "Encounter for check up (procedure)"},
		{sysSNOMED, "162673000", "General examination of patient (procedure)"},
		{sysSNOMED, "50849002", "Emergency room admission (procedure)"},
		{sysSNOMED, "390906007", "Follow-up encounter (procedure)"},
	}
	primaryPerformer = code{terms + "v3-ParticipationType", "PPRF", "primary performer"}
	visitReasons     = []code{
		{sysVisitReason, "routine", "Routine sample visit"}, {sysVisitReason, "unwell", "Feels made up"},
		{sysVisitReason, "paper", "Needs a form signed"}, {sysVisitReason, "Paper", "Brings a signed form"},
	}
	siteCodes = []code{{sysSite, "N", "North"}, {sysSite, "S", "South"}, {sysSite, "x", "Somewhere else"}}

	problemList        = code{terms + "condition-category", "problem-list-item", "Problem List Item"}
	encounterDiagnosis = code{terms + "condition-category", "encounter-diagnosis", "Encounter Diagnosis"}
	// conditions pair a SNOMED CT code with one of ICD-10-CM.
	conditions = [][2]code{
		{{sysSNOMED, "44054006", "Diabetes mellitus type 2 (disorder)"}, {sysICD10, "E11.9", "Type 2 diabetes mellitus without complications"}},
		{{sysSNOMED, "38341003", "Hypertensive disorder, systemic arterial (disorder)"}, {sysICD10, "I10", "Essential (primary) hypertension"}},
		{{sysSNOMED, "195967001", "Asthma (disorder)"}, {sysICD10, "J45.909", "Unspecified asthma, uncomplicated"}},
		{{sysSNOMED, "10509002", "Acute bronchitis (disorder)"}, {sysICD10, "J20.9", "Acute bronchitis, unspecified"}},
		{{sysSNOMED, "271737000", "Anemia (disorder)"}, {sysICD10, "D64.9", "Anemia, unspecified"}},
		{{sysSNOMED, "55822004", "Hyperlipidemia (disorder)"}, {sysICD10, "E78.5", "Hyperlipidemia, unspecified"}},
		{{sysSNOMED, "64859006", "Osteoporosis (disorder)"}, {sysICD10, "M81.0", "Age-related osteoporosis without current pathological fracture"}},
		{{sysSNOMED, "396275006", "Osteoarthritis (disorder)"}, {sysICD10, "M19.90", "Unspecified osteoarthritis, unspecified site"}},
	}
	severities = []code{
		{sysSNOMED, "255604002", "Mild"}, {sysSNOMED, "6736007", "Moderate"}, {sysSNOMED, "24484000", "Severe"},
	}

	procedures = []code{
		{sysSNOMED, "80146002", "Excision of appendix (procedure)"}, {sysSNOMED, "73761001", "Colonoscopy (procedure)"},
		{sysSNOMED, "430193006", "Medication reconciliation (procedure)"}, {sysSNOMED, "171207006", "Depression screening (procedure)"},
		{sysSNOMED, "399208008", "Plain X-ray of chest (procedure)"},
	}
	procedureCategory = code{sysSNOMED, "103693007", "Diagnostic procedure (procedure)"}
	notDone           = code{sysSNOMED, "183932001", "Procedure contraindicated (situation)"}
	bodySites         = []code{{sysSNOMED, "368209003", "Right upper arm structure"}, {sysSNOMED, "368208006", "Left upper arm structure"}}

	drugs = []code{
		{sysRxNorm, "314076", "lisinopril 10 MG Oral Tablet"}, {sysRxNorm, "860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"},
		{sysRxNorm, "197361", "amlodipine 5 MG Oral Tablet"}, {sysRxNorm, "310798", "hydrochlorothiazide 25 MG Oral Tablet"},
		{sysRxNorm, "314231", "simvastatin 10 MG Oral Tablet"}, {sysRxNorm, "313782", "acetaminophen 325 MG Oral Tablet"},
		{sysRxNorm, "310965", "ibuprofen 200 MG Oral Tablet"}, {sysRxNorm, "308182", "amoxicillin 250 MG Oral Capsule"},
		{sysRxNorm, "849574", "naproxen sodium 220 MG Oral Tablet"}, {sysRxNorm, "198405", "ibuprofen 100 MG Oral Tablet"},
	}
	tablet      = code{sysSNOMED, "385055001", "Tablet"}
	oral        = code{sysSNOMED, "26643006", "Oral route (qualifier value)"}
	orderPlaces = []code{
		{terms + "medicationrequest-category", "outpatient", "Outpatient"}, {terms + "medicationrequest-category", "inpatient", "Inpatient"},
		{terms + "medicationrequest-category", "community", "Community"},
	}

	vaccines = []code{
		{sysCVX, "140", "Influenza, seasonal, injectable, preservative free"}, {sysCVX, "115", "Tdap"},
		{sysCVX, "133", "Pneumococcal conjugate PCV 13"},
		{sysCVX, "33", "pneumococcal polysaccharide PPV23"}, {sysCVX, "03", "MMR"},
	}
	vaccineRefused = code{terms + "v3-ActReason", "PATOBJ", "patient objection"}
	intramuscular  = code{terms + "v3-RouteOfAdministration", "IM", "Injection, intramuscular"}

	allergens = []struct {
		code     code
		category string
	}{
		{code{sysSNOMED, "91936005", "Allergy to penicillin (finding)"}, "medication"},
		{code{sysSNOMED, "91935009", "Allergy to peanut (finding)"}, "food"},
		{code{sysSNOMED, "300916003", "Allergy to latex (finding)"}, "environment"},
		{code{sysSNOMED, "232347008", "Allergy to dander (animal) (finding)"}, "environment"},
	}
	manifestations = []code{
		{sysSNOMED, "271807003", "Eruption of skin (disorder)"}, {sysSNOMED, "39579001", "Anaphylaxis (disorder)"},
		{sysSNOMED, "422587007", "Nausea (finding)"},
	}

	laboratory    = code{terms + "observation-category", "laboratory", "Laboratory"}
	vitalSigns    = code{terms + "observation-category", "vital-signs", "Vital Signs"}
	socialHistory = code{terms + "observation-category", "social-history", "Social History"}
	survey        = code{terms + "observation-category", "survey", "Survey"}
	unknownValue  = code{terms + "data-absent-reason", "unknown", "Unknown"}
	notPerformed  = code{terms + "data-absent-reason", "not-performed", "Not Performed"}
	high          = code{terms + "v3-ObservationInterpretation", "H", "High"}
	low           = code{terms + "v3-ObservationInterpretation", "L", "Low"}
	normal        = code{terms + "v3-ObservationInterpretation", "N", "Normal"}

	reportLab    = code{terms + "v2-0074", "LAB", "Laboratory"}
	reportNotes  = []code{{sysLOINC, "LP29684-5", "Radiology"}, {sysLOINC, "LP29708-2", "Cardiology"}}
	reportPanels = []code{
		{sysLOINC, "24321-2", "Basic metabolic 2000 panel - Serum or Plasma"}, {sysLOINC, "58410-2", "CBC panel - Blood by Automated count"},
		{sysLOINC, "57698-3", "Lipid panel with direct LDL - Serum or Plasma"},
	}
	reportStudies = []code{{sysLOINC, "36643-5", "XR Chest 2 Views"}, {sysLOINC, "11524-6", "EKG study"}}

	clinicalNote  = code{usCore + "CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note"}
	documentTypes = []code{
		{sysLOINC, "11488-4", "Consult note"}, {sysLOINC, "18842-5", "Discharge summary"}, {sysLOINC, "11506-3", "Progress note"},
		{sysLOINC, "34117-2", "History and physical note"},
	}
	documentFormat = code{"http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem", "urn:ihe:iti:xds:2017:mimeTypeSufficient", "mimeType Sufficient"}

	assessPlan = code{usCore + "CodeSystem/careplan-category", "assess-plan", "Assessment and Plan of Treatment"}
	activities = []code{
		{sysSNOMED, "160670007", "Diabetic diet"}, {sysSNOMED, "229065009", "Exercise therapy (regime/therapy)"},
		{sysSNOMED, "58332002", "Allergy education (procedure)"},
	}
	goals = []code{
		{sysSNOMED, "289169006", "Weight loss (finding)"}, {sysSNOMED, "8517006", "Ex-smoker (finding)"},
		{sysSNOMED, "281004", "Sample goal that nobody pursues"},
	}
	achievements = []code{{terms + "goal-achievement", "in-progress", "In Progress"}, {terms + "goal-achievement", "achieved", "Achieved"}}
	bodyWeight   = code{sysLOINC, "29463-7", "Body weight"}

	devices = []code{
		{sysSNOMED, "706004007", "Implantable cardiac pacemaker (physical object)"}, {sysSNOMED, "705643001", "Coronary artery stent (physical object)"},
	}

	coverageTypes = []code{
		{terms + "v3-ActCode", "EHCPOL", "extended healthcare"}, {terms + "v3-ActCode", "HIP", "health insurance plan policy"},
	}
	relationSelf  = code{terms + "subscriber-relationship", "self", "Self"}
	relationOther = code{terms + "subscriber-relationship", "child", "Child"}
	coveragePlan  = code{terms + "coverage-class", "plan", "Plan"}

	claimTypes = []code{
		{terms + "claim-type", "professional", "Professional"}, {terms + "claim-type", "institutional", "Institutional"},
		{terms + "claim-type", "pharmacy", "Pharmacy"},
	}
	claimPriority   = code{terms + "processpriority", "normal", "Normal"}
	payeeSubscriber = code{terms + "payeetype", "subscriber", "Subscriber"}
	payeeProvider   = code{terms + "payeetype", "provider", "Provider"}
	services        = []code{
		{terms + "ex-USCLS", "1101", "Exam, comp, primary"}, {terms + "ex-USCLS", "1205", "Exam, emergency"},
	}
	submitted = code{terms + "adjudication", "submitted", "Submitted Amount"}
	benefit   = code{terms + "adjudication", "benefit", "Benefit Amount"}
)

// status returns the coding of a code system on terminology.hl7.org whose displays are not needed.
func status(system, value string) code { return code{terms + system, value, ""} }
