package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/daemon"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/offline"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/testrig"
)

// live is a shell beside a real daemon, with a real repository and engine.
type live struct {
	*shell
	repo *gittest.Repo
	data string
	stop func()
}

const liveConfig = `
data_dir = "data"
runner {
  write = ["%given"]
}
repository "infra" {
  url  = %q
  poll = "1h"
}
workspace "web" {
  repository = "infra"
  branch     = "main"
  dir        = "web"
  apply      = "manual"
}
`

func mainTF(input string) map[string]string {
	return map[string]string{"web/main.tf": "resource \"terraform_data\" \"web\" {\n  input = \"" + input + "\"\n}\n"}
}

func newLive(t *testing.T) *live {
	t.Helper()
	l := &live{shell: newShell(t), repo: gittest.NewRepo(t)}
	l.now = time.Now
	l.repo.Commit("main", mainTF("one"), gittest.Author("Ana", "ana@example.com"), gittest.Message("Begin"))
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("given", 0o700); err != nil { // what engines see besides
		t.Fatal(err)
	}
	write(t, "tfops.hcl", strings.NewReplacer("%q", `"`+l.repo.Dir+`"`, "%given",
		filepath.Join(dir, "given")).Replace(liveConfig))
	write(t, "engine.rc", "")
	l.data = filepath.Join(dir, "data")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d, err := daemon.New(daemon.Options{Known: &daemon.Secrets{}, Version: ownVersion(),
		ConfigPath: "tfops.hcl", Exe: exe,
		Log: slog.New(slog.DiscardHandler),
		Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" +
			filepath.Join(dir, "engine.rc")}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, nil) }()
	stopped := false
	l.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
		d.Close()
	}
	t.Cleanup(l.stop)
	firstRun(t, d)
	return l
}

// firstRun waits until the daemon has seen the repository by itself, so that
// its own run does not come between what a test asks for.
func firstRun(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	ctx, cancel := testrig.Deadline(t)
	defer cancel()
	for {
		changed := d.Engine().Changed()
		runs, err := d.Engine().List(ctx, run.Query{})
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) > 0 {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal("the daemon did not look at its repository")
		}
	}
}

// json runs a command with -o json and reads what it prints.
func (l *live) json(into any, status int, args ...string) {
	l.t.Helper()
	r := l.ends(status, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(r.out), into); err != nil {
		l.t.Fatalf("tfops %q: %v\n%s%s", args, err, r.out, r.err)
	}
}

// awaiting syncs the workspace and returns the run that then waits for somebody.
func (l *live) awaiting(command string) shown {
	l.t.Helper()
	var s shown
	l.json(&s, exit.Approval, command, "web", "--wait")
	return s
}

func TestTheLoopOnTheCommandLine(t *testing.T) {
	l := newLive(t)
	waits := l.awaiting("sync")

	if out := l.ok("show", waits.ID); !strings.Contains(out, "terraform_data.web will be created") ||
		!strings.Contains(out, "1 approval") {
		t.Errorf("show prints\n%s", out)
	}
	if out := l.ok("approvals"); !strings.Contains(out, waits.ID) {
		t.Errorf("approvals prints\n%s", out)
	}
	if r := l.ends(exit.Failed, "approve", waits.ID, "--digest", "000000000000"); !strings.Contains(r.err,
		"tfops show "+waits.ID) {
		t.Errorf("another plan's digest: %s", r.err)
	}
	showed, status := l.onTerminal(show.ShortDigest(waits.Plan.Digest)+"\n", "approve", waits.ID, "-m", "fine")
	if status != exit.Done || !strings.Contains(showed, "terraform_data.web will be created") {
		t.Fatalf("approve: status %d\n%s", status, showed)
	}
	if r := l.ends(exit.Done, "wait", waits.ID); !strings.Contains(r.err, "is applied: 1 to add") {
		t.Errorf("wait says\n%s", r.err)
	}
	l.ends(exit.Failed, "approve", waits.ID)

	var w api.Workspace
	if l.json(&w, exit.Done, "status", "web"); w.Sync != "synced" || w.AppliedCommit != l.repo.Head("main") {
		t.Errorf("the workspace is %+v", w)
	}
	if out := l.ok("history", "web"); !strings.Contains(out, waits.ID) || !strings.Contains(out, "Begin") {
		t.Errorf("history prints\n%s", out)
	}
	if out := l.ok("logs", waits.ID); !strings.Contains(out, "terraform_data.web: Creation complete") {
		t.Errorf("logs prints\n%s", out)
	}
	for _, line := range strings.Split(strings.TrimSpace(l.ok("logs", waits.ID, "-f", "-o", "json")), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %q", line)
		}
	}
	if r := l.ends(exit.Done, "plan", "web", "--wait"); !strings.Contains(r.out, "No changes") {
		t.Errorf("plan prints\n%s%s", r.out, r.err)
	}
	if r := l.ends(exit.Done, "drift", "--wait"); !strings.Contains(r.out, "none") {
		t.Errorf("drift prints\n%s%s", r.out, r.err)
	}
	if out := l.ok("audit"); !strings.Contains(out, "approve") {
		t.Errorf("audit prints\n%s", out)
	}
	var v versions
	if l.json(&v, exit.Done, "version"); v.Daemon == nil || v.Engines["terraform"] == "" || v.Tfops != v.Daemon.Tfops {
		t.Errorf("version is %+v", v)
	}
	l.rescue(t, waits.ID)
}

