package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fault"
)

// Discover lists the root modules of a tree, sorted: the directories that have
// a backend, a provider, a resource or a call of a module, and that no module
// of the tree calls. Directories whose name begins with a dot are passed over.
func Discover(fsys fs.FS) []string {
	t := newTree(fsys)
	var roots []string
	called := map[string]bool{}
	t.walk(".", func(dir string) {
		m := t.module(dir)
		if m.root {
			roots = append(roots, dir)
		}
		for _, c := range m.calls {
			if p, ok := join(dir, c); ok && p != dir {
				if real, _, err := t.resolve(p); err == nil {
					called[real] = true
				}
			}
		}
	})
	roots = slices.DeleteFunc(roots, func(dir string) bool { return called[dir] })
	slices.Sort(roots)
	return roots
}

// walk calls f with every directory. One that cannot be read has no entries.
func (t *tree) walk(dir string, f func(dir string)) {
	f(dir)
	entries, _ := t.list(dir)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			t.walk(path.Join(dir, e.Name()), f)
		}
	}
}

// Check reports whether the directory and the var files of a workspace are in
// a commit's tree. The error is a fault that says what there is instead.
func (w Workspace) Check(fsys fs.FS) error {
	t := newTree(fsys)
	dir := path.Clean(w.Dir)
	info, err := t.stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, rootsHint(fsys, dir), "the repository has no directory %s", dir)
	case err != nil:
		return fault.New(fault.Invalid, "correct dir in tfops.hcl, or the link in the repository", "directory %s: %w", dir, err)
	case !info.IsDir():
		return fault.New(fault.Invalid, "set dir to the directory of a root module", "%s is a file, not a directory", dir)
	}
	real, _, _ := t.resolve(dir)
	if !t.module(real).code {
		return fault.New(fault.NotFound, rootsHint(fsys, dir), "directory %s has no .tf file", dir)
	}
	for _, f := range w.VarFiles {
		p, ok := join(dir, f)
		if !ok {
			return fault.New(fault.Invalid, "correct var_files in tfops.hcl", "var file %s lies outside of the repository", f)
		}
		switch info, err := t.stat(p); {
		case errors.Is(err, fs.ErrNotExist):
			return fault.New(fault.NotFound, t.varsHint(p), "the repository has no var file %s", p)
		case err != nil:
			return fault.New(fault.Invalid, "correct var_files in tfops.hcl, or the link in the repository", "var file %s: %w", p, err)
		case info.IsDir():
			return fault.New(fault.Invalid, "correct var_files in tfops.hcl", "var file %s is a directory", p)
		}
	}
	return nil
}

func (t *tree) stat(p string) (fs.FileInfo, error) {
	real, _, err := t.resolve(p)
	if err != nil {
		return nil, err
	}
	return fs.Stat(t.fs, real)
}

// maxListed is how many names a hint lists.
const maxListed = 10

// rootsHint is what to do about a directory that is not there.
func rootsHint(fsys fs.FS, dir string) string {
	roots := Discover(fsys)
	if len(roots) == 0 {
		return "commit a root module there, or correct dir in tfops.hcl; the repository has no root module"
	}
	hint := "correct dir in tfops.hcl"
	if n := Nearest(dir, roots); n != "" {
		hint += fmt.Sprintf(": did you mean %q?", n)
	}
	return hint + " Root modules in the repository: " + shortList(roots)
}

// varsHint names the files beside a var file that is not there.
func (t *tree) varsHint(p string) string {
	entries, _ := t.list(path.Dir(p))
	var names []string
	for _, e := range entries {
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
