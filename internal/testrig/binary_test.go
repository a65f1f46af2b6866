package testrig_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/testrig"
)

func TestBinary(t *testing.T) {
	path := testrig.Binary(t)
	if again := testrig.Binary(t); again != path {
		t.Errorf("built again: %s, then %s", path, again)
	}
	out, err := exec.CommandContext(t.Context(), path, "--help").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "tfops") {
		t.Errorf("tfops --help: %v\n%s", err, out)
	}
}
