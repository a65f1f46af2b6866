package engine

import (
	"testing"

	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// What is fetched with credentials is kept for those alone who have the same: they may stand
// in a workspace's environment, too, whatever they are called.
func TestModulesAreFetchedInAScope(t *testing.T) {
	env := func(name, value string) func(*fleet.Definition) {
		return func(d *fleet.Definition) { d.Dir, d.Env = "a", map[string]workspace.EnvVar{name: {Value: value}} }
	}
	bubble(t, func(t *testing.T, g *rig) {
		g.start()
		g.commit("a/main.tf")
		scope := map[string]string{}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			g.want(name, run.AwaitingApproval)
		}
		g.runners.mu.Lock()
		defer g.runners.mu.Unlock()
		for _, ph := range g.runners.phases {
			scope[ph.job.Workspace] = ph.secrets.Modules.Scope
		}
		if scope["a"] != "" || scope["e"] != "" || scope["b"] == "" || scope["b"] != scope["c"] ||
			scope["d"] == scope["b"] {
			t.Errorf("scopes: %q", scope)
		}
	}, define("a"), define("b", env("GIT_CONFIG_COUNT", "1")), define("c", env("GIT_CONFIG_COUNT", "1")),
		define("d", env("GIT_CONFIG_COUNT", "2")), define("e", env("TF_VAR_x", "1")))
}
