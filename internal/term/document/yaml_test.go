package document

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestYAMLHoldsWhatJSONHolds(t *testing.T) {
	const doc = `{"s":"yes","n":"123","t":"2026-11-20T12:00:00Z","multi":"a\nb\n","empty":"","null":null,"list":[],"map":{},"big":12345678901234567890,"f":1.50,"b":true,"nested":[{"a":[1,[2]]}],"~":"~"}`
	out, err := toYAML([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	var fromYAML, fromJSON map[string]any
	if err := yaml.Unmarshal(out, &fromYAML); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if err := json.Unmarshal([]byte(doc), &fromJSON); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"s", "n", "t", "multi", "empty", "null", "list", "map", "b", "~"} {
		if !reflect.DeepEqual(fromYAML[k], fromJSON[k]) {
			t.Errorf("%s: %#v in YAML, %#v in JSON", k, fromYAML[k], fromJSON[k])
		}
	}
	if !strings.Contains(string(out), "12345678901234567890") || !strings.HasPrefix(string(out), "s: ") {
		t.Errorf("a number or the order of keys is lost:\n%s", out)
	}
	for _, broken := range []string{`{"a":`, `[1,`, ``} {
		if _, err := toYAML([]byte(broken)); err == nil {
			t.Errorf("%q was taken for a document", broken)
		}
	}
}
