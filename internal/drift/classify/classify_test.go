package classify_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/plan"
)

// scenario makes plans with the real engine; want is what is found in them.
type scenario struct {
	name string
	make func(l *lab)
	want []string
}

var scenarios = []scenario{
	{"clean", func(l *lab) {
		l.config(thing("a", `value = "one"`))
		l.apply()
		l.plan("applied")
	}, nil},

	{"changed", func(l *lab) { // an argument, a default, a map, a hidden value
		l.config(thing("a", `value = "one"`, `tags = { Name = "a", "cost center" = "7" }`, `secret = "CANARY-one"`))
		l.apply()
		l.hand("a", func(o map[string]any) {
			o["value"], o["note"], o["secret"], o["revision"] = "by hand", "changed", "CANARY-two", 9
			o["tags"] = map[string]any{"Name": "b", "extra": "x"}
		})
		l.plan("applied")
	}, []string{
		`changed lab_thing.a (update) note: "none">"changed"`,
		`changed lab_thing.a (update) secret: "(sensitive value)">"(sensitive value)" sensitive`,
		`changed lab_thing.a (update) tags.Name: "a">"b"`,
		`changed lab_thing.a (update) tags.extra: null>"x"`,
		`changed lab_thing.a (update) tags["cost center"]: "7">null`,
		`changed lab_thing.a (update) value: "one">"by hand"`,
		`state_only lab_thing.a revision: 1>9`,
	}},

	{"deleted", func(l *lab) {
		l.config(thing("a", `value = "one"`) + thing("b", `value = lab_thing.a.id`) + "output \"id\" { value = lab_thing.a.id }\n")
		l.apply()
		l.remove("a")
		l.plan("applied")
	}, []string{
		`deleted lab_thing.a (create)`,
		`follows lab_thing.b (update) value: "a">"a" wants "(known after apply)" follows lab_thing.a`,
	}},

	{"replaced", func(l *lab) { // by a change outside that forces it
		l.config(thing("a", `value = "one"`))
		l.apply()
		l.hand("a", set("name", "other"))
		l.plan("applied")
	}, []string{
		`changed lab_thing.a (replace) name: "a">"other"`,
	}},

	// through attributes, locals, modules and others that follow; what a data source changes, too, and what follows
	// that, is input
	{"follows", func(l *lab) {
		l.module("m", "variable \"v\" {}\n"+thing("inner", `value = var.v`)+
			"output \"o\" { value = lab_thing.inner.revision }\n")
		l.file(filepath.Join(l.world, "source"), "one")
		l.config("data \"lab_value\" \"v\" { path = \"WORLD/source\" }\n" + thing("a", `value = "one"`) +
			"locals {\n  r = lab_thing.a.revision\n}\nmodule \"m\" {\n  source = \"./m\"\n  v = local.r\n}\n" +
			thing("b", `value = "${lab_thing.a.revision}"`) + thing("c", `tags = { r = module.m.o, x = "y" }`) +
			thing("replaced", `lifecycle { replace_triggered_by = [lab_thing.a] }`) +
			thing("both", `value = local.r`, `note = data.lab_value.v.value`) +
			thing("after", `value = lab_thing.both.revision`) +
			"output \"o\" { value = lab_thing.b.revision }\n")
		l.terraform("init", "-input=false")
		l.apply()
		l.hand("a", set("value", "by hand"))
		l.file(filepath.Join(l.world, "source"), "two")
		l.plan("applied")
	}, []string{
		`changed lab_thing.a (update) value: "one">"by hand"`,
		`input lab_thing.after (update) value: "1">"1" wants "(known after apply)"`,
		`follows lab_thing.b (update) value: "1">"1" wants "(known after apply)" follows lab_thing.a`,
		`input lab_thing.both (update) note: "one">"one" wants "two"`,
		`input lab_thing.both (update) value: "1">"1" wants "(known after apply)"`,
		`follows lab_thing.c (update) tags.r: "1">"1" wants "(known after apply)" follows lab_thing.a`,
		`follows lab_thing.replaced (replace) follows lab_thing.a`,
		`follows module.m.lab_thing.inner (update) value: "1">"1" wants "(known after apply)" follows lab_thing.a`,
	}},

	{"follows_what_is_gone", func(l *lab) {
		l.config(thing("a", `value = "one"`) + thing("b", `value = lab_thing.a.revision`))
		l.apply()
		l.remove("a")
		l.plan("applied")
	}, []string{
		`deleted lab_thing.a (create)`,
		`follows lab_thing.b (update) value: "1">"1" wants "(known after apply)" follows lab_thing.a`,
	}},

	{"tainted", func(l *lab) {
		l.config(thing("a", `value = "one"`))
		l.apply()
		l.terraform("taint", "lab_thing.a")
		l.plan("applied")
	}, []string{
		`input lab_thing.a (replace)`,
	}},

	// ignored, computed alone, an output that follows, and gone with nothing to make it again
	{"state_only", func(l *lab) {
		l.config(thing("a", `value = "one"`, `lifecycle { ignore_changes = [value] }`) + thing("b") +
			"output \"revision\" { value = lab_thing.b.revision }\n")
		l.apply()
		l.hand("a", set("value", "by hand"))
		l.hand("b", set("revision", 9))
		l.plan("applied")
	}, []string{
		`state_only lab_thing.a value: "one">"by hand"`,
		`state_only lab_thing.b revision: 1>9`,
		`input output.revision (update) wants 9`,
	}},

	{"input", func(l *lab) { // a data source, and what is made of it
		l.file(filepath.Join(l.world, "source"), "one")
		l.config("data \"lab_value\" \"v\" { path = \"WORLD/source\" }\n" +
			"variable \"size\" { default = 1 }\n" +
			"resource \"lab_thing\" \"n\" {\n  count = var.size\n  name = \"n${count.index}\"\n}\n" +
			thing("a", `value = data.lab_value.v.value`) + "output \"v\" { value = data.lab_value.v.value }\n")
		l.apply()
		l.file(filepath.Join(l.world, "source"), "two")
		l.plan("applied", "-var=size=2")
	}, []string{
		`input lab_thing.a (update) value: "one">"one" wants "two"`,
		`input lab_thing.n[1] (create)`,
		`input output.v (update) wants "two"`,
	}},

	{"pending_commit", func(l *lab) { // update, create, delete, move, output
		l.config(thing("a", `value = "one"`) + thing("b") + thing("c") + "output \"o\" { value = 1 }\n")
		l.apply()
		l.plan("applied")
		l.config(thing("a", `value = "two"`, `tags = { k = "v" }`) + thing("d") +
			"resource \"lab_thing\" \"e\" { name = \"c\" }\nmoved {\n  from = lab_thing.c\n  to = " +
			"lab_thing.e\n}\noutput \"o\" { value = 2 }\n")
		l.plan("head")
	}, []string{
		`pending_commit lab_thing.a (update) tags.k: null>null wants "v"`,
		`pending_commit lab_thing.a (update) value: "one">"one" wants "two"`,
		`pending_commit lab_thing.b (delete)`,
		`pending_commit lab_thing.c (no-op) wants "lab_thing.e"`,
		`pending_commit lab_thing.d (create)`,
		`pending_commit output.o (update) wants 2`,
	}},

	{"conflict", func(l *lab) { // an attribute, one that moves, a deletion, and drift beside an unrelated commit
		l.config(thing("a", `value = "one"`, `note = "x"`) + thing("b", `value = "one"`) + thing("c", `value = "one"`))
		l.apply()
		for _, n := range []string{"a", "b", "c"} {
			l.hand(n, set("value", "by hand"))
		}
		l.hand("a", set("note", "by hand"))
		l.plan("applied")
		l.config(thing("a", `value = "three"`, `note = "x"`) +
			"resource \"lab_thing\" \"m\" {\n  name = \"b\"\n  value = \"three\"\n}\nmoved {\n  from = " +
			"lab_thing.b\n  to = lab_thing.m\n}\n")
		l.plan("head")
	}, []string{
		`changed lab_thing.a (update) note: "x">"by hand"`,
		`conflict lab_thing.a (update) value: "one">"by hand" wants "three"`,
		`conflict lab_thing.b (update) value: "one">"by hand" wants "three"`,
		`conflict lab_thing.c (delete) value: "one">"by hand"`,
		`pending_commit lab_thing.c (delete)`,
	}},

	{"pre_applied", func(l *lab) { // one attribute of two, and a deletion by hand that the commit asks for
		l.config(thing("a", `value = "one"`, `note = "x"`) + thing("b"))
		l.apply()
		l.hand("a", set("value", "two"))
		l.hand("a", set("note", "by hand"))
		l.remove("b")
		l.plan("applied")
		l.config(thing("a", `value = "two"`, `note = "x"`))
		l.plan("head")
	}, []string{
		`changed lab_thing.a (update) note: "x">"by hand"`,
		`pre_applied lab_thing.a (update) value: "one">"two" wants "two"`,
		`pre_applied lab_thing.b (no-op)`,
	}},

	{"head_is_older", func(l *lab) { // the commit's plan was made before the world changed
		l.config(thing("a", `value = "one"`) + thing("b", `value = "one"`) + thing("c", `value = "one"`) + thing("d", `value = "one"`))
		l.apply()
		l.config(thing("a", `value = "two"`) + thing("b", `value = "one"`) + thing("c", `value = "three"`) + thing("d", `value = "one"`))
		l.plan("head")
		l.config(thing("a", `value = "one"`) + thing("b", `value = "one"`) + thing("c", `value = "one"`) + thing("d", `value = "one"`))
		l.hand("a", set("value", "two"))
		l.hand("b", set("value", "by hand"))
		l.hand("c", set("value", "by hand"))
		l.remove("d")
		l.plan("applied")
	}, []string{
		`pre_applied lab_thing.a (update) value: "one">"two" wants "two"`,
		`changed lab_thing.b (update) value: "one">"by hand"`,
		`conflict lab_thing.c (update) value: "one">"by hand" wants "three"`,
		`deleted lab_thing.d (create)`,
	}},

	{"perpetual", func(l *lab) { // a value that the provider keeps otherwise, and one that is new every time
		l.config("resource \"lab_box\" \"a\" {\n  name = \"a\"\n  label = \"Prod\"\n}\n" + thing("t", `value = timestamp()`))
		l.apply()
		l.last()
		l.plan("applied")
	}, []string{
		`perpetual lab_box.a (update) label: "prod">"prod" wants "Prod"`,
		`perpetual lab_thing.t (update) value: "TIME">"TIME" wants "(known after apply)"`,
	}},

	{"check_failed", func(l *lab) {
		config := func(want string) string {
			return thing("a", `value = "one"`) + "check \"health\" {\n  assert {\n    condition = lab_thing.a.value " +
				"== \"" + want + "\"\n    error_message = \"a is not " + want + "\"\n  }\n}\n"
		}
		l.config(config("one"))
		l.apply()
		l.config(config("well"))
		l.plan("applied")
	}, []string{
		`check_failed check.health | a is not well`,
	}},

	{"check_reads", func(l *lab) { // a data source that only a check has, beside another change
		config := func(value string) string {
			return thing("a", `value = "`+value+`"`) + `check "health" {
  data "lab_value" "health" {
    path = "WORLD/health"
  }
  assert {
    condition     = data.lab_value.health.value == "well"
    error_message = "it is ${data.lab_value.health.value}"
  }
}
`
		}
		l.file(filepath.Join(l.world, "health"), "well")
		l.config(config("one"))
		l.apply()
		l.file(filepath.Join(l.world, "health"), "ill")
		l.config(config("two"))
		l.plan("applied")
	}, []string{
		`check_failed check.health | it is ill`,
		`input lab_thing.a (update) value: "one">"one" wants "two"`,
	}},

	{"unchecked", func(l *lab) {
		l.config(thing("a", `fail_read = "the cloud is away"`) + thing("b"))
		l.apply()
		l.plan("applied")
	}, []string{
		`unchecked  | the engine stopped before it had planned everything`,
	}},

	{"lists", func(l *lab) { // blocks and sets, of which elements went and came
		l.config("resource \"lab_box\" \"a\" {\n  name = \"a\"\n  ranges = [\"10.0.0.0/8\", \"192.168.0.0/16\"]\n" +
			"  rule {\n    port = 22\n    action = \"deny\"\n  }\n  rule {\n    port = 443\n    action = " +
			"\"allow\"\n  }\n}\n" +
			"resource \"lab_box\" \"b\" {\n  name = \"b\"\n  rule {\n    port = 22\n    action = \"deny\"\n  }\n}\n")
		l.apply()
		l.hand("a.box", func(o map[string]any) {
			o["ranges"] = []string{"0.0.0.0/0", "192.168.0.0/16"}
			o["rules"] = []map[string]any{{"port": 8080, "action": "allow"}, {"port": 22, "action": "deny"},
				{"port": 443, "action": "deny"}}
		})
		l.hand("b.box", set("rules", []map[string]any{}))
		l.plan("applied")
	}, []string{
		`changed lab_box.a (update) ranges[0]: "10.0.0.0/8">"0.0.0.0/0"`,
		`changed lab_box.a (update) rule[0].action: null>"allow"`,
		`changed lab_box.a (update) rule[0].port: null>8080`,
		`changed lab_box.a (update) rule[2].action: "allow">"deny"`,
		`changed lab_box.b (update) rule[0].action: "deny">null`,
		`changed lab_box.b (update) rule[0].port: 22>null`,
	}},

	{"instances", func(l *lab) { // of count and for_each, within a module
		l.module("m", "variable \"p\" {}\n"+
			"resource \"lab_thing\" \"c\" {\n  count = 2\n  name = \"${var.p}${count.index}\"\n}\n")
		l.config("module \"m\" {\n  source = \"./m\"\n  for_each = toset([\"x\", \"y.z\"])\n  p = each.key\n}\n")
		l.terraform("init", "-input=false")
		l.apply()
		l.hand("x1", set("note", "by hand"))
		l.remove("y.z0")
		l.plan("applied")
	}, []string{
		`changed module.m["x"].lab_thing.c[1] (update) note: "none">"by hand"`,
		`deleted module.m["y.z"].lab_thing.c[0] (create)`,
	}},

	{"deposed", func(l *lab) {
		body := func(name string) string {
			return "resource \"lab_thing\" \"a\" {\n  name = \"" + name +
				"\"\n  fail_delete = \"too dear\"\n  lifecycle { create_before_destroy = true }\n}\n"
		}
		l.config(body("old"))
		l.apply()
		l.config(body("new"))
		if _, _, ok := l.run("apply", "-auto-approve", "-no-color"); ok {
			l.t.Fatal("the delete did not fail")
		}
		l.plan("applied")
	}, []string{
		`input lab_thing.a (deposed KEY) (delete)`,
	}},

	{"blind", func(l *lab) {
		l.config("resource \"lab_box\" \"a\" {\n  name = \"a\"\n  key_wo = \"CANARY-key\"\n}\n" + thing("b"))
		l.apply()
		l.plan("applied")
	}, nil},
}

