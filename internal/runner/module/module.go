// Package module reads a root module as far as a phase has to know it before its engine runs: the
// backend, the modules that it calls, the versions that it asks for and the variables that it declares.
package module

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
)

// Module is what is read of a root module's files, and of the local modules
// that it calls, before the engine runs. Only literal text counts; what cannot
// be read is left to the engine, whose messages about it are better.
type Module struct {
	Required  []string // required_version of the root module and of its local modules
	From      []string // the file of each
	Backend   string   // type of its backend, "cloud" for a cloud block, "" without either
	Place     string   // what the backend block says of where the backend is, as text
	Unread    bool     // some file could not be parsed: what is said here may be incomplete
	Empty     bool     // the root module has no files at all
	Providers bool     // some provider is needed that is not built into the engine
	Shape     []string // all that init depends on, as text

	Calls     []ground.ModuleCall // modules from elsewhere, those that local modules call too
	Unknown   bool                // some call names its source by more than plain text
	Variables map[string]bool     // that the root module declares: whether each is ephemeral
}

// moduleReader walks a root module and its local modules.
type moduleReader struct {
	tree  string
	tofu  bool
	left  []job.LeftOut // of the tree
	seen  map[string]bool
	calls map[string][]call // by directory
	out   Module
}

// call is a module block.
type call struct {
	name, source, version string
	local                 string // the directory that it calls; empty for a module from elsewhere
}

// Read reads the root module in dir; tree bounds the local modules.
func Read(tree, dir string, tofu bool, left ...job.LeftOut) (Module, error) {
	r := &moduleReader{tree: tree, tofu: tofu, left: left, seen: map[string]bool{}, calls: map[string][]call{}}
	r.out.Variables = map[string]bool{}
	err := r.read(dir, true)
	r.out.Calls = r.elsewhere(dir, "", nil, new(int))
	return r.out, err
}

// maxCalls is how many calls of modules are followed. A few modules that call each other twice
// stand for any number.
const maxCalls = 20_000

// elsewhere lists the calls of modules from elsewhere in dir and in the local modules
// that it calls, each with its key.
func (r *moduleReader) elsewhere(dir, prefix string, above []string, calls *int) []ground.ModuleCall {
	if slices.Contains(above, dir) { // a module that calls itself is the engine's to refuse
		return nil
	}
	var found []ground.ModuleCall
	for _, c := range r.calls[dir] {
		if *calls++; *calls > maxCalls {
			r.out.Unknown = true
			return found
		}
		if c.local == "" {
			found = append(found, ground.ModuleCall{Key: prefix + c.name, Source: c.source, Version: c.version})
			continue
		}
		found = append(found, r.elsewhere(c.local, prefix+c.name+".", append(above[:len(above):len(above)], dir),
			calls)...)
	}
	return found
}

func (r *moduleReader) read(dir string, root bool) error {
	if r.seen[dir] {
		return nil
	}
	r.seen[dir] = true
	rel, err := filepath.Rel(r.tree, dir)
	if err != nil {
		return err
	}
	m, err := rootmodule.Reader{Tree: os.DirFS(r.tree), Tofu: r.tofu}.Read(filepath.ToSlash(rel))
	if errors.Is(err, fs.ErrNotExist) && !root {
		return nil // the engine will say so
	}
	if err != nil {
		return err
	}
	if root {
		r.out.Empty = len(m.Files) == 0
	}
	r.out.Unread = r.out.Unread || m.Unread
	r.out.Shape = append(r.out.Shape, "module in "+rel)
	for _, f := range m.Files {
		if err := r.file(f); err != nil {
			return err
		}
	}
	r.settings(m.Settings(), root)
	for _, b := range m.Blocks {
		if err := r.block(dir, b, root); err != nil {
			return err
		}
	}
	return nil
}

// file notes what init depends on in the text of a file.
func (r *moduleReader) file(f rootmodule.File) error {
	switch {
	case inputs.IsLFSPointer(f.Source):
		return diagnostics.Refuse(job.CauseBadInput,
			"set lfs = true in the repository block, or put the file into Git itself",
			"%s is a Git LFS pointer, not the file", filepath.FromSlash(f.Path))
	case errors.Is(f.Err, rootmodule.ErrTooDeep), errors.Is(f.Err, rootmodule.ErrTooLarge),
		errors.Is(f.Err, rootmodule.ErrTooCostly):
		return diagnostics.Refuse(job.CauseBadInput, whenRefused(f.Err), "%s is %w", filepath.FromSlash(f.Path), f.Err)
	case f.Source == nil:
		return f.Err
	case f.Err != nil || f.Native() == nil:
		r.out.Shape = append(r.out.Shape, string(f.Source))
		return nil
	}
	for _, b := range f.Native().Blocks {
		switch b.Type {
		case "terraform":
			r.out.Shape = append(r.out.Shape, string(b.Range().SliceBytes(f.Source)))
		case "module":
			r.out.Shape = append(r.out.Shape, callShape(b, f.Source))
		}
	}
	return nil
}

