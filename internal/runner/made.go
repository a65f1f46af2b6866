package runner

import (
	"context"
	"maps"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/runner/inputs"
)

// HasEngine reports whether the engine that made a plan (Engine.Made of an
// apply's job) is on this machine. env is what the engine will get. Its error,
// a fault, says what was looked at; it is nil as well where only the apply
// itself can tell: a version switcher answers in the module's directory alone,
// which is not there while a plan waits.
func (l *Local) HasEngine(ctx context.Context, j job.Job, env map[string]string) error {
	env = maps.Clone(env)
	if env["PATH"] == "" {
		env["PATH"] = os.Getenv("PATH")
	}
	req := inputs.EngineRequest(j.Engine, j.CacheDir, env)
	req.Dir, req.Env = filepath.Join(pinned.Files(j.Checkout), filepath.FromSlash(j.Dir)), env
	_, err := engines.Lookup(ctx, req)
	if err == nil || inputs.EngineCause(err) != job.CauseNoEngine || !durable.Exists(req.Dir) && engines.Switched(req) {
		return nil
	}
	return inputs.EngineGone(j.Engine.Name, j.Engine.Made, err)
}