func init() { scenarios = append(scenarios, causes...) }

func TestClassify(t *testing.T) {
	classes := map[drift.Class]bool{}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			if *update {
				l := newLab(t)
				s.make(l)
				save(t, s.name, l.plans)
			}
			plans := golden(t, s.name)
			found := classify.Differences(evidence(t, plans))
			for _, d := range found {
				classes[d.Class] = true
				if len(d.Attributes) == 0 {
					t.Errorf("%s %s has no attribute", d.Class, d.Address)
				}
			}
			if got := sketch(found); strings.Join(got, "\n") != strings.Join(s.want, "\n") {
				t.Errorf("found:\n\t\t%s\nwant:\n\t\t%s", strings.Join(got, "\n\t\t"), strings.Join(s.want, "\n\t\t"))
			}
			b, err := json.Marshal(found)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("CANARY")) {
				t.Errorf("a secret is in what was found: %s", b)
			}
		})
	}
	for _, c := range drift.Classes() {
		if !classes[c] && !t.Failed() {
			t.Errorf("no plan has the class %s", c)
		}
	}
}

// TestReal classifies what the terraform at hand plans now, so that a change of
// its JSON shows.
func TestReal(t *testing.T) {
	for _, s := range scenarios {
		if !slices.Contains([]string{"changed", "deleted", "perpetual", "lists"}, s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			l := newLab(t)
			s.make(l)
			if got := sketch(classify.Differences(evidence(t, l.plans))); strings.Join(got,
				"\n") != strings.Join(s.want, "\n") {
				t.Errorf("found:\n\t\t%s\nwant:\n\t\t%s", strings.Join(got, "\n\t\t"), strings.Join(s.want, "\n\t\t"))
			}
		})
	}
}

func TestUncheckedWithoutAPlan(t *testing.T) {
	for name, e := range map[string]classify.Evidence{
		"failed":     {Failed: "no route to the backend", Applied: &plan.Plan{Complete: true}},
		"nothing":    {},
		"errored":    {Applied: &plan.Plan{Errored: true, Complete: true}},
		"incomplete": {Applied: &plan.Plan{}},
	} {
		got := classify.Differences(e)
		if len(got) != 1 || got[0].Class != drift.Unchecked || len(got[0].Problems) != 1 || got[0].Problems[0] == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
