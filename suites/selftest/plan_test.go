package selftest

import (
	"context"
	"testing"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/session"
	"github.com/bulkproof/bulkproof/checks/spec"
)

// A run keeps to its plan, as --dry-run prints it: kick-offs, requests for files, and bytes.
func TestTrafficKeepsToThePlan(t *testing.T) {
	o := load(t)
	for _, v := range []spec.Version{spec.V200, spec.V300} {
		t.Run(string(v), func(t *testing.T) {
			s, stop, err := Open(context.Background(), v, nil)
			if err != nil {
				t.Fatal(err)
			}
			o := o
			o.IG = v
			plan := o.Plan(nil)
			cost := plan.Cost(s)
			checks.RunAll(context.Background(), s, plan, checks.Options{Parallel: 4})
			actual := s.Traffic()
			var plain, listed, files, fileBytes int64
			set := s.Files(s.Export(session.Baseline))
			each := len(set.Files)
			for _, f := range set.Files {
				plain += f.Response.Bytes
			}
			for _, ex := range s.Exports() {
				if ex.Manifest != nil {
					listed += int64(len(ex.Manifest.Items()))
				}
			}
			for _, e := range s.Exchanges() {
				if e.Purpose == "output file" {
					files++
					fileBytes += e.ResponseBytes
				}
			}
			if err := stop(context.Background()); err != nil {
				t.Fatal(err)
			}
			if actual.KickOffAttempts > cost.KickOffs {
				t.Errorf("%d kick-offs, planned are at most %d, refused ones included", actual.KickOffAttempts, cost.KickOffs)
			}
			if most := listed + int64(cost.Downloads+cost.EachFile*each); files > most {
				t.Errorf("%d requests for files, planned are at most %d", files, most)
			}
			if most := int64(cost.Times) * plain; fileBytes > most || 4*fileBytes < most {
				t.Errorf("%d bytes of files, planned are %d times %d", fileBytes, cost.Times, plain)
			}
			if rest := actual.BytesReceived - fileBytes; rest > 1<<20 {
				t.Errorf("%d bytes beside files, planned is 1 MB", rest)
			}
			t.Logf("%d kick-offs accepted of %d sent, planned %d; %d requests for files, planned %d; %d bytes of files, planned %d; %d bytes in all",
				actual.KickOffs, actual.KickOffAttempts, cost.KickOffs, files, listed+int64(cost.Downloads+cost.EachFile*each), fileBytes, int64(cost.Times)*plain, actual.BytesReceived)
		})
	}
}
