package baseline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/baseline"
)

// state is a state with one instance of x.a.
func state(attributes, sensitive string) *baseline.State {
	return baseline.ReadState(fmt.Appendf(nil, `{"version": 4, "serial": 1, "lineage": "l", "outputs": {"o": {"value": %s}},
		"resources": [{"mode": "managed", "type": "x", "name": "a", "instances": [{"index_key": "k\"$", "attributes": %s,
		"sensitive_attributes": %s}]}]}`, `"CANARY-out"`, attributes, sensitive))
}

// read is a plan that changes x.a, on a state that is not what was left.
func read(t *testing.T, left, found *baseline.State, before, after, mask string) *plan.Plan {
	t.Helper()
	raw := fmt.Sprintf(`{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [{
		"address": "x.a[\"k\\\"$\"]", "mode": "managed", "type": "x", "name": "a", "index": "k\"$", "provider_name": "p",
		"change": {"actions": ["update"], "before": %s, "after": %s, "after_unknown": {}, "before_sensitive": %s,
		"after_sensitive": {}}}]}`, before, after, mask)
	packed, err := baseline.Of(left).Pack()
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := plan.Read([]byte(raw), "sha256:x", plan.Known{Left: &baseline.Known{Left: baseline.Unpack(packed),
		Found: found, InWorld: found}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A value that was left is hidden where the state of then, the state of now or the plan calls anything in its
// attribute sensitive, whatever shape it had; and a copy of it is hidden in what is not.
func TestWhatWasLeftHidesWhatIsHidden(t *testing.T) {
	const marked = `[[{"type": "get_attr", "value": "s"}, {"type": "index", "value": "deep"}]]`
	for name, c := range map[string]struct {
		left, found  string
		leftMarks    string
		foundMarks   string
		before, mask string
	}{
		"by the plan": {`{"s": ["CANARY-was"], "v": "1"}`, `{"s": "CANARY-is", "v": "2"}`, `[]`, `[]`,
			`{"s": "CANARY-is", "v": "2"}`, `{"s": true}`},
		"by the state of then": {`{"s": {"deep": "CANARY-was"}, "v": "1"}`, `{"s": {"deep": "plain"}, "v": "2"}`, marked, `[]`,
			`{"s": {"deep": "plain"}, "v": "2"}`, `{}`},
		"by the state of now": {`{"s": {"deep": "CANARY-was"}, "v": "1"}`, `{"s": {"deep": "CANARY-is"}, "v": "2"}`, `[]`,
			marked, `{"s": {"deep": "CANARY-is"}, "v": "2"}`, `{"s": {"deep": true}}`},
		"by marks that cannot be read": {`{"s": "CANARY-was", "v": "1"}`, `{"s": "plain", "v": "2"}`, `{"odd": 1}`, `[]`,
			`{"s": "plain", "v": "2"}`, `{}`},
		"a copy": {`{"s": "CANARY-was-long-enough", "v": "see CANARY-was-long-enough"}`, `{"s": "plain", "v": "2"}`,
			`[[{"type": "get_attr", "value": "s"}]]`, `[]`, `{"s": "plain", "v": "2"}`, `{}`},
	} {
		p := read(t, state(c.left, c.leftMarks), state(c.found, c.foundMarks), c.before, `{"v": "3"}`, c.mask)
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "CANARY") {
			t.Errorf("%s: a secret is in the plan: %s", name, b)
		}
		if p.Since == nil || len(p.Since.State) != 1 {
			t.Errorf("%s: what was written is not found: %s", name, b)
		}
	}
}

// What was left and is there still is no difference, however it is written; another lineage tells nothing.
func TestWhatIsAsItWasLeft(t *testing.T) {
	left := state(`{"v": {"a": 1, "b": [1, 2]}}`, `[]`)
	p := read(t, left, state(`{"v": {"a":1,"b":[1,2]}}`, `[]`), `{"v": {"a": 1, "b": [1, 2]}}`, `{"v": null}`, `{}`)
	if p.Since == nil || p.Since.Wrote() {
		t.Errorf("%+v", p.Since)
	}
	other := state(`{"v": "2"}`, `[]`)
	other.Lineage = "another"
	if p := read(t, left, other, `{"v": "2"}`, `{"v": null}`, `{}`); p.Since != nil {
		t.Errorf("a state of another lineage was compared: %+v", p.Since)
	}
	for _, b := range [][]byte{nil, []byte("x"), []byte("\x1f\x8b")} {
		if baseline.Unpack(b) != nil {
			t.Errorf("%q is a baseline", b)
		}
	}
	if baseline.ReadState([]byte(`{"version": 4`)) != nil {
		t.Error("a state that is cut is read")
	}
}
