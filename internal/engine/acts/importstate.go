package acts

import (
	"cmp"
	"context"
	"crypto/rand"
	"strings"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// An import is a move whose state somebody brought: from another server, or from a
// disk. It waits encrypted in the workspace's directory until the run has ended, and
// reaches the runner in memory. The sync that follows waits for a person where it would
// change anything.

// Import is a state that somebody brings.
type Import struct {
	State   []byte
	Replace bool   // also a state that holds something, which is kept as a snapshot
	Reason  string // why; needed with Replace
}

// ImportState asks for a state to be put where the configuration of a workspace wants it.
func (act *Actions) ImportState(ctx context.Context, a access.Actor, name string, in Import) (run.Run, error) {
	def, rec, err := act.mover(ctx, name)
	if err != nil {
		return run.Run{}, err
	}
	head, err := backend.CheckImport(in.State)
	if err != nil {
		return run.Run{}, fault.New(fault.Invalid,
			"bring what `terraform state pull` or `tofu state pull` writes in a checkout of the root module",
			"that is no state that can be imported: %w", err)
	}
	q, err := act.Txn.Queue(ctx)
	if err != nil {
		return run.Run{}, err
	}
	if err := Importable(q, rec, in); err != nil {
		return run.Run{}, err
	}
	brought := run.StateImport{Digest: head.Digest, Serial: head.Serial, Lineage: head.Lineage,
		Resources: head.Resources, Replace: in.Replace, Reason: in.Reason}
	return act.startMove(ctx, a, def, rec, "import-state", strings.TrimSpace(brought.String()+" "+in.Reason),
		func() (run.StateMove, error) {
			file, err := act.stageImport(name, in.State)
			brought.File = file
			return run.StateMove{Import: &brought, To: workspace.StateRef{Identity: rec.State, Place: rec.StatePlace}},
				err
		})
}

// Importable refuses an import while the state is in use, and one that would replace what
// was applied unless that is meant.
func Importable(q run.Queue, rec workspace.Record, in Import) error {
	if cmp.Or(rec.Desired, rec.Head) == "" {
		return fault.New(fault.Conflict, "tfops status "+rec.Name, "the branch of workspace %s was not read yet",
			rec.Name)
	}
	if err := managed.InUse(q, rec.Name, run.Planning, run.ApplyQueued, run.Applying, run.Interrupted); err != nil {
		return err
	}
	if t := rec.StateTrouble; t != nil {
		return fault.New(fault.Conflict, t.Command(rec.Name), "the state of workspace %s has to be restored first: %s",
			rec.Name, t)
	}
	old := rec.LastState()
	switch {
	case in.Replace && strings.TrimSpace(in.Reason) == "":
		return fault.New(fault.Invalid, "tfops state import "+rec.Name+" FILE --replace -m WHY",
			"say why the state may be replaced: it is kept with the decision")
	case in.Replace || old == nil || old.Counted && old.Resources == 0:
		return nil
	case rec.State != "" && rec.State != old.Identity:
		return fault.New(fault.Conflict, "to take along what was applied: tfops state move "+rec.Name+
			"; to put another state in its place: tfops state import "+rec.Name+" FILE --replace -m WHY",
			"workspace %s was applied to another state, %s, with %s", rec.Name, old, old.Holds())
	}
	return fault.New(fault.Conflict, "to put it in its place all the same: tfops state import "+rec.Name+
		" FILE --replace -m WHY",
		"workspace %s has a state that it was applied to, %s, with %s", rec.Name, old, old.Holds())
}

// stageImport keeps an encrypted copy of a state that was brought, and returns its name.
func (act *Actions) stageImport(workspace string, state []byte) (string, error) {
	sealed, err := act.Vault.Seal(state)
	if err != nil {
		return "", err
	}
	return act.Txn.Files.Workspace(workspace).WriteImport(strings.ToLower(rand.Text()), sealed)
}
