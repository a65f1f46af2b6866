package follow

import (
	"context"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
)

// Check is what a check found.
type Check struct {
	Workspace string   `json:"workspace"`
	Run       string   `json:"run"`
	Status    string   `json:"status"` // of the run
	Drift     string   `json:"drift"`  // none, drifted or unknown
	Drifted   []string `json:"drifted,omitempty"`
	Plan      string   `json:"-"`
	Error     string   `json:"error,omitempty"`
}

// DriftCheck waits for a check of drift, and tells on stderr what it found.
func DriftCheck(ctx context.Context, p *term.Printer, c *api.Client, started api.Run) (Check, error) {
	r, err := Run(ctx, c, started.ID, func(api.Run) {})
	if err != nil {
		return Check{}, err
	}
	d := Check{Workspace: r.Workspace, Run: r.ID, Status: r.Status, Drift: "unknown", Plan: show.Changes(r.Plan)}
	if heldUp(r) != exit.Done {
		d.Error = "waits for " + r.WaitingFor + ": " + r.NextCommand
	}
	if r.Error != nil {
		d.Error = r.Error.Message
	}
	// Not the plan, which may show what is explained, and not the workspace,
	// which may have been healed since.
	if f := r.Found; f != nil {
		d.Drift, d.Drifted = f.Drift, f.Addresses
		if f.Why != "" {
			d.Error = f.Why
		}
	}
	p.Notef("%s  %s  %s", r.ID, r.Workspace, strings.TrimSuffix(d.Drift+": "+d.Error, ": "))
	return d, nil
}

// ChecksOutcome is the exit status for checks that were waited for.
func ChecksOutcome(results []Check) int {
	status := exit.Done
	for _, r := range results {
		status = max(status, driftExit[r.Drift])
	}
	return status
}

// driftExit is how a command exits by what a check came to: not to know is the
// worst.
var driftExit = map[string]int{"none": exit.Done, "drifted": exit.Changes, "unknown": exit.Ended}

// Checks sums up what checks found.
func Checks(p *term.Printer, results []Check) {
	if len(results) == 0 {
		return // none could be started: the errors say why
	}
	var rows [][]term.Cell
	counts := map[string]int{}
	for _, r := range results {
		counts[r.Drift]++
		found := strings.Join(r.Drifted, ", ")
		if r.Drift == "unknown" {
			found = r.Error
		}
		row := term.Cells(r.Workspace, r.Drift, r.Run, r.Plan, found)
		row[1].Tone = show.Tone(r.Drift)
		rows = append(rows, row)
	}
	show.Table(p, []string{"WORKSPACE", "DRIFT", "RUN", "PLAN", "FOUND"}, rows)
	p.Notef("%s checked: %d without drift, %d drifted, %d unknown.", show.Counted(len(results), "workspace"),
		counts["none"], counts["drifted"], counts["unknown"])
	if i := slices.IndexFunc(results, func(r Check) bool { return r.Drift == "unknown" }); i >= 0 {
		p.Notef("Why it is not known, in full: tfops show %s", results[i].Run)
	}
	waysOut(p, slices.DeleteFunc(slices.Clone(results), func(r Check) bool { return r.Drift != "drifted" }))
}

// waysOut names the commands that go on from workspaces that have drifted.
func waysOut(p *term.Printer, drifted []Check) {
	switch len(drifted) {
	case 0:
	case 1:
		p.Notef("What it is, and the ways out: tfops drift findings %[1]s\n"+
			"Have the world as the code says: tfops sync %[1]s", drifted[0].Workspace)
	default:
		p.Notef("What it is, and the ways out: tfops drift findings\n" +
			"The whole fleet, to read or to send: tfops drift report")
	}
}
