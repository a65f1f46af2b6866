package testrig

import "testing"

// Every is the step of a sweep: 1, or n with -short, where the sweep then tries every nth
// point only, and says so.
func Every(t testing.TB, n int) int {
	t.Helper()
	if !testing.Short() {
		return 1
	}
	t.Logf("NOT RUN: %d of %d points of the sweep; make test-long has them", n-1, n)
	return n
}

// Long reports whether a part of a test is to be run that takes long. Without it the test
// says what it leaves out.
func Long(t testing.TB, what string) bool {
	t.Helper()
	if testing.Short() {
		t.Log("NOT RUN: " + what + "; make test-long has it")
	}
	return !testing.Short()
}
