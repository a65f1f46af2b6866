package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/engine/acts"
	"github.com/tfops/tfops/internal/engine/queue"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/view"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/fleet/fleettest"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/history"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/store/storetest"
	"github.com/tfops/tfops/internal/workspace"
)

// rig is an engine over the real store, with a repository and runners that
// the test plays. It lives in a synctest bubble: time passes when nothing
// else can happen.
type rig struct {
	t       *testing.T
	dir     string
	store   *store.Store
	dying   *dyingStore
	git     *repository
	runners *players
	engine  *Engine
	set     *settings.Settings
	adjust  func(*settings.Settings) // what a test wants of all settings
	memory  queue.Memory             // nil: there is always room

	stop context.CancelFunc
	done chan struct{}
}

var ana = access.Actor{Name: "ana", Via: "socket"}
var li = access.Actor{Name: "li", Via: "socket"}

func define(name string, change ...func(*fleet.Definition)) fleet.Definition {
	return fleettest.Define(name, change...)
}

func auto(d *fleet.Definition) { fleettest.Auto(d) }

// bubble runs a test with a rig in a bubble of its own.
func bubble(t *testing.T, fn func(*testing.T, *rig), defs ...fleet.Definition) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := &rig{t: t, dir: dir, git: newRepository(), runners: newPlayers()}
		g.settings(defs...)
		g.open()
		defer g.close()
		fn(t, g)
	})
}

func (g *rig) settings(defs ...fleet.Definition) *settings.Settings {
	g.set = &settings.Settings{Config: fleet.Config{Workspaces: defs}, Concurrency: 2, PlanGrace: time.Minute,
		ApplyGrace: time.Minute,
		Repositories: map[string]settings.Repository{"infra": {Remote: g.git, Objects: g.git,
			Pace: gitrepo.Pace{Every: 30 * time.Second}}}}
	if g.adjust != nil {
		g.adjust(g.set)
	}
	return g.set
}

func (g *rig) open() {
	g.t.Helper()
	if err := g.openStore(); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) openStore() error {
	s, err := store.Open(filepath.Join(g.dir, "tfops.db"), store.Options{})
	if err != nil {
		return err
	}
	g.store = s
	g.dying = &dyingStore{Store: s}
	g.engine = New(Options{Store: g.dying, Journal: g.dying, Runner: g.runners, Vault: openVault{}, DataDir: g.dir,
		Log: slog.New(slog.DiscardHandler), Environ: []string{"PATH=/bin", "AWS_SECRET_ACCESS_KEY=nobody-may-see",
			"DAEMON_ONLY=x"}, Memory: g.memory}, g.set)
	return nil
}

// start runs the engine until close or crash.
func (g *rig) start() {
	ctx, cancel := context.WithCancel(context.Background())
	g.stop, g.done = cancel, make(chan struct{})
	go func() {
		defer close(g.done)
		if err := g.engine.Run(ctx); err != nil {
			g.t.Error(err)
		}
	}()
	g.settle()
}

func (g *rig) close() {
	if g.stop != nil {
		g.stop()
		<-g.done
		g.stop = nil
	}
	g.runners.endAll()
	g.store.Close()
}

// dyingStore refuses every write once its daemon is dead.
type dyingStore struct {
	*store.Store
	dead atomic.Bool

	mu     sync.Mutex
	writes int           // so far
	last   int           // the daemon dies at this write; 0: it does not
	after  bool          // right after it, instead of right before
	died   chan struct{} // closed then

	noHolds bool   // what concerns no run cannot be stored
	between func() // what happens after the next look at a run or at the queue
	meet    func() // what happens the next time that the findings, the records, or the queue of all are read
}

var errDead = errors.New("the daemon is dead")

// dieAt has the daemon die at the nth write from now, before or after it.
func (s *dyingStore) dieAt(n int, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.after, s.died = s.writes+n, after, make(chan struct{})
}

