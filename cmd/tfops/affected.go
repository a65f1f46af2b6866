package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/codebase"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/usage"
)

// selectCode adds the flags that say which code is looked at.
func selectCode(cmd *cobra.Command) *codebase.Selection {
	var s codebase.Selection
	cmd.Flags().StringVar(&s.Repo, "repo", ".", "look at the checkout at `PATH`, with or without a working tree")
	cmd.Flags().StringVar(&s.Repository, "repository", "",
		"it is a checkout of the repository block `NAME`; found by its origin otherwise")
	cmd.Flags().StringVar(&s.Branch, "branch", "", "only workspaces of the branch `NAME`")
	return &s
}

// openCode opens the checkout and the configuration, if there is one: that of
// --config or TFOPS_CONFIG, or tfops.hcl at hand.
func (a *app) openCode(s *codebase.Selection) (*codebase.Codebase, error) {
	c, err := codebase.Open(*s)
	if err != nil {
		return nil, err
	}
	where, err := a.configPath()
	if err != nil && a.config == "" && a.getenv("TFOPS_CONFIG") == "" && s.Repository == "" {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	return c, c.Configure(where)
}

func newAffectedCommand(a *app) *cobra.Command {
	var change codebase.Change
	var exitCode bool
	cmd := &cobra.Command{
		Use:   "affected --from REV [--to REV]",
		Short: "Tell which workspaces a change touches, and why",
		Long: `Tell which workspaces the way from one commit to another touches, each with the
reasons that lead from a changed file to it: a module that it calls, directly or
through others, a var file, a template that it reads. No daemon is asked and
nothing is written, so it works in any CI.

Workspaces are those of tfops.hcl, generated ones too; without a configuration
every root module of the repository is one. What is compared is the tree of --to
with that of the commit that --from and --to have in common, as in a pull
request; with --exact, with that of --from itself.

What a file means that cannot be told from the text, such as
templatefile("${path.module}/${var.name}.tpl"), is widened to the directory that
is known. Where a workspace is touched for no other reason, the expression and
what it does not tell are named below the table; -o json has all of them. The
way out is to say in tfops.hcl what it reads: reach = { "var.name" = "tpl/*" }.

Exit status: 0 it could be told; 1 it could not; 2 wrong usage or configuration;
with --exit-code, 11 some workspace is touched.`,
		Example: `  tfops affected --from origin/main
  tfops affected --from HEAD~1 --to HEAD -o json
  tfops affected --repo ../infra --config /etc/tfops/tfops.hcl --from v1.4 --exact`,
		Args: usage.Takes(),
	}
	s := selectCode(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if change.From == "" {
			return fault.New(fault.Invalid, "tfops affected --from origin/main",
				"say where the change begins: --from REV")
		}
		return a.affected(cmd.Context(), s, change, exitCode)
	}
	cmd.Flags().StringVar(&change.From, "from", "",
		"where the change begins: a branch, tag, id or anything that git calls a `REV`")
	cmd.Flags().StringVar(&change.To, "to", "HEAD", "where it ends: `REV`")
	cmd.Flags().BoolVar(&change.Exact, "exact", false, "compare with --from itself, not with what both have in common")
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 11 when some workspace is touched")
	return cmd
}

func (a *app) affected(ctx context.Context, s *codebase.Selection, change codebase.Change, exitCode bool) error {
	code, err := a.openCode(s)
	if err != nil {
		return err
	}
	r, err := code.Affected(ctx, change)
	if err := printed(a, r, err, func(p *term.Printer, r codebase.Affected) { r.Print(p) }); err != nil {
		return err
	}
	if exitCode && len(r.Affected) > 0 {
		return exit.With(exit.Changes)
	}
	return nil
}
