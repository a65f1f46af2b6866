package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/workspace"
)

func within(l workspace.Limits) option {
	return func(j *job.Job, _ *job.Secrets) { j.Limits = l }
}

// What a phase may take, it may; and what it took is known afterwards.
func TestWithinLimits(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple +
		provisioned("cat /proc/self/oom_score_adj > made; for i in 1 2 3; do (sleep 0.2) & done; wait")})
	all := within(workspace.Limits{Memory: 1 << 30, Tasks: 500, Disk: 1 << 30})
	f := r.planned(all)
	if b, err := os.ReadFile("/proc/self/oom_score_adj"); err != nil || strings.TrimSpace(string(b)) == "500" {
		t.Errorf("this process is expendable itself: %s %v", b, err)
	}
	applied := f.startApply(all).wait()
	must(t, applied, job.Succeeded, "", "")
	if made, err := os.ReadFile(f.wrote("made")); err != nil || strings.TrimSpace(string(made)) != "500" {
		t.Errorf("the engine is not ended before others where memory runs out: %s %v", made, err)
	}
	if applied.PeakMemory < 16<<20 || applied.PeakMemory > 1<<30 {
		t.Errorf("an engine took %d bytes at most", applied.PeakMemory)
	}
}

// An engine that needs more memory than it may have while it plans is ended, and the failure says so.
func TestPlanAboveMemory(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": `
locals {
  a = range(1000)
  b = flatten([for i in local.a : [for j in local.a : "${i}-${j}-0123456789012345678901234567890123456789"]])
  c = flatten([for i in range(20) : [for s in local.b : "${i}${s}"]])
}
output "n" { value = length(local.c) }
`})
	_, result := r.plan(within(workspace.Limits{Memory: 400 << 20}))
	must(t, result, job.Failed, job.CauseLimit, "terraform plan was ended: the engine went above memory = 400MiB")
	if !strings.Contains(result.Next, "raise memory") {
		t.Errorf("next: %q", result.Next)
	}
}

// What an apply started is ended where it takes too much. The engine is not, so that it saves its
// state: what was made before is known.
func TestApplyAboveLimits(t *testing.T) {
	for name, c := range map[string]struct {
		script, text string
		limits       workspace.Limits
	}{
		"memory": {"head -c 2000000000 /dev/zero | tail > /dev/null", "went above memory = 300MiB",
			workspace.Limits{Memory: 300 << 20}},
		"tasks": {"f() { [ $1 -gt 9 ] && sleep 60; f $(($1+1)) & f $(($1+1)); }; f 0", "went above tasks = 200",
			workspace.Limits{Tasks: 200}},
		"memory without a process": {os.Args[0] + " reach x memory 500000000", "went above memory = 300MiB",
			workspace.Limits{Memory: 300 << 20}},
		"sleepers": {"for i in $(seq 400); do (sleep 60 &) ; done; sleep 60", "went above tasks = 150",
			workspace.Limits{Tasks: 150}},
		"disk": {"while :; do head -c 10000000 /dev/zero >> filled; done", "went above disk = 30MiB",
			workspace.Limits{Disk: 30 << 20}},
		"nameless": {"exec 9> gone; rm gone; while :; do head -c 10000000 /dev/zero >&9; sleep 0.01; done",
			"went above disk = 30MiB", workspace.Limits{Disk: 30 << 20}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"main.tf": `
resource "terraform_data" "first" { input = "made before" }
` + strings.Replace(provisioned(c.script), "\"p\" {", "\"p\" {\n  depends_on = [terraform_data.first]", 1)})
			f := r.planned(within(c.limits))
			began := time.Now()
			a := f.startApply(within(c.limits))
			result := a.wait()
			must(t, result, job.Failed, job.CauseLimit, c.text)
			if took := time.Since(began); took > 45*time.Second {
				t.Errorf("it took %s until the engine was ended", took)
			}
			state, err := os.ReadFile(filepath.Join(r.workspaceDir(), "terraform.tfstate"))
			if err != nil || !strings.Contains(string(state), "made before") {
				t.Errorf("the state does not have what was made before: %v %s", err, state)
			}
			if log := a.read(job.EventsFile); !strings.Contains(log, c.text) {
				t.Errorf("the log does not tell of the limit: %s", log)
			}
		})
	}
}

// What a plan left does not count for its apply, nor what others write.
func TestDiskIsOfThePhase(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": provisioned("head -c 20000000 /dev/zero > big")})
	l := within(workspace.Limits{Disk: 30 << 20})
	f := r.planned(l)
	if err := os.WriteFile(filepath.Join(f.job.Ground, "left"), make([]byte, 25<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, f.startApply(l).wait(), job.Succeeded, "", "")
}

func TestLimitsInCopies(t *testing.T) {
	r := newRig(t, map[string]string{"big": strings.Repeat("x", 5<<20),
		"main.tf": provisioned("while :; do head -c 10000000 /dev/zero >> filled; done")})
	r.local.Copy = true
	l := within(workspace.Limits{Disk: 30 << 20})
	must(t, r.planned(l).startApply(l).wait(), job.Failed, job.CauseLimit, fmt.Sprintf("went above disk = %s", "30MiB"))
}

// A file that becomes too large ends with an error that names the limit, and nothing else is bounded by it.
func TestFileSize(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": provisioned("head -c 3000000 /dev/zero > small && " +
		"head -c 9000000 /dev/zero > large")})
	l := within(workspace.Limits{FileSize: 4 << 20})
	f := r.planned(l)
	result := f.startApply(l).wait()
	must(t, result, job.Failed, job.CauseLimit, "no file may become larger than file_size = 4MiB")
	info, err := os.Stat(f.wrote("large"))
	if err != nil || info.Size() != 4<<20 {
		t.Errorf("written: %v %v", info, err)
	}
}

// An engine that may have one processor runs on one, with all that it starts.
func TestProcessors(t *testing.T) {
	r := newRig(t,
		map[string]string{"main.tf": provisioned("grep Cpus_allowed_list /proc/self/status > made; nproc >> made")})
	l := within(workspace.Limits{CPU: 0.5})
	f := r.planned(l)
	must(t, f.startApply(l).wait(), job.Succeeded, "", "")
	b, err := os.ReadFile(f.wrote("made"))
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(b)), "\n1") {
		t.Errorf("%s %v", b, err)
	}
}

// A fork bomb ends its phase and nothing else. It is lit where the kernel bounds it, by a user namespace.
func TestForkBomb(t *testing.T) {
	if os.Getuid() == 0 {
		return // TestNetworkOfSomebody runs it
	}
	r := newRig(t, map[string]string{"main.tf": provisioned("bomb() { bomb | bomb & }; bomb; sleep 3; exit 1")})
	l := within(workspace.Limits{Tasks: 200})
	f := r.planned(l)
	result := f.startApply(l).wait()
	must(t, result, job.Failed, job.CauseLimit, "tasks = 200")
}

// What lies in the memory that processes share is bounded, whatever the limits are.
func TestSharedMemoryIsBounded(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": provisioned("head -c 100000000 /dev/zero > /dev/shm/x || true; " +
		"stat -c %s /dev/shm/x > made")})
	f := r.planned()
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	if b, err := os.ReadFile(f.wrote("made")); err != nil || strings.TrimSpace(string(b)) != "67108864" {
		t.Errorf("%s %v", b, err)
	}
}