// write does a write, unless the daemon is dead or dies of it. Whoever dies
// right after a write never learns that it was made.
func (s *dyingStore) write(fn func() error) error {
	s.mu.Lock()
	s.writes++
	last, after := s.writes == s.last, s.after
	s.mu.Unlock()
	if s.dead.Load() {
		return errDead
	}
	var err error
	if !last || after {
		err = fn()
	}
	if last {
		s.dead.Store(true)
		close(s.died)
		return errDead
	}
	return err
}

func (s *dyingStore) Queue(ctx context.Context) (run.Queue, error) {
	q, err := s.Store.Queue(ctx)
	s.looked()
	s.met()
	return q, err
}

func (s *dyingStore) Load(ctx context.Context, id string) (run.Tx, []run.Event, error) {
	defer s.looked()
	return s.Store.Load(ctx, id)
}

func (s *dyingStore) looked() {
	s.mu.Lock()
	then := s.between
	s.between = nil
	s.mu.Unlock()
	if then != nil {
		then()
	}
}

func (s *dyingStore) Findings(ctx context.Context, name string) ([]drift.Finding, error) {
	found, err := s.Store.Findings(ctx, name)
	if name == "" {
		s.met()
	}
	return found, err
}

func (s *dyingStore) Records(ctx context.Context) (map[string]workspace.Record, error) {
	all, err := s.Store.Records(ctx)
	s.met()
	return all, err
}

// meeting has fn done, once, while somebody decides on what was just read of all.
func (s *dyingStore) meeting(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meet = fn
}

func (s *dyingStore) met() {
	s.mu.Lock()
	fn := s.meet
	s.meet = nil
	s.mu.Unlock()
	if fn != nil {
		fn()
	}
}

func (s *dyingStore) Enqueue(ctx context.Context, b run.Batch) (created, superseded []run.Run, err error) {
	err = s.write(func() error { created, superseded, err = s.Store.Enqueue(ctx, b); return err })
	return created, superseded, err
}

func (s *dyingStore) Claim(ctx context.Context, pick func(run.Queue) (string, func(*run.Tx) error)) (r run.Run, ok bool,
	err error) {
	err = s.write(func() error { r, ok, err = storetest.Twice(s.Store).Claim(ctx, pick); return err })
	return r, ok && err == nil, err
}

func (s *dyingStore) Change(ctx context.Context, id string, fn func(*run.Tx) error) (r run.Run, err error) {
	err = s.write(func() error { r, err = storetest.Twice(s.Store).Change(ctx, id, fn); return err })
	return r, err
}

func (s *dyingStore) ChangeWorkspace(ctx context.Context, name string, fn func(*run.WorkspaceTx) error) error {
	s.mu.Lock()
	broken := s.noHolds
	s.mu.Unlock()
	if broken {
		return errors.New("the disk is full")
	}
	return s.write(func() error { return storetest.Twice(s.Store).ChangeWorkspace(ctx, name, fn) })
}

// restart stands for kill -9 of the daemon: nothing more is written and
// nobody interrupted; then a new engine starts on what is on disk.
func (g *rig) restart() {
	g.t.Helper()
	if g.stop != nil {
		g.dying.dead.Store(true)
		g.runners.crashing(true)
		g.stop()
		<-g.done
		g.runners.crashing(false)
		g.stop = nil
	}
	g.store.Close()
	g.open()
	g.start()
}

// settle waits until everything that can happen without time passing did.
func (g *rig) settle() { synctest.Wait() }

// pass lets time pass.
func (g *rig) pass(d time.Duration) {
	time.Sleep(d)
	g.settle()
}

// commit puts a commit on the branch that touches the given workspaces, and
// waits until it was polled.
func (g *rig) commit(paths ...string) string {
	sha := g.git.commit("main", paths...)
	g.pass(40 * time.Second)
	return sha
}

func (g *rig) runs(name string) []run.Run {
	g.t.Helper()
	rs, err := g.store.Runs(context.Background(), run.Query{Workspace: name})
	if err != nil {
		g.t.Fatal(err)
	}
	return rs
}

// last is the newest run of a workspace.
func (g *rig) last(name string) run.Run {
	g.t.Helper()
	rs := g.runs(name)
	if len(rs) == 0 {
		g.t.Fatalf("workspace %s has no run", name)
	}
	return rs[0]
}

