package classify_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/runner/module"
)

var seedFlag = flag.Uint64("seed", 0, "of TestWorlds; 0: another one each time")

// cause is what happens to one attribute of a world.
type cause string

const (
	still  cause = ""
	hand   cause = "changed"           // somebody changes the world
	laptop cause = "applied_elsewhere" // somebody applies other code to the same state
	half   cause = "half_applied"      // a run changes it, and fails
	input  cause = "input"             // a data source moves
	twice  cause = "perpetual"         // two resources of the code want another value
)

// world is a few resources that hang together: a network with subnets of each zone, a box with rules, a hub that
// others attach to, and something of which the code ignores a part.
type world struct {
	n       int
	value   cause // of the network
	note    cause
	tag     cause
	rule    cause // of the box
	gone    bool  // the box is gone
	hub     cause
	ignored bool // what the code ignores was changed by hand
	extra   cause
	ack     bool // what was changed by hand is acknowledged
	leave   bool // or left out by a rule
}

// random is a world. In a calm one nobody but tfops applies, and no run fails: any apply of all of it puts the hubs
// right.
func random(r *rand.Rand, n int, calm bool) world {
	any := func(causes ...cause) cause {
		if r.IntN(2) == 0 {
			return still
		}
		return causes[r.IntN(len(causes))]
	}
	w := world{n: n, value: any(hand, hand, laptop, half, input), note: any(hand, hand, laptop, half),
		tag: any(hand, laptop, half, input), rule: any(hand, laptop, half), gone: r.IntN(6) == 0,
		hub: any(twice), ignored: r.IntN(2) == 0, extra: any(laptop, half)}
	if r.IntN(2) == 0 { // a world of one cause, so that something can be healed
		for _, c := range []*cause{&w.value, &w.note, &w.tag, &w.rule} {
			if *c != still {
				*c = hand
			}
		}
		w.hub, w.extra = still, still
	}
	for _, c := range []*cause{&w.value, &w.note, &w.tag, &w.rule, &w.extra} {
		if calm && (*c == laptop || *c == half) {
			*c = still
		}
	}
	if !calm {
		w.hub = still
	}
	w.ack, w.leave = r.IntN(4) == 0, r.IntN(4) == 0
	return w
}

func (w world) name(what string) string { return fmt.Sprintf("w%d_%s", w.n, what) }

// code is the world as somebody writes it: with what a run that fails wants, and with what a laptop wants.
func (w world) code(withHalf, withLaptop bool) string {
	text := func(c cause, expression string) string {
		switch {
		case c == half && withHalf:
			return `"half"`
		case c == laptop && withLaptop:
			return `"laptop"`
		case c == input:
			return expression
		}
		return `"one"`
	}
	data := "data.lab_value." + w.name("d") + ".value"
	net := w.name("net")
	out := fmt.Sprintf("data \"lab_value\" %q {\n  path = \"WORLD/%s.txt\"\n}\n", w.name("d"), w.name("d")) +
		thing(net, "value = "+text(w.value, data), "note = "+text(w.note, data),
			`tags = { "app/tag" = `+text(w.tag, data)+`, kept = "k" }`) +
		fmt.Sprintf("resource \"lab_thing\" %q {\n  for_each = toset([\"a\", \"b\"])\n  name = \"%s-${each.key}\"\n"+
			"  value = \"rev ${lab_thing.%s.revision}\"\n}\n", w.name("sub"), w.name("sub"), net) +
		fmt.Sprintf("output %q {\n  value = lab_thing.%s.value\n}\n", w.name("o"), net) +
		fmt.Sprintf("resource \"lab_box\" %q {\n  name = %q\n  rule {\n    port = 1\n    action = %s\n  }\n  rule {\n"+
			"    port = 2\n    action = \"two\"\n  }\n}\n", w.name("box"), w.name("box"), text(w.rule, "")) +
		thing(w.name("part"), `value = "one"`, "lifecycle {\n    ignore_changes = [note]\n  }") +
		fmt.Sprintf("resource \"lab_hub\" %q {\n  name = %q\n  value = \"one\"\n}\n", w.name("hub"), w.name("hub")) +
		fmt.Sprintf("output %q {\n  value = lab_hub.%s.links\n}\n", w.name("links"), w.name("hub"))
	sets := ""
	if w.hub == twice {
		sets = `sets = "two"`
	}
	out += fmt.Sprintf("resource \"lab_spoke\" %q {\n  hub = lab_hub.%s.name\n  %s\n}\n", w.name("spoke"),
		w.name("hub"), sets)
	if w.extra == half && withHalf || w.extra == laptop && withLaptop {
		out += thing(w.name("extra"))
	}
	return out
}

