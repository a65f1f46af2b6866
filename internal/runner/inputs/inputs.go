// Package inputs is what a phase is given to work with: the files that its workspace names, the
// environment of the engine, and with what init fetches modules.
package inputs

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// CheckInputs sees that what the job names is there, within the exported
// tree, and gives both directories without symbolic links.
func CheckInputs(j job.Job) (tree, root string, err error) {
	tree, err = filepath.EvalSymlinks(j.Tree)
	if err != nil {
		return "", "", diagnostics.Refuse(job.CauseRunner, "run it again", "the exported commit is not there: %w", err)
	}
	root = filepath.Join(tree, filepath.FromSlash(j.Dir))
	if !Within(tree, root) {
		return "", "", diagnostics.Refuse(job.CauseBadInput, "correct `dir` of the workspace",
			"the directory %s leads out of the repository", j.Dir)
	}
	if f := LeftOutFault(j.LeftOut, tree, root, "the directory "+j.Dir); f != nil {
		return "", "", f
	}
	if name := SubmoduleOf(tree, root); name != "" {
		return "", "", SubmoduleFault(name, "the directory "+j.Dir)
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", "", diagnostics.Refuse(job.CauseBadInput, "correct `dir` of the workspace, or commit the directory",
			"there is no directory %s in this commit", j.Dir)
	}
	if info, err := os.Stat(real); err != nil || !info.IsDir() {
		return "", "", diagnostics.Refuse(job.CauseBadInput, "correct `dir` of the workspace",
			"%s is not a directory in this commit", j.Dir)
	}
	if !Within(tree, real) {
		return "", "", diagnostics.Refuse(job.CauseBadInput, "correct `dir` of the workspace",
			"the directory %s leads out of the repository", j.Dir)
	}
	for _, name := range j.VarFiles {
		if err := checkVarFile(j.LeftOut, tree, real, name); err != nil {
			return "", "", err
		}
	}
	return tree, real, nil
}

func checkVarFile(left []job.LeftOut, tree, root, name string) error {
	const next = "correct `var_files` of the workspace, or commit the file"
	path := filepath.Join(root, filepath.FromSlash(name))
	if !Within(tree, path) {
		return diagnostics.Refuse(job.CauseBadInput, next, "the var file %s leads out of the repository", name)
	}
	if f := LeftOutFault(left, tree, path, "the var file "+name); f != nil {
		return f
	}
	if sub := SubmoduleOf(tree, path); sub != "" {
		return SubmoduleFault(sub, "the var file "+name)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return diagnostics.Refuse(job.CauseBadInput, next, "there is no var file %s in this commit", name)
	}
	if !Within(tree, real) {
		return diagnostics.Refuse(job.CauseBadInput, next, "the var file %s leads out of the repository", name)
	}
	f, err := os.Open(real)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return diagnostics.Refuse(job.CauseBadInput, next, "the var file %s is not a file", name)
	}
	start := make([]byte, len(lfsPointer))
	n, _ := io.ReadFull(f, start)
	if IsLFSPointer(start[:n]) {
		return diagnostics.Refuse(job.CauseBadInput,
			"set lfs = true in the repository block, or put the file into Git itself", "the var file %s is a Git LFS "+
				"pointer, not the file", name)
	}
	return nil
}

// LeftOutFault refuses what lies on a path that was left out of the tree; nil
// when it lies on none. Links on the way are followed as far as they are there.
func LeftOutFault(left []job.LeftOut, tree, path, what string) *diagnostics.Failure {
	real := path
	for dir, rest := path, ""; Within(tree, dir); dir, rest = filepath.Dir(dir),
		filepath.Join(filepath.Base(dir), rest) {
		if to, err := filepath.EvalSymlinks(dir); err == nil {
			real = filepath.Join(to, rest)
			break
		}
	}
	for _, l := range left {
		at := filepath.Join(tree, filepath.FromSlash(l.Path))
		if Within(at, path) || Within(at, real) {
			return diagnostics.Refuse(job.CauseBadInput,
				"take "+l.Path+" out of the repository, or put what it stands for there",
				"%s lies on %s, which is %s and so is left out of the checkout", what, l.Path, l.Why)
		}
	}
	return nil
}

// Within reports whether path is tree or lies below it; both are clean.
func Within(tree, path string) bool {
	return path == tree || strings.HasPrefix(path, tree+string(filepath.Separator))
}

var lfsPointer = []byte("version https://git-lfs.github.com/spec/")

// IsLFSPointer reports whether it stands for the content of a file that Git LFS keeps.
func IsLFSPointer(content []byte) bool { return bytes.HasPrefix(content, lfsPointer) }

// SubmoduleOf is the empty Git submodule of the tree that path lies in, or "".
func SubmoduleOf(tree, path string) string {
	b, err := datafile.ReadLinked(filepath.Join(tree, ".gitmodules"), datafile.Record)
	if err != nil {
		return ""
	}
	for _, sub := range reach.SubmodulePaths(string(b)) {
		if dir := filepath.Join(tree, filepath.FromSlash(sub)); Within(dir, path) && !filled(dir) {
			return sub
		}
	}
	return ""
}

// filled reports whether a submodule's files were fetched.
func filled(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// SubmoduleFault says that something lies in a submodule that is not there.
func SubmoduleFault(submodule, what string) *diagnostics.Failure {
	return diagnostics.Refuse(job.CauseBadInput,
		"set submodules = true in the repository block, put the files into the repository itself, or use a module "+
			"source that the engine downloads",
		"%s lies in the Git submodule %s, which is not fetched", what, submodule)
}
