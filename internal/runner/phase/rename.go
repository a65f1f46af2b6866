package phase

import (
	"fmt"
	"slices"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

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
