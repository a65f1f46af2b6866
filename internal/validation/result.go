// Package validation checks a configuration together with the repositories that are on
// this machine, and lists what it yields: workspaces, rules, reports.
package validation

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/codebase"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/workspace"
)

// Result is what a check of a configuration came to.
type Result struct {
	Valid      bool        `json:"valid"`
	Path       string      `json:"path"`
	DataDir    string      `json:"data_dir,omitempty"`
	Workspaces []Workspace `json:"workspaces"` // generated ones, too, where the repository is at hand
	Generators []Generator `json:"generators"`
	Ignore     []Ignore    `json:"ignore"`   // rules for findings, in their order
	Severity   []Severity  `json:"severity"` // in their order
	Reports    []Report    `json:"reports"`
	Notify     []Notify    `json:"notify"`
	Problems   []Problem   `json:"problems"`

	// workspaces that every change plans, each with the causes
	WholeRepository []codebase.Widened `json:"whole_repository"`

	repositories int                 // in the configuration
	looked       []workspace.Problem // what a look at the repositories brought
	// rules and reports of no workspace, rules that nobody can meet, workspaces of no directory, a
	// sandbox that does not count
	unmatched []Problem
}

// Invalid is the result for a file that cannot be read, for what is wrong with it.
func Invalid(path string, wrong *config.Problems) Result {
	return Result{Path: path, Workspaces: []Workspace{}, Generators: []Generator{}, Ignore: []Ignore{},
		Severity: []Severity{},
		Reports:  []Report{}, Notify: []Notify{}, Problems: problems(wrong.Diagnostics),
		WholeRepository: []codebase.Widened{}}
}

// Check looks at the repositories of a configuration that are on this machine, and at the
// checkout at a path, "" for none.
func Check(cfg *config.Config, repo string, now time.Time) (Result, error) {
	x, err := Look(cfg, repo)
	if err != nil {
		return Result{}, err
	}
	r := Result{Valid: len(x.Problems) == 0, Path: cfg.Path, DataDir: cfg.DataDir,
		Workspaces: configured(x.fleet.Workspaces),
		Generators: x.generators, Ignore: ignoreRows(cfg.Ignore, now), Severity: severityRows(cfg.Severity),
		Reports: reportRows(cfg), Notify: notifyRows(cfg.Notify), WholeRepository: x.whole,
		repositories: len(cfg.Repositories), looked: x.Problems,
		unmatched: slices.Concat(unmatched(cfg, x), unmeetable(cfg, x), forRoot(cfg), x.absent)}
	r.Problems = slices.Concat(problems(cfg.Warnings), found(x.Problems), r.unmatched)
	return r, nil
}

// Workspace is a workspace as configured.
type Workspace struct {
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

// Problem is a mistake or a warning. It holds no text of the file.
type Problem struct {
	Severity string `json:"severity"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
}

// found are the problems that a look at the repositories brought.
func found(all []workspace.Problem) []Problem {
	var list []Problem
	for _, p := range all {
		list = append(list, Problem{Severity: "error", File: p.Where, Summary: p.Message, Detail: p.Next})
	}
	return list
}

func problems(diags hcl.Diagnostics) []Problem {
	list := []Problem{}
	for _, d := range diags {
		p := Problem{Severity: "error", Summary: d.Summary, Detail: d.Detail}
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

func configured(all []fleet.Definition) []Workspace {
	rows := []Workspace{}
	for _, w := range all {
		r := Workspace{Name: w.Name, Repository: w.Repository, Branch: w.Branch, Tag: w.Tag, TagPrefix: w.TagPrefix,
			Commit: w.Commit, Follows: w.Follows(""), Dir: w.Dir, TerraformWorkspace: w.TerraformWorkspace,
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
