// Package hclsource reads the HCL sources of a workspace, finds in them what an address
// and a path name, and edits them so that all else stays as it is written.
package hclsource

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

// Source is the configuration of one workspace.
type Source struct {
	Tree      fs.FS    // of the commit, from the root of the repository
	Dir       string   // of the root module within Tree, "." for the root
	VarFiles  []string // files of values given to the engine, in order, relative to Dir
	Variables []string // names of root variables that are set outside of the repository
	// directories and files, from the root of the repository, that other workspaces read as their own; no edit is made
	// there
	Shared []string
	// Submodules are paths of Git submodules whose files Tree has: they belong to other
	// repositories, and no edit is made there.
	Submodules []string
	Tofu       bool // the engine is OpenTofu, which prefers x.tofu to x.tf
}

// Sources holds the files as they are read and as they are after the edits so
// far. A module is read anew after an edit of one of its files.
type Sources struct {
	Src     Source
	Was     map[string][]byte // as read
	Now     map[string][]byte // as edited
	modules map[string]*module
	callers map[string][]hcl.Range // calls of local modules in the whole tree, by directory; nil: not looked for yet
	Edits   int                    // how many there were for the change at hand
}

// New has the sources as they are, not edited yet.
func New(s Source) *Sources {
	return &Sources{Src: s, Now: map[string][]byte{}, Was: map[string][]byte{}, modules: map[string]*module{}}
}

// module is the source of one directory.
type module struct {
	dir   string
	files []*hclsyntax.Body
	json  map[string][]byte // files in JSON syntax
}

// Blocks are the blocks of a type with these labels, overrides last.
func (m *module) Blocks(typ string, labels ...string) []*hclsyntax.Block {
	var out []*hclsyntax.Block
	for _, f := range m.files {
		for _, b := range f.Blocks {
			if b.Type == typ && slices.Equal(b.Labels, labels) {
				out = append(out, b)
			}
		}
	}
	return out
}

func (e *Sources) Read(name string) ([]byte, error) {
	if text, ok := e.Now[name]; ok {
		return text, nil
	}
	text, err := fs.ReadFile(e.Src.Tree, name)
	if err != nil {
		return nil, err
	}
	e.Was[name], e.Now[name] = text, text
	return text, nil
}

// Restore takes back the edits since now was copied.
func (e *Sources) Restore(now map[string][]byte) {
	for name, text := range e.Was {
		if _, ok := now[name]; !ok {
			now[name] = text
		}
	}
	e.Now = now
	e.forget()
}

// forget drops what was parsed.
func (e *Sources) forget() {
	e.modules = map[string]*module{}
	e.callers = nil
}

// module reads and parses a directory.
func (e *Sources) module(dir string) (*module, error) {
	if m, ok := e.modules[dir]; ok {
		return m, nil
	}
	names, err := rootmodule.Names(e.Src.Tree, dir, e.Src.Tofu)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "name the directory of a root module; a module in a Git submodule "+
			"that is not followed is changed in its own repository", "there is no directory %s in the commit", dir)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "try again", "%s cannot be read: %w", dir, err)
	}
	m := &module{dir: dir, json: map[string][]byte{}}
	for _, name := range names {
		name = path.Join(dir, name)
		text, err := e.Read(name)
		if err != nil {
			return nil, fault.New(fault.Unavailable, "try again", "%s cannot be read: %w", name, err)
		}
		if rootmodule.IsJSON(name) {
			m.json[name] = text
			continue
		}
		body, err := Parse(name, text)
		if err != nil {
			return nil, err
		}
		m.files = append(m.files, body)
	}
	e.modules[dir] = m
	return m, nil
}

func Parse(name string, text []byte) (*hclsyntax.Body, error) {
	const next = "make the file valid, then try again"
	body, err := rootmodule.ParseNative(name, text)
	if err != nil {
		return nil, fault.New(fault.Invalid, next, "%s cannot be parsed: %w", name, err)
	}
	return body, nil
}

// Local is a local value; that of an override counts.
func (m *module) Local(name string) *hclsyntax.Attribute {
	var found *hclsyntax.Attribute
	for _, b := range m.Blocks("locals") {
		if a := b.Body.Attributes[name]; a != nil {
			found = a
		}
	}
	return found
}
