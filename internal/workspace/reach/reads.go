package reach

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/tfops/tfops/internal/workspace"
)

// Reading is a path that a workspace reads, or may read.
type Reading struct {
	Path  string
	Chain []Link // from the path to the root module
	Sure  bool   // the code names it; otherwise the code does not tell, and it may be read
}

// Reads tells which of some paths a workspace reads. A path may be a file, or a
// directory of which the tree knows no more than that, as an empty submodule:
// then it is read by whoever reads anything in it. What the workspace ignores is
// read all the same. A workspace that the graph does not have reads nothing.
func (g *Graph) Reads(workspace string, paths []string) []Reading {
	var found []Reading
	for _, r := range g.reaches {
		if r.name != workspace {
			continue
		}
		for _, p := range paths {
			p = path.Clean(p)
			if chain, sure := r.enters(p); chain != nil {
				found = append(found, Reading{p, chain, sure})
			} else if chain := r.depends(p); chain != nil {
				found = append(found, Reading{p, chain, r.surely(p)})
			} else if g.err != nil {
				found = append(found, Reading{p, []Link{{What: "the repository cannot be read"}}, false})
			}
		}
	}
	return found
}

// surely reports whether the code names a path, and it is not only that the code
// cannot be told not to mean it.
func (r *reach) surely(p string) bool {
	dir, base := path.Split(p)
	for i, m := range r.mods {
		if m.dir == path.Clean(dir) && r.own(i, base) != "" {
			return true
		}
	}
	return r.text(p) != nil ||
		slices.ContainsFunc(r.covers, func(c cover) bool { return c.kind != Wide && c.has(p) })
}

// enters is the way on which something within a directory is read.
func (r *reach) enters(dir string) (chain []Link, sure bool) {
	for i, m := range r.mods {
		if workspace.Within(dir, m.dir) {
			return r.chain(i, Link{What: "module in " + m.dir}), true
		}
	}
	for _, c := range r.covers {
		if workspace.Within(dir, c.path) || c.kind == Pattern && workspace.Within(c.path, dir) &&
			mayEnter(c.pattern, dir) {
			return r.chain(c.mod, c.why), c.kind != Wide
		}
	}
	for _, g := range r.watch {
		if base, _ := doublestar.SplitPattern(g); workspace.Within(dir, path.Clean(base)) || mayEnter(g, dir) {
			return []Link{{What: "watch " + g + " of " + r.name}}, true
		}
	}
	return nil, false
}

// mayEnter reports whether a pattern can match something below a directory.
func mayEnter(pattern, dir string) bool {
	if strings.ContainsAny(pattern, "{") {
		return true // an alternative may hold a separator
	}
	return segmentsEnter(strings.Split(path.Clean(pattern), "/"), strings.Split(dir, "/"))
}

func segmentsEnter(pattern, dir []string) bool {
	switch {
	case len(pattern) == 0:
		return false
	case len(dir) == 0:
		return true
	case pattern[0] == "**":
		return segmentsEnter(pattern[1:], dir) || segmentsEnter(pattern, dir[1:])
	}
	return matches(pattern[0], dir[0]) && segmentsEnter(pattern[1:], dir[1:])
}
