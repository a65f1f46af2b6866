package reach

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/workspace"
)

// SubmodulePaths are the paths that a .gitmodules file names, clean and relative to the
// repository's root. It reads what is needed to say that a path lies in one: whether a
// submodule may be followed is told elsewhere.
func SubmodulePaths(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(line, "=")
		value = path.Clean(strings.Trim(strings.TrimSpace(value), `"`))
		if ok && strings.TrimSpace(name) == "path" && inside(value) && value != "." && !path.IsAbs(value) {
			out = append(out, value)
		}
	}
	return out
}

// maxModulesFile bounds what is read of a .gitmodules file, in bytes.
const maxModulesFile = 256 << 10

// submodulesOf are the paths of a tree's submodules, as far as .gitmodules says.
func submodulesOf(tree fs.FS, root *node) []string {
	if root.file(".gitmodules") == nil {
		return nil
	}
	f, err := tree.Open(".gitmodules")
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxModulesFile))
	if err != nil {
		return nil
	}
	return SubmodulePaths(string(text))
}

// submodule is the Git submodule that a path lies in, or "".
func (g *Graph) submodule(p string) string {
	i := slices.IndexFunc(g.submodules, func(s string) bool { return workspace.Within(s, p) })
	if i < 0 {
		return ""
	}
	return g.submodules[i]
}