// whenRefused is what to do about a file that is not parsed.
func whenRefused(err error) string {
	switch {
	case errors.Is(err, rootmodule.ErrTooDeep):
		return "write it with fewer brackets within one another"
	case errors.Is(err, rootmodule.ErrTooLarge):
		return "split the file"
	}
	return "move the long text to a file of its own, and read it with file()"
}

// callShape is what of a call of a module init depends on: not the values that it gives,
// which change with most commits.
func callShape(b *hclsyntax.Block, src []byte) string {
	text := "module " + strings.Join(b.Labels, " ")
	for _, name := range []string{"source", "version", "providers"} {
		if a := b.Body.Attributes[name]; a != nil {
			text += "\n" + string(a.Range().SliceBytes(src))
		}
	}
	return text
}

func (r *moduleReader) block(dir string, b *rootmodule.Block, root bool) error {
	switch b.Type {
	case "module":
		return r.call(dir, b)
	case "variable":
		if root {
			r.out.Variables[b.Labels[0]] = b.IsTrue("ephemeral")
		}
	case "provider", "resource", "data", "ephemeral":
		name := b.Labels[0]
		r.out.Shape = append(r.out.Shape, b.Type+" "+name)
		provider, _, _ := strings.Cut(name, "_")
		r.out.Providers = r.out.Providers || provider != "terraform"
	}
	return nil
}

func (r *moduleReader) settings(s rootmodule.Settings, root bool) {
	r.out.Providers = r.out.Providers || s.Providers
	if root {
		r.out.Backend = s.Backend
		if s.Backend != "" && s.Backend != "cloud" {
			r.out.Place = backendText(s.Backend, s.Body)
		}
	}
	for _, v := range s.Versions {
		name := filepath.FromSlash(v.File)
		if root {
			name = path.Base(v.File)
		}
		r.out.Required = append(r.out.Required, v.Constraint)
		r.out.From = append(r.out.From, "required_version in "+name)
	}
}

// backendText is what a backend block says of where the backend is. All schemas
// of a PostgreSQL database share what their first inits make in it, so of its
// block the connection alone counts.
func backendText(kind string, body hcl.Body) string {
	content, _, _ := body.PartialContent(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "conn_str"}, {Name: "address"}},
	})
	conn, address := rootmodule.Literal(content.Attributes["conn_str"]),
		rootmodule.Literal(content.Attributes["address"])
	if place := cmp.Or(conn, address); place != "" || kind == "pg" {
		return place
	}
	attrs, _ := body.JustAttributes() // nested blocks are left out: they say how, not where
	var text []string
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		text = append(text, name+"="+rootmodule.Literal(attrs[name]))
	}
	return strings.Join(text, "\n")
}

// call follows a module block into a local module; others are the engine's.
func (r *moduleReader) call(dir string, b *rootmodule.Block) error {
	name := b.Labels[0]
	if !hclsyntax.ValidIdentifier(name) {
		// The engine refuses it. Until then nothing may be made of it: a package's
		// directory is called by the names of the calls that lead there.
		r.out.Unknown = true
		return nil
	}
	source, version := b.Text("source"), b.Text("version")
	if !rootmodule.IsLocal(source) {
		r.out.Providers = true
		r.out.Unknown = r.out.Unknown || source == "" || version == "" && b.Attr("version") != nil
		r.calls[dir] = append(r.calls[dir], call{name: name, source: source, version: version})
		return nil
	}
	rel, _ := filepath.Rel(r.tree, dir) // read has seen that it can be told
	at, inTree := rootmodule.LocalDir(filepath.ToSlash(rel), source)
	if !inTree {
		return nil // not in the export; the engine will say that it is not there
	}
	local := filepath.Join(r.tree, filepath.FromSlash(at))
	if f := inputs.LeftOutFault(r.left, r.tree, local, "the module "+source); f != nil {
		return f
	}
	if name := inputs.SubmoduleOf(r.tree, local); name != "" {
		return inputs.SubmoduleFault(name, "the module "+source)
	}
	r.calls[dir] = append(r.calls[dir], call{name: name, local: local})
	return r.read(local, false)
}
