package follow

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
)

// Outcome is the exit status for a run that was waited for.
func Outcome(r api.Run) int {
	switch r.Status {
	case "applied":
		return exit.Done
	case "planned_and_finished":
		if r.Found != nil {
			return driftExit[r.Found.Drift]
		}
		if r.Plan != nil && r.Plan.Changes {
			return exit.Changes
		}
		return exit.Done
	case "awaiting_approval":
		return exit.Approval
	}
	if held := heldUp(r); held != exit.Done {
		return held
	}
	return exit.Ended
}

// Ending says in a few lines on stderr how a run stands.
func Ending(p *term.Printer, r api.Run) {
	p.Notef("%s", ending(r))
	if r.Error != nil {
		p.Error(fault.New(fault.Unavailable, r.Error.Next, "%s", r.Error.Message))
		if r.Error.Detail != "" {
			p.Notef("\n%s", r.Error.Detail)
		}
	}
	switch {
	case r.SupersededBy != "":
		p.Notef("It was superseded: tfops wait %s", r.SupersededBy)
	case r.Status == "discarded" && r.Comment != "":
		p.Notef("%s", r.Comment)
	case r.Status == "awaiting_approval":
		p.Notef("It waits for %s.\nLook at the plan: tfops show %s\nNext: %s", r.WaitingFor, r.ID, r.NextCommand)
	case heldUp(r) != exit.Done:
		p.Notef("It waits for %s.\nNext: %s", r.WaitingFor, r.NextCommand)
	case !show.HasEnded(r.Status) && r.NextCommand != "":
		p.Notef("Next: %s", r.NextCommand)
	}
}

// ending says in a sentence or two how far a run came.
func ending(r api.Run) string {
	changes, in := show.Changes(r.Plan), ""
	if t := show.Took(r); t != "" {
		in = " in " + t
	}
	if r.Status == "planned_and_finished" && r.Found == nil && changes != "" {
		line := fmt.Sprintf("Plan of run %s (workspace %s) ready%s: %s.", r.ID, r.Workspace, in, changes)
		if r.Plan.Changes {
			line += " It will not be applied."
		}
		return line
	}
	line := fmt.Sprintf("Run %s of workspace %s is %s", r.ID, r.Workspace, show.Status(r))
	if changes != "" {
		line += ": " + changes
	}
	return line + strings.Replace(in, " in ", ", after ", 1) + "."
}

// Next says where a run stands and what to do next.
func Next(r api.Run) string {
	switch {
	case show.HasEnded(r.Status):
		return fmt.Sprintf("Run %s is %s: tfops show %s", r.ID, show.Status(r), r.ID)
	case r.Status == "pending" || r.NextCommand == "":
		return "Follow it: tfops logs " + r.ID + " -f"
	}
	return "Next: " + r.NextCommand
}

// Standing says in a sentence how a run stands.
func Standing(r api.Run) string {
	switch {
	case r.Status == "apply_queued" && r.Waiting != nil && r.Waiting.Kind == "worker":
		return "The apply starts as soon as a worker is free."
	case r.WaitingFor != "":
		return "It waits for " + r.WaitingFor + "."
	}
	return "It is " + show.Status(r) + "."
}
