// Package api is what passes between tfops and whoever talks to it: the wire
// types of the HTTP API, and the client that the command line uses.
//
// JSON keys are snake_case and stable: a key is never renamed and its meaning
// never changed. Times are RFC 3339 in UTC and absent when there is none.
// The types hold what people and scripts read; they are copied from the
// engine's own and never stored.
package api

import "time"

// Waiting is what a run or a workspace waits for, as a fact.
type Waiting struct {
	Kind string `json:"kind" enum:"worker,phase,run,upstream,approval,new_state,state,lock,interrupted,stopped,suspended,retry,remote,machine,sandbox,rename,configuration,orphaned,repository,errored,out_of_sync,stale,back" doc:"What kind of thing is waited for"`
	Run  string `json:"run,omitempty" doc:"The run that is waited for, or that is to be looked at"`
	Lock string `json:"lock,omitempty" doc:"The state that somebody holds, as in the list of locks"`
}

// Run is one pass over a workspace at one commit.
type Run struct {
	ID           string   `json:"id" doc:"Sorts by time of creation"`
	Workspace    string   `json:"workspace"`
	Kind         string   `json:"kind" enum:"sync,plan,drift,destroy,refresh,move"`
	Status       string   `json:"status" enum:"pending,planning,planned_and_finished,policy_failed,awaiting_approval,apply_queued,applying,applied,errored,interrupted,discarded,canceled"`
	Reason       string   `json:"reason,omitempty" doc:"Why a run was discarded: rejected, superseded, expired, stale or upstream"`
	Comment      string   `json:"comment,omitempty" doc:"What a person, or the rule that ended the run, said"`
	WaitingFor   string   `json:"waiting_for,omitempty" doc:"What the run waits for; absent when it has ended"`
	Waiting      *Waiting `json:"waiting,omitempty" doc:"The same, for programs"`
	NeedsPerson  bool     `json:"needs_person,omitempty" doc:"Only somebody who does something about what is in the run's way moves it on; its own approval apart"`
	NextCommand  string   `json:"next_command,omitempty" doc:"The command that moves the run on"`
	Commit       Commit   `json:"commit"`
	Authors      *Authors `json:"authors,omitempty" doc:"Who wrote what the plan applies; absent until it is planned, and of what never applies"`
	Trigger      Trigger  `json:"trigger"`
	Plan         *Plan    `json:"plan,omitempty" doc:"Absent until planned"`
	Approvals    []Vote   `json:"approvals" doc:"Votes on the present plan"`
	Needs        []Need   `json:"needs,omitempty" doc:"What the rules ask for"`
	State        string   `json:"state,omitempty" doc:"Identity of the state, the key of its lock"`
	Attempt      int      `json:"attempt"`
	SupersededBy string   `json:"superseded_by,omitempty"`
	Upstream     []string `json:"upstream,omitempty" doc:"Workspaces that go before this run"`
	Inputs       []Input  `json:"inputs,omitempty" doc:"Outputs of other workspaces that the plan was made with"`
	Codify       string   `json:"codify,omitempty" doc:"The finding whose patch the plan checks"`
	Found        *Found   `json:"found,omitempty" doc:"What a drift check came to"`
	Debug        bool     `json:"debug,omitempty" doc:"The engine's own debug log is kept, too: /runs/{id}/debug"`
	Tag          string   `json:"tag,omitempty" doc:"The tag that the commit was found by"`
	Ref          string   `json:"ref,omitempty" doc:"Of a speculative plan: the branch, tag or commit that somebody named"`
	Sandbox      string   `json:"sandbox,omitempty" enum:"namespaces,users,filters,none" doc:"How well its engine was shut in, in the weakest of its phases; absent where that is not known"`
	Warnings     []string `json:"warnings,omitempty" doc:"What to know before the plan is read"`
	Confirm      []string `json:"confirm,omitempty" doc:"Why a person must confirm the plan, whatever apply says"`
	Error        *Failure `json:"error,omitempty"`
	Events       []Event  `json:"events,omitempty" doc:"Only of a single run"`

	Progress *Progress `json:"progress,omitempty" doc:"Only of a single run whose apply failed or was interrupted: how far it came"`

	Network []Contact `json:"network,omitempty" doc:"Only of a single run: whom its engine spoke to, or wanted to, where its network is listed"`

	NewState *NewState  `json:"new_state,omitempty" doc:"The plan stands on another state than the one that was applied"`
	Move     *StateMove `json:"move,omitempty" doc:"Of a move or an import: from where to where"`

	CanApprove           *bool  `json:"can_approve,omitempty" doc:"Whether the asker's yes would count; only in /api/v1/approvals"`
	CannotApproveBecause string `json:"cannot_approve_because,omitempty" doc:"Why it would not"`

	CreatedAt      time.Time  `json:"created_at"`
	StartedAt      *time.Time `json:"started_at,omitempty" doc:"Planning began"`
	PlannedAt      *time.Time `json:"planned_at,omitempty"`
	ApplyStartedAt *time.Time `json:"apply_started_at,omitempty"`
	FinishedAt     *time.Time `json:"finished_at,omitempty"`
	ExpiresAt      *time.Time `json:"expires_at,omitempty" doc:"When waiting for approval ends"`
	NotBefore      *time.Time `json:"not_before,omitempty" doc:"A retry waits until then"`
}

