package main

import (
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/term"
)

// ignoreRow is a rule that leaves findings out of reports.
type ignoreRow struct {
	drift.Ignore
	Expired bool `json:"expired"`
}

// severityRow is a rule that says how bad findings are.
type severityRow struct{ drift.SeverityRule }

// reportRow is a report as configured.
type reportRow struct {
	Name       string            `json:"name"`
	Schedule   string            `json:"schedule"`
	Timezone   string            `json:"timezone"`
	Formats    []string          `json:"formats"`         // none: what suits each that gets it
	To         []string          `json:"to"`              // names of the notify blocks that get it
	Since      string            `json:"since,omitempty"` // as "24h0m0s"; none: the last report of this name
	Workspaces []string          `json:"workspaces,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// notifyRow is a notify block. Where it sends to is a secret as a whole.
type notifyRow struct {
	Name       string            `json:"name"`
	On         []string          `json:"on"`
	Workspaces []string          `json:"workspaces,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Severity   string            `json:"severity,omitempty"`
	Signed     bool              `json:"signed"`
}

func ignoreRows(rules []drift.Ignore, now time.Time) []ignoreRow {
	rows := []ignoreRow{}
	for _, r := range rules {
		rows = append(rows, ignoreRow{r, r.Expired(now)})
	}
	return rows
}

func severityRows(rules []drift.SeverityRule) []severityRow {
	rows := []severityRow{}
	for _, r := range rules {
		rows = append(rows, severityRow{r})
	}
	return rows
}

func reportRows(cfg *config.Config) []reportRow {
	rows := []reportRow{}
	for _, r := range cfg.Reports {
		to := r.To
		if len(to) == 0 {
			to = notify.Wants(cfg.Notify, run.Notice{Kind: run.NoticeReport})
		}
		row := reportRow{Name: r.Name, Schedule: r.Schedule, Timezone: r.Timezone, Formats: append([]string{}, r.Formats...), To: append([]string{}, to...),
			Workspaces: r.Workspaces, Labels: r.Labels}
		if r.Since > 0 {
			row.Since = r.Since.String()
		}
		rows = append(rows, row)
	}
	return rows
}

func notifyRows(targets []notify.Target) []notifyRow {
	rows := []notifyRow{}
	for _, t := range targets {
		row := notifyRow{Name: t.Name, On: []string{}, Workspaces: t.Filter.Workspaces, Labels: t.Filter.Labels, Severity: string(t.Filter.Severity), Signed: t.Secret != ""}
		for _, kind := range t.On {
			row.On = append(row.On, string(kind))
		}
		rows = append(rows, row)
	}
	return rows
}

// heals are the classes of drift that are put back.
func heals(h *drift.Healing) []string {
	var out []string
	for _, c := range []drift.Class{drift.Changed, drift.Deleted} {
		if h != nil && (len(h.Only) == 0 || slices.Contains(h.Only, c)) {
			out = append(out, string(c))
		}
	}
	return out
}

// tellRules says a line for each rule, report and notify block.
func tellRules(p *term.Printer, v validated) {
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
	for _, part := range []struct{ name, value string }{{"type", r.Type}, {"attribute", r.Attribute}, {"action", string(r.Action)}, {"class", string(r.Class)}} {
		if part.value != "" {
			parts = append(parts, part.name+" "+part.value)
		}
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, ", ")
}

// tellSilence says, to who is new, what a configuration does not ask for: a
// fleet that is not checked and tells nobody is quiet whatever happens to it.
func tellSilence(p *term.Printer, v validated) {
	if len(v.Workspaces) > 0 && !slices.ContainsFunc(v.Workspaces, func(r configuredRow) bool { return r.DriftSchedule != "" }) {
		p.Notef("No workspace is checked for drift: write drift { schedule = \"0 2 * * *\" } in defaults.")
	}
	if len(v.Notify) == 0 {
		p.Notef("Nobody is told what happens: write notify \"ops\" { url = env(\"OPS_URL\") }.")
	}
}
