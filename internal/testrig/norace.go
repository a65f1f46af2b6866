//go:build !race

package testrig

// raceFlags build what a test starts as the test itself was built.
var raceFlags []string
