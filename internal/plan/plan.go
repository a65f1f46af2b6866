// Package plan reads what an engine plans to do, from `terraform show -json`
// of a saved plan, and keeps of it what a person or a rule needs to decide:
// changes, counts, outputs, checks, and the digest that names the plan.
//
// Plan JSON holds secrets in plain text. Read replaces every value that the
// engine marks as sensitive before anything else sees it, so a Plan can be
// stored, printed and sent.
package plan

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/tfops/tfops/internal/plan/values"
)

// FormatVersion is the version of the JSON form of Plan. It grows when a
// reader of the old form would misread the new one.
const FormatVersion = 1

// Plan is a saved plan, redacted.
type Plan struct {
	FormatVersion int `json:"format_version"`
	// "terraform" or "tofu"; plan JSON does not tell, so it is empty until whoever ran the engine fills it in
	EngineName    string `json:"engine_name,omitempty"`
	EngineVersion string `json:"engine_version"`
	// Providers are the versions that were used where no lock file is committed,
	// by address; whoever ran the engine fills them in.
	Providers map[string]string `json:"providers,omitempty"`
	// Modules are those from elsewhere whose source may give another one next time, as
	// they were; whoever ran the engine fills them in.
	Modules []Module `json:"modules,omitempty"`
	// Rewritten are files of the commit, and of modules, that making the plan changed: its apply has
	// them as they are now. Whoever ran the engine fills them in. MoreRewritten is how many more there are.
	Rewritten     []Rewritten `json:"rewritten,omitempty"`
	MoreRewritten int         `json:"more_rewritten,omitempty"`

	// State is the state that the plan stands on; nil where the saved plan does not tell.
	State *State `json:"state,omitempty"`
	// Since is what became of state and world since tfops wrote the state last; nil: it is not known.
	Since *Since `json:"since,omitempty"`

	Digest string `json:"digest"` // "sha256:" and the hex SHA-256 of the saved plan file: what an approval is bound to
	Counts Counts `json:"counts"`
	// resources whose action is not no-op, or that move or are imported; in the engine's order
	Changes     []Change     `json:"changes"`
	Drift       []Change     `json:"drift"`                 // what differs from the state outside of the engine ("resource_drift")
	Deferred    []Change     `json:"deferred,omitempty"`    // what the engine puts off to a later plan; Reason says why
	Invocations []Invocation `json:"invocations,omitempty"` // provider actions that the apply invokes
	Outputs     []Output     `json:"outputs"`               // outputs that change
	Checks      []Check      `json:"checks"`
	Compared    int          `json:"compared,omitempty"` // managed resource instances that were held against the world
	Unseen      []Unseen     `json:"unseen,omitempty"`   // what the plan could not hold against the world
	Complete    bool         `json:"complete"`           // false: the engine deferred something; another plan must follow
	Errored     bool         `json:"errored"`            // the engine stopped before it had planned everything
	Applyable   bool         `json:"applyable"`          // applying it would do something
	// everything is deleted and no configuration asks for it, as -destroy plans
	Destroy bool `json:"destroy"`
	// made with -refresh-only: see Accepted; plan JSON does not tell, so it is false until whoever ran the engine
	// fills it in
	RefreshOnly bool `json:"refresh_only,omitempty"`
}

// State names the state that a plan stands on, as it is where it is kept.
type State struct {
	Serial    uint64 `json:"serial"`
	Lineage   string `json:"lineage,omitempty"` // empty: there is none yet
	Resources int    `json:"resources"`         // managed instances, those among them that are gone from the world
}

// Module is a module from elsewhere.
type Module struct {
	Call    string `json:"call"`              // names of the calls that lead there, with dots between
	Source  string `json:"source"`            // as it is written, without a password
	Version string `json:"version,omitempty"` // of a registry's
	Commit  string `json:"commit,omitempty"`  // of what Git gave
	Digest  string `json:"digest"`            // of its files
}

// Rewritten is a file that making the plan changed.
type Rewritten struct {
	Path    string `json:"path"` // in the repository, with slashes
	Removed bool   `json:"removed,omitempty"`
}

// Counts is how many resources a plan touches, by what happens to them.
// A replacement counts as Replace only, a move or import with another action
// counts under both.
type Counts struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Delete  int `json:"delete"`
	Replace int `json:"replace"`
	Import  int `json:"import"`
	Move    int `json:"move"`
	Forget  int `json:"forget"`
	Read    int `json:"read"`
	Outputs int `json:"outputs"` // outputs that change
}

// Action is what happens to a resource.
type Action string

const (
	NoOp     Action = "no-op"
	Create   Action = "create"
	ReadData Action = "read" // a data source that can be read only during apply
	Update   Action = "update"
	Delete   Action = "delete"
	Replace  Action = "replace" // Change.CreateFirst tells the order
	Forget   Action = "forget"  // leaves the state, not the world
)

