package workdir

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/command"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/given"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/sandbox"
)

// initKey is the digest of all that init depends on.
func (d *Dir) initKey(of ground.Lent) string {
	lock, _ := datafile.ReadLinked(filepath.Join(d.Root, diagnostics.DependencyLock), datafile.Record)
	parts := []string{"2", d.Path, d.Version, d.Job.TerraformWorkspace, d.Job.Dir,
		d.Env["TF_CLI_CONFIG_FILE"], string(lock), string(d.override()), d.backendKey()}
	for _, key := range slices.Sorted(maps.Keys(of.Packages)) {
		parts = append(parts, key, of.Packages[key])
	}
	return ground.KeyOf(append(parts, d.Module.Shape...)...)
}

// RunPrepared runs a command in an initialised directory. What the last init made is
// trusted at first; when the engine asks for init, it gets one, and the command is run
// once more. An apply has what its plan was made with, and nothing is fetched for it.
func (d *Dir) RunPrepared(ctx context.Context, name string, call command.Call) (*diagnostics.Output, error) {
	var reused bool
	if d.Job.Phase == job.PlanPhase {
		var err error
		if reused, err = d.initialise(ctx, true); err != nil {
			return nil, err
		}
	}
	out, err := d.Run(ctx, name, call)
	var f *diagnostics.Failure
	unprepared := errors.As(err, &f) && f.Outcome == job.Failed && !out.Applying && diagnostics.NeedsInit(out.All())
	if unprepared && d.Job.Phase == job.ApplyPhase { // a cache was emptied
		d.keepDiagnostics(out)
		return out, ground.Moved("%s", f.Message)
	}
	if unprepared && reused {
		d.Log.Say("info", "what the last init made does not fit any more: init, then once more")
		if _, err := d.initialise(ctx, false); err != nil {
			return nil, err
		}
		out, err = d.Run(ctx, name, call)
	}
	if out != nil {
		d.keepDiagnostics(out)
	}
	return out, err
}

// initialise gives the root module its data directory: the one that was kept where
// nothing has changed that it depends on, or else by init.
func (d *Dir) initialise(ctx context.Context, mayReuse bool) (reused bool, err error) {
	if err := d.clearData(); err != nil {
		return false, err
	}
	if d.Ran {
		if err := d.afresh(); err != nil {
			return false, err
		}
	}
	of := d.lend(time.Now())
	reused = mayReuse && d.reuse(of)
	d.Result.InitReused = reused
	if reused {
		d.Log.Say("info", "init was skipped: nothing that it depends on has changed")
	} else if err := d.fetchAndInit(ctx, of); err != nil {
		return false, err
	}
	if err := d.readBackend(reused); err != nil {
		return reused, err
	}
	if err := ground.Choose(d.Root, d.selected()); err != nil {
		return reused, err
	}
	d.warnOfLockFile()
	if reused {
		return true, nil
	}
	if err := d.saveLockFile(); err != nil {
		return false, err
	}
	return false, d.keepInit()
}

// clearData removes what is there of a data directory: of an earlier try, or committed.
func (d *Dir) clearData() error {
	for name := range d.Packages {
		if err := d.View.Hide(cell.PackageName(name), ground.ModuleDir(d.Root, name)); err != nil {
			return err
		}
	}
	d.Packages = nil
	return os.RemoveAll(ground.DataDir(d.Root))
}

// afresh takes away what a command left that may have run code of the module, so that no init finds it: whoever has
// the engine say that it needs an init does not choose what is fetched then, and what is kept for others.
func (d *Dir) afresh() error {
	cell.KillDescendants() // none of them writes there meanwhile
	if err := d.View.Hide(cell.TreeName, d.Job.Tree); err != nil {
		return err
	}
	if err := d.ClearScratch(d.Job); err != nil {
		return err
	}
	if err := d.View.Show(pinned.Files(d.Job.Checkout), cell.TreeName, d.Job.Tree); err != nil {
		return err
	}
	if err := errors.Join(backend.RemoveOverrides(d.Root), d.placeLockFile(), d.PlaceState()); err != nil {
		return err
	}
	d.Ran = false
	return nil
}

// reuse lays out what was kept, if it fits.
func (d *Dir) reuse(of ground.Lent) bool {
	kept, ok := ground.ReadKept(d.Job.WorkspaceDir)
	if !ok || d.Job.Upgrade || d.HidesBackend() || d.Module.Unknown || !of.Complete() || kept.Key != d.initKey(of) {
		return false
	}
	err := kept.LayOut(d.Root)
	if err == nil {
		err = d.showPackages(of)
	}
	if err == nil {
		return true
	}
	d.Log.Say("info", "what the last init made cannot be used: %s", err)
	if err := d.clearData(); err != nil {
		d.Log.Say("warn", "%s", err)
	}
	return false
}

