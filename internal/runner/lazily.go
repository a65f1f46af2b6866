package runner

import (
	"regexp"
	"sync"
)

// lazily compiles an expression when it is first asked for. A runner is a
// short-lived process that mostly needs none of them, and to compile them all
// would be a good part of what it costs.
func lazily(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
