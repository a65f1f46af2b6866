package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/testrig"
	"github.com/tfops/tfops/internal/workspace"
)

// The old state is read with what it was applied with; where that does not lead to it any
// more, with the credentials of now. What leads to another state is not taken for it.
func TestOldStateIsReadAsItWasApplied(t *testing.T) {
	if !testrig.Long(t, "an old state read as it was applied") {
		return
	}
	server, url := newStateServer(t, "of-then")
	r := newRig(t, map[string]string{"main.tf": partialHTTP, "at.tfbackend": fmt.Sprintf("address = %q\n", url+"/file"),
		"of_now.tfbackend": "address = \"http://127.0.0.1:1/never\"\n"})
	kind := func(path, password string) string {
		return fmt.Sprintf("address = %q\nusername = \"u\"\npassword = %q\n", url+path, password)
	}
	at := func(path string) string {
		return locks.Identity("http", map[string]any{"address": url + path}, "default")
	}
	with := func(path string) option {
		return func(j *job.Job, s *job.Secrets) { s.Backend, s.Mask = kind(path, "of-then"), []string{"of-then"} }
	}
	must(t, r.planned(with("/old")).startApply(with("/old")).wait(), job.Succeeded, "", "")
	file := func(j *job.Job, s *job.Secrets) {
		j.BackendFiles, s.Backend = []string{"at.tfbackend"}, "username = \"u\"\npassword = \"of-then\"\n"
	}
	must(t, r.planned(file).startApply(file).wait(), job.Succeeded, "", "")
	server.mu.Lock()
	server.password = "of-now"
	server.mu.Unlock()
	then, now, other := job.OldAccess{Env: r.env, Backend: kind("/old", "of-then")},
		job.OldAccess{Env: r.env, Backend: kind("/old", "of-now")},
		job.OldAccess{Env: r.env, Backend: kind("/other", "of-now")}
	for name, c := range map[string]struct {
		old     []job.OldAccess
		move    job.Move
		cause   job.Cause
		refused string
	}{
		"renewed": {old: []job.OldAccess{then, now}, move: job.Move{From: at("/old")}},
		"another": {old: []job.OldAccess{other, now}, move: job.Move{From: at("/old")}},
		"files": {old: []job.OldAccess{{Env: r.env, Backend: "username = \"u\"\npassword = \"of-now\"\n"}},
			move: job.Move{From: at("/file"), BackendFiles: []string{"at.tfbackend"}}},
		"only another": {old: []job.OldAccess{other}, move: job.Move{From: at("/old")}, cause: job.CauseBadInput,
			refused: "leads to the state " + at("/other")},
		"none fits": {old: []job.OldAccess{then}, move: job.Move{From: at("/old")}, cause: job.CauseEngine,
			refused: "requires auth"},
		"none": {move: job.Move{From: at("/old")}, cause: job.CauseRunner, refused: "another version"},
	} {
		t.Run(name, func(t *testing.T) {
			from := c.move.From[strings.LastIndex(c.move.From, "/"):strings.LastIndex(c.move.From, "#")]
			to := "/" + strings.ReplaceAll(name, " ", "-")
			r := *r
			r.t = t
			_, result := r.plan(func(j *job.Job, s *job.Secrets) {
				j.Move = &c.move
				j.Move.Checkout, j.Move.Dir, j.Move.TerraformWorkspace, j.Move.To = r.checkout(), ".", "default", at(to)
				s.Backend, s.Old, s.Mask = kind(to, "of-now"), c.old, []string{"of-then", "of-now"}
			})
			if c.refused != "" {
				must(t, result, job.Failed, c.cause, c.refused)
				if server.at(to) != "" {
					t.Error("something was written")
				}
				return
			}
			must(t, result, job.Succeeded, "", "")
			if result.Moved == nil || result.Moved.Resources == 0 || !backend.SameContent([]byte(server.at(from)),
				[]byte(server.at(to)), true) {
				t.Errorf("%+v", result.Moved)
			}
		})
	}
	for _, secret := range []string{"of-then", "of-now"} {
		r.nowhere(secret)
	}
}

