package decide

import "fmt"

// Wait is what a run, or a workspace, waits for, and the command that moves it on: facts. The sentence
// that people read is made of them when somebody asks for it, and no program reads it.
type Wait struct {
	Kind    WaitKind
	Run     string       // the run that is waited for, or that is to be looked at; "" for none
	Lock    string       // the state, where somebody else holds it; "" for none
	For     fmt.Stringer // what exactly; nil where there is nothing to wait for
	Command string
	// Person: it goes on only when somebody does something about what is in its way, which is
	// not its own approval. Whoever waits for the run is told and let go.
	Person bool
}

// Sentence is what is waited for, behind "it waits for".
func (w Wait) Sentence() string {
	if w.For == nil {
		return ""
	}
	return w.For.String()
}

// WaitKind is what kind of thing is waited for.
type WaitKind string

// What runs wait for.
const (
	WaitsForWorker        WaitKind = "worker"        // a place for a runner
	WaitsForPhase         WaitKind = "phase"         // its own runner, which is at work
	WaitsForRun           WaitKind = "run"           // another run of the workspace or on the state
	WaitsForUpstream      WaitKind = "upstream"      // a workspace that goes before
	WaitsForApproval      WaitKind = "approval"      // votes
	WaitsForNewState      WaitKind = "new_state"     // somebody to say what becomes of another state
	WaitsForState         WaitKind = "state"         // a state that is lost, to be restored
	WaitsForLock          WaitKind = "lock"          // whoever holds the state
	WaitsForInterrupted   WaitKind = "interrupted"   // somebody to look at an interrupted apply
	WaitsForStopped       WaitKind = "stopped"       // somebody to continue a process (SIGSTOP)
	WaitsForResume        WaitKind = "suspended"     // applies to be resumed
	WaitsForRetry         WaitKind = "retry"         // the time of the next try
	WaitsForRemote        WaitKind = "remote"        // a remote to say that a commit is still there
	WaitsForMachine       WaitKind = "machine"       // what the machine lacks
	WaitsForSandbox       WaitKind = "sandbox"       // an engine that is shut in better, or somebody who does without
	WaitsForRename        WaitKind = "rename"        // a rename to be carried out
	WaitsForConfiguration WaitKind = "configuration" // the configuration, or the code, to be put right
)

// What workspaces without such a run wait for.
const (
	WaitsForOrigin     WaitKind = "orphaned"    // what it was made of, or its end
	WaitsForRepository WaitKind = "repository"  // a look at its repository
	WaitsForErrored    WaitKind = "errored"     // somebody to look at a run that errored
	WaitsForSync       WaitKind = "out_of_sync" // somebody to sync it
)

// Why runs end without anybody's doing.
const (
	IsStale     WaitKind = "stale" // its plan is of what is no more
	IsBackAgain WaitKind = "back"  // what it was to destroy is there again
)
