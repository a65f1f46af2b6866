package validation

import (
	"time"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// Ignore is a rule that leaves findings out of reports.
type Ignore struct {
	drift.Ignore
	Expired bool `json:"expired"`
}

// Severity is a rule that says how bad findings are.
type Severity struct{ drift.SeverityRule }

// Report is a report as configured.
type Report struct {
	Name       string            `json:"name"`
	Schedule   string            `json:"schedule"`
	Timezone   string            `json:"timezone"`
	Formats    []string          `json:"formats"`         // none: what suits each that gets it
	To         []string          `json:"to"`              // names of the notify blocks that get it
	Since      string            `json:"since,omitempty"` // as "24h0m0s"; none: the last report of this name
	Workspaces []string          `json:"workspaces,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// Notify is a notify block. Where it sends to is a secret as a whole.
type Notify struct {
	Name       string            `json:"name"`
	On         []string          `json:"on"`
	Workspaces []string          `json:"workspaces,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Severity   string            `json:"severity,omitempty"`
	Signed     bool              `json:"signed"`
}

func ignoreRows(rules []drift.Ignore, now time.Time) []Ignore {
	rows := []Ignore{}
	for _, r := range rules {
		rows = append(rows, Ignore{r, r.Expired(now)})
	}
	return rows
}

func severityRows(rules []drift.SeverityRule) []Severity {
	rows := []Severity{}
	for _, r := range rules {
		rows = append(rows, Severity{r})
	}
	return rows
}

func reportRows(cfg *config.Config) []Report {
	rows := []Report{}
	for _, r := range cfg.Reports {
		to := r.To
		if len(to) == 0 {
			to = notify.Wants(cfg.Notify, run.Notice{Kind: run.NoticeReport})
		}
		row := Report{Name: r.Name, Schedule: r.Schedule, Timezone: r.Timezone,
			Formats: append([]string{}, r.Formats...), To: append([]string{}, to...),
			Workspaces: r.Workspaces, Labels: r.Labels}
		if r.Since > 0 {
			row.Since = r.Since.String()
		}
		rows = append(rows, row)
	}
	return rows
}

func notifyRows(targets []notify.Target) []Notify {
	rows := []Notify{}
	for _, t := range targets {
		row := Notify{Name: t.Name, On: []string{}, Workspaces: t.Filter.Workspaces, Labels: t.Filter.Labels,
			Severity: string(t.Filter.Severity), Signed: t.Secret != ""}
		for _, kind := range t.On {
			row.On = append(row.On, string(kind))
		}
		rows = append(rows, row)
	}
	return rows
}

// heals are the ways in which drift is put back.
func heals(h *healing.Rules) []string {
	var out []string
	for _, r := range []healing.Repair{healing.Changed, healing.Deleted, healing.Replaced} {
		if h != nil && h.May(r) {
			out = append(out, string(r))
		}
	}
	return out
}
