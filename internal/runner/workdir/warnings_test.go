package workdir

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// Warnings are kept for people to read them: not all of a thousand, nor a whole
// book each.
func TestWarningsAreBounded(t *testing.T) {
	d := &Dir{Result: &job.Result{}}
	out := &diagnostics.Output{}
	for i := range diagnostics.MaxWarnings + 7 {
		out.Diagnostics = append(out.Diagnostics, job.Diagnostic{Severity: "warning", Summary: fmt.Sprint(i),
			Detail: strings.Repeat("é", diagnostics.LongestWarning)})
	}
	out.Diagnostics = append(out.Diagnostics, job.Diagnostic{Severity: "error", Summary: "wrong"})
	d.keepDiagnostics(out)
	d.MoreWarnings()
	all := d.Result.Diagnostics
	if len(all) != diagnostics.MaxWarnings+2 || all[len(all)-1].Summary != "7 more warnings are in the log" ||
		all[diagnostics.MaxWarnings].Summary != "wrong" {
		t.Errorf("%d: %v", len(all), all[diagnostics.MaxWarnings:])
	}
	if n := len(all[0].Detail); n > diagnostics.LongestWarning+3 {
		t.Errorf("a text of %d bytes", n)
	}
}
