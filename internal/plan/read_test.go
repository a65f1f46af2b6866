package plan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/diff"
	"github.com/tfops/tfops/internal/plan/values"
)

// doc is plan JSON with these parts besides the version.
func doc(parts ...string) []byte {
	return []byte(`{"format_version":"1.2","terraform_version":"1.11.4",` + strings.Join(append(parts, `"timestamp":"x"`), ",") + `}`)
}

// resource is one entry of resource_changes; change is the inside of "change".
func resource(address, change string, more ...string) string {
	typ, name, _ := strings.Cut(address, ".")
	return fmt.Sprintf(`{"address":%q,"mode":"managed","type":%q,"name":%q,"provider_name":"registry.terraform.io/x/y",%s"change":{%s}}`,
		address, typ, name, strings.Join(append(more, ""), ","), change)
}

func read(t *testing.T, raw []byte) *plan.Plan {
	t.Helper()
	p, _, err := plan.Read(raw, "sha256:d", plan.Known{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestActions(t *testing.T) {
	for _, c := range []struct {
		actions string
		want    plan.Action
		first   bool
		counts  plan.Counts
	}{
		{`["create"]`, plan.Create, false, plan.Counts{Add: 1}},
		{`["update"]`, plan.Update, false, plan.Counts{Change: 1}},
		{`["delete"]`, plan.Delete, false, plan.Counts{Delete: 1}},
		{`["delete","create"]`, plan.Replace, false, plan.Counts{Replace: 1}},
		{`["create","delete"]`, plan.Replace, true, plan.Counts{Replace: 1}},
		{`["create","forget"]`, plan.Replace, true, plan.Counts{Replace: 1}},
		{`["forget"]`, plan.Forget, false, plan.Counts{Forget: 1}},
		{`["read"]`, plan.ReadData, false, plan.Counts{Read: 1}},
	} {
		p := read(t, doc(`"resource_changes":[`+resource("a.b", `"actions":`+c.actions)+`]`))
		if len(p.Changes) != 1 || p.Changes[0].Action != c.want || p.Changes[0].CreateFirst != c.first ||
			p.Counts != c.counts {
			t.Errorf("%s: %+v, %+v", c.actions, p.Changes, p.Counts)
		}
	}
	for _, actions := range []string{`["explode"]`, `[]`, `["create","update"]`} {
		_, _, err := plan.Read(doc(`"resource_changes":[`+resource("a.b", `"actions":`+actions)+`]`), "x", plan.Known{})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "a.b") || fault.Next(err) == "" {
			t.Errorf("%s: %v", actions, err)
		}
	}
}

func TestNoOps(t *testing.T) {
	p := read(t, doc(`"resource_changes":[`+strings.Join([]string{
		resource("a.same", `"actions":["no-op"]`),
		resource("a.moved", `"actions":["no-op"]`, `"previous_address":"a.was"`),
		resource("a.notmoved", `"actions":["no-op"]`, `"previous_address":"a.notmoved"`),
		resource("a.imported", `"actions":["no-op"],"importing":{"id":"i-1"}`),
		resource("a.identity", `"actions":["update"],"importing":{"identity":{"arn":"x"}}`),
		resource("a.later", `"actions":["create"],"importing":{}`),
		`null`, `{"address":"a.empty"}`,
		`{"address":"ephemeral.a.b","mode":"ephemeral","type":"a","name":"b","change":{"actions":["open"]}}`,
	}, ",")+`]`))
	var got []string
	for _, c := range p.Changes {
		got = append(got, c.Address+" "+c.PreviousAddress+" "+c.ImportID)
	}
	want := []string{"a.moved a.was ", "a.imported  i-1", `a.identity  {"arn":"x"}`, "a.later  (known after apply)"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := (plan.Counts{Add: 1, Change: 1, Import: 3, Move: 1}); p.Counts != want {
		t.Errorf("counts %+v", p.Counts)
	}
}

func TestDerived(t *testing.T) {
	create := `"resource_changes":[` + resource("a.b", `"actions":["create"]`) + `]`
	read1 := `"resource_changes":[{"address":"data.a.b","mode":"data","type":"a","name":"b","change":{"actions":["read"]}}]`
	output := `"output_changes":{"o":{"actions":["create"],"after":1,"after_sensitive":false}}`
	deferred := `"deferred_changes":[{"reason":"instance_count_unknown","resource_change":` + resource("a.b", `"actions":["create"]`) + `},null]`
	type flags struct{ Applyable, Complete, Errored, Changes bool }
	for _, c := range []struct {
		name  string
		parts []string
		want  flags
	}{
		{"nothing", nil, flags{Complete: true}},
		{"old, a resource", []string{create}, flags{true, true, false, true}},
		{"old, an output", []string{output}, flags{true, true, false, true}},
		{"old, only a read", []string{read1}, flags{Complete: true}},
		{"errored", []string{create, `"errored":true`}, flags{false, true, true, true}},
		{"errored, as the engine writes it", []string{create, `"errored":true,"complete":false,"applyable":false`}, flags{false, false, true, true}},
		{"applyable is believed", []string{`"applyable":true`}, flags{true, true, false, true}},
		{"not applyable is believed", []string{create, `"applyable":false`}, flags{false, true, false, true}},
		{"incomplete", []string{create, `"complete":false`}, flags{true, false, false, true}},
		{"deferred without complete", []string{deferred}, flags{Complete: false}},
	} {
		p := read(t, doc(c.parts...))
		if got := (flags{p.Applyable, p.Complete, p.Errored, p.HasChanges()}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	p := read(t, doc(deferred))
	if len(p.Deferred) != 1 || p.Deferred[0].Reason != "instance_count_unknown" || p.Counts != (plan.Counts{}) {
		t.Errorf("deferred %+v, counts %+v", p.Deferred, p.Counts)
	}
}

func TestDestroy(t *testing.T) {
	gone := resource("a.b", `"actions":["delete"]`)
	because := resource("a.c", `"actions":["delete"]`, `"action_reason":"delete_because_no_resource_config"`)
	for _, c := range []struct {
		list string
		want bool
	}{{"", false}, {gone, true}, {because, false}, {gone + "," + because, false},
		{gone + "," + resource("a.d", `"actions":["create"]`), false}} {
		if p := read(t, doc(`"resource_changes":[`+c.list+`]`)); p.Destroy != c.want {
			t.Errorf("%s: %v", c.list, p.Destroy)
		}
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	const n = "12345678901234567890.123456789"
	p := read(t, doc(`"resource_changes":[`+resource("a.b", `"actions":["create"],"after":{"n":`+n+`},"after_sensitive":{}`)+`]`))
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again plan.Plan
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, &again) {
		t.Errorf("read again: %+v\nwas %+v", again, p)
	}
	if b2, err := json.Marshal(again); err != nil || !bytes.Contains(b2, []byte(n)) {
		t.Errorf("%s (%v)", b2, err)
	}
	if err := json.Unmarshal([]byte(`{"format_version":2}`), &again); !fault.Is(err, fault.Invalid) {
		t.Errorf("a newer format: %v", err)
	}
}

func TestChecks(t *testing.T) {
	p := read(t, doc(`"checks":[
		{"address":{"kind":"resource","to_display":"a.b"},"status":"fail","instances":[
			{"address":{"to_display":"a.b[0]"},"status":"pass"},
			{"address":{"to_display":"a.b[1]"},"status":"fail","problems":[{"message":"one"},{"message":"two"}]}]},
		{"address":{"kind":"output_value","to_display":"output.o"},"status":"unknown"},
		{"address":{"kind":"var","to_display":"var.v"},"status":"error","instances":[{"address":{},"status":"error"}]}]`))
	want := []plan.Check{
		{Address: "a.b[0]", Kind: "resource", Status: "pass"},
		{Address: "a.b[1]", Kind: "resource", Status: "fail", Problems: []string{"one", "two"}},
		{Address: "output.o", Kind: "output_value", Status: "unknown"},
		{Address: "var.v", Kind: "var", Status: "error"},
	}
	if !reflect.DeepEqual(p.Checks, want) {
		t.Errorf("%+v", p.Checks)
	}
}

func TestDrift(t *testing.T) {
	p := read(t, doc(`"resource_drift":[`+
		resource("a.changed", `"actions":["update"],"before":{"x":"1","p":"CANARY-one"},"after":{"x":"2","p":"CANARY-two"},"before_sensitive":{"p":true},"after_sensitive":{}`)+","+
		resource("a.gone", `"actions":["delete"],"before":{"x":"1"},"before_sensitive":{},"after_sensitive":false`)+","+
		resource("a.moved", `"actions":["no-op"]`, `"previous_address":"a.was"`)+`]`))
	if len(p.Drift) != 2 || p.Drift[0].Address != "a.changed" || p.Drift[1].Action != plan.Delete ||
		p.Counts != (plan.Counts{}) {
		t.Errorf("%+v", p.Drift)
	}
	if got := p.Drift[0].SensitiveChanged; !slices.Equal(got, []string{"p"}) {
		t.Errorf("hidden changes %q", got)
	}
	if b, _ := json.Marshal(p); bytes.Contains(b, []byte("CANARY")) {
		t.Errorf("%s", b)
	}
}

func TestPathsAndInvocations(t *testing.T) {
	p := read(t, doc(`"resource_changes":[`+resource("a.b", `"actions":["delete","create"],"replace_paths":[["a"],["b",0,"c d"],[],"odd",[true]]`)+`]`,
		`"action_invocations":[{"address":"action.x.y","type":"x","config_values":{"p":"CANARY"},"lifecycle_action_trigger":{"triggering_resource_address":"a.b"}},null]`))
	if got := p.Changes[0].ReplacePaths; !slices.Equal(got, []string{"a", `b[0]["c d"]`}) {
		t.Errorf("%q", got)
	}
	hidden := read(t, doc(`"resource_changes":[`+resource("a.b", `"actions":["delete","create"],"replace_paths":[["m",0,"CANARY"],["m",0,"CANARY2"],["m",7,"x"]],
		"before":{"m":[{"CANARY":1}]},"before_sensitive":{"m":[true]},"after":{"m":[{"CANARY2":1}]},"after_sensitive":{"m":[{}]}`)+`]`))
	if got := hidden.Changes[0].ReplacePaths; !slices.Equal(got, []string{"m[0]", "m[7].x"}) {
		t.Errorf("%q", got)
	}
	if want := []plan.Invocation{{Address: "action.x.y", Type: "x", Trigger: "a.b"}}; !slices.Equal(p.Invocations,
		want) {
		t.Errorf("%+v", p.Invocations)
	}
}

// TestOtherEngines reads what OpenTofu and old versions write: no "complete",
// no "applyable", other providers, no masks at all.
func TestOtherEngines(t *testing.T) {
	p := read(t, []byte(`{"format_version":"1.2","terraform_version":"1.12.6","planned_values":{"root_module":{}},"resource_changes":[
		{"address":"terraform_data.a","mode":"managed","type":"terraform_data","name":"a","provider_name":"terraform.io/builtin/terraform",
		"change":{"actions":["create"],"before":null,"after":{"input":"x"},"after_unknown":{"id":true},"before_sensitive":false,"after_sensitive":{}}}],
		"relevant_attributes":[],"errored":false,"timestamp":"2026-01-01T00:00:00Z","some_new_part":{"x":[1]}}`))
	if !p.Complete || !p.Applyable || p.Errored || p.EngineVersion != "1.12.6" || p.Counts.Add != 1 {
		t.Errorf("%+v", p)
	}
	p = read(t, []byte(`{"format_version":"0.1","resource_changes":[{"address":"a.b","type":"a","name":"b","change":{"actions":["update"],"before":{"x":"CANARY1"},"after":{"x":"CANARY2"}}}]}`))
	c := p.Changes[0]
	if c.Before != values.Sensitive || c.After != values.Sensitive || !slices.Equal(c.SensitiveChanged, []string{""}) {
		t.Errorf("without masks: %+v", c)
	}
}

func TestBadInput(t *testing.T) {
	for _, raw := range []string{
		``, `{`, `null`, `[]`, `"x"`, `{}`, `{"format_version":"9.0"}`, `{"format_version":7}`, `{"format_version":"1.2"} x`,
		`{"format_version":"1.2","resource_changes":{"CANARY":1}}`, `{"format_version":"1.2","resource_changes":["CANARY"]}`,
		`{"format_version":"1.2","variables":{"v":{"value":"CANARY`, strings.Repeat(`[`, 20000),
	} {
		p, _, err := plan.Read([]byte(raw), "x", plan.Known{})
		if err == nil {
			t.Errorf("%.60s: read as %+v", raw, p)
			continue
		}
		if !fault.Is(err, fault.Invalid) || fault.Next(err) == "" || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%.60s: %v", raw, err)
		}
	}
}

func TestCountsString(t *testing.T) {
	for _, c := range []struct {
		counts plan.Counts
		want   string
	}{
		{plan.Counts{}, "no changes"},
		{plan.Counts{Add: 3, Change: 1, Replace: 1, Delete: 2}, "3 to add, 1 to change, 1 to replace, 2 to destroy"},
		{plan.Counts{Import: 1, Move: 2, Forget: 1, Read: 1, Outputs: 1},
			"1 to import, 2 to move, 1 to forget, 1 to read, 1 output to change"},
		{plan.Counts{Outputs: 2}, "2 outputs to change"},
	} {
		if got := c.counts.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestTypesAndAddresses(t *testing.T) {
	p := &plan.Plan{Changes: []plan.Change{
		{Address: "z.a", Type: "z", Action: plan.Create}, {Address: "data.d.a", Type: "d", Action: plan.ReadData},
		{Address: "b.a", Type: "b", Action: plan.Update}, {Address: "z.b", Type: "z", Action: plan.NoOp},
		{Address: "z.a", Type: "z", Deposed: "x", Action: plan.Delete},
	}}
	if got := p.Types(); !slices.Equal(got, []string{"b", "z"}) {
		t.Errorf("types %q", got)
	}
	if got := p.Addresses(); !slices.Equal(got, []string{"z.a", "b.a", "z.b"}) {
		t.Errorf("addresses %q", got)
	}
	if got := (&plan.Plan{}).Types(); got == nil {
		t.Error("no types is nil, which is null in JSON")
	}
}

func TestDigest(t *testing.T) {
	if got := plan.Digest(nil); got != "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Error(got)
	}
}

func TestMask(t *testing.T) {
	raw := doc(`"resource_changes":[`+resource(`a.b`, `"actions":["update"],
		"before":{"s":"one-SECRET-two","n":4711,"m":{"SECRET":1,"SECRET-LONGER":2},"j":"{\"x\":\"q\\\"uote\\nd\"}","d":"SECRET"},
		"after":{"s":"one-SECRET-two","n":4712,"m":{"SECRET":1},"d":"SECRET-LONGER"},"before_sensitive":{},"after_sensitive":{}`)+","+
		`{"address":"module.m[\"SECRET\"].aws_SECRET.x[\"a\\\"SECRET\"]","type":"aws_SECRET","name":"x","module_address":"module.m[\"SECRET\"]","change":{"actions":["create"],"importing":{"id":"id/SECRET"}}}`+`]`,
		`"output_changes":{"o":{"actions":["create"],"after":["SECRET"],"after_sensitive":[false],"before_sensitive":false}}`,
		`"checks":[{"address":{"kind":"check","to_display":"check.c"},"status":"fail","instances":[{"address":{"to_display":"check.c"},"status":"fail","problems":[{"message":"SECRET is bad"}]}]}]`)
	p := read(t, raw)
	p.Mask([]string{"", "SECRET", "4711", "SECRET-LONGER", "q\"uote\nd"})
	c := p.Changes[0]
	want := map[string]any{"s": "one-(sensitive value)-two", "n": values.Sensitive,
		"m": map[string]any{values.Sensitive: json.Number("1"), values.Sensitive + " 2": json.Number("2")},
		"j": `{"x":"(sensitive value)"}`, "d": values.Sensitive}
	if !reflect.DeepEqual(c.Before, want) {
		t.Errorf("before %v", c.Before)
	}
	if !slices.Equal(c.SensitiveChanged, []string{"d"}) {
		t.Errorf("hidden changes %q", c.SensitiveChanged)
	}
	c = p.Changes[1]
	if c.Address != `module.m["(sensitive value)"].aws_SECRET.x["a\"(sensitive value)"]` || c.Module != `module.m["(sensitive value)"]` || c.ImportID != "id/(sensitive value)" || c.Type != "aws_SECRET" {
		t.Errorf("%+v", c)
	}
	if !reflect.DeepEqual(p.Outputs[0].After, []any{values.Sensitive}) ||
		p.Checks[0].Problems[0] != "(sensitive value) is bad" {
		t.Errorf("%+v %+v", p.Outputs, p.Checks)
	}
	again := *p
	again.Mask([]string{"sensitive", "value", "one-"})
	if again.Changes[0].Before.(map[string]any)["s"] != "(sensitive value)(sensitive value)-two" {
		t.Errorf("masked twice: %v", again.Changes[0].Before)
	}
}

// TestCopies looks for what a mask hid in places without a mask.
func TestCopies(t *testing.T) {
	raw := doc(`"variables":{"v":{"value":{"k":"CANARY-variable"}},"open":{"value":"an open value"}}`,
		`"configuration":{"root_module":{"variables":{"v":{"sensitive":true},"open":{}}}}`,
		`"resource_changes":[`+resource("a.b", `"actions":["update"],
			"before":{"password":"CANARY-pw-1","copy":"CANARY-pw-1","url":"https://u:CANARY-pw-1@h","short":"abc","short_copy":"abc","open":"an open value"},
			"after":{"password":"CANARY-pw-22","copy":"CANARY-pw-22","url":"https://u:CANARY-pw-22@h","short":"abc","short_copy":"abc","open":"an open value"},
			"before_sensitive":{"password":true,"short":true},"after_sensitive":{"password":true,"short":true}`)+","+
			resource("a.c", `"actions":["create"],"after":{"far":"CANARY-pw-22","far_short":"abc","var":"x CANARY-variable"},"after_sensitive":{}`)+`]`,
		`"output_changes":{"o":{"actions":["create"],"after":{"x":["CANARY-pw-1"]},"after_sensitive":{"x":[false]},"before_sensitive":false}}`)
	p := read(t, raw)
	b, _ := json.Marshal(p)
	if n := bytes.Count(b, []byte("CANARY")); n != 0 {
		t.Errorf("%d secrets in %s", n, b)
	}
	c := p.Changes[0]
	if got := c.SensitiveChanged; !slices.Equal(got, []string{"copy", "password", "url"}) {
		t.Errorf("hidden changes %q", got)
	}
	after := c.After.(map[string]any)
	if after["short_copy"] != values.Sensitive || after["open"] != "an open value" ||
		p.Changes[1].After.(map[string]any)["far_short"] != "abc" {
		t.Errorf("%v %v", after, p.Changes[1].After)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(doc(`"resource_changes":[` + resource("a.b", `"actions":["update"],"before":{"a":[1,null]},"after":{"a":[[]]},"after_unknown":{"a":[true,true,{}]},"before_sensitive":{"a":[true]},"after_sensitive":[]`) + `]`))
	f.Add(doc(`"output_changes":{"o":{"actions":["create"],"after":"{\"a\":[1e3,\"b\\nc\"]}","after_sensitive":false}}`,
		`"configuration":{"root_module":{"resources":[{"type":"a","expressions":{"b":[{"c":{"constant_value":1}}],"d":{}}}],"variables":{"v":{"sensitive":true}}}}`, `"variables":{"v":{"value":"x"}}`))
	f.Add(doc(`"resource_drift":[`+resource("a.b", `"actions":["delete","create"],"replace_paths":[["b",0]],"before":{"b":[{"c":1}]},"before_sensitive":{"b":[{}]},"after":{"b":[]},"after_sensitive":{}`)+`]`, `"checks":[{"address":{"kind":"check"}}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, _, err := plan.Read(raw, "sha256:d", plan.Known{})
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("not a fault: %v", err)
			}
			return
		}
		for _, list := range [][]plan.Change{p.Changes, p.Drift, p.Deferred} {
			for _, c := range list {
				diff.Of(c)
			}
		}
		for _, o := range p.Outputs {
			diff.OfOutput(o)
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again plan.Plan
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
	})
}
