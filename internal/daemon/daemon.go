// Package daemon is `tfops serve`: it reads the configuration, opens the data directory, and wires the
// store, the engine, the server and the notifier together.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/gofrs/flock"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/datadir"
	"github.com/tfops/tfops/internal/engine"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/delivery"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/seal"
	"github.com/tfops/tfops/internal/server"
	"github.com/tfops/tfops/internal/server/asked"
	"github.com/tfops/tfops/internal/server/socket"
	"github.com/tfops/tfops/internal/store"
)

// Options are what `tfops serve` was told.
type Options struct {
	ConfigPath string
	NewKey     bool // make a new key where the old one is gone
	Exe        string
	Environ    []string
	Log        *slog.Logger
	Known      *Secrets    // what Log hides
	Version    api.Version // of this binary
}

// Daemon is `tfops serve`: everything wired together. Make one with
// New, call Run once, then Close.
type Daemon struct {
	Options
	cfg      *config.Config // the one that Run started with: data directory and socket stay what they were
	lock     *flock.Flock
	opened   fs.FileInfo // the data directory
	lost     chan error  // that it is not there any more, once
	store    *store.Store
	local    *runner.Local
	engine   *engine.Engine
	notifier *delivery.Notifier
	server   *server.Server
	listener *socket.Socket
	mirrors  mirrors

	rendering chan struct{} // the place of who writes a report

	rules string // the digest of those that it began with

	mu      sync.Mutex
	status  api.ConfigStatus
	files   []string // whose change can change the configuration
	targets []notify.Target
}

