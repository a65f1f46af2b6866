package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

func (f *codeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.repo, "repo", ".", "look at the checkout at `PATH`, with or without a working tree")
	cmd.Flags().StringVar(&f.repository, "repository", "", "it is a checkout of the repository block `NAME`; found by its origin otherwise")
	cmd.Flags().StringVar(&f.branch, "branch", "", "only workspaces of the branch `NAME`")
}

func newAffectedCommand(a *app) *cobra.Command {
	var f codeFlags
	var from, to string
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
	var exact bool
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if from == "" {
			return fault.New(fault.Invalid, "tfops affected --from origin/main", "say where the change begins: --from REV")
		}
		return a.affected(cmd.Context(), f, change{from, to, exact}, exitCode)
	}
	f.add(cmd)
	cmd.Flags().StringVar(&from, "from", "", "where the change begins: a branch, tag, id or anything that git calls a `REV`")
	cmd.Flags().StringVar(&to, "to", "HEAD", "where it ends: `REV`")
	cmd.Flags().BoolVar(&exact, "exact", false, "compare with --from itself, not with what both have in common")
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 11 when some workspace is touched")
	return cmd
}

// change is what is asked about.
type change struct {
	from, to string
	exact    bool
}

// affectedResult is the result of affected.
type affectedResult struct {
	From     string              `json:"from"` // the commit that was compared with
	To       string              `json:"to"`
	Affected []affectedRow       `json:"affected"`
	Widened  []widenedRow        `json:"widened"`
	Problems []workspace.Problem `json:"problems"`
}

type affectedRow struct {
	Workspace string       `json:"workspace"`
	Dir       string       `json:"dir"`
	Path      string       `json:"path,omitempty"`
	Reason    string       `json:"reason"`
	Chain     []reach.Link `json:"chain"`
	Widened   bool         `json:"widened,omitempty"` // it is touched only because the code does not tell what it reads
}

func (a *app) affected(ctx context.Context, f codeFlags, c change, exitCode bool) error {
	code, err := a.openCode(f)
	if err != nil {
		return err
	}
	result, err := code.affected(ctx, c)
	if err != nil {
		return err
	}
	if err := a.print(result, func() { a.tellAffected(result) }); err != nil {
		return err
	}
	if exitCode && len(result.Affected) > 0 {
		return exit.With(exit.Changes)
	}
	return nil
}

func (c *codebase) affected(ctx context.Context, ch change) (affectedResult, error) {
	r := affectedResult{Affected: []affectedRow{}, Widened: []widenedRow{}, Problems: []workspace.Problem{}}
	var err error
	if r.To, err = c.checkout.Resolve(ch.to); err != nil {
		return r, err
	}
	if r.From, err = c.checkout.Resolve(ch.from); err != nil {
		return r, err
	}
	if !ch.exact {
		fork, err := c.checkout.Fork(r.From, r.To)
		if err != nil {
			return r, err
		}
		if fork != "" { // unrelated histories are compared as they are
			r.From = fork
		}
	}
	paths, err := c.checkout.Changed(ctx, r.From, r.To)
	if err != nil {
		return r, err
	}
	tree, err := c.checkout.Tree(r.To)
	if err != nil {
		return r, err
	}
	index := reach.NewIndex()
	f, problems := c.workspaces(index, tree)
	ws := fleet.Values(f.Workspaces)
	r.Problems = append(r.Problems, problems...)
	g := index.Graph(tree, ws)
	if err := g.Err(); err != nil {
		return r, err
	}
	dirs := map[string]string{}
	for _, w := range ws {
		dirs[w.Name] = w.Dir
	}
	for _, t := range g.Affected(paths) {
		r.Affected = append(r.Affected, affectedRow{t.Workspace, dirs[t.Workspace], t.Path, t.String(), t.Chain, t.Widened})
		r.Widened = append(r.Widened, widenedOf(g, t.Workspace)...)
	}
	r.Problems = append(r.Problems, unusedIn(ws, func(w workspace.Workspace) []reach.UnusedEntry { return g.UnusedEntries(w.Name) }, block(c.fleet))...)
	return r, nil
}

func (a *app) tellAffected(r affectedResult) {
	p := a.term()
	for _, problem := range r.Problems {
		p.Warning(problem.Where+": "+problem.Message, problem.Next)
	}
	var rows [][]term.Cell
	for _, row := range r.Affected {
		rows = append(rows, term.Cells(row.Workspace, row.Reason))
	}
	if len(rows) > 0 {
		show.Table(a.term(), []string{"WORKSPACE", "BECAUSE"}, rows)
	}
	affected := "No workspace is"
	if n := len(r.Affected); n > 0 {
		affected = show.Counted(n, "workspace")
	}
	p.Notef("%s affected between %s and %s.", affected, show.ShortCommit(r.From), show.ShortCommit(r.To))
	var wide []widenedRow
	for _, row := range r.Affected {
		for _, w := range r.Widened {
			if row.Widened && w.Workspace == row.Workspace && workspace.Within(w.To, row.Path) {
				wide = append(wide, w)
			}
		}
	}
	tellWidened(p, wide, "may read")
}
