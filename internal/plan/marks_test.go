package plan_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
)

// grown is a random object of a resource: its leaves, which of them are marked, and the object and
// its mask as the engine writes them.
type grown struct {
	*rand.Rand
	n            int
	marked, open []string
}

// leaf is a text that nothing else has.
func (g *grown) leaf(mark bool) string {
	g.n++
	text := fmt.Sprintf("leaf-%06d-of-%d", g.n, g.Uint64())
	if mark {
		g.marked = append(g.marked, text)
	} else {
		g.open = append(g.open, text)
	}
	return text
}

func (g *grown) object(depth int) (v, mask any) {
	switch n := g.IntN(6); {
	case depth > 0 && n < 3:
		o, m := map[string]any{}, map[string]any{}
		for i := range 1 + g.IntN(4) {
			w, sub := g.object(depth - 1)
			key := fmt.Sprintf("k%d", i)
			if o[key] = w; sub != false {
				m[key] = sub
			}
		}
		return o, m
	case depth > 0 && n == 3:
		l, m := []any{}, []any{}
		for range 1 + g.IntN(3) {
			w, sub := g.object(depth - 1)
			l, m = append(l, w), append(m, sub)
		}
		return l, m
	case depth > 0 && n == 4: // a list that is marked as a whole: each of its texts is
		return []any{g.leaf(true), g.leaf(true)}, true
	}
	mark := g.IntN(3) == 0
	return g.leaf(mark), mark
}