// want asserts the newest run's status.
func (g *rig) want(name string, s run.Status) run.Run {
	g.t.Helper()
	r := g.last(name)
	if r.Status != s {
		g.t.Fatalf("the newest run of %s is %s (%s %s, %+v), want %s", name, r.Status, r.Reason, r.Comment,
			r.Failure, s)
	}
	return r
}

func (g *rig) wantReason(name string, s run.Status, reason run.Reason) run.Run {
	g.t.Helper()
	r := g.want(name, s)
	if r.Reason != reason {
		g.t.Fatalf("the newest run of %s is %s because of %q, want %q", name, s, r.Reason, reason)
	}
	return r
}

func (g *rig) get(id string) run.Run {
	g.t.Helper()
	d, _, err := g.store.Load(context.Background(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return d.Run
}

func (g *rig) approve(a access.Actor, r run.Run) {
	g.t.Helper()
	if err := g.vote(a, r, true); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) vote(a access.Actor, r run.Run, yes bool) error {
	_, err := g.engine.Vote(context.Background(), a, r.ID, acts.Ballot{Yes: yes, Digest: r.Plan.Digest,
		Comment: "because"})
	g.settle()
	return err
}

func (g *rig) view(name string) view.Workspace {
	g.t.Helper()
	v, err := g.engine.Workspace(context.Background(), name)
	if err != nil {
		g.t.Fatal(err)
	}
	return v
}

// wantFault asserts an error's code, and that it says what to do next.
func wantFault(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("got %v (%s), want a fault %s", err, fault.CodeOf(err), code)
	}
}

// openVault keeps plans as they are.
type openVault struct{}

func (openVault) Recipient() string                { return "nobody" }
func (openVault) Open(path string) ([]byte, error) { return os.ReadFile(path) }
func (openVault) Seal(b []byte) ([]byte, error)    { return b, nil }
func (openVault) Digest(b []byte) string           { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// players play runners: each phase waits until the test, or the player's
// script, ends it. They outlive an engine, as runners do.
type players struct {
	mu     sync.Mutex
	phases map[string]*played // by directory
	order  []*played
	crash  bool

	plan    func(job job.Job) *plan.Plan            // what a plan finds; one change by default
	hold    map[job.Phase]bool                      // whether phases of this kind wait for the test
	fail    func(job job.Job) *job.Result           // how a phase fails; nil or a nil result: it does not
	onStart func(job job.Job)                       // called before a runner is there to be interrupted
	refuse  func(job job.Job) error                 // why a runner is not started; nil or a nil error: it is
	alive   []job.Process                           // what survives a killed runner
	outputs func(job job.Job) map[string]job.Output // what a phase finds in the state
	shared  bool                                    // every workspace has the same state
	state   func(job job.Job) string                // the state's path, where it is not the workspace's directory
	backend string                                  // its type; managed by default
	hosts   func(job job.Job) []string              // that a phase speaks to
	peak    int64                                   // how much memory a phase takes
}

type played struct {
	job     job.Job
	secrets job.Secrets
	dir     string
	done    chan struct{}
	result  *job.Result // nil when done: it vanished
	stopped bool
}

func newPlayers() *players {
	return &players{phases: map[string]*played{}, hold: map[job.Phase]bool{}}
}

func (p *players) Start(_ context.Context, dir string, job job.Job, s job.Secrets) error {
	p.mu.Lock()
	started, refuse := p.onStart, p.refuse
	p.mu.Unlock()
	if started != nil {
		started(job)
	}
	if refuse != nil {
		if err := refuse(job); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ph := &played{job: job, secrets: s, dir: dir, done: make(chan struct{})}
	p.phases[dir] = ph
	p.order = append(p.order, ph)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if !p.hold[job.Phase] {
		p.finish(ph, p.outcome(ph))
	}
	return nil
}

// outcome is what a phase comes to when nobody interferes.
func (p *players) outcome(ph *played) *job.Result {
	res := job.Result{Outcome: job.Succeeded, EngineName: "terraform", EngineVersion: "1.11.4",
		Backend: job.BackendConfig{Type: "managed", Config: map[string]any{"path": ph.job.WorkspaceDir}}}
	if p.shared {
		res.Backend.Config["path"] = "shared"
	}
	if p.state != nil {
		res.Backend.Config["path"] = p.state(ph.job)
	}
	if p.backend != "" {
		res.Backend.Type = p.backend
	}
	if p.fail != nil {
		if f := p.fail(ph.job); f != nil {
			f.Backend = res.Backend
			return f
		}
	}
	res.PeakMemory = p.peak
	if p.hosts != nil {
		res.Hosts = p.hosts(ph.job)
	}
	if ph.job.Outputs && p.outputs != nil {
		b, err := json.Marshal(p.outputs(ph.job))
		if err == nil {
			err = os.WriteFile(filepath.Join(ph.dir, job.OutputsFile), b, 0o600)
		}
		if err != nil {
			return &job.Result{Outcome: job.Failed, Cause: job.CauseDisk, Message: err.Error()}
		}
	}
	if ph.job.Phase == job.PlanPhase {
		file := []byte("plan of " + ph.job.Run + " made at " + time.Now().String())
		ground := []byte(`{"commit": "` + ph.job.Commit + `"}`)
		err := os.WriteFile(filepath.Join(filepath.Dir(ph.job.PlanFile), job.GroundFile), ground, 0o600)
		if err == nil {
			err = os.MkdirAll(ph.job.Ground, 0o700)
		}
		if err == nil {
			err = os.WriteFile(ph.job.PlanFile, file, 0o600)
		}
		if err != nil {
			return &job.Result{Outcome: job.Failed, Cause: job.CauseDisk, Message: err.Error()}
		}
		found := &plan.Plan{Counts: plan.Counts{Add: 1}, Complete: true, Applyable: true,
			Changes: []plan.Change{{Address: "terraform_data.x", Mode: "managed", Type: "terraform_data",
				Action: plan.Create}}}
		if p.plan != nil {
			found = p.plan(ph.job)
		}
		found.Digest = job.ApprovedDigest(file, ground)
		res.Plan, res.PlanDigest = found, found.Digest
		b, err := json.Marshal(found)
		if err == nil {
			err = os.WriteFile(ph.job.PlanJSON, b, 0o600)
		}
		if err != nil {
			return &job.Result{Outcome: job.Failed, Cause: job.CauseDisk, Message: err.Error()}
		}
	}
	return &res
}

func (p *players) finish(ph *played, res *job.Result) {
	select {
	case <-ph.done:
	default:
		ph.result = res
		close(ph.done)
	}
}

// end ends the newest phase that still runs as it would end by itself.
func (p *players) end(t *testing.T) {
	t.Helper()
	p.endAs(t, func(ph *played) *job.Result { return p.outcome(ph) })
}

// vanish kills the runner of the newest phase that still runs.
func (p *players) vanish(t *testing.T) {
	t.Helper()
	p.endAs(t, func(*played) *job.Result { return nil })
}

func (p *players) endAs(t *testing.T, how func(*played) *job.Result) {
	t.Helper()
	p.mu.Lock()
	for _, ph := range slices.Backward(p.order) {
		select {
		case <-ph.done:
			continue
		default:
		}
		p.finish(ph, how(ph))
		p.mu.Unlock()
		synctest.Wait()
		return
	}
	p.mu.Unlock()
	t.Fatal("no phase is running")
}

func (p *players) endAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ph := range p.order {
		p.finish(ph, nil)
	}
}

func (p *players) crashing(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crash = on
}

func (p *players) Wait(ctx context.Context, dir string) (job.Result, error) {
	p.mu.Lock()
	ph, alive := p.phases[dir], slices.Clone(p.alive)
	p.mu.Unlock()
	if ph == nil {
		return job.Result{}, &runner.Vanished{Absent: true}
	}
	select {
	case <-ctx.Done():
		return job.Result{}, ctx.Err()
	case <-ph.done:
	}
	if ph.result == nil {
		return job.Result{}, &runner.Vanished{Started: true, Survivors: alive}
	}
	return *ph.result, nil
}

func (p *players) Interrupt(dir string, force bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crash {
		return errors.New("the daemon is gone and interrupts nobody")
	}
	ph := p.phases[dir]
	if ph == nil {
		return fault.New(fault.NotFound, "", "nothing is running")
	}
	select {
	case <-ph.done:
		return fault.New(fault.NotFound, "", "nothing is running")
	default:
	}
	ph.stopped = true
	out := job.InterruptedOutcome
	if force {
		out = job.KilledOutcome
	}
	p.finish(ph, &job.Result{Outcome: out, Message: "stopped on request"})
	return nil
}

func (p *players) Survivors(string) ([]job.Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive, nil
}
func (p *players) Seal(string, string) error { return nil }

// count is how many phases of a kind were ever started for a workspace.
func (p *players) count(name string, ph job.Phase) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, o := range p.order {
		if o.job.Workspace == name && o.job.Phase == ph {
			n++
		}
	}
	return n
}

// newest is the newest phase that was started.
func (p *players) newest() *played {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.order[len(p.order)-1]
}

// repository is a Git remote in memory: every commit has a file per
// workspace directory.
type repository struct {
	mu      sync.Mutex
	heads   map[string]string
	commits map[string]gitrepo.Commit
	paths   map[string][]string // what a commit changed against its parent
	parent  map[string]string
	files   fstest.MapFS
	err     error
	fetch   func()
	delay   time.Duration
	n       int
	missing trees.Exported // what every export says that it lacks
	bare    bool           // trees are not written out, since no played runner reads them

	look      map[string]time.Duration // how long the first look at a commit takes
	tags      map[string]string
	unread    string // the branch whose tree cannot be read, because of unreadErr
	unreadErr error
}

func newRepository() *repository {
	r := &repository{heads: map[string]string{}, commits: map[string]gitrepo.Commit{}, paths: map[string][]string{},
		parent: map[string]string{}, files: fstest.MapFS{}}
	for _, dir := range []string{"a", "b", "c"} {
		r.files[dir+"/main.tf"] = &fstest.MapFile{Data: []byte(`resource "terraform_data" "x" {}`)}
	}
	return r
}

func (r *repository) commit(branch string, paths ...string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	sha := fmt.Sprintf("%040x", r.n)
	author := gitrepo.Person{Name: "Ana", Email: "ana@example.com"}
	r.commits[sha] = gitrepo.Commit{SHA: sha, Author: author, Committer: author, Message: fmt.Sprintf("change %d", r.n),
		Time: time.Now()}
	r.paths[sha], r.parent[sha] = paths, r.heads[branch]
	r.heads[branch] = sha
	return sha
}

// branchGone deletes a branch.
func (r *repository) branchGone(branch string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.heads, branch)
}

