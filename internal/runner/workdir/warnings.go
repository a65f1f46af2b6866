package workdir

import (
	"fmt"
	"slices"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// keepDiagnostics adds what a command of the engine complained of to the result.
// What module.CheckVariables said of undeclared variables already, and what another
// command said before, is not said twice.
func (d *Dir) keepDiagnostics(out *diagnostics.Output) {
	for _, said := range out.All() {
		told := !d.Module.Unread && said.Severity == "warning" && diagnostics.Undeclared().MatchString(said.Summary)
		if told || slices.Contains(d.Result.Diagnostics, said) {
			continue
		}
		if said.Severity == "warning" {
			if d.warnings++; d.warnings > diagnostics.MaxWarnings {
				continue
			}
			said.Detail = diagnostics.Shortened(said.Detail)
		}
		d.Result.Diagnostics = append(d.Result.Diagnostics, said)
	}
}

// MoreWarnings says how many warnings were left out.
func (d *Dir) MoreWarnings() {
	if left := d.warnings - diagnostics.MaxWarnings; left > 0 {
		d.Result.Diagnostics = append(d.Result.Diagnostics,
			job.Diagnostic{Severity: "warning", Summary: fmt.Sprintf("%d more warnings are in the log", left)})
	}
}