// rescue backs up, stops the daemon and looks at what is left.
func (l *live) rescue(t *testing.T, id string) {
	t.Helper()
	l.ok("backup", "copy.db")
	if r := l.ends(exit.Failed, "backup", "copy.db"); !strings.Contains(r.err, "--force") {
		t.Errorf("a second backup: %s", r.err)
	}
	l.ok("backup", "copy.db", "--force")
	if info, err := os.Stat("copy.db"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy's mode is %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(".copy.db*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if r := l.ends(exit.Failed, "inspect", l.data); !strings.Contains(r.err, "tfops status") {
		t.Errorf("a store in use: %s", r.err)
	}
	l.stop()
	for _, path := range []string{"copy.db", l.data} {
		out := l.ok("inspect", path)
		for _, want := range []string{"Workspaces", "web", id, "applied", "approve"} {
			if !strings.Contains(out, want) {
				t.Errorf("inspect %s prints\n%s\nwithout %q", path, out, want)
			}
		}
		var all offline.Contents
		if l.json(&all, exit.Done, "inspect", path, "--limit", "1"); len(all.Runs) != 1 || len(all.Workspaces) != 1 {
			t.Errorf("inspect -o json: %+v", all)
		}
		var one offline.StoredRun
		if l.json(&one, exit.Done, "inspect", path, "--run", id); len(one.Votes) != 1 || len(one.Events) < 4 {
			t.Errorf("inspect --run: %+v", one)
		}
	}
	if out := l.ok("inspect", l.data, "--run", id); !strings.Contains(out, "apply_queued") {
		t.Errorf("inspect --run prints\n%s", out)
	}
	l.ends(exit.Failed, "inspect", "copy.db", "--run", "unknown")
	l.ends(exit.Usage, "inspect", "tfops.hcl.nothere", "--limit", "x")

	saved, err := filepath.Glob(filepath.Join(l.data, "runs", id, "plan.tfplan.age"))
	if err != nil || len(saved) == 0 {
		t.Fatalf("no saved plan: %v", err)
	}
	if out := l.ok("decrypt", saved[0]); !bytes.HasPrefix([]byte(out), []byte("PK")) {
		t.Errorf("the decrypted plan begins with %q", out[:min(10, len(out))])
	}
	l.ok("decrypt", saved[0], "--key", filepath.Join(l.data, "key"))
	l.ends(exit.Usage, "decrypt", "copy.db")
	l.ends(exit.Failed, "decrypt", "nothere.age")
	l.ends(exit.Failed, "decrypt", saved[0], "--key", "nothere")
	if r := l.ends(exit.Failed, "status"); !strings.Contains(r.err, "tfops serve") {
		t.Errorf("without a daemon: %s", r.err)
	}
}