// A state goes from each real backend to the next one with its lineage, and a plan on it finds
// nothing to change. Of those that know Terraform workspaces it is in one, too.
func TestMoveThroughRealBackends(t *testing.T) {
	if !testrig.Long(t, "moves between real backends") {
		return
	}
	eachEngine(t, func(t *testing.T, engine job.EngineSpec) {
		for _, ws := range []string{"default", "blue"} {
			t.Run(ws, func(t *testing.T) { moveThroughRealBackends(t, engine, ws) })
		}
	})
}

func moveThroughRealBackends(t *testing.T, engine job.EngineSpec, ws string) {
	r := newRig(t, nil)
	r.engine = engine
	store := s3mem.New()
	if err := store.CreateBucket("states"); err != nil {
		t.Fatal(err)
	}
	backends := []string{"", r.s3(store), fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n    "+
		"workspace_dir = %q\n  }\n}\n", filepath.Join(r.given(), "states", "x.tfstate"),
		filepath.Join(r.given(), "states", "others"))}
	if postgres, there := testrig.Postgres(t); there {
		backends = append(backends, fmt.Sprintf("terraform {\n  backend \"pg\" {\n    conn_str = %q\n    "+
			"schema_name = %q\n  }\n}\n", postgres, engine.Name+"_"+ws))
	}
	if ws == "default" { // http knows no others
		backends = append(backends, newHTTPBackend(t).block())
	}
	backends = append(backends, "") // and home again
	in := func(j *job.Job, _ *job.Secrets) { j.TerraformWorkspace = ws }
	r.write("main.tf", simple)
	flight := r.planned(in)
	applied := flight.startApply(in).wait()
	must(t, applied, job.Succeeded, "", "")
	at := func(b job.BackendConfig) string { return locks.Identity(b.Type, b.Config, ws) }
	last, from := flight.job.Checkout, applied.Backend
	for _, kind := range backends[1:] {
		r.write("main.tf", kind+simple)
		_, result := r.plan(in)
		must(t, result, job.Succeeded, "", "")
		to := result.Backend
		var checkout string
		_, result = r.plan(in, func(j *job.Job, s *job.Secrets) {
			checkout = j.Checkout
			j.Move = &job.Move{Checkout: last, Dir: ".", TerraformWorkspace: ws, From: at(from), To: at(to)}
			s.Old = []job.OldAccess{{Env: r.env}}
			if from.Type == backend.ManagedBackend {
				j.Move.File = filepath.Join(r.base, "old.tfstate")
				state, err := os.ReadFile(backend.ManagedState(r.workspaceDir(), ws))
				if err == nil {
					err = os.WriteFile(j.Move.File, state, 0o600)
				}
				if err == nil { // what comes home finds nothing
					err = os.Remove(backend.ManagedState(r.workspaceDir(), ws))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		})
		must(t, result, job.Succeeded, "", "")
		if result.Plan.HasChanges() || result.Moved == nil || result.Moved.Lineage != applied.Lineage ||
			result.Moved.Resources != 1 {
			t.Fatalf("from %s to %s: changes %v, %+v, want the lineage %s", from.Type, to.Type,
				result.Plan.HasChanges(), result.Moved, applied.Lineage)
		}
		last, from = checkout, to
	}
}

// A workspace that hands its state to tfops may have had a backend that it completed.
func TestOldStateIsNotTheManagedOne(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": "terraform {\n  backend \"local\" {}\n}\n" + simple})
	path := filepath.Join(r.given(), "states", "old.tfstate")
	setting := fmt.Sprintf("path = %q\n", path)
	with := func(_ *job.Job, s *job.Secrets) { s.Backend = setting }
	must(t, r.planned(with).startApply(with).wait(), job.Succeeded, "", "")
	_, result := r.plan(func(j *job.Job, s *job.Secrets) {
		j.Backend = "managed"
		j.Move = &job.Move{Checkout: r.checkout(), Dir: ".", TerraformWorkspace: "default",
			From: locks.Identity("local", map[string]any{"path": path}, "default"),
			To: locks.Identity("managed", map[string]any{"path": backend.ManagedState(r.workspaceDir(), "default")},
				"default")}
		s.Old = []job.OldAccess{{Env: r.env, Backend: setting}}
	})
	must(t, result, job.Succeeded, "", "")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	now, err := os.ReadFile(backend.ManagedState(r.workspaceDir(), "default"))
	if err != nil || !backend.SameContent(old, now, true) || result.Plan.HasChanges() {
		t.Errorf("%v, changes %v: %s", err, result.Plan.HasChanges(), now)
	}
}

