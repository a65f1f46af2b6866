package testrig

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
)

// WantFault asserts an error's code, and parts of its message and next step.
func WantFault(t testing.TB, err error, code fault.Code, parts ...string) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("got %v (%s), want a fault %s", err, fault.CodeOf(err), code)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error()+"\n"+fault.Next(err), p) {
			t.Errorf("%q (next %q) does not say %q", err, fault.Next(err), p)
		}
	}
}
