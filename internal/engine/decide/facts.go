package decide

import (
	"fmt"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// The facts that a Wait has, and the sentences that are made of them when somebody reads them:
// "it waits for " and the sentence is one that can be read.

// always is a sentence that depends on nothing.
type always string

func (f always) String() string { return string(f) }

const (
	thePlan     always = "the plan, which is being made"
	theApply    always = "the apply, which is running"
	aWorker     always = "a free worker"
	aCheckPlace always = "a free worker for drift checks"

	unconfigured always = Unconfigured
	isBack       always = "what the workspace was made of is there again"
	reconfigured always = "the workspace's inputs changed in the configuration"
	otherInputs  always = "other inputs are applied now"
	otherApply   always = "another apply began after the plan was made"
	keysChanged  always = "the keys that sign commits changed in the configuration"
	askedBefore  always = "who wrote it was asked when another commit was applied"
)

// Unconfigured is why a run goes that the configuration does not ask for any more. A speculative
// plan is made with the inputs that are configured when it begins.
const Unconfigured = "the workspace is not in the configuration any more"

// interrupted is a run whose apply was interrupted.
type interrupted struct {
	run   string
	own   bool // it is the run that waits
	state bool // a state that it could not save has to be pushed
}

func (f interrupted) String() string {
	switch {
	case !f.own:
		return "run " + f.run + ", whose apply was interrupted"
	case f.state:
		return "somebody to push the state that it could not save, and then to resolve it (tfops show " + f.run +
			" tells how)"
	}
	return "somebody to look at what the interrupted apply left"
}

// stopping is a person who asked for the end of an apply.
type stopping struct{ by string }

func (f stopping) String() string { return "the engine, which " + f.by + " asked to stop" }

// halted are the processes of the run's own phase, which are stopped.
type halted struct {
	run       string
	status    run.Status
	processes []run.Stopped
}

func (f halted) String() string {
	what := "plan"
	if f.status == run.Applying {
		what = "apply"
	}
	return fmt.Sprintf("somebody to continue its %s, which is stopped (SIGSTOP): %s; to end it instead: "+
		"tfops cancel %s --force", what, ProcessNames(f.processes), f.run)
}

// atWork is another run, and what it does.
type atWork struct {
	run     string
	does    string
	stopped bool
}

func (f atWork) String() string {
	text := "run " + f.run + ", which " + f.does
	if f.stopped {
		text += " and is stopped (SIGSTOP)"
	}
	return text
}

// retry is the time of the next try, and why there has to be one.
type retry struct {
	at    time.Time
	after string // "" where nothing went wrong
}

func (f retry) String() string {
	text := "its retry at " + f.at.UTC().Format("15:04:05 MST")
	if f.after != "" {
		text += " after: " + f.after
	}
	return text
}

// elsewhere is the commit that is applied in the place of the run's; "" for none.
type elsewhere struct{ applied string }

func (f elsewhere) String() string {
	if f.applied == "" {
		return "nothing of the workspace is applied any more"
	}
	return "commit " + workspace.ShortCommit(f.applied) + " is applied now"
}

// wanted is the commit that is wanted in the place of the run's.
type wanted struct{ commit string }

func (f wanted) String() string {
	return "commit " + workspace.ShortCommit(f.commit) + " is wanted now"
}

// lostState is a state that is not what its record says.
type lostState struct{ trouble *workspace.StateTrouble }

func (f lostState) String() string { return "somebody to restore the state: " + f.trouble.String() }

// lacking is what the machine lacks.
type lacking struct{ what string }

func (f lacking) String() string { return "the machine: " + f.what }

// votes are the approvals that are missing.
type votes struct{ approvals.Decision }

func (f votes) String() string { return f.Missing() }

// fewVotes are approvals that the rules have come to ask for.
type fewVotes struct{ approvals.Decision }

func (f fewVotes) String() string { return "the rules ask for more than was approved: " + f.Missing() }

// removal is a destroy that nobody asked for, and the approvals that it lacks.
type removal struct {
	approvals.Decision
	run    run.Run
	record workspace.Record
}

func (f removal) String() string {
	return f.Missing() + " by the name of the workspace: it " + Destroys(f.run, f.record)
}

// otherState is a state that is another one than the one that was applied, and the approvals that are missing.
type otherState struct {
	approvals.Decision
	state *run.NewState
}

func (f otherState) String() string {
	who := "somebody to say what becomes of the old state"
	if f.state.Why != "" {
		who = "somebody to put its state right, or to say that it is meant"
	}
	return who + " (" + votesMissing(f.Decision) + "): " + f.state.String()
}

// changedOutput is an output that has another value than the one that the run was planned with.
type changedOutput struct{ ref workspace.OutputRef }

func (f changedOutput) String() string {
	return "output " + f.ref.Output + " of workspace " + f.ref.Workspace + " has changed since"
}

// unconfirmed is a commit that the remote did not confirm.
type unconfirmed struct{ follows, why string }

func (f unconfirmed) String() string {
	return "the remote to say that its commit is still on " + f.follows + " (apply_offline is false): " + f.why
}

// Suspended is who suspended the applies of a workspace, and why.
type Suspended struct{ workspace.Suspension }

func (f Suspended) String() string {
	text := "applies to be resumed: " + f.By + " suspended them"
	if !f.Until.IsZero() {
		text += " until " + f.Until.UTC().Format("2006-01-02 15:04 MST")
	}
	return text + ": " + f.Reason
}

// held is the lock that keeps the run from its state.
type held struct{ locks.Lock }

func (f held) String() string { return "the state, which is " + f.Lock.String() }

// inLine is a run that is before it in the queue for the state.
type inLine struct{ run, workspace string }

func (f inLine) String() string {
	return "run " + f.run + " of workspace " + f.workspace + ", which is before it in the queue for the state"
}

// goesFirst is a workspace that goes before the run's, and the run that it waits for.
type goesFirst struct {
	workspace string
	kind      run.Kind // of the run that waits
	run       string
	status    run.Status
}

func (f goesFirst) String() string {
	return fmt.Sprintf("workspace %s, which %s: its run %s is %s", f.workspace, place(f.kind), f.run,
		StatusText(f.status))
}

// failedFirst is a workspace that goes before the run's, and did not do its part.
type failedFirst struct {
	workspace string
	kind      run.Kind // of the run that is held back
	why       string
}

func (f failedFirst) String() string {
	return fmt.Sprintf("workspace %s, which %s, %s", f.workspace, place(f.kind), f.why)
}

// place says what a workspace is to one whose run waits for it.
func place(k run.Kind) string {
	if k == run.Destroy {
		return "depends on it"
	}
	return "is upstream"
}

func StatusText(s run.Status) string { return strings.ReplaceAll(string(s), "_", " ") }

// outputsOf are the outputs of a workspace, which a run is to read.
type outputsOf struct{ workspace, run string }

func (f outputsOf) String() string {
	return "the outputs of workspace " + f.workspace + ", which run " + f.run + " reads"
}

// takeover is a workspace that takes over another one.
type takeover struct{ to, from string }

func (f takeover) String() string {
	return "workspace " + f.to + " to take over what is known of " + f.from
}

// misconfigured is why the configuration cannot be carried out.
type misconfigured struct{ why error }

func (f misconfigured) String() string { return "the configuration to be put right: " + f.why.Error() }
