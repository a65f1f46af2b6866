package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/testrig"
)

// scene is two workspaces: what happens to the run of "main" is looked at,
// "other" keeps it waiting where that is needed.
type scene struct {
	*lab
	run    string // of main
	other  string // run of other
	holder string // the run whose runner stands at a gate
	phase  string
	gate   gate
	bare   bool // engines are not shut in: a provider may outlive its runner
}

// sceneModule is a root module that can be held at its plan and at its apply,
// there with one thing made and one to be made.
func (l *lab) sceneModule(name string) string {
	return l.module(fmt.Sprintf(`
data "lab_value" "in" {
  path = %[1]q
  gate = %[2]q
}
resource "lab_thing" "first" {
  name  = "%[4]s-first"
  value = data.lab_value.in.value
}
resource "lab_thing" "last" {
  name       = "%[4]s-last"
  value      = data.lab_value.in.value
  gate       = %[3]q
  stubborn   = true
  depends_on = [lab_thing.first]
}
`, l.path("gates", "value"), l.gate(name+"-plan").path, l.gate(name+"-apply").path, name))
}

// newScene brings the run of main to a state and holds it there.
func newScene(t *testing.T, state string) *scene { t.Helper(); return newLab(t).sceneOf(state) }

func (l *lab) sceneOf(state string) *scene {
	l.t.Helper()
	s := &scene{lab: l, phase: "plan"}
	held, order := "main-plan", []string{"other", "main"}
	switch state {
	case "pending":
		held = "other-plan"
	case "planning":
		order = []string{"main", "other"}
	case "awaiting_approval":
		held, order = "other-plan", []string{"main", "other"}
	case "apply_queued":
		held, s.phase = "other-apply", "apply"
	case "applying":
		held, s.phase = "main-apply", "apply"
	}
	s.gate = s.lab.gate(held)
	for _, name := range []string{"main-plan", "main-apply", "other-plan", "other-apply"} {
		if name != held {
			s.lab.gate(name).open()
		}
	}
	s.write("gates/value", "one\n")
	s.repo.Commit("main", map[string]string{"main/main.tf": s.sceneModule("main"),
		"other/main.tf": s.sceneModule("other")})
	config := "runner {\n  pass_env    = [\"TF_CLI_CONFIG_FILE\"]\n  concurrency = 1\n}\n" // one waits for the other
	for _, name := range order {
		config += fmt.Sprintf("workspace %q {\n  repository = \"infra\"\n  dir        = %q\n}\n", name, name)
	}
	s.configure(config)
	s.serve()
	s.until("both have a run", func() bool {
		main, other := s.runsOf("main"), s.runsOf("other")
		if len(main) == 0 || len(other) == 0 {
			return false
		}
		s.run, s.other = main[0].ID, other[0].ID
		return true
	})
	s.bring(state)
	return s
}

// bring waits and votes until the run of main is where it is wanted.
func (s *scene) bring(state string) {
	s.t.Helper()
	s.holder = s.other
	switch state {
	case "awaiting_approval":
		s.reaches(s.run, state)
	case "planning":
		s.holder = s.run
	case "apply_queued":
		s.reaches(s.other, "awaiting_approval")
		s.tfops(0, "approve", s.other)
		s.gate.began()
		s.reaches(s.run, "awaiting_approval")
		s.tfops(0, "approve", s.run)
	case "applying":
		s.holder = s.run
		s.reaches(s.run, "awaiting_approval")
		s.tfops(0, "approve", s.run)
	}
	s.gate.began()
	if got := s.lab.run(s.run).Status; got != state {
		s.t.Fatalf("the run of main is %s, wanted %s\n%s", got, state, s.overview())
	}
}

// strike kills what a case is about, and has a daemon at work afterwards.
func (s *scene) strike(victim string) {
	s.t.Helper()
	pid := s.runnerOf(s.holder, s.phase)
	engine := s.engineOf(pid)
	below := childrenOf(s.t, engine)
	if strings.Contains(victim, "daemon") {
		s.crash()
	}
	switch {
	case strings.Contains(victim, "runner"):
		s.kill(pid)
		testrig.WaitGone(s.t, pid)
		testrig.WaitGone(s.t, engine) // it never outlives its runner
		for started := range below {
			if !s.bare { // nor does anything that it has started
				testrig.WaitGone(s.t, started)
			}
		}
	case victim == "terraform":
		s.kill(engine)
	}
	if s.daemon.ended() {
		s.serve()
	}
}

