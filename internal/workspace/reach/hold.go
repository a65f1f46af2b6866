package reach

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// Hold is why a generator does not find what it made a workspace of, although
// it is in the tree. Only what is not there is gone.
type Hold struct {
	Why    error // a fault
	Unread bool  // nobody knows what is there: it may be as it was
}

// Held says why the generator does not find an origin in a tree that still has
// it; false when the directory, or the var file, is gone. A directory without a
// file of code is gone, too. graph is that of the tree.
func Held(g workspace.Generator, o workspace.Origin, tree fs.FS, graph *Graph) (Hold, bool) {
	if err := graph.Err(); err != nil {
		return Hold{fault.New(fault.Unavailable, "mend the repository, then: tfops poll "+g.Repository,
			"branch %s cannot be read as a whole, so nobody knows whether %s is there: %w", o.Branch, o.Dir, err),
			true}, true
	}
	t := newTree(tree)
	if why, there := t.holds(o.Dir, true); why != nil || !there {
		return Hold{why, true}, why != nil
	}
	file, inTree := join(o.Dir, o.VarFile)
	if o.VarFile != "" {
		if why, there := t.holds(file, false); why != nil || !there {
			return Hold{why, true}, why != nil
		}
	}
	if !takes(g, o) || !inTree {
		return Hold{Why: Unmatched(g, o)}, true
	}
	return graph.noRoot(o.Dir), true
}

// Unmatched is why a match of before is none any more: the configuration says so.
func Unmatched(g workspace.Generator, o workspace.Origin) error {
	what := "directory " + o.Dir + " on branch " + o.Branch
	if o.VarFile != "" {
		what = "var file " + o.VarFile + " of " + what
	}
	return fault.New(fault.Conflict,
		"correct branches, dirs and var_files in tfops.hcl; until then nothing of it is planned",
		"generator %q (%s) does not match %s any more", g.Name, g.Source, what)
}

// takes reports whether the patterns of a generator name an origin.
func takes(g workspace.Generator, o workspace.Origin) bool {
	dirs := slices.ContainsFunc(g.Dirs, func(p string) bool { return workspace.MatchGlob(path.Clean(p), o.Dir) })
	file := len(g.VarFiles) == 0 && o.VarFile == "" || slices.ContainsFunc(g.VarFiles, func(p string) bool {
		full, ok := join(o.Dir, p)
		return ok && workspace.MatchGlob(full, path.Join(o.Dir, o.VarFile))
	})
	return dirs && file && g.MatchesBranch(o.Branch)
}

// holds reports whether a path is there. Where something else lies in its way,
// a link, a submodule or a file, nobody can tell, and why says so.
func (t *tree) holds(p string, dir bool) (why error, there bool) {
	real, links, err := t.resolve(p)
	if err != nil {
		return fault.New(fault.Invalid, "correct the link in the repository", "%s cannot be followed: link %s %w", p,
			links[len(links)-1], err), false
	}
	info, err := fs.Stat(t.fs, real)
	for up := real; errors.Is(err, fs.ErrNotExist) && up != "."; {
		up = path.Dir(up)
		if info, err = fs.Stat(t.fs, up); err == nil {
			if why := t.inTheWay(p, up, info); why != nil || len(links) == 0 {
				return why, false
			}
			return fault.New(fault.Invalid, "correct the link in the repository",
				"%s cannot be followed: link %s leads to nothing", p, links[len(links)-1]), false
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false
	case err != nil:
		return fault.New(fault.Unavailable, "mend the repository", "%s cannot be read: %w", p, err), false
	case !dir && info.IsDir():
		return fault.New(fault.Invalid, "move it away, and commit the file that was there",
			"%s is a directory now, and a var file is expected there", p), false
	case !dir:
		return nil, true
	}
	if why := t.inTheWay(p, real, info); why != nil {
		return why, false
	}
	if len(links) > 0 {
		return fault.New(fault.Invalid, "commit the directory itself: generators pass over links",
			"directory %s is reached through the symbolic link %s", p, links[0]), false
	}
	return nil, slices.ContainsFunc(t.list(real),
		func(e fs.DirEntry) bool { return !e.IsDir() && rootmodule.IsCode(e.Name(), true) })
}

// inTheWay is what lies where a path, or a directory above it, is expected: Git
// knows no empty directory, so one is a submodule.
func (t *tree) inTheWay(p, at string, info fs.FileInfo) error {
	entries, err := fs.ReadDir(t.fs, at)
	switch {
	case !info.IsDir():
		return fault.New(fault.Invalid, "move it away, and commit the directory that was there",
			"%s is a file now, and directory %s is expected there", at, p)
	case err != nil:
		return fault.New(fault.Unavailable, "mend the repository", "directory %s cannot be read: %w", at, err)
	case len(entries) == 0 && at != ".":
		return fault.New(fault.Invalid, "commit the directory itself, or set submodules = true in its repository",
			"%s is a submodule now, and directory %s is expected there", at, p)
	}
	return nil
}

// noRoot is why a directory with code is no root module.
func (g *Graph) noRoot(dir string) Hold {
	files := []moduleFile{}
	for _, tofu := range []bool{true, false} {
		if m := g.module(dir, tofu, g.scan); m != nil {
			files = append(files, m.files...)
		}
	}
	for _, f := range files {
		if f.unread != "" {
			return Hold{fault.New(fault.Invalid, "mend the file and push", "%s cannot be read, line %d: %s",
				path.Join(dir, f.name), f.line, f.unread), true}
		}
	}
	for _, c := range g.Calls() {
		if c.To == dir && c.From != dir {
			return Hold{Why: fault.New(fault.Conflict,
				"remove the call, or set all = true in the workspaces block if both are meant",
				"directory %s is no root module any more: %s calls it, %s:%d", dir, c.From, c.File, c.Line)}
		}
	}
	return Hold{Why: fault.New(fault.Conflict,
		"commit what is missing, or set all = true in the workspaces block, which has it planned as it is",
		"directory %s is no root module any more: its code has no backend, provider, resource or call of a module",
		dir)}
}

// Broken lists the directories that a generator may have been meant to make
// workspaces of, and whose code cannot be read: nobody knows whether they are
// root modules. Such a directory would be missed without a word.
func Broken(g workspace.Generator, branch string, graph *Graph, roots []string) (problems []workspace.Problem) {
	if g.All {
		return nil // it makes workspaces of them, whose runs say it
	}
	called := map[string]bool{}
	for _, c := range graph.Calls() {
		called[c.To] = called[c.To] || c.To != c.From
	}
	graph.each(func(dir string, m *module) {
		_, isRoot := slices.BinarySearch(roots, dir)
		if isRoot || called[dir] || !slices.ContainsFunc(g.Dirs,
			func(p string) bool { return workspace.MatchGlob(path.Clean(p), dir) }) {
			return
		}
		if hold := graph.noRoot(dir); hold.Unread {
			problems = append(problems, workspace.Problem{Where: g.Source, Generator: g.Name,
				Next: fault.Next(hold.Why),
				Message: fmt.Sprintf("generator %q makes no workspace of directory %s on branch %s: %v", g.Name, dir,
					branch, hold.Why)})
		}
	})
	return problems
}
