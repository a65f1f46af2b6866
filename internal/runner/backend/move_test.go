package backend

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhatToMove(t *testing.T) {
	state := func(lineage string, serial, resources int) string {
		return fmt.Sprintf(`{"version": 4, "serial": %d, "lineage": %q, "resources": [{"mode": "managed", "instances": [%s]}]}`,
			serial, lineage, strings.TrimSuffix(strings.Repeat("{},", resources), ","))
	}
	for _, c := range []struct {
		name, old, there string
		want             Moving
		refused          string
	}{
		{name: "nothing there", old: state("L", 3, 2), want: WriteIt},
		{name: "an empty one of another lineage", old: state("L", 3, 2), there: state("K", 1, 0), want: ReplaceIt},
		{name: "an older one", old: state("L", 3, 2), there: state("L", 2, 1), want: WriteIt},
		{name: "the same", old: state("L", 3, 2), there: state("L", 3, 2), want: KeepIt},
		{name: "a move that was killed before it came to the lineage", old: state("L", 3, 2), there: state("K", 1, 2),
			want: KeepIt},
		{name: "both are empty", old: state("L", 3, 0), there: state("K", 1, 0), want: KeepIt},
		{name: "emptied since it was moved", old: state("L", 3, 2), there: state("L", 9, 0),
			refused: "holds no resources, while the old one holds 2"},
		{name: "the same serial and something else", old: state("L", 3, 2), there: state("L", 3, 1),
			refused: "holds something else"},
		{name: "it went on since it was moved", old: state("L", 3, 2), there: state("L", 9, 4), want: KeepIt},
		{name: "somebody else's", old: state("L", 3, 2), there: state("K", 1, 1), refused: "another lineage"},
		{name: "somebody else's, newer", old: state("L", 3, 2), there: state("K", 99, 1), refused: "1 resources"},
		{name: "what is there is cut", old: state("L", 3, 2), there: state("L", 3, 2)[:30], refused: "not overwritten"},
		{name: "the old one is empty", old: "", refused: "it is empty"},
		{name: "the old one is cut", old: state("L", 3, 2)[:50], refused: "cut or damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := WhatToMove("app", []byte(c.old), []byte(c.there))
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("%v, want a refusal that says %q", err, c.refused)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("%d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestWhatToImport(t *testing.T) {
	state := func(lineage string, serial, resources int) string {
		return fmt.Sprintf(`{"version": 4, "serial": %d, "lineage": %q, "resources": [{"mode": "managed", "instances": [%s]}]}`,
			serial, lineage, strings.TrimSuffix(strings.Repeat("{},", resources), ","))
	}
	brought := state("L", 3, 2)
	for _, c := range []struct {
		name, there string
		want        Moving
		refused     string
	}{
		{name: "nothing there", want: WriteIt},
		{name: "the same", there: brought, want: KeepIt},
		{name: "the same under another serial", there: state("L", 9, 2), want: KeepIt},
		{name: "an empty one of another lineage", there: state("K", 9, 0), want: ReplaceIt},
		{name: "an empty one, older", there: state("L", 1, 0), want: ReplaceIt},
		{name: "an empty one, newer", there: state("L", 4, 0),
			refused: "is newer than what was brought (serial 4, not 3)"},
		{name: "one of another lineage", there: state("K", 1, 1), refused: "holds 1 resource (serial 1, lineage K)"},
		{name: "an older one", there: state("L", 1, 1), refused: "holds 1 resource"},
		{name: "one that is cut", there: brought[:30], refused: "not overwritten"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := WhatToImport("app", false, []byte(brought), []byte(c.there))
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("%v, want a refusal that says %q", err, c.refused)
				}
			} else if err != nil || got != c.want {
				t.Errorf("%d, %v; want %d", got, err, c.want)
			}
			want := c.want
			if c.refused != "" {
				want = ReplaceIt
			}
			if c.name == "one that is cut" {
				want = OverwriteIt
			}
			if got, err := WhatToImport("app", true, []byte(brought), []byte(c.there)); err != nil || got != want {
				t.Errorf("to replace it: %d, %v; want %d", got, err, want)
			}
		})
	}
}

