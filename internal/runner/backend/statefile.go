package backend

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
)

// StateHead is what a state file says of itself.
type StateHead struct {
	Serial    uint64
	Lineage   string
	Digest    string // "sha256:" and the hex SHA-256 of the file
	Resources int    // managed resource instances in it
}

// Why a file is no state.
var (
	ErrStateEmpty = errors.New("it is empty")
	ErrStateCut   = errors.New("it is cut or damaged: it is not whole JSON")
	ErrNoState    = errors.New("it is no state: it has no lineage, or none that an engine wrote")

	ErrStateEncrypted = errors.New("it is encrypted by OpenTofu: `tofu state pull` in a checkout writes it as it is")
)

// CheckImport sees that a file is a state that an engine of today can take.
func CheckImport(b []byte) (StateHead, error) {
	head, err := ReadState(b)
	var doc struct {
		Version   int             `json:"version"`
		Encrypted json.RawMessage `json:"encrypted_data"`
	}
	switch jsonErr := json.Unmarshal(b, &doc); {
	case jsonErr == nil && doc.Encrypted != nil:
		return head, ErrStateEncrypted
	case err != nil:
		return head, err
	case doc.Version != stateVersion:
		return head, fmt.Errorf("it is of version %d, and engines since Terraform 0.12 write version %d: open it "+
			"with one of them first", doc.Version, stateVersion)
	}
	return head, nil
}

// maxLineage is how long a lineage may be, in bytes; engines write 36. It is kept and shown.
const maxLineage = 200

// stateVersion is that of state files.
const stateVersion = 4

// ReadState reads the head of a state file, and sees that it is whole.
func ReadState(b []byte) (StateHead, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return StateHead{}, ErrStateEmpty
	}
	var doc stateHead
	if json.Unmarshal(b, &doc) != nil {
		return StateHead{}, ErrStateCut
	}
	if doc.Version == 0 || doc.Lineage == "" || len(doc.Lineage) > maxLineage {
		return StateHead{}, ErrNoState
	}
	sum := sha256.Sum256(b)
	return StateHead{Serial: doc.Serial, Lineage: doc.Lineage, Digest: "sha256:" + hex.EncodeToString(sum[:]),
		Resources: doc.managed()}, nil
}

// stateHead is what is read of a state.
type stateHead struct {
	Version   int    `json:"version"`
	Serial    uint64 `json:"serial"`
	Lineage   string `json:"lineage"`
	Resources []struct {
		Mode      string    `json:"mode"`
		Instances []counted `json:"instances"`
	} `json:"resources"`
}

// counted is a value that nothing is read of.
type counted struct{}

func (*counted) UnmarshalJSON([]byte) error { return nil }

// managed counts the instances of managed resources.
func (s stateHead) managed() (n int) {
	for _, r := range s.Resources {
		if r.Mode == "managed" {
			n += len(r.Instances)
		}
	}
	return n
}

// SnapshotsDir is where encrypted copies of the managed state lie.
func SnapshotsDir(workspaceDir string) string { return filepath.Join(workspaceDir, "snapshots") }