func (d *Dir) keepInit() error {
	of := d.lend(time.Now()) // what was fetched just now included
	if d.HidesBackend() || d.Module.Unknown || !of.Complete() || !maps.Equal(of.Packages, d.Packages) {
		return nil
	}
	kept, ok := ground.TakeInit(d.Root, d.initKey(of))
	if !ok {
		return nil
	}
	return kept.Write(d.Job.WorkspaceDir)
}

// fetchAndInit runs init with the packages of modules that need not be fetched, and puts
// those that it fetched into the store.
func (d *Dir) fetchAndInit(ctx context.Context, of ground.Lent) error {
	if len(of.Missing) > 0 {
		release, err := d.Store().Lock(ctx, of.Missing,
			func() { d.Log.Say("info", "waiting for another init that fetches the same module") })
		if err != nil {
			return err
		}
		defer release()
		of = d.lend(time.Now()) // who held the lock may have fetched it
	}
	if err := d.lay(of); err != nil {
		return err
	}
	if err := d.init(ctx); err != nil {
		return err
	}
	return d.absorb(ctx)
}

// InitAgain runs init for a command after the phase's own.
func (d *Dir) InitAgain(ctx context.Context) error {
	if err := d.init(ctx); err != nil {
		return err
	}
	return ground.Choose(d.Root, d.selected())
}

func (d *Dir) init(ctx context.Context) error {
	if d.Module.Providers {
		release, err := d.cache.Guard(ctx, d.Root,
			func() { d.Log.Say("info", "waiting for another init that fills the provider cache") })
		if err != nil {
			return err
		}
		defer release()
	}
	alone, err := d.initAlone(ctx)
	if err != nil {
		return err
	}
	defer alone()
	// A remote backend needs the workspace's name in init; any other has a
	// default workspace to begin with, and takes a new name in the next command.
	first := ""
	if d.remote() {
		first = d.Job.TerraformWorkspace
	}
	if err := ground.Choose(d.Root, first); err != nil {
		return err
	}
	if err := d.prepareBackend(ground.DataDir(d.Root)); err != nil {
		return err
	}
	out, err := d.executeInit(ctx)
	if err != nil && out != nil && diagnostics.CacheDiffers(out.All()) {
		d.Log.Say("warn", "the cache of providers has another one than was locked: init fetches it apart")
		apart, release, apartErr := d.cache.Apart(ctx, d.Root,
			func() { d.Log.Say("info", "waiting for another init that fetches providers apart") })
		if apartErr != nil {
			return apartErr
		}
		defer release()
		d.cache = apart
		out, err = d.executeInit(ctx)
	}
	for err != nil && out != nil && d.lockFileBars(out) {
		moved := diagnostics.MovedAway(out.All())
		dropped, unlockErr := ground.Unlock(filepath.Join(d.Root, diagnostics.DependencyLock), moved)
		if unlockErr != nil {
			return unlockErr
		}
		if !dropped { // nothing would be another time
			break
		}
		d.Log.Say("info", "the kept lock file does not allow what the configuration asks for now: init chooses the "+
			"versions of %s anew", strings.Join(moved, ", "))
		out, err = d.executeInit(ctx)
	}
	if out != nil {
		d.keepDiagnostics(out)
	}
	return err
}

// modulesAt is where an init sees what it is given to fetch modules with; "" where it sees what the runner does.
func (d *Dir) modulesAt() string {
	if d.Level != sandbox.Namespaces {
		return ""
	}
	return given.ModulesAt
}

// homeCounts reports whether an init uses what lies in the home directory.
func (d *Dir) homeCounts() bool { return d.Job.Engine.CLIConfig != "" }

// otherHome is the home directory of an engine that runs as another user; "" where it has this process's.
func (d *Dir) otherHome() string {
	if cell.User() == 0 {
		return ""
	}
	return filepath.Join(d.Scratch, "home")
}

// executeInit runs init with what private modules and registries are fetched with, and with a cache of its own.
func (d *Dir) executeInit(ctx context.Context) (*diagnostics.Output, error) {
	calls := len(d.Module.Calls) > 0 || d.Module.Unknown
	if calls {
		if err := inputs.RefuseMercurial(d.Tree, d.Root, d.Env["PATH"]); err != nil {
			return nil, err
		}
	}
	a, note, err := inputs.Init{Env: d.Env, Credentials: d.Secrets.Modules.Credentials, HomeCounts: d.homeCounts(),
		Git: calls, Dir: d.PhaseDir, At: d.modulesAt(),
		InPlace: d.Level.InPlace(), NewHome: d.otherHome()}.Open()
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if note != "" {
		d.Log.Say("warn", "%s", note)
	}
	if a.At != "" {
		d.Names[a.At+"/git"] = "git"
	}
	with := command.Init{Modules: a.Dir, Home: d.homeCounts()}
	if d.vendored && !d.cache.Alien {
		return d.runInit(ctx, with, a.Env)
	}
	fill, err := d.cache.Fill(d.vendored)
	if err != nil {
		return nil, err
	}
	defer fill.Close()
	with.Cache = fill.Dir
	out, err := d.runInit(ctx, with, a.Env)
	return out, errors.Join(err, fill.Settle(ctx, d.Tree, d.Root, d.late() || d.vendored))
}