// Somebody may write to the new state between the look at it and the lock: nothing of theirs
// is overwritten. What was moved is there all the same where only its lineage is not.
func TestAMoveOverwritesNobody(t *testing.T) {
	theirs := func(lineage string, serial int, names ...string) []byte {
		var all []string
		for _, n := range names {
			all = append(all, fmt.Sprintf(`{"mode": "managed", "type": "terraform_data", "name": %q, "provider": "provider[\"terraform.io/builtin/terraform\"]", "instances": [`+
				`{"schema_version": 0, "attributes": {"id": %q, "input": null, "output": null, "triggers_replace": null}}]}`, n, n))
		}
		return fmt.Appendf(nil, `{"version": 4, "terraform_version": "1.5.7", "serial": %d, "lineage": %q, "outputs": {}, "resources": [%s]}`, serial, lineage, strings.Join(all, ", "))
	}
	const lineage = "5c2f4a4e-64a4-9f0f-86c9-0d4a1ad1c6d5"
	r := newRig(t, map[string]string{"main.tf": simple})
	must(t, r.planned().startApply().wait(), job.Succeeded, "", "")
	old, err := os.ReadFile(backend.ManagedState(r.workspaceDir(), "default"))
	if err != nil {
		t.Fatal(err)
	}
	was, err := backend.ReadState(old)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(r.base, "old.tfstate")
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	move := func(b *httpBackend) (*flight, job.Result) {
		r.write("main.tf", b.block()+simple)
		return r.plan(func(j *job.Job, _ *job.Secrets) {
			j.LockTimeout = 0
			j.Move = &job.Move{File: file, Dir: ".", TerraformWorkspace: "default",
				To: locks.Identity("http", map[string]any{"address": b.URL}, "default")}
		})
	}
	for name, there := range map[string][]byte{"begun": nil, "written to": theirs(lineage, 1)} {
		t.Run(name, func(t *testing.T) {
			b, other := newHTTPBackend(t), theirs(lineage, 2, "x", "y")
			b.state = there
			b.locking = func(int) { b.state = other }
			_, result := move(b)
			must(t, result, job.Failed, job.CauseEngine, "state push failed")
			if string(b.state) != string(other) || result.Moved != nil ||
				!strings.Contains(result.Next, "tfops state move") {
				t.Errorf("%+v, next %q; the state is\n%s", result.Moved, result.Next, b.state)
			}
			b.locking = nil
			_, result = move(b)
			must(t, result, job.Failed, job.CauseState, "holds 2 resources: it is not overwritten")
		})
	}
	t.Run("its lineage is kept", func(t *testing.T) {
		b := newHTTPBackend(t)
		b.state = theirs(lineage, 1)
		_, result := move(b)
		must(t, result, job.Succeeded, "", "")
		if result.Moved.Lineage != was.Lineage || result.Moved.Already {
			t.Errorf("%+v, want the lineage %s", result.Moved, was.Lineage)
		}
	})
	t.Run("its lineage is not waited for", func(t *testing.T) {
		b := newHTTPBackend(t)
		b.state = theirs(lineage, 1)
		b.locking = func(n int) {
			if n == 2 {
				b.lock = []byte(`{"ID": "f6b5b4a0-0000-1111-2222-333344445555", "Who": "ana@laptop"}`)
			} else if n == 3 {
				b.lock = nil // the plan that follows
			}
		}
		_, result := move(b)
		must(t, result, job.Succeeded, "", "")
		if result.Plan.HasChanges() || result.Moved.Lineage != lineage || result.Moved.Resources != 1 {
			t.Errorf("%+v, changes %v", result.Moved, result.Plan.HasChanges())
		}
		b.locking, b.lock = nil, nil
		_, result = move(b) // as after a move that was killed just there
		must(t, result, job.Succeeded, "", "")
		if !result.Moved.Already || result.Moved.Lineage != lineage || result.Moved.Resources != 1 {
			t.Errorf("%+v", result.Moved)
		}
	})
	t.Run("a lock", func(t *testing.T) {
		b := newHTTPBackend(t)
		b.lock = []byte(`{"ID": "f6b5b4a0-0000-1111-2222-333344445555", "Operation": "OperationTypeApply", "Who": "ana@laptop", "Created": "2026-01-02T03:04:05Z"}`)
		f, result := move(b)
		must(t, result, job.Failed, job.CauseLocked, "f6b5b4a0-0000-1111-2222-333344445555")
		if l := result.Lock; l == nil || l.ID != "f6b5b4a0-0000-1111-2222-333344445555" || l.Who != "" {
			t.Errorf("the lock is %+v", l)
		}
		if events := f.read(job.EventsFile); strings.Contains(events, `\u001b`) || strings.Contains(events, "│") {
			t.Errorf("the log is painted:\n%s", events)
		}
	})
}