// TestKill kills, with SIGKILL, each process of tfops while a run is in each
// of its states. Where the run itself has no runner then, it is the runner of
// the run that it waits behind.
func TestKill(t *testing.T) {
	states := []string{"pending", "planning", "awaiting_approval", "apply_queued", "applying"}
	victims := []string{"daemon", "runner", "terraform", "daemon and runner"}
	if !testrig.Long(t, "kills in statuses in which no runner is at work for the run, and of the runner alone") {
		states, victims = []string{"planning", "applying"}, []string{"daemon", "terraform", "daemon and runner"}
	}
	const bare = " without a sandbox"
	victims = append(victims, "runner"+bare, "daemon and runner"+bare)
	for _, state := range states {
		for _, victim := range victims {
			t.Run(state+"/"+victim, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				victim, isBare := strings.CutSuffix(victim, bare)
				if isBare {
					l.env = append(l.env, "TFOPS_SANDBOX=none")
				}
				s := l.sceneOf(state)
				inNamespaces, _ := condition("namespaces") // elsewhere nothing ends providers with their runner
				s.bare = isBare || !inNamespaces
				before, provider := s.lab.run(s.run), s.gate.began()
				if victim != "daemon" {
					s.gate.forget() // what stands there next is another operation
				}
				s.strike(victim)
				switch {
				case victim == "daemon":
					s.goesOn(provider)
				case s.phase == "plan":
					s.plannedAgain(provider)
				default:
					s.interrupted(victim, provider)
				}
				s.toTheEnd(state, before)
			})
		}
	}
}

// goesOn: the runner never noticed, and the next daemon follows it.
func (s *scene) goesOn(provider operation) {
	s.t.Helper()
	if now := s.gate.began(); now != provider {
		s.t.Errorf("%+v stands at the gate now, before it was %+v", now, provider)
	}
	s.gate.open()
	want := "awaiting_approval"
	if s.phase == "apply" {
		want = "applied"
	}
	s.reaches(s.holder, want)
	for _, e := range s.lab.run(s.holder).Events {
		if e.To == "pending" && e.From != "" {
			s.t.Errorf("it was planned again, and need not: %+v", e)
		}
	}
}

// plannedAgain: a plan changes nothing, so the same run is planned once more.
func (s *scene) plannedAgain(provider operation) {
	s.t.Helper()
	if now := s.gate.began(); now == provider {
		s.t.Error("the same process stands at the gate")
	}
	s.gate.open()
	s.reaches(s.holder, "awaiting_approval")
	events := s.lab.run(s.holder).Events
	if !slices.ContainsFunc(events, func(e api.Event) bool {
		return e.From == "planning" && e.To == "pending" &&
			e.Text != ""
	}) {
		s.t.Errorf("nothing tells that it was planned again: %+v", events)
	}
}

