package jobs

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// appliedSnapshot is what the configuration gave to a plan. The run keeps it encrypted, and its
// workspace that of what was applied: a drift check plans with it, whatever the configuration says
// meanwhile, and a move reads the old state with it.
type appliedSnapshot struct {
	Fingerprint        string                             `json:"fingerprint"`
	Dir                string                             `json:"dir"`
	TerraformWorkspace string                             `json:"terraform_workspace"`
	VarFiles           []string                           `json:"var_files,omitempty"`
	EngineVersion      string                             `json:"engine_version,omitempty"`
	BackendFiles       []string                           `json:"backend_files,omitempty"`
	BackendType        *string                            `json:"backend_type,omitempty"` // what took the place of the code's own; nil: not known
	Backend            map[string]ctyjson.SimpleJSONValue `json:"backend,omitempty"`      // but for secrets
	Env                map[string]string                  `json:"env,omitempty"`          // but for secrets: credentials are those of now
	// Secrets of then, of the backend and the environment, for when the configuration has
	// forgotten them: a check needs those of a backend that was replaced since, a move of
	// the state all of them.
	BackendSecrets map[string]ctyjson.SimpleJSONValue `json:"backend_secrets,omitempty"`
	EnvSecrets     map[string]string                  `json:"env_secrets,omitempty"`
	made                                              // variables, those made of inputs too
}

// KeepSnapshot remembers what a sync is planned with.
func (j *Maker) KeepSnapshot(r run.Run, def fleet.Definition) error {
	if r.Kind != run.Sync {
		return nil
	}
	m, err := j.inputsOf(j.Files.Run(r.ID))
	if err != nil {
		return err
	}
	f := appliedSnapshot{Fingerprint: r.Fingerprint, Dir: def.Dir, TerraformWorkspace: def.TerraformWorkspace,
		VarFiles: def.VarFiles,
		Env:      map[string]string{}, EnvSecrets: map[string]string{},
		Backend: map[string]ctyjson.SimpleJSONValue{}, BackendSecrets: map[string]ctyjson.SimpleJSONValue{},
		made: made{Variables: map[string]ctyjson.SimpleJSONValue{}, Secret: map[string]bool{}}}
	maps.Copy(f.Variables, m.Variables)
	maps.Copy(f.Secret, m.Secret)
	for name, v := range def.Variables {
		plain, _ := v.UnmarkDeep()
		f.Variables[name], f.Secret[name] = ctyjson.SimpleJSONValue{Value: plain}, workspace.IsSecret(v)
	}
	f.BackendType = &def.Backend
	f.EngineVersion, f.BackendFiles = def.EngineVersion, def.BackendConfigFiles
	for name, v := range def.BackendConfig {
		if plain, _ := v.UnmarkDeep(); workspace.IsSecret(v) {
			f.BackendSecrets[name] = ctyjson.SimpleJSONValue{Value: plain}
		} else {
			f.Backend[name] = ctyjson.SimpleJSONValue{Value: plain}
		}
	}
	for name, v := range def.Env {
		if v.Secret {
			f.EnvSecrets[name] = v.Value
		} else {
			f.Env[name] = v.Value
		}
	}
	b, err := json.Marshal(f)
	if err == nil {
		b, err = j.Vault.Seal(b)
	}
	if err != nil {
		return err
	}
	return j.Files.Run(r.ID).Write(artifacts.Applied, b)
}

// AsApplied is a workspace as it was when it was applied last, by the
// fingerprint of then. As long as the configuration is the same, that is the
// workspace itself.
func (j *Maker) AsApplied(def fleet.Definition, fingerprint string) (fleet.Definition, error) {
	if def.Fingerprint == fingerprint {
		return def, nil
	}
	f, err := j.SnapshotOf(def.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return def, fault.New(fault.Unavailable, "tfops sync "+def.Name,
			"the inputs that workspace %s was applied with cannot be read: %w", def.Name, err)
	}
	if err != nil || f.Fingerprint != fingerprint {
		return def, fault.New(fault.Conflict, "tfops sync "+def.Name,
			"the inputs of workspace %s changed in the configuration, those that were applied are not known, and a "+
				"plan would call that drift", def.Name)
	}
	return f.of(def), nil
}

// appliedSnapshot is what a workspace was applied with last; fs.ErrNotExist where that is not known.
func (j *Maker) SnapshotOf(name string) (appliedSnapshot, error) {
	var f appliedSnapshot
	rec, err := j.record(name)
	if err != nil {
		return f, err
	}
	b, err := j.Vault.Open(j.Files.Workspace(name).Kept(artifacts.Applied, rec.AppliedOf))
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	return f, err
}

// Left gives a plan phase what runs left of the state, as far as it is known.
func (j *Maker) Left(r run.Run, s *job.Secrets) error {
	if r.Kind != run.Sync && r.Kind != run.Drift {
		return nil
	}
	rec, err := j.record(r.Workspace)
	if err != nil {
		return err
	}
	s.Left, s.LeftHalf = j.left(r.Workspace, rec.LeftOf), j.left(r.Workspace, rec.LeftHalf)
	return nil
}

// left is what a run left; nil where that is not known.
func (j *Maker) left(name, id string) []byte {
	if id == "" {
		return nil
	}
	b, err := j.Vault.Open(j.Files.Workspace(name).Kept(artifacts.Left, id))
	if err != nil {
		j.Log.Warn("what a run left in the state cannot be read, so causes of drift are told less exactly", "workspace",
			name, "run", id, "error", err)
		return nil
	}
	return b
}

// of is a workspace of now as it was then, with the credentials of now.
func (f appliedSnapshot) of(def fleet.Definition) fleet.Definition {
	def.Dir, def.TerraformWorkspace, def.VarFiles = f.Dir, f.TerraformWorkspace, f.VarFiles
	def.Variables, def.Inputs = f.values(), nil
	def.EngineVersion, def.BackendConfigFiles = f.EngineVersion, f.BackendFiles
	now := def.Backend
	if f.BackendType != nil {
		def.Backend = *f.BackendType
	}
	backend := map[string]cty.Value{}
	for name, v := range f.BackendSecrets {
		backend[name] = v.Value.WithMarks(workspace.Secret)
	}
	for name, v := range def.BackendConfig {
		if workspace.IsSecret(v) && def.Backend == now { // credentials for one type of backend are none for another
			backend[name] = v
		}
	}
	for name, v := range f.Backend {
		backend[name] = v.Value
	}
	def.BackendConfig = backend
	env := map[string]workspace.EnvVar{}
	for name, v := range def.Env {
		if v.Secret {
			env[name] = v
		}
	}
	for name, v := range f.Env {
		env[name] = workspace.EnvVar{Value: v}
	}
	def.Env, def.Fingerprint = env, f.Fingerprint
	return def
}

// withSecrets is what of returned with the credentials of then, as far as they are known.
func (f appliedSnapshot) withSecrets(def fleet.Definition) fleet.Definition {
	backend, env := maps.Clone(def.BackendConfig), maps.Clone(def.Env)
	for name, v := range f.BackendSecrets {
		backend[name] = v.Value.WithMarks(workspace.Secret)
	}
	for name, v := range f.EnvSecrets {
		env[name] = workspace.EnvVar{Value: v, Secret: true}
	}
	def.BackendConfig, def.Env = backend, env
	return def
}
