package phase

import (
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
)

// warnOfLockFile says which providers the repository's own lock file lacks: each
// plan takes the newest that is allowed. It remembers as well which versions were used.
func (p *phase) warnOfLockFile() {
	used := ground.LockedProviders(filepath.Join(p.root, diagnostics.DependencyLock))
	p.result.Providers = used
	if !p.ownLock || p.job.Phase != job.PlanPhase {
		return
	}
	var lacks []string
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if p.committed[name] == "" {
			lacks = append(lacks, name+" "+used[name])
		}
	}
	warned := slices.ContainsFunc(p.result.Diagnostics,
		func(d job.Diagnostic) bool { return d.Summary == diagnostics.LacksSummary })
	if len(lacks) == 0 || warned {
		return
	}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	d := job.Diagnostic{Severity: "warning", Summary: diagnostics.LacksSummary, File: diagnostics.DependencyLock,
		Detail: p.engine.FromMirror(fmt.Sprintf("It does not name %s, so each plan may take another version. In the root module: "+
			"%s providers lock -platform=%s, then commit %s.",
			strings.Join(lacks, ", "), p.engine.Name, platform, diagnostics.DependencyLock))}
	p.result.Diagnostics = append(p.result.Diagnostics, d)
	p.log.Say("warn", "%s: %s", d.Summary, d.Detail)
}
