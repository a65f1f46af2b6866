//go:build race

package testrig

// raceFlags build what a test starts as the test itself was built.
var raceFlags = []string{"-race"}

// Race says whether the race detector is at work, which makes everything
// several times as slow.
const Race = true