// interrupted: what the apply did is not known, so nothing is repeated and
// everything that tells of it is kept, until a person has looked.
func (s *scene) interrupted(victim string, provider operation) {
	s.t.Helper()
	r := s.reaches(s.holder, "interrupted")
	locks, err := s.client.Locks(s.t.Context())
	if err != nil || !slices.ContainsFunc(locks, func(l api.Lock) bool { return l.Run == s.holder }) {
		s.t.Errorf("the lock was not kept: %+v, %v", locks, err)
	}
	if log := s.tfops(0, "logs", s.holder); !strings.Contains(log.out, "lab_thing.last") {
		s.t.Errorf("the log does not tell how far it came:\n%s", log.out)
	}
	if r.NextCommand != "tfops resolve "+s.holder+" -m WHAT_WAS_FOUND" || r.Error == nil {
		s.t.Errorf("next is %q, the error %+v", r.NextCommand, r.Error)
	}
	s.tfops(1, "cancel", s.holder).says(s.t, "nothing left to cancel")
	outlives := s.bare && victim != "terraform" // whose runner ended what it left
	if outlives {
		name := fmt.Sprintf("(pid %d)", provider.pid)
		if !strings.Contains(r.Error.Message, "still running") || !strings.Contains(r.Error.Message, name) {
			s.t.Errorf("the survivor %s is not named: %s", name, r.Error.Message)
		}
		s.tfops(1, "resolve", s.holder, "-m", "I did not look").says(s.t, name, "still running",
			fmt.Sprintf("kill %d", provider.pid))
	}
	s.gate.open()
	if s.bare {
		testrig.WaitGone(s.t, provider.pid)
	}
	workspace := r.Workspace
	s.tfops(0, "resolve", s.holder, "-m", "looked at the world")
	fresh := s.latest(workspace, "awaiting_approval", s.holder)
	if old := s.lab.run(s.holder); old.Status != "errored" || !strings.Contains(old.Comment, "looked at the world") {
		s.t.Errorf("the resolved run is %s: %s", old.Status, old.Comment)
	}
	if fresh.Trigger.Cause != "resolve" || fresh.Trigger.Run != s.holder || len(fresh.Approvals) != 0 {
		s.t.Errorf("the fresh plan: %+v, approvals %v", fresh.Trigger, fresh.Approvals)
	}
	if fresh.Plan.Add != 1 || fresh.Plan.Change+fresh.Plan.Delete+fresh.Plan.Replace != 0 {
		s.t.Errorf("the first thing is in the state, so one is to be added, not %+v", fresh.Plan)
	}
	s.tfops(0, "approve", fresh.ID)
	if !outlives {
		s.reaches(fresh.ID, "applied")
		return
	}
	// The survivor made the thing and nobody noted it: the provider refuses to
	// make it once more, which is what the evidence said.
	failed := s.reaches(fresh.ID, "errored")
	if !strings.Contains(failed.Error.Detail, "it exists already") {
		s.t.Errorf("it failed for another reason: %+v", failed.Error)
	}
	adopt := fmt.Sprintf("import {\n  to = lab_thing.last\n  id = \"%s-last\"\n}\n", workspace)
	s.repo.Commit("main", map[string]string{workspace + "/import.tf": adopt})
	adopted := s.latest(workspace, "awaiting_approval", s.holder, fresh.ID)
	if adopted.Plan.Import != 1 || adopted.Plan.Add != 0 {
		s.t.Errorf("the import: %+v", adopted.Plan)
	}
	s.tfops(0, "approve", adopted.ID)
	s.reaches(adopted.ID, "applied")
}

// toTheEnd has the rest applied and looks for what must hold in every case.
func (s *scene) toTheEnd(state string, before api.Run) {
	s.t.Helper()
	switch state {
	case "pending", "planning", "awaiting_approval":
		now := s.reaches(s.run, "awaiting_approval")
		if state == "awaiting_approval" && now.Plan.Digest != before.Plan.Digest {
			s.t.Errorf("the plan changed from %s to %s", before.Plan.Digest, now.Plan.Digest)
		}
		s.tfops(0, "approve", s.run, "--digest", now.Plan.Digest)
		s.reaches(s.run, "applied")
	case "apply_queued": // what was approved needs no second vote
		r := s.reaches(s.run, "applied")
		if len(r.Approvals) != 1 || r.Plan.Digest != before.Plan.Digest {
			s.t.Errorf("approvals %+v, plan %s, before %s", r.Approvals, r.Plan.Digest, before.Plan.Digest)
		}
	}
	created := []string{"main-first", "main-last"}
	if s.holder == s.other && s.phase == "apply" {
		created = append(created, "other-first", "other-last")
	}
	s.doneOnce(created...)
	s.inSync("main")
	for _, r := range append(s.runsOf("main"), s.runsOf("other")...) {
		if r.FinishedAt == nil && r.Status != "awaiting_approval" {
			s.t.Errorf("run %s is %s and waits for %q", r.ID, r.Status, r.WaitingFor)
		}
	}
	if locks, err := s.client.Locks(s.t.Context()); err != nil || len(locks) > 0 {
		s.t.Errorf("locks are left: %+v, %v", locks, err)
	}
	s.inspected()
	if trees, _ := filepath.Glob(filepath.Join(s.data, "runs", s.run, "ground")); len(trees) > 0 {
		s.t.Errorf("an ended run keeps what it wrote: %v", trees)
	}
}

