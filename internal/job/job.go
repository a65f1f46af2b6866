// Package job is the contract between the daemon and a runner: what it is asked to do with one
// phase of one run, and how that ended.
//
// They are processes of their own, and after an upgrade a new daemon meets an old runner. What
// passes between them are files in the phase's directory, each with the version of its format:
//
//	job.json      what to do; written before the runner starts, holds no secret
//	runner.lock   an exclusive flock is held on it while the runner lives
//	started       exists once the engine was started for the phase's own command
//	events.jsonl  the engine's JSON messages, one a line, secrets masked
//	outputs.json.age  the root module's outputs as they stand in the state, encrypted; only if Job.Outputs
//	left.json.age the state as the phase left it, and the world then, encrypted; only if Job.Baseline
//	result.json   the outcome; written whole or not at all
//
// Beside them lie runner.log (what the runner itself printed; mostly empty)
// and, when the engine could not save the state, errored.tfstate.age. Beside
// the plan lies hidden.json.age: what the engine calls sensitive in it, a JSON
// list of strings, encrypted, for Secrets.Hidden of later phases. The workspace's
// directory has a copy of those of the newest plans, by run: see HiddenCopies.
//
// Secrets (variables, environment, the plan to apply) are handed over in
// memory, never in these files; see Secrets.
package job

import (
	"time"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/workspace"
)

// FormatVersion is the version of Job and Result. After an upgrade a new
// daemon meets an old runner: a reader refuses what is newer than itself and
// reads all that is older.
const FormatVersion = 1

// Phase is what a runner does.
type Phase string

const (
	PlanPhase  Phase = "plan"  // init or its reuse, plan, show
	ApplyPhase Phase = "apply" // apply of the saved plan, with all that it stands on
)

// Job is what a runner is asked to do. Paths are absolute.
type Job struct {
	FormatVersion int    `json:"format_version"`
	Run           string `json:"run"`       // id, for messages and for the mark in the engine's environment
	Workspace     string `json:"workspace"` // name
	Phase         Phase  `json:"phase"`

	Commit   string   `json:"commit"`    // whose tree it is
	Checkout string   `json:"checkout"`  // the commit's files, shared and never written; see package pinned
	Tree     string   `json:"tree"`      // where the engine sees them: the same path for every run of the workspace
	Ground   string   `json:"ground"`    // what the run writes into its tree; kept from its plan to its apply
	Dir      string   `json:"dir"`       // the root module, relative to Tree
	VarFiles []string `json:"var_files"` // relative to Dir
	// LeftOut is what the commit has and Tree has not. Plan phase only.
	LeftOut []LeftOut `json:"left_out,omitempty"`

	// ModuleAge is how long a module is not fetched again whose source can move: a poll.
	ModuleAge time.Duration `json:"module_age"`

	// StrictVariables refuses a plan when it is given a variable that the root
	// module does not declare. It is off for plans of the applied commit, for
	// which the variables of now need not be meant.
	StrictVariables bool     `json:"strict_variables,omitempty"`
	SharedVariables []string `json:"shared_variables,omitempty"` // names of variables that many workspaces are given alike
	InputVariables  []string `json:"input_variables,omitempty"`  // names of variables that come from `inputs`

	BackendFiles []string `json:"backend_files,omitempty"` // settings of the backend, relative to Dir

	Engine        EngineSpec `json:"engine"`
	EngineVersion string     `json:"engine_version,omitempty"` // constraint of the workspace, besides that of Engine
	Parallelism   int        `json:"parallelism,omitempty"`    // 0: the engine's own

	TerraformWorkspace string `json:"terraform_workspace"`
	Backend            string `json:"backend,omitempty"` // in the place of what the root module declares: "managed", or a type of backend
	WorkspaceDir       string `json:"workspace_dir"`     // workspaces/<name>: what seeds an init, managed state, snapshots
	CacheDir           string `json:"cache_dir"`         // shared by all workspaces: engine versions, providers, modules
	PlanFile           string `json:"plan_file"`         // plan.tfplan.age: written by the plan phase
	PlanJSON           string `json:"plan_json"`         // plan.json: the redacted plan.Plan, written by the plan phase
	// apply phase: the digest that was approved, see ApprovedDigest; anything else is refused
	PlanDigest string `json:"plan_digest"`
	Recipient  string `json:"recipient"` // age recipient that plans, snapshots and evidence are encrypted to

	Move *Move `json:"move,omitempty"` // plan phase: copy the state first

	Cell Cell `json:"cell,omitzero"` // what the engine sees and may change

	Speculative bool `json:"speculative,omitempty"`  // of a plan that is never applied
	Debug       bool `json:"debug,omitempty"`        // keep the engine's own debug log (DebugFile)
	Destroy     bool `json:"destroy"`                // plan -destroy
	RefreshOnly bool `json:"refresh_only,omitempty"` // plan -refresh-only
	// init -upgrade: provider versions are chosen anew; only without a committed lock file
	Upgrade bool `json:"upgrade,omitempty"`
	// whether other workspaces use the root module's outputs: then OutputsFile is written
	Outputs bool `json:"outputs"`
	// whether to keep what the phase leaves in the state, or finds there where nothing is to be changed
	Baseline bool `json:"baseline,omitempty"`
	// whether to take the backend's own lock: what may be applied does, speculative and drift do not
	LockState   bool          `json:"lock_state"`
	LockTimeout time.Duration `json:"lock_timeout"`
	Timeout     time.Duration `json:"timeout"` // of the whole phase
	// Network is whom the engine can reach; of a listed one, hosts by these patterns. "" is open.
	Network workspace.Network `json:"network,omitempty"`
	Hosts   []string          `json:"hosts,omitempty"`
	// Limits are what the engine may take, with all that it starts. The runner itself has none.
	Limits workspace.Limits `json:"limits,omitzero"`
	Grace  time.Duration    `json:"grace"` // between a graceful interrupt and a kill; an apply has a long one
}

