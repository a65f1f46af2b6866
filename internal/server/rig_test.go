package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/engine"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/history"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/server/asked"
	"github.com/tfops/tfops/internal/server/socket"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/workspace"
)

// rig is a server on a real socket, over a real engine and store. The
// repository and the runners are played.
type rig struct {
	t       *testing.T
	dir     string
	socket  string
	client  *api.Client
	server  *Server
	engine  *engine.Engine
	runners *players
	git     *repository
	log     *syncBuffer
	group   string          // that shares the socket
	asked   chan<- struct{} // gets a value for each request, if there is one

	listener *socket.Socket

	stop    context.CancelFunc // of the server; the rig stops it at the end too
	stopped chan error         // what Serve returned
}

// with changes what the server is made of.
type with func(*rig, *Options)

func newRig(t *testing.T, defs []fleet.Definition, changes ...with) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), runners: newPlayers(), git: &repository{sha: strings.Repeat("a", 40)},
		log: &syncBuffer{}}
	r.socket = filepath.Join(r.dir, "tfops.sock")
	st, err := store.Open(filepath.Join(r.dir, "tfops.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.engine = engine.New(engine.Options{Store: st, Journal: st, Runner: r.runners, Vault: openVault{},
		DataDir: r.dir, Log: log},
		&settings.Settings{Config: fleet.Config{Workspaces: defs}, Concurrency: 2,
			Repositories: map[string]settings.Repository{
				"infra": {Remote: r.git, Objects: r.git, Pace: gitrepo.Pace{Every: time.Hour}}}})
	e := asked.Engine{Drift: r.engine, Patches: r.engine, DriftReports: r.engine, Fleet: r.engine,
		Sources: r.engine, Holds: r.engine, Runs: r.engine, Decisions: r.engine, States: r.engine}
	o := Options{Engine: e, Store: st, Outbox: mailbox{st}, Log: log,
		Config: func() api.ConfigStatus {
			return api.ConfigStatus{Path: "/etc/tfops/tfops.hcl", LoadedAt: time.Now().UTC()}
		},
		Version: func() api.Version {
			return api.Version{Tfops: "v0", Go: "go", Engines: map[string]string{"terraform": "1.11.4"}}
		}}
	for _, c := range changes {
		c(r, &o)
	}
	r.server = New(o)
	if r.asked != nil {
		r.server.handler = announce(r.server.handler, r.asked)
	}
	if r.listener, err = socket.Listen(r.socket, r.group, false); err != nil {
		t.Fatal(err)
	}
	if r.client, err = api.New(api.ClientOptions{Server: "unix://" + r.socket}); err != nil {
		t.Fatal(err)
	}
	engineCtx, stopEngine := context.WithCancel(context.Background())
	serverCtx, stopServer := context.WithCancel(context.Background())
	r.stop, r.stopped = stopServer, make(chan error, 1)
	engineDone := make(chan error, 1)
	go func() { engineDone <- r.engine.Run(engineCtx) }()
	go func() { r.stopped <- r.server.Serve(serverCtx, r.listener) }()
	t.Cleanup(func() {
		r.client.Close()
		stopServer()
		if err := <-r.stopped; err != nil {
			t.Errorf("Serve returned %v", err)
		}
		stopEngine()
		r.runners.open()
		if err := <-engineDone; err != nil {
			t.Errorf("Run returned %v", err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// stopServer stops the server now and returns what Serve said.
func (r *rig) stopServer() {
	r.stop()
	err := <-r.stopped
	r.stopped <- err // for the cleanup
}

func define(name string, rules ...approvals.Rule) fleet.Definition {
	return fleet.Definition{Rules: rules, Workspace: workspace.Workspace{Name: name, Repository: "infra",
		Branch: "main", Dir: name,
		TerraformWorkspace: "default", Apply: workspace.Manual, Engine: "terraform", KeepRuns: 50, KeepDays: 90,
		PlanTimeout: time.Hour, ApplyTimeout: time.Hour, LockTimeout: time.Minute}}
}

// awaiting is the workspace's run once it awaits approval.
func (r *rig) awaiting(name string) api.Run {
	r.t.Helper()
	return r.until(name, "awaiting_approval")
}

// until follows the engine's changes until the newest run of the workspace has
// the status.
func (r *rig) until(name, status string) api.Run {
	r.t.Helper()
	for {
		changed := r.engine.Changed()
		runs, err := r.client.Runs(r.t.Context(), api.RunsQuery{Workspace: name, Limit: 1})
		if err != nil {
			r.t.Fatal(err)
		}
		if len(runs) == 1 && runs[0].Status == status {
			return runs[0]
		}
		if len(runs) == 1 && run.Status(runs[0].Status).Terminal() {
			r.t.Fatalf("the run of %s is %s (%+v), want %s", name, runs[0].Status, runs[0].Error, status)
		}
		<-changed
	}
}

// found waits for a finding of the workspace.
func (r *rig) found(name string) api.Finding {
	r.t.Helper()
	for {
		changed := r.engine.Changed()
		found, err := r.client.Findings(r.t.Context(), name, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(found) > 0 {
			return found[0]
		}
		<-changed
	}
}

// ask sends a request as curl would and returns the answer with its body.
func (r *rig) ask(method, path, body string, headers ...string) (*http.Response, []byte) {
	r.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://tfops"+path, in)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn,
		error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", r.socket)
	}}
	resp, err := (&http.Client{Transport: tr, CheckRedirect: func(*http.Request,
		[]*http.Request) error {
		return http.ErrUseLastResponse
	}}).Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, b
}

// syncBuffer is a log that tests read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// openVault keeps plans as they are.
type openVault struct{}

func (openVault) Recipient() string                { return "nobody" }
func (openVault) Seal(b []byte) ([]byte, error)    { return b, nil }
func (openVault) Digest(b []byte) string           { return string(b) }
func (openVault) Open(path string) ([]byte, error) { return os.ReadFile(path) }

// repository has one commit on main that holds every directory.
type repository struct {
	sha  string
	code string // of the root module in a; "" for one that is as good as empty
}

func (g *repository) Has(string) bool { return true }

func (g *repository) Heads(context.Context) (map[string]string, error) {
	return map[string]string{"main": g.sha}, nil
}
func (g *repository) Fetch(context.Context, ...string) (gitrepo.Fetched, error) {
	return gitrepo.Fetched{}, nil
}
func (g *repository) Head(context.Context, string) (string, error) { return g.sha, nil }
func (g *repository) Contains(_ context.Context, head, sha string) (bool, error) {
	return head == sha, nil
}
func (g *repository) Note() string                             { return "its host does not negotiate" }
func (g *repository) Maintain(context.Context, []string) error { return nil }
func (g *repository) Commit(_ context.Context, sha string) (gitrepo.Commit, error) {
	who := gitrepo.Person{Name: "Ana", Email: "ana@example.com"}
	return gitrepo.Commit{SHA: sha, Author: who, Committer: who,
		CoAuthors: []gitrepo.Person{{Name: "Li", Email: "li@example.com"}},
		Message:   "make it", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))}, nil
}
func (g *repository) Resolve(_ context.Context, ref string) (string, error) {
	return "", fault.New(fault.NotFound, "push it", "there is no %s", ref)
}
func (g *repository) Signed(context.Context, string) (signatures.Signed, error) {
	return signatures.Signed{}, nil
}

func (g *repository) Range(ctx context.Context, base, head string) (history.Range, error) {
	if base == head {
		return history.Range{}, nil
	}
	c, err := g.Commit(ctx, head)
	return history.Range{Commits: []history.Commit{{Commit: c, Unread: "all"}}}, err
}
func (g *repository) Changed(context.Context, string, string) ([]string, error) { return nil, nil }
func (g *repository) Tree(string) (fs.FS, error) {
	tf := &fstest.MapFile{Data: []byte("terraform {}\n")}
	a := &fstest.MapFile{Data: []byte(cmp.Or(g.code, string(tf.Data)))}
	return fstest.MapFS{"a/main.tf": a, "b/main.tf": tf}, nil
}
func (g *repository) Tags(context.Context) (map[string]string, error) { return nil, nil }
func (g *repository) Submodules(context.Context, string) ([]trees.MissingSubmodule, error) {
	return nil, nil
}
func (g *repository) Export(_ context.Context, _, dst string, _ trees.Base) (trees.Exported, error) {
	if g.code == "" {
		return trees.Exported{}, os.MkdirAll(dst, 0o700)
	}
	tree, err := g.Tree(g.sha)
	if err != nil {
		return trees.Exported{}, err
	}
	return trees.Exported{}, os.CopyFS(dst, tree)
}

// players play runners. A phase that is held ends when the test lets it.
type players struct {
	mu      sync.Mutex
	gates   map[job.Phase]chan struct{}
	jobs    map[string]job.Job // by directory
	started chan string        // directories, as phases begin

	plan func(job.Job) *plan.Plan // what a plan finds; nil, or a nil plan: something is to be made
}

func newPlayers() *players {
	return &players{gates: map[job.Phase]chan struct{}{}, jobs: map[string]job.Job{}, started: make(chan string, 100)}
}

// hold makes the phases of this kind wait for the returned function.
func (p *players) hold(ph job.Phase) (let func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	gate := make(chan struct{})
	p.gates[ph] = gate
	return sync.OnceFunc(func() { close(gate) })
}

// open lets every phase end that is still held.
func (p *players) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ph, gate := range p.gates {
		select {
		case <-gate:
		default:
			close(gate)
		}
		delete(p.gates, ph)
	}
}