// late reports whether code of the module may have run before, and left something for an init to find.
func (d *Dir) late() bool { return d.Ran || d.Job.Phase == job.ApplyPhase }

// runInit runs an init, and explains how it failed.
func (d *Dir) runInit(ctx context.Context, with command.Init, env map[string]string) (*diagnostics.Output, error) {
	env = inputs.WithSafeGit(inputs.WithoutProviders(env))
	if with.Cache != "" {
		env = maps.Clone(env)
		env["TF_PLUGIN_CACHE_DIR"] = with.Cache
	}
	out, err := d.RunInit(ctx, with, func(ctx context.Context, tf *tfexec.Terraform, out *diagnostics.Output) error {
		return d.callInit(ctx, tf, out, env)
	})
	var f *diagnostics.Failure
	if errors.As(err, &f) && out != nil {
		d.nameHashes(ctx, f, out, env)
		inputs.Advice{Engine: d.Name, Credentials: d.Secrets.Modules.Credentials,
			Home: d.Env["HOME"], HomeCounts: d.homeCounts()}.Add(f, out)
	}
	return out, err
}

// lockFileBars reports whether init failed for a lock file that is not the repository's, and
// has versions that are not allowed any more: then these may be dropped, as in a fresh checkout. A plan that
// waits for its apply depends on its own, which is never dropped.
func (d *Dir) lockFileBars(out *diagnostics.Output) bool {
	if d.OwnLock || d.Job.Phase != job.PlanPhase || !durable.Exists(filepath.Join(d.Root, diagnostics.DependencyLock)) {
		return false
	}
	return diagnostics.ConstraintMoved(out.All())
}

func (d *Dir) remote() bool {
	return !d.Managed && (d.Module.Backend == "cloud" || d.Module.Backend == "remote")
}

func (d *Dir) callInit(ctx context.Context, tf *tfexec.Terraform, out *diagnostics.Output,
	env map[string]string) error {
	if err := tf.SetEnv(d.Environment(env)); err != nil {
		return err
	}
	opts := append(d.backendOptions(), tfexec.Reconfigure(true),
		tfexec.Upgrade(d.Job.Upgrade && d.Job.Phase == job.PlanPhase))
	if d.initSpeaksJSON() {
		return tf.InitJSON(ctx, diagnostics.Stdout{Output: out}, opts...)
	}
	tf.SetStdout(diagnostics.Stdout{Output: out})
	return tf.Init(ctx, opts...)
}

var firstInitJSON = version.Must(version.NewVersion("1.9.0"))

// initSpeaksJSON: Terraform's init speaks the JSON of its other commands
// since 1.9; OpenTofu's is of another kind.
func (d *Dir) initSpeaksJSON() bool {
	v, err := version.NewVersion(d.Version)
	return err == nil && d.Name == "terraform" && v.Core().GreaterThanOrEqual(firstInitJSON)
}

// selected is the Terraform workspace to select. One that does not exist yet is made by
// the next command that opens its state.
func (d *Dir) selected() string {
	if d.remote() && job.IsDefault(d.Job.TerraformWorkspace) {
		return "" // the configuration names it, and init has selected it
	}
	return d.Job.TerraformWorkspace
}

// readBackend reads which backend init resolved. Of a kept directory that lost
// it the engine complains by itself.
func (d *Dir) readBackend(reuse bool) error {
	kind, config, ok := backend.ResolvedBackend(ground.DataDir(d.Root))
	if d.Managed {
		if err := backend.CheckManaged(kind, config, d.Job.WorkspaceDir); err != nil && !(reuse && !ok) {
			return err
		}
		d.Result.Backend = job.BackendConfig{Type: backend.ManagedBackend,
			Config: map[string]any{"path": backend.ManagedState(d.Job.WorkspaceDir, d.Job.TerraformWorkspace)}}
		return nil
	}
	if !ok {
		return diagnostics.Refuse(job.CauseBadInput,
			"see that the configuration's files can be read, and declare a backend",
			"no backend was found after init: the state would be written into the checkout and lost")
	}
	if err := backend.CheckOther(kind, d.OtherBackend()); err != nil {
		return err
	}
	if kind == "local" {
		if err := backend.CheckLocalBackend(config, []string{d.Job.Tree, d.Tree}, filepath.Dir(d.Job.WorkspaceDir),
			d.Job.TerraformWorkspace); err != nil {
			return err
		}
		if err := d.CheckKept(kind, config); err != nil {
			return err
		}
	}
	d.Result.Backend = backend.Naming(kind, config, d.Env, d.Secrets.Hashed)
	return nil
}
