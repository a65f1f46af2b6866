package runner

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/ground"
)

var (
	worlds = flag.Int("worlds", 2, "how many random histories are tried (each of twenty steps)")
	seed   = flag.Uint64("seed", 0, "of the random histories; 0: another one each time")
)

// history is one workspace on which everything happens in any order.
type history struct {
	*rig
	t       *testing.T
	rnd     *rand.Rand
	module  *gitModule
	version int
	waiting []promise
	done    []string // what happened, for whoever reads a failure
}

// promise is a plan that waits, and what it showed.
type promise struct {
	*flight
	payload string
}

// Whatever happens between a plan and its apply, what is applied is what was shown, or nothing.
// The end-to-end tests hold the same for a daemon, with crashes, drift checks, other engines
// and other configurations: TestWhatWasShownIsAppliedByTheDaemon.
func TestWhatWasShownIsApplied(t *testing.T) {
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	for n := range *worlds {
		s := start + uint64(n)
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			h := &history{t: t, rnd: rand.New(rand.NewPCG(s, 0)), module: newGitModule(t, "v0")}
			h.rig = newRig(t, nil)
			h.local.Copy = h.rnd.IntN(4) == 0
			h.configure()
			for range 20 {
				h.step()
			}
			if t.Failed() {
				t.Logf("seed %d: %v", s, h.done)
			}
		})
	}
}

func (h *history) configure() {
	ref := []string{"main", "main", "tag", "pinned"}[h.rnd.IntN(4)]
	switch ref {
	case "tag":
		h.module.git("tag", "-f", "v1")
		ref = "v1"
	case "pinned":
		ref = h.module.head()
	}
	h.write("main.tf", h.module.calledAt(ref)+"\n# "+fmt.Sprint(h.rnd.Uint32()))
}

func (m *gitModule) head() string {
	m.t.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, ".git", "refs", "heads", "main"))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b[:40])
}

func (h *history) step() {
	steps := []struct {
		name string
		do   func()
	}{
		{"the module moves", h.move}, {"the module moves", h.move},
		{"a commit", h.configure},
		{"a plan", h.propose}, {"a plan", h.propose}, {"a plan", h.propose},
		{"a look", func() { h.planned(speculative, atOnce) }},
		{"an apply", h.carryOut}, {"an apply", h.carryOut}, {"an apply", h.carryOut},
		{"what init made is gone", func() { _ = os.Remove(ground.KeptInitFile(h.workspaceDir())) }},
		{"the modules are gone", func() { h.must(os.RemoveAll(filepath.Join(h.base, "cache", "modules"))) }},
		{"a module is written over", h.damage},
		{"a waiting tree is written over", h.tamper},
	}
	s := steps[h.rnd.IntN(len(steps))]
	h.done = append(h.done, s.name)
	s.do()
}

func (h *history) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err, h.done)
	}
}

func (h *history) move() {
	h.version++
	h.module.commit(fmt.Sprint("v", h.version))
	if h.rnd.IntN(2) == 0 {
		h.module.git("tag", "-f", "v1")
	}
}

func (h *history) propose() {
	opts := []option{}
	if h.rnd.IntN(2) == 0 {
		opts = append(opts, atOnce)
	}
	f := h.planned(opts...)
	h.waiting = append(h.waiting, promise{f, f.seenPayload()})
}

var saidPayload = regexp.MustCompile(`\(local-exec\): payload (v\d+)`)

// carryOut applies one of the plans that wait. The engine refuses one whose state has moved on.
func (h *history) carryOut() {
	if len(h.waiting) == 0 {
		return
	}
	i := h.rnd.IntN(len(h.waiting))
	p := h.waiting[i]
	h.waiting = slices.Delete(h.waiting, i, i+1)
	apply := p.startApply()
	result := apply.wait()
	if result.Outcome != job.Succeeded && result.Cause != job.CauseStale {
		h.t.Fatalf("%v: %+v", h.done, result)
	}
	for _, said := range saidPayload.FindAllStringSubmatch(apply.read(job.EventsFile), -1) {
		if said[1] != p.payload {
			h.t.Fatalf("%v: shown was %s, and applied %s", h.done, p.payload, said[1])
		}
	}
}

func (h *history) damage() {
	all, err := filepath.Glob(filepath.Join(h.base, "cache", "modules", "content", "*", "files", "payload"))
	h.must(err)
	for _, path := range all {
		h.must(os.WriteFile(path, []byte("v666"), 0o644))
	}
}

func (h *history) tamper() {
	if len(h.waiting) == 0 {
		return
	}
	p := h.waiting[h.rnd.IntN(len(h.waiting))]
	places := []string{filepath.Join(pinned.Files(p.job.Checkout), "main.tf"), p.wrote("evil_override.tf"),
		filepath.Join(p.job.Ground, "written", "modules", "m", "payload")}
	path := places[h.rnd.IntN(len(places))]
	h.must(os.MkdirAll(filepath.Dir(path), 0o755))
	h.must(os.WriteFile(path, []byte("v666"), 0o644))
}