// LeftOut is a path of the commit that is not in its checkout, and what it is.
type LeftOut struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Cell is what shuts an engine in, and what is given to it in there.
type Cell struct {
	DataDir string   `json:"data_dir,omitempty"` // of tfops
	Hide    []string `json:"hide,omitempty"`     // what it does not see besides: the configuration
	Read    []string `json:"read,omitempty"`     // what the configuration gives it back, absolute
	Write   []string `json:"write,omitempty"`    // and what it may change
}

// EngineSpec says which engine to use. The runner finds or installs it,
// taking the root module's required_version into account, before any code of
// the repository runs.
type EngineSpec struct {
	Name       string `json:"name"`                  // "terraform" or "tofu"
	Version    string `json:"version,omitempty"`     // constraint of the configuration, e.g. "~> 1.11"; empty: any
	Made       string `json:"made,omitempty"`        // apply phase: the version that made the plan; no other applies it
	Path       string `json:"path,omitempty"`        // a binary to use, and nothing else
	ReleaseURL string `json:"release_url,omitempty"` // where releases are; empty: the maker's own server
	PublicKey  string `json:"public_key,omitempty"`  // armored key that signs them; empty: the maker's own
	CLIConfig  string `json:"cli_config,omitempty"`  // the CLI configuration that it reads; see phase.homeCounts
}

// Secrets are handed from the daemon to the runner in an anonymous file in
// memory that the runner inherits: never in a directory, an argument or the
// runner's own environment.
type Secrets struct {
	Env       map[string]string `json:"env"`               // the engine's whole environment, but for what the runner adds
	Network   map[string]string `json:"network"`           // the daemon's own proxies and certificates, for downloads of engines
	Variables string            `json:"variables"`         // HCL text of a variable file: the workspace's variables
	Backend   string            `json:"backend,omitempty"` // HCL text of a file with settings of the backend
	// Hashed are names of settings in Backend and of variables in Env whose values are secret:
	// where one of them names the state, the result has its hash.
	Hashed []string `json:"hashed,omitempty"`
	// Mask are values that must never reach events, results or the plan, in any form; MaskWhole
	// those that are hidden where nothing else stands.
	Mask      []string `json:"mask"`
	MaskWhole []string `json:"mask_whole,omitempty"`
	// Hidden is what the workspace's plans hid that may be applied, and those of what was;
	// Printed what speculative plans hid. These plan what anybody wrote, and so add to what is
	// hidden in events and results, and to nothing in a plan that people approve.
	Hidden  []string `json:"hidden,omitempty"`
	Printed []string `json:"printed,omitempty"`

	// Left is what the last run left that ended well, LeftHalf one that ended halfway since. Plan phase only.
	Left     []byte `json:"left,omitempty"`
	LeftHalf []byte `json:"left_half,omitempty"`

	Plan []byte      `json:"plan"`          // apply phase: the saved plan, decrypted
	Old  []OldAccess `json:"old,omitempty"` // of a move: with what the old state may be reached, the likeliest first

	OldBackend string `json:"old_backend,omitempty"` // of a move: Backend for the old state
	State      []byte `json:"state,omitempty"`       // of an import: the state

	Modules Modules `json:"modules,omitzero"` // plan phase: what its init fetches with
}

