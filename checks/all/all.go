// Package all lists the areas of checks, in the order in which a client meets what they judge.
package all

import (
	"fmt"
	"strings"

	"github.com/bulkproof/bulkproof/checks"
	"github.com/bulkproof/bulkproof/checks/attachment"
	"github.com/bulkproof/bulkproof/checks/cancel"
	"github.com/bulkproof/bulkproof/checks/capability"
	"github.com/bulkproof/bulkproof/checks/data"
	"github.com/bulkproof/bulkproof/checks/discovery"
	"github.com/bulkproof/bulkproof/checks/files"
	"github.com/bulkproof/bulkproof/checks/jwt"
	"github.com/bulkproof/bulkproof/checks/kickoff"
	"github.com/bulkproof/bulkproof/checks/lines"
	"github.com/bulkproof/bulkproof/checks/manifest"
	"github.com/bulkproof/bulkproof/checks/operror"
	"github.com/bulkproof/bulkproof/checks/params"
	"github.com/bulkproof/bulkproof/checks/scope"
	"github.com/bulkproof/bulkproof/checks/security"
	"github.com/bulkproof/bulkproof/checks/spec"
	"github.com/bulkproof/bulkproof/checks/status"
	"github.com/bulkproof/bulkproof/checks/token"
)

// Areas returns all areas. The slice and its checks are the caller's own.
func Areas() []checks.Area {
	return []checks.Area{
		capability.Area(),
		discovery.Area(),
		token.Area(),
		jwt.Area(),
		security.Area(),
		scope.Area(),
		kickoff.Area(),
		status.Area(),
		manifest.Area(),
		cancel.Area(),
		operror.Area(),
		files.Area(),
		lines.Area(),
		params.Area(),
		data.Area(),
		attachment.Area(),
	}
}

// Load returns all areas and the requirement catalogue, validated against each other. An error is a defect of the
// suite, not of its use.
func Load() ([]checks.Area, *spec.Catalogue, error) {
	cat, err := spec.Load()
	if err != nil {
		return nil, nil, fmt.Errorf("the requirement catalogue is broken: %w", err)
	}
	areas := Areas()
	if bad := checks.Validate(areas, cat); len(bad) > 0 {
		return nil, nil, fmt.Errorf("the checks are broken:\n  %s", strings.Join(bad, "\n  "))
	}
	return areas, cat, nil
}
