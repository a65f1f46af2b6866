package reach

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
)

// States is what the code of a workspace says of states: where its own is, and
// which others it reads.
type States struct {
	Own   string            // identity; empty where it is not plain text, or tfops keeps the state
	Reads map[string]string // identity -> where that is written
}

// Identity names a state by its backend; see package locks.
type Identity func(backend string, config map[string]any, terraformWorkspace string) string

// States reads off the code of a workspace which states it has to do with.
func (g *Graph) States(w workspace.Workspace, identity Identity) States {
	s := States{Reads: map[string]string{}}
	written, ok := g.Backend(w.Dir)
	if b, ok := completed(w, written, ok); ok && b.named() && !here(b) {
		own := w.TerraformWorkspace
		if own == "" {
			own = "default"
		}
		s.Own = identity(b.Type, b.Config, own)
	}
	for _, r := range g.RemoteStates(w.Dir) {
		if !Backend(r).named() || here(Backend(r)) {
			continue
		}
		ws := r.Workspace
		if ws == "" {
			ws = "default"
		}
		s.Reads[identity(r.Type, r.Config, ws)] = fmt.Sprintf("data \"terraform_remote_state\" %q in %s:%d", r.Name,
			r.File, r.Line)
	}
	return s
}

// completed is a backend of the text with the settings that the workspace adds, or
// what takes its place. It is not known where one of them is secret, is no plain
// text, or lies in a file, nor where tfops keeps the state.
func completed(w workspace.Workspace, b Backend, ok bool) (Backend, bool) {
	switch w.Backend {
	case "":
	case workspace.ManagedBackend:
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
		if workspace.IsSecret(v) || v.IsNull() || v.Type() != cty.String {
			return b, false
		}
		if b.Config == nil {
			b.Config = map[string]any{}
		}
		b.Config[name] = v.AsString()
	}
	return b, true
}

// naming are the settings without which a backend's text does not tell which
// state it means. The rest comes from somewhere else: a partial
// configuration, the environment, a default that depends on the machine.
var naming = map[string][]string{
	"azurerm": {"storage_account_name", "container_name", "key"}, "cloud": {"organization", "workspaces"},
	"consul": {"address", "path"},
	"cos":    {"bucket"}, "gcs": {"bucket"}, "http": {"address"}, "kubernetes": {"secret_suffix"}, "local": {"path"},
	"oss": {"bucket"},
	"pg":  {"conn_str"}, "remote": {"organization", "workspaces"}, "s3": {"bucket", "key"},
}

// named reports whether the text tells which state is meant. Two that it does
// not tell of are not one: what is not known equals nothing.
func (b Backend) named() bool {
	if b.Partial || b.Type == "" {
		return false
	}
	settings, known := naming[b.Type]
	if !known {
		return says(b.Config)
	}
	return !slices.ContainsFunc(settings, func(s string) bool { return !says(b.Config[s]) })
}

// says reports whether a setting has a value, at any depth.
func says(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return slices.ContainsFunc(v, says)
	case map[string]any:
		for _, e := range v {
			if says(e) {
				return true
			}
		}
		return false
	}
	return true
}

// here reports whether a state is a file by a path that means another one in
// every checkout: what reads it cannot mean that of another workspace.
func here(b Backend) bool {
	if b.Type != "local" {
		return false
	}
	file, _ := b.Config["path"].(string)
	return !path.IsAbs(file)
}

// Infer finds which workspaces read the state of which others.
func Infer(states map[string]States) []Dependency {
	owner := map[string][]string{}
	names := slices.Sorted(maps.Keys(states))
	for _, name := range names {
		if own := states[name].Own; own != "" {
			owner[own] = append(owner[own], name)
		}
	}
	var out []Dependency
	for _, name := range names {
		reads := states[name].Reads
		for _, state := range slices.Sorted(maps.Keys(reads)) {
			for _, up := range owner[state] {
				out = append(out, Dependency{Downstream: name, Upstream: up, Inferred: true, Why: reads[state]})
			}
		}
	}
	return out
}
