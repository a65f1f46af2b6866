package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/term/document"
)

// glance is how often a run that is waited for is looked at, so that a person
// sees it move; its end is told by the daemon at once.
const glance = time.Second

// await waits until a run needs somebody or has ended, and hands over what it
// sees of it in the meantime.
func (a *app) await(ctx context.Context, c *api.Client, id string, see func(api.Run)) (api.Run, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		run api.Run
		err error
	}
	settled := make(chan answer, 1)
	go func() {
		r, err := c.Wait(ctx, id)
		settled <- answer{r, err}
	}()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	look := func() (api.Run, bool) {
		r, err := c.Run(ctx, id)
		if err != nil { // it comes from Wait as well
			return r, false
		}
		see(r)
		return r, heldUp(r) != exit.Done
	}
	if r, held := look(); held { // at once: nothing else would end the waiting
		return r, nil
	}
	for {
		select {
		case done := <-settled:
			if errors.Is(done.err, context.Canceled) {
				return done.run, fault.New(fault.Unavailable, "go on waiting: tfops wait "+id, "stopped waiting: run %s goes on without it", id)
			}
			if done.err == nil {
				see(done.run)
			}
			return done.run, done.err
		case <-tick.C:
			if r, held := look(); held {
				return r, nil
			}
		}
	}
}

// heldUp is the exit status for a run that waits for what only a person moves,
// though it is not at its own end: behind an interrupted run, a person's lock, a
// suspension, a lost state, a stopped process. It is 0 for all others.
func heldUp(r api.Run) int {
	switch {
	case hasEnded(r.Status) || r.Status == "interrupted" || !r.NeedsPerson:
	case r.Waiting != nil && r.Waiting.Kind == "interrupted":
		return exit.Ended
	default:
		return exit.Approval
	}
	return exit.Done
}

// progress tells what is new of a run.
type progress struct {
	*app
	events  int    // told so far
	waiting string // told last
}

func (p *progress) tell(r api.Run) {
	for _, e := range r.Events[min(p.events, len(r.Events)):] {
		p.term().Notef("%s", eventLine(r.ID, e))
	}
	p.events = max(p.events, len(r.Events))
	if !hasEnded(r.Status) && r.WaitingFor != "" && r.WaitingFor != p.waiting && !api.Settled(r.Status) {
		p.term().Notef("%s  waits for %s", r.ID, r.WaitingFor)
	}
	p.waiting = r.WaitingFor
}

func eventLine(id string, e api.Event) string {
	line := id + "  " + e.At.UTC().Format("15:04:05Z")
	if e.To != "" {
		line += "  " + e.To
	}
	if e.Actor != "" {
		line += "  by " + e.Actor
	}
	if e.Text != "" {
		line += "  " + e.Text
	}
	return line
}

// outcome is the exit status for a run that was waited for.
func outcome(r api.Run) int {
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

// conclude prints how a run that was waited for ended: the plan of a
// speculative one, what is missing, or why it failed.
func (a *app) conclude(ctx context.Context, c *api.Client, r api.Run) error {
	result := shown{Run: r}
	if r.Kind == "plan" {
		var err error
		if result, err = a.withPlan(ctx, c, r); err != nil {
			return err
		}
	}
	pl, err := result.plan()
	if err != nil && a.output == document.Table {
		return err
	}
	err = a.print(result, func() {
		if pl != nil {
			a.term().Plan(nil, pl)
		}
		a.tellOutcome(r)
	})
	if err != nil {
		return err
	}
	return exit.With(outcome(r))
}

// tellOutcome says in a few lines on stderr how a run stands.
func (a *app) tellOutcome(r api.Run) {
	p := a.term()
	p.Notef("%s", ending(r))
	if r.Error != nil {
		a.noteFailure(*r.Error)
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
	case !hasEnded(r.Status) && r.NextCommand != "":
		p.Notef("Next: %s", r.NextCommand)
	}
}

// ending says in a sentence or two how far a run came.
func ending(r api.Run) string {
	changes, in := changesText(r.Plan), ""
	if t := took(r); t != "" {
		in = " in " + t
	}
	if r.Status == "planned_and_finished" && r.Found == nil && changes != "" {
		line := fmt.Sprintf("Plan of run %s (workspace %s) ready%s: %s.", r.ID, r.Workspace, in, changes)
		if r.Plan.Changes {
			line += " It will not be applied."
		}
		return line
	}
	line := fmt.Sprintf("Run %s of workspace %s is %s", r.ID, r.Workspace, statusText(r))
	if changes != "" {
		line += ": " + changes
	}
	return line + strings.Replace(in, " in ", ", after ", 1) + "."
}

func (a *app) noteFailure(f api.Failure) {
	p := a.term()
	p.Error(fault.New(fault.Unavailable, f.Next, "%s", f.Message))
	if f.Detail != "" {
		p.Notef("\n%s", f.Detail)
	}
}
