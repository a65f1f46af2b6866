// Package view shows runs, workspaces and repositories as people see them, with what each
// waits for.
package view

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/jobs"
	"github.com/tfops/tfops/internal/engine/queue"
	"github.com/tfops/tfops/internal/engine/txn"
	"github.com/tfops/tfops/internal/engine/watch"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// View shows runs and workspaces, as people see them.
type View struct {
	txn     *txn.Writer
	queue   *queue.Dispatcher
	watcher *watch.Watcher
	vault   jobs.Vault
	newest  newest
}

// New returns one.
func New(w *txn.Writer, q *queue.Dispatcher, watcher *watch.Watcher, vault jobs.Vault) *View {
	return &View{txn: w, queue: q, watcher: watcher, vault: vault}
}

// Run is a run as people see it.
type Run struct {
	run.Run
	Wait   decide.Wait
	Votes  []approvals.Vote
	Needs  []approvals.Need // while it waits for approval, and after
	Events []run.Event      // only of a single run

	Network []Contact // only of a single run

	Progress *Progress // only of a single run, whose apply ended halfway
}

// Contact is a host that the engine spoke to, or wanted to, in one of the run's phases.
type Contact struct {
	Phase job.Phase
	job.Contact
}

// Workspace is a workspace as people see it.
type Workspace struct {
	fleet.Definition
	Record    workspace.Record
	Sync      workspace.Sync
	Wait      decide.Wait
	Lock      *locks.Lock
	LastRun   *run.Run  // the newest run that is no drift check
	NextCheck time.Time // when the next scheduled drift check is due; zero: none
	Upstream  []reach.Dependency
	Follows   string // the branch, tag or commit, for a person
	Problem   error  // why its branch, directory or inputs cannot be used
}

// Repository is a repository as people see it.
type Repository struct {
	Name     string
	PolledAt time.Time // the last poll that succeeded; zero: none yet
	Failures int       // polls that failed since
	Error    error     // of the last poll
	Note     string    // what people should know of how it is fetched
}

// Show shows one run.
func (view *View) Show(ctx context.Context, id string) (Run, error) {
	// The run is read after what it waits for: it may begin to apply in between, and what
	// it does itself would be taken for somebody else's doing.
	q, err := view.queue.Queue(ctx)
	if err != nil {
		return Run{}, err
	}
	d, events, err := view.txn.Load(ctx, id)
	if err != nil {
		return Run{}, err
	}
	v := view.viewRun(q, d.Run, d.Votes)
	v.Events, v.Network, v.Progress = events, view.network(id), view.progress(d.Run)
	return v, nil
}

// network is the ledger of a run's phases, as far as there is one.
func (view *View) network(id string) (all []Contact) {
	for _, p := range []job.Phase{job.PlanPhase, job.ApplyPhase} {
		ledger, err := view.txn.Files.Run(id).Network(p)
		if err != nil {
			ledger = append(ledger, job.Contact{Refused: "the ledger cannot be read: " + err.Error()})
		}
		for _, c := range ledger {
			all = append(all, Contact{p, c})
		}
	}
	return all
}

func (view *View) viewRun(q run.Queue, r run.Run, votes []approvals.Vote) Run {
	s := view.txn.Settings.Get()
	v := Run{Run: r, Votes: votes}
	if !r.Status.Terminal() {
		_, v.Wait = decide.About(q, s, &r)
	}
	if def, ok := s.Find(r.Workspace); ok && r.Plan != nil && r.Kind.Applies() && r.Status != run.PlannedAndFinished {
		v.Needs = approvals.Decide(decide.CaseOf(&def, s.People, &r, votes)).Needs
	}
	return v
}

// List shows runs, newest first.
func (view *View) List(ctx context.Context, query run.Query) ([]Run, error) {
	q, err := view.queue.Queue(ctx) // first: see Show
	if err != nil {
		return nil, err
	}
	runs, err := view.txn.Runs(ctx, query)
	if err != nil {
		return nil, err
	}
	views := make([]Run, len(runs))
	for i, r := range runs {
		votes := q.Votes(r.ID)
		if r.Status.Terminal() && r.Plan != nil && r.Kind.Applies() { // the queue has only what has not ended
			d, _, err := view.txn.Load(ctx, r.ID)
			if err != nil {
				return nil, err
			}
			votes = d.Votes
		}
		views[i] = view.viewRun(q, r, votes)
	}
	return views, nil
}

