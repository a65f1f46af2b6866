package watch

import (
	"context"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// A workspace with renamed_from takes over what is known of another. Until it
// has, nothing of either is planned or applied: the new one would make
// everything anew, and the old one is not configured.

// Rename carries out what workspaces ask for with renamed_from. What cannot be is
// a problem of the workspace; what has to wait is tried again, see RenameLater.
func (w *Watcher) Rename(ctx context.Context) error {
	w.renames.Lock() // one after the other: the note in a directory says whose it is
	defer w.renames.Unlock()
	s := w.txn.Settings.Get()
	var done []string
	for _, d := range s.Workspaces {
		r, ok := s.Renaming[d.Name]
		if !ok {
			continue
		}
		err := r.Why
		if err == nil {
			err = w.takeOver(ctx, run.Rename{From: r.From, To: r.To, Origin: d.Origin})
		}
		if err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
		if err := w.block(ctx, d.Name, workspace.ObstacleOf(err)); err != nil {
			return err
		}
		if err == nil {
			done = append(done, d.Repository)
		}
	}
	if len(done) == 0 {
		return nil
	}
	if err := w.recall(ctx); err != nil {
		return err
	}
	for _, name := range done { // what waited until now is looked at next
		w.poke(name)
	}
	return nil
}

// block notes why a workspace cannot be planned, and has it looked at again.
func (w *Watcher) block(ctx context.Context, name string, o *workspace.Obstacle) error {
	w.mu.Lock()
	delete(w.seen, name)
	w.mu.Unlock()
	q, err := w.txn.Queue(ctx)
	if err != nil || q.Record(name).Obstacle.Equal(o) {
		return err
	}
	return w.txn.ChangeWorkspace(ctx, name, func(h *run.WorkspaceTx) error {
		h.Record.Obstacle = o
		return nil
	})
}

func (w *Watcher) takeOver(ctx context.Context, r run.Rename) error {
	q, err := w.txn.Queue(ctx)
	if err != nil {
		return err
	}
	var active []run.Run
	for _, name := range []string{r.From, r.To} {
		for a := range q.Of(name) {
			active = append(active, *a)
		}
	}
	if err := r.InTheWay(active); err != nil {
		return err // before anything is written
	}
	if err := w.txn.Files.NoteRename(r); err != nil {
		return err
	}
	if _, err := w.txn.Enqueue(ctx, run.Batch{Renames: []run.Rename{r}}); err != nil {
		return err
	}
	w.log.Info("a workspace was renamed", "workspace", r.To, "before", r.From, "directory",
		w.txn.Files.Workspace(r.From).Dir())
	return w.learnFolders(ctx)
}

// RenameLater looks once more at renames when a run has ended that one of them
// waits for.
func (w *Watcher) RenameLater(ctx context.Context) {
	if len(w.txn.Settings.Get().Renaming) == 0 {
		return
	}
	if err := w.Rename(ctx); err != nil && ctx.Err() == nil {
		w.log.Error("workspaces cannot be renamed", "error", err)
	}
}

// learnFolders learns where the directories of renamed workspaces are.
func (w *Watcher) learnFolders(ctx context.Context) error {
	records, err := w.txn.Records(ctx)
	if err != nil {
		return err
	}
	return w.txn.Files.LearnFolders(records)
}
