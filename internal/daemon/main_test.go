package daemon

import (
	"os"
	"testing"

	"github.com/tfops/tfops/internal/runner/phase"
)

// TestMain lets a daemon in a test start this binary as its runner.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "runner" {
		os.Exit(phase.Main(os.Args[2]))
	}
	os.Exit(m.Run())
}
