package plan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/diff"
	"github.com/tfops/tfops/internal/plan/values"
)

// updated reads the plan of one update with these values and masks.
func updated(t *testing.T, before, after, unknown, beforeMask, afterMask string) plan.Change {
	t.Helper()
	p := read(t, doc(`"resource_changes":[`+resource("a.b", fmt.Sprintf(`"actions":["update"],"before":%s,"after":%s,"after_unknown":%s,"before_sensitive":%s,"after_sensitive":%s`,
		before, after, unknown, beforeMask, afterMask))+`]`))
	return p.Changes[0]
}

func TestMasks(t *testing.T) {
	const s = `"(sensitive value)"`
	for _, c := range []struct {
		name, before, after, beforeMask, afterMask string
		wantBefore, wantAfter                      string
		changed                                    []string
	}{
		{"nothing", `{"a":1}`, `{"a":2}`, `{}`, `{}`, `{"a":1}`, `{"a":2}`, nil},
		{"a leaf", `{"a":"x","b":1}`, `{"a":"y","b":1}`, `{"a":true}`, `{"a":true}`, `{"a":` + s + `,"b":1}`, `{"a":` + s + `,"b":1}`, []string{"a"}},
		{"a leaf that is the same", `{"a":"x"}`, `{"a":"x"}`, `{"a":true}`, `{"a":true}`, `{"a":` + s + `}`, `{"a":` + s + `}`, nil},
		{"only before", `{"a":"x"}`, `{"a":"y"}`, `{"a":true}`, `{}`, `{"a":` + s + `}`, `{"a":` + s + `}`, []string{"a"}},
		{"only after", `{"a":"x"}`, `{"a":"y"}`, `{}`, `{"a":true}`, `{"a":` + s + `}`, `{"a":` + s + `}`, []string{"a"}},
		{"null stays null", `{"a":null}`, `{"a":"y"}`, `{"a":true}`, `{"a":true}`, `{"a":null}`, `{"a":` + s + `}`, nil},
		{"a container", `{"a":{"b":[1]}}`, `{"a":{"b":[2]}}`, `{"a":true}`, `{"a":{}}`, `{"a":` + s + `}`, `{"a":` + s + `}`, []string{"a"}},
		{"everything", `{"a":1}`, `{"a":2}`, `true`, `{}`, s, s, []string{""}},
		{"an element", `{"a":["x","y"]}`, `{"a":["x","z"]}`, `{"a":[false,true]}`, `{"a":[false,true]}`, `{"a":["x",` + s + `]}`, `{"a":["x",` + s + `]}`, []string{"a[1]"}},
		{"deep", `{"a":[{"b":{"c d":"x"}}]}`, `{"a":[{"b":{"c d":"y"}}]}`, `{"a":[{"b":{"c d":true}}]}`, `{}`, `{"a":[{"b":{"c d":` + s + `}}]}`, `{"a":[{"b":{"c d":` + s + `}}]}`, []string{`a[0].b["c d"]`}},
		{"the mask of a list is shorter", `{"a":["x","y"]}`, `{"a":[]}`, `{"a":[false]}`, `{"a":[]}`, `{"a":` + s + `}`, `{"a":` + s + `}`, []string{"a"}},
		{"the mask of a set is longer", `{"a":["x"]}`, `{"a":["x"]}`, `{"a":[false,true]}`, `{"a":[false]}`, `{"a":` + s + `}`, `{"a":` + s + `}`, nil},
		{"longer and hides nothing", `{"a":["x"]}`, `{"a":["y"]}`, `{"a":[false,false]}`, `{"a":[false,{}]}`, `{"a":["x"]}`, `{"a":["y"]}`, nil},
		{"another shape, a list", `{"a":{"b":1}}`, `{"a":{"b":1}}`, `{"a":[false]}`, `{"a":{}}`, `{"a":` + s + `}`, `{"a":` + s + `}`, nil},
		{"another shape, an object", `{"a":"x"}`, `{"a":"x"}`, `{"a":{}}`, `{"a":false}`, `{"a":` + s + `}`, `{"a":` + s + `}`, nil},
		{"another shape, no mask at all", `{"a":"x"}`, `{"a":"x"}`, `null`, `{}`, s, s, nil},
		{"another shape, nonsense", `{"a":"x"}`, `{"a":"x"}`, `{"a":"true"}`, `{"a":1}`, `{"a":` + s + `}`, `{"a":` + s + `}`, nil},
		{"the type changes", `{"a":"x"}`, `{"a":{"b":"y"}}`, `{}`, `{"a":{}}`, `{"a":"x"}`, `{"a":{"b":"y"}}`, nil},
		{"the type changes and hides", `{"a":"x"}`, `{"a":{"b":"y"}}`, `{}`, `{"a":{"b":true}}`, `{"a":` + s + `}`, `{"a":` + s + `}`, []string{"a"}},
		{"a shift", `{"a":["long-secret"]}`, `{"a":["first","long-secret"]}`, `{"a":[true]}`, `{"a":[false,false]}`, `{"a":[` + s + `]}`, `{"a":[` + s + `,` + s + `]}`, []string{"a[0]"}},
		{"a list grows", `{"a":["x","secret"]}`, `{"a":["x","secret","y"]}`, `{"a":[false,true]}`, `{"a":[false,true,false]}`, `{"a":["x",` + s + `]}`, `{"a":["x",` + s + `,"y"]}`, nil},
		{"one appears", `{}`, `{"a":"y"}`, `{}`, `{"a":true}`, `{}`, `{"a":` + s + `}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := updated(t, c.before, c.after, `{}`, c.beforeMask, c.afterMask)
			b, _ := json.Marshal(got.Before)
			a, _ := json.Marshal(got.After)
			if string(b) != c.wantBefore || string(a) != c.wantAfter {
				t.Errorf("before %s, want %s\nafter %s, want %s", b, c.wantBefore, a, c.wantAfter)
			}
			if !slices.Equal(got.SensitiveChanged, c.changed) {
				t.Errorf("hidden changes %q, want %q", got.SensitiveChanged, c.changed)
			}
		})
	}
}

func TestUnknownUnderMasks(t *testing.T) {
	for _, c := range []struct{ name, after, unknown, mask, want string }{
		{"a leaf", `{}`, `{"a":true,"b":false}`, `{"a":true}`, `{"a":true}`},
		{"keys within a hidden container", `{}`, `{"a":{"CANARY":true}}`, `{"a":true}`, `{"a":true}`},
		{"a part of a hidden container", `{"a":{"x":1}}`, `{"a":{"CANARY":true}}`, `{"a":true}`, `null`},
		{"nothing", `{"a":[1]}`, `{"a":[false]}`, `{}`, `null`},
		{"an element", `{"a":[1,null]}`, `{"a":[false,true]}`, `{"a":[false,false]}`, `{"a":[false,true]}`},
	} {
		got := updated(t, `{}`, c.after, c.unknown, `{}`, c.mask)
		if b, _ := json.Marshal(got.Unknown); string(b) != c.want {
			t.Errorf("%s: %s, want %s", c.name, b, c.want)
		}
	}
}

// garden grows random values with canaries in them, and the masks that an
// engine would write for them.
type garden struct {
	*rand.Rand
	planted int
}

func (g *garden) canary() string {
	g.planted++
	return fmt.Sprintf("CANARY-%06d", g.planted)
}

// value is a random value and its mask.
func (g *garden) value(depth int) (value, mask any) {
	switch n := g.IntN(10); {
	case depth > 0 && n < 3:
		v, m := map[string]any{}, map[string]any{}
		for i := range g.IntN(4) {
			k := fmt.Sprintf("k%d", i)
			w, sub := g.value(depth - 1)
			v[k] = w
			if sub != false { // the engine leaves out what is not sensitive
				m[k] = sub
			}
		}
		return v, m
	case depth > 0 && n < 6:
		v, m := []any{}, []any{}
		for range g.IntN(4) {
			w, sub := g.value(depth - 1)
			v, m = append(v, w), append(m, sub)
		}
		return v, m
	case depth > 0 && n == 6: // sensitive as a whole, whatever is in it
		return map[string]any{g.canary(): []any{g.canary(), 1}}, true
	case n < 8:
		return g.canary(), true
	}
	return []any{"open", 12, true, nil, 1.5}[g.IntN(5)], false
}

// spoil makes a mask wrong in a way that must not let anything through: lists
// lose elements, containers and true become something else.
func (g *garden) spoil(mask any) any {
	hit := g.IntN(6) == 0
	switch m := mask.(type) {
	case map[string]any:
		if hit {
			return []any{[]any{}, nil, "x", 1}[g.IntN(4)]
		}
		out := map[string]any{}
		for k, v := range m {
			out[k] = g.spoil(v)
		}
		return out
	case []any:
		if hit && len(m) > 0 {
			return []any{m[:g.IntN(len(m))], map[string]any{}, nil, "x"}[g.IntN(4)]
		}
		out := []any{}
		for _, v := range m {
			out = append(out, g.spoil(v))
		}
		return out
	case bool:
		if hit && m {
			return []any{nil, "true", 1}[g.IntN(3)]
		}
	}
	return mask
}

func planOf(t *testing.T, kind string, before, after, beforeMask, afterMask any) []byte {
	t.Helper()
	change, err := json.Marshal(map[string]any{"actions": []string{"update"}, "before": before, "after": after,
		"before_sensitive": beforeMask, "after_sensitive": afterMask})
	if err != nil {
		t.Fatal(err)
	}
	if kind == "output_changes" {
		return doc(`"output_changes":{"o":` + string(change) + `}`)
	}
	entry := `{"address":"a.b","mode":"managed","type":"a","name":"b","change":` + string(change) + `}`
	if kind == "deferred_changes" {
		entry = `{"reason":"x","resource_change":` + entry + `}`
	}
	return doc(`"` + kind + `":[` + entry + `]`)
}

func TestNoCanaryGetsThrough(t *testing.T) {
	kinds := []string{"resource_changes", "resource_drift", "deferred_changes", "output_changes"}
	planted := 0
	for seed := range uint64(4000) {
		g := &garden{Rand: rand.New(rand.NewPCG(seed, 7))}
		before, beforeMask := g.value(5)
		after, afterMask := g.value(5)
		switch seed % 4 {
		case 1: // one side is marked, the other is the same value without a mark
			after, afterMask = before, open(before)
		case 2:
			before, beforeMask = after, open(after)
		case 3:
			beforeMask, afterMask = g.spoil(beforeMask), g.spoil(afterMask)
		}
		planted += g.planted
		raw := planOf(t, kinds[seed/4%4], before, after, beforeMask, afterMask)
		b, err := json.Marshal(read(t, raw))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("CANARY")) {
			t.Fatalf("seed %d: %s\nbecame %s", seed, raw, b)
		}
	}
	if planted < 4000 {
		t.Errorf("only %d canaries were planted", planted)
	}
}

// open is the mask of a value in which nothing is sensitive.
func open(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return map[string]any{}
	case []any:
		m := make([]any, len(v))
		for i := range v {
			m[i] = open(v[i])
		}
		return m
	}
	return false
}

// TestNothingElseIsHidden makes sure that the test above does not pass because
// everything is hidden.
func TestNothingElseIsHidden(t *testing.T) {
	for seed := range uint64(500) {
		g := &garden{Rand: rand.New(rand.NewPCG(seed, 9))}
		before, _ := g.value(4)
		after, _ := g.value(4)
		p := read(t, planOf(t, "resource_changes", before, after, open(before), open(after)))
		for _, side := range []struct{ got, want any }{{p.Changes[0].Before, before}, {p.Changes[0].After, after}} {
			b, _ := json.Marshal(side.got)
			want, _ := json.Marshal(side.want)
			if !bytes.Equal(b, want) {
				t.Fatalf("seed %d: %s became %s", seed, want, b)
			}
		}
	}
}

// FuzzMasks puts a canary wherever a mask says true, on both sides.
func FuzzMasks(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":2}]}`), []byte(`{"a":[1,{"b":2},3]}`), []byte(`{"a":[false,{"b":true}]}`), []byte(`{"a":[true,{},false]}`))
	f.Add([]byte(`[1,2]`), []byte(`{"a":1}`), []byte(`[true]`), []byte(`{"a":[true]}`))
	f.Fuzz(func(t *testing.T, before, after, beforeMask, afterMask []byte) {
		var values [4]any
		for i, raw := range [][]byte{before, after, beforeMask, afterMask} {
			if json.Unmarshal(raw, &values[i]) != nil {
				return
			}
		}
		n := 0
		for side := range 2 {
			for _, mask := range values[2:] {
				values[side] = plant(values[side], mask, &n)
			}
		}
		raw := planOf(t, "resource_changes", values[0], values[1], values[2], values[3])
		p, _, err := plan.Read(raw, "x", plan.Known{})
		if err != nil {
			return
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("CANARY")) {
			t.Errorf("%s\nbecame %s", raw, b)
		}
	})
}

