package codify

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
)

// editor holds the files as they are read and as they are after the edits so
// far. A module is read anew after an edit of one of its files.
type editor struct {
	src     Source
	was     map[string][]byte // as read
	now     map[string][]byte // as edited
	modules map[string]*module
	callers map[string][]hcl.Range // calls of local modules in the whole tree, by directory; nil: not looked for yet
	edits   int                    // how many there were for the change at hand
}

// module is the source of one directory.
type module struct {
	dir   string
	files []file
	json  map[string][]byte // files in JSON syntax
}

type file struct {
	name string
	body *hclsyntax.Body
}

// blocks are the blocks of a type with these labels, overrides last.
func (m *module) blocks(typ string, labels ...string) []*hclsyntax.Block {
	var out []*hclsyntax.Block
	for _, f := range m.files {
		for _, b := range f.body.Blocks {
			if b.Type == typ && slices.Equal(b.Labels, labels) {
				out = append(out, b)
			}
		}
	}
	return out
}

func (e *editor) read(name string) ([]byte, error) {
	if text, ok := e.now[name]; ok {
		return text, nil
	}
	text, err := fs.ReadFile(e.src.Tree, name)
	if err != nil {
		return nil, err
	}
	e.was[name], e.now[name] = text, text
	return text, nil
}

// restore takes back the edits since now was copied.
func (e *editor) restore(now map[string][]byte) {
	for name, text := range e.was {
		if _, ok := now[name]; !ok {
			now[name] = text
		}
	}
	e.now = now
	e.forget()
}

// forget drops what was parsed.
func (e *editor) forget() {
	e.modules = map[string]*module{}
	e.callers = nil
}

// module reads and parses a directory.
func (e *editor) module(dir string) (*module, error) {
	if m, ok := e.modules[dir]; ok {
		return m, nil
	}
	names, err := rootmodule.Names(e.src.Tree, dir, e.src.Tofu)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "name the directory of a root module; a module in a Git submodule that is not followed is changed in its own repository", "there is no directory %s in the commit", dir)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "try again", "%s cannot be read: %w", dir, err)
	}
	m := &module{dir: dir, json: map[string][]byte{}}
	for _, name := range names {
		name = path.Join(dir, name)
		text, err := e.read(name)
		if err != nil {
			return nil, fault.New(fault.Unavailable, "try again", "%s cannot be read: %w", name, err)
		}
		if rootmodule.IsJSON(name) {
			m.json[name] = text
			continue
		}
		body, err := parse(name, text)
		if err != nil {
			return nil, err
		}
		m.files = append(m.files, file{name, body})
	}
	e.modules[dir] = m
	return m, nil
}

func parse(name string, text []byte) (*hclsyntax.Body, error) {
	const next = "make the file valid, then try again"
	if rootmodule.TooDeep(text) {
		return nil, fault.New(fault.Invalid, next, "%s is too large or nested too deep to read", name)
	}
	body, err := rootmodule.Parse(name, text)
	if err != nil {
		return nil, fault.New(fault.Invalid, next, "%s cannot be parsed: %w", name, err)
	}
	return body.(*hclsyntax.Body), nil // what its parser makes of what is no JSON
}
