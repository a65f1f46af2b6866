package reach

import (
	"slices"

	"github.com/tfops/tfops/internal/rootmodule"
)

// module is what the files of one directory say together. It is shared by
// equal directories and never changes.
type module struct {
	root     bool // it has a backend, a provider, a resource or a call of a module
	calls    []fileCall
	locals   map[string]*expr
	vars     map[string]*expr // with their defaults; nil is none
	types    map[string]*expr // what the types of variables fill in
	attrs    map[string]*expr
	files    []moduleFile
	backends []Backend // the one that counts is the last
	remotes  []RemoteState
}

// moduleFile is a file of a module with its facts.
type moduleFile struct {
	name string
	*facts
}

type fileCall struct {
	file string
	callFacts
}

const lockFile = ".terraform.lock.hcl"

// modulesOf makes the modules of a directory's files: as OpenTofu sees them,
// which is what counts where the engine is not known, and as Terraform does;
// nil when there is no code. With links it makes none unless read is given,
// which reads what a link leads to.
func modulesOf(files []leaf, linked bool, read func(leaf) *facts) (tofu, plain *module) {
	if linked && read == nil {
		return nil, nil
	}
	var names []string
	known := map[string]moduleFile{}
	for _, f := range files {
		if !rootmodule.IsCode(f.name, true) {
			continue
		}
		m := moduleFile{f.name, f.facts}
		if f.link {
			m.facts = read(f)
		}
		names, known[f.name] = append(names, f.name), m
	}
	pick := func(tofu bool) (out []moduleFile) {
		for _, name := range rootmodule.Select(names, tofu) {
			out = append(out, known[name])
		}
		return out
	}
	all, some := pick(true), pick(false)
	tofu = merge(all)
	if slices.Equal(all, some) {
		return tofu, tofu
	}
	return tofu, merge(some)
}

// merge puts files together, which are in the order of the engine.
func merge(files []moduleFile) *module {
	if len(files) == 0 {
		return nil
	}
	m := &module{locals: map[string]*expr{}, vars: map[string]*expr{}, types: map[string]*expr{},
		attrs: map[string]*expr{}, files: files}
	for _, f := range files {
		m.root = m.root || f.root
		for _, b := range f.locals {
			m.locals[b.name] = b.expr
		}
		for _, b := range f.vars {
			if _, known := m.vars[b.name]; !known || b.expr != nil {
				m.vars[b.name] = b.expr
			}
			if b.typ != nil {
				m.types[b.name] = b.typ
			}
		}
		for _, b := range f.attrs {
			m.attrs[b.name] = b.expr
		}
		for _, c := range f.calls {
			m.call(f.name, c)
		}
		for _, b := range f.backends {
			b.File = f.name
			m.backends = append(m.backends, b)
		}
		for _, s := range f.remotes {
			s.File = f.name
			m.remotes = append(m.remotes, s)
		}
	}
	return m
}

// call adds a call, or what an override file says of one.
func (m *module) call(file string, c callFacts) {
	i := slices.IndexFunc(m.calls, func(o fileCall) bool { return o.name == c.name })
	if i < 0 || !rootmodule.IsOverride(file) {
		m.calls = append(m.calls, fileCall{file, c})
		return
	}
	old := &m.calls[i]
	if c.source != nil {
		old.file, old.line, old.source, old.written = file, c.line, c.source, c.written
	}
	old.args = slices.Concat(c.args, old.args) // the first of a name counts
}

// arg is what a call passes for a variable; nil when nothing.
func (c *callFacts) arg(name string) *expr {
	for _, a := range c.args {
		if a.name == name {
			return a.expr
		}
	}
	return nil
}
