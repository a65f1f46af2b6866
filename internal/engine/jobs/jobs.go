// Package jobs makes the jobs of phases: which files, variables, environment and
// credentials a runner gets, what must be masked in what it prints, and what a run was
// planned with, for when that is asked for again.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/checkout"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/sources"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Vault decrypts saved plans; only the daemon holds its key.
type Vault interface {
	Recipient() string
	Open(path string) ([]byte, error)
	Seal(content []byte) ([]byte, error)
	Digest(content []byte) string // keyed, so that a weak secret cannot be guessed by it
}

// Maker makes the jobs of phases: what a runner is told, and what it is given.
type Maker struct {
	Store     txn.Store
	Files     *artifacts.Local
	Settings  *settings.Current
	Sources   *sources.Reader
	Checkouts *checkout.Store
	Vault     Vault
	Log       *slog.Logger
	Environ   []string // the daemon's own environment, of which the allow-list lets a part through
}

// Make describes a phase of a run to its runner. tree holds the commit's files.
func (j *Maker) Make(r run.Run, def fleet.Definition, p job.Phase, tree checkout.Checkout) job.Job {
	s := j.Settings.Get()
	spec, ok := s.Engines[def.Engine]
	if !ok {
		spec = job.EngineSpec{Name: def.Engine}
	}
	f, w := j.Files.Run(r.ID), j.Files.Workspace(def.Name)
	of := job.Job{FormatVersion: job.FormatVersion, Run: r.ID, Workspace: def.Name, Phase: p,
		Commit: content(s.Repositories[def.Repository], r, tree), Checkout: tree.Dir, Tree: w.Tree(),
		Ground: f.Ground(),
		Dir:    def.Dir, VarFiles: def.VarFiles, BackendFiles: def.BackendConfigFiles,
		ModuleAge: s.Repositories[def.Repository].Pace.Interval(),
		Engine:    spec, EngineVersion: def.EngineVersion, Parallelism: def.Parallelism,
		TerraformWorkspace: def.TerraformWorkspace, Backend: def.Backend, WorkspaceDir: w.Dir(),
		CacheDir: j.Files.Cache(),
		PlanFile: f.Path(artifacts.Plan), PlanJSON: f.Path(artifacts.Shown), Recipient: j.Vault.Recipient(),
		Destroy: r.Kind == run.Destroy, RefreshOnly: r.Kind == run.Refresh, Upgrade: r.Upgrade,
		Baseline: r.Kind == run.Sync || p == job.ApplyPhase,
		Outputs:  s.Used(def.Name) && r.Kind != run.Plan, LockState: r.Kind.Applies(), LockTimeout: def.LockTimeout,
		Timeout: def.PlanTimeout, Grace: s.PlanGrace, Limits: s.Limits.Tightened(def.Limits),
		Speculative: r.Kind == run.Plan, Debug: r.Debug,
		StrictVariables: r.Kind == run.Sync || r.Kind == run.Plan, SharedVariables: def.SharedVariables,
		Network: s.Network.Stricter(def.Network), Hosts: def.Hosts,
		Cell: job.Cell{DataDir: j.Files.Dir(), Hide: s.Cell.Hide, Read: slices.Concat(s.Cell.Read, def.Read),
			Write: slices.Concat(s.Cell.Write, def.Write)},
		InputVariables: slices.Sorted(maps.Keys(def.Inputs)),
	}
	if p == job.ApplyPhase {
		of.PlanDigest, of.Timeout, of.Grace = r.Plan.Digest, def.ApplyTimeout, s.ApplyGrace
		of.Engine.Made = EngineVersion(r)
	}
	return of
}

// Secrets gathers what a runner is told in memory only.
func (j *Maker) Secrets(r run.Run, def fleet.Definition) (job.Secrets, error) {
	env, hide := Environment(j.Settings.Get(), j.Environ, def.Workspace)
	w := def.Workspace
	if len(w.Inputs) > 0 {
		m, err := j.inputsOf(j.Files.Run(r.ID))
		if err != nil {
			return job.Secrets{}, err
		}
		values := m.values()
		maps.Copy(values, w.Variables)
		w.Variables = values
	}
	network, proxies := j.network()
	modules, tokens := modulesOf(j.Settings.Get(), def)
	scope, err := j.moduleScope(def)
	if err != nil {
		return job.Secrets{}, err
	}
	modules.Scope = scope
	hide = hide.and(masksOf(w), proxies, backendMasks(w), tokens)
	s := job.Secrets{Env: env, Network: network, Variables: variables(w.Variables),
		Backend: variables(w.BackendConfig), Hashed: hashedNames(w), Modules: modules,
		Mask: hide.Within(), MaskWhole: hide.Whole()}
	j.earlier(r, def, &s)
	return s, nil
}

// earlier adds what plans are known to hide: of this run, and of the workspace's earlier ones.
func (j *Maker) earlier(r run.Run, def fleet.Definition, s *job.Secrets) {
	dir := j.Files.Workspace(def.Name).Dir()
	for _, file := range append(job.HiddenCopies(dir, false), j.Files.Run(r.ID).Path(artifacts.Hidden)) {
		s.Hidden = append(s.Hidden, j.hidden(file)...)
	}
	for _, file := range job.HiddenCopies(dir, true) {
		s.Printed = append(s.Printed, j.hidden(file)...)
	}
	slices.Sort(s.Hidden)
	slices.Sort(s.Printed)
	s.Hidden, s.Printed = slices.Compact(s.Hidden), slices.Compact(s.Printed)
}

// hashedNames are the settings of the backend and the variables of the environment that are
// secret: see runner.Secrets.
func hashedNames(w workspace.Workspace) (names []string) {
	for name, v := range w.BackendConfig {
		if workspace.IsSecret(v) {
			names = append(names, name)
		}
	}
	for name, v := range w.Env {
		if v.Secret {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// hidden reads what an earlier plan is known to hide. Without it the engine's
// output is masked by what the configuration says alone, which must not keep
// a workspace from being planned.
func (j *Maker) hidden(path string) []string {
	b, err := j.Vault.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var hidden []string
	if err == nil {
		err = json.Unmarshal(b, &hidden)
	}
	if err != nil {
		j.Log.Warn("what earlier plans hid is not known; the next plan makes it anew", "file", path, "error", err)
	}
	return hidden
}

// variables writes values as a file of variables, or of a backend's settings.
func variables(vars map[string]cty.Value) string {
	f := hclwrite.NewEmptyFile()
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		plain, _ := vars[name].UnmarkDeep()
		f.Body().SetAttributeValue(name, plain)
	}
	return string(f.Bytes())
}

// content names what the files of a checkout hold: a commit does, as far as all of it is in Git.
func content(repo settings.Repository, r run.Run, tree checkout.Checkout) string {
	if tree.Exported.Partial {
		return repo.Named(r.Commit.SHA) + " in part"
	}
	return repo.Named(r.Commit.SHA)
}

// record is what is remembered of a workspace.
func (j *Maker) record(name string) (*workspace.Record, error) {
	q, err := j.Store.Queue(context.Background())
	return q.Record(name), err
}

// EngineVersion is the version of the engine that made the plan; "" where that is not known.
func EngineVersion(r run.Run) string {
	if r.Plan == nil {
		return ""
	}
	_, version, _ := strings.Cut(r.Plan.Engine, " ")
	return version
}