func TestDecisionsOnTheCommandLine(t *testing.T) {
	l := newLive(t)

	waits := l.awaiting("sync")
	if r := l.ends(exit.Done, "reject", waits.ID, "-m", "not today"); !strings.Contains(r.out, "discarded (rejected)") {
		t.Errorf("reject prints\n%s", r.out)
	}
	if r := l.ends(exit.Ended, "wait", waits.ID); !strings.Contains(r.err, "rejected") {
		t.Errorf("wait says\n%s", r.err)
	}
	waits = l.awaiting("sync")
	if r := l.ends(exit.Done, "cancel", waits.ID); !strings.Contains(r.out, "canceled") {
		t.Errorf("cancel prints\n%s", r.out)
	}
	l.ends(exit.Failed, "cancel", waits.ID)
	l.ends(exit.Failed, "resolve", waits.ID, "-m", "nothing")

	// A lock holds an approved apply back, and it can still be taken back.
	l.ok("lock", "web", "-m", "by hand")
	if out := l.ok("locks"); !strings.Contains(out, "by hand") {
		t.Errorf("locks prints\n%s", out)
	}
	waits = l.awaiting("sync")
	if r := l.ends(exit.Done, "approve", waits.ID); !strings.Contains(r.out,
		"It waits for the state, which is locked by") {
		t.Errorf("approve prints\n%s", r.out)
	}
	if r := l.ends(exit.Approval, "wait", waits.ID); !strings.Contains(r.err, "Next: tfops unlock web") {
		t.Errorf("wait behind a lock says\n%s", r.err)
	}
	if r := l.ends(exit.Done, "withdraw", waits.ID); !strings.Contains(r.out, "It waits for 1 approval.") {
		t.Errorf("withdraw prints\n%s", r.out)
	}
	if out := l.ok("unlock", "web"); !strings.Contains(out, "Unlocked") {
		t.Errorf("unlock prints\n%s", out)
	}
	l.ends(exit.Failed, "unlock", "web")

	// So does a suspension.
	if out := l.ok("suspend", "web", "-m", "freeze", "--until", "2h"); !strings.Contains(out, "for 2h, until ") {
		t.Errorf("suspend prints\n%s", out)
	}
	l.ok("approve", waits.ID)
	if out := l.ok("status", "web"); !strings.Contains(out, "freeze") || !strings.Contains(out, "tfops resume web") {
		t.Errorf("status prints\n%s", out)
	}
	if r := l.ends(exit.Approval, "wait", waits.ID[:len(waits.ID)-1]); !strings.Contains(r.err,
		"Next: tfops resume web") {
		t.Errorf("wait behind a suspension says\n%s", r.err)
	}
	l.ok("resume", "web")
	l.ends(exit.Failed, "resume", "web")
	l.ends(exit.Done, "wait", waits.ID)

	// A mistake in the code is shown as terraform shows it.
	broken := l.repo.Commit("main", map[string]string{
		"web/main.tf": "resource \"terraform_data\" \"web\" {\n  colour = 1\n}\n"})
	l.ok("poll", "infra")
	l.ends(exit.Failed, "poll", "nothere")
	if r := l.ends(exit.Ended, "plan", "web", "--ref", broken, "--wait"); !strings.Contains(r.err,
		`An argument named "colour" is not expected here`) {
		t.Errorf("plan says\n%s", r.err)
	}
	if r := l.ends(exit.Ended, "sync", "web", "--wait"); !strings.Contains(r.err, "main.tf line 2") {
		t.Errorf("sync says\n%s", r.err)
	}
	var errored []api.Run
	if l.json(&errored, exit.Done, "runs", "--status", "errored", "--kind", "plan"); len(errored) != 1 {
		t.Errorf("runs lists %+v", errored)
	}
	if out := l.ok("show", errored[0].ID); !strings.Contains(out, "colour = 1") {
		t.Errorf("show prints\n%s", out)
	}

	waits = l.awaiting("destroy")
	l.ok("approve", waits.ID)
	l.ends(exit.Done, "wait", waits.ID)
	if out := l.ok("status"); !strings.Contains(out, "destroyed") {
		t.Errorf("status prints\n%s", out)
	}
	for _, args := range [][]string{{"plan", "nothere"}, {"status", "nothere"}, {"history", "nothere"},
		{"show", "nothere"}, {"logs", "nothere"}, {"lock", "nothere", "-m", "x"}} {
		l.ends(exit.Failed, args...)
	}
	if r := l.ends(exit.Failed, "lock", "wbe", "-m", "x"); !strings.Contains(r.err, "did you mean web?") {
		t.Errorf("a slip of the finger: %s", r.err)
	}
}
