package reporters

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bulkproof/bulkproof/reporters/jsonreport"
)

// Seal sets the report's SchemaVersion and its Digest, which Verify checks. A change to the report afterwards
// needs a new Seal. The digest finds damage and careless editing; it is no signature, since whoever edits a
// report can seal it again.
func Seal(r *Report) error {
	r.SchemaVersion = SchemaVersion
	data, err := jsonreport.Marshal(r)
	if err != nil {
		return err
	}
	digest, err := digestOf(data)
	if err != nil {
		return err
	}
	r.Digest = digest
	return nil
}

// Verify checks a report file completely: that Parse accepts it, that Validate finds it consistent, and that its
// digest is the digest of its content.
func Verify(data []byte) error {
	r, err := Parse(data)
	if err != nil {
		return err
	}
	if r.Digest == "" {
		return errors.New("the report carries no digest, so nothing says that it is as it was written: " +
			"it comes from an unfinished run or was edited; run again")
	}
	digest, err := digestOf(data)
	if err != nil {
		return err
	}
	if digest != r.Digest {
		return fmt.Errorf("the report was changed after it was written: it says %s, its content gives %s", r.Digest, digest)
	}
	return Validate(r)
}

// digestOf returns "sha256:…" over the canonical form (RFC 8785) of a JSON object without its digest member. It
// works on the text rather than on a Report, so that nothing that a Report cannot hold escapes the digest.
func digestOf(data []byte) (string, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(data, &members); err != nil {
		return "", fmt.Errorf("read the report as a JSON object: %w", err)
	}
	delete(members, "digest")
	rest, err := json.Marshal(members)
	if err != nil {
		return "", err
	}
	canonical := jsontext.Value(rest)
	if err := canonical.Canonicalize(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
