package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/document"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
	"github.com/tfops/tfops/internal/workspace"
)

func newValidateCommand(a *app) *cobra.Command {
	var repo string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check tfops.hcl and list the workspaces that it yields",
		Long: `Check the configuration and list the workspaces that it yields. Every mistake is
shown with its file, line and column. It reads the file as the daemon would,
so variables that env("NAME") asks for must be set; nothing is changed.

Repositories that are on this machine, by their URL or as the checkout that
--repo names, are looked at: what workspaces blocks make of their branches, in
which order workspaces come, modules that are not there or leave the repository,
and workspaces that every change of the repository plans, each with the expression
that does not tell what it reads and the way out. Others are not asked: what
depends on them "tfops status" says.

With -o json or yaml, mistakes and warnings are in the result as well.

Exit status: 0 it is valid, warnings or not; 2 it is not.`,
		Example: `  tfops validate
  tfops validate --config /etc/tfops/tfops.hcl -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 { // the file, as other tools take it
				return fault.New(fault.Invalid, "tfops validate --config "+args[0], "tfops validate takes the file as --config")
			}
			return usage.Takes()(cmd, args)
		},
		RunE: func(*cobra.Command, []string) error { return a.validate(repo) },
	}
	cmd.Flags().StringVar(&repo, "repo", "", "look at the checkout at `PATH`, too")
	return cmd
}

// validated is the result of validate.
type validated struct {
	Valid      bool            `json:"valid"`
	Path       string          `json:"path"`
	DataDir    string          `json:"data_dir,omitempty"`
	Workspaces []configuredRow `json:"workspaces"` // generated ones, too, where the repository is at hand
	Generators []generatorRow  `json:"generators"`
	Ignore     []ignoreRow     `json:"ignore"`   // rules for findings, in their order
	Severity   []severityRow   `json:"severity"` // in their order
	Reports    []reportRow     `json:"reports"`
	Notify     []notifyRow     `json:"notify"`
	Problems   []problem       `json:"problems"`

	WholeRepository []widenedRow `json:"whole_repository"` // workspaces that every change plans, each with the causes
}

// configuredRow is a workspace as configured.
type configuredRow struct {
	Name               string            `json:"name"`
	Repository         string            `json:"repository"`
	Branch             string            `json:"branch"`
	Tag                string            `json:"tag,omitempty"`
	TagPrefix          string            `json:"tag_prefix,omitempty"`
	Commit             string            `json:"commit,omitempty"`
	Follows            string            `json:"follows"`
	Dir                string            `json:"dir"`
	TerraformWorkspace string            `json:"terraform_workspace"`
	Engine             string            `json:"engine"`
	Apply              string            `json:"apply"`
	Approvals          []string          `json:"approvals"` // names of its rules
	DriftSchedule      string            `json:"drift_schedule,omitempty"`
	DriftTimezone      string            `json:"drift_timezone,omitempty"`
	Heals              []string          `json:"heals,omitempty"` // classes of drift that are put back
	Labels             map[string]string `json:"labels,omitempty"`
	DependsOn          []string          `json:"depends_on,omitempty"`
}

// problem is a mistake or a warning. It holds no text of the file.
type problem struct {
	Severity string `json:"severity"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
}

func (a *app) validate(repo string) error {
	path, err := a.configPath()
	if err != nil {
		return err
	}
	cfg, err := config.Load(path)
	var wrong *config.Problems
	if errors.As(err, &wrong) {
		if a.output != document.Table {
			if full, err := filepath.Abs(path); err == nil {
				path = full
			}
			v := validated{Path: path, Workspaces: []configuredRow{}, Generators: []generatorRow{}, Ignore: []ignoreRow{}, Severity: []severityRow{},
				Reports: []reportRow{}, Notify: []notifyRow{}, Problems: problems(wrong.Diagnostics), WholeRepository: []widenedRow{}}
			if err := a.print(v, nil); err != nil {
				return err
			}
		}
		return err
	}
	if err != nil {
		return err
	}
	x, err := expand(cfg, repo)
	if err != nil {
		return err
	}
	v := validated{Valid: len(x.problems) == 0, Path: cfg.Path, DataDir: cfg.DataDir, Workspaces: configured(x.fleet.Workspaces),
		Generators: x.generators, Ignore: ignoreRows(cfg.Ignore, time.Now()), Severity: severityRows(cfg.Severity), Reports: reportRows(cfg), Notify: notifyRows(cfg.Notify),
		Problems: append(problems(cfg.Warnings), found(x.problems)...), WholeRepository: x.whole}
	nobody := ofNobody(cfg, x)
	v.Problems = append(v.Problems, nobody...)
	if err := a.print(v, func() { a.tellValid(cfg, v) }); err != nil {
		return err
	}
	if len(cfg.Warnings) > 0 {
		color, width := a.term().Stderr()
		if err := cfg.RenderWarnings(a.stderr, color, width); err != nil {
			return err
		}
	}
	for _, p := range nobody {
		a.term().Warning(p.Summary, p.Detail)
	}
	tellWidened(a.term(), x.whole, "may read")
	if !v.Valid {
		for _, p := range x.problems {
			a.term().Warning(p.Where+": "+p.Message, p.Next)
		}
		return exit.With(exit.Usage)
	}
	return nil
}

