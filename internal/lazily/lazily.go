// Package lazily makes what most processes never need when it is first asked for.
//
// A runner is the same binary as the daemon and is started for every phase of
// every run. Whatever a package makes while the process starts, each of them pays
// for: before this package it was more than half of what a runner cost beside the
// engine.
package lazily

import (
	"regexp"
	"sync"
)

// Pattern compiles an expression when it is first asked for. It panics then, as
// regexp.MustCompile does, if the expression is wrong.
func Pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
