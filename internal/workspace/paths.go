package workspace

import (
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Within reports whether a path is dir or lies below it. Both are clean, slash-separated
// and relative to the same directory, which is ".".
func Within(dir, p string) bool {
	return dir == "." || p == dir || len(p) > len(dir) && p[len(dir)] == '/' && strings.HasPrefix(p, dir)
}

// IsGlob reports whether a pattern can match more than the name that it is.
func IsGlob(pattern string) bool { return strings.ContainsAny(pattern, `*?[{\`) }

// ValidGlob reports whether a pattern can be read: as in Go's path.Match, with
// "**" for any number of directories and "{a,b}" for either.
func ValidGlob(pattern string) bool { return pattern != "" && doublestar.ValidatePattern(pattern) }

// MatchGlob reports whether a slash-separated path matches. A pattern that
// cannot be read matches nothing.
func MatchGlob(pattern, name string) bool {
	ok, err := doublestar.Match(pattern, name)
	return err == nil && ok
}

func matchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return MatchGlob(p, name) })
}
