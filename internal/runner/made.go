package runner

import (
	"context"
	"maps"
	"os"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/runner/inputs"
)

// HasEngine reports whether the engine that made a plan (Engine.Made of an
// apply's job) is on this machine. env is what the engine will get. Its error,
// a fault, says what was looked at; it is nil as well where only the apply
// itself can tell: a version switcher answers in the module's directory alone, and
// may run what lies there, which nothing but a runner does.
func (l *Local) HasEngine(ctx context.Context, j job.Job, env map[string]string) error {
	env = maps.Clone(env)
	if env["PATH"] == "" {
		env["PATH"] = os.Getenv("PATH")
	}
	req := inputs.EngineRequest(j.Engine, j.CacheDir, env)
	if engines.Switched(req) {
		return nil
	}
	_, err := engines.Lookup(ctx, req)
	if err == nil || inputs.EngineCause(err) != job.CauseNoEngine {
		return nil
	}
	return inputs.EngineGone(j.Engine.Name, j.Engine.Made, err)
}
