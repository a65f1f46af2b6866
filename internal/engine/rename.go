package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// A workspace with renamed_from takes over what is known of another. Until it
// has, nothing of either is planned or applied: the new one would make
// everything anew, and the old one is not configured.

// noteRenames finds out what workspaces ask for. gone are those that are there
// only because of what they applied: such a name is free to be taken over.
func (s *Settings) noteRenames(records map[string]workspace.Record, gone map[string]bool) {
	s.renaming, s.heirs, s.formerly = map[string]workspace.Rename{}, map[string]string{}, map[string]string{}
	for _, r := range workspace.Renames(slices.DeleteFunc(values(s.Workspaces), func(w workspace.Workspace) bool { return gone[w.Name] }), records) {
		s.renaming[r.To] = r
		if r.Why == nil {
			s.heirs[r.From] = r.To
		}
	}
	for name, rec := range records {
		if rec.Former() {
			s.formerly[name] = rec.Renamed.To
		}
	}
}

// lived is find for what a run of a workspace came to that is to be renamed: it
// was begun under the old name.
func (s *Settings) lived(name string) (Definition, bool) {
	if d, ok := s.find(name); ok {
		return d, true
	}
	d, ok := s.find(s.heirs[name])
	d.Name = name
	return d, ok
}

// renameWait is what a run waits for whose workspace takes over another one, or is
// taken over.
func (s *Settings) renameWait(name string) (Wait, bool) {
	r, ok := s.renaming[name]
	if to, taken := s.heirs[name]; taken {
		r, ok = s.renaming[to], true
	}
	switch {
	case !ok:
		return Wait{}, false
	case r.Why != nil:
		return Wait{Kind: WaitsForConfiguration, For: "the configuration to be put right: " + r.Why.Error(), Command: "tfops status " + r.To, Person: true}, true
	}
	return Wait{Kind: WaitsForRename, For: fmt.Sprintf("workspace %s to take over what is known of %s", r.To, r.From), Command: "tfops status " + r.To}, true
}

// rename carries out what workspaces ask for with renamed_from. What cannot be is
// a problem of the workspace; what has to wait is tried again, see renameLater.
func (e *Engine) rename(ctx context.Context) error {
	e.renames.Lock() // one after the other: the note in a directory says whose it is
	defer e.renames.Unlock()
	s := e.current()
	var done []string
	for _, d := range s.Workspaces {
		r, ok := s.renaming[d.Name]
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
		e.setProblem([]Definition{d}, err)
		e.checked([]Definition{d}, false)
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
	q, err := e.Store.Queue(ctx)
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
	if err := e.noteRename(r); err != nil {
		return err
	}
	if _, err := e.enqueued(ctx, run.Batch{Renames: []run.Rename{r}}); err != nil {
		return err
	}
	e.Log.Info("a workspace was renamed", "workspace", r.To, "before", r.From, "directory", e.workspaceDir(r.From))
	return e.keepFolders(ctx)
}

// renameLater looks once more at renames when a run has ended that one of them
// waits for.
func (e *Engine) renameLater(ctx context.Context) {
	if len(e.current().renaming) == 0 {
		return
	}
	if err := e.rename(ctx); err != nil && ctx.Err() == nil {
		e.Log.Error("workspaces cannot be renamed", "error", err)
	}
}
