package runner

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
)

// smallDisk mounts a file system of 4 MiB, for which a test must be root.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=0700"); err != nil {
		t.Skipf("NOT RUN: a full disk, since a file system cannot be mounted here (be root): %v", err)
	}
	t.Cleanup(func() {
		// A runner that has let go of its lock may not be gone altogether.
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill takes all the space that is left.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(bytes.Repeat([]byte{1}, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
}

func TestFullDiskBefore(t *testing.T) {
	disk := smallDisk(t)
	r := newRig(t, map[string]string{"main.tf": simple})
	plan := r.planned()
	fill(t, disk)
	_, j, secrets := r.planJob()
	if err := r.local.Start(t.Context(), filepath.Join(disk, "run"), j, secrets); !errors.As(err, new(*NotStarted)) ||
		!fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no space left") || fault.Next(err) == "" {
		t.Fatalf("got %v", err)
	}
	// The workspace's directory on a full disk: the apply is not begun.
	apply := plan.startApply(func(j *job.Job, _ *job.Secrets) { j.WorkspaceDir = disk })
	must(t, apply.wait(), job.Failed, job.CauseDisk, "")
	if durable.Exists(filepath.Join(apply.dir, job.StartedFile)) {
		t.Fatal("the engine was started")
	}
}

func TestDiskFullOfPlan(t *testing.T) {
	disk := smallDisk(t)
	r := newRig(t, map[string]string{"main.tf": simple})
	fill(t, disk)
	f, result := r.plan(func(j *job.Job, _ *job.Secrets) { j.PlanFile = filepath.Join(disk, "plan.age") })
	must(t, result, job.Failed, job.CauseDisk, "no space left")
	if entries, _ := os.ReadDir(disk); len(entries) != 1 {
		t.Fatalf("left on the disk: %v", entries)
	}
	if durable.Exists(f.job.PlanJSON) {
		t.Fatal("half a plan was kept")
	}
}

// An apply whose log fills the disk goes on to its end, and its result is kept.
func TestDiskFillsUpInApply(t *testing.T) {
	disk := smallDisk(t)
	r := newRig(t, nil)
	here, on := r.fifo("here"), r.fifo("on")
	r.write("main.tf", provisioned("echo here > "+here.path+"; read x < "+on.path+"; seq 1 20000"))
	plan := r.planned()
	j := plan.job
	j.Phase, j.PlanDigest = job.ApplyPhase, mustLoad(t, plan.dir).PlanDigest
	f := r.start(filepath.Join(disk, "run"), j, job.Secrets{Env: r.env, Plan: plan.openPlan()})
	here.line()
	fill(t, disk)
	on.say("go")
	result := f.wait()
	must(t, result, job.Succeeded, "", "lines of the log could not be written")
	if result.Serial == 0 {
		t.Fatalf("%+v", result)
	}
	for line := range strings.Lines(f.read(job.EventsFile)) {
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("half a line in the log: %q", line)
		}
	}
}

// The state cannot be saved: the engine leaves it in the root module, or,
// when it cannot write there either, prints it.
func TestStateCannotBeSaved(t *testing.T) {
	for _, name := range []string{"errored.tfstate", "emergency dump",
		"emergency dump, and no room for the evidence either"} {
		t.Run(name, func(t *testing.T) {
			disk := smallDisk(t)
			r := newRig(t, nil)
			r.env["TMPDIR"] = r.base
			here, on := r.fifo("here"), r.fifo("on")
			input := `  input = join("", [for i in range(1000) : "canary-in-state and much more, so that it does not fit into what is left of a page"])` + "\n"
			r.write("main.tf", strings.Replace(provisioned("echo here > "+here.path+"; read x < "+on.path), "{\n",
				"{\n"+input, 1))
			state := func(j *job.Job, _ *job.Secrets) {
				j.WorkspaceDir = filepath.Join(disk, "w")
				j.CacheDir = filepath.Join(r.base, "cache")
				if name != "errored.tfstate" {
					j.Ground = filepath.Join(disk, "ground")
				}
			}
			plan := r.planned(state)
			f := &flight{rig: r}
			if strings.HasSuffix(name, "either") {
				j := plan.job
				j.Phase, j.PlanDigest = job.ApplyPhase, mustLoad(t, plan.dir).PlanDigest
				f = r.start(filepath.Join(disk, "apply"), j, job.Secrets{Env: r.env, Plan: plan.openPlan()})
			} else {
				f = plan.startApply(state)
			}
			here.line()
			fill(t, disk)
			on.say("go")
			result := f.wait()
			must(t, result, job.Failed, job.CauseDisk, "could not save the state")
			if result.ErroredState != filepath.Join(f.dir, job.ErroredStateFile) ||
				!strings.Contains(result.Next, "state push") {
				t.Fatalf("%+v", result)
			}
			if got := f.decrypt(result.ErroredState); !bytes.Contains(got, []byte("canary-in-state")) ||
				!bytes.Contains(got, []byte(`"serial"`)) {
				t.Fatalf("kept: %s", got)
			}
			if durable.Exists(filepath.Join(f.dir, backend.EvidenceReserve)) {
				t.Error("the space for it is still taken")
			}
			if durable.Exists(f.wrote(backend.ErroredState)) || strings.Contains(f.read(job.EventsFile),
				"canary-in-state") {
				t.Fatal("the plain state is still there")
			}
		})
	}
}

func mustLoad(t *testing.T, dir string) job.Result {
	t.Helper()
	result, err := job.LoadResult(dir)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
