package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/setup"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

func newInitCommand(a *app) *cobra.Command {
	o := setup.Options{Checkout: "."}
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
			if len(args) > 0 {
				o.Checkout = args[0]
			}
			o.Path = cmp.Or(a.config, a.getenv("TFOPS_CONFIG"), "tfops.hcl")
			w, err := setup.Write(o)
			err = printed(a, w, err, func(p *term.Printer, w setup.Written) { w.Print(p) })
			if w.Invalid != nil {
				a.term().Warning("the file is not valid as it is: "+strings.TrimSpace(w.Invalid.Error()),
					"correct it; tfops validate checks it")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&o.DataDir, "data-dir", "",
		"`DIR` for everything that tfops remembers (default /var/lib/tfops for root, ~/.local/share/tfops for others)")
	cmd.Flags().StringVar(&o.URL, "url", "", "`URL` of the repository, instead of the checkout's origin")
	cmd.Flags().StringVar(&o.Branch, "branch", "", "branch to follow, instead of the default")
	_ = cmd.MarkFlagDirname("data-dir")
	return cmd
}