func (r *repository) broken(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *repository) Heads(context.Context) (map[string]string, error) {
	r.mu.Lock()
	heads, err, delay := maps.Clone(r.heads), r.err, r.delay
	r.mu.Unlock()
	time.Sleep(delay) // of the bubble's time
	return heads, err
}

func (r *repository) Head(ctx context.Context, branch string) (string, error) {
	heads, err := r.Heads(ctx)
	if err != nil {
		return "", err
	}
	if heads[branch] == "" {
		return "", fault.New(fault.NotFound, "", "there is no branch %s", branch)
	}
	return heads[branch], nil
}

func (r *repository) Tags(context.Context) (map[string]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.tags), r.err
}

// tag sets a tag, or deletes it.
func (r *repository) tag(name, sha string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tags == nil {
		r.tags = map[string]string{}
	}
	r.tags[name] = sha
	if sha == "" {
		delete(r.tags, name)
	}
}

func (r *repository) Contains(_ context.Context, head, sha string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ; head != ""; head = r.parent[head] {
		if head == sha {
			return true, nil
		}
	}
	return false, nil
}

// slow makes the remote take its time to answer.
func (r *repository) slow(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay = d
}

func (r *repository) Note() string { return "" }

func (r *repository) Submodules(_ context.Context, sha string) ([]trees.MissingSubmodule, error) {
	r.mu.Lock()
	look := r.look[sha]
	delete(r.look, sha)
	r.mu.Unlock()
	time.Sleep(look)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.missing.Missing, nil
}

