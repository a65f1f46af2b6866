// Package lazyregexp compiles regular expressions when they are first asked for.
//
// A runner is the same binary as the daemon and is started for every phase of
// every run. Whatever a package makes while the process starts, each of them pays
// for.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New compiles an expression when it is first asked for. It panics then, as
// regexp.MustCompile does, if the expression is wrong.
func New(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
