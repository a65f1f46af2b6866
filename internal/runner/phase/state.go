package phase

import (
	"github.com/tfops/tfops/internal/runner/backend"
)

// override is the content of the override file; nil where there is none.
func (p *phase) override() []byte {
	switch {
	case p.managed:
		return backend.OverrideContent(p.job.WorkspaceDir)
	case p.otherBackend() != "":
		return backend.OtherBackendContent(p.otherBackend())
	}
	return nil
}

// otherBackend is the type of the backend that takes the place of the root module's.
func (p *phase) otherBackend() string {
	if p.job.Backend == backend.ManagedBackend {
		return ""
	}
	return p.job.Backend
}
