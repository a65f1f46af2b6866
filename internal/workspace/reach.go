package workspace

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// reach is what a root module is made of: the directories and files that a
// change of which can change its plan.
type reach struct {
	dirs   []string        // its own and those of the local modules that it calls, links resolved; its own first
	inputs []input         // further paths: symbolic links and their targets, paths that its text names
	climbs []string        // of all its modules
	seen   map[string]bool // directories that were read
	opaque string          // why the list may be incomplete
}

// input is a file, or a directory with all that is in it.
type input struct{ path, why string }

// reach follows the module calls of a root module. It is remembered.
func (t *tree) reach(dir string) *reach {
	if r, ok := t.reaches[dir]; ok {
		return r
	}
	r := &reach{seen: map[string]bool{}}
	t.reaches[dir] = r
	for todo := []string{path.Clean(dir)}; len(todo) > 0; todo = todo[1:] {
		todo = append(todo, t.visit(r, todo[0])...)
	}
	for _, c := range r.climbs {
		for _, d := range r.dirs {
			if p, ok := join(d, c); ok {
				t.name(r, p)
			}
		}
	}
	return r
}

// name adds a path that the text of a module names, and what lies behind it.
func (t *tree) name(r *reach, p string) {
	why := "which " + r.dirs[0] + " names"
	r.add(input{p, why})
	real, links, err := t.resolve(p)
	if err != nil {
		return // the engine cannot read it either
	}
	for _, l := range append(links, real) {
		r.add(input{l, why})
	}
	if info, err := fs.Stat(t.fs, real); err == nil && info.IsDir() {
		t.follow(r, real)
	}
}

func (r *reach) add(i input) {
	if !slices.Contains(r.inputs, i) {
		r.inputs = append(r.inputs, i)
	}
}

// visit adds one directory and returns those that it leads to.
func (t *tree) visit(r *reach, dir string) (more []string) {
	real, links, err := t.resolve(dir)
	for _, l := range links {
		r.add(input{l, "a symbolic link on the way to " + dir})
	}
	if err != nil {
		r.hide("%s %v", dir, err)
		return nil
	}
	if r.seen[real] {
		return nil
	}
	r.seen[real] = true
	r.dirs = append(r.dirs, real)
	m := t.module(real)
	if m.opaque != "" {
		r.hide("%s", m.opaque)
	}
	r.climbs = append(r.climbs, m.climbs...)
	for _, c := range m.calls {
		// The engine joins some paths as text, and the system others along the links.
		for _, from := range []string{dir, real} {
			if p, ok := join(from, c); ok {
				more = append(more, p)
			}
		}
	}
	t.follow(r, real)
	return more
}

func (r *reach) hide(format string, args ...any) {
	if r.opaque == "" {
		r.opaque = fmt.Sprintf(format, args...)
	}
}

// follow adds the targets of the symbolic links in a directory and below it,
// and of those in the targets.
func (t *tree) follow(r *reach, dir string) {
	err := t.linksBelow(dir, func(link string) {
		if t.links == nil {
			r.hide("%s is a symbolic link, which cannot be read here", link)
			return
		}
		real, _, err := t.resolve(link)
		if err != nil {
			r.hide("%s %v", link, err)
			return
		}
		target := input{real, "which " + link + " is a link to"}
		if slices.Contains(r.inputs, target) || within(dir, real) {
			return
		}
		r.add(target)
		if info, err := fs.Stat(t.fs, real); err == nil && info.IsDir() {
			t.follow(r, real)
		}
	})
	if err != nil {
		r.hide("%s cannot be read", dir)
	}
}

// varFiles lists the var files of a workspace that lie in the repository: as
// configured, where links lead, and the links.
func (t *tree) varFiles(w Workspace) (files []string) {
	for _, f := range w.VarFiles {
		p, ok := join(w.Dir, f)
		if !ok {
			continue
		}
		files = append(files, p)
		if real, links, err := t.resolve(p); err == nil {
			files = append(append(files, links...), real)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// values lists the paths that climb in a workspace's inputs: its variables and
// its var files. They are relative to any of its modules.
func (t *tree) values(w Workspace, r *reach) (inputs []input, opaque string) {
	m := &module{root: true}
	for _, v := range w.Variables {
		bare, _ := v.UnmarkDeep()
		_ = cty.Walk(bare, func(_ cty.Path, e cty.Value) (bool, error) {
			if e.Type() == cty.String && e.IsKnown() && !e.IsNull() {
				m.climbs = append(m.climbs, climbing(e.AsString(), false)...)
			}
			return true, nil
		})
	}
	for _, f := range w.VarFiles {
		if p, ok := join(w.Dir, f); ok {
			if src, err := t.read(p); err == nil {
				m.scan(p, src)
			}
		}
	}
	for _, c := range m.climbs {
		for _, d := range r.dirs {
			if p, ok := join(d, c); ok {
				inputs = append(inputs, input{p, "which its variables name"})
			}
		}
	}
	return inputs, m.opaque
}
