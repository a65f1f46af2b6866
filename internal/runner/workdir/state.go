package workdir

import (
	"path/filepath"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/workspace"
)

// PlaceState gives a root module without a backend its managed state, for a plan: an apply finds the
// override among what its plan wrote.
func (d *Dir) PlaceState() error {
	d.Managed = d.Module.Backend == "" && !d.Module.Unread || d.Job.Backend == workspace.ManagedBackend
	if !d.Managed {
		if err := d.refuseRemote(); err != nil || d.OtherBackend() == "" {
			return err
		}
		return backend.WriteOverride(d.Root, d.override())
	}
	state := backend.ManagedState(d.Job.WorkspaceDir, d.Job.TerraformWorkspace)
	if stray := backend.ManagedState(d.Root, d.Job.TerraformWorkspace); durable.Exists(stray) &&
		!durable.Exists(state) {
		name, _ := filepath.Rel(d.Root, stray) // both are absolute
		return diagnostics.Refuse(job.CauseBadInput,
			"to go on with that state, copy it to "+state+
				" and remove it from the repository; to start afresh, only remove it",
			"%s holds %s, a state in the repository that a run would ignore", d.Job.Dir, name)
	}
	return backend.WriteOverride(d.Root, d.override())
}

// override is the content of the override file; nil where there is none.
func (d *Dir) override() []byte {
	switch {
	case d.Managed:
		return backend.OverrideContent(d.Job.WorkspaceDir)
	case d.OtherBackend() != "":
		return backend.OtherBackendContent(d.OtherBackend())
	}
	return nil
}

// OtherBackend is the type of the backend that takes the place of the root module's.
func (d *Dir) OtherBackend() string {
	if d.Job.Backend == backend.ManagedBackend {
		return ""
	}
	return d.Job.Backend
}

// refuseRemote refuses a root module whose runs are HCP Terraform's (or another
// server's of its kind): that plans and applies there, saves no plan that tfops
// could hold, and knows nothing of approvals here.
func (d *Dir) refuseRemote() error {
	what := ""
	switch d.Module.Backend {
	case "cloud":
		what = "a cloud block"
	case "remote":
		what = `backend "remote"`
	default:
		return nil
	}
	return diagnostics.Refuse(job.CauseBadInput,
		`write backend = "managed" (tfops keeps the state) or a block such as backend "s3" { … } into workspace `+d.Job.Workspace+
			` of tfops.hcl; to bring the state along, "`+d.Name+` state pull > x.tfstate" in a checkout, then: tfops state import `+d.Job.Workspace+` x.tfstate`,
		"the root module %s has %s: its plans are made and applied on that server, and not here", d.Job.Dir, what)
}
