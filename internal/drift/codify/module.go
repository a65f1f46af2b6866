package codify

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

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
	name     string
	body     *hclsyntax.Body
	override bool // it is merged over the others
}

// blocks are the blocks of a type with these labels, overrides last.
func (m *module) blocks(typ string, labels ...string) []*hclsyntax.Block {
	var out []*hclsyntax.Block
	for _, override := range []bool{false, true} {
		for _, f := range m.files {
			if f.override != override {
				continue
			}
			for _, b := range f.body.Blocks {
				if b.Type == typ && slices.Equal(b.Labels, labels) {
					out = append(out, b)
				}
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
	names, err := e.code(dir)
	if err != nil {
		return nil, err
	}
	m := &module{dir: dir, json: map[string][]byte{}}
	for _, name := range names {
		text, err := e.read(name)
		if err != nil {
			return nil, fault.New(fault.Unavailable, "try again", "%s cannot be read: %w", name, err)
		}
		if strings.HasSuffix(name, ".json") {
			m.json[name] = text
			continue
		}
		body, err := parse(name, text)
		if err != nil {
			return nil, err
		}
		stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
		m.files = append(m.files, file{name: name, body: body, override: stem == "override" || strings.HasSuffix(stem, "_override")})
	}
	e.modules[dir] = m
	return m, nil
}

// code is the names of a directory's configuration files, as the engine sees
// them: OpenTofu prefers x.tofu to x.tf.
func (e *editor) code(dir string) ([]string, error) {
	entries, err := fs.ReadDir(e.src.Tree, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "name the directory of a root module; a module in a Git submodule that is not followed is changed in its own repository", "there is no directory %s in the commit", dir)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "try again", "%s cannot be read: %w", dir, err)
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		tf := strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tf.json")
		tofu := strings.HasSuffix(name, ".tofu") || strings.HasSuffix(name, ".tofu.json")
		if !entry.IsDir() && !strings.HasPrefix(name, ".") && (tf || tofu && e.src.Tofu) {
			names = append(names, path.Join(dir, name))
		}
	}
	if !e.src.Tofu {
		return names, nil
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		stem, isTF := strings.CutSuffix(strings.TrimSuffix(n, ".json"), ".tf")
		return isTF && slices.Contains(names, stem+".tofu"+strings.TrimPrefix(n, stem+".tf"))
	}), nil
}

func parse(name string, text []byte) (*hclsyntax.Body, error) {
	const next = "make the file valid, then try again"
	if rootmodule.TooDeep(text) {
		return nil, fault.New(fault.Invalid, next, "%s is too large or nested too deep to read", name)
	}
	f, diags := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, fault.New(fault.Invalid, next, "%s cannot be parsed: %w", name, diags)
	}
	return f.Body.(*hclsyntax.Body), nil // what this parser makes
}

// localSource is the directory that a module block calls; false for a module
// from elsewhere.
func localSource(dir string, call *hclsyntax.Block) (string, bool) {
	a := call.Body.Attributes["source"]
	if a == nil {
		return "", false
	}
	s, ok := rootmodule.PlainText(a.Expr)
	if !ok {
		return "", false
	}
	return localDir(dir, s)
}

// localDir is the directory that a source names; false for one from elsewhere.
func localDir(dir, source string) (string, bool) {
	if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") && source != "." && source != ".." {
		return "", false
	}
	p := path.Join(dir, source)
	return p, fs.ValidPath(p)
}
