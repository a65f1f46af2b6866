// Package watch polls repositories, keeps the fleet up to date with what is in them, and
// enqueues what their branches ask for.
package watch

import (
	"context"
	"log/slog"
	"sync"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/engine/order"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/sources"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/sandbox"
)

// Watcher polls repositories, keeps the fleet up to date with them and enqueues what
// their branches ask for.
type Watcher struct {
	txn     *txn.Writer
	sources *sources.Reader
	order   *order.Sequencer
	log     *slog.Logger

	configured chan struct{} // the settings changed
	renames    sync.Mutex    // held while a rename is carried out

	mu        sync.Mutex
	base      *settings.Settings // as configured
	found     fleet.Discoveries  // in branches
	expansion fleet.Expansion
	code      map[string]fleet.Code          // by workspace: what its code says of states
	codeAt    map[string]string              // by repository and branch: what code was read of
	repos     map[string]*sources.Polled     // by name
	owners    map[string]map[string][]string // by repository and branch: what cannot be read of CODEOWNERS
	seen      map[string]bool                // by workspace: its directory and inputs were looked for
	polling   map[string]chan struct{}       // by repository: one look at a time
	pokes     map[string]chan struct{}       // by repository: poll now
}

// New returns a watcher of the repositories of some settings.
func New(w *txn.Writer, from *sources.Reader, order *order.Sequencer, s *settings.Settings) *Watcher {
	return &Watcher{txn: w, sources: from, order: order, log: w.Log, configured: make(chan struct{}, 1), base: s,
		owners: map[string]map[string][]string{},
		code:   map[string]fleet.Code{}, codeAt: map[string]string{}, repos: map[string]*sources.Polled{},
		seen:    map[string]bool{},
		polling: map[string]chan struct{}{}, pokes: map[string]chan struct{}{}}
}

// Recall puts the fleet together of what is remembered, and carries out renames: before
// anything else is done.
func (w *Watcher) Recall(ctx context.Context) error {
	for _, begin := range []func(context.Context) error{w.learnFolders, w.recall, w.Rename} {
		if err := begin(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Run polls every repository of the present settings until ctx is done, and starts over
// when they change.
func (w *Watcher) Run(ctx context.Context) {
	for ctx.Err() == nil {
		round, cancel := context.WithCancel(ctx)
		w.forgetRepositories()
		var pollers sync.WaitGroup
		for name := range w.txn.Settings.Get().Repositories {
			pollers.Go(func() { w.watch(round, name) })
		}
		select {
		case <-ctx.Done():
		case <-w.configured:
		}
		cancel()
		pollers.Wait()
	}
}

// Configure replaces the settings.
func (w *Watcher) Configure(ctx context.Context, s *settings.Settings) error {
	s.Prepare()
	// First of all: a configuration that is not in the audit log is not in force.
	if err := w.txn.Record(ctx, audit.Record{Actor: "tfops", Via: "config", Action: "configure",
		Digest: s.RulesDigest(), Reason: s.Summary()}); err != nil {
		return err
	}
	records, err := w.txn.Records(ctx)
	if err != nil {
		return err
	}
	before := w.txn.Settings.Get()
	w.mu.Lock()
	w.base = s
	w.mu.Unlock()
	w.rebuild(records)
	if err := w.Rename(ctx); err != nil {
		w.log.Error("workspaces cannot be renamed; trying again at the next look at their repositories", "error", err)
	}
	now := w.txn.Settings.Get()
	for _, old := range before.Workspaces {
		if _, ok := now.Find(old.Name); !ok && now.Heirs[old.Name] == "" && now.Formerly[old.Name] == "" {
			w.log.Warn("a workspace is not configured any more; its resources are not destroyed and its state is kept",
				"workspace", old.Name, "state", w.txn.Files.Workspace(old.Name).Dir())
		}
	}
	w.mu.Lock()
	clear(w.seen)
	w.mu.Unlock()
	return nil
}

// Found has the settings know how well engines are shut in on this machine, which may be found out, or
// change, after they came into force.
func (w *Watcher) Found(state sandbox.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	base, now := *w.base, *w.txn.Settings.Get()
	base.Sandbox.State, now.Sandbox.State = state, state
	w.base = &base
	w.txn.Settings.Set(&now)
}

// Restart has all repositories polled anew, by the settings of now.
func (w *Watcher) Restart() {
	select {
	case w.configured <- struct{}{}:
	default:
	}
}

// Poke makes the next poll of a repository happen now.
func (w *Watcher) Poke(repository string) error {
	if _, ok := w.txn.Settings.Get().Repositories[repository]; !ok {
		return fault.New(fault.NotFound, "tfops validate", "there is no repository %q", repository)
	}
	w.poke(repository)
	return nil
}

func (w *Watcher) poke(repository string) {
	select {
	case w.poked(repository) <- struct{}{}:
	default:
	}
}

// Polled tells what became of the polls of a repository.
func (w *Watcher) Polled(repository string) sources.Polled {
	w.mu.Lock()
	defer w.mu.Unlock()
	var polled sources.Polled
	if p := w.repos[repository]; p != nil {
		polled = *p
	}
	polled.Owners = w.ownerProblems(repository)
	return polled
}
