package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/engine/outcome"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// A managed state lies in a file that can be lost, cut or put back from an old
// backup. A plan on such a state would make everything anew. So what the last
// apply left is held against the file before anything that could be applied is
// planned, and once more before it is applied.

// stateTrouble says why a managed state is not what was left by the last apply;
// "" when it is. ahead is set when somebody wrote to it since. b and err are
// what reading its file gave.
func stateTrouble(want workspace.AppliedState, b []byte, err error) (trouble string, ahead bool) {
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
		return fmt.Sprintf("it is another state: its lineage is %s, and %s was applied", got.Lineage, want.Lineage), false
	case got.Serial < want.Serial:
		return fmt.Sprintf("it is older than what was applied: its serial is %d, and that was %d", got.Serial, want.Serial), false
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
	head backend.StateHead
	text []byte
}

// snapshots lists the names of the copies of a managed state, newest first.
func snapshots(workspaceDir string) []string {
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

// newestWhole finds the newest copy that can be decrypted and is whole, of this
// lineage if one is known.
func newestWhole(v opener, workspaceDir, lineage string) (snapshot, bool) {
	for _, name := range snapshots(workspaceDir) {
		if s, err := openSnapshot(v, workspaceDir, name); err == nil && (lineage == "" || s.head.Lineage == lineage) {
			return s, true
		}
	}
	return snapshot{}, false
}

// troubleWith looks at the managed state of a workspace; nil when it is what
// was applied.
func (e *Engine) troubleWith(rec workspace.Record, now time.Time) *workspace.StateTrouble {
	want, ok := outcome.ManagedOf(rec)
	if !ok {
		return nil
	}
	dir := e.txn.Files.Workspace(rec.Name).Dir()
	path := backend.ManagedState(dir, want.At.TerraformWorkspace)
	b, err := datafile.Read(path, datafile.Large)
	none := errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(b)) == 0 // an engine that is killed leaves it empty
	if none && want.Lineage == "" && len(snapshots(dir)) == 0 {
		return nil // no apply was ever seen to leave one
	}
	why, _ := stateTrouble(want, b, err)
	if why == "" {
		return nil
	}
	t := &workspace.StateTrouble{Why: fmt.Sprintf("the managed state of workspace %s (%s) is not what was applied: %s", rec.Name, path, why), Since: now}
	if s, ok := newestWhole(e.jobs.Vault, dir, want.Lineage); ok {
		n := workspace.StateRef{Resources: s.head.Resources, Counted: true}
		t.Snapshot = s.name
		t.Holds = fmt.Sprintf("serial %d, %s, of %s", s.head.Serial, n.Holds(), s.at.UTC().Format("2006-01-02 15:04 MST"))
	}
	return t
}

// errHeld says that a run waits for its state to be restored.
var errHeld = errors.New("the managed state is not what was applied")

// checkState holds a run back whose managed state is not what was applied. One
// that only looks fails: what it would see says nothing of the world.
func (e *Engine) checkState(ctx context.Context, r run.Run) error {
	d, _, err := e.txn.Load(ctx, r.ID)
	if err != nil {
		return err
	}
	t := e.troubleWith(d.Record, d.Now)
	if t == nil {
		return nil
	}
	if !r.Kind.Applies() && r.Kind != run.Move {
		return fault.New(fault.Conflict, t.Command(r.Workspace), "%s", t)
	}
	_, err = e.txn.Change(ctx, r.ID, func(d *run.Tx) error {
		if d.Run.Status != run.Planning {
			return txn.ErrEnded
		}
		d.Record.StateTrouble = t
		return d.Move(run.Pending, "", t.String())
	})
	if err == nil {
		err = errHeld
	}
	return err
}

// recheckState forgets a trouble that somebody has mended by hand.
func (e *Engine) recheckState(ctx context.Context, name string) error {
	q, err := e.txn.Queue(ctx)
	if err != nil || q.Record(name).StateTrouble == nil {
		return err
	}
	if e.troubleWith(*q.Record(name), time.Time{}) != nil {
		return nil
	}
	return e.txn.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
		h.Record.StateTrouble = nil
		return nil
	})
}
