package validation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/codebase"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
)

// Print lists what a configuration yields.
func (v Result) Print(p *term.Printer) {
	if len(v.Workspaces) > 0 {
		v.printWorkspaces(p)
	}
	for _, g := range v.Generators {
		what := "makes " + show.Counted(len(g.Workspaces), "workspace") + " at present"
		if !g.Expanded {
			what = "was not looked at: its repository is not on this machine " +
				"(tfops validate --repo CHECKOUT looks at a checkout)"
		}
		p.Printf("workspaces %q, of %s in %s, %s.", g.Name, strings.Join(g.Dirs, ", "), g.Repository, what)
	}
	v.printRules(p)
	if !v.Valid {
		return
	}
	p.Notef("%s is valid: %s in %s, %s.", v.Path, show.Counted(len(v.Workspaces), "workspace"),
		repositories(v.repositories),
		show.Counted(warnings(v.Problems), "warning"))
	v.printSilence(p)
}

func (v Result) printWorkspaces(p *term.Printer) {
	var rows [][]term.Cell
	for _, r := range v.Workspaces {
		drift := r.DriftSchedule
		if drift != "" {
			drift += " " + r.DriftTimezone
		}
		if len(r.Heals) > 0 {
			drift = strings.TrimSpace(drift + " heals")
		}
		rows = append(rows, term.Cells(r.Name, r.Repository, strings.TrimPrefix(r.Follows, "branch "), r.Dir, r.Apply,
			strings.Join(r.Approvals, ", "), drift))
	}
	show.Table(p, []string{"WORKSPACE", "REPOSITORY", "FOLLOWS", "DIR", "APPLY", "APPROVAL RULES", "DRIFT CHECK"}, rows)
}

// PrintProblems warns of what a look at the repositories brought.
func (v Result) PrintProblems(p *term.Printer) {
	for _, u := range v.unmatched {
		p.Warning(u.Summary, u.Detail)
	}
	codebase.PrintWidened(p, v.WholeRepository, "may read")
	for _, l := range v.looked {
		p.Warning(l.Where+": "+l.Message, l.Next)
	}
}

func warnings(all []Problem) int {
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

// printRules says a line for each rule, report and notify block.
func (v Result) printRules(p *term.Printer) {
	for _, r := range v.Ignore {
		until := ""
		switch {
		case r.Expired:
			until = ", expired"
		case !r.Expires.IsZero():
			until = ", until " + r.Expires.Format(time.RFC3339)
		}
		p.Printf("ignore %q: %s%s.", r.Name, strings.TrimSuffix(r.Reason, "."), until)
	}
	for _, r := range v.Severity {
		p.Printf("severity %q: %s, of %s.", r.Name, r.Severity, narrowed(r.SeverityRule))
	}
	for _, r := range v.Reports {
		where := "kept and sent to nobody"
		if len(r.To) > 0 {
			where = "to " + strings.Join(r.To, ", ")
		}
		if len(r.Formats) > 0 {
			where += " as " + strings.Join(r.Formats, ", ")
		}
		p.Printf("report %q: %s %s, %s.", r.Name, r.Schedule, r.Timezone, where)
	}
	for _, r := range v.Notify {
		p.Printf("notify %q: on %s.", r.Name, strings.Join(r.On, ", "))
	}
}

// narrowed is what a rule is of.
func narrowed(r drift.SeverityRule) string {
	var parts []string
	for _, part := range []struct{ name, value string }{{"type", r.Type}, {"attribute", r.Attribute},
		{"action", string(r.Action)}, {"class", string(r.Class)}} {
		if part.value != "" {
			parts = append(parts, part.name+" "+part.value)
		}
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, ", ")
}

// printSilence says, to who is new, what a configuration does not ask for: a
// fleet that is not checked and tells nobody is quiet whatever happens to it.
func (v Result) printSilence(p *term.Printer) {
	if len(v.Workspaces) > 0 && !slices.ContainsFunc(v.Workspaces,
		func(r Workspace) bool { return r.DriftSchedule != "" }) {
		p.Notef("No workspace is checked for drift: write drift { schedule = \"0 2 * * *\" } in defaults.")
	}
	if len(v.Notify) == 0 {
		p.Notef("Nobody is told what happens: write notify \"ops\" { url = env(\"OPS_URL\") }.")
	}
}
