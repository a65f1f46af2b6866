package records

import (
	"bytes"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Run reads a run; one that is not there is a fault that says whether it was pruned.
func (tx *Tx) Run(id string) (run.Run, error) {
	r, ok, err := Get[run.Run](tx, Runs, id)
	switch {
	case err != nil || ok:
	case tx.Has(Pruned, id):
		err = fault.New(fault.NotFound, "tfops runs", "there is no run %s any more: %w", id, run.ErrPruned)
	default:
		err = fault.New(fault.NotFound, "tfops runs", "there is no run %s", id)
	}
	return r, err
}

// PutRun stores a run, and keeps the index of those that have not ended.
func (tx *Tx) PutRun(r run.Run) error {
	if err := tx.Put(Runs, r.ID, r); err != nil {
		return err
	}
	key := Owned(r.Workspace) + r.ID
	if r.Status.Terminal() {
		return tx.Remove(Active, key)
	}
	return tx.Index(Active, key)
}

// ActiveIDs names the runs that have not ended, of a workspace or of all (""), by workspace.
func (tx *Tx) ActiveIDs(name string) (ids []string) {
	prefix := ""
	if name != "" {
		prefix = Owned(name)
	}
	for r := range tx.Walk(Active, prefix) {
		_, id, _ := bytes.Cut(r.Key, []byte{0})
		ids = append(ids, string(id))
	}
	return ids
}

// RunsOf reads all runs of a workspace, newest first.
func (tx *Tx) RunsOf(name string) (runs []run.Run, err error) {
	for id := range tx.NewestFirst(ByWorkspace, Owned(name), "") {
		r, err := tx.Run(id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// Workspace reads what is remembered of a workspace; only its name when that is nothing.
func (tx *Tx) Workspace(name string) (workspace.Record, error) {
	rec, _, err := Get[workspace.Record](tx, Workspaces, name)
	rec.Name = name
	return rec, err
}