// Change is what happens to one resource instance.
type Change struct {
	Address         string `json:"address"`
	PreviousAddress string `json:"previous_address,omitempty"` // set when the instance moves
	Module          string `json:"module,omitempty"`           // address of its module; empty in the root module
	Mode            string `json:"mode"`                       // "managed" or "data"
	Type            string `json:"type"`
	Name            string `json:"name"`
	Provider        string `json:"provider"`
	Deposed         string `json:"deposed,omitempty"`
	Action          Action `json:"action"`
	CreateFirst     bool   `json:"create_first,omitempty"` // of a replacement: create_before_destroy
	ImportID        string `json:"import_id,omitempty"`    // set when the instance is imported
	Reason          string `json:"reason,omitempty"`       // the engine's action_reason, e.g. "replace_because_tainted"

	// Before and After are JSON values; a sensitive value at any depth is the
	// Sensitive sentinel, a value known only after apply is absent from After
	// and true in Unknown.
	Before any `json:"before,omitempty"`
	After  any `json:"after,omitempty"`
	// Unknown mirrors After's shape with true where the value is known only after apply.
	Unknown any `json:"unknown,omitempty"`
	// SensitiveChanged tells that a redacted value differs between before and after, by attribute path ("a.b[0]").
	SensitiveChanged []string `json:"sensitive_changed,omitempty"`
	// ReplacePaths are the attribute paths that force the replacement.
	ReplacePaths []string `json:"replace_paths,omitempty"`
	// Blocks are the attribute paths, without indexes ("rule.expiration"), of
	// what is written as nested blocks rather than as arguments. Plan JSON does
	// not tell them apart: they are taken from the configuration in it, and
	// guessed where the configuration is silent.
	Blocks []string `json:"blocks,omitempty"`
	// Configured are the arguments and blocks at the top level that the
	// configuration sets; what else there is the provider decides.
	Configured []string `json:"configured,omitempty"`
	Told
}

// Told is what else the engine tells of a change.
type Told struct {
	// Causes tell what a change may come of.
	Causes Causes `json:"causes,omitzero"`
	// Layout is what the engines print a change by.
	Layout Layout `json:"layout,omitzero"`
}

// Layout is what the engines print a change by, besides its values.
type Layout struct {
	// Schema is what the provider says of what is in Before and After; nil: it is not known, and guessed.
	Schema *values.Schema `json:"schema,omitempty"`
	// HiddenSets tell, of sets of blocks that are hidden as a whole, how many go, come and stay, by their paths.
	HiddenSets map[string]values.HiddenSet `json:"hidden_sets,omitempty"`
	// Marked are the paths of values that the plan makes sensitive, and of those that will be known and
	// sensitive; Unmarked of those that are sensitive no more.
	Marked   []string `json:"marked,omitempty"`
	Unmarked []string `json:"unmarked,omitempty"`
	// Relevant are, of what changed outside, the paths that the plan stands on; none: it stands on nothing of it.
	Relevant []string `json:"relevant,omitempty"`
}

// IgnoreAll is ignore_changes = all.
const IgnoreAll = "all"

// Causes are what a change may come of, or not.
type Causes struct {
	// Constant are those of Configured that are set to a constant, of what is created.
	Constant []string `json:"constant,omitempty"`
	// DependsOn are the resources, without instance keys, that the instance depended on when it was
	// applied last, through locals and modules, too. It is told where something differs outside and
	// the change waits for what others come to.
	DependsOn []string `json:"depends_on,omitempty"`
	// Ignored are the attribute paths in ignore_changes of the block, or IgnoreAll; whoever ran the engine fills
	// them in, of what differs outside.
	Ignored []string `json:"ignored,omitempty"`
}

// Invocation is a provider action that the apply invokes besides the changes
// of resources.
type Invocation struct {
	Address string `json:"address"`
	Type    string `json:"type"`
	Trigger string `json:"trigger,omitempty"` // address of the resource whose change triggers it; empty when a person asked for it
}

// Sensitive stands where a sensitive value was.
const Sensitive = values.Sensitive

// Output is a change of a root module's output.
type Output struct {
	Name      string `json:"name"`
	Action    Action `json:"action"`
	Sensitive bool   `json:"sensitive"`
	Before    any    `json:"before,omitempty"`
	After     any    `json:"after,omitempty"`
	Unknown   any    `json:"unknown,omitempty"` // mirrors After's shape with true where the value is known only after apply
}

// Check is a result of a check block or of a pre- or postcondition.
type Check struct {
	Address  string   `json:"address"`
	Kind     string   `json:"kind"`   // "check", "resource", "output_value", "var"
	Status   string   `json:"status"` // "pass", "fail", "error", "unknown"
	Problems []string `json:"problems,omitempty"`
}

// HasChanges reports whether applying the plan would change the world, the
// state or an output.
func (p *Plan) HasChanges() bool {
	c := p.Counts
	return p.Applyable || c.Add+c.Change+c.Delete+c.Replace+c.Import+c.Move+c.Forget+c.Outputs > 0
}

// Digest names a saved plan by its content: "sha256:" and the hex SHA-256 of
// the plan file as the engine wrote it.
func Digest(planFile []byte) string {
	sum := sha256.Sum256(planFile)
	return "sha256:" + hex.EncodeToString(sum[:])
}
