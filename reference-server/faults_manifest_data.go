package refserver

import "github.com/bulkproof/bulkproof/reference-server/dataset"

// dataFaults break what a manifest says of the data.
func dataFaults() []Fault {
	untold := warns("manifest", "manifest-deletion-other-id", "manifest.deletions-told", "Deletions are told with another id than the resource was exported with, so that clients keep it.",
		deletedEdit(rewritten(`"url":"Patient/`, `"url":"Patient/p-`)))
	untold.Options = []string{OptionDeleted}
	return []Fault{
		untold,
		fails("manifest", "manifest-lags-behind", "manifest.everything-until-transaction-time", "Full exports come from a copy that lacks what changed last, and transactionTime is that of the kick-off: "+
			"the next incremental export never has it.",
			func(b *Behaviour) {
				b.Keep = func(j JobInfo, r *dataset.Resource, include bool) bool {
					full := j.Export.Since.IsZero() && j.Export.Level == SystemLevel && j.Export.OrganizeBy == "" && j.Export.Associated == ""
					return include && !(full && r.Type == "Patient" && r.LastUpdated.Year() >= 2025)
				}
			}),
	}
}