// TestTerminate: SIGTERM leaves an apply alone and stops a plan, again and
// again, without anything going wrong because of it.
func TestTerminate(t *testing.T) {
	t.Parallel()
	s := newScene(t, "applying")
	provider := s.gate.began()
	plan := s.lab.gate("third-plan")
	s.repo.Commit("main", map[string]string{"third/main.tf": s.sceneModule("third")})
	s.write("tfops.hcl", strings.Replace(s.read("tfops.hcl"), "concurrency = 1", "concurrency = 2", 1)+
		"workspace \"third\" {\n  repository = \"infra\"\n  dir = \"third\"\n}\n")
	third := ""
	for range 5 { // more often than a runner may vanish
		plan.forget()
		if took := s.terminate(); took.Seconds() > 5 {
			t.Errorf("stopping took %v", took)
		}
		if third != "" {
			s.stoppedInOrder()
		}
		s.serve()
		plan.began()
		third = s.latest("third", "planning").ID
	}
	if now := s.gate.began(); now != provider {
		t.Errorf("%+v stands at the apply's gate, before it was %+v", now, provider)
	}
	s.terminate()
	s.gate.open()
	plan.open()
	s.lab.gate("third-apply").open()
	testrig.WaitFile(t, filepath.Join(s.data, "runs", s.run, "apply", "result.json"))
	s.serve()
	s.reaches(s.run, "applied")
	if r := s.reaches(third, "awaiting_approval"); len(s.runsOf("third")) != 1 || r.Error != nil {
		t.Errorf("stopped in order, the plan did not go on as the same run: %s", s.overview())
	}
	s.doneOnce("main-first", "main-last")
	s.inSync("main")
	s.inspected()
}

// stoppedInOrder: a daemon that was asked to stop has nothing to complain of.
func (s *scene) stoppedInOrder() {
	s.t.Helper()
	for line := range strings.Lines(s.log()) {
		asked := level != "" && strings.Contains(line, "TFOPS_SANDBOX") // for less than there is, and it says so
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") && !asked {
			s.t.Errorf("the daemon complained: %s", line)
		}
	}
}

// copyOf puts a copy of the binary at a path of the lab, as an upgrade does.
func (l *lab) copyOf(bin, name string) string {
	l.t.Helper()
	// By another process: a test that starts a program while this one has the
	// file open for writing would hand that on, and the file could not be run.
	err := exec.Command("cp", bin, l.path(name+".new")).Run()
	if err == nil {
		err = os.Rename(l.path(name+".new"), l.path(name))
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return l.path(name)
}

// TestUpgrade replaces the binary under a daemon, and removes that of a
// running apply altogether.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	original := l.bin
	l.bin = l.copyOf(original, "tfops-1")
	s := l.sceneOf("applying")
	provider := s.gate.began()
	s.copyOf(original, "tfops-1") // the daemon's own file, under its feet: it starts the next runner from it
	s.tfops(11, "plan", "other", "--wait")
	s.terminate()
	if err := os.Remove(s.bin); err != nil {
		t.Fatal(err)
	}
	s.bin = s.copyOf(original, "tfops-2")
	s.serve()
	if r := s.lab.run(s.run); r.Status != "applying" || s.gate.began() != provider {
		t.Errorf("the apply of the old binary is %s", r.Status)
	}
	s.gate.open()
	s.reaches(s.run, "applied")
	s.doneOnce("main-first", "main-last")
	s.inSync("main")
	s.inspected()
}

// TestTampered changes files in the data directory behind the daemon's back.
func TestTampered(t *testing.T) {
	age := func(s *scene, run string) string { return filepath.Join("data", "runs", run, "plan.tfplan.age") }
	for name, tamper := range map[string]func(*scene){
		"plan replaced by another of the same key": func(s *scene) { s.write(age(s, s.run), s.read(age(s, s.other))) },
		"plan damaged":   func(s *scene) { s.write(age(s, s.run), "age-encryption.org/v1\nno\n") },
		"plan cut short": func(s *scene) { s.write(age(s, s.run), s.read(age(s, s.run))[:500]) },
		"plan removed": func(s *scene) {
			if err := os.Remove(s.path(age(s, s.run))); err != nil {
				s.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "awaiting_approval")
			s.gate.open()
			s.reaches(s.other, "awaiting_approval")
			tamper(s)
			s.tfops(0, "approve", s.run)
			fresh := s.latest("main", "awaiting_approval", s.run)
			if r := s.lab.run(s.run); r.Status != "discarded" || r.Reason != "stale" ||
				!strings.Contains(r.Comment, "the saved plan") {
				t.Errorf("the run is %s (%s): %s", r.Status, r.Reason, r.Comment)
			}
			s.doneOnce() // nothing
			if len(fresh.Approvals) != 0 {
				t.Errorf("the vote for the plan that is gone counts for the fresh one: %+v", fresh.Approvals)
			}
			s.tfops(0, "approve", fresh.ID)
			s.reaches(fresh.ID, "applied")
			s.doneOnce("main-first", "main-last")
			s.inspected()
		})
	}
}

