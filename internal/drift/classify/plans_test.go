package classify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/baseline"
	"github.com/tfops/tfops/internal/testrig"
)

var update = flag.Bool("update", false, "make the plan JSON in testdata/plans with the real terraform")

// lab is a root module, its world, and the real engine.
type lab struct {
	t          *testing.T
	dir, world string
	rc         string
	plans      map[string][]byte
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), world: t.TempDir(), rc: testrig.Provider(t), plans: map[string][]byte{}}
	l.config("")
	l.terraform("init", "-input=false")
	return l
}

// config writes the root module. WORLD in it is the world's directory.
func (l *lab) config(body string) {
	l.t.Helper()
	text := testrig.RequiredProviders + "provider \"lab\" {}\n" + body
	l.file(filepath.Join(l.dir, "main.tf"), strings.ReplaceAll(text, "WORLD", l.world))
}

// module writes a module that uses the provider.
func (l *lab) module(name, body string) {
	l.t.Helper()
	if err := os.Mkdir(filepath.Join(l.dir, name), 0o700); err != nil {
		l.t.Fatal(err)
	}
	l.file(filepath.Join(l.dir, name, "main.tf"), "terraform {\n  required_providers {\n    lab = { source = "+
		"\"registry.terraform.io/tfops/lab\" }\n  }\n}\n"+body)
}

func (l *lab) file(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// run returns what was printed and whether the engine was content.
func (l *lab) run(args ...string) ([]byte, []byte, bool) {
	l.t.Helper()
	ctx, cancel := testrig.Deadline(l.t)
	defer cancel()
	cmd := exec.CommandContext(ctx, testrig.Terraform(l.t), args...)
	cmd.Dir = l.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.dir, "TF_CLI_CONFIG_FILE=" + l.rc, "LAB_WORLD=" +
		l.world, "CHECKPOINT_DISABLE=1"}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatal(err)
	}
	return out.Bytes(), errs.Bytes(), err == nil
}

func (l *lab) terraform(args ...string) []byte {
	l.t.Helper()
	out, errs, ok := l.run(args...)
	if !ok {
		l.t.Fatalf("terraform %v\n%s%s", args, out, errs)
	}
	return out
}

// plan makes a plan and keeps its JSON under a name.
func (l *lab) plan(name string, args ...string) {
	l.t.Helper()
	_, errs, ok := l.run(append([]string{"plan", "-out=p", "-lock=false", "-no-color"}, args...)...)
	if !ok && !bytes.Contains(errs, []byte("lab_thing: read failed")) {
		l.t.Fatalf("terraform plan %v\n%s", args, errs)
	}
	l.plans[name] = l.sanitized(l.terraform("show", "-json", "p"))
	if name == "applied" && l.plans["left"] != nil {
		found, world := baseline.InPlan(l.read("p"))
		l.keep("states", states{found, world})
	}
}

// states are those in the plan of a check.
type states struct{ Found, World *baseline.State }

// keep keeps something beside the plans.
func (l *lab) keep(name string, v any) {
	l.t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		l.t.Fatal(err)
	}
	l.plans[name] = append(bytes.ReplaceAll(b, []byte(l.world), []byte("/world")), '\n')
}

func (l *lab) read(name string) []byte {
	l.t.Helper()
	b, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.t.Fatal(err)
	}
	return b
}

// leave keeps what an apply left, as the end of a run does.
func (l *lab) leave() {
	l.t.Helper()
	l.terraform("plan", "-refresh-only", "-out=look", "-lock=false", "-no-color")
	found, world := baseline.InPlan(l.read("look"))
	left := baseline.Seen(found, world)
	if left.Moved() {
		if err := left.ReadOutputs(l.terraform("show", "-json", "look")); err != nil {
			l.t.Fatal(err)
		}
	}
	l.keep("left", left)
}

// halfway makes a plan, applies it as a run whose apply fails, and keeps what that left.
func (l *lab) halfway() {
	l.t.Helper()
	l.plan("halfway")
	if _, _, ok := l.run("apply", "-no-color", "p"); ok {
		l.t.Fatal("the apply did not fail")
	}
	l.keep("half", baseline.Of(baseline.ReadState(l.terraform("state", "pull"))))
}

// last makes a plan, keeps it as that of the newest apply, and applies it.
func (l *lab) last() {
	l.t.Helper()
	l.plan("last")
	l.terraform("apply", "-no-color", "p")
}

func (l *lab) apply(args ...string) {
	l.t.Helper()
	l.terraform(append([]string{"apply", "-auto-approve", "-no-color"}, args...)...)
}

