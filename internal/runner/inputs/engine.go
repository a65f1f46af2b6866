package inputs

import (
	"fmt"
	"maps"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/engines"
)

// NetworkSettings are the variables of a process that say how it reaches the
// network: Git reads the daemon's, and downloads of engines do the same.
var NetworkSettings = []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR"}

// Downloading is the environment of a download: the daemon's settings of the
// network, and over these what the engine itself gets.
func Downloading(network, env map[string]string) map[string]string {
	all := maps.Clone(network)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, env)
	return all
}

// EngineRequest asks for an engine as the configuration and the plan want it; what
// the root module wants is for the caller to add.
func EngineRequest(s job.EngineSpec, cacheDir string, env map[string]string) engines.Request {
	req := engines.Request{Name: s.Name, Path: s.Path, Exact: s.Made, ReleaseURL: s.ReleaseURL, PublicKey: s.PublicKey,
		CacheDir: cacheDir, SearchPath: env["PATH"]}
	if s.Version != "" {
		req.Constraints, req.From = []string{s.Version}, []string{"version of the engine block"}
	}
	return req
}

// EngineGone says that the engine which made a plan is not on this machine any more.
func EngineGone(name, version string, err error) error {
	return fault.New(fault.Conflict,
		fmt.Sprintf("to keep %s %s, put it back; otherwise the fresh plan is made with what is there now", name,
			version),
		"%s %s, which made the plan, is not here any more: %w", name, version, err)
}

// EngineCause classifies why an engine was not found.
func EngineCause(err error) job.Cause {
	switch {
	case diagnostics.DiskTrouble(err):
		return job.CauseDisk
	case fault.Is(err, fault.Unavailable):
		return job.CauseNetwork
	}
	return job.CauseNoEngine
}