// NewState says that a plan stands on another state than the one that was
// applied. Such a run is approved only with accept_new_state.
type NewState struct {
	Text string     `json:"text" doc:"In a sentence"`
	From StateRef   `json:"from" doc:"What was applied"`
	To   StateRef   `json:"to" doc:"What the plan stands on"`
	Was  string     `json:"was,omitempty" doc:"The name that the workspace seems to have had; from is that one's state"`
	Why  string     `json:"why,omitempty" doc:"What is wrong with a state that is where it was applied"`
	Ways []StateWay `json:"ways,omitempty" doc:"What can be done about it; absent when the run has ended"`
}

// MaxState is how large a state may be that is imported, in bytes.
const MaxState = 32 << 20

// ImportState brings a state.
type ImportState struct {
	State   []byte `json:"state" doc:"What terraform state pull writes, in base64; at most 32 MiB of it"`
	Replace bool   `json:"replace,omitempty" doc:"Also a state that holds something, which is kept as a snapshot; needs a reason"`
	Reason  string `json:"reason,omitempty"`
}

// StateImport is a state that somebody brought, without what it holds.
type StateImport struct {
	Digest    string `json:"digest"`
	Serial    uint64 `json:"serial"`
	Lineage   string `json:"lineage"`
	Resources int    `json:"resources"`
	Replace   bool   `json:"replace,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Replaced  string `json:"replaced,omitempty" doc:"The snapshot of what was there before"`
}

// StateMove is the copy of a state from where it was applied, or of one that
// somebody brought, to where the configuration wants it. The old one is kept.
type StateMove struct {
	Text   string       `json:"text" doc:"In a sentence"`
	Import *StateImport `json:"import,omitempty" doc:"The state was brought: from is empty then"`

	From      StateRef `json:"from"`
	To        StateRef `json:"to"`
	Done      bool     `json:"done" doc:"The new state holds what the old one holds: both were read back"`
	Resources int      `json:"resources,omitempty"`
	Serial    uint64   `json:"serial,omitempty"`
	Lineage   string   `json:"lineage,omitempty"`
}

// RestoreState asks to restore a managed state.
type RestoreState struct {
	Snapshot string `json:"snapshot,omitempty" doc:"Its name; absent: the newest that is whole"`
	Empty    bool   `json:"empty,omitempty" doc:"Begin with nothing: what was applied is given up; needs a reason"`
	Reason   string `json:"reason,omitempty"`
}

// RestoredState says what a managed state was restored from.
type RestoredState struct {
	Snapshot  string `json:"snapshot,omitempty"`
	Serial    uint64 `json:"serial"`
	Resources int    `json:"resources"`
	Kept      string `json:"kept,omitempty" doc:"Where what was there before lies now"`
	Behind    string `json:"behind,omitempty" doc:"Why it does not hold all that was applied; the next plan waits for a person then"`
}

// StateRef is a state.
type StateRef struct {
	Identity  string `json:"identity"`
	Backend   string `json:"backend,omitempty" doc:"managed for a state that tfops keeps"`
	Place     string `json:"place,omitempty" doc:"Where it is, for people"`
	Resources *int   `json:"resources,omitempty" doc:"How many it holds; absent where that is not known"`
}

// StateWay is one way to go on from a state that moved.
type StateWay struct {
	What    string `json:"what"`
	Command string `json:"command" doc:"A command, or what to write"`
}

// Input is an output of another workspace that a plan was made with.
type Input struct {
	Workspace string `json:"workspace"`
	Output    string `json:"output"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Commit is a commit as a run knows it.
type Commit struct {
	SHA            string    `json:"sha"`
	Author         string    `json:"author"`
	AuthorEmail    string    `json:"author_email"`
	Committer      string    `json:"committer"`
	CommitterEmail string    `json:"committer_email"`
	CoAuthors      []string  `json:"co_authors,omitempty" doc:"Name <email>"`
	Message        string    `json:"message"`
	Time           time.Time `json:"time"`
}

// Trigger is what asked for a run.
type Trigger struct {
	Cause string `json:"cause" enum:"commit,config,person,schedule,retry,stale,resolve,upstream,removed,heal,refresh,apply,move"`
	Actor string `json:"actor,omitempty"`
	Run   string `json:"run,omitempty" doc:"The earlier run, of a retry and its like"`
}

// Plan is a plan in numbers; the whole is at /api/v1/runs/{id}/plan.
type Plan struct {
	Digest  string `json:"digest" doc:"SHA-256 of the saved plan: what an approval is bound to"`
	Add     int    `json:"add"`
	Change  int    `json:"change"`
	Delete  int    `json:"delete"`
	Replace int    `json:"replace"`
	Import  int    `json:"import"`
	Move    int    `json:"move"`
	Forget  int    `json:"forget"`
	Read    int    `json:"read"`
	Outputs int    `json:"outputs"`
	Drifted int    `json:"drifted" doc:"Resources that changed outside of the engine"`
	Accept  int    `json:"accept,omitempty" doc:"Of a refresh: resources whose values in the world the state takes over"`
	Changes bool   `json:"changes" doc:"Whether applying it would do something"`
	// Complete is false when the engine deferred changes to another plan.
	Complete bool   `json:"complete"`
	Engine   string `json:"engine" example:"terraform 1.11.4"`

	Hosts    []string `json:"hosts,omitempty" doc:"Hosts that the engine spoke to, where its network is listed"`
	NewHosts []string `json:"new_hosts,omitempty" doc:"Of these, hosts that nothing approved or applied spoke to before"`
}

// Progress is how far an apply came, as its events tell.
type Progress struct {
	Finished []Step `json:"finished"`
	Failed   []Step `json:"failed"`
	UnderWay []Step `json:"under_way" doc:"Begun, and not known to have ended: look at the real world"`
	NotBegun []Step `json:"not_begun"`
}

// Step is one thing that an apply does to a resource.
type Step struct {
	Address     string `json:"address"`
	Action      string `json:"action" doc:"As the engine calls it; a replacement is a delete and a create"`
	Provisioner string `json:"provisioner,omitempty" doc:"That was at work"`
}

// Contact is a host that the engine spoke to in a phase of a run, or wanted to.
type Contact struct {
	Phase     string    `json:"phase" doc:"plan or apply"`
	Host      string    `json:"host"`
	Port      int       `json:"port,omitempty"`
	BytesIn   int64     `json:"bytes_in"`
	BytesOut  int64     `json:"bytes_out"`
	Count     int       `json:"count" doc:"Connections"`
	FirstSeen time.Time `json:"first_seen"`
	Refused   string    `json:"refused,omitempty" doc:"Why it was not reached"`
}

// Vote is one person's yes or no.
type Vote struct {
	Voter   string    `json:"voter"`
	Yes     bool      `json:"yes"`
	Digest  string    `json:"digest"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
}

// Need is what one rule asks for.
type Need struct {
	Rule    string   `json:"rule,omitempty" doc:"Absent for the confirmation of apply = \"manual\""`
	Require int      `json:"require"`
	From    []string `json:"from,omitempty"`
	Voters  []string `json:"voters" doc:"Whose approvals count"`
	Met     bool     `json:"met"`
	Note    string   `json:"note,omitempty"`
	Because []string `json:"because,omitempty" doc:"Of the confirmation: why a person must confirm, whatever apply says"`
	Blocked string   `json:"blocked,omitempty" doc:"Why no vote can count"`
}

// Failure is why a run errored or was interrupted.
type Failure struct {
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty" doc:"The engine's diagnostics"`
	Next    string `json:"next,omitempty"`
}

// Event is one thing that happened to a run.
type Event struct {
	At    time.Time `json:"at"`
	From  string    `json:"from,omitempty"`
	To    string    `json:"to,omitempty"`
	Actor string    `json:"actor,omitempty"`
	Text  string    `json:"text,omitempty"`
}

// Workspace is the unit of reconciliation.
type Workspace struct {
	Name               string            `json:"name"`
	Repository         string            `json:"repository"`
	Branch             string            `json:"branch" doc:"Empty where a tag or a commit is followed"`
	Follows            string            `json:"follows,omitempty" doc:"What it follows: branch main; tag v1.4.2 (>= 1.2, < 2); commit and an id"`
	Dir                string            `json:"dir"`
	TerraformWorkspace string            `json:"terraform_workspace"`
	Labels             map[string]string `json:"labels,omitempty"`
	Apply              string            `json:"apply" enum:"manual,auto,never"`
	HeadCommit         string            `json:"head_commit,omitempty" doc:"Newest commit of the branch that was looked at"`
	DesiredCommit      string            `json:"desired_commit,omitempty" doc:"Newest commit that touches the workspace"`
	AppliedCommit      string            `json:"applied_commit,omitempty" doc:"Commit that the world was last made equal to"`
	AppliedAt          *time.Time        `json:"applied_at,omitempty"`
	Destroyed          bool              `json:"destroyed,omitempty"`
	Sync               string            `json:"sync" enum:"synced,pending,out_of_sync,errored,unknown,orphaned"`
	Drift              string            `json:"drift" enum:"none,drifted,unknown"`
	DriftSince         *time.Time        `json:"drift_since,omitempty"`
	DriftWhy           string            `json:"drift_why,omitempty" doc:"Why drift is unknown"`
	Drifted            []string          `json:"drifted,omitempty" doc:"Addresses that drifted"`
	HealStopped        string            `json:"heal_stopped,omitempty" doc:"Why drift is not put back any more until somebody has looked"`
	NotHealed          string            `json:"not_healed,omitempty" doc:"Why the last check, which found drift, asked for no heal"`
	WaitingFor         string            `json:"waiting_for,omitempty"`
	Waiting            *Waiting          `json:"waiting,omitempty" doc:"The same, for programs"`
	NextCommand        string            `json:"next_command,omitempty"`
	Lock               *Lock             `json:"lock,omitempty"`
	Suspended          *Suspension       `json:"suspended,omitempty"`
	State              string            `json:"state,omitempty"`
	LastRun            *RunRef           `json:"last_run,omitempty"`
	LastCheckedAt      *time.Time        `json:"last_checked_at,omitempty" doc:"The last drift check, or plan, that succeeded"`
	NextCheckAt        *time.Time        `json:"next_check_at,omitempty" doc:"When the schedule asks for the next drift check"`
	Upstream           []Dependency      `json:"upstream,omitempty" doc:"Workspaces that come before it"`
	Generator          string            `json:"generator,omitempty" doc:"The workspaces block that made it"`
	OrphanedSince      *time.Time        `json:"orphaned_since,omitempty" doc:"Since when what it was made of is gone"`
}

// Dependency is a workspace that comes before another.
type Dependency struct {
	Workspace string `json:"workspace"`
	Why       string `json:"why"`
	Inferred  bool   `json:"inferred,omitempty" doc:"Read off the code, not configured"`
}

// Generator makes workspaces of what a repository holds.
type Generator struct {
	Name       string    `json:"name"`
	Repository string    `json:"repository"`
	Workspaces []string  `json:"workspaces"`
	Problems   []Problem `json:"problems" doc:"What keeps it from making some; the others go on"`
}

// Problem is what keeps workspaces from being made or planned.
type Problem struct {
	Where   string `json:"where"`
	Message string `json:"message"`
	Next    string `json:"next,omitempty"`
}

// RunRef names a run where it is mentioned.
type RunRef struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Status string `json:"status"`
}