// TestForgedResults puts files of the runner's protocol where they do not belong.
func TestForgedResults(t *testing.T) {
	const success = `{"format_version": 1, "outcome": "succeeded"}`
	t.Run("a result before the apply", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "awaiting_approval")
		if err := os.Mkdir(s.path("data", "runs", s.run, "apply"), 0o700); err != nil {
			t.Fatal(err)
		}
		s.write(filepath.Join("data", "runs", s.run, "apply", "result.json"), success)
		s.tfops(0, "approve", s.run)
		s.reaches(s.run, "applied")
		s.doneOnce("main-first", "main-last") // by the engine, not by the forged word
	})
	t.Run("a mark that it was applied", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "awaiting_approval")
		if err := os.Mkdir(s.path("data", "runs", s.run, "apply"), 0o700); err != nil {
			t.Fatal(err)
		}
		s.write(filepath.Join("data", "runs", s.run, "apply", "started"), "")
		s.tfops(0, "approve", s.run)
		// It may have been: nothing repeats it, and a person looks.
		if r := s.reaches(s.run, "interrupted"); r.Error == nil || !strings.Contains(r.Error.Next, "tfops resolve "+
			s.run) {
			t.Errorf("%+v", r.Error)
		}
		s.doneOnce()
	})
	t.Run("another digest in the plan of a daemon that is gone", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "planning")
		s.crash()
		s.gate.open()
		testrig.WaitFile(t, s.path("data", "runs", s.run, "plan", "result.json"))
		for _, file := range []string{"plan.json", "plan/result.json"} {
			path := filepath.Join("data", "runs", s.run, file)
			forged := digests.ReplaceAllString(s.read(path), "sha256:"+strings.Repeat("0", 64))
			if forged == s.read(path) {
				t.Errorf("%s holds no digest", path)
			}
			s.write(path, forged)
		}
		s.serve()
		s.reaches(s.run, "awaiting_approval")
		s.tfops(0, "approve", s.run)
		s.latest("main", "awaiting_approval", s.run)
		if r := s.lab.run(s.run); r.Reason != "stale" || !strings.Contains(r.Comment, "not the one that was made") {
			t.Errorf("the run is %s (%s): %s", r.Status, r.Reason, r.Comment)
		}
		s.doneOnce()
	})
	t.Run("a damaged result of an apply", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, "applying")
		s.crash()
		s.gate.open()
		testrig.WaitFile(t, s.path("data", "runs", s.run, "apply", "result.json"))
		s.write(filepath.Join("data", "runs", s.run, "apply", "result.json"), `{"format_ver`)
		s.serve()
		if r := s.reaches(s.run, "interrupted"); !strings.Contains(r.Error.Message, "result.json is damaged") {
			t.Errorf("%+v", r.Error)
		}
		s.tfops(0, "resolve", s.run, "-m", "it had come to its end")
		s.latest("main", "planned_and_finished", s.run)
		s.doneOnce("main-first", "main-last")
		s.inSync("main")
	})
}

