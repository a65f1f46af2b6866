package runner

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/sandbox"
)

// BenchmarkPlan compares a plan phase with the same commands by hand.
func BenchmarkPlan(b *testing.B) {
	r := newRig(b, map[string]string{"main.tf": simple})
	b.Run("by hand", func(b *testing.B) {
		for b.Loop() {
			byHand(b, r, []string{"init", "-input=false"}, []string{"plan", "-input=false", "-out=p"},
				[]string{"show", "-json", "p"})
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if err := os.RemoveAll(filepath.Join(r.workspaceDir(), "engine")); err != nil {
				b.Fatal(err)
			}
			r.planned()
		}
	})
	b.Run("again", func(b *testing.B) {
		r.planned()
		for b.Loop() {
			r.planned()
		}
	})
}

// BenchmarkApply compares an apply phase with the command by hand; the plans
// are made outside of the measured time.
func BenchmarkApply(b *testing.B) {
	r := newRig(b, map[string]string{"main.tf": `resource "terraform_data" "a" { input = timestamp() }`})
	b.Run("by hand", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			byHand(b, r, []string{"init", "-input=false"}, []string{"plan", "-input=false", "-out=p"})
			b.StartTimer()
			byHand(b, r, []string{"apply", "-input=false", "p"})
		}
	})
	if err := os.Remove(filepath.Join(r.tree, backend.ManagedStateFile)); err != nil {
		b.Fatal(err)
	}
	b.Run("phase", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			f := r.planned()
			b.StartTimer()
			if result := f.startApply().wait(); result.Outcome != job.Succeeded {
				b.Fatalf("%+v", result)
			}
		}
	})
}

func byHand(b *testing.B, r *rig, commands ...[]string) {
	b.Helper()
	_ = os.Remove(filepath.Join(r.tree, backend.OverrideFile))
	if commands[0][0] == "init" {
		_ = os.RemoveAll(filepath.Join(r.tree, ".terraform"))
	}
	for _, args := range commands {
		cmd := exec.Command("terraform", args...)
		cmd.Dir = r.tree
		cmd.Env = []string{"PATH=" + r.env["PATH"], "HOME=" + r.env["HOME"], "CHECKPOINT_DISABLE=1"}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}

// BenchmarkCell compares plan phases whose engine is shut in by namespaces with others, one after the other in turn,
// so that both meet the same machine. It reports the median of what the cell adds to a phase.
func BenchmarkCell(b *testing.B) {
	on := newRig(b, map[string]string{"main.tf": simple})
	off := newRig(b, map[string]string{"main.tf": simple})
	on.local.Most, off.local.Most = sandbox.Namespaces, sandbox.None
	on.planned()
	off.planned()
	var with, without []time.Duration
	for b.Loop() {
		for _, of := range []struct {
			r    *rig
			took *[]time.Duration
		}{{on, &with}, {off, &without}} {
			began := time.Now()
			of.r.planned()
			*of.took = append(*of.took, time.Since(began))
		}
	}
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return all[len(all)/2].Seconds() * 1000
	}
	b.ReportMetric(median(with)-median(without), "ms-added")
	b.ReportMetric(median(with)/median(without), "on/off")
}
