package reach

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// Discover lists the root modules of a tree, sorted: the directories that have
// a backend, a provider, a resource or a call of a module, and that no module
// of the tree calls. Directories whose name begins with a dot are passed over.
func Discover(fsys fs.FS) []string { return NewIndex().Graph(fsys, nil).Roots() }

// Check reports whether the directory and the var files of a workspace are in
// a commit's tree. The error is a fault that says what there is instead.
func Check(w workspace.Workspace, fsys fs.FS) error {
	t := newTree(fsys)
	dir := path.Clean(w.Dir)
	info, err := t.stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !leadsNowhere(err):
		return fault.New(fault.NotFound, rootsHint(fsys, dir), "the repository has no directory %s", dir)
	case err != nil:
		return fault.New(fault.Invalid, "correct dir in tfops.hcl, or the link in the repository", "directory %s: %w",
			dir, err)
	case !info.IsDir():
		return fault.New(fault.Invalid, "set dir to the directory of a root module", "%s is a file, not a directory",
			dir)
	}
	real, _, _ := t.resolve(dir)
	if !slices.ContainsFunc(t.list(real), func(e fs.DirEntry) bool {
		return !e.IsDir() &&
			rootmodule.IsCode(e.Name(), true)
	}) {
		return fault.New(fault.NotFound, rootsHint(fsys, dir), "directory %s has no .tf file", dir)
	}
	for _, f := range w.VarFiles {
		p, ok := join(dir, f)
		if !ok {
			return fault.New(fault.Invalid, "correct var_files in tfops.hcl",
				"var file %s lies outside of the repository", f)
		}
		switch info, err := t.stat(p); {
		case errors.Is(err, fs.ErrNotExist) && !leadsNowhere(err):
			return fault.New(fault.NotFound, t.varsHint(p), "the repository has no var file %s", p)
		case err != nil:
			return fault.New(fault.Invalid, "correct var_files in tfops.hcl, or the link in the repository",
				"var file %s: %w", p, err)
		case info.IsDir():
			return fault.New(fault.Invalid, "correct var_files in tfops.hcl", "var file %s is a directory", p)
		}
	}
	return nil
}

// maxListed is how many names a hint lists.
const maxListed = 10

// rootsHint is what to do about a directory that is not there.
func rootsHint(fsys fs.FS, dir string) string {
	roots := Discover(fsys)
	if len(roots) == 0 {
		return "commit a root module there, or correct dir in tfops.hcl; the repository has no root module"
	}
	meant := "."
	if n := workspace.Nearest(dir, roots); n != "" {
		meant = fmt.Sprintf(": did you mean %q?", n)
	}
	return "correct dir in tfops.hcl" + meant + " Root modules in the repository: " + shortList(roots)
}

// varsHint names the files beside a var file that is not there.
func (t *tree) varsHint(p string) string {
	var names []string
	for _, e := range t.list(path.Dir(p)) {
		if strings.HasSuffix(strings.TrimSuffix(e.Name(), ".json"), ".tfvars") {
			names = append(names, path.Join(path.Dir(p), e.Name()))
		}
	}
	hint := "correct var_files in tfops.hcl, or commit the file; its entries are relative to dir"
	if len(names) > 0 {
		hint += "; there are: " + shortList(names)
	}
	return hint
}

func shortList(names []string) string {
	if more := len(names) - maxListed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), more)
	}
	return strings.Join(names, ", ")
}
