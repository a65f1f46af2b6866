package setup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/config/starter"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// describe says what a starter configuration needs to know of a checkout.
func describe(dir string) (starter.Info, error) {
	var info starter.Info
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return info, fault.New(fault.Invalid, "change to a checkout of the repository that holds your Terraform code, "+
			"or name it: tfops init CHECKOUT",
			"%s is not in a Git checkout", dir)
	}
	if err != nil {
		return info, fault.New(fault.Invalid, "name another checkout: tfops init CHECKOUT",
			"the Git checkout at %s cannot be read: %w", dir, err)
	}
	tree, err := repo.Worktree()
	if err != nil {
		return info, fault.New(fault.Invalid, "name a checkout of it: tfops init CHECKOUT",
			"the repository at %s is bare: it has no files to look at", dir)
	}
	top, err := filepath.Abs(tree.Filesystem.Root())
	if err != nil {
		return info, err
	}
	info.Tree = os.DirFS(top)
	info.URL, info.Branch, info.Roots = originOf(repo, top), branchOf(repo), reach.Discover(info.Tree)
	if text, err := fs.ReadFile(info.Tree, ".gitmodules"); err == nil { // what lies in there is another repository's
		subs := reach.SubmodulePaths(string(text))
		info.Roots = slices.DeleteFunc(info.Roots, func(dir string) bool {
			return slices.ContainsFunc(subs, func(s string) bool { return workspace.Within(s, dir) })
		})
	}
	return info, nil
}

// originOf is where the repository comes from; a checkout without an origin
// comes from itself.
func originOf(repo *git.Repository, top string) string {
	remote, err := repo.Remote(git.DefaultRemoteName)
	if err != nil || len(remote.Config().URLs) == 0 {
		return top
	}
	url := remote.Config().URLs[0]
	local := strings.TrimPrefix(url, "file://")
	if filepath.IsAbs(local) {
		return local
	}
	if strings.HasPrefix(url, "./") || strings.HasPrefix(url, "../") {
		return filepath.Join(top, url)
	}
	return url
}

// branchOf is the origin's default branch as far as the checkout knows it,
// then the branch that is checked out, commits or not; "" when neither is known.
func branchOf(repo *git.Repository) string {
	const remote = "refs/remotes/" + git.DefaultRemoteName + "/"
	for _, name := range []plumbing.ReferenceName{remote + "HEAD", plumbing.HEAD} {
		ref, err := repo.Reference(name, false)
		if err != nil || ref.Type() != plumbing.SymbolicReference {
			continue
		}
		branch := strings.TrimPrefix(ref.Target().String(), remote)
		return strings.TrimPrefix(branch, "refs/heads/")
	}
	return ""
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fault.New(fault.Conflict, "keep it and check it with: tfops validate; or write another one: tfops init "+
			"--config FILE", "%s exists already and was left as it is", path)
	case err != nil:
		return fault.New(fault.Unavailable, "choose another place: tfops init --config FILE",
			"%s cannot be written: %w", path, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fault.New(fault.Unavailable, "look at the disk, remove what was written, and try again",
			"%s cannot be written: %w", path, err)
	}
	return nil
}
