package engine

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/access"

	"github.com/tfops/tfops/internal/engine/outcome"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// A plan on another state than the one that was applied makes everything anew,
// and says nothing of what it leaves behind. So such a run waits for a person,
// whatever `apply` says.

// met tells which state a plan stands on. A drift check plans with what was
// applied, and so in the Terraform workspace of then.
func (e *Engine) met(r run.Run, res job.Result) outcome.StateFound {
	def, _ := e.txn.Settings.Get().Lived(r.Workspace)
	if r.Kind == run.Drift {
		if applied, err := e.jobs.AsApplied(def, r.Fingerprint); err == nil {
			def = applied
		}
	}
	m := outcome.StateFound{StateRef: outcome.RefOf(res.Backend, def.TerraformWorkspace), Held: -1}
	if res.Plan != nil {
		m.Resources, m.Counted = res.Plan.Compared, true
		if s := res.Plan.State; s != nil {
			m.StateMark, m.Held = workspace.StateMark{Serial: s.Serial, Lineage: s.Lineage}, s.Resources
		}
	}
	if path, _ := res.Backend.Config["path"].(string); res.Backend.Type == workspace.Managed && path != "" {
		if head, err := readStateFile(path); err == nil {
			m.StateMark = outcome.MarkOf(head)
		}
	}
	return m
}

func readStateFile(path string) (backend.StateHead, error) {
	b, err := datafile.Read(path, datafile.Large)
	if err != nil {
		return backend.StateHead{}, err
	}
	return backend.ReadState(b)
}

// acceptState refuses a yes to a run that leaves a state behind, unless the
// voter says that this is meant, and why.
func acceptState(d *run.Tx, a access.Actor, b Ballot) error {
	n := d.Run.NewState
	switch {
	case !b.Yes:
		return nil
	case n == nil && b.AcceptNewState:
		return fault.New(fault.Invalid, "tfops approve "+d.Run.ID, "run %s stands on the state that was applied: there is no new one to accept", d.Run.ID)
	case n == nil:
		return nil
	case !b.AcceptNewState:
		var ways []string
		for _, w := range n.Ways(d.Run) {
			ways = append(ways, w.What+": "+w.Command)
		}
		return fault.New(fault.Conflict, strings.Join(ways, "; "), "run %s cannot simply be approved: %s", d.Run.ID, n)
	case strings.TrimSpace(b.Comment) == "":
		return fault.New(fault.Invalid, run.AcceptCommand(d.Run.ID), "say why the old state may be left behind: it is kept with the run")
	}
	d.Audit(a.Name, a.Via, "accept-new-state", fmt.Sprintf("%s (%s)", b.Comment, n))
	return nil
}