// OldAccess is with what a state is reached that a move takes along.
type OldAccess struct {
	Env     map[string]string `json:"env"`               // the engine's environment
	Backend string            `json:"backend,omitempty"` // as Secrets.Backend
	Hashed  []string          `json:"hashed,omitempty"`  // as Secrets.Hashed
}

// Modules is what private modules and registries are fetched with, by init alone.
type Modules struct {
	Credentials []credentials.Credential `json:"credentials,omitempty"`
	// Scope tells apart those who may be given different things for one source: what was
	// fetched in a scope is kept for it alone. Empty: all have the same.
	Scope string `json:"scope,omitempty"`
}

// Outcome says how a phase ended.
type Outcome string

const (
	Succeeded          Outcome = "succeeded"
	Failed             Outcome = "failed"      // the engine, or what leads to it, said no
	InterruptedOutcome Outcome = "interrupted" // stopped on request; the engine ended by itself
	KilledOutcome      Outcome = "killed"      // stopped by force, or out of grace: an apply's outcome is unknown
	TimedOut           Outcome = "timed_out"   // interrupted by the phase's own timeout; the engine ended by itself
)

// Cause classifies a failure, so that the daemon can tell what may pass by itself.
type Cause string

const (
	CauseEngine    Cause = "engine"    // the engine's diagnostics tell
	CauseLocked    Cause = "locked"    // somebody holds the backend's lock
	CauseNetwork   Cause = "network"   // a connection failed or timed out
	CauseRace      Cause = "race"      // another init made the same thing in the backend at the same moment
	CauseThrottled Cause = "throttled" // a remote API asks to slow down
	CauseStale     Cause = "stale"     // the state moved on since the plan was made
	CauseState     Cause = "state"     // the state is gone, cut, or another one than is asked for
	CauseDisk      Cause = "disk"      // no space, or a read-only file system
	CauseMachine   Cause = "machine"   // too many open files or processes, too little memory
	CauseLimit     Cause = "limit"     // the engine took more than the limits allow
	CauseNoEngine  Cause = "no_engine" // no engine of a fitting version could be had
	CauseBadInput  Cause = "bad_input" // directory or variable file not there, plan file not the approved one
	CauseRunner    Cause = "runner"    // everything else on our side
)

// Transient reports whether a failure of this cause is known to pass by itself.
func (c Cause) Transient() bool {
	return c == CauseLocked || c == CauseNetwork || c == CauseRace || c == CauseThrottled || c == CauseMachine
}

// Diagnostic is an error or warning of the engine, with its place.
type Diagnostic struct {
	Severity string `json:"severity"` // "error" or "warning"
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	Address  string `json:"address,omitempty"`
	File     string `json:"file,omitempty"` // relative to the root module
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Snippet  string `json:"snippet,omitempty"` // the source line
	Context  string `json:"context,omitempty"` // e.g. `resource "x" "y"`
}