func (p *players) Start(_ context.Context, dir string, job job.Job, _ job.Secrets) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), fmt.Appendf(nil, `{"@message":"%s begins"}`+"\n",
		job.Phase), 0o600); err != nil {
		return err
	}
	p.mu.Lock()
	p.jobs[dir] = job
	p.mu.Unlock()
	p.started <- dir
	return nil
}

func (p *players) Wait(ctx context.Context, dir string) (job.Result, error) {
	p.mu.Lock()
	j := p.jobs[dir]
	gate := p.gates[j.Phase]
	p.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return job.Result{}, ctx.Err()
		}
	}
	res := job.Result{Outcome: job.Succeeded, EngineName: "terraform", EngineVersion: "1.11.4",
		Backend: job.BackendConfig{Type: "managed", Config: map[string]any{"path": j.WorkspaceDir}}}
	if j.Phase == job.PlanPhase {
		file, ground := []byte("plan of "+j.Run), []byte(`{}`)
		found := &plan.Plan{FormatVersion: plan.FormatVersion, Counts: plan.Counts{Add: 1},
			Complete: true, Applyable: true,
			Changes: []plan.Change{{Address: "terraform_data.x", Mode: "managed", Type: "terraform_data", Name: "x",
				Action: plan.Create,
				After:  map[string]any{"input": json.Number("12345678901234567890")}}}}
		if p.plan != nil {
			found = cmp.Or(p.plan(j), found)
		}
		found.Digest = job.ApprovedDigest(file, ground)
		b, err := json.Marshal(found)
		if err != nil {
			return res, err
		}
		if err := os.WriteFile(j.PlanFile, file, 0o600); err != nil {
			return res, err
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(j.PlanFile), job.GroundFile), ground, 0o600); err != nil {
			return res, err
		}
		if err := os.WriteFile(j.PlanJSON, b, 0o600); err != nil {
			return res, err
		}
		res.Plan, res.PlanDigest = found, found.Digest
	}
	return res, p.say(dir, string(j.Phase)+" ends")
}

// say adds a message to a phase's log.
func (p *players) say(dir, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, "events.jsonl"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, `{"@message":%q}`+"\n", text)
	return err
}

func (p *players) Interrupt(string, bool) error            { return nil }
func (p *players) Survivors(string) ([]job.Process, error) { return nil, nil }
func (p *players) Seal(string, string) error               { return nil }

// mailbox is the outbox of the store, with one place to send to.
type mailbox struct{ *store.Store }

func (mailbox) Targets() []api.NotifyTarget {
	return []api.NotifyTarget{{Name: "ops", Place: "https://hooks.example.com",
		On: []string{string(run.NoticeApplied)}}}
}

func (m mailbox) Test(ctx context.Context, target string, by audit.Record) (string, error) {
	if target != "ops" {
		return "", fault.New(fault.NotFound, "tfops notify", "there is no notify block %q", target)
	}
	ids, err := m.TellAsked(ctx, run.Notice{Kind: run.NoticeTest, Title: "asked for by " + by.Actor,
		Targets: []string{target}}, by)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}
