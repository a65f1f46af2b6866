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
		return ""
	}
	return fmt.Sprintf("%q %q", w.BackendConfigFiles, printed(w.BackendConfig))
}

// completed is a backend of the text with the settings that the workspace adds.
// It is not known where one of them is secret, is no plain text, or lies in a file.
func (w Workspace) completed(b Backend, ok bool) (Backend, bool) {
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
