// Package module reads a root module as far as a phase has to know it before its engine runs: the
// backend, the modules that it calls, the versions that it asks for and the variables that it declares.
package module

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/rootmodule"
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

	Calls     []ground.ModuleCall     // modules from elsewhere, those that local modules call too
	Unknown   bool                    // some call names its source by more than plain text
	Variables map[string]rootVariable // that the root module declares
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
	err := r.read(dir, true)
	r.out.Calls = r.elsewhere(dir, "", nil)
	return r.out, err
}

// elsewhere lists the calls of modules from elsewhere in dir and in the local modules
// that it calls, each with its key.
func (r *moduleReader) elsewhere(dir, prefix string, above []string) []ground.ModuleCall {
	if slices.Contains(above, dir) { // a module that calls itself is the engine's to refuse
		return nil
	}
	var found []ground.ModuleCall
	for _, c := range r.calls[dir] {
		if c.local == "" {
			found = append(found, ground.ModuleCall{Key: prefix + c.name, Source: c.source, Version: c.version})
			continue
		}
		found = append(found, r.elsewhere(c.local, prefix+c.name+".", append(above[:len(above):len(above)], dir))...)
	}
	return found
}

func (r *moduleReader) read(dir string, root bool) error {
	if r.seen[dir] {
		return nil
	}
	r.seen[dir] = true
	names, err := configFiles(dir, r.tofu)
	if errors.Is(err, fs.ErrNotExist) && !root {
		return nil // the engine will say so
	}
	if err != nil {
		return err
	}
	if root {
		r.out.Empty = len(names) == 0
	}
	rel, err := filepath.Rel(r.tree, dir)
	if err != nil {
		return err
	}
	r.out.Shape = append(r.out.Shape, "module in "+rel)
	for _, name := range names {
		path := filepath.Join(dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if inputs.IsLFSPointer(src) {
			return diagnostics.Refuse(job.CauseBadInput, "set lfs = true in the repository block, or put the file into Git itself",
				"%s is a Git LFS pointer, not the file", filepath.Join(rel, name))
		}
		if rootmodule.Deep(src) {
			return diagnostics.Refuse(job.CauseBadInput, "write it with fewer brackets within one another", "%s is nested too deep to be read", filepath.Join(rel, name))
		}
		if err := r.file(path, src, root); err != nil {
			return err
		}
	}
	return nil
}

// configFiles are the names of the configuration files in dir, as the engine
// sees them: OpenTofu prefers x.tofu to x.tf.
func configFiles(dir string, tofu bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		n := e.Name()
		if e.IsDir() || strings.HasPrefix(n, ".") || strings.HasSuffix(n, "~") {
			continue
		}
		if isConfig(n, ".tf") || tofu && isConfig(n, ".tofu") {
			names = append(names, n)
		}
	}
	if !tofu {
		return names, nil
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return isConfig(n, ".tf") && slices.Contains(names, strings.Replace(n, ".tf", ".tofu", 1))
	}), nil
}

func isConfig(name, ext string) bool {
	return strings.HasSuffix(name, ext) || strings.HasSuffix(name, ext+".json")
}

var (
	fileSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "terraform"},
		{Type: "module", LabelNames: []string{"name"}},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "provider", LabelNames: []string{"name"}},
		{Type: "resource", LabelNames: []string{"type", "name"}},
		{Type: "data", LabelNames: []string{"type", "name"}},
		{Type: "ephemeral", LabelNames: []string{"type", "name"}},
		{Type: "check", LabelNames: []string{"name"}},
	}}
	terraformSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "required_version"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "backend", LabelNames: []string{"type"}}, {Type: "cloud"}, {Type: "required_providers"}},
	}
	moduleSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source"}, {Name: "version"}}}
)

