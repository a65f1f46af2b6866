package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mounted puts a small file system of its own at a place in the lab. It says
// no where that takes rights that the test does not have.
func (l *lab) mounted(place string, size int) bool {
	l.t.Helper()
	if err := os.MkdirAll(l.path(place), 0o700); err != nil {
		l.t.Fatal(err)
	}
	err := unix.Mount("tmpfs", l.path(place), "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		l.t.Logf("NOT RUN: %s: it takes root to mount a small file system", l.t.Name())
		return false
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { // before the lab is removed, after its processes have ended
		l.close()
		l.daemon = nil
		// A runner that has let go of its lock may not be gone altogether.
		if err := unix.Unmount(l.path(place), unix.MNT_DETACH); err != nil {
			l.t.Errorf("%s cannot be unmounted: %v", l.path(place), err)
		}
	})
	return true
}

const filler = "data/filler"

// fill takes all the space but so many bytes.
func (l *lab) fill(leave int64) {
	l.t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(l.data, &s); err != nil {
		l.t.Fatal(err)
	}
	f, err := os.Create(l.path(filler))
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	if n := int64(s.Bavail)*s.Bsize - leave; n > 0 {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, n); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lab) drain() {
	l.t.Helper()
	if err := os.Remove(l.path(filler)); err != nil {
		l.t.Fatal(err)
	}
}

// diskLab is a lab with one workspace whose data directory is small.
func diskLab(t *testing.T, place string) (*lab, bool) {
	l := newLab(t)
	if !l.mounted(place, 24<<20) {
		return nil, false
	}
	l.configure(passCLIConfig + "workspace \"w\" {\n  repository = \"infra\"\n}\n")
	l.write("gates/value", "one")
	l.gate("plan").open()
	l.gate("apply").open()
	l.repo.Commit("main", map[string]string{"main.tf": l.module(fmt.Sprintf(`
data "lab_value" "in" {
  path = %q
  gate = %q
}
resource "lab_thing" "a" {
  name  = "a"
  value = data.lab_value.in.value
  gate  = %q
}
`, l.path("gates", "value"), l.gate("plan").path, l.gate("apply").path))})
	l.serve()
	first := l.latest("w", "awaiting_approval")
	l.tfops(0, "approve", first.ID)
	l.reaches(first.ID, "applied")
	return l, true
}

// TestFullDisk fills the disk of the data directory at each step of a run. The
// run fails and says so, the daemon stays up, and what was recorded is there
// when there is space again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	l, ok := diskLab(t, "data")
	if !ok {
		return
	}
	known := l.runsOf("w")[0].ID

	t.Log("full before a plan begins")
	l.write("gates/value", "two")
	l.fill(0)
	a := l.command("sync", "w", "--wait")
	l.drain()
	if a.code == 0 || a.code == 10 {
		t.Errorf("a sync on a full disk: exit status %d\n%s%s", a.code, a.out, a.errout)
	}
	l.causedByDisk(a.errout)
	if l.daemon.ended() {
		t.Fatalf("the daemon ended: %v", l.daemon.err)
	}

	t.Log("full while a plan is made")
	l.gate("plan").close()
	l.tfops(0, "sync", "w")
	id := l.latest("w", "planning", known).ID
	l.gate("plan").began()
	l.fill(0)
	l.gate("plan").open()
	l.until("the plan's runner has ended", func() bool {
		return l.run(id).Status != "planning" ||
			l.hasResult(id, "plan")
	})
	l.drain()
	l.causedByDisk(l.reaches(id, "errored").Error.Message)

	t.Log("full when an apply is to begin")
	l.tfops(10, "sync", "w", "--wait")
	id = l.latest("w", "awaiting_approval", known, id).ID
	l.fill(300 << 10) // room for a record, not for an apply
	l.tfops(0, "approve", id)
	l.waitsForRoom(id, "no space left on the disk")
	if got := l.lastValue("a"); got != "one" {
		t.Errorf("the world says %q", got)
	}
	l.drain()
	l.reaches(id, "applied") // nobody is asked again

	t.Log("full in the middle of an apply")
	l.gate("apply").close()
	large := strings.Repeat("three-", 10_000) // the file of the state has no room for it
	l.write("gates/value", large)
	l.tfops(10, "sync", "w", "--wait")
	applied := l.latest("w", "awaiting_approval", known, id).ID
	l.tfops(0, "approve", applied)
	l.gate("apply").began()
	l.fill(0)
	l.gate("apply").open()
	l.until("the apply's runner has ended", func() bool { return l.hasResult(applied, "apply") })
	l.drain()
	r := l.reaches(applied, "interrupted") // what it did is known, but not in the state
	evidence := l.path("data", "runs", applied, "apply", "errored.tfstate.age")
	if !strings.Contains(r.Error.Message, "could not save the state") || !strings.Contains(r.Error.Next, evidence) {
		t.Errorf("%+v", r.Error)
	}
	if state := l.tfops(0, "decrypt", evidence).out; !strings.Contains(state, `"value":"three-three`) {
		t.Errorf("the state that could not be saved: %s", state)
	}
	if l.lastValue("a") != large {
		t.Errorf("the world says %.40q", l.lastValue("a"))
	}
	l.tfops(0, "resolve", applied, "-m", "there is room again")
	// The engine keeps a copy of the state before it writes, and had no room for that: the state is whole, as it
	// was before the apply. What the apply made is found in the world.
	if state := l.read("data/workspaces/w/terraform.tfstate"); !json.Valid([]byte(state)) {
		t.Errorf("the state was cut: %.80q", state)
	}
	l.latest("w", "planned_and_finished", applied)

	t.Log("space again")
	l.write("gates/value", "four")
	l.tfops(10, "sync", "w", "--wait")
	last := l.latest("w", "awaiting_approval", applied).ID
	l.tfops(0, "approve", last)
	l.reaches(last, "applied")
	l.inSync("w")
	before := l.runsOf("w")
	l.crash()
	l.serve()
	if after := l.runsOf("w"); len(after) != len(before) || after[len(after)-1].Status != "applied" {
		t.Errorf("%d runs, before the crash %d", len(after), len(before))
	}
	l.inspected()
}

