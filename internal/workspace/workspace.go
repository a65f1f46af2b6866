// Package workspace holds the unit of reconciliation: a root module in a
// repository, on a branch, in a directory, with its inputs, owning one state.
//
// It never mentions runs. A run holds the name of its workspace; "the latest
// run" is a query.
package workspace

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"time"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// Apply says when a plan of a workspace may be applied.
type Apply string

const (
	// Manual needs at least one approval, of anybody who may approve.
	Manual Apply = "manual"
	// Auto needs no approval unless a rule asks for one.
	Auto Apply = "auto"
	// Never plans only.
	Never Apply = "never"
)

// Workspace is one root module with its inputs. Values are fixed once the
// configuration was read; share it freely, change it never.
type Workspace struct {
	Name               string
	Repository         string // name of a configured repository
	Branch             string
	Dir                string // slash-separated, relative to the repository's root, "." for the root
	TerraformWorkspace string // "default" unless configured

	// Backend is what takes the place of the code's own backend: "managed" (tfops keeps the
	// state), or a type of backend, whose settings are BackendConfig; empty: nothing does.
	Backend string
	// BackendConfig are settings that the root module's backend block leaves open, or those
	// of Backend; a value marked with Secret must never be shown or stored.
	BackendConfig      map[string]cty.Value
	BackendConfigFiles []string // files of such settings, relative to Dir as VarFiles are; BackendConfig wins

	VarFiles        []string             // relative to Dir, may climb with ".." but not out of the repository
	Variables       map[string]cty.Value // a value marked with Secret must never be shown or stored
	SharedVariables []string             // names of those Variables that the defaults of all workspaces give
	Inputs          map[string]Input     // variables, by name, that outputs of other workspaces make
	Env             map[string]EnvVar
	Labels          map[string]string
	Apply           Apply
	OnRemoved       OnRemoved // what to do when what it was made of is gone
	DependsOn       []string  // names of the workspaces that are upstream of it

	Watch             []string            // globs of further files that it depends on, from the repository's root
	Ignore            []string            // globs of files whose change touches nothing; see reach.Ignored
	Reach             map[string][]string // what expressions read that the code does not tell: as written -> globs
	SharedReach       []string            // the keys of Reach that the defaults of all workspaces give
	InferDependencies bool                // what it reads with terraform_remote_state is upstream, too

	Engine        string // name of the engine block: "terraform" or "tofu"
	EngineVersion string // constraint on its version, besides that of the engine block; empty: none
	Parallelism   int    // how many resources the engine works on at once; 0: as many as it does by itself

	Tag         string  // constraint on versions of tags that it follows in the place of a branch; empty: none
	TagPrefix   string  // what stands before the version in these tags; empty: nothing, or "v"
	Commit      string  // full id of the one commit that it follows in the place of a branch; empty: none
	Origin      *Origin // what a generator made it of; nil: it has a block of its own
	RenamedFrom string  // its name before this one; empty: it had no other

	ApplyOffline bool // apply although the remote does not say that the commit is still on its branch

	PlanTimeout  time.Duration // of a whole plan phase, init included
	ApplyTimeout time.Duration // of a whole apply phase; at its end the engine is interrupted gracefully
	LockTimeout  time.Duration // how long the engine waits for the backend's own state lock

	Limits Limits // what its phases may take of the machine, besides what the runner block says

	Read    []string // absolute paths that its engine sees although they are hidden from engines
	Write   []string // and those that it may change
	Network Network  // whom its engine can reach, besides what the runner block says; "": as that says
	Hosts   []string // patterns of hosts that it can reach where the network is listed; see package hosts

	KeepRuns int // how many ended runs to keep at least
	KeepDays int // how many days an ended run is kept at least
}

// ManagedBackend is the Backend of a workspace whose state tfops keeps.
const ManagedBackend = "managed"

// OtherBackend is the type of the backend that takes the place of the code's own;
// "" where none does, or where tfops keeps the state.
func (w Workspace) OtherBackend() string {
	if w.Backend == ManagedBackend {
		return ""
	}
	return w.Backend
}

// BackendPlace tells apart workspaces of one root module that keep their states
// in different places; it holds no secret.
func (w Workspace) BackendPlace() string {
	if len(w.BackendConfig)+len(w.BackendConfigFiles) == 0 {
		return w.Backend
	}
	return fmt.Sprintf("%s %q %q", w.Backend, w.BackendConfigFiles, printed(w.BackendConfig))
}

// Secret marks a value that came from outside the configuration's text (the
// functions env and file), and every value made from it.
var Secret = cty.NewValueMarks("secret")

// EnvVar is the value of an environment variable for the engine.
type EnvVar struct {
	Value  string
	Secret bool   // derived from env() or file()
	Of     string // what these returned, as Joined has it; empty where nothing was made of it
}

// ValidName tells what a workspace may be called: names appear in paths,
// URLs and command lines.
var ValidName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// Fingerprint changes whenever a plan made before would not be a plan of this
// workspace any more: its place, its inputs, its engine. Secret values stay
// out of it, so that it can be stored: a rotated credential does not make a
// plan stale, and a changed secret variable needs `tfops sync`.
func (w Workspace) Fingerprint() string {
	type doc struct {
		Repository, Branch, Dir, TerraformWorkspace, Engine string
		VarFiles                                            []string
		Variables, Env                                      map[string]string
		Inputs                                              map[string]string `json:",omitempty"`
		BackendConfig                                       map[string]string `json:",omitempty"`
		BackendConfigFiles                                  []string          `json:",omitempty"`
		EngineVersion                                       string            `json:",omitempty"`
		Backend                                             string            `json:",omitempty"`
		Follow                                              string            `json:",omitempty"`
	}
	d := doc{w.Repository, w.Branch, path.Clean(w.Dir), cmp.Or(w.TerraformWorkspace, "default"), w.Engine,
		append([]string{}, w.VarFiles...), printed(w.Variables), map[string]string{}, map[string]string{},
		printed(w.BackendConfig), w.BackendConfigFiles, w.EngineVersion, w.Backend, ""}
	if w.Tag != "" || w.Commit != "" {
		d.Follow = w.Follow()
	}
	for name, in := range w.Inputs {
		d.Inputs[name] = fmt.Sprint(in.Source, in.Refs)
	}
	for name, e := range w.Env {
		if e.Secret {
			d.Env[name] = "(secret)"
			continue
		}
		d.Env[name] = "=" + e.Value // so that no value reads as a secret one
	}
	b, _ := json.Marshal(d) // maps marshal with sorted keys; strings cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// printed are values as text, without those that are secret.
func printed(values map[string]cty.Value) map[string]string {
	out := map[string]string{}
	for name, v := range values {
		if IsSecret(v) {
			out[name] = "(secret)"
			continue
		}
		b, err := ctyjson.Marshal(v, cty.DynamicPseudoType)
		if err != nil {
			b = []byte(fmt.Sprintf("%#v", v))
		}
		out[name] = string(b)
	}
	return out
}

// IsSecret reports whether v or any value within it is marked as secret.
func IsSecret(v cty.Value) bool { return v.ContainsMarked() }
