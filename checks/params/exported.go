package params

import (
	"context"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/learn"
	"github.com/bulkproof/bulkproof/checks/session"
)

// What the area data judges by, too.

// Whole returns what was learned of the plain export; the check is inconclusive if not every line could be learned.
func Whole(t *checks.T) *learn.Data { return whole(t) }

// Must ends the check where what was learned cannot be read back.
func Must(t *checks.T, err error) { must(t, err) }

// Tally counts what is wrong by type, and remembers the first of each.
type Tally = tally

// NewTally returns an empty Tally of rows of an export.
func NewTally(d *learn.Data) *Tally { return newTally(d) }

// Add counts a row.
func (y *tally) Add(r *learn.Row) { y.add(r) }

// Total returns the number of rows counted.
func (y *tally) Total() int64 { return y.total() }

// Violates makes a finding of each type, with what its resources did.
func (y *tally) Violates(t *checks.T, requirement, what string) { y.violates(t, requirement, what) }

// Warns is Violates for warnings.
func (y *tally) Warns(t *checks.T, requirement, what string) { y.warns(t, requirement, what) }

// TransactionTime returns the transactionTime of an export in nanoseconds since 1970, and whether it is an instant.
func TransactionTime(ex *session.Export) (int64, bool) { return transactionTime(ex) }

// MissingFrom reports what the plain export has, belongs into the other by the rule, and is not there. It returns the
// number of resources expected.
func MissingFrom(ctx context.Context, t *checks.T, base, d *learn.Data, requirement, what string, belongs func(*learn.Entry) bool) int64 {
	return missingFrom(ctx, t, base, d, requirement, what, belongs)
}
