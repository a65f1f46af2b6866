package workspace

import (
	"fmt"
	"maps"

	"github.com/zclconf/go-cty/cty"
)

// BackendPlace tells apart workspaces of one root module that keep their states
// in different places; it holds no secret.
func (w Workspace) BackendPlace() string {
	if len(w.BackendConfig)+len(w.BackendConfigFiles) == 0 {
		return w.Backend
	}
	return fmt.Sprintf("%s %q %q", w.Backend, w.BackendConfigFiles, printed(w.BackendConfig))
}

// completed is a backend of the text with the settings that the workspace adds, or
// what takes its place. It is not known where one of them is secret, is no plain
// text, or lies in a file, nor where tfops keeps the state.
func (w Workspace) completed(b Backend, ok bool) (Backend, bool) {
	switch w.Backend {
	case "":
	case ManagedBackend:
		return b, false
	default:
		b, ok = Backend{Type: w.Backend}, true
	}
	if !ok || len(w.BackendConfig)+len(w.BackendConfigFiles) == 0 {
		return b, ok
	}
	if len(w.BackendConfigFiles) > 0 {
		return b, false
	}
	b.Config = maps.Clone(b.Config)
	for name, v := range w.BackendConfig {
		if IsSecret(v) || v.IsNull() || v.Type() != cty.String {
			return b, false
		}
		if b.Config == nil {
			b.Config = map[string]any{}
		}
		b.Config[name] = v.AsString()
	}
	return b, true
}
