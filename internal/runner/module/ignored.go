package module

import (
	"archive/zip"
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
	"github.com/tfops/tfops/internal/rootmodule"
)

// plannedCode is where a saved plan holds the code that it was made of, modules from elsewhere too: a directory
// for each call, with the names of the calls that lead there.
const plannedCode = "tfconfig/m-"

// Ignored is what ignore_changes says of resources in the code that a saved plan was made of, by address: paths of
// attributes, or plan.IgnoreAll. What cannot be read ignores nothing.
func Ignored(saved []byte, tofu bool, addresses []string) map[string][]string {
	out := map[string][]string{}
	archive, err := zip.NewReader(bytes.NewReader(saved), int64(len(saved)))
	if err != nil {
		return out
	}
	read := map[string]*rootmodule.Module{}
	left := &rootmodule.Left{Files: maxPlannedFiles, Bytes: maxPlannedBytes}
	for _, address := range addresses {
		key, typ, name := resourceOf(address)
		m, known := read[key]
		if !known {
			m, _ = rootmodule.Reader{Tree: archive, Tofu: tofu, Left: left}.Read(plannedCode + key)
			read[key] = m
		}
		if m == nil {
			continue
		}
		if b := m.Find("resource", typ, name); b != nil {
			out[address] = ignoredBy(b)
		}
	}
	return out
}

const (
	maxPlannedFiles = 20000
	maxPlannedBytes = 64 << 20
)

// resourceOf is the key of a resource's module, and its labels.
func resourceOf(address string) (module, typ, name string) {
	var names, calls []string
	for _, s := range glob.Steps(address) {
		if s.Kind == glob.Name {
			names = append(names, s.Text)
		}
	}
	for len(names) > 2 && names[0] == "module" {
		calls, names = append(calls, names[1]), names[2:]
	}
	if len(names) != 2 {
		return "", "", ""
	}
	return strings.Join(calls, "."), names[0], names[1]
}

func ignoredBy(b *rootmodule.Block) (paths []string) {
	traversals, all := b.IgnoreChanges()
	if all {
		return []string{plan.IgnoreAll}
	}
	for _, t := range traversals {
		path := ""
		for _, step := range t {
			switch step := step.(type) {
			case hcl.TraverseRoot:
				path = step.Name
			case hcl.TraverseAttr:
				path = values.PathKey(path, step.Name)
			case hcl.TraverseIndex:
				if step.Key.Type() == cty.String {
					path = values.PathKey(path, step.Key.AsString())
				} else if i, _ := step.Key.AsBigFloat().Int64(); step.Key.Type() == cty.Number {
					path = values.PathIndex(path, int(i))
				}
			}
		}
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}
