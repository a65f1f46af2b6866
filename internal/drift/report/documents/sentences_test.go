package documents

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift/report"
)

// What a report says prints it again does so: only one that was made by
// schedule is kept.
func TestPrintAgain(t *testing.T) {
	kept, now := &report.Report{ID: "0k1v5eeeeeee", Name: "nightly"}, &report.Report{ID: "0k1v5fffffff"}
	if got := printAgain(kept, "html"); got != "tfops drift report --id 0k1v5eeeeeee --format html" {
		t.Error(got)
	}
	if got := printAgain(now, "json"); strings.Contains(got, "--id") {
		t.Errorf("%s: it was not kept", got)
	}
}
