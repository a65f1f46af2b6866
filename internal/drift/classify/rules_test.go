package classify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/plan"
)

type object = map[string]any

// change is one of x.a, from one value to another.
func change(action plan.Action, before, after object, more ...func(*plan.Change)) plan.Change {
	c := plan.Change{Address: "x.a", Mode: "managed", Type: "x", Name: "a", Action: action,
		Configured: []string{"a", "list", "s"}}
	if before != nil {
		c.Before = before
	}
	if after != nil {
		c.After = after
	}
	for _, m := range more {
		m(&c)
	}
	return c
}

func unknown(name string) func(*plan.Change) {
	return func(c *plan.Change) { c.Unknown = object{name: true} }
}

func hiddenChange(path string) func(*plan.Change) {
	return func(c *plan.Change) { c.SensitiveChanged = []string{path} }
}

func planOf(drifts, changes []plan.Change) *plan.Plan {
	return &plan.Plan{Complete: true, Drift: drifts, Changes: changes}
}

// TestRules is what real plans of the test provider do not come to.
func TestRules(t *testing.T) {
	one := func(c ...plan.Change) []plan.Change { return c }
	hidden := plan.Sensitive
	rules := func(ports ...string) object {
		var list []any
		for _, p := range ports {
			list = append(list, object{"port": p, "who": "all"})
		}
		return object{"list": list}
	}
	rows := func(rows ...string) object {
		var list []any
		for _, row := range rows {
			var of []any
			for _, r := range row {
				of = append(of, string(r))
			}
			list = append(list, of)
		}
		return object{"list": list}
	}
	for _, c := range []struct {
		name                string
		applied, head, last *plan.Plan
		want                []string
	}{
		{"a provider writes null as empty",
			planOf(one(change(plan.Update, object{"a": nil, "c": nil}, object{"a": "", "c": []any{}})), nil), nil, nil,
			nil},
		{"a configured argument that waits for another resource is put back all the same",
			planOf(one(change(plan.Update, object{"a": "1"}, object{"a": "2"})),
				one(change(plan.Update, object{"a": "2"}, object{}, unknown("a")))), nil, nil,
			[]string{`changed x.a (update) a: "1">"2" wants "(known after apply)"`}},
		{"a computed value alone that becomes unknown is the update as a whole",
			planOf(nil, one(change(plan.Update, object{"etag": "1"}, object{}, unknown("etag")))), nil, nil,
			[]string{`input x.a (update)`}},
		{"put back to another value than was applied",
			planOf(one(change(plan.Update, object{"a": "1"}, object{"a": "2"})),
				one(change(plan.Update, object{"a": "2"}, object{"a": "3"}))), nil, nil,
			[]string{`changed x.a (update) a: "1">"2" wants "3"`}},
		{"hidden, and HEAD did not know of it and changes it",
			planOf(one(change(plan.Update, object{"s": hidden}, object{"s": hidden}, hiddenChange("s"))),
				one(change(plan.Update, object{"s": hidden}, object{"s": hidden}, hiddenChange("s")))),
			planOf(nil, one(change(plan.Update, object{"s": hidden}, object{"s": hidden}, hiddenChange("s")))), nil,
			[]string{`conflict x.a (update) s: "(sensitive value)">"(sensitive value)" wants "(sensitive value)" sensitive`}},
		{"hidden, and HEAD knew of it and leaves it",
			planOf(one(change(plan.Update, object{"s": hidden}, object{"s": hidden}, hiddenChange("s"))),
				one(change(plan.Update, object{"s": hidden}, object{"s": hidden}, hiddenChange("s")))),
			planOf(one(change(plan.Update, object{"s": hidden}, object{"s": hidden}, hiddenChange("s"))), nil), nil,
			[]string{`pre_applied x.a s: "(sensitive value)">"(sensitive value)" wants "(sensitive value)" sensitive`}},
		{"HEAD asks for what the world has and the applied commit does not care",
			planOf(one(change(plan.Update, object{"b": "1"}, object{"b": "2"})), nil),
			planOf(nil, one(change(plan.Update, object{"b": "1"}, object{"b": "2"}))), nil,
			[]string{`pre_applied x.a (update) b: "1">"2" wants "2"`}},
		{"HEAD asks for another value and the applied commit does not care",
			planOf(one(change(plan.Update, object{"b": "1"}, object{"b": "2"})), nil),
			planOf(nil, one(change(plan.Update, object{"b": "2"}, object{"b": "3"}))), nil,
			[]string{`conflict x.a (update) b: "1">"2" wants "3"`}},
		{"HEAD wants a third value of what an input changes",
			planOf(nil, one(change(plan.Update, object{"a": "1"}, object{"a": "2"}))),
			planOf(nil, one(change(plan.Update, object{"a": "1"}, object{"a": "3"}))), nil,
			[]string{`input x.a (update) a: "1">"1" wants "2"`, `pending_commit x.a (update) a: "1">"1" wants "3"`}},
		{"HEAD wants the same as an input changes",
			planOf(nil, one(change(plan.Update, object{"a": "1"}, object{"a": "2"}))),
			planOf(nil, one(change(plan.Update, object{"a": "1"}, object{"a": "2"}))), nil,
			[]string{`input x.a (update) a: "1">"1" wants "2"`}},
		{"elements that went and came are put back together",
			planOf(one(change(plan.Update, rules("1", "2", "3"), rules("0", "2", "9", "3"))),
				one(change(plan.Update, rules("0", "2", "9", "3"), rules("1", "2", "3")))), nil, nil,
			[]string{`changed x.a (update) list[0].port: "1">"0"`, `changed x.a (update) list[2].port: null>"9"`, `changed x.a (update) list[2].who: null>"all"`}},
		{"a row of a list of lists drifted in one element",
			planOf(one(change(plan.Update, rows("ab", "c"), rows("ax", "c"))),
				one(change(plan.Update, rows("ax", "c"), rows("ab", "c")))), nil, nil,
			[]string{`changed x.a (update) list[0][1]: "b">"x"`}},
		{"rows of a list of lists changed their places",
			planOf(one(change(plan.Update, rows("ab", "ac"), rows("ac", "ab"))),
				one(change(plan.Update, rows("ac", "ab"), rows("ab", "ac")))), nil, nil,
			[]string{`changed x.a (update) list[0][0]: "a">null`, `changed x.a (update) list[0][1]: "b">null`,
				`changed x.a (update) list[1][0]: null>"a" wants "a"`, `changed x.a (update) list[1][1]: null>"b" wants "c"`}},
		{"rows of lists of lists of lists",
			planOf(one(change(plan.Update, object{"list": []any{rows("ab", "c")["list"]}},
				object{"list": []any{rows("ab", "d")["list"]}})),
				one(change(plan.Update, object{"list": []any{rows("ab", "d")["list"]}},
					object{"list": []any{rows("ab", "c")["list"]}}))), nil, nil,
			[]string{`changed x.a (update) list[0][1][0]: "c">"d"`}},
		{"a key of a map drifted, and an input changes another",
			planOf(one(change(plan.Update, object{"list": object{"a.b/c": "x", "a.b/d": "1"}},
				object{"list": object{"a.b/c": "y", "a.b/d": "1"}})),
				one(change(plan.Update, object{"list": object{"a.b/c": "y", "a.b/d": "1"}},
					object{"list": object{"a.b/c": "x", "a.b/d": "2"}}))), nil, nil,
			[]string{`changed x.a (update) list["a.b/c"]: "x">"y"`, `input x.a (update) list["a.b/d"]: "1">"1" wants "2"`}},
		{"an element of a list drifted, and an input changes another",
			planOf(one(change(plan.Update, object{"list": []any{"a", "b"}}, object{"list": []any{"z", "b"}})),
				one(change(plan.Update, object{"list": []any{"z", "b"}}, object{"list": []any{"a", "c"}}))), nil, nil,
			[]string{`changed x.a (update) list[0]: "a">"z"`, `input x.a (update) list[1]: "b">"b" wants "c"`}},
		{"an attribute of a block drifted, and an input changes the same one of another",
			planOf(one(change(plan.Update, rules("1", "2"), rules("9", "2"))),
				one(change(plan.Update, rules("9", "2"), rules("1", "3")))), nil, nil,
			[]string{`changed x.a (update) list[0].port: "1">"9"`, `input x.a (update) list[1].port: "2">"2" wants "3"`}},
		{"a block came, and an input changes another: which is which cannot be told",
			planOf(one(change(plan.Update, rules("1", "2"), rules("0", "1", "2"))),
				one(change(plan.Update, rules("0", "1", "2"), rules("1", "3")))), nil, nil,
			[]string{`changed x.a (update) list[0].port: null>"0" wants [{"port":"1","who":"all"},{"port":"3","who":"all"}]`,
				`changed x.a (update) list[0].who: null>"all" wants [{"port":"1","who":"all"},{"port":"3","who":"all"}]`}},
		{"the world changed one key, and HEAD wants another",
			planOf(one(change(plan.Update, object{"list": object{"c.d": "1", "a.b": "1"}},
				object{"list": object{"c.d": "2", "a.b": "1"}})),
				one(change(plan.Update, object{"list": object{"c.d": "2", "a.b": "1"}},
					object{"list": object{"c.d": "1", "a.b": "1"}}))),
			planOf(one(change(plan.Update, object{"list": object{"c.d": "1", "a.b": "1"}},
				object{"list": object{"c.d": "2", "a.b": "1"}})),
				one(change(plan.Update, object{"list": object{"c.d": "2", "a.b": "1"}},
					object{"list": object{"c.d": "1", "a.b": "3"}}))), nil,
			[]string{`changed x.a (update) list["c.d"]: "1">"2"`, `pending_commit x.a (update) list["a.b"]: "1">"1" wants "3"`}},
		{"gone, and an input makes it otherwise",
			planOf(one(change(plan.Delete, object{"a": "1", "s": "x"}, nil)),
				one(change(plan.Create, nil, object{"a": "2", "s": "y"},
					func(c *plan.Change) { c.Causes.Constant = []string{"s"} }))), nil, nil,
			[]string{`deleted x.a (create)`, `input x.a (create) a: "1">"1" wants "2"`}},
		{"gone, and made as it was", // "n" is not set by the code, "list" is known later
			planOf(one(change(plan.Delete, object{"a": "1", "n": "x", "list": "l"}, nil)),
				one(change(plan.Create, nil, object{"a": "1", "n": "y"}, unknown("list")))), nil, nil,
			[]string{`deleted x.a (create)`}},
		{"the apply before made another change",
			planOf(nil, one(change(plan.Update, object{"a": "1"}, object{"a": "2"}))), nil,
			planOf(nil, one(change(plan.Update, object{"a": "0"}, object{"a": "1"}))),
			[]string{`input x.a (update) a: "1">"1" wants "2"`}},
		{"an unknown value that only creating made before is not perpetual",
			planOf(nil, one(change(plan.Update, object{"a": "1"}, object{}, unknown("a")))), nil,
			planOf(nil, one(change(plan.Create, nil, object{}, unknown("a")))),
			[]string{`input x.a (update) a: "1">"1" wants "(known after apply)"`}},
		{"a move in the state",
			planOf(nil, one(change(plan.NoOp, object{"a": "1"}, object{"a": "1"},
				func(c *plan.Change) { c.PreviousAddress = "x.old" }))), nil, nil,
			[]string{`input x.a (no-op) wants "x.a"`}},
		{"gone, and nothing makes it again",
			planOf(one(change(plan.Delete, object{"a": "1"}, nil)), nil), nil, nil,
			[]string{`state_only x.a`}},
		{"gone, and HEAD makes it another way",
			planOf(one(change(plan.Delete, object{"a": "1"}, nil)),
				one(change(plan.Create, nil, object{"a": "1"}, unknown("id")))),
			planOf(one(change(plan.Delete, object{"a": "1"}, nil)),
				one(change(plan.Create, nil, object{"a": "2"}, unknown("id")))), nil,
			[]string{`deleted x.a (create)`, `pending_commit x.a (create) a: "1">"1" wants "2"`}},
		{"a data source that waits for what drift changes",
			planOf(one(change(plan.Update, object{"a": "1"}, object{"a": "2"})),
				one(change(plan.Update, object{"a": "2"}, object{"a": "1"}),
					plan.Change{Address: "data.x.b", Mode: "data", Type: "x", Action: plan.ReadData})), nil, nil,
			[]string{`changed x.a (update) a: "1">"2"`}},
		{"a condition that could not be evaluated",
			&plan.Plan{Complete: true, Checks: []plan.Check{{Address: "output.o", Kind: "output_value",
				Status: "error"}, {Address: "x.a", Kind: "resource", Status: "unknown"}}}, nil, nil,
			[]string{`check_failed output.o | a condition could not be evaluated`}},
		{"an output that is written anew after every apply",
			&plan.Plan{Complete: true, Outputs: []plan.Output{{Name: "o", Action: plan.Update, Before: "a",
				After: "A"}}}, nil,
			&plan.Plan{Complete: true, Outputs: []plan.Output{{Name: "o", Action: plan.Create, After: "A"}}},
			[]string{`perpetual output.o (update) wants "A"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := sketch(classify.Differences(classify.Evidence{Applied: c.applied, Head: c.head, LastApply: c.last}))
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("found:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
			}
		})
	}
}

func TestBlinds(t *testing.T) {
	e := evidence(t, golden(t, "blind"))
	got := classify.Blinds(e.Applied)
	if len(got) != 2 || got[0].Address != "" || got[1].Address != "lab_box.a" ||
		got[1].What != "write-only argument key_wo" {
		t.Errorf("blind: %+v", got)
	}
	if e.Applied.Compared != 2 {
		t.Errorf("%d instances were compared, want 2", e.Applied.Compared)
	}
	if got := classify.Blinds(nil); len(got) != 1 || got[0].Why == "" {
		t.Errorf("without a plan: %+v", got)
	}
	p := &plan.Plan{Errored: true, Deferred: []plan.Change{{Address: "x.b", Reason: "provider_config_unknown"}},
		Unseen: []plan.Unseen{{Address: "ephemeral.x.k"}},
		Changes: []plan.Change{{Address: "data.x.d", Mode: "data", Action: plan.ReadData},
			{Address: "data.x.of_a_check", Mode: "data", Action: plan.ReadData, Reason: "read_because_check_nested"}}}
	var seen []string
	for _, b := range classify.Blinds(p) {
		seen = append(seen, b.Address)
		if b.What == "" || b.Why == "" {
			t.Errorf("%+v says too little", b)
		}
	}
	if want := []string{"", "", "data.x.d", "ephemeral.x.k", "x.b"}; !slices.Equal(seen, want) {
		t.Errorf("blind at %q, want %q", seen, want)
	}
}
