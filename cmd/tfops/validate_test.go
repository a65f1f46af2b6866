package main

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/exit"
)

// TestValidateCountsWarnings: those that a look at all workspaces brings count, too.
func TestValidateCountsWarnings(t *testing.T) {
	s := newShell(t)
	write(t, "tfops.hcl", "data_dir = \"data\"\nrepository \"infra\" { url = \"https://git.example.com/infra.git\" "+
		"}\nworkspace \"a\" { repository = \"infra\" }\n"+
		"ignore \"typo\" {\n labels = { team = \"netwrok\" }\n reason = \"x\"\n}\n")
	r := s.ends(exit.Done, "validate")
	if !strings.Contains(r.err, ", 1 warning.") || !strings.Contains(r.err, `ignore "typo" is of no workspace`) {
		t.Errorf("says %q", r.err)
	}
	if r := s.ends(exit.Done, "validate", "-o", "json"); !strings.Contains(r.out,
		`"summary": "ignore \"typo\" is of no workspace`) {
		t.Errorf("prints %s", r.out)
	}
}