// New takes hold of the data directory and opens everything in it. The
// socket answers from here on; runs move once Run is called.
func New(o Options) (*Daemon, error) {
	cfg, err := config.Load(o.ConfigPath)
	if err != nil {
		return nil, err
	}
	o.Known.learn(cfg, o.Environ)
	d := &Daemon{Options: o, cfg: cfg, files: cfg.Files, targets: cfg.Notify, rendering: make(chan struct{}, 1),
		lost:   make(chan error, 1),
		status: api.ConfigStatus{Path: cfg.Path, LoadedAt: time.Now().UTC()}}
	if err := d.open(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// open opens everything in the data directory, in order. Close lets go of it,
// however far this came.
func (d *Daemon) open() error {
	cfg := d.cfg
	err := datadir.Make(cfg.DataDir)
	if err != nil {
		return err
	}
	if d.lock, err = datadir.Lock(cfg.DataDir); err != nil {
		return err
	}
	if err := datadir.RefuseWithoutStore(cfg.DataDir); err != nil {
		return err
	}
	if d.store, err = store.Open(filepath.Join(cfg.DataDir, "tfops.db"), store.Options{}); err != nil {
		return err
	}
	key, err := d.key()
	if err != nil {
		return err
	}
	if err := d.holdKnown(context.Background()); err != nil {
		return err
	}
	if compacted, err := d.store.Compact(); err != nil {
		return err
	} else if compacted {
		d.Log.Info("the store was compacted")
	}
	if damage, err := d.damage(context.Background()); err != nil {
		return err
	} else if len(damage) > 0 {
		last := damage[len(damage)-1]
		d.Log.Error("records of the store were damaged and are set aside; what depended on them is held", "records",
			len(damage), "newest_in", last.Bucket, "key", last.Key, "why", last.Why)
	}
	if d.opened, err = os.Stat(cfg.DataDir); err != nil {
		return datadir.Unwritable(cfg.DataDir, err)
	}
	d.mirrors.dir = filepath.Join(cfg.DataDir, "repos")
	d.local = &runner.Local{Exe: d.Exe, Most: sandbox.Level(os.Getenv("TFOPS_SANDBOX")),
		Users: cfg.Runner.Users}
	wanted, err := d.settings(cfg)
	if err != nil {
		return err
	}
	d.rules = wanted.RulesDigest()
	d.engine = engine.New(engine.Options{Store: d.store, Journal: d.store, Runner: d.local, Engines: d.local,
		Halts: d.local, Memory: d.local, Vault: key,
		DataDir: cfg.DataDir, Log: d.Log, Environ: d.Environ, Intact: d.intact}, wanted)
	d.notifier = delivery.New(d.store, delivery.Options{Targets: d.notified, Reports: d.renderReport,
		Tell: d.tellDelivery})
	e := asked.Engine{Drift: d.engine, Patches: d.engine, DriftReports: d.engine, Fleet: d.engine,
		Sources: d.engine, Holds: d.engine, Runs: d.engine, Decisions: d.engine, States: d.engine}
	d.server = server.New(server.Options{Engine: e, Store: d.store, Outbox: d.outbox(), Config: d.configStatus,
		Version: d.versions, Sandbox: d.engine.Sandbox, Log: d.Log,
		Damage: d.damage, MayApprove: d.engine.MayApprove})
	d.listener, err = socket.Listen(filepath.Join(cfg.DataDir, "tfops.sock"), cfg.Server.SocketGroup,
		d.engine.Sandbox().Level == sandbox.Users)
	return err
}

// Run serves until ctx is done. Applies that are running then go on, and the
// next daemon follows them.
func (d *Daemon) Run(ctx context.Context, reload <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.Log.Info("tfops serves", "version", d.Version.Tfops, "config", d.cfg.Path, "data_dir", d.cfg.DataDir, "socket",
		d.listener.Addr().String())
	for _, w := range d.cfg.Warnings {
		d.Log.Warn(w.Summary, "detail", w.Detail)
	}
	d.recordStart(ctx)
	failed := make(chan error, 3)
	var parts sync.WaitGroup
	parts.Go(func() { failed <- d.engine.Run(ctx); cancel() })
	parts.Go(func() { failed <- d.server.Serve(ctx, d.listener); cancel() })
	parts.Go(func() { d.keepConfigured(ctx, reload) })
	parts.Go(func() { d.notifier.Run(ctx) })
	parts.Go(func() { d.keepTelling(ctx) })
	parts.Go(func() { d.timeStore(ctx) })
	parts.Go(func() { d.keepSandbox(ctx) })
	parts.Go(func() { d.versions() }) // looked up once, before somebody waits for it
	parts.Go(func() { failed <- d.watchDataDir(ctx); cancel() })
	parts.Wait()
	return errors.Join(<-failed, <-failed, <-failed)
}

// recordStart records which tfops began, with which rules.
func (d *Daemon) recordStart(ctx context.Context) {
	started := audit.Record{Actor: "tfops", Via: "command", Action: "start", Digest: d.rules,
		Reason: "version " + d.Version.Tfops + " with " + d.cfg.Path}
	// What runs must be followed, whatever becomes of the record.
	if err := d.store.Record(ctx, started); err != nil && ctx.Err() == nil {
		d.Log.Error("the start cannot be recorded", "error", err)
	}
}

// Engine is the loop, for whoever runs the daemon in its own process.
func (d *Daemon) Engine() *engine.Engine { return d.engine }

// Close lets go of everything that New took.
func (d *Daemon) Close() {
	if d.listener != nil {
		d.listener.Close()
	}
	d.mirrors.close()
	if d.store != nil {
		d.store.Close()
	}
	if d.lock != nil {
		d.lock.Close()
	}
}

// key opens the data directory's key, and makes one for a new directory.
func (d *Daemon) key() (*seal.Key, error) {
	path := filepath.Join(d.cfg.DataDir, "key")
	k, err := seal.Load(path)
	if !fault.Is(err, fault.NotFound) {
		return k, err
	}
	if fresh, err := d.store.Empty(); err != nil || fresh || d.NewKey {
		if err != nil {
			return nil, err
		}
		return seal.Create(path)
	}
	return nil, fault.New(fault.NotFound,
		"put the key back from a backup; or start with --new-key: plans that wait are then made again, and older "+
			"snapshots cannot be read",
		"the key %s is gone, but the store beside it is not new", path)
}

// keepConfigured reads the configuration again on a signal and when a file of
// it changed.
func (d *Daemon) keepConfigured(ctx context.Context, reload <-chan os.Signal) {
	changed, err := d.watchFiles(ctx)
	if err != nil {
		d.Log.Warn("changes of the configuration are not noticed by themselves; send SIGHUP after one", "error", err,
			"next", watchNext(err))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-reload:
		case <-changed:
		}
		d.reload(ctx)
	}
}

// reload brings a valid configuration into force and keeps the last good one
// otherwise.
func (d *Daemon) reload(ctx context.Context) {
	cfg, err := config.Load(d.ConfigPath)
	if err == nil && cfg.DataDir != d.cfg.DataDir {
		err = fault.New(fault.Conflict, fmt.Sprintf("stop tfops serve, move the directory (mv %s %s), and start it "+
			"again; or set data_dir back", d.cfg.DataDir, cfg.DataDir),
			"data_dir changed from %s to %s, which takes a restart: all that tfops knows and the states that it keeps "+
				"are in the first", d.cfg.DataDir, cfg.DataDir)
	}
	var wanted *settings.Settings
	if err == nil {
		d.Known.learn(cfg, d.Environ)
		wanted, err = d.settings(cfg)
	}
	// What comes into force may have something to tell at once: the notifier must
	// not look for a new target before it is there, and give the message up.
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		err = d.engine.Configure(ctx, wanted)
	}
	if err != nil {
		d.status.Error = err.Error()
		d.Log.Error("the new configuration is not in force; the last good one is", "error", err)
		refused := audit.Record{Actor: "tfops", Via: "config", Action: "configuration refused", Reason: err.Error()}
		if err := d.store.Record(ctx, refused); err != nil && ctx.Err() == nil {
			d.Log.Error("the refusal cannot be recorded", "error", err)
		}
		d.tellRefused(ctx)
		return
	}
	d.status.Error, d.status.LoadedAt, d.files, d.targets = "", time.Now().UTC(), cfg.Files, cfg.Notify
	d.Log.Info("the configuration was read again", "holds", wanted.Summary())
	if cfg.Runner.Concurrency != d.cfg.Runner.Concurrency ||
		cfg.Runner.DriftConcurrency != d.cfg.Runner.DriftConcurrency ||
		cfg.Runner.Users != d.cfg.Runner.Users || cfg.Server.SocketGroup != d.cfg.Server.SocketGroup {
		d.Log.Warn("runner.concurrency, runner.drift_concurrency, runner.uids and server.socket_group stay what they " +
			"were until tfops serve is started again")
	}
	for _, w := range cfg.Warnings {
		d.Log.Warn(w.Summary, "detail", w.Detail)
	}
}

