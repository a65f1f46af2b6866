package phases

import (
	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/engine/outcome"
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
func (ph *Worker) met(r run.Run, res job.Result) outcome.StateFound {
	def, _ := ph.Txn.Settings.Get().Lived(r.Workspace)
	if r.Kind == run.Drift {
		if applied, err := ph.Jobs.AsApplied(def, r.Fingerprint); err == nil {
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
