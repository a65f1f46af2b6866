package phase

import (
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// refuseRemote refuses a root module whose runs are HCP Terraform's (or another
// server's of its kind): that plans and applies there, saves no plan that tfops
// could hold, and knows nothing of approvals here.
func (p *phase) refuseRemote() error {
	what := ""
	switch p.module.Backend {
	case "cloud":
		what = "a cloud block"
	case "remote":
		what = `backend "remote"`
	default:
		return nil
	}
	return diagnostics.Refuse(job.CauseBadInput,
		`write backend = "managed" (tfops keeps the state) or a block such as backend "s3" { … } into workspace `+p.job.Workspace+
			` of tfops.hcl; to bring the state along, "`+p.engine.Name+` state pull > x.tfstate" in a checkout, then: tfops state import `+p.job.Workspace+` x.tfstate`,
		"the root module %s has %s: its plans are made and applied on that server, and not here", p.job.Dir, what)
}
