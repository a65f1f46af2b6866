package starter

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

// blocks are the workspaces of one root module: one for each environment, or one.
func (w writer) blocks(dir string) string {
	if w.tree == nil {
		return block(w.name(dir), dir, "")
	}
	all, backend := environmentsOf(w.tree, dir), backendOf(w.tree, dir)
	named := all.named()
	if len(named) == 0 {
		in := inputsOf(w.tree, dir, nil, true)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			for _, f := range all[name].varFiles {
				if strings.Contains(f, "/") { // inputsOf has the others
					in.varFiles = append(in.varFiles, f)
				}
			}
		}
		name := w.name(dir)
		only := environment{backendFiles: all[""].backendFiles}
		return block(name, dir, backend.lines(name, only)+in.String())
	}
	var out []string
	for _, e := range named {
		name, lines := w.name(path.Join(dir, e.name)), ""
		if len(e.varFiles) > 0 {
			lines = "  " + list("var_files", e.varFiles)
		}
		lines += backend.lines(name, e) + inputsOf(w.tree, dir, e.varFiles, len(e.varFiles) == 0).String()
		out = append(out, block(name, dir, lines))
	}
	return strings.Join(out, "\n")
}

// block is one workspace block; its lines after the first are those given.
func block(name, dir, lines string) string {
	src := fmt.Sprintf("workspace %s {\n  dir = %s\n%s}\n", text(name), text(dir), lines)
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "  #") { // there is something to align
			return string(hclwrite.Format([]byte(src)))
		}
	}
	return src
}