func (r *repository) Fetch(context.Context, ...string) (gitrepo.Fetched, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fetch != nil {
		r.fetch()
	}
	return gitrepo.Fetched{}, r.err
}

func (r *repository) Has(sha string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.commits[sha]
	return ok
}

func (r *repository) Maintain(context.Context, []string) error { return nil }

func (r *repository) Commit(_ context.Context, sha string) (gitrepo.Commit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.commits[sha]
	if !ok {
		return c, fault.New(fault.NotFound, "", "there is no commit %s", sha)
	}
	return c, nil
}

func (r *repository) Resolve(_ context.Context, ref string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sha, ok := r.heads[ref]; ok {
		return sha, nil
	}
	return "", fault.New(fault.NotFound, "", "there is no ref %s", ref)
}

func (r *repository) Signed(context.Context, string) (signatures.Signed, error) {
	return signatures.Signed{}, nil
}

// Range is that of a history without merges.
func (r *repository) Range(_ context.Context, base, head string) (history.Range, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := map[string]bool{}
	for sha := base; sha != ""; sha = r.parent[sha] {
		since[sha] = true
	}
	var out history.Range
	common := ""
	for sha := head; sha != ""; sha = r.parent[sha] {
		if since[sha] {
			common = sha
			break
		}
		out.Commits = append(out.Commits, r.ranged(sha))
	}
	for sha := base; sha != "" && sha != common; sha = r.parent[sha] {
		out.Lost = append(out.Lost, r.ranged(sha))
	}
	return out, nil
}