func plant(v, mask any, n *int) any {
	switch m := mask.(type) {
	case bool:
		if m {
			*n++
			return fmt.Sprintf("CANARY-%d", *n)
		}
	case map[string]any:
		if o, ok := v.(map[string]any); ok {
			for k, sub := range m {
				if w, ok := o[k]; ok {
					o[k] = plant(w, sub, n)
				}
			}
		}
	case []any:
		if l, ok := v.([]any); ok {
			for i, sub := range m {
				if i < len(l) {
					l[i] = plant(l[i], sub, n)
				}
			}
		}
	}
	return v
}

func TestOutputs(t *testing.T) {
	p := read(t, doc(`"output_changes":{
		"z":{"actions":["update"],"before":"CANARY-1","after":"CANARY-2","before_sensitive":false,"after_sensitive":true},
		"a":{"actions":["create"],"after_unknown":true,"before_sensitive":false,"after_sensitive":false},
		"part":{"actions":["create"],"after":{"x":1},"after_unknown":{"y":true},"before_sensitive":false,"after_sensitive":{}},
		"same":{"actions":["no-op"],"before":1,"after":1,"before_sensitive":false,"after_sensitive":false},
		"nothing":null}`))
	want := []plan.Output{
		{Name: "a", Action: plan.Create, Unknown: true},
		{Name: "part", Action: plan.Create, After: map[string]any{"x": json.Number("1")},
			Unknown: map[string]any{"y": true}},
		{Name: "z", Action: plan.Update, Sensitive: true, Before: values.Sensitive, After: values.Sensitive},
	}
	if !reflect.DeepEqual(p.Outputs, want) {
		t.Errorf("%+v", p.Outputs)
	}
	if a := diff.OfOutput(p.Outputs[2]); a.Kind != diff.Changed || !a.Sensitive {
		t.Errorf("%+v", a)
	}
}

// What is made of a secret by taking white space away, or of one line of it, is hidden in a
// plan as it is in a log.
func TestPartsOfASecretAreHidden(t *testing.T) {
	for _, given := range []struct{ secret, shows string }{
		{"canary-value\n", "canary-value"},
		{"canary-value\n", "before canary-value after"},
		{"-----BEGIN-----\ncanary-line-one\ncanary-line-two\n", "canary-line-two"},
		{"  canary-value\t", `{"a":"canary-value"}`},
	} {
		p := &plan.Plan{Changes: []plan.Change{{Address: "x.y", After: map[string]any{"a": given.shows}}},
			Outputs: []plan.Output{{Name: "o", After: given.shows}},
			Checks:  []plan.Check{{Problems: []string{given.shows}}},
			Modules: []plan.Module{{Source: "git::https://x/" + given.shows}}}
		p.Mask([]string{given.secret})
		if text := fmt.Sprintf("%+v", p); strings.Contains(text, "canary") {
			t.Errorf("%q hides nothing of %q: %s", given.secret, given.shows, text)
		}
	}
}