// Whatever an object holds and however it is marked: every marked leaf is hidden everywhere, as
// a value, within a longer text, as a key and in an address, and in the log; nothing else is
// hidden but in an output that is the whole object and that is marked as a whole.
func TestMarkedLeavesAreHiddenAndNothingElse(t *testing.T) {
	marked, open := 0, 0
	for seed := range uint64(1500) {
		g := &grown{Rand: rand.New(rand.NewPCG(seed, 11))}
		v, mask := map[string]any{"a": nil}, map[string]any{}
		for i := range 1 + g.IntN(4) {
			w, sub := g.object(3)
			key := fmt.Sprintf("top%d", i)
			if v[key] = w; sub != false {
				mask[key] = sub
			}
		}
		copies := map[string]any{}
		for i, text := range append(g.marked, g.open...) {
			copies[fmt.Sprintf("c%d", i)] = []any{text, "x " + text + " y", map[string]any{text: 1}}[g.IntN(3)]
		}
		raw := planWith(t, []map[string]any{
			{"address": "a.b", "change": change(v, mask)},
			{"address": "a.copies", "change": change(copies, map[string]any{})},
		}, map[string]any{"whole": change(v, true)})
		p, hidden, err := plan.Read(raw, "x", plan.Known{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Outputs[0].After != any(values.Sensitive) {
			t.Fatalf("seed %d: the output shows %v", seed, p.Outputs[0].After)
		}
		b, _ := json.Marshal(p)
		log := strings.Join(hidden, "\n")
		for _, text := range g.marked {
			if marked++; strings.Contains(string(b), text) || !strings.Contains(log, text) {
				t.Fatalf("seed %d: the marked %s is in\n%s\nof\n%s\nor not in %s", seed, text, b, raw, log)
			}
		}
		for _, text := range g.open {
			if open++; strings.Count(string(b), text) != 2 || strings.Contains(log, text) {
				t.Fatalf("seed %d: %s, which nothing marks, stands %d times in\n%s\nof\n%s\nor in %s", seed, text,
					strings.Count(string(b), text), b, raw, log)
			}
		}
	}
	if marked < 1000 || open < 1000 {
		t.Errorf("%d marked and %d open leaves", marked, open)
	}
}

func change(after, mask any) map[string]any {
	return map[string]any{"actions": []string{"create"}, "before": nil, "after": after, "before_sensitive": false,
		"after_sensitive": mask}
}

func planWith(t *testing.T, resources []map[string]any, outputs map[string]any, more ...string) []byte {
	t.Helper()
	for _, r := range resources {
		r["mode"], r["type"], r["name"], r["provider_name"] = "managed", "a", "b", "registry.example.com/x/y"
	}
	list, err := json.Marshal(resources)
	if err != nil {
		t.Fatal(err)
	}
	outs, err := json.Marshal(outputs)
	if err != nil {
		t.Fatal(err)
	}
	return doc(append(more, `"resource_changes":`+string(list), `"output_changes":`+string(outs))...)
}

// schemas are those of a provider whose type has a set of blocks with a sensitive argument, and
// a sensitive map.
const schemas = `{"format_version":"1.0","provider_schemas":{"registry.example.com/x/y":{"resource_schemas":{"a":{"block":{
	"attributes":{"id":{"type":"string"},"data":{"type":["map","string"],"sensitive":true},
		"nested":{"nested_type":{"attributes":{"key":{"type":"string","sensitive":true},"kind":{"type":"string"}}}}},
	"block_types":{"set":{"nesting_mode":"set","block":{"attributes":{"class":{"type":"string"},"pass_phrase":{"type":"string","sensitive":true}}}}}}}}}}}`

// A mask that is true of a whole object hides the object, and of what is in it elsewhere only
// what is sensitive: by the schema, by masks of its own, or by its name.
func TestMasksOfWholeObjects(t *testing.T) {
	known, err := values.ReadSchemas([]byte(schemas))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	with := plan.Known{Schemas: func(providers []string) values.Schemas {
		if asked++; len(providers) != 1 || providers[0] != "registry.example.com/x/y" {
			t.Errorf("asked for %q", providers)
		}
		return known
	}}
	whole := map[string]any{"set": []any{map[string]any{"class": "db.t3.micro", "pass_phrase": nil}},
		"data": map[string]any{"a": "in-a-sensitive-map"}, "id": "open-id-of-it"}
	for name, c := range map[string]struct {
		known          plan.Known
		object         any
		mask           any
		config         string
		hidden, public string
	}{
		"a set with an unset argument": {with, whole, map[string]any{"set": true, "data": true}, "",
			"in-a-sensitive-map", "db.t3.micro"},
		"a set with an argument": {with, map[string]any{"set": []any{map[string]any{"class": "db.t3.micro",
			"pass_phrase": "of-the-argument"}}}, map[string]any{"set": true}, "", "of-the-argument", "db.t3.micro"},
		"nested attributes": {with, map[string]any{"nested": map[string]any{"key": "of-the-nested-key",
			"kind": "kind-of-nested"}}, map[string]any{"nested": true}, "", "of-the-nested-key", "kind-of-nested"},
		"an unknown schema": {plan.Known{}, map[string]any{"set": []any{map[string]any{"class": "nobody-knows-it"}},
			"id": "open-id-of-it"}, map[string]any{"set": true}, "", "nobody-knows-it", "open-id-of-it"},
		"a name that tells": {plan.Known{}, map[string]any{"o": map[string]any{"password": "by-its-name-1",
			"class": "db.t3.micro"}}, map[string]any{"o": true}, `{"class":{"constant_value":"db.t3.micro"}}`,
			"by-its-name-1", "db.t3.micro"},
		"a constant": {plan.Known{}, map[string]any{"s": "db.t3.micro", "t": "no-constant-1"},
			map[string]any{"s": true, "t": true},
			`{"x":{"constant_value":"db.t3.micro"}}`, "no-constant-1",
			"db.t3.micro"},
		"a common value": {plan.Known{}, map[string]any{"s": "production", "t": "no-common-1"},
			map[string]any{"s": true, "t": true}, "", "no-common-1", "production"},
		"what an earlier plan hid": {plan.Known{Earlier: []string{"hidden-earlier", "db.t3.micro"}}, map[string]any{},
			map[string]any{}, `{"x":{"constant_value":"db.t3.micro"}}`, "hidden-earlier", "db.t3.micro"},
	} {
		config := `"configuration":{"root_module":{}}`
		if c.config != "" {
			config = `"configuration":{"root_module":{"resources":[{"address":"a.x","mode":"managed","type":"a",
				"name":"x","expressions":` + c.config + `}]}}`
		}
		copies := map[string]any{"hidden": c.hidden, "public": c.public}
		raw := planWith(t, []map[string]any{{"address": "a.b", "change": change(c.object, c.mask)},
			{"address": "a.copies", "change": change(copies, map[string]any{})}}, nil, config)
		p, hidden, err := plan.Read(raw, "x", c.known)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Changes[1].After.(map[string]any)
		if got["hidden"] != any(values.Sensitive) || got["public"] != any(c.public) {
			t.Errorf("%s: %v", name, got)
		}
		if log := strings.Join(hidden, " "); !strings.Contains(log, c.hidden) && c.known.Earlier == nil ||
			strings.Contains(log, c.public) {
			t.Errorf("%s: the log hides %q", name, hidden)
		}
	}
	if asked != 3 {
		t.Errorf("schemas were asked for %d times, and 3 plans need them", asked)
	}
}