func TestCheckImport(t *testing.T) {
	const good = `{"version": 4, "serial": 3, "lineage": "L", "resources": [{"mode": "managed", "instances": [{}, {}]}, {"mode": "data", "instances": [{}]}]}`
	head, err := CheckImport([]byte(good))
	if err != nil || head.Serial != 3 || head.Lineage != "L" || head.Resources != 2 {
		t.Errorf("%+v, %v", head, err)
	}
	for text, why := range map[string]string{
		"":          "empty",
		" \n":       "empty",
		good[:40]:   "cut or damaged",
		"{}":        "no lineage",
		"[]":        "cut or damaged",
		"null":      "no lineage",
		`"x"`:       "cut or damaged",
		good + good: "cut or damaged",
		`{"version": 4, "serial": -1, "lineage": "L"}`:                                "cut or damaged",
		`{"version": 4, "serial": 3, "lineage": "` + strings.Repeat("L", 5000) + `"}`: "none that an engine wrote",
		`{"version": 3, "serial": 3, "lineage": "L", "modules": []}`:                  "version 3",
		`{"version": 5, "serial": 3, "lineage": "L"}`:                                 "version 5",
		`{"serial": 3, "lineage": "L", "encrypted_data": "AA", "meta": {}}`:           "encrypted by OpenTofu",
		`{"format_version": "1.0", "terraform_version": "1.11.4", "values": {}}`:      "no lineage",
	} {
		if _, err := CheckImport([]byte(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", text, err, why)
		}
	}
}

func TestSameContent(t *testing.T) {
	const a = `{"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "L", "outputs": {"n": 12345678901234567890}, "resources": [{"type": "x", "name": "a"}]}`
	for text, same := range map[string]bool{
		a:                                        true,
		strings.ReplaceAll(a, "1.11.4", "1.5.7"): true,
		strings.ReplaceAll(a, ": ", ":\n\t"):     true,
		strings.ReplaceAll(a, `"name": "a"`, `"name": "b"`):   false,
		strings.ReplaceAll(a, "567890}", "567891}"):           false,
		strings.ReplaceAll(a, `"lineage": "L"`, `"other": 1`): false,
		a[:len(a)-1]: false, "": false,
	} {
		if SameContent([]byte(a), []byte(text), true) != same {
			t.Errorf("same is %v: %s", !same, text)
		}
	}
	if other := strings.ReplaceAll(a, `"L"`, `"K"`); SameContent([]byte(a), []byte(other), true) ||
		!SameContent([]byte(a), []byte(other), false) {
		t.Error("the lineage counts, and counts only where it is asked for")
	}
	// What an engine writes of a state that another one wrote.
	const old = `{"version": 4, "lineage": "L", "outputs": {"o": {"value": "x", "type": "string"}}, "resources": [
		{"mode": "managed", "type": "t", "name": "a", "provider": "p", "instances": [{"schema_version": 1, "attributes": {"id": "1", "n": 1}, "dependencies": ["t.y", "t.x"]}]},
		{"module": "module.m", "mode": "managed", "type": "t", "name": "a", "provider": "p", "instances": [{"index_key": 1, "attributes": {}}, {"index_key": 0, "attributes": {}}]}]}`
	const again = `{"version": 4, "lineage": "L", "outputs": {"o": {"value": "x", "type": "string", "sensitive": false}}, "check_results": null, "resources": [
		{"module": "module.m", "mode": "managed", "type": "t", "name": "a", "provider": "p", "instances": [{"index_key": 0, "schema_version": 0, "attributes": {}, "identity_schema_version": 0}, {"index_key": 1, "attributes": {}, "sensitive_attributes": []}]},
		{"mode": "managed", "type": "t", "name": "a", "provider": "p", "instances": [{"schema_version": 1, "attributes": {"n": 1, "id": "1"}, "dependencies": ["t.x", "t.y"], "identity_schema_version": 0}]}]}`
	if !SameContent([]byte(old), []byte(again), true) {
		t.Errorf("what another engine writes of it is another state:\n%s\n%s", contentOf([]byte(old), true),
			contentOf([]byte(again), true))
	}
	for was, is := range map[string]string{`"id": "1"`: `"id": "2"`, `"n": 1`: `"n": 1.5`, `"index_key": 1`: `"index_key": "1"`, `"module": "module.m"`: `"module": "module.n"`,
		`"value": "x"`: `"value": "y"`, `"type": "string"`: `"type": "string", "sensitive": true`, `"t.y"`: `"t.z"`, `"schema_version": 1`: `"schema_version": 2`, `"provider": "p"`: `"provider": "q"`,
		`{"index_key": 1, "attributes": {}}, `: ``, `"attributes": {"id"`: `"status": "tainted", "attributes": {"id"`} {
		other := strings.Replace(old, was, is, 1)
		if other == old || SameContent([]byte(old), []byte(other), true) {
			t.Errorf("%s in the place of %s is the same:\n%s", is, was, other)
		}
	}
	if SameContent(nil, nil, true) {
		t.Error("nothing counts as a state")
	}
}