// Suspension pauses applies.
type Suspension struct {
	By     string     `json:"by"`
	Reason string     `json:"reason"`
	At     time.Time  `json:"at"`
	Until  *time.Time `json:"until,omitempty"`
}

// Lock is a hold on a state.
type Lock struct {
	State     string    `json:"state"`
	Workspace string    `json:"workspace"`
	Holder    string    `json:"holder" doc:"A run (\"run ID\") or a person"`
	Run       string    `json:"run,omitempty"`
	Person    string    `json:"person,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Since     time.Time `json:"since"`
	Waiting   []string  `json:"waiting" doc:"Runs that wait for it, first in the queue first"`

	// Of a lock that lies in a backend, which tfops neither took nor can give up.
	Backend   bool   `json:"backend,omitempty" doc:"The lock lies in the backend, and a run met it"`
	ID        string `json:"id,omitempty" doc:"The lock's ID in the backend"`
	Operation string `json:"operation,omitempty" doc:"What its holder does, as the engine calls it"`
	MetBy     string `json:"met_by,omitempty" doc:"The run that met it"`
	Next      string `json:"next,omitempty" doc:"What to do about it"`
}

// Repository is a Git remote that is polled.
type Repository struct {
	Name     string     `json:"name"`
	PolledAt *time.Time `json:"polled_at,omitempty" doc:"The last poll that succeeded"`
	Failures int        `json:"failures" doc:"Polls that failed since"`
	Error    string     `json:"error,omitempty"`
	Next     string     `json:"next,omitempty" doc:"What to do about the error"`
	Note     string     `json:"note,omitempty" doc:"What to know of how it is fetched: that its host does not negotiate"`
}

// Found is how the world stood when a drift check looked.
type Found struct {
	Drift     string   `json:"drift" enum:"none,drifted,unknown"`
	Addresses []string `json:"addresses" doc:"What drifted"`
	Why       string   `json:"why,omitempty" doc:"Of unknown"`
}

// Status is the fleet.
type Status struct {
	Workspaces   []Workspace    `json:"workspaces"`
	Repositories []Repository   `json:"repositories"`
	Generators   []Generator    `json:"generators"`
	Notify       []NotifyTarget `json:"notify"`
	LeftBehind   []LeftBehind   `json:"left_behind" doc:"Workspaces that the configuration has no more, though what they applied is still there"`
	Strays       []Stray        `json:"strays" doc:"Directories of runs that the store does not know, as the daemon found them at its start; they are kept"`
	Damage       []Damage       `json:"damage" doc:"Records of the store that were not what was written, and were set aside in the last 30 days"`
	Config       ConfigStatus   `json:"config"`
	Sandbox      *Sandbox       `json:"sandbox,omitempty" doc:"How the engines of runs are shut in; absent until that was found out"`
	Version      string         `json:"version"`
}

// Sandbox is how the engines of runs are shut in.
type Sandbox struct {
	Level  string        `json:"level,omitempty" enum:"namespaces,users,filters,none" doc:"What the daemon's machine gives; absent where that was not found out"`
	Text   string        `json:"text" doc:"What that means, for people"`
	Wanted string        `json:"wanted" enum:"auto,namespaces,users,filters,none" doc:"runner.sandbox of the configuration"`
	Note   string        `json:"note,omitempty" doc:"What people should know: a level below the first, or one that was accepted"`
	Lacks  []SandboxLack `json:"lacks" doc:"What the machine does not offer for a better level"`
}

// SandboxLack is what a machine does not offer for a better level.
type SandboxLack struct {
	Kind string `json:"kind"`
	What string `json:"what" doc:"For people"`
	Next string `json:"next" doc:"What to do about it"`
}

// LeftBehind is a workspace that the configuration has no more.
type LeftBehind struct {
	Name          string     `json:"name"`
	AppliedCommit string     `json:"applied_commit,omitempty" doc:"Absent where its first apply failed"`
	AppliedAt     *time.Time `json:"applied_at,omitempty"`
	State         string     `json:"state,omitempty" doc:"Where its state is"`
}

// Stray is the directory of a run that the store does not know.
type Stray struct {
	Run   string `json:"run"`
	Dir   string `json:"dir"`
	State string `json:"state,omitempty" doc:"The file of a state that an apply of it could not save, encrypted"`
	PIDs  []int  `json:"pids,omitempty" doc:"Processes of it that were still running"`
}

// Damage is a record of the store that was set aside.
type Damage struct {
	Bucket string    `json:"bucket"`
	Key    string    `json:"key" doc:"As it was found, quoted where it is no text"`
	Why    string    `json:"why"`
	At     time.Time `json:"at"`
}

// ConfigStatus tells which configuration is in force.
type ConfigStatus struct {
	Path     string    `json:"path"`
	LoadedAt time.Time `json:"loaded_at"`
	Error    string    `json:"error,omitempty" doc:"Why a newer one on disk is not in force"`
}

// StartRun asks for a run.
type StartRun struct {
	Kind  string `json:"kind" enum:"sync,plan,drift,destroy,refresh"`
	Ref   string `json:"ref,omitempty" doc:"Of a plan: branch, tag or commit; the workspace's branch otherwise"`
	Debug bool   `json:"debug,omitempty" doc:"Keep the engine's own debug log, too"`
	// Upgrade is for workspaces without a committed lock file.
	Upgrade bool `json:"upgrade,omitempty" doc:"Of a plan or a sync: choose provider versions anew, where no lock file is committed"`
}

// Ballot is a vote as it is sent.
type Ballot struct {
	Yes     bool   `json:"yes"`
	Digest  string `json:"digest" doc:"Of the plan that the voter saw: whole, or at least its first twelve hex digits"`
	Comment string `json:"comment,omitempty"`

	Workspace      string `json:"workspace,omitempty" doc:"The workspace that is meant; needed for a yes to a run whose trigger is removed: it destroys what nobody asked to destroy"`
	AcceptNewState bool   `json:"accept_new_state,omitempty" doc:"The voter means to leave the state that was applied behind; needs a comment"`
}

// Cancel asks to stop a run.
type Cancel struct {
	Force bool `json:"force,omitempty" doc:"Kill the engine: the outcome of an apply is then unknown"`
}

// Reason carries what a person says.
type Reason struct {
	Reason string `json:"reason,omitempty"`
}

// Suspend asks to pause applies.
type Suspend struct {
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"`
}

// Health is the answer of a daemon that works.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

// Version is what runs.
type Version struct {
	Tfops   string            `json:"tfops"`
	Go      string            `json:"go"`
	Engines map[string]string `json:"engines" doc:"Version by engine, as found on PATH"`
	Sandbox *Sandbox          `json:"sandbox,omitempty" doc:"Of a daemon: how it shuts the engines of runs in"`
}

// Error is the body of every answer that is not a success. It is a problem of
// RFC 9457 with tfops's own code and next step.
type Error struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code" enum:"invalid,not_found,conflict,forbidden,unavailable,internal"`
	Next   string `json:"next,omitempty" doc:"What to do next"`
}
