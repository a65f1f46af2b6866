package workspace

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Touched is a workspace whose plan a change can change.
type Touched struct {
	Workspace string
	Reason    string // for a person: which path, and what it is to the workspace
}

// Affected tells which workspaces a change touches, in the order of ws.
//
// tree is the tree of the new commit, ws are all workspaces of one repository
// and branch, and paths are what changed, old names and new; nil when that is
// not known, and then every workspace is touched.
//
// A path touches a workspace if it is
//
//   - within its directory, at any depth;
//   - one of its var files;
//   - within a local module that it calls, directly or through others;
//   - behind a symbolic link in one of these, or such a link itself;
//   - named, or within what is named, by a path with ".." in a string of one of
//     these or of its variables, as in file("${path.module}/../shared/x.json");
//   - or unaccounted for: in none of the directories that belong to any of ws.
//     It may be a shared template that is reached in a way nobody can see. Only
//     what is plainly no input to the engine is left out of this last rule:
//     *.md, LICENSE, .gitignore, CODEOWNERS, .github/** and tfops.hcl.
//
// A directory of one workspace accounts for no path of another that lies within
// it, except for the code and values that stand right in it. A workspace whose
// modules cannot be told (HCL that does not parse, a module source that is
// computed, a path made with dirname) is touched by every path.
//
// It errs towards touching: a plan without changes costs little, and a change
// that is never planned costs a lot. What it cannot see is a path into another
// workspace's directory that is put together without a ".." in any string.
func Affected(tree fs.FS, ws []Workspace, paths []string) []Touched {
	a := &affected{tree: newTree(tree), ws: ws}
	for _, p := range paths {
		a.paths = append(a.paths, path.Clean(p))
	}
	var out []Touched
	for _, w := range ws {
		reason := "what changed is not known"
		if paths != nil {
			reason = a.touches(w)
		}
		if reason != "" {
			out = append(out, Touched{w.Name, reason})
		}
	}
	return out
}

type affected struct {
	tree  *tree
	ws    []Workspace
	paths []string
	known *known
}

// touches says why a workspace is touched; "" when it is not. The cheap
// questions come first: most need no file to be read.
func (a *affected) touches(w Workspace) string {
	dir := path.Clean(w.Dir)
	if p := a.first(func(p string) bool { return within(dir, p) }); p != "" {
		return p + " changed, in its directory"
	}
	if len(a.paths) == 0 {
		return ""
	}
	files := a.tree.varFiles(w)
	if p := a.first(func(p string) bool { return slices.Contains(files, p) }); p != "" {
		return p + " changed, one of its var files"
	}
	r := a.tree.reach(dir)
	for i, d := range r.dirs {
		if p := a.first(func(p string) bool { return within(d, p) }); p != "" {
			if i == 0 {
				return fmt.Sprintf("%s changed, in its directory", p)
			}
			return fmt.Sprintf("%s changed, in its module %s", p, d)
		}
	}
	values, hidden := a.tree.values(w, r)
	for _, in := range slices.Concat(r.inputs, values) {
		if p := a.first(func(p string) bool { return within(in.path, p) }); p != "" {
			return fmt.Sprintf("%s changed, %s", p, in.why)
		}
	}
	for _, why := range []string{r.opaque, hidden} {
		if why != "" {
			return fmt.Sprintf("%s changed, and what it depends on cannot be told: %s", a.paths[0], why)
		}
	}
	if p := a.first(func(p string) bool { return !noInput(p) && !a.accounted(p, r.dirs[0]) }); p != "" {
		return p + " changed, which belongs to no known module"
	}
	return ""
}

func (a *affected) first(match func(p string) bool) string {
	if i := slices.IndexFunc(a.paths, match); i >= 0 {
		return a.paths[i]
	}
	return ""
}

// noInput reports whether a path outside of every module is plainly none of
// the engine's business.
func noInput(p string) bool {
	base := path.Base(p)
	return strings.EqualFold(path.Ext(base), ".md") || strings.HasPrefix(base, "LICENSE") ||
		base == ".gitignore" || base == "CODEOWNERS" || base == "tfops.hcl" || within(".github", p)
}

// known is what belongs to any of the workspaces.
type known struct {
	dirs     []string
	varFiles []string
}

// accounted reports whether a path belongs to another workspace than the one
// in dir, which it is known not to touch otherwise.
func (a *affected) accounted(p, dir string) bool {
	if a.known == nil {
		a.known = a.collect()
	}
	if slices.Contains(a.known.varFiles, p) {
		return true
	}
	for _, d := range a.known.dirs {
		if !within(d, p) {
			continue
		}
		if !within(d, dir) || path.Dir(p) == d && (isCode(p) || isVars(p)) {
			return true
		}
	}
	return false
}

func (a *affected) collect() *known {
	k := &known{}
	for _, w := range a.ws {
		k.dirs = append(k.dirs, a.tree.reach(path.Clean(w.Dir)).dirs...)
		k.varFiles = append(k.varFiles, a.tree.varFiles(w)...)
	}
	slices.Sort(k.dirs)
	k.dirs = slices.Compact(k.dirs)
	return k
}
