package outcome

import (
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/sandbox"
)

// A run is known by the weakest of its phases; one of which nothing is known tells nothing.
func TestShutIn(t *testing.T) {
	for _, c := range []struct {
		phases []sandbox.Level
		want   sandbox.Level
	}{
		{nil, ""},
		{[]sandbox.Level{""}, ""},
		{[]sandbox.Level{sandbox.Namespaces, sandbox.Namespaces}, sandbox.Namespaces},
		{[]sandbox.Level{sandbox.Namespaces, sandbox.Filters}, sandbox.Filters},
		{[]sandbox.Level{sandbox.None, sandbox.Namespaces}, sandbox.None},
		{[]sandbox.Level{sandbox.Users, ""}, sandbox.Users},
	} {
		var r run.Run
		for _, level := range c.phases {
			shutIn(&r, job.Result{Sandbox: level})
		}
		if r.Sandbox != c.want {
			t.Errorf("%q: %q, want %q", c.phases, r.Sandbox, c.want)
		}
	}
}
