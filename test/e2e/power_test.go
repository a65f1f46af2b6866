package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/testrig"
)

var powerCuts = flag.Int("powercuts", 2, "how many power cuts at random moments are tried; it takes root")

// plug puts the data directory on an ext4 of its own, whose power can be cut. It
// says no where that takes rights that the test does not have.
func (l *lab) plug() bool {
	l.t.Helper()
	if os.Geteuid() != 0 {
		l.t.Logf("NOT RUN: %s: it takes root to cut the power of a file system", l.t.Name())
		return false
	}
	image := l.path("disk")
	l.shell("truncate -s 96M " + image + " && mkfs.ext4 -q -F " + image + " && mkdir -p " + l.data)
	if out, err := exec.Command("mount", "-o", "loop", image, l.data).CombinedOutput(); err != nil {
		l.t.Logf("NOT RUN: %s: a file system cannot be mounted here: %v: %s", l.t.Name(), err, out)
		return false
	}
	l.shell("rm -rf " + l.data + "/lost+found && chmod 700 " + l.data)
	l.t.Cleanup(func() { // before the lab is removed, after its processes have ended
		l.close()
		l.daemon = nil
		if err := unix.Unmount(l.data, unix.MNT_DETACH); err != nil {
			l.t.Errorf("%s cannot be unmounted: %v", l.data, err)
		}
	})
	return true
}

// ext4Shutdown is EXT4_IOC_SHUTDOWN; with noLogFlush what is in memory is lost, the
// journal's, too: as when the power goes.
const (
	ext4Shutdown = 0x8004587d
	noLogFlush   = 2
)

// cut takes the power from the data directory and from every process that uses it,
// and mounts it again as the next boot would.
func (l *lab) cut() {
	l.t.Helper()
	d, err := os.Open(l.data)
	if err != nil {
		l.t.Fatal(err)
	}
	err = unix.IoctlSetPointerInt(int(d.Fd()), ext4Shutdown, noLogFlush)
	d.Close()
	if err != nil {
		l.t.Fatalf("the power cannot be cut: %v", err)
	}
	if !l.daemon.ended() {
		l.crash()
	}
	l.endRunners()
	// Processes of others may have the old mount in a namespace of theirs, so the next
	// boot is of a copy of the disk as it was left.
	disk := l.path("disk")
	l.shell("cp --sparse=always " + disk + " " + disk + ".next")
	if err := unix.Unmount(l.data, unix.MNT_DETACH); err != nil {
		l.t.Fatal(err)
	}
	l.shell("mv " + disk + ".next " + disk + " && mount -o loop " + disk + " " + l.data)
}

// endRunners kills every process that a run of this lab has.
func (l *lab) endRunners() {
	l.t.Helper()
	for {
		left := 0
		for _, stat := range mustGlob(l.t, "/proc/[0-9]*/environ") {
			pid := 0
			if _, err := fmt.Sscanf(stat, "/proc/%d/environ", &pid); err != nil {
				l.t.Fatal(err)
			}
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(stat), "cmdline"))
			env, _ := os.ReadFile(stat)
			if strings.Contains(string(line), "runner\x00"+l.data+"/") ||
				strings.Contains(string(env), "TFOPS_RUN_ID=") && strings.Contains(string(env), l.dir+"/") {
				left++
				l.kill(pid)
				testrig.WaitGone(l.t, pid)
			}
		}
		if left == 0 {
			return
		}
	}
}

// powerLab is a workspace whose apply uses files of its tree, on a disk of its own.
func powerLab(t *testing.T) (*lab, bool) {
	if !testrig.Long(t, "power cuts") {
		return nil, false
	}
	l := newLab(t)
	if !l.plug() {
		return nil, false
	}
	l.configure(passCLIConfig + "workspace \"w\" {\n  repository = \"infra\"\n}\n")
	l.powerCommit(1)
	return l, true
}

func (l *lab) powerCommit(n int) {
	l.repo.Commit("main", map[string]string{
		"deploy.sh": fmt.Sprintf("deploy %d", n),
		"main.tf": l.module(fmt.Sprintf("resource \"lab_thing\" \"a\" {\n  name  = \"a\"\n  value = "+
			"file(\"deploy.sh\")\n  gate = %q\n}\n"+
			"resource \"terraform_data\" \"run\" {\n  triggers_replace = file(\"deploy.sh\")\n  provisioner "+
			"\"local-exec\" {\n    command = \"text=$(cat deploy.sh) && echo ran: $text >> %s\" # which fails where "+
			"the disk is gone, before the process is\n  }\n}\n",
			l.gate("apply").path, l.path("gates", "ran")))})
}

