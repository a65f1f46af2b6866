package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
)

func TestWithoutKeys(t *testing.T) {
	for in, want := range map[string]string{
		"a.b": "a.b", "a.b[0]": "a.b", `module.m["x.y"].a.b["c]\"d"]`: "module.m.a.b", "rule[0].port": "rule.port", `tags["a b"]`: "tags",
		"": "", "a[": "a", `a["`: "a", "a]": "a]",
	} {
		if got := values.WithoutKeys(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestConfiguredAndUnseen(t *testing.T) {
	config := `"configuration":{"root_module":{"resources":[
		{"address":"a.b","mode":"managed","type":"a","name":"b","expressions":{"name":{"constant_value":"x"},"key_wo":{"references":["var.k"]},"maybe":{"references":["var.m"]},"fixed":{"constant_value":"s"},"none":{"constant_value":null}}},
		{"address":"ephemeral.a.e","mode":"ephemeral","type":"a","name":"e","expressions":{}}],
		"module_calls":{"m":{"module":{"resources":[{"address":"a.c","mode":"managed","type":"a","name":"c","expressions":{"rule":[{"port":{"constant_value":1}}]}}]}}}}}`
	all := `{"name":"x","key_wo":null,"maybe":null,"fixed":null,"none":null}`
	p := read(t, doc(config, `"resource_changes":[`+
		resource("a.b", fmt.Sprintf(`"actions":["update"],"before":%s,"after":%s,"after_unknown":{},"before_sensitive":{},"after_sensitive":{}`, `{"name":"w"}`, all))+`,`+
		resource(`module.m[0].a.c["k"]`, `"actions":["create"],"before":null,"after":{"rule":[]},"after_unknown":{},"before_sensitive":false,"after_sensitive":{}`)+`,`+
		resource("a.same", `"actions":["no-op"],"before":{},"after":{},"after_unknown":{},"before_sensitive":{},"after_sensitive":{}`)+`]`,
		`"resource_drift":[`+resource("a.gone", `"actions":["delete"],"before":{},"after":null,"after_unknown":{},"before_sensitive":{},"after_sensitive":false`)+`]`))
	if want := []string{"fixed", "key_wo", "maybe", "name", "none"}; !slices.Equal(p.Changes[0].Configured, want) {
		t.Errorf("configured %q, want %q", p.Changes[0].Configured, want)
	}
	if want := []string{"rule"}; !slices.Equal(p.Changes[1].Configured, want) {
		t.Errorf("configured in a module %q, want %q", p.Changes[1].Configured, want)
	}
	if want := []plan.Unseen{{Address: "a.b", Argument: "fixed"}, {Address: "a.b", Argument: "key_wo"},
		{Address: "ephemeral.a.e"}}; !slices.Equal(p.Unseen, want) {
		t.Errorf("unseen %+v, want %+v", p.Unseen, want)
	}
	if p.Compared != 3 {
		t.Errorf("%d compared, want 3: what is updated, the same, and gone", p.Compared)
	}
	if p.Left() != 3 {
		t.Errorf("%d left, want 3: what is updated, the same, and made", p.Left())
	}
	p = read(t, doc(`"resource_changes":[`+
		resource("a.made", `"actions":["create"],"before":null,"after":{},"after_unknown":{},"before_sensitive":false,"after_sensitive":{}`)+`,`+
		resource("a.again", `"actions":["delete","create"],"before":{},"after":{},"after_unknown":{},"before_sensitive":{},"after_sensitive":{}`)+`,`+
		resource("a.forgotten", `"actions":["forget"],"before":{},"after":null,"after_unknown":{},"before_sensitive":{},"after_sensitive":false`)+`,`+
		resource("a.deleted", `"actions":["delete"],"before":{},"after":null,"after_unknown":{},"before_sensitive":{},"after_sensitive":false`)+`]`))
	if p.Compared != 3 || p.Left() != 2 {
		t.Errorf("%d compared and %d left, want 3 and 2", p.Compared, p.Left())
	}
}
