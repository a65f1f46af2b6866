package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/testrig"
)

// crowd lets the daemon open no more files than it has open now.
func (l *lab) crowd() {
	l.t.Helper()
	first := 0 // that is free
	for {
		if _, err := os.Lstat(fmt.Sprintf("/proc/%d/fd/%d", l.daemon.pid(), first)); err != nil {
			break
		}
		first++
	}
	l.openFiles(uint64(first))
}

// openFiles sets how many files the daemon may have open; 0: as many as it could
// before. What is open stays so.
func (l *lab) openFiles(limit uint64) {
	l.t.Helper()
	var now unix.Rlimit
	err := unix.Prlimit(l.daemon.pid(), unix.RLIMIT_NOFILE, nil, &now)
	if err == nil {
		if now.Cur = limit; limit == 0 {
			now.Cur = now.Max
		}
		err = unix.Prlimit(l.daemon.pid(), unix.RLIMIT_NOFILE, &now, nil)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// runInACrowd is run. Where the client has lost its connection, which happens, no new one
// can be made: then the daemon may open one file more, which that takes.
func (l *lab) runInACrowd(id string) api.Run {
	l.t.Helper()
	for range 20 {
		ctx, cancel := context.WithTimeout(l.t.Context(), 5*time.Second)
		r, err := l.client.Run(ctx, id)
		late := ctx.Err() != nil
		cancel()
		if err == nil {
			return r
		}
		if !late {
			l.t.Fatal(err)
		}
		var now unix.Rlimit
		if err := unix.Prlimit(l.daemon.pid(), unix.RLIMIT_NOFILE, nil, &now); err != nil {
			l.t.Fatal(err)
		}
		l.openFiles(now.Cur + 1)
	}
	l.t.Fatalf("nobody can connect to the daemon: %s", l.log())
	return api.Run{}
}

// cpu is how long the daemon has worked.
func (l *lab) cpu() time.Duration {
	l.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", l.daemon.pid()))
	if err != nil {
		l.t.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		l.t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// TestTooManyOpenFiles takes from a daemon the files that it could open, at each
// step of a run. Nothing fails over it: what waits says why and what to do, and
// goes on afterwards.
func TestTooManyOpenFiles(t *testing.T) {
	if !testrig.Long(t, "limits on open files") {
		return
	}
	if os.Geteuid() != 0 {
		t.Logf("NOT RUN: %s: it takes root to see what the daemon has open", t.Name())
		return
	}
	t.Parallel()
	l := newLab(t)
	l.configure(passCLIConfig + "workspace \"w\" {\n  repository = \"infra\"\n}\n")
	l.write("gates/value", "one")
	plan, apply := l.gate("plan"), l.gate("apply")
	l.repo.Commit("main", map[string]string{"main.tf": l.module(fmt.Sprintf("data \"lab_value\" \"in\" {\n  path = "+
		"%q\n  gate = %q\n}\n"+
		"resource \"lab_thing\" \"a\" {\n  name  = \"a\"\n  value = data.lab_value.in.value\n  gate  = %q\n}\n",
		l.path("gates", "value"), plan.path, apply.path))})
	l.serve()
	id := l.latest("w", "planning").ID
	plan.began()

	t.Log("while a plan is made")
	l.crowd()
	plan.open()
	l.until("the plan has ended", func() bool { return l.hasResult(id, "plan") })
	l.crowded(id, "planning", "awaiting_approval") // a file that was closed meanwhile lets it go on
	l.openFiles(0)
	l.reaches(id, "awaiting_approval")

	t.Log("when an apply is to begin")
	l.crowd()
	digest := l.runInACrowd(id).Plan.Digest // and with it a connection
	if _, err := l.client.Vote(t.Context(), id, api.Ballot{Yes: true, Digest: digest}); err != nil {
		t.Fatal(err)
	}
	l.until("it says why it waits", func() bool {
		return strings.Contains(l.runInACrowd(id).WaitingFor,
			"too many open files")
	})
	r := l.crowded(id, "apply_queued")
	if !strings.Contains(r.WaitingFor, "LimitNOFILE") || !strings.Contains(r.NextCommand, "ulimit -n") {
		t.Errorf("it waits for %q, next is %q", r.WaitingFor, r.NextCommand)
	}
	l.openFiles(0)
	apply.began()

	t.Log("while it applies")
	l.crowd()
	apply.open()
	l.until("the apply has ended", func() bool { return l.hasResult(id, "apply") })
	l.crowded(id, "applying", "applied")
	l.openFiles(0)
	l.reaches(id, "applied")

	polls := 0
	for line := range strings.Lines(l.log()) {
		if strings.Contains(line, "a repository cannot be read") {
			polls++
			if !strings.Contains(line, "too many open files") || !strings.Contains(line, "LimitNOFILE") {
				t.Errorf("a poll does not say what to do: %s", line)
			}
		}
	}
	if polls == 0 {
		t.Error("no poll met it")
	}
	l.inSync("w")
	l.inspected()
}

// crowded connects more often than it can take, and holds that the run has one of the statuses and that the daemon
// works no more than it must, that its log says what to do about those who cannot connect, and
// that people can connect once they do not all do at once.
func (l *lab) crowded(id string, statuses ...string) api.Run {
	l.t.Helper()
	var idle []int
	for range 60 {
		fd, err := unixDial(filepath.Join(l.data, "tfops.sock"))
		if err != nil {
			l.t.Fatal(err)
		}
		idle = append(idle, fd)
	}
	began, worked := time.Now(), l.cpu()
	said := strings.Count(l.log(), "nobody can connect: too many open files")
	l.until("the log says so", func() bool {
		return strings.Count(l.log(),
			"nobody can connect: too many open files") > said
	})
	for time.Since(began) < 3*time.Second { // long enough to tell spinning from waiting
		time.Sleep(100 * time.Millisecond)
	}
	if used := l.cpu() - worked; used > time.Since(began)/2 {
		l.t.Errorf("the daemon worked %v in %v", used, time.Since(began))
	}
	for _, fd := range idle {
		_ = syscall.Close(fd)
	}
	// With a connection of its own, and where the answer takes one file too many it says so.
	if a := l.command("show", id); a.code != 0 && !strings.Contains(a.errout, "too many open files") || a.code == 0 &&
		!strings.Contains(a.out, id) {
		l.t.Errorf("tfops show: %d\n%s%s", a.code, a.out, a.errout)
	}
	r := l.runInACrowd(id)
	if !slices.Contains(statuses, r.Status) {
		l.t.Fatalf("the run is %s now: %s", r.Status, l.overview())
	}
	if log := l.log(); !strings.Contains(log, "LimitNOFILE") {
		l.t.Errorf("the log does not say what to do:\n%s", log)
	}
	return r
}

// unixDial connects with a file of the test's own process.
func unixDial(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	return fd, unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

// TestOpenFileLimits: the daemon may open as many files as the hard limit says,
// and what it starts finds the soft limit that the daemon was started with.
func TestOpenFileLimits(t *testing.T) {
	if !testrig.Long(t, "limits on open files") {
		return
	}
	t.Parallel()
	l := newLab(t)
	l.configure("workspace \"w\" {\n  repository = \"infra\"\n  apply      = \"auto\"\n}\n")
	l.repo.Commit("main", map[string]string{"main.tf": fmt.Sprintf("resource \"terraform_data\" \"a\" {\n  "+
		"provisioner \"local-exec\" {\n    command = \"ulimit -Sn > %s\"\n  }\n}\n", l.path("gates", "soft"))})
	l.write("tfops.sh", fmt.Sprintf("#!/bin/sh\nulimit -Sn 300\nexec %s \"$@\"\n", l.bin))
	if err := os.Chmod(l.path("tfops.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	bin := l.bin
	l.bin = l.path("tfops.sh")
	l.serve()
	l.bin = bin
	l.latest("w", "applied")
	var own unix.Rlimit
	if err := unix.Prlimit(l.daemon.pid(), unix.RLIMIT_NOFILE, nil, &own); err != nil {
		t.Fatal(err)
	}
	if own.Cur+1 < own.Max || own.Cur <= 300 { // Go leaves one
		t.Errorf("the daemon may open %d files, and the hard limit is %d", own.Cur, own.Max)
	}
	if got := strings.TrimSpace(l.read("gates/soft")); got != "300" {
		t.Errorf("a provisioner may open %s files; the daemon was started with 300", got)
	}
}