// settles brings a workspace in order after whatever happened, as a person would: by
// what it says that it waits for.
func (l *lab) settles(n int) {
	l.t.Helper()
	asked := 0
	l.until("the workspace is in sync", func() bool {
		w, err := l.client.Workspace(l.t.Context(), "w")
		if err != nil {
			l.t.Fatal(err)
		}
		if w.Sync == "synced" && w.AppliedCommit == l.repo.Head("main") {
			return true
		}
		if len(l.runsOf("w")) == 0 {
			return false
		}
		r := l.runsOf("w")[0]
		switch {
		case r.Status == "awaiting_approval":
			l.command("approve", r.ID, "--digest", r.Plan.Digest)
		case r.Status == "interrupted":
			l.command("resolve", r.ID, "-m", "the power was cut")
		case r.FinishedAt != nil && w.HeadCommit == l.repo.Head("main"):
			if asked++; asked > 20 {
				l.t.Fatalf("it never comes in order: %s", l.overview())
			}
			l.command("sync", "w")
		}
		return false
	})
	if got, want := l.lastValue("a"), fmt.Sprintf("deploy %d", n); got != want {
		l.t.Errorf("the world's value is %q, want %q", got, want)
	}
	for line := range strings.Lines(l.read("gates/ran")) {
		var m int
		if _, err := fmt.Sscanf(line, "ran: deploy %d\n", &m); err != nil {
			l.t.Errorf("something was applied with a file that was not there whole: %q", line)
		}
	}
}

// TestPowerCutWhileAPlanWaits: the approved plan is applied with exactly the files that
// it was made with, or it is made anew.
func TestPowerCutWhileAPlanWaits(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, 7 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			l, ok := powerLab(t)
			if !ok {
				return
			}
			l.gate("apply").open()
			l.serve()
			l.latest("w", "awaiting_approval")
			time.Sleep(after) // how much of it the kernel has written by then is the case
			l.cut()
			l.serve()
			l.settles(1)
			l.inSync("w")
			l.inspected()
		})
	}
}

// TestPowerCutInApply: what an apply did is not known, and nothing is repeated.
func TestPowerCutInApply(t *testing.T) {
	t.Parallel()
	l, ok := powerLab(t)
	if !ok {
		return
	}
	g := l.gate("apply")
	l.serve()
	r := l.latest("w", "awaiting_approval")
	l.tfops(0, "approve", r.ID)
	g.began()
	l.cut()
	g.forget()
	g.open()
	l.serve()
	if now := l.reaches(r.ID, "interrupted"); len(now.Approvals) != 1 || now.Error == nil {
		t.Errorf("after the cut: %+v", now)
	}
	l.settles(1)
	l.inSync("w")
	l.inspected()
}

// TestPowerCutsAtRandom cuts the power at any moment, also while the daemon starts and
// while records are written. No record is lost that was told of, the daemon starts again,
// and everything comes in order.
func TestPowerCutsAtRandom(t *testing.T) {
	t.Parallel()
	l, ok := powerLab(t)
	if !ok {
		return
	}
	l.gate("apply").open()
	seed := *shownSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 2))
	applied := 0
	for n := 1; n <= *powerCuts; n++ {
		l.powerCommit(n)
		s := l.launch()
		if rnd.IntN(4) > 0 || n == 1 {
			l.answers(s)
		}
		voter, stop := context.WithCancel(t.Context())
		voted := make(chan struct{})
		go func() { defer close(voted); l.vote(voter) }()
		time.Sleep(time.Duration(rnd.IntN(6000)) * time.Millisecond) // the moment of the cut, and nothing else
		l.cut()
		stop()
		<-voted
		l.serve()
		l.settles(n)
		if runs := l.runsOf("w"); count(runs, "applied") < applied {
			t.Errorf("cut %d: %d applied runs are known, before it were %d", n, count(runs, "applied"), applied)
		} else {
			applied = count(runs, "applied")
		}
		l.terminate()
	}
	l.serve()
	l.inSync("w")
	l.inspected()
}

// vote approves whatever waits, for as long as ctx lives. That the daemon goes in the
// middle of it is the case.
func (l *lab) vote(ctx context.Context) {
	for ctx.Err() == nil {
		runs, err := l.client.Runs(ctx, api.RunsQuery{Workspace: "w", Limit: 1})
		if err == nil && len(runs) > 0 && runs[0].Status == "awaiting_approval" {
			_, _ = l.client.Vote(ctx, runs[0].ID, api.Ballot{Yes: true, Digest: runs[0].Plan.Digest})
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func count(runs []api.Run, status string) int {
	n := 0
	for _, r := range runs {
		if r.Status == status {
			n++
		}
	}
	return n
}
