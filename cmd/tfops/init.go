package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/config/starter"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

type initOptions struct {
	dataDir string
	url     string
	branch  string
}

func newInitCommand(a *app) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [CHECKOUT]",
		Short: "Write a starter tfops.hcl for the repository at hand",
		Long: `Write a commented starter tfops.hcl for the Git checkout at hand: its origin, or
the checkout itself when it has none; the branch that its origin calls the
default, or else the one that is checked out; and a workspace for each root
module found. Where files beside a root module are of environments, it gets one
for each of these: *.tfbackend, env/*.tfvars, environments/*.tfvars,
config/*/backend.* and the like become var_files and backend_config_files, and
so do var files of any directory of which two or more each give all variables
that have no default. Where code calls modules in Git submodules, these are
followed.
Code with a cloud block or backend "remote" gets a workspace whose state tfops
keeps, with the commands that bring its state along. What cannot be expressed,
and root modules with code that is not there, stand in comments with the reason.
Nothing is overwritten, and nothing is written into Git.

The file is ./tfops.hcl, or what --config or TFOPS_CONFIG name.`,
		Example: `  tfops init
  tfops init ~/src/infra --config /etc/tfops/tfops.hcl --data-dir /var/lib/tfops`,
		Args: usage.TakesUpTo(1),
		RunE: func(_ *cobra.Command, args []string) error {
			checkout := "."
			if len(args) > 0 {
				checkout = args[0]
			}
			return a.initConfig(checkout, o)
		},
	}
	cmd.Flags().StringVar(&o.dataDir, "data-dir", "", "`DIR` for everything that tfops remembers (default /var/lib/tfops for root, ~/.local/share/tfops for others)")
	cmd.Flags().StringVar(&o.url, "url", "", "`URL` of the repository, instead of the checkout's origin")
	cmd.Flags().StringVar(&o.branch, "branch", "", "branch to follow, instead of the default")
	_ = cmd.MarkFlagDirname("data-dir")
	return cmd
}

// written is what init tells of the file that it wrote.
type written struct {
	Path       string   `json:"path"`
	URL        string   `json:"url"`
	Branch     string   `json:"branch"`
	DataDir    string   `json:"data_dir"`
	Workspaces []string `json:"workspaces"`
}

func (a *app) initConfig(checkout string, o initOptions) error {
	info, err := describeCheckout(checkout)
	if err != nil {
		return err
	}
	if o.url != "" {
		info.URL = o.url
	}
	if o.branch != "" {
		info.Branch = o.branch
	}
	if info.DataDir = o.dataDir; info.DataDir == "" && os.Geteuid() != 0 {
		info.DataDir = "~/.local/share/tfops"
	}
	path := a.config
	if path == "" {
		path = a.getenv("TFOPS_CONFIG")
	}
	if path == "" {
		path = "tfops.hcl"
	}
	info = withoutProblems(info, checkout)
	if err := writeNew(path, starter.File(info)); err != nil {
		return err
	}
	return a.tellWritten(path, info)
}

// describeCheckout says what a starter configuration needs to know of a checkout.
func describeCheckout(dir string) (starter.Info, error) {
	var info starter.Info
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return info, fault.New(fault.Invalid, "change to a checkout of the repository that holds your Terraform code, or name it: tfops init CHECKOUT",
			"%s is not in a Git checkout", dir)
	}
	if err != nil {
		return info, fault.New(fault.Invalid, "name another checkout: tfops init CHECKOUT", "the Git checkout at %s cannot be read: %w", dir, err)
	}
	tree, err := repo.Worktree()
	if err != nil {
		return info, fault.New(fault.Invalid, "name a checkout of it: tfops init CHECKOUT", "the repository at %s is bare: it has no files to look at", dir)
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
		return fault.New(fault.Conflict, "keep it and check it with: tfops validate; or write another one: tfops init --config FILE", "%s exists already and was left as it is", path)
	case err != nil:
		return fault.New(fault.Unavailable, "choose another place: tfops init --config FILE", "%s cannot be written: %w", path, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fault.New(fault.Unavailable, "look at the disk, remove what was written, and try again", "%s cannot be written: %w", path, err)
	}
	return nil
}

func (a *app) tellWritten(path string, info starter.Info) error {
	cfg, err := config.Load(path)
	w := written{Path: path, URL: info.URL, Branch: info.Branch, DataDir: info.DataDir, Workspaces: []string{}}
	if err == nil { // what was made up of gaps is told as it is in the file
		w.DataDir = cfg.DataDir
		for _, r := range cfg.Repositories {
			w.URL = r.URL
		}
		for _, ws := range cfg.Workspaces {
			w.Workspaces, w.Branch = append(w.Workspaces, ws.Name), ws.Branch
		}
	}
	printed := a.print(w, func() {
		p := a.term()
		p.Printf("Wrote %s: repository %s, branch %s, %s.", path, w.URL, w.Branch, show.Counted(len(w.Workspaces), "workspace"))
		if left := len(info.LeftOut); left > 0 {
			p.Printf("Left out, with the reason in a comment: %s.", show.Counted(left, "root module"))
		}
		if len(info.Roots) == 0 {
			p.Printf("No root module was found: the file shows how to write a workspace.")
		}
		flag := ""
		if path != "tfops.hcl" {
			flag = " --config " + path
		}
		p.Printf("\nNext:\n  tfops validate%[1]s    check it\n  tfops serve%[1]s       run the daemon\n  tfops status%[1]s      look at the fleet, from another terminal", flag)
	})
	if err != nil {
		a.term().Warning("the file is not valid as it is: "+strings.TrimSpace(err.Error()), "correct it; tfops validate checks it")
	}
	return printed
}