// happens has hands and data sources change the world.
func (w world) happens(l *lab) {
	l.t.Helper()
	by := func(c cause, of, key string, v any) {
		if c == hand {
			l.hand(w.name(of), set(key, v))
		}
	}
	by(w.value, "net", "value", "by hand")
	by(w.note, "net", "note", "by hand")
	if w.tag == hand {
		l.hand(w.name("net"), func(o map[string]any) { o["tags"].(map[string]any)["app/tag"] = "by hand" })
	}
	if w.rule == hand {
		l.hand(w.name("box")+".box", func(o map[string]any) {
			o["rules"].([]any)[0].(map[string]any)["action"] = "by hand"
		})
	}
	if w.gone {
		l.remove(w.name("box") + ".box")
	}
	if w.ignored {
		l.hand(w.name("part"), set("note", "by hand"))
	}
	l.file(filepath.Join(l.world, w.name("d")+".txt"), "moved")
}

// wants is what a check has to find: classes by address and attribute.
func (w world) wants() map[string]cause {
	out := map[string]cause{}
	add := func(address, path string, c cause) {
		if c != still {
			out[address+" "+path] = c
		}
	}
	net := "lab_thing." + w.name("net")
	add(net, "value", w.value)
	add(net, "note", w.note)
	add(net, `tags["app/tag"]`, w.tag)
	if w.value != hand { // what the hand changed is put back, and the output is what it was
		add("output."+w.name("o"), "", w.value)
	}
	of := []cause{w.value, w.note, w.tag}
	sub := still
	switch { // the subnets wait for the network: whoever applied that last, applied them
	case slices.Contains(of, laptop):
		sub = laptop
	case slices.Contains(of, half):
		sub = half
	case slices.Contains(of, input):
		sub = input
	case slices.Contains(of, hand):
		sub = "follows"
	}
	for _, key := range []string{"a", "b"} {
		add(fmt.Sprintf("lab_thing.%s[%q]", w.name("sub"), key), "value", sub)
	}
	if w.gone {
		add("lab_box."+w.name("box"), "", "deleted")
	}
	if !w.gone || w.rule != hand { // what the hand changed went with it
		add("lab_box."+w.name("box"), "rule[0].action", w.rule)
	}
	add("lab_hub."+w.name("hub"), "value", w.hub)
	add("lab_thing."+w.name("extra"), "", w.extra)
	return out
}

// TestWorlds makes random worlds with known causes, many in one root module, and has the real engine apply, fail and
// plan in them. No cause may be wrong, and no heal may touch what it must not.
func TestWorlds(t *testing.T) {
	const each = 15
	batches := 20
	if testing.Short() {
		batches = 2
		t.Log("NOT RUN: 270 of 300 worlds; make test-long has them")
	}
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: go test ./internal/drift/classify -run TestWorlds -seed %d", seed, seed)
	counts, healed := map[cause]int{}, 0
	for batch := range batches {
		r := rand.New(rand.NewPCG(seed, uint64(batch)))
		var worlds []world
		calm := batch%3 == 1
		for n := range each {
			worlds = append(worlds, random(r, n, calm))
		}
		healed += tryWorlds(t, worlds, calm, counts)
	}
	t.Logf("%d worlds, %d of them healed, with %v", batches*each, healed, counts)
	for _, c := range []cause{hand, laptop, half, input, twice, "deleted", "follows"} {
		if counts[c] == 0 && !testing.Short() { // of few worlds one may well be missing
			t.Errorf("no world has the cause %s", c)
		}
	}
	if healed == 0 {
		t.Error("nothing was healed in any of them")
	}
}