var digests = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// TestSharedBackend: two daemons that do not know of each other share a state,
// and its own lock keeps them apart.
func TestSharedBackend(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "shared.tfstate")
	backend := fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", state)
	one, two := newLab(t), newLab(t)
	two.world = one.world
	hold := one.gate("apply")
	for _, l := range []*lab{one, two} {
		l.repo.Commit("main", map[string]string{"main.tf": l.module(fmt.Sprintf(
			"resource \"lab_thing\" \"a\" {\n  name = \"a\"\n  gate = %q\n}\n", hold.path)) + backend})
		l.configure(passCLIConfig + fmt.Sprintf("workspace \"w\" {\n  repository = \"infra\"\n"+
			"  lock_timeout = \"0s\"\n  write = [%q, %q]\n}\n", filepath.Dir(state), filepath.Dir(hold.path)))
		l.serve()
	}
	first, second := one.latest("w", "awaiting_approval"), two.latest("w", "awaiting_approval")
	one.tfops(0, "approve", first.ID)
	hold.began()
	two.tfops(0, "approve", second.ID)
	r := two.reaches(second.ID, "errored")
	host, _ := os.Hostname()
	if !strings.Contains(r.Error.Message, "it is locked by ") || !strings.Contains(r.Error.Message, "@"+host) ||
		!strings.Contains(r.Error.Next, "wait for it to end") {
		t.Errorf("the holder is not named: %+v", r.Error)
	}
	hold.open()
	one.reaches(first.ID, "applied")
	two.tfops(0, "sync", "w", "--wait")
	one.doneOnce("a")
	one.inSync("w")
	two.inSync("w")
	one.inspected()
	two.inspected()
}

// TestDaemonKilledAtRandom kills daemon after daemon, whatever it is at, while
// commits arrive. Applies are automatic, so nothing waits for the test.
func TestDaemonKilledAtRandom(t *testing.T) {
	t.Parallel()
	const seed = 20261120
	rounds := 20 / testrig.Every(t, 5)
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	l := newLab(t)
	names := []string{"a", "b", "c"}
	config, commits, last := passCLIConfig, 0, map[string]string{}
	commit := func(some []string) {
		commits++
		files := map[string]string{}
		for _, name := range some {
			last[name] = fmt.Sprintf("%s-%d", name, commits)
			files[name+"/main.tf"] = l.module(fmt.Sprintf("resource \"lab_thing\" \"x\" {\n  name  = %q\n  value = "+
				"%q\n  delay = \"30ms\"\n}\n", name, last[name]))
		}
		l.repo.Commit("main", files)
	}
	for _, name := range names {
		config += fmt.Sprintf("workspace %q {\n  repository = \"infra\"\n  dir        = %q\n  apply      = "+
			"\"auto\"\n}\n", name, name)
	}
	l.configure(config)
	commit(names)
	answered := 0
	for range rounds {
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		if n := random.IntN(len(names) + 1); n > 0 {
			commit(names[:n])
		}
		s := l.launch()
		if random.IntN(4) > 0 { // the others are killed while they start
			l.answers(s)
			answered++
		}
		select {
		// the moment of the kill, and nothing else
		case <-time.After(time.Duration(random.IntN(600)) * time.Millisecond):
		case <-s.done:
			t.Fatalf("the daemon ended by itself: %v\n%s", s.err, l.log())
		}
		l.crash()
	}
	t.Logf("%d commits, %d of %d daemons had begun to answer when they were killed", commits, answered, rounds)
	l.serve()
	l.converges(names)
	l.doneOnce("a", "b", "c")
	for _, name := range names {
		if got := l.lastValue(name); got != last[name] {
			t.Errorf("the world's %s is %q, wanted is %q", name, got, last[name])
		}
		l.inSync(name)
	}
	l.inspected()
}

// converges waits until nothing is left to do. An apply whose daemon was
// killed right before it started a runner is the only thing that may wait for
// a person.
func (l *lab) converges(names []string) {
	l.t.Helper()
	l.until("everything is in sync", func() bool {
		for _, name := range names {
			w, err := l.client.Workspace(l.t.Context(), name)
			if err != nil {
				l.t.Fatal(err)
			}
			for _, r := range l.runsOf(name) {
				switch {
				case r.Status == "errored" && !strings.HasPrefix(r.Comment, "resolved by"):
					l.t.Fatalf("run %s: %+v\n%s", r.ID, r.Error, l.overview())
				case r.Status == "interrupted":
					if !strings.Contains(r.Error.Message, "nothing was changed") {
						l.t.Fatalf("no runner was killed, and yet: %+v", r.Error)
					}
					l.tfops(0, "resolve", r.ID, "-m", "nothing was changed")
					return false
				}
			}
			if w.Sync != "synced" || w.WaitingFor != "" || w.HeadCommit != l.repo.Head("main") {
				return false
			}
		}
		return true
	})
}

// lastValue is what the world was last told about a thing.
func (l *lab) lastValue(name string) string {
	l.t.Helper()
	value := ""
	for _, d := range l.journal() {
		if d.Name == name {
			value = d.Value
		}
	}
	return value
}
