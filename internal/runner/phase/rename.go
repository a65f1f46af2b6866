package phase

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// renamed is a line of the engine's output in which files of tfops are called by
// what they are: whoever reads it has never heard of their paths.
func (p *phase) renamed(line []byte) []byte {
	if bytes.Contains(line, []byte("/proc/")) {
		line = diagnostics.MemoryPath().ReplaceAllFunc(line, func(path []byte) []byte {
			if name := p.names[string(path[bytes.Index(path, []byte("/proc/")):])]; name != "" {
				return []byte(name)
			}
			return path
		})
	}
	if !bytes.Contains(line, []byte(`"type":"diagnostic"`)) {
		return line
	}
	// Where the repository lies is for nobody; what an error says of the data
	// directory somebody may have to mend.
	line = diagnostics.WithoutPrefix(line, p.root, p.tree, p.job.Tree)
	if !bytes.Contains(line, []byte(`"severity":"warning"`)) {
		return line
	}
	for _, d := range []struct{ path, name string }{
		{filepath.Dir(p.job.PlanFile), "the run's directory"},
		{p.job.WorkspaceDir, "the workspace's directory"},
		{p.job.CacheDir, "the cache"},
	} {
		if len(d.path) > 1 {
			line = bytes.ReplaceAll(line, []byte(d.path), []byte(d.name))
		}
	}
	return line
}

// keepDiagnostics adds what a command of the engine complained of to the result.
// What checkVariables said of undeclared variables already, and what another
// command said before, is not said twice.
func (p *phase) keepDiagnostics(out *diagnostics.Output) {
	for _, d := range out.All() {
		told := !p.module.Unread && d.Severity == "warning" && diagnostics.Undeclared().MatchString(d.Summary)
		if told || slices.Contains(p.result.Diagnostics, d) {
			continue
		}
		if d.Severity == "warning" {
			if p.warnings++; p.warnings > diagnostics.MaxWarnings {
				continue
			}
			d.Detail = diagnostics.Shortened(d.Detail)
		}
		p.result.Diagnostics = append(p.result.Diagnostics, d)
	}
}

// moreWarnings says how many warnings were left out.
func (p *phase) moreWarnings() {
	if left := p.warnings - diagnostics.MaxWarnings; left > 0 {
		p.result.Diagnostics = append(p.result.Diagnostics,
			job.Diagnostic{Severity: "warning", Summary: fmt.Sprintf("%d more warnings are in the log", left)})
	}
}
