package setup

import (
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/codebase"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/config/starter"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/validation"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// withoutProblems has the starter configuration say what validate would refuse:
// root modules with code that is not there are comments, and an order that is
// read off the code and would be a circle is none. A checkout that cannot be
// looked at is left as it is: the starter is help, and not a check.
func withoutProblems(info starter.Info, checkout string) starter.Info {
	git, err := local.OpenCheckout(checkout)
	if err != nil {
		return info
	}
	heads, err := git.Heads()
	if err != nil {
		return info
	}
	branch := info.Branch
	if branch == "" {
		branch = "main"
	}
	tree, err := git.Tree(heads[branch])
	if err != nil {
		return info
	}
	graph := reach.NewIndex().Graph(tree, nil)
	info.LeftOut = map[string]string{}
	for _, dir := range info.Roots {
		problems := graph.Problems(dir)
		here := codebase.WithoutSubmodules(problems, true)
		info.Submodules = info.Submodules || len(here) < len(problems)
		if len(here) > 0 {
			info.LeftOut[dir] = here[0].String()
		}
	}
	if left := refused(info, checkout); left > 0 {
		inferred := info
		if inferred.NoInfer = true; refused(inferred, checkout) < left {
			return inferred
		}
	}
	return info
}

// refused is how many problems validate finds with a starter configuration.
func refused(info starter.Info, checkout string) int {
	dir, err := os.MkdirTemp("", "tfops-init-")
	if err != nil {
		return 0
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tfops.hcl")
	if err := os.WriteFile(path, starter.File(info), 0o600); err != nil {
		return 0
	}
	cfg, err := config.Load(path)
	if err != nil {
		return 0 // init says so of the file that it has written
	}
	x, err := validation.Look(cfg, checkout)
	if err != nil {
		return 0
	}
	return len(x.Problems)
}