// What lies at the old address and is not what was applied is not taken along: the plan that
// follows would make everything anew.
func TestAnOldStateThatIsNotWhatWasApplied(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": "terraform {\n  backend \"local\" {}\n}\n" + simple})
	path := filepath.Join(r.given(), "states", "old.tfstate")
	setting := fmt.Sprintf("path = %q\n", path)
	with := func(_ *job.Job, s *job.Secrets) { s.Backend = setting }
	must(t, r.planned(with).startApply(with).wait(), job.Succeeded, "", "")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, err := backend.ReadState(good)
	if err != nil {
		t.Fatal(err)
	}
	was := workspace.AppliedState{StateRef: workspace.StateRef{Backend: "local", Place: "the old place", Resources: 1,
		Counted: true}, StateMark: workspace.StateMark{Serial: head.Serial + 4, Lineage: head.Lineage}}
	like := func(serial uint64, lineage string, resources string) string {
		return fmt.Sprintf(`{"version": 4, "terraform_version": "1.5.7", "serial": %d, "lineage": %q, "outputs": {}, "resources": [%s]}`, serial, lineage, resources)
	}
	newer := strings.Replace(string(good), fmt.Sprintf(`"serial": %d`, head.Serial), fmt.Sprintf(`"serial": %d`, head.Serial+4), 1)
	for name, c := range map[string]struct{ state, refused string }{
		"gone":        {"", "it holds nothing"},
		"another one": {like(1, "5c2f4a4e-64a4-9f0f-86c9-0d4a1ad1c6d5", ""), "it holds nothing"},
		"emptied":     {like(head.Serial+9, head.Lineage, ""), "it holds nothing"},
		"an old one":  {string(good), "it is older than what was applied"},
		"what it was": {newer, ""},
		"somebody else": {strings.Replace(newer, head.Lineage, "5c2f4a4e-64a4-9f0f-86c9-0d4a1ad1c6d5", 1),
			"it is another state"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if c.state != "" {
				if err := os.WriteFile(path, []byte(c.state), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			to := filepath.Join(t.TempDir(), "new.tfstate")
			_, result := r.plan(func(j *job.Job, s *job.Secrets) {
				s.Backend = fmt.Sprintf("path = %q\n", to)
				j.Move = &job.Move{Was: was, Checkout: r.checkout(), Dir: ".", TerraformWorkspace: "default",
					From: locks.Identity("local", map[string]any{"path": path}, "default"),
					To:   locks.Identity("local", map[string]any{"path": to}, "default")}
				s.Old = []job.OldAccess{{Env: r.env, Backend: setting}}
			})
			if c.refused != "" {
				must(t, result, job.Failed, job.CauseState, c.refused)
				if durable.Exists(to) || !strings.Contains(result.Next, "tfops state move") {
					t.Errorf("something was written, next %q", result.Next)
				}
				return
			}
			must(t, result, job.Succeeded, "", "")
			if result.Moved.Resources != 1 || result.Plan.HasChanges() {
				t.Errorf("%+v", result.Moved)
			}
		})
	}
}
