package engine

import (
	"context"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
)

// A workspace with renamed_from takes over what is known of another. Until it
// has, nothing of either is planned or applied: the new one would make
// everything anew, and the old one is not configured.

// rename carries out what workspaces ask for with renamed_from. What cannot be is
// a problem of the workspace; what has to wait is tried again, see renameLater.
func (e *Engine) rename(ctx context.Context) error {
	e.renames.Lock() // one after the other: the note in a directory says whose it is
	defer e.renames.Unlock()
	s := e.txn.Settings.Get()
	var done []string
	for _, d := range s.Workspaces {
		r, ok := s.Renaming[d.Name]
		if !ok {
			continue
		}
		err := r.Why
		if err == nil {
			err = e.takeOver(ctx, run.Rename{From: r.From, To: r.To, Origin: d.Origin})
		}
		if err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
		e.setProblem([]fleet.Definition{d}, err)
		e.checked([]fleet.Definition{d}, false)
		if err == nil {
			done = append(done, d.Repository)
		}
	}
	if len(done) == 0 {
		return nil
	}
	if err := e.recall(ctx); err != nil {
		return err
	}
	for _, name := range done { // what waited until now is looked at next
		select {
		case e.poked(name) <- struct{}{}:
		default:
		}
	}
	return nil
}

func (e *Engine) takeOver(ctx context.Context, r run.Rename) error {
	q, err := e.txn.Queue(ctx)
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
	if err := e.txn.Files.NoteRename(r); err != nil {
		return err
	}
	if _, err := e.txn.Enqueue(ctx, run.Batch{Renames: []run.Rename{r}}); err != nil {
		return err
	}
	e.Log.Info("a workspace was renamed", "workspace", r.To, "before", r.From, "directory", e.txn.Files.Workspace(r.From).Dir())
	return e.learnFolders(ctx)
}

// renameLater looks once more at renames when a run has ended that one of them
// waits for.
func (e *Engine) renameLater(ctx context.Context) {
	if len(e.txn.Settings.Get().Renaming) == 0 {
		return
	}
	if err := e.rename(ctx); err != nil && ctx.Err() == nil {
		e.Log.Error("workspaces cannot be renamed", "error", err)
	}
}
