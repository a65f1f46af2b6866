package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/testrig"
)

var (
	interleavings = flag.Int("interleavings", 4, "how many plans wait while random things happen, before they are "+
		"approved")
	shownSeed = flag.Uint64("seed", 0, "of random histories; 0: another one each time")
)

// history is one workspace with modules from elsewhere that move, and everything that
// can happen between a plan and its apply. What an apply really used its provisioners
// write into a file outside.
type history struct {
	*lab
	rnd     *rand.Rand
	module  *gittest.Repo
	old     []string // commits of the module
	engines []string
	count   int // of everything that is new
	applied int
	done    []string // what happened, for whoever reads a failure
}

// TestWhatWasShownIsAppliedByTheDaemon is P1 as a property: whatever happens between a plan and its
// approval, what is applied is byte for byte what was shown, or nothing.
func TestWhatWasShownIsAppliedByTheDaemon(t *testing.T) {
	start := *shownSeed
	if start == 0 {
		start = rand.Uint64()
	}
	const labs = 4 // each on its own, so that there is always work for every CPU
	for n := range labs {
		rounds := (*interleavings + labs - 1 - n) / labs
		seed := start + uint64(n)
		if rounds == 0 {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, seed)
			for range rounds {
				h.interleave()
				h.done = h.done[max(0, len(h.done)-60):]
			}
			t.Logf("%d of %d plans were applied", h.applied, rounds)
			if rounds >= 10 && h.applied == 0 {
				t.Error("nothing was ever applied, so nothing was held")
			}
			h.inspected()
		})
	}
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{lab: newLab(t), rnd: rand.New(rand.NewPCG(seed, 1))}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d: %s", seed, strings.Join(h.done, "; "))
		}
	})
	h.engines = []string{testrig.Terraform(t)}
	if oldest, ok := testrig.Engine(t, testrig.OldestTerraform); ok {
		h.engines = append(h.engines, oldest)
	}
	if err := os.Mkdir(h.path("engine"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.useEngine(0)
	h.env[0] = "PATH=" + h.path("engine") + ":" + os.Getenv("PATH")
	h.module = gittest.NewRepoAt(t, h.path("module.git"))
	h.moveModule()
	h.commit()
	h.reconfigure()
	h.serve()
	return h
}

func (h *history) next() int { h.count++; return h.count }

func (h *history) useEngine(i int) {
	h.t.Helper()
	fresh := h.path("engine", "fresh")
	if err := os.Symlink(h.engines[i], fresh); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(fresh, h.path("engine", "terraform")); err != nil {
		h.t.Fatal(err)
	}
}

// moveModule moves the branch of the module that two calls follow, or its tag.
func (h *history) moveModule() {
	text := fmt.Sprintf("v%d", h.next())
	sha := h.module.Commit("main", map[string]string{"payload": text, "main.tf": fmt.Sprintf(`
variable "name" {}
resource "terraform_data" "m" {
  input            = "${var.name} ${file("${path.module}/payload")}"
  triggers_replace = file("${path.module}/payload")
  provisioner "local-exec" {
    command = "echo ${var.name} $(cat '${path.module}/payload') >> %s"
  }
}
`, h.path("gates", "used"))})
	if len(h.old) == 0 || h.rnd.IntN(2) == 0 {
		h.module.Tag("v1", sha)
	}
	h.old = append(h.old, sha)
}

// commit changes the repository: a file that is read when it is applied, and which
// commit of the module is pinned.
func (h *history) commit() {
	source := "git::file://" + h.module.Dir + "?ref="
	main := ""
	for name, ref := range map[string]string{"floating": "main", "tagged": "v1",
		"pinned": h.old[h.rnd.IntN(len(h.old))]} {
		main += fmt.Sprintf("module %q {\n  source = %q\n  name   = %q\n}\n", name, source+ref, name)
	}
	main += fmt.Sprintf(`
variable "v" {}
resource "terraform_data" "root" {
  input            = "root ${file("local.txt")}-${var.v}"
  triggers_replace = "${file("local.txt")}-${var.v}"
  provisioner "local-exec" {
    command = "echo root $(cat local.txt)-${var.v} >> %s"
  }
}
`, h.path("gates", "used"))
	h.repo.Commit("main", map[string]string{"main.tf": main, "local.txt": fmt.Sprintf("l%d", h.next())})
	h.repo.Commit("feature", map[string]string{"main.tf": main, "local.txt": fmt.Sprintf("f%d", h.next())})
}

func (h *history) reconfigure() {
	h.configure(fmt.Sprintf("workspace \"w\" {\n  repository = \"infra\"\n  variables  = { v = \"c%d\" }\n}\n",
		h.next()))
}

// interleave makes a plan, has things happen, and approves it as it was shown.
func (h *history) interleave() {
	id := h.propose()
	shown, digest := h.shown(id), h.run(id).Plan.Digest
	for range 1 + h.rnd.IntN(4) {
		h.happen()
	}
	before := len(h.used())
	a := h.command("approve", id, "--digest", digest)
	h.done = append(h.done, fmt.Sprintf("approve %s: %d", id, a.code))
	if a.code == 0 && h.rnd.IntN(4) == 0 {
		h.happen()
	}
	status := h.ends(id)
	h.done = append(h.done, status)
	used := h.used()[before:]
	slices.Sort(used)
	switch {
	case status == "applied" && !slices.Equal(used, shown):
		h.t.Fatalf("run %s showed %q and was applied with %q", id, shown, used)
	case status == "applied":
		h.applied++
	case len(used) > 0:
		h.t.Fatalf("run %s is %s, and yet %q was applied", id, status, used)
	}
}

// happen does one thing that may come between a plan and its apply.
func (h *history) happen() {
	moves := []struct {
		name string
		do   func()
	}{
		{"the module moves", h.moveModule}, {"the module moves", h.moveModule},
		{"a plan to look at", func() { h.command("plan", "w", "--ref", "feature", "--wait") }},
		{"a plan to look at, not waited for", func() { h.command("plan", "w") }},
		{"a drift check", func() { h.command("drift", "w", "--wait") }},
		{"another plan to apply", func() { h.command("sync", "w") }},
		{"a commit", h.commit},
		{"another engine", func() { h.useEngine(h.rnd.IntN(len(h.engines))) }},
		{"another configuration", h.reconfigure},
		{"a crash", func() { h.crash(); h.serve() }},
		{"a restart", func() { h.terminate(); h.serve() }},
		{"the kept modules are gone", func() { h.remove("data/cache/modules") }},
		{"what init made is gone", func() { h.remove("data/workspaces/w/engine") }},
	}
	m := moves[h.rnd.IntN(len(moves))]
	h.done = append(h.done, m.name)
	m.do()
}

func (h *history) remove(name string) {
	h.t.Helper()
	h.until(name+" is removed", func() bool {
		err := os.RemoveAll(h.path(filepath.FromSlash(name)))
		if errors.Is(err, syscall.ENOTEMPTY) { // a runner writes there meanwhile
			return false
		}
		if err != nil {
			h.t.Fatal(err)
		}
		return true
	})
}

// propose brings about a plan that waits for approval.
func (h *history) propose() string {
	h.t.Helper()
	id := ""
	h.until("a plan waits", func() bool {
		for _, r := range h.runsOf("w") {
			if r.Kind != "sync" {
				continue
			}
			switch r.Status {
			case "awaiting_approval":
				id = r.ID
				return true
			case "planned_and_finished", "applied", "discarded", "errored":
				h.moveModule()
				h.command("sync", "w") // refused where one is on its way
			case "interrupted":
				h.tfops(0, "resolve", r.ID, "-m", "looked")
			}
			return false
		}
		return false
	})
	h.done = append(h.done, "plan "+id)
	return id
}

// shown is what a plan says that its apply will use.
func (h *history) shown(id string) []string {
	h.t.Helper()
	var p plan.Plan
	if err := json.Unmarshal([]byte(h.read(filepath.Join("data", "runs", id, "plan.json"))), &p); err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, c := range p.Changes {
		if c.Action == plan.Create || c.Action == plan.Replace {
			after, _ := c.After.(map[string]any)
			all = append(all, fmt.Sprintln(after["input"]))
		}
	}
	slices.Sort(all)
	return all
}

// used is what applies have used so far.
func (h *history) used() []string {
	b, err := os.ReadFile(h.path("gates", "used"))
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(b)))
}

// ends follows a run to its end; one that never was approved it leaves where it is.
func (h *history) ends(id string) string {
	h.t.Helper()
	status := ""
	h.until("run "+id+" ends", func() bool {
		r := h.run(id)
		switch status = r.Status; status {
		case "interrupted":
			if !strings.Contains(r.Error.Message, "nothing was changed") {
				h.t.Fatalf("nobody killed its runner: %+v", r.Error)
			}
			h.tfops(0, "resolve", id, "-m", "nothing was changed")
			return false
		case "errored":
			said := fmt.Sprint(r.Comment, r.Error)
			if r.Error != nil {
				said += r.Error.Message + r.Error.Next
			}
			if !strings.Contains(said, "resolved by") && !strings.Contains(said, "nothing was changed") &&
				!strings.Contains(said, "nothing of it was applied") {
				h.t.Fatalf("run %s: %+v", id, r.Error)
			}
			return true
		case "awaiting_approval":
			return len(r.Approvals) == 0 // it was planned anew, or the vote was refused
		}
		return r.FinishedAt != nil
	})
	return status
}
