package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// slot is an engine data directory that is kept between runs, so that init
// can be skipped, and that one phase holds alone: while two phases of one
// workspace run at once (a speculative plan beside an apply), the second
// takes the next slot.
//
//	engine/<n>/lock   held by the phase
//	engine/<n>/key    what the last init of data depended on; absent during one
//	engine/<n>/data   TF_DATA_DIR
type slot struct {
	dir  string
	held *flock.Flock
}

const maxSlots = 64 // far more than phases of one workspace ever run at once

func takeSlot(workspaceDir string) (*slot, error) {
	for n := range maxSlots {
		dir := filepath.Join(workspaceDir, "engine", strconv.Itoa(n))
		if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
			return nil, err
		}
		lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
		free, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if free {
			return &slot{dir: dir, held: lock}, nil
		}
	}
	return nil, refuse(CauseRunner, "wait for some of them to end", "%d phases of this workspace are at work already", maxSlots)
}

func (s *slot) release() { _ = s.held.Close() }

func (s *slot) data() string { return filepath.Join(s.dir, "data") }

// noProviders reports whether the last init found that the root module needs no
// provider but the one that is built into the engine.
func (s *slot) noProviders() bool {
	entries, err := os.ReadDir(filepath.Join(s.data(), "providers"))
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0
}

func (s *slot) fits(key string) bool {
	b, err := os.ReadFile(filepath.Join(s.dir, "key"))
	return err == nil && string(b) == key
}

func (s *slot) forget() error {
	err := os.Remove(filepath.Join(s.dir, "key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (s *slot) keep(key string) error {
	return os.WriteFile(filepath.Join(s.dir, "key"), []byte(key), 0o600)
}

// choose selects a Terraform workspace without a process: the engine reads
// the name from this file. Init puts it back to "default" when the workspace
// does not exist yet, so it is written after init too.
func (s *slot) choose(terraformWorkspace string) error {
	path := filepath.Join(s.data(), "environment")
	if isDefault(terraformWorkspace) {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if b, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(b)) == terraformWorkspace {
		return nil
	}
	return os.WriteFile(path, []byte(terraformWorkspace), 0o600)
}

// keyOf is a digest of all that init depends on. Each part is preceded by
// its length, so that no two lists of parts have the same digest.
func keyOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