// Result is how a phase ended.
type Result struct {
	FormatVersion int     `json:"format_version"`
	Outcome       Outcome `json:"outcome"`
	Cause         Cause   `json:"cause,omitempty"`   // of Failed
	Message       string  `json:"message,omitempty"` // one line for a person; after a success only what went wrong beside it
	Next          string  `json:"next,omitempty"`    // what to do about it

	// NotBegun says of Failed that nothing of the phase was done: the runner's process could not be
	// made ready. The phase can be started again.
	NotBegun bool `json:"not_begun,omitempty"`

	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`

	// Lock is the lock in the backend that kept the phase from its state.
	Lock *BackendLock `json:"lock,omitempty"`

	EngineName    string `json:"engine_name,omitempty"`
	EngineVersion string `json:"engine_version,omitempty"`
	InitReused    bool   `json:"init_reused,omitempty"`

	// Sandbox is the level at which the engine was shut in; empty in the results of a tfops that did
	// not say.
	Sandbox sandbox.Level `json:"sandbox,omitempty"`

	// Providers are the versions that were used, by address.
	Providers map[string]string `json:"providers,omitempty"`

	// Backend names the state, read from the resolved backend configuration
	// after init; see locks.Identity.
	Backend BackendConfig `json:"backend"`

	// Overridden is the type of the root module's own backend, "cloud" for a cloud
	// block, where Job.Backend took its place.
	Overridden string `json:"overridden,omitempty"`

	Plan *plan.Plan `json:"-"` // plan phase: read from PlanJSON by Wait

	// PlanDigest is the digest of the plan that was made or applied.
	PlanDigest string `json:"plan_digest,omitempty"`

	// Serial, Lineage and StateDigest are of the managed state after an apply, when known.
	Serial      uint64 `json:"serial,omitempty"`
	Lineage     string `json:"lineage,omitempty"`
	StateDigest string `json:"state_digest,omitempty"` // "sha256:…" of its file

	Moved *Moved `json:"moved,omitempty"` // the state was copied, however the phase ended

	// ErroredState is the path of the encrypted errored.tfstate that the
	// engine left because it could not save the state; empty when it left none.
	ErroredState string `json:"errored_state,omitempty"`

	// StateLost says that the engine could not save the state and the runner
	// could not keep it either: Message tells where a part of it may lie.
	StateLost bool `json:"state_lost,omitempty"`

	// Hosts are those that the engine spoke to, of a listed network; see NetworkFile.
	Hosts []string `json:"hosts,omitempty"`

	// PeakMemory is how much memory the engine took at once, in bytes, with all that it started, as
	// far as it was seen; 0: not known.
	PeakMemory int64 `json:"peak_memory,omitempty"`

	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
}

// BackendConfig is the resolved backend of a root module.
type BackendConfig struct {
	Type   string         `json:"type"`             // "s3", "local", …; "managed" for a state that tfops keeps
	Config map[string]any `json:"config,omitempty"` // only what names the state (bucket, key, …), never a credential
}

// A move is a plan phase that copies the state first, from where it was
// applied to where the commit wants it. It writes nothing but the new state,
// and nothing there that is not the old one: so it may be repeated, and a
// runner that vanishes over it leaves nothing that the next one does not mend.
// The state passes in memory only, and the old one stays as it is.

// An import is a move of a state that somebody brought.

// Move says from where to where a state is copied.
type Move struct {
	// Import: the old state is Secrets.State, whatever the fields below say.
	Import  bool `json:"import,omitempty"`
	Replace bool `json:"replace,omitempty"` // of an import: also a state that holds something

	// File is a managed state; with it no engine is asked for the old one.
	File string `json:"file,omitempty"`
	// The root module whose backend has the old state otherwise.
	Checkout           string `json:"checkout,omitempty"` // of the applied commit
	Dir                string `json:"dir,omitempty"`
	TerraformWorkspace string `json:"terraform_workspace,omitempty"`
	Backend            string `json:"backend,omitempty"` // as Job.Backend was then
	// BackendFiles complete that backend, relative to Dir; see Secrets.Old, too.
	BackendFiles []string `json:"backend_files,omitempty"`

	From string `json:"from"` // identity of the old state; see package locks
	// Was is the old state as it was left by the last apply.
	Was workspace.AppliedState `json:"was,omitzero"`
	To  string                 `json:"to"` // and of the new one: any other is refused; an import takes what there is
}

// Moved says what became of a move.
type Moved struct {
	Serial    uint64 `json:"serial"`
	Lineage   string `json:"lineage"`
	Resources int    `json:"resources"`
	Already   bool   `json:"already,omitempty"`  // the new state had it before
	Replaced  string `json:"replaced,omitempty"` // of an import: the snapshot of what was there before
}

// IsDefault reports whether it is the Terraform workspace that every state has.
func IsDefault(terraformWorkspace string) bool {
	return terraformWorkspace == "" || terraformWorkspace == "default"
}
