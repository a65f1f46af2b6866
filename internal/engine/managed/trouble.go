// Package managed looks after the states that tfops keeps itself: whether one is what was
// applied, and its snapshots, of which one may take its place.
package managed

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// A managed state lies in a file that can be lost, cut or put back from an old
// backup. A plan on such a state would make everything anew. So what the last
// apply left is held against the file before anything that could be applied is
// planned, and once more before it is applied.

// States are the managed states of a data directory.
type States struct {
	Files *artifacts.Local
	Vault opener
}

// TroubleOf says why a managed state is not what was left by the last apply;
// "" when it is. ahead is set when somebody wrote to it since. b and err are
// what reading its file gave.
func TroubleOf(want workspace.AppliedState, b []byte, err error) (trouble string, ahead bool) {
	held := !want.Counted || want.Resources > 0
	if errors.Is(err, fs.ErrNotExist) {
		if !held {
			return "", false
		}
		return "it is gone", false
	}
	if err != nil {
		return "it cannot be read: " + err.Error(), false
	}
	got, err := backend.ReadState(b)
	switch {
	case errors.Is(err, backend.ErrStateEmpty) && !held:
		return "", false
	case err != nil:
		return err.Error(), false
	case want.Lineage == "": // applied by an older version, which did not keep it
		return "", false
	case got.Lineage != want.Lineage:
		return fmt.Sprintf("it is another state: its lineage is %s, and %s was applied", got.Lineage, want.Lineage),
			false
	case got.Serial < want.Serial:
		return fmt.Sprintf("it is older than what was applied: its serial is %d, and that was %d", got.Serial,
			want.Serial), false
	case got.Serial > want.Serial:
		return "", true
	case want.Digest != "" && got.Digest != want.Digest:
		return fmt.Sprintf("it was changed without a new serial (%d)", got.Serial), false
	}
	return "", false
}

// snapshot is an encrypted copy of a managed state.
type snapshot struct {
	name string
	at   time.Time
	Head backend.StateHead
	text []byte
}

// Snapshots lists the names of the copies of a managed state, newest first.
func Snapshots(workspaceDir string) []string {
	type aged struct {
		name string
		at   time.Time
	}
	var all []aged
	paths, _ := datafile.Glob(backend.SnapshotsDir(workspaceDir), "*.tfstate.age") // the pattern is good
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			all = append(all, aged{filepath.Base(path), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return cmp.Or(b.at.Compare(a.at), strings.Compare(b.name, a.name)) })
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].name
	}
	return names
}

// opener decrypts a file.
type opener interface {
	Open(path string) ([]byte, error)
}

func openSnapshot(v opener, workspaceDir, name string) (snapshot, error) {
	path := filepath.Join(backend.SnapshotsDir(workspaceDir), name)
	info, err := os.Stat(path)
	if err != nil {
		return snapshot{}, err
	}
	b, err := v.Open(path)
	if err != nil {
		return snapshot{}, err
	}
	head, err := backend.ReadState(b)
	return snapshot{name, info.ModTime(), head, b}, err
}

// NewestWhole finds the newest copy that can be decrypted and is whole, of this
// lineage if one is known.
func NewestWhole(v opener, workspaceDir, lineage string) (snapshot, bool) {
	for _, name := range Snapshots(workspaceDir) {
		if s, err := openSnapshot(v, workspaceDir, name); err == nil && (lineage == "" || s.Head.Lineage == lineage) {
			return s, true
		}
	}
	return snapshot{}, false
}

// Trouble looks at the managed state of a workspace; nil when it is what
// was applied.
func (s States) Trouble(rec workspace.Record, now time.Time) *workspace.StateTrouble {
	want, ok := rec.ManagedState()
	if !ok {
		return nil
	}
	dir := s.Files.Workspace(rec.Name).Dir()
	path := backend.ManagedState(dir, want.At.TerraformWorkspace)
	b, err := datafile.Read(path, datafile.Large)
	// an engine that is killed leaves it empty
	none := errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(b)) == 0
	if none && want.Lineage == "" && len(Snapshots(dir)) == 0 {
		return nil // no apply was ever seen to leave one
	}
	why, _ := TroubleOf(want, b, err)
	if why == "" {
		return nil
	}
	t := &workspace.StateTrouble{Why: fmt.Sprintf("the managed state of workspace %s (%s) is not what was applied: %s",
		rec.Name, path, why), Since: now}
	if snap, ok := NewestWhole(s.Vault, dir, want.Lineage); ok {
		n := workspace.StateRef{Resources: snap.Head.Resources, Counted: true}
		t.Snapshot = snap.name
		t.Holds = fmt.Sprintf("serial %d, %s, of %s", snap.Head.Serial, n.Holds(),
			snap.at.UTC().Format("2006-01-02 15:04 MST"))
	}
	return t
}