// waitsForRoom sees that an approved run waits, that it says for what, and that nobody waits
// for it meanwhile.
func (l *lab) waitsForRoom(id, why string) {
	l.t.Helper()
	l.until("the run waits for the disk", func() bool { return strings.Contains(l.run(id).WaitingFor, why) })
	if r := l.run(id); r.Status != "apply_queued" || !r.NeedsPerson || !strings.HasPrefix(r.NextCommand, "df -h ") ||
		len(r.Approvals) != 1 {
		l.t.Errorf("it is %s, waits for %q, next %q, with %d approvals", r.Status, r.WaitingFor, r.NextCommand,
			len(r.Approvals))
	}
	l.tfops(10, "wait", id)
}

func (l *lab) hasResult(id, phase string) bool {
	_, err := os.Stat(filepath.Join(l.data, "runs", id, phase, "result.json"))
	return err == nil
}

func (l *lab) causedByDisk(text string) {
	l.t.Helper()
	if !strings.Contains(text, "no space left on device") && !strings.Contains(text, "read-only file system") {
		l.t.Errorf("the disk is not named as the cause: %s", text)
	}
}

// TestReadOnlyDisk makes the part of the data directory read-only that runs
// are carried out in, and then, without a daemon, all of it.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	l, ok := diskLab(t, "data/runs")
	if !ok {
		return
	}
	known := l.runsOf("w")[0].ID
	l.write("gates/value", "two")
	l.remount("data/runs", true)
	a := l.tfops(12, "sync", "w", "--wait")
	l.causedByDisk(a.errout)
	id := l.latest("w", "errored", known).ID
	l.tfops(0, "show", id)
	l.remount("data/runs", false)
	l.tfops(10, "sync", "w", "--wait")
	id = l.latest("w", "awaiting_approval", known, id).ID
	l.remount("data/runs", true)
	l.tfops(0, "approve", id)
	l.waitsForRoom(id, "the disk is read-only")
	l.remount("data/runs", false)
	l.reaches(id, "applied")
	if l.lastValue("a") != "two" {
		t.Errorf("the world says %q", l.lastValue("a"))
	}
	l.inSync("w")
	l.inspected()
}

// TestReadOnlyDataDirectory: a daemon that cannot write refuses to start, and
// changes nothing.
func TestReadOnlyDataDirectory(t *testing.T) {
	t.Parallel()
	l, ok := diskLab(t, "data")
	if !ok {
		return
	}
	l.terminate()
	l.remount("data", true)
	l.tfops(1, "serve").says(t, "read-only file system", "make its file system writable")
	l.tfops(0, "inspect", l.data)
	l.remount("data", false)
	l.serve()
	l.inSync("w")
	l.inspected()
}

func (l *lab) remount(place string, readOnly bool) {
	l.t.Helper()
	flags := uintptr(unix.MS_REMOUNT)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	l.until("nothing is open for writing in "+place, func() bool {
		err := unix.Mount("tmpfs", l.path(place), "tmpfs", flags, "")
		if err != nil && !errors.Is(err, unix.EBUSY) {
			l.t.Fatal(err)
		}
		return err == nil
	})
}
