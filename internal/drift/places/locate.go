// Package places says where in the code something is declared, and who owns the file.
package places

import (
	"io/fs"
	"path"
	"strings"

	"github.com/tfops/tfops/internal/drift/glob"
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
	maxPlaceBytes = 64 << 20
)

// Locate finds the blocks of addresses: resources, data sources, outputs
// ("output.x"), checks ("check.x") and variables ("var.x"), as the plan of the
// root module in dir names them. It follows calls of local modules; what lies
// in a module from elsewhere is placed at the call that leaves the tree. What
// is not found is left out. A block is where it is declared, whatever override
// files change of it.
func Locate(tree fs.FS, dir string, tofu bool, addresses []string) map[string]Place {
	left := &rootmodule.Left{Files: maxPlaceFiles, Bytes: maxPlaceBytes}
	l := &locator{rootmodule.Reader{Tree: tree, Tofu: tofu, Left: left}, map[string]map[string]declared{}}
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
	source string // of the call, with what override files say of it
}

type locator struct {
	reader  rootmodule.Reader
	modules map[string]map[string]declared // by directory, then by address within the module
}

func (l *locator) find(dir, address string) (Place, bool) {
	address, _, _ = strings.Cut(address, " (deposed ")
	var names []string
	for _, s := range glob.Steps(address) {
		if s.Kind == glob.Name {
			names = append(names, s.Text)
		}
	}
	for len(names) > 2 && names[0] == "module" {
		call, ok := l.module(dir)["module."+names[1]]
		if !ok {
			return Place{}, false
		}
		to, local := rootmodule.LocalDir(dir, call.source)
		if !local {
			call.Call = true
			return call.Place, true
		}
		dir, names = to, names[2:]
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
	read, err := l.reader.Read(dir)
	if err != nil {
		return m
	}
	for _, b := range read.Blocks {
		key := blockKey(b.Type, b.Labels)
		if _, twice := m[key]; key == "" || twice {
			continue
		}
		d := declared{Place: Place{File: b.File, Line: b.Line}}
		if b.Type == "module" {
			d.source = b.Text("source")
		}
		m[key] = d
	}
	return m
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