func tryWorlds(t *testing.T, worlds []world, calm bool, counts map[cause]int) (healed int) {
	l := newLab(t)
	all := func(withHalf, withLaptop bool, more string) {
		body := more
		for _, w := range worlds {
			body += w.code(withHalf, withLaptop)
		}
		l.config(body)
	}
	for _, w := range worlds {
		l.file(filepath.Join(l.world, w.name("d")+".txt"), "one")
	}
	all(false, false, "")
	l.last()
	l.leave()
	var waits []string
	for _, w := range worlds {
		waits = append(waits, "lab_thing."+w.name("sub"), "lab_box."+w.name("box"))
		if w.extra == half {
			waits = append(waits, "lab_thing."+w.name("extra"))
		}
	}
	if !calm {
		all(true, false, thing("bad", `fail = "no"`, "depends_on = ["+strings.Join(waits, ", ")+"]"))
		l.halfway()
		l.plans["head"] = l.plans["halfway"]
		all(true, true, "")
		l.apply()
	}
	for _, w := range worlds {
		w.happens(l)
	}
	all(false, false, "")
	l.plan("applied")
	e := evidence(t, l.plans)
	saved := l.read("p")
	e.Applied.Ignore(func(addresses []string) map[string][]string { return module.Ignored(saved, false, addresses) })
	found := classify.Differences(e)
	for _, w := range worlds {
		of := func(address string) bool { return strings.Contains(address, w.name("")) }
		mine := slices.DeleteFunc(slices.Clone(found), func(d drift.Difference) bool {
			return !of(d.Address) || d.Class == drift.PendingCommit
		})
		got, want := map[string]cause{}, w.wants()
		for _, d := range mine {
			for _, a := range d.Attributes {
				got[d.Address+" "+a.Path] = cause(d.Class)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%+v:\nfound %v\nwant  %v", w, got, want)
		}
		for _, c := range want {
			counts[c]++
		}
		if w.heals(t, e.Applied, mine, of) {
			healed++
		}
	}
	return healed
}

// heals decides whether the world is healed, and sees that this touches nothing that it must not, and is done where
// it may be.
func (w world) heals(t *testing.T, p *plan.Plan, found []drift.Difference, of func(string) bool) bool {
	t.Helper()
	part := *p
	part.Changes = slices.DeleteFunc(slices.Clone(p.Changes), func(c plan.Change) bool { return !of(c.Address) })
	now := time.Now()
	rules := drift.Rules{}
	if w.leave {
		rules.Ignore = []drift.Ignore{{Name: "scaler", Attributes: []string{"note"}, Reason: "x"}}
	}
	findings, _ := rules.Update(nil, drift.Check{Workspace: "a", Outcome: drift.Clean}, found, now)
	protected := w.leave && w.note == hand
	for i, f := range findings {
		if w.ack && f.Class == drift.Changed && f.Life != drift.Ignored {
			acked, _, err := drift.Acknowledge(f, drift.Ack{By: "ana", Reason: "known", Until: now.Add(time.Hour)}, now)
			if err != nil {
				t.Fatal(err)
			}
			findings[i], protected = acked, true
		}
	}
	may, some := !protected, false
	for at, c := range w.wants() {
		if strings.HasPrefix(at, "output.") {
			continue
		}
		some = true
		may = may && slices.Contains([]cause{hand, "deleted", "follows"}, c)
	}
	v := healing.Rules{}.Decide(&part, findings, now)
	if v.Heal != (may && some) {
		t.Errorf("%+v: it heals: %v (%s), and may: %v", w, v.Heal, v.Why, may && some)
	}
	return v.Heal
}
