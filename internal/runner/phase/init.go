package phase

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/command"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/workspace"
)

// openDirectories takes the provider cache, and completes the engine's environment.
func (p *phase) openDirectories(context.Context) error {
	var err error
	if err = os.MkdirAll(filepath.Join(p.job.WorkspaceDir, "engine"), 0o700); err != nil {
		return err
	}
	if err = p.useCLIConfig(); err != nil { // it may name a cache
		return err
	}
	if p.cache, err = ground.OpenCache(p.job.CacheDir, p.engine.Env); err != nil {
		return err
	}
	p.engine.Env[job.RunMark] = p.job.Run
	switch {
	case durable.Exists(filepath.Join(p.root, "terraform.d")):
		// The engine takes providers from there, too. They are this repository's
		// affair: in a cache they would be run for every workspace, and be gone
		// with this checkout.
		delete(p.engine.Env, "TF_PLUGIN_CACHE_DIR")
	case !p.cache.Alien:
		p.engine.Env["TF_PLUGIN_CACHE_DIR"] = p.cache.Dir
	}
	if p.job.Phase == job.ApplyPhase {
		return nil // the lock file is where its plan was made
	}
	return p.placeLockFile()
}

// placeLockFile puts the lock file that the workspace's last init made into a root
// module that has none, so that versions do not change by themselves.
func (p *phase) placeLockFile() error {
	path := filepath.Join(p.root, diagnostics.DependencyLock)
	if p.ownLock = durable.Exists(path); p.ownLock {
		p.committed = ground.LockedProviders(path)
		if p.job.Upgrade {
			return ground.RefuseUpgrade(p.engine.Name)
		}
		return nil
	}
	// With the cache the engine writes a lock file for this platform only,
	// which is all that this one is for. It uses the cache for a provider
	// that no lock file names only when it is allowed to.
	p.engine.Env["TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"] = "1"
	b, err := os.ReadFile(p.keptLockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

func (p *phase) keptLockFile() string {
	return filepath.Join(p.job.WorkspaceDir, "engine", "terraform.lock.hcl")
}

// saveLockFile keeps the lock file that init made or that was borrowed.
func (p *phase) saveLockFile() error {
	b, err := os.ReadFile(filepath.Join(p.root, diagnostics.DependencyLock))
	if p.ownLock || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.job.Upgrade && !p.job.LockState { // a plan that is never applied only shows what an upgrade would bring
		return nil
	}
	return writeChanged(p.keptLockFile(), b)
}

func writeChanged(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(content) {
		return nil
	}
	return durable.Write(path, content)
}

// placeState gives a root module without a backend its managed state.
func (p *phase) placeState(context.Context) error {
	if p.job.Phase == job.ApplyPhase { // the override is among what the plan wrote
		p.managed = p.ground.Backend.Type == backend.ManagedBackend
		return nil
	}
	p.managed = p.module.Backend == "" && !p.module.Unread || p.job.Backend == workspace.ManagedBackend
	if !p.managed {
		if err := p.refuseRemote(); err != nil || p.otherBackend() == "" {
			return err
		}
		return backend.WriteOverride(p.root, p.override())
	}
	state := backend.ManagedStatePath(p.job.WorkspaceDir, p.job.TerraformWorkspace)
	if stray := backend.ManagedStatePath(p.root, p.job.TerraformWorkspace); durable.Exists(stray) &&
		!durable.Exists(state) {
		name, _ := filepath.Rel(p.root, stray) // both are absolute
		return diagnostics.Refuse(job.CauseBadInput,
			"to go on with that state, copy it to "+state+" and remove it from the repository; to start afresh, only remove it",
			"%s holds %s, a state in the repository that a run would ignore", p.job.Dir, name)
	}
	return backend.WriteOverride(p.root, p.override())
}

// initKey is the digest of all that init depends on.
func (p *phase) initKey(of ground.Lent) string {
	lock, _ := os.ReadFile(filepath.Join(p.root, diagnostics.DependencyLock))
	parts := []string{"2", p.engine.Path, p.engine.Version, p.job.TerraformWorkspace, p.job.Dir,
		p.engine.Env["TF_CLI_CONFIG_FILE"], string(lock), string(p.override()), p.backendKey()}
	for _, key := range slices.Sorted(maps.Keys(of.Packages)) {
		parts = append(parts, key, of.Packages[key])
	}
	return ground.KeyOf(append(parts, p.module.Shape...)...)
}

// prepared runs a command in an initialised directory. What the last init made is
// trusted at first; when the engine asks for init, it gets one, and the command is run
// once more. An apply has what its plan was made with, and nothing is fetched for it.
func (p *phase) prepared(ctx context.Context, name string, call command.Call) (*diagnostics.Output, error) {
	var reused bool
	if p.job.Phase == job.PlanPhase {
		var err error
		if reused, err = p.initialise(ctx, true); err != nil {
			return nil, err
		}
	}
	out, err := p.engine.Run(ctx, name, call)
	var f *diagnostics.Failure
	unprepared := errors.As(err, &f) && f.Outcome == job.Failed && !out.Applying && diagnostics.NeedsInit(out.All())
	if unprepared && p.job.Phase == job.ApplyPhase { // a cache was emptied
		p.keepDiagnostics(out)
		return out, ground.Moved("%s", f.Message)
	}
	if unprepared && reused {
		p.log.Say("info", "what the last init made does not fit any more: init, then once more")
		if _, err := p.initialise(ctx, false); err != nil {
			return nil, err
		}
		out, err = p.engine.Run(ctx, name, call)
	}
	if out != nil {
		p.keepDiagnostics(out)
	}
	return out, err
}

// initialise gives the root module its data directory: the one that was kept where
// nothing has changed that it depends on, or else by init.
func (p *phase) initialise(ctx context.Context, mayReuse bool) (reused bool, err error) {
	if err := p.clearData(); err != nil {
		return false, err
	}
	of := p.lend(time.Now())
	reused = mayReuse && p.reuse(of)
	p.result.InitReused = reused
	if reused {
		p.log.Say("info", "init was skipped: nothing that it depends on has changed")
	} else if err := p.fetchAndInit(ctx, of); err != nil {
		return false, err
	}
	if err := p.readBackend(reused); err != nil {
		return reused, err
	}
	if err := ground.Choose(p.root, p.selected()); err != nil {
		return reused, err
	}
	p.warnOfLockFile()
	if reused {
		return true, nil
	}
	if err := p.saveLockFile(); err != nil {
		return false, err
	}
	return false, p.keepInit()
}

// clearData removes what is there of a data directory: of an earlier try, or committed.
func (p *phase) clearData() error {
	for name := range p.packages {
		if err := p.view.Hide(cell.PackageName(name), ground.ModuleDir(p.root, name)); err != nil {
			return err
		}
	}
	p.packages = nil
	return os.RemoveAll(ground.DataDir(p.root))
}

// reuse lays out what was kept, if it fits.
func (p *phase) reuse(of ground.Lent) bool {
	kept, ok := ground.ReadKept(p.job.WorkspaceDir)
	if !ok || p.job.Upgrade || p.hidesBackend() || p.module.Unknown || !of.Complete() || kept.Key != p.initKey(of) {
		return false
	}
	err := kept.LayOut(p.root)
	if err == nil {
		err = p.showPackages(of)
	}
	if err == nil {
		return true
	}
	p.log.Say("info", "what the last init made cannot be used: %s", err)
	if err := p.clearData(); err != nil {
		p.log.Say("warn", "%s", err)
	}
	return false
}

func (p *phase) keepInit() error {
	of := p.lend(time.Now()) // what was fetched just now included
	if p.hidesBackend() || p.module.Unknown || !of.Complete() || !maps.Equal(of.Packages, p.packages) {
		return nil
	}
	kept, ok := ground.TakeInit(p.root, p.initKey(of))
	if !ok {
		return nil
	}
	return kept.Write(p.job.WorkspaceDir)
}

// fetchAndInit runs init with the packages of modules that need not be fetched, and puts
// those that it fetched into the store.
func (p *phase) fetchAndInit(ctx context.Context, of ground.Lent) error {
	if len(of.Missing) > 0 {
		release, err := p.store().Lock(ctx, of.Missing,
			func() { p.log.Say("info", "waiting for another init that fetches the same module") })
		if err != nil {
			return err
		}
		defer release()
		of = p.lend(time.Now()) // who held the lock may have fetched it
	}
	if err := p.lay(of); err != nil {
		return err
	}
	if err := p.init(ctx); err != nil {
		return err
	}
	return p.absorb()
}

func (p *phase) init(ctx context.Context) error {
	if p.module.Providers {
		release, err := p.cache.Guard(ctx, p.root,
			func() { p.log.Say("info", "waiting for another init that fills the provider cache") })
		if err != nil {
			return err
		}
		defer release()
	}
	alone, err := p.initAlone(ctx)
	if err != nil {
		return err
	}
	defer alone()
	// A remote backend needs the workspace's name in init; any other has a
	// default workspace to begin with, and takes a new name in the next command.
	first := ""
	if p.remote() {
		first = p.job.TerraformWorkspace
	}
	if err := ground.Choose(p.root, first); err != nil {
		return err
	}
	if err := p.prepareBackend(ground.DataDir(p.root)); err != nil {
		return err
	}
	out, err := p.executeInit(ctx)
	if err != nil && out != nil && p.lockFileBars(out) {
		p.log.Say("info", "the kept lock file does not allow what the configuration asks for now: init chooses versions anew")
		if err := os.Remove(filepath.Join(p.root, diagnostics.DependencyLock)); err != nil {
			return err
		}
		out, err = p.executeInit(ctx)
	}
	if out != nil {
		p.keepDiagnostics(out)
	}
	return err
}

// homeCounts reports whether an init uses what lies in the home directory.
func (p *phase) homeCounts() bool { return p.job.Engine.CLIConfig != "" }

// executeInit runs init with what private modules and registries are fetched with.
func (p *phase) executeInit(ctx context.Context) (*diagnostics.Output, error) {
	a, note, err := inputs.Init{Env: p.engine.Env, Credentials: p.secrets.Modules.Credentials, HomeCounts: p.homeCounts(),
		Git: len(p.module.Calls) > 0 || p.module.Unknown, Dir: p.dir}.Open()
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if note != "" {
		p.log.Say("warn", "%s", note)
	}
	if a.Handle != nil {
		p.engine.Names[memfile.Path(a.Handle)+"/git"] = "git"
	}
	out, err := p.engine.Run(ctx, "init", func(ctx context.Context, tf *tfexec.Terraform, out *diagnostics.Output) error {
		return p.runInit(ctx, tf, out, a.Env)
	})
	var f *diagnostics.Failure
	if errors.As(err, &f) && out != nil {
		inputs.Advice{Engine: p.engine.Name, Credentials: p.secrets.Modules.Credentials,
			Home: p.engine.Env["HOME"], HomeCounts: p.homeCounts()}.Add(f, out)
	}
	return out, err
}

// lockFileBars reports whether init failed for a lock file that is not the
// repository's: then it may be dropped, as in a fresh checkout. A plan that
// waits for its apply depends on its own, which is never dropped.
func (p *phase) lockFileBars(out *diagnostics.Output) bool {
	if p.ownLock || p.job.Phase != job.PlanPhase || !durable.Exists(filepath.Join(p.root, diagnostics.DependencyLock)) {
		return false
	}
	return diagnostics.ConstraintMoved(out.All())
}

func (p *phase) remote() bool {
	return !p.managed && (p.module.Backend == "cloud" || p.module.Backend == "remote")
}

func (p *phase) runInit(ctx context.Context, tf *tfexec.Terraform, out *diagnostics.Output,
	env map[string]string) error {
	if err := tf.SetEnv(inputs.WithoutProviders(env)); err != nil {
		return err
	}
	opts := append(p.backendOptions(), tfexec.Reconfigure(true),
		tfexec.Upgrade(p.job.Upgrade && p.job.Phase == job.PlanPhase))
	if p.initSpeaksJSON() {
		return tf.InitJSON(ctx, diagnostics.Stdout{Output: out}, opts...)
	}
	tf.SetStdout(diagnostics.Stdout{Output: out})
	return tf.Init(ctx, opts...)
}

var firstInitJSON = version.Must(version.NewVersion("1.9.0"))

// initSpeaksJSON: Terraform's init speaks the JSON of its other commands
// since 1.9; OpenTofu's is of another kind.
func (p *phase) initSpeaksJSON() bool {
	v, err := version.NewVersion(p.engine.Version)
	return err == nil && p.engine.Name == "terraform" && v.Core().GreaterThanOrEqual(firstInitJSON)
}

// selected is the Terraform workspace to select. One that does not exist yet is made by
// the next command that opens its state.
func (p *phase) selected() string {
	if p.remote() && job.IsDefault(p.job.TerraformWorkspace) {
		return "" // the configuration names it, and init has selected it
	}
	return p.job.TerraformWorkspace
}

// readBackend reads which backend init resolved. Of a kept directory that lost
// it the engine complains by itself.
func (p *phase) readBackend(reuse bool) error {
	kind, config, ok := backend.ResolvedBackend(ground.DataDir(p.root))
	if p.managed {
		if err := backend.CheckManaged(kind, config, p.job.WorkspaceDir); err != nil && !(reuse && !ok) {
			return err
		}
		p.result.Backend = job.BackendConfig{Type: backend.ManagedBackend,
			Config: map[string]any{"path": backend.ManagedStatePath(p.job.WorkspaceDir, p.job.TerraformWorkspace)}}
		return nil
	}
	if !ok {
		return diagnostics.Refuse(job.CauseBadInput, "see that the configuration's files can be read, and declare a backend",
			"no backend was found after init: the state would be written into the checkout and lost")
	}
	if err := backend.CheckOther(kind, p.otherBackend()); err != nil {
		return err
	}
	if kind == "local" {
		if err := backend.CheckLocalBackend(config, []string{p.job.Tree, p.tree}, filepath.Dir(p.job.WorkspaceDir),
			p.job.TerraformWorkspace); err != nil {
			return err
		}
	}
	p.result.Backend = backend.Naming(kind, config, p.engine.Env, p.secrets.Hashed)
	return nil
}
