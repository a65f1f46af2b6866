// Package glob has patterns of addresses and attribute paths.
//
// A glob over addresses or attribute paths is written as these are. In a name
// `*` and `?` stand for any characters and one; `*` as a step for any name or
// quoted key; `**` for any number of steps; `[*]` for any key. In a quoted key of an
// attribute they stand for any characters and one, too: tags["kubernetes.io/*"]. A key that the
// glob leaves out may be any: aws_instance.web is all of its instances, and
// ingress.from_port that of all ingress blocks. `*` and `**` alone are all.
package glob

import (
	"path"
	"strings"

	"github.com/tfops/tfops/internal/fault"
)

// step is one part of an address or path.
type step struct {
	Text string
	Kind stepKind
}

type stepKind int

const (
	Name   stepKind = iota // a name
	index                  // [0] or [*]
	quoted                 // ["a.b"]
)

// Steps takes an address, path or glob apart. What is not well formed is one
// name.
func Steps(s string) []step {
	var out []step
	for s != "" {
		if s[0] == '.' {
			s = s[1:]
			continue
		}
		if s[0] != '[' {
			n := strings.IndexAny(s, ".[")
			if n < 0 {
				n = len(s)
			}
			out = append(out, step{s[:n], Name})
			s = s[n:]
			continue
		}
		k, n := bracket(s)
		if n == 0 {
			return append(out, step{s, Name})
		}
		out = append(out, k)
		s = s[n:]
	}
	return out
}

// bracket reads a key at the beginning of s, and how long it is; 0 when it is
// not closed.
func bracket(s string) (step, int) {
	if !strings.HasPrefix(s, `["`) {
		n := strings.IndexByte(s, ']')
		if n < 0 {
			return step{}, 0
		}
		return step{s[1:n], index}, n + 1
	}
	var b strings.Builder
	for i := 2; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			if i+1 < len(s) && s[i+1] == ']' {
				return step{b.String(), quoted}, i + 2
			}
			return step{}, 0
		default:
			b.WriteByte(s[i])
		}
	}
	return step{}, 0
}

// Glob is a pattern, taken apart.
type Glob struct {
	steps     []step
	addresses bool // of addresses: quoted keys may be left out, and a module stands for all in it
}

// CheckGlob says what is wrong with a glob over addresses or attribute paths;
// the error is a fault.
func Check(pattern string) error {
	for _, s := range Steps(pattern) {
		if s.Kind != Name {
			continue
		}
		if _, err := path.Match(s.Text, ""); err != nil || strings.ContainsAny(s.Text, `["]`) {
			return fault.New(fault.Invalid, `Write it as addresses and attributes are written, e.g. module.*.aws_instance.web[*] or tags["a b"].`,
				"%q is not a pattern of addresses or attributes.", pattern)
		}
	}
	return nil
}

func New(pattern string, addresses bool) Glob {
	if pattern == "*" {
		pattern = "**"
	}
	return Glob{Steps(pattern), addresses}
}

// maxSteps bounds the work on one address; no engine writes longer ones.
const maxSteps = 200

// Matches reports whether the glob is of s, or of what s is a part of.
func (g Glob) Matches(s string) bool {
	at, _, _ := strings.Cut(s, " (deposed ")
	list := Steps(at)
	if len(list) > maxSteps || len(g.steps) > maxSteps {
		return false
	}
	// done[j] says that the pattern's steps so far match the first j of s.
	done := make([]bool, len(list)+1)
	done[0] = true
	for i, p := range g.steps {
		next := make([]bool, len(list)+1)
		for j := range done {
			switch {
			case p == step{"**", Name}:
				next[j] = done[j] || j > 0 && next[j-1]
			case j > 0 && done[j-1] && g.one(p, list[j-1]):
				next[j] = true
			}
			// a key that the pattern leaves out
			if j > 0 && next[j-1] && g.skips(list[j-1]) && (i+1 == len(g.steps) || g.steps[i+1].Kind == Name) {
				next[j] = true
			}
		}
		done = next
	}
	if done[len(list)] {
		return true
	}
	for j := 1; j < len(list); j++ {
		if done[j] && (!g.addresses || endsInModule(list[:j])) {
			return true
		}
	}
	return false
}

// Begins is a quick look at whether a pattern can be of an attribute's path.
func (g Glob) Begins(s string) bool {
	return len(g.steps) == 0 || g.steps[0].Text == "**" || g.one(g.steps[0], step{Root(s), Name})
}

// one reports whether a step of the pattern is of a step of the address.
func (g Glob) one(p, s step) bool {
	switch {
	case p.Kind == index && p.Text == "*":
		return s.Kind != Name
	case p.Kind == quoted && s.Kind == quoted && !g.addresses:
		return matchKey(p.Text, s.Text)
	case p.Kind != Name:
		return p == s
	case s.Kind == index, s.Kind == quoted && (g.addresses || p.Text != "*"):
		return false
	case p.Text == "*":
		return true
	}
	ok, err := path.Match(p.Text, s.Text)
	return ok && err == nil
}

// matchKey matches the key of a map, in which `*` stands for any characters, slashes and dots among them, and `?`
// for one.
func matchKey(pattern, key string) bool {
	star, retry := -1, 0
	p, k := 0, 0
	for k < len(key) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, k
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == key[k]):
			p++
			k++
		case star >= 0: // the last star takes one more
			retry++
			p, k = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// skips reports whether a pattern may leave a step out.
func (g Glob) skips(s step) bool { return s.Kind == index || s.Kind == quoted && g.addresses }

// endsInModule reports whether the steps are the whole address of a module.
func endsInModule(list []step) bool {
	i := 0
	for i+1 < len(list) && list[i] == (step{"module", Name}) && list[i+1].Kind == Name {
		for i += 2; i < len(list) && list[i].Kind != Name; i++ {
		}
	}
	return i > 0 && i == len(list)
}

// MatchName is a glob over plain names, such as those of types and workspaces.
// The empty pattern is all.
func MatchName(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return pattern == "" || ok && err == nil
}

// Root is the attribute at the top level that a path leads into.
func Root(path string) string {
	if i := strings.IndexAny(path, ".["); i > 0 {
		return path[:i]
	}
	return path
}