// found are the problems that a look at the repositories brought.
func found(all []workspace.Problem) []problem {
	var list []problem
	for _, p := range all {
		list = append(list, problem{Severity: "error", File: p.Where, Summary: p.Message, Detail: p.Next})
	}
	return list
}

func problems(diags hcl.Diagnostics) []problem {
	list := []problem{}
	for _, d := range diags {
		p := problem{Severity: "error", Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagWarning {
			p.Severity = "warning"
		}
		if d.Subject != nil {
			p.File, p.Line, p.Column = d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column
		}
		list = append(list, p)
	}
	return list
}

func configured(all []fleet.Definition) []configuredRow {
	rows := []configuredRow{}
	for _, w := range all {
		r := configuredRow{Name: w.Name, Repository: w.Repository, Branch: w.Branch, Tag: w.Tag, TagPrefix: w.TagPrefix, Commit: w.Commit, Follows: w.Follows(""), Dir: w.Dir, TerraformWorkspace: w.TerraformWorkspace,
			Engine: w.Engine, Apply: string(w.Apply), Approvals: []string{}, Labels: w.Labels, DependsOn: w.DependsOn}
		for _, rule := range w.Rules {
			r.Approvals = append(r.Approvals, rule.Name)
		}
		if !w.Drift.IsZero() {
			r.DriftSchedule, r.DriftTimezone = w.Drift.String(), w.Drift.Timezone()
		}
		r.Heals = heals(w.Healing)
		rows = append(rows, r)
	}
	return rows
}

func (a *app) tellValid(cfg *config.Config, v validated) {
	p, rows := a.term(), v.Workspaces
	if len(rows) > 0 {
		var cells [][]term.Cell
		for _, r := range rows {
			drift := r.DriftSchedule
			if drift != "" {
				drift += " " + r.DriftTimezone
			}
			if len(r.Heals) > 0 {
				drift = strings.TrimSpace(drift + " heals")
			}
			cells = append(cells, term.Cells(r.Name, r.Repository, strings.TrimPrefix(r.Follows, "branch "), r.Dir, r.Apply, strings.Join(r.Approvals, ", "), drift))
		}
		show.Table(a.term(), []string{"WORKSPACE", "REPOSITORY", "FOLLOWS", "DIR", "APPLY", "APPROVAL RULES", "DRIFT CHECK"}, cells)
	}
	for _, g := range v.Generators {
		what := "makes " + show.Counted(len(g.Workspaces), "workspace") + " at present"
		if !g.Expanded {
			what = "was not looked at: its repository is not on this machine (tfops validate --repo CHECKOUT looks at a checkout)"
		}
		p.Printf("workspaces %q, of %s in %s, %s.", g.Name, strings.Join(g.Dirs, ", "), g.Repository, what)
	}
	tellRules(p, v)
	if !v.Valid {
		return
	}
	p.Notef("%s is valid: %s in %s, %s.", cfg.Path, show.Counted(len(rows), "workspace"), repositories(len(cfg.Repositories)), show.Counted(warnings(v.Problems), "warning"))
	tellSilence(p, v)
}

func warnings(all []problem) int {
	n := 0
	for _, p := range all {
		if p.Severity == "warning" {
			n++
		}
	}
	return n
}

func repositories(n int) string {
	if n == 1 {
		return "1 repository"
	}
	return fmt.Sprintf("%d repositories", n)
}