// Applies shows what changed a workspace: its runs that began to apply, newest
// first, each with its votes.
func (view *View) Applies(ctx context.Context, name string, limit int) ([]Run, error) {
	runs, err := view.txn.Runs(ctx, run.Query{Workspace: name, Kinds: []run.Kind{run.Sync, run.Destroy, run.Refresh},
		Statuses: []run.Status{run.Applying, run.Applied, run.Errored, run.Interrupted}})
	if err != nil {
		return nil, err
	}
	var views []Run
	for _, r := range runs {
		if r.ApplyStartedAt.IsZero() || limit > 0 && len(views) == limit {
			continue
		}
		d, _, err := view.txn.Load(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		views = append(views, Run{Run: r, Votes: d.Votes})
	}
	return views, nil
}

// Workspaces shows the whole fleet, in the order of the configuration.
func (view *View) Workspaces(ctx context.Context) ([]Workspace, error) {
	q, err := view.queue.Queue(ctx)
	if err != nil {
		return nil, err
	}
	all := view.txn.Settings.Get().Workspaces
	views := make([]Workspace, 0, len(all))
	for _, d := range all {
		v, err := view.viewWorkspace(ctx, d, q)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// Workspace shows one workspace.
func (view *View) Workspace(ctx context.Context, name string) (Workspace, error) {
	d, err := view.txn.Settings.Get().Workspace(name)
	if err != nil {
		return Workspace{}, err
	}
	q, err := view.queue.Queue(ctx)
	if err != nil {
		return Workspace{}, err
	}
	return view.viewWorkspace(ctx, d, q)
}

func (view *View) viewWorkspace(ctx context.Context, d fleet.Definition, q run.Queue) (Workspace, error) {
	rec := *q.Record(d.Name)
	if !rec.Suspended(q.Now) {
		rec.Suspension = nil // one that is over holds nothing back
	}
	v := Workspace{Definition: d, Record: rec, Follows: follows(d, rec), Problem: rec.Obstacle.Err(),
		Upstream: view.txn.Settings.Get().Order.Upstream(d.Name)}
	v.NextCheck = d.NextCheck(rec.Drift, q.Now)
	if held := q.Held(d.Name, rec.State); len(held) > 0 {
		v.Lock = &held[0]
	}
	newest, err := view.newestOf(ctx, d.Name, q)
	if err != nil {
		return v, err
	}
	if newest.last != nil {
		last := *newest.last
		v.LastRun = &last
	}
	v.Sync = syncOf(d, rec, q, newest.sync, v.Problem != nil || view.watcher.Polled(d.Repository).Err != nil)
	v.Wait = view.waitOf(d, rec, q, v, newest.sync)
	return v, nil
}

// syncOf says how far the world is from what Git says.
func syncOf(d fleet.Definition, rec workspace.Record, q run.Queue, lastSync *run.Run, problem bool) workspace.Sync {
	for r := range q.Of(d.Name) {
		if r.Kind.Applies() {
			if r.Status == run.Interrupted {
				return workspace.Errored
			}
			return workspace.Pending
		}
	}
	switch {
	case rec.Orphan != nil:
		return workspace.Orphaned
	case problem || rec.Head == "":
		return workspace.Unknown
	case rec.HalfDone != "":
		return workspace.Errored
	case rec.InSync(d.Fingerprint):
		return workspace.Synced
	case lastSync != nil && lastSync.Status == run.Errored:
		return workspace.Errored
	}
	return workspace.OutOfSync
}

// waitOf names what a workspace waits for: first what its runs wait for, then
// what keeps it from having any.
func (view *View) waitOf(d fleet.Definition, rec workspace.Record, q run.Queue, v Workspace,
	lastSync *run.Run) decide.Wait {
	s := view.txn.Settings.Get()
	for r := range q.Of(d.Name) {
		if r.Kind.Applies() {
			if _, w := decide.About(q, s, r); w.Kind != "" {
				return w
			}
		}
	}
	for r := range q.Of(d.Name) { // a check, or a plan that somebody asked to see
		if len(q.Stopped[r.ID]) > 0 {
			_, w := decide.About(q, s, r)
			return w
		}
	}
	unreachable := view.watcher.Polled(d.Repository).Err
	switch {
	case rec.Orphan != nil:
		return decide.Wait{Kind: decide.WaitsForOrigin,
			For:     orphaned{rec.Orphan.Why},
			Command: "tfops destroy " + d.Name}
	case v.Problem != nil:
		return decide.Wait{Kind: decide.WaitsForConfiguration, For: problem{v.Problem}, Command: "tfops poll " +
			d.Repository}
	case unreachable != nil:
		return decide.Wait{Kind: decide.WaitsForRepository, For: unread{d.Repository, unreachable},
			Command: "tfops poll " + d.Repository}
	case rec.Head == "":
		return decide.Wait{Kind: decide.WaitsForRepository, For: firstLook{d.Repository}, Command: "tfops status"}
	case rec.HalfDone != "" && (lastSync == nil || lastSync.Status != run.Errored || rec.Applied == rec.Desired):
		return decide.Wait{Kind: decide.WaitsForSync, Run: rec.HalfDone, For: halfDone{rec.HalfDone},
			Command: "tfops sync " + d.Name}
	case v.Sync == workspace.Errored && lastSync != nil:
		return decide.Wait{Kind: decide.WaitsForErrored, Run: lastSync.ID, For: failed{lastSync.ID},
			Command: "tfops show " + lastSync.ID}
	case v.Sync == workspace.OutOfSync:
		return decide.Wait{Kind: decide.WaitsForSync,
			For:     outOfSync{destroyed: rec.Destroyed, never: d.Apply == workspace.Never},
			Command: "tfops sync " + d.Name}
	case rec.Suspended(q.Now):
		return decide.Wait{Kind: decide.WaitsForResume, For: decide.Suspended{Suspension: *rec.Suspension},
			Command: "tfops resume " + d.Name}
	}
	return decide.Wait{}
}

// Repositories shows every repository, by name.
func (view *View) Repositories() []Repository {
	repos := view.txn.Settings.Get().Repositories
	var views []Repository
	for _, name := range slices.Sorted(maps.Keys(repos)) {
		p := view.watcher.Polled(name)
		note := repos[name].Note()
		if len(p.Owners) > 0 {
			owners := "lines of CODEOWNERS cannot be read and count for nobody: " + strings.Join(p.Owners, "; ")
			note = strings.Trim(note+"; "+owners, "; ")
		}
		views = append(views, Repository{Name: name, Note: note, PolledAt: p.At, Failures: p.Failures,
			Error: p.Err})
	}
	return views
}

// Locks lists every lock, by key.
func (view *View) Locks(ctx context.Context) ([]locks.Lock, error) {
	q, err := view.queue.Queue(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Collect(q.Locks()), nil
}

// Plan reads the redacted plan of a run.
func (view *View) Plan(ctx context.Context, id string) (*plan.Plan, error) {
	d, _, err := view.txn.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	p, err := view.txn.Files.Run(id).ReadPlan()
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "tfops sync "+d.Run.Workspace, "the plan of run %s cannot be read: %w",
			id, err)
	}
	if p == nil {
		return nil, fault.New(fault.NotFound, "tfops show "+id, "run %s has no plan: it is %s", id, d.Run.Status)
	}
	return p, nil
}

// logEvery is how often a followed log is looked at.
const logEvery = 100 * time.Millisecond

// Messages passes on the engine's messages of a run, one JSON line at a time, first
// of its plan and then of its apply. With follow it goes on until no runner
// can add to it any more or ctx is done.
func (view *View) Messages(ctx context.Context, id string, follow bool, emit func(line []byte) error) error {
	if _, _, err := view.txn.Load(ctx, id); err != nil { // who knows no run asks for no file
		return err
	}
	phases := []job.Phase{job.PlanPhase, job.ApplyPhase}
	for _, p := range phases { // before anything of them is shown
		if err := view.txn.Files.Run(id).Log(p).Check(); err != nil {
			return fault.New(fault.Internal, "look what is there in its place, and move it away",
				"the log of run %s cannot be read: %w", id, err)
		}
	}
	for _, p := range phases {
		if err := view.messages(ctx, id, p, follow, emit); err != nil {
			return err
		}
	}
	return nil
}

// messages passes on those of one phase.
func (view *View) messages(ctx context.Context, id string, p job.Phase, follow bool, emit func([]byte) error) error {
	log := view.txn.Files.Run(id).Log(p)
	for {
		d, _, err := view.txn.Load(ctx, id) // before reading: what was written by then is read below
		if err != nil {
			return err
		}
		if err := log.Read(emit); err != nil {
			return err
		}
		if !follow || over(d.Run, p) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(logEvery):
		}
	}
}

// over reports whether nothing more can be added to the log of a phase.
func over(r run.Run, p job.Phase) bool {
	if p == job.PlanPhase {
		return r.Status != run.Pending && r.Status != run.Planning
	}
	return r.Status != run.Applying && r.Status != run.ApplyQueued
}

// Generator is a generator as people see it.
type Generator struct {
	Name       string
	Repository string
	Workspaces []string
	Problems   []workspace.Problem
}

// Generators shows every generator, in the order of the configuration.
func (view *View) Generators() []Generator {
	s := view.txn.Settings.Get()
	views := []Generator{}
	for _, g := range s.Config.Generators {
		v := Generator{Name: g.Name, Repository: g.Repository, Workspaces: s.Made[g.Name], Problems: s.Unmade[g.Name]}
		for _, p := range s.Problems {
			if d, ok := s.Find(p.Workspace); ok && d.Origin != nil && d.Origin.Generator == g.Name {
				v.Problems = append(v.Problems, p)
			}
		}
		views = append(views, v)
	}
	return views
}

// follows is what a workspace follows, for a person.
func follows(d fleet.Definition, rec workspace.Record) string {
	if t := rec.Tag; t != nil && t.Wanted == d.Follow() {
		return d.Follows(t.Name)
	}
	return d.Follows("")
}