func (d *Daemon) configStatus() api.ConfigStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status
}

// settleAfter is how long files must be quiet before they are read: editors
// write in several steps.
const settleAfter = 250 * time.Millisecond

// watchFiles tells when a file of the configuration changed. It watches the
// directories, since editors and config management replace files.
func (d *Daemon) watchFiles(ctx context.Context) (<-chan struct{}, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	for _, f := range append([]string{d.cfg.Path}, d.cfg.Files...) {
		if err := w.Add(filepath.Dir(f)); err != nil {
			w.Close()
			return nil, err
		}
	}
	changed := make(chan struct{})
	go func() {
		defer w.Close()
		quiet := time.NewTimer(time.Hour)
		quiet.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case ev := <-w.Events:
				if d.isConfig(ev.Name) && ev.Op != fsnotify.Chmod {
					quiet.Reset(settleAfter)
				}
			case err := <-w.Errors:
				d.Log.Warn("the configuration's directory cannot be watched", "error", err)
			case <-quiet.C:
				select {
				case changed <- struct{}{}:
				case <-ctx.Done():
				}
			}
		}
	}()
	return changed, nil
}

// watchNext says what to do where the kernel gives no more watches: it calls that
// a lack of files or of space.
func watchNext(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return "raise fs.inotify.max_user_instances (sysctl), or ulimit -n"
	case errors.Is(err, syscall.ENOSPC):
		return "raise fs.inotify.max_user_watches (sysctl)"
	}
	return fault.Next(err)
}

func (d *Daemon) isConfig(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return path == d.cfg.Path || slices.Contains(d.files, path)
}
