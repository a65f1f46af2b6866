package drift

import (
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"

	"github.com/tfops/tfops/internal/rootmodule"
)

// Place is where something is declared.
type Place struct {
	File string `json:"file"` // relative to the tree's root
	Line int    `json:"line"`
	Call bool   `json:"call,omitempty"` // it is the call of a module whose text is not in the tree
}

// What Locate reads at most. A repository that has more keeps the findings
// that it does not reach without a place.
const (
	maxPlaceDirs  = 2000
	maxPlaceFiles = 20000
	maxPlaceBytes = 256 << 20
)

// Locate finds the blocks of addresses: resources, data sources, outputs
// ("output.x"), checks ("check.x") and variables ("var.x"), as the plan of the
// root module in dir names them. It follows calls of local modules; what lies
// in a module from elsewhere is placed at the call that leaves the tree. What
// is not found is left out.
func Locate(tree fs.FS, dir string, addresses []string) map[string]Place {
	l := &locator{tree: tree, modules: map[string]map[string]declared{}}
	out := map[string]Place{}
	for _, a := range addresses {
		if p, ok := l.find(path.Clean(dir), a); ok {
			out[a] = p
		}
	}
	return out
}

// declared is a block, with what it calls if it is a module's.
type declared struct {
	Place
	source string // a local path; empty for a module from elsewhere
}

type locator struct {
	tree    fs.FS
	modules map[string]map[string]declared // by directory, then by address within the module
	files   int
	bytes   int
}

func (l *locator) find(dir, address string) (Place, bool) {
	address, _, _ = strings.Cut(address, " (deposed ")
	var names []string
	for _, s := range steps(address) {
		if s.kind == name {
			names = append(names, s.text)
		}
	}
	for len(names) > 2 && names[0] == "module" {
		call, ok := l.module(dir)["module."+names[1]]
		switch {
		case !ok:
			return Place{}, false
		case call.source == "":
			call.Call = true
			return call.Place, true
		}
		dir, names = path.Join(dir, call.source), names[2:]
	}
	d, ok := l.module(dir)[strings.Join(names, ".")]
	return d.Place, ok
}

// module reads the blocks of a directory, once.
func (l *locator) module(dir string) map[string]declared {
	if m, ok := l.modules[dir]; ok {
		return m
	}
	m := map[string]declared{}
	if len(l.modules) >= maxPlaceDirs || !fs.ValidPath(dir) {
		return m
	}
	l.modules[dir] = m
	entries, err := fs.ReadDir(l.tree, dir)
	if err != nil {
		return m
	}
	for _, e := range entries {
		file := path.Join(dir, e.Name())
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !isModuleFile(e.Name()) {
			continue
		}
		for key, d := range l.file(file) {
			if old, twice := m[key]; !twice || isOverride(old.File) {
				m[key] = d
			}
		}
	}
	return m
}

func isModuleFile(name string) bool {
	return slices.ContainsFunc([]string{".tf", ".tf.json", ".tofu", ".tofu.json"}, func(s string) bool { return strings.HasSuffix(name, s) })
}

// isOverride reports whether a file only changes blocks of other files.
func isOverride(file string) bool {
	stem, _, _ := strings.Cut(path.Base(file), ".")
	return stem == "override" || strings.HasSuffix(stem, "_override")
}

func (l *locator) file(file string) map[string]declared {
	info, err := fs.Stat(l.tree, file)
	if err != nil || info.IsDir() || info.Size() > rootmodule.MaxHCL {
		return nil
	}
	if l.files++; l.files > maxPlaceFiles {
		return nil
	}
	if l.bytes += int(info.Size()); l.bytes > maxPlaceBytes {
		return nil
	}
	src, err := fs.ReadFile(l.tree, file)
	if err != nil || rootmodule.TooDeep(src) {
		return nil
	}
	if strings.HasSuffix(file, ".json") {
		return jsonBlocks(file, src)
	}
	f, _ := hclsyntax.ParseConfig(src, file, hcl.InitialPos) // what can be read of it will do
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	out := map[string]declared{}
	for _, b := range body.Blocks {
		key := blockKey(b.Type, b.Labels)
		if key == "" {
			continue
		}
		d := declared{Place: Place{File: file, Line: b.TypeRange.Start.Line}}
		if a := b.Body.Attributes["source"]; b.Type == "module" && a != nil {
			d.source = localSource(a.Expr)
		}
		out[key] = d
		for _, inner := range b.Body.Blocks { // a data source within a check
			if k := blockKey(inner.Type, inner.Labels); b.Type == "check" && strings.HasPrefix(k, "data.") {
				out[k] = declared{Place: Place{File: file, Line: inner.TypeRange.Start.Line}}
			}
		}
	}
	return out
}

// blockKey is the address within its module of what a block declares.
func blockKey(typ string, labels []string) string {
	switch {
	case typ == "resource" && len(labels) == 2:
		return labels[0] + "." + labels[1]
	case (typ == "data" || typ == "ephemeral") && len(labels) == 2:
		return typ + "." + labels[0] + "." + labels[1]
	case (typ == "module" || typ == "output" || typ == "check") && len(labels) == 1:
		return typ + "." + labels[0]
	case typ == "variable" && len(labels) == 1:
		return "var." + labels[0]
	}
	return ""
}

// localSource is the source of a module that lies in the tree; empty for others.
func localSource(expr hcl.Expression) string {
	s, ok := rootmodule.PlainText(expr)
	s = strings.ReplaceAll(s, `\`, "/")
	if ok && (strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || s == "." || s == "..") {
		return s
	}
	return ""
}

var placeSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "resource", LabelNames: []string{"type", "name"}}, {Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "ephemeral", LabelNames: []string{"type", "name"}}, {Type: "module", LabelNames: []string{"name"}},
	{Type: "output", LabelNames: []string{"name"}}, {Type: "check", LabelNames: []string{"name"}}, {Type: "variable", LabelNames: []string{"name"}},
}}

func jsonBlocks(file string, src []byte) map[string]declared {
	if !json.Valid(src) { // it bounds the depth, too
		return nil
	}
	f, diags := hcljson.Parse(src, file)
	if diags.HasErrors() {
		return nil
	}
	content, _, _ := f.Body.PartialContent(placeSchema)
	out := map[string]declared{}
	for _, b := range content.Blocks {
		d := declared{Place: Place{File: file, Line: b.DefRange.Start.Line}}
		if n := len(b.LabelRanges); n > 0 {
			d.Line = b.LabelRanges[n-1].Start.Line
		}
		if b.Type == "module" {
			inner, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source"}}})
			if a := inner.Attributes["source"]; a != nil {
				d.source = localSource(a.Expr)
			}
		}
		out[blockKey(b.Type, b.Labels)] = d
	}
	return out
}
