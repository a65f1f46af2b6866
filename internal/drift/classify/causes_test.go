package classify_test

import (
	"os"
	"path/filepath"
)

const hubs = "resource \"lab_hub\" \"a\" {\n  name = \"a\"\n  value = \"one\"\n}\n"

const rotating = "resource \"time_rotating\" \"r\" {\n  rfc3339 = \"2020-01-01T00:00:00Z\"\n  rotation_days = 1\n}\n"

// causes are scenarios of who wrote the state, and of what an apply itself makes of the world.
var causes = []scenario{
	// A laptop changes, adds, removes, taints and marks; what waits for that follows.
	{"elsewhere", func(l *lab) {
		code := func(value, secret string) string {
			return thing("a", `value = "`+value+`"`, `secret = "`+secret+`"`, `tags = { Name = "`+value+`", kept = "k" }`) +
				thing("waits", `value = "rev ${lab_thing.a.revision}"`) + thing("tainted") +
				"output \"o\" {\n  value = lab_thing.a.value\n}\n"
		}
		l.config(code("one", "CANARY-one") + thing("gone"))
		l.apply()
		l.leave()
		l.config(code("two", "CANARY-two") + thing("new"))
		l.apply()
		l.terraform("taint", "lab_thing.tainted")
		l.config(code("one", "CANARY-one") + thing("gone"))
		l.plan("applied")
	}, []string{
		`applied_elsewhere lab_thing.a (update) secret: "(sensitive value)">"(sensitive value)" sensitive`,
		`applied_elsewhere lab_thing.a (update) tags.Name: "one">"two"`,
		`applied_elsewhere lab_thing.a (update) value: "one">"two"`,
		`applied_elsewhere lab_thing.gone (create)`,
		`applied_elsewhere lab_thing.new (delete)`,
		`applied_elsewhere lab_thing.tainted (replace)`,
		`applied_elsewhere lab_thing.waits (update) value: "rev 1">"rev 2" wants "(known after apply)"`,
		`applied_elsewhere output.o (update)`,
	}},

	// What the laptop left alone keeps its cause: a data source, a hand, and what comes back after each apply.
	{"elsewhere_beside", func(l *lab) {
		code := func(value string) string {
			return thing("a", `value = "`+value+`"`) + thing("b", `value = "one"`) +
				"data \"lab_value\" \"d\" {\n  path = \"WORLD/d.txt\"\n}\n" +
				thing("c", `value = data.lab_value.d.value`)
		}
		l.file(filepath.Join(l.world, "d.txt"), "1")
		l.config(code("one"))
		l.apply()
		l.leave()
		l.config(code("two"))
		l.apply("-target=lab_thing.a")
		l.config(code("one"))
		l.hand("b", set("value", "by hand"))
		l.file(filepath.Join(l.world, "d.txt"), "2")
		l.plan("applied")
	}, []string{
		`applied_elsewhere lab_thing.a (update) value: "one">"two"`,
		`changed lab_thing.b (update) value: "one">"by hand"`,
		`input lab_thing.c (update) value: "1">"1" wants "2"`,
	}},

	// A hand changes the world, and somebody takes it into the state: the first is not known any more.
	{"elsewhere_refreshed", func(l *lab) {
		l.config(thing("a", `value = "one"`) + thing("removed"))
		l.apply()
		l.leave()
		l.hand("a", set("value", "by hand"))
		l.apply("-refresh-only")
		l.terraform("state", "rm", "lab_thing.removed")
		l.plan("applied")
	}, []string{
		`applied_elsewhere lab_thing.a (update) value: "one">"by hand"`,
		`applied_elsewhere lab_thing.removed (create)`,
	}},

	// A laptop's value of any type, in a resource that the engine has built in, and lists that moved.
	{"elsewhere_shapes", func(l *lab) {
		code := func(list, input string) string {
			return "resource \"lab_box\" \"a\" {\n  name = \"a\"\n  ranges = " + list + "\n}\n" +
				"resource \"terraform_data\" \"d\" {\n  input = " + input + "\n}\n"
		}
		l.config(code(`["a", "b"]`, `{ type = "string", value = "x" }`))
		l.apply()
		l.leave()
		l.config(code(`["b", "c"]`, `{ type = "string", value = "y" }`))
		l.apply()
		l.config(code(`["a", "b"]`, `{ type = "string", value = "x" }`))
		l.plan("applied")
	}, []string{
		`applied_elsewhere lab_box.a (update) ranges[0]: "a">null`,
		`applied_elsewhere lab_box.a (update) ranges[1]: null>"c"`,
		`applied_elsewhere terraform_data.d (update) input.value: "x">"y"`,
	}},

	// A run changes, makes, replaces and removes, and then fails.
	{"half_applied", func(l *lab) {
		l.config(thing("a", `value = "one"`) + thing("waits", `value = "rev ${lab_thing.a.revision}"`) + thing("gone"))
		l.apply()
		l.leave()
		l.config(thing("a", `value = "two"`) + thing("new") + thing("bad", `fail = "no"`,
			"depends_on = [lab_thing.a, lab_thing.new]") +
			thing("waits", `value = "rev ${lab_thing.a.revision}"`, "depends_on = [lab_thing.bad]"))
		l.plan("head")
		l.halfway()
		l.config(thing("a", `value = "one"`) + thing("waits", `value = "rev ${lab_thing.a.revision}"`) + thing("gone"))
		l.plan("applied")
	}, []string{
		`half_applied lab_thing.a (update) value: "one">"two" by RUN`,
		`pending_commit lab_thing.bad (create)`,
		`half_applied lab_thing.gone (create) by RUN`,
		`half_applied lab_thing.new (delete) by RUN`,
		`follows lab_thing.waits (update) value: "rev 1">"rev 1" wants "(known after apply)" follows lab_thing.a, lab_thing.new`,
	}},

	// Nobody saw what the run left, since its runner was killed: its plan tells, and only what it planned is of it.
	{"half_applied_unseen", func(l *lab) {
		code := func(a, b string) string {
			return thing("a", `value = "`+a+`"`) + thing("b", `value = "`+b+`"`)
		}
		l.config(code("one", "one"))
		l.apply()
		l.leave()
		l.config(code("two", "one") + thing("new") + thing("bad", `fail = "no"`, "depends_on = [lab_thing.a, lab_thing.new]"))
		l.halfway()
		delete(l.plans, "half")
		l.config(code("two", "laptop"))
		l.apply("-target=lab_thing.b")
		l.config(code("one", "one"))
		l.plan("applied")
	}, []string{
		`half_applied lab_thing.a (update) value: "one">"two" by RUN`,
		`applied_elsewhere lab_thing.b (update) value: "one">"laptop"`,
		`half_applied lab_thing.new (delete) by RUN`,
	}},

	// A laptop after a run that failed halfway.
	{"half_applied_then_elsewhere", func(l *lab) {
		code := func(a, b string) string {
			return thing("a", `value = "`+a+`"`) + thing("b", `value = "`+b+`"`)
		}
		l.config(code("one", "one"))
		l.apply()
		l.leave()
		l.config(code("two", "two") + thing("bad", `fail = "no"`, "depends_on = [lab_thing.a, lab_thing.b]"))
		l.halfway()
		l.config(code("three", "two"))
		l.apply("-target=lab_thing.a")
		l.config(code("one", "one"))
		l.plan("applied")
	}, []string{
		`applied_elsewhere lab_thing.a (update) value: "one">"three"`,
		`half_applied lab_thing.b (update) value: "one">"two" by RUN`,
	}},

	// What could not be destroyed after its successor was made.
	{"half_applied_deposed", func(l *lab) {
		body := func(name string) string {
			return "resource \"lab_thing\" \"a\" {\n  name = \"" + name +
				"\"\n  fail_delete = \"too dear\"\n  lifecycle { create_before_destroy = true }\n}\n"
		}
		l.config(body("old"))
		l.apply()
		l.leave()
		l.config(body("new"))
		l.halfway()
		l.config(body("old"))
		l.plan("applied")
	}, []string{
		`half_applied lab_thing.a (replace) name: "old">"new" by RUN`,
		`half_applied lab_thing.a (deposed KEY) (delete) by RUN`,
	}},

	// An apply that changes a computed attribute of another resource, and an output of that: nothing has drifted.
	{"attached", func(l *lab) {
		l.config(hubs + "resource \"lab_spoke\" \"s\" {\n  hub = lab_hub.a.name\n}\n" +
			"output \"links\" {\n  value = lab_hub.a.links\n}\n" +
			thing("waits", `value = "links ${lab_hub.a.links}"`))
		l.last()
		l.leave()
		l.plan("applied")
	}, []string{
		`input lab_thing.waits (update) value: "links 0">"links 0" wants "links 1"`,
	}},

	// The same, and then a hand changes it once more, with what the code does not say.
	{"attached_then_changed", func(l *lab) {
		l.config(hubs + "resource \"lab_spoke\" \"s\" {\n  hub = lab_hub.a.name\n}\n")
		l.last()
		l.leave()
		l.hand("a.hub", set("links", 7))
		l.plan("applied")
	}, []string{`state_only lab_hub.a links: 1>7`}},

	// Two resources of the code want the same attribute: an apply does not last.
	{"attached_and_set", func(l *lab) {
		l.config(hubs + "resource \"lab_spoke\" \"s\" {\n  hub = lab_hub.a.name\n  sets = \"two\"\n}\n")
		l.last()
		l.leave()
		l.plan("applied")
	}, []string{`perpetual lab_hub.a (update) value: "two">"two" wants "one"`}},

	// A provider without a world: what has passed its time is gone as soon as it was made, each time.
	{"rotating", func(l *lab) {
		l.useTime()
		l.config(rotating)
		l.terraform("init", "-input=false")
		l.last()
		l.leave()
		l.plan("applied")
	}, []string{`perpetual time_rotating.r (create)`}},

	// The same where no apply did that, and where nobody has looked: nothing is gone from the world.
	{"rotating_later", func(l *lab) {
		l.useTime()
		l.config(rotating)
		l.terraform("init", "-input=false")
		l.apply()
		l.plan("applied")
	}, []string{`input time_rotating.r (create)`}},

	// What is gone as soon as it was made is not deleted each night; what somebody deletes is.
	{"fleeting", func(l *lab) {
		l.config("resource \"lab_hub\" \"f\" {\n  name = \"f\"\n  fleeting = true\n}\n" + hubs)
		l.last()
		l.leave()
		if err := os.Remove(filepath.Join(l.world, "a.hub.json")); err != nil {
			l.t.Fatal(err)
		}
		l.plan("applied")
	}, []string{
		`deleted lab_hub.a (create)`,
		`perpetual lab_hub.f (create)`,
	}},
}
