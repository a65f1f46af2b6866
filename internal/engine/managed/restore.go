package managed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// Restorer puts a snapshot in the place of a managed state. It needs no engine, so that
// it works while no daemon does.
type Restorer struct {
	Store interface {
		Queue(context.Context) (run.Queue, error)
		Records(context.Context) (map[string]workspace.Record, error)
		ChangeWorkspace(ctx context.Context, workspace string, fn func(*run.WorkspaceTx) error) error
	}
	States
}

// Restoration says what a managed state is restored from.
type Restoration struct {
	Snapshot string // its name; empty: the newest that is whole
	Empty    bool   // from nothing: what was applied is given up, and Reason says why
	Reason   string
}

// Restored says what was restored.
type Restored struct {
	Snapshot  string // empty when from nothing
	Serial    uint64
	Resources int
	Kept      string // where what was there before lies now; empty when there was nothing
	Behind    string // why it does not hold all that was applied
}

// Restore restores a managed state. What is there before is kept beside it.
func (s Restorer) Restore(ctx context.Context, a access.Actor, name string, from Restoration) (Restored, error) {
	if from.Empty && strings.TrimSpace(from.Reason) == "" {
		return Restored{}, fault.New(fault.Invalid, "tfops state restore "+name+" --empty -m WHY",
			"say why what was applied is given up: it is kept with the decision")
	}
	var want workspace.AppliedState
	var before *workspace.StateTrouble
	// Nothing is planned or applied from now on until it is done.
	err := s.Store.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
		var ok bool
		if want, ok = h.Record.ManagedState(); !ok {
			return fault.New(fault.Conflict, "tfops status "+name,
				"workspace %s has applied to no state that tfops keeps: there is nothing to restore", name)
		}
		if before = h.Record.StateTrouble; before == nil {
			h.Record.StateTrouble = &workspace.StateTrouble{Why: "the managed state of workspace " + name +
				" is being restored by " + a.Name, Since: h.Now}
		}
		return nil
	})
	if err != nil {
		return Restored{}, err
	}
	out, mark, err := s.place(ctx, want, name, from)
	if err != nil {
		undo := s.Store.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
			h.Record.StateTrouble = before
			return nil
		})
		return out, errors.Join(err, undo)
	}
	what := "from nothing: " + from.Reason
	if !from.Empty {
		what = strings.TrimSpace(fmt.Sprintf("snapshot %s (serial %d) %s", out.Snapshot, out.Serial, from.Reason))
	}
	out.Behind = behind(want, out, from)
	return out, s.Store.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
		now := want
		now.StateMark, now.Resources, now.Counted, now.Behind = mark, out.Resources, true, out.Behind
		h.Record.AppliedState, h.Record.StateTrouble = &now, nil
		h.Record.LeftOf, h.Record.LeftHalf = "", "" // it need not be what a run left
		h.Audit(a, "restore-state", what)
		return nil
	})
}

// behind says why what was restored does not hold all that was applied.
func behind(want workspace.AppliedState, out Restored, from Restoration) string {
	switch {
	case from.Empty:
		return fmt.Sprintf("its state was given up, which held %s: they are made anew", want.Holds())
	case out.Serial < want.Serial || want.Lineage == "":
		return fmt.Sprintf("its state was restored from snapshot %s with serial %d, and the last apply left serial "+
			"%d: what was made in between is not in it", out.Snapshot, out.Serial, want.Serial)
	}
	return ""
}

func (s Restorer) place(ctx context.Context, want workspace.AppliedState, name string, from Restoration) (Restored,
	workspace.StateMark, error) {
	var none workspace.StateMark
	q, err := s.Store.Queue(ctx)
	if err != nil {
		return Restored{}, none, err
	}
	if err := InUse(q, name, run.Planning, run.Applying, run.Interrupted); err != nil {
		return Restored{}, none, err
	}
	records, err := s.Store.Records(ctx)
	if err != nil {
		return Restored{}, none, err
	}
	if err := s.Files.LearnFolders(records); err != nil {
		return Restored{}, none, err
	}
	dir := s.Files.Workspace(name).Dir()
	var snap snapshot
	if !from.Empty {
		if snap, err = s.choose(dir, name, from.Snapshot, want.Lineage); err != nil {
			return Restored{}, none, err
		}
	}
	out := Restored{Snapshot: snap.name, Serial: snap.Head.Serial, Resources: snap.Head.Resources}
	path := backend.ManagedState(dir, want.At.TerraformWorkspace)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return out, none, err
	}
	kept := path + ".replaced-" + time.Now().UTC().Format("20060102T150405.000")
	if err := os.Rename(path, kept); err == nil {
		out.Kept = kept
	} else if !errors.Is(err, fs.ErrNotExist) {
		return out, none, err
	}
	if from.Empty {
		return out, none, durable.Sync(filepath.Dir(path))
	}
	return out, outcome.MarkOf(snap.Head), durable.Write(path, snap.text)
}

// InUse refuses to touch the state of a workspace while one of its runs stands so.
func InUse(q run.Queue, name string, at ...run.Status) error {
	for r := range q.Of(name) {
		if slices.Contains(at, r.Status) {
			next := "tfops wait " + r.ID
			if r.Status == run.Interrupted {
				next = decide.ResolveCommand(r.ID)
			}
			return fault.New(fault.Conflict, next, "the state of workspace %s is in use: run %s is %s", name, r.ID,
				r.Status)
		}
	}
	return nil
}

// choose opens the snapshot that is meant.
func (s Restorer) choose(dir, name, from, lineage string) (snapshot, error) {
	if from == "" {
		if snap, ok := NewestWhole(s.Vault, dir, lineage); ok {
			return snap, nil
		}
		return snapshot{}, fault.New(fault.NotFound,
			"put a copy of the state into its place by hand, from a backup of "+dir+", then: tfops sync "+name,
			"workspace %s has no whole snapshot of its state in %s", name, backend.SnapshotsDir(dir))
	}
	all := Snapshots(dir)
	if !slices.Contains(all, from) {
		return snapshot{}, fault.New(fault.NotFound, "choose one of: "+strings.Join(all, ", "),
			"workspace %s has no snapshot %q", name, from)
	}
	snap, err := openSnapshot(s.Vault, dir, from)
	if err != nil {
		return snap, fault.New(fault.Conflict, "choose one of: "+strings.Join(all, ", "),
			"snapshot %s cannot be restored: %w", from, err)
	}
	return snap, nil
}