// sanitized is plan JSON without what repeats it, and without this machine.
func (l *lab) sanitized(raw []byte) []byte {
	l.t.Helper()
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		l.t.Fatal(err)
	}
	for _, part := range []string{"planned_values", "timestamp", "relevant_attributes"} {
		delete(doc, part)
	}
	b, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		l.t.Fatal(err)
	}
	return append(bytes.ReplaceAll(b, []byte(l.world), []byte("/world")), '\n')
}

// hand changes an object of the world by hand.
func (l *lab) hand(name string, change func(o map[string]any)) {
	l.t.Helper()
	file := filepath.Join(l.world, name+".json")
	b, err := os.ReadFile(file)
	if err != nil {
		l.t.Fatal(err)
	}
	o := map[string]any{}
	if err := json.Unmarshal(b, &o); err != nil {
		l.t.Fatal(err)
	}
	change(o)
	if b, err = json.Marshal(o); err != nil {
		l.t.Fatal(err)
	}
	l.file(file, string(b))
}

func (l *lab) remove(name string) {
	l.t.Helper()
	if err := os.Remove(filepath.Join(l.world, name+".json")); err != nil {
		l.t.Fatal(err)
	}
}

func set(key string, v any) func(map[string]any) {
	return func(o map[string]any) { o[key] = v }
}

func thing(name string, args ...string) string {
	return fmt.Sprintf("resource \"lab_thing\" %q {\n  name = %q\n  %s\n}\n", name, name, strings.Join(args, "\n  "))
}

// evidence reads the plans of a scenario.
func evidence(t testing.TB, plans map[string][]byte) classify.Evidence {
	t.Helper()
	read := func(name string) *plan.Plan {
		if plans[name] == nil {
			return nil
		}
		known := plan.Known{}
		if name == "applied" && plans["left"] != nil {
			known.Left = left(t, plans)
		}
		p, _, err := plan.Read(plans[name], "sha256:x", known)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return p
	}
	e := classify.Evidence{Applied: read("applied"), Head: read("head"), LastApply: read("last")}
	if p := read("halfway"); p != nil {
		e.Halfway = []classify.Halfway{{Run: "RUN", Plan: p, Left: plans["half"] != nil}}
	}
	return e
}

// left is what was left before the check of a scenario.
func left(t testing.TB, plans map[string][]byte) *baseline.Known {
	t.Helper()
	var s states
	k := &baseline.Known{Left: &baseline.Baseline{}}
	read := func(name string, into any) {
		if err := json.Unmarshal(plans[name], into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	read("states", &s)
	read("left", k.Left)
	k.Found, k.InWorld = s.Found, s.World
	if plans["half"] != nil {
		k.Half = &baseline.Baseline{}
		read("half", k.Half)
	}
	return k
}

// sketch writes differences one attribute a line.
func sketch(list []drift.Difference) []string {
	var out []string
	show := func(v any) string {
		b, _ := json.Marshal(v)
		return string(b)
	}
	for _, d := range list {
		for _, a := range d.Attributes {
			line := fmt.Sprintf("%s %s", d.Class, d.Address)
			if d.Action != "" {
				line += " (" + string(d.Action) + ")"
			}
			if a.Path != "" {
				line += fmt.Sprintf(" %s: %s>%s", a.Path, show(a.Before), show(a.After))
			}
			if a.Wanted != nil {
				line += " wants " + show(a.Wanted)
			}
			if a.Sensitive {
				line += " sensitive"
			}
			if len(d.Follows) > 0 {
				line += " follows " + strings.Join(d.Follows, ", ")
			}
			if d.Written != nil && d.Written.Run != "" {
				line += " by " + d.Written.Run
			}
			for _, p := range d.Problems {
				line += " | " + p
			}
			out = append(out, steady(line))
		}
	}
	return out
}

var (
	timestamps = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:]+Z`)
	deposedKey = regexp.MustCompile(`deposed [0-9a-f]+`)
)

// steady is a line without what differs every time.
func steady(line string) string {
	return deposedKey.ReplaceAllString(timestamps.ReplaceAllString(line, "TIME"), "deposed KEY")
}

const goldenPlans = "testdata/plans"

// golden reads the plans of a scenario that were made with the real engine.
func golden(t testing.TB, name string) map[string][]byte {
	t.Helper()
	plans := map[string][]byte{}
	for _, part := range []string{"applied", "head", "last", "left", "half", "halfway", "states"} {
		b, err := os.ReadFile(filepath.Join(goldenPlans, name+"."+part+".json"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		plans[part] = b
	}
	if plans["applied"] == nil {
		t.Fatalf("%s has no plan in %s: make it with -update", name, goldenPlans)
	}
	return plans
}

func save(t *testing.T, name string, plans map[string][]byte) {
	t.Helper()
	if err := os.MkdirAll(goldenPlans, 0o755); err != nil {
		t.Fatal(err)
	}
	for part, b := range plans {
		if err := os.WriteFile(filepath.Join(goldenPlans, name+"."+part+".json"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