func (r *moduleReader) file(path string, src []byte, root bool) error {
	var f *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(path, ".json") {
		f, diags = json.Parse(src, path)
	} else {
		f, diags = hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	}
	if diags.HasErrors() || f == nil {
		r.out.Unread = true
		r.out.Shape = append(r.out.Shape, string(src))
		return nil
	}
	content, _, diags := f.Body.PartialContent(fileSchema)
	if diags.HasErrors() {
		r.out.Unread = true
	}
	native, isNative := f.Body.(*hclsyntax.Body)
	if !isNative {
		r.out.Shape = append(r.out.Shape, string(src))
	} else {
		for _, b := range native.Blocks {
			switch b.Type {
			case "terraform":
				r.out.Shape = append(r.out.Shape, string(b.Range().SliceBytes(src)))
			case "module":
				r.out.Shape = append(r.out.Shape, callShape(b, src))
			}
		}
	}
	for _, b := range content.Blocks {
		if err := r.block(path, b, root); err != nil {
			return err
		}
	}
	return nil
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

func (r *moduleReader) block(path string, b *hcl.Block, root bool) error {
	switch b.Type {
	case "terraform":
		r.terraform(path, b.Body, root)
	case "module":
		return r.call(filepath.Dir(path), b.Labels[0], b.Body)
	case "variable":
		if root {
			r.variable(path, b)
		}
	case "check": // may hold a data source
		content, _, _ := b.Body.PartialContent(fileSchema)
		for _, inner := range content.Blocks {
			if err := r.block(path, inner, false); err != nil {
				return err
			}
		}
	default:
		name := b.Labels[0]
		r.out.Shape = append(r.out.Shape, b.Type+" "+name)
		provider, _, _ := strings.Cut(name, "_")
		r.out.Providers = r.out.Providers || provider != "terraform"
	}
	return nil
}

func (r *moduleReader) terraform(path string, body hcl.Body, root bool) {
	content, _, _ := body.PartialContent(terraformSchema)
	for _, b := range content.Blocks {
		switch {
		case b.Type == "required_providers":
			r.out.Providers = true
		case !root:
		case b.Type == "backend":
			r.out.Backend, r.out.Place = b.Labels[0], backendText(b.Labels[0], b.Body)
		case b.Type == "cloud":
			r.out.Backend = "cloud"
		}
	}
	if v := inputs.LiteralText(content.Attributes["required_version"]); v != "" {
		name := filepath.Base(path)
		if !root {
			name, _ = filepath.Rel(r.tree, path) // both are absolute
		}
		r.out.Required = append(r.out.Required, v)
		r.out.From = append(r.out.From, "required_version in "+name)
	}
}

// backendText is what a backend block says of where the backend is. All schemas
// of a PostgreSQL database share what their first inits make in it, so of its
// block the connection alone counts.
func backendText(kind string, body hcl.Body) string {
	content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "conn_str"}, {Name: "address"}}})
	if place := cmp.Or(inputs.LiteralText(content.Attributes["conn_str"]), inputs.LiteralText(content.Attributes["address"])); place != "" || kind == "pg" {
		return place
	}
	attrs, _ := body.JustAttributes() // nested blocks are left out: they say how, not where
	var text []string
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		text = append(text, name+"="+inputs.LiteralText(attrs[name]))
	}
	return strings.Join(text, "\n")
}

// call follows a module block into a local module; others are the engine's.
func (r *moduleReader) call(dir, name string, body hcl.Body) error {
	if !hclsyntax.ValidIdentifier(name) {
		// The engine refuses it. Until then nothing may be made of it: a package's
		// directory is called by the names of the calls that lead there.
		r.out.Unknown = true
		return nil
	}
	content, _, _ := body.PartialContent(moduleSchema)
	source, version := inputs.LiteralText(content.Attributes["source"]), inputs.LiteralText(content.Attributes["version"])
	if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		r.out.Providers = true
		r.out.Unknown = r.out.Unknown || source == "" || version == "" && content.Attributes["version"] != nil
		r.calls[dir] = append(r.calls[dir], call{name: name, source: source, version: version})
		return nil
	}
	local := filepath.Join(dir, filepath.FromSlash(source))
	if !inputs.Within(r.tree, local) {
		return nil // not in the export; the engine will say that it is not there
	}
	if f := inputs.LeftOutFault(r.left, r.tree, local, "the module "+source); f != nil {
		return f
	}
	if name := inputs.SubmoduleOf(r.tree, local); name != "" {
		return inputs.SubmoduleFault(name, "the module "+source)
	}
	r.calls[dir] = append(r.calls[dir], call{name: name, local: local})
	return r.read(local, false)
}
