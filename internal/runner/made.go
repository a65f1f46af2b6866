package runner

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/engines"
)

// NetworkSettings are the variables of a process that say how it reaches the
// network: Git reads the daemon's, and downloads of engines do the same.
var NetworkSettings = []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}

// downloading is the environment of a download: the daemon's settings of the
// network, and over these what the engine itself gets.
func downloading(network, env map[string]string) map[string]string {
	all := maps.Clone(network)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, env)
	return all
}

// engineRequest asks for an engine as the configuration and the plan want it; what
// the root module wants is for the caller to add.
func engineRequest(s job.EngineSpec, cacheDir string, env map[string]string) engines.Request {
	req := engines.Request{Name: s.Name, Path: s.Path, Exact: s.Made, ReleaseURL: s.ReleaseURL, PublicKey: s.PublicKey,
		CacheDir: cacheDir, SearchPath: env["PATH"]}
	if s.Version != "" {
		req.Constraints, req.From = []string{s.Version}, []string{"version of the engine block"}
	}
	return req
}

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
	req := engineRequest(j.Engine, j.CacheDir, env)
	req.Dir, req.Env = filepath.Join(pinned.Files(j.Checkout), filepath.FromSlash(j.Dir)), env
	_, err := engines.Lookup(ctx, req)
	if err == nil || engineCause(err) != job.CauseNoEngine || !durable.Exists(req.Dir) && engines.Switched(req) {
		return nil
	}
	return engineGone(j.Engine.Name, j.Engine.Made, err)
}

func engineGone(name, version string, err error) error {
	return fault.New(fault.Conflict, fmt.Sprintf("to keep %s %s, put it back; otherwise the fresh plan is made with what is there now", name, version),
		"%s %s, which made the plan, is not here any more: %w", name, version, err)
}