func (r *repository) ranged(sha string) history.Commit {
	c := history.Commit{Commit: r.commits[sha], Parents: 1}
	paths := slices.Values(r.paths[sha])
	if r.parent[sha] == "" { // the first one has all that there is
		paths = maps.Keys(r.files)
	}
	for _, p := range slices.Sorted(paths) {
		some := plumbing.NewHash(sha)
		c.Changes = append(c.Changes, trees.Difference{Path: p, Old: some, New: some})
	}
	return c
}

func (r *repository) Changed(_ context.Context, from, to string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for ; to != from && to != ""; to = r.parent[to] {
		all = append(all, r.paths[to]...)
	}
	return all, nil
}

// unreadable makes the tree of a branch's head one that cannot be read.
func (r *repository) unreadable(branch string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unread, r.unreadErr = branch, err
}

func (r *repository) Tree(sha string) (fs.FS, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unreadErr != nil && r.heads[r.unread] == sha {
		return nil, r.unreadErr
	}
	return named{maps.Clone(r.files), sha}, nil
}

// named is a tree that tells the hash of its content, as that of a commit does.
type named struct {
	fstest.MapFS
	sha string
}

func (n named) TreeHash(dir string) (string, bool) { return n.sha, dir == "." }

func (r *repository) Export(_ context.Context, _, dst string, _ trees.Base) (trees.Exported, error) {
	r.mu.Lock()
	files, bare, missing := r.files, r.bare, r.missing
	r.mu.Unlock()
	if bare {
		return trees.Exported{}, os.MkdirAll(dst, 0o700)
	}
	return missing, os.CopyFS(dst, files)
}

// forget makes it look as if no runner had ever been started.
func (p *players) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.phases)
}

// set changes the script while runners may read it.
func (p *players) set(fn func(*players)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn(p)
}

// add puts a file into every tree from now on.
func (r *repository) add(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = maps.Clone(r.files)
	r.files[path] = r.files["b/main.tf"]
}

// lose hides a commit until the next fetch, and counts fetches.
func (r *repository) lose(sha string) *int {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.commits[sha]
	delete(r.commits, sha)
	n := 0
	r.fetch = func() {
		n++
		r.commits[sha] = c
	}
	return &n
}

// remove takes a file out of every tree from now on.
func (r *repository) remove(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = maps.Clone(r.files)
	delete(r.files, path)
}

var midday = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
