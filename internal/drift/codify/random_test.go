package codify_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
)

// worlds makes resources and what may become of them.
type worlds struct{ *rand.Rand }

func (r worlds) scalar() any { return []any{"a", "b", "c", 1.0, 2.0, true}[r.IntN(6)] }

func (r worlds) list(of func() any) []any {
	out := []any{}
	for range r.IntN(4) {
		out = append(out, of())
	}
	return out
}

func (r worlds) object() any {
	return map[string]any{"k": r.scalar(), "p": r.scalar(), "l": r.list(r.scalar)}
}

func (r worlds) block() any {
	b := map[string]any{"p": r.scalar(), "q": r.scalar(), "l": append(r.list(r.scalar), "last"), "bin": []any{}}
	for range r.IntN(3) {
		b["bin"] = append(b["bin"].([]any), map[string]any{"t": r.scalar()})
	}
	return b
}

func (r worlds) resource() map[string]any {
	return map[string]any{"l": r.list(r.scalar), "o": r.list(r.object), "b": r.list(r.block),
		"rows": r.list(func() any { return r.list(r.scalar) }), "m": map[string]any{"x": r.scalar(), "y": r.scalar()}}
}

// moved is what somebody made of a value: elements come, go, move and change.
func (r worlds) moved(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, w := range v {
			if out[k] = w; r.IntN(3) == 0 {
				out[k] = r.moved(k, w)
			}
		}
		return out
	case []any:
		out := slices.Clone(v)
		for range r.IntN(3) {
			if key == "l" && len(out) == 1 { // an empty one need not be written where it is new
				break
			}
			if i := r.IntN(len(out) + 1); i == len(out) || r.IntN(3) == 0 {
				out = slices.Insert(out, i, r.element(key))
			} else if r.IntN(2) == 0 {
				out = slices.Delete(out, i, i+1)
			} else if r.IntN(2) == 0 {
				out[i] = r.moved("", out[i])
			} else {
				e := out[i]
				out = slices.Delete(out, i, i+1)
				out = slices.Insert(out, r.IntN(len(out)+1), e)
			}
		}
		return out
	}
	return r.scalar()
}

func (r worlds) element(key string) any {
	switch key {
	case "o":
		return r.object()
	case "b":
		return r.block()
	case "bin":
		return map[string]any{"t": r.scalar()}
	case "rows":
		return r.list(r.scalar)
	}
	return r.scalar()
}

// source writes a body; maps in lists called b and bin are blocks.
func (r worlds) source(body map[string]any, indent string) string {
	var out strings.Builder
	for _, k := range slices.Sorted(maps.Keys(body)) {
		list, _ := body[k].([]any)
		if k != "b" && k != "bin" {
			v, err := hclsource.ToValue(body[k])
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(&out, "%s%s = %s\n", indent, k, hclsource.Render(v, indent))
		}
		for i, e := range list {
			if k == "b" || k == "bin" {
				if r.IntN(2) == 0 {
					out.WriteString("\n")
				}
				if r.IntN(3) == 0 {
					fmt.Fprintf(&out, "%s# number %d\n", indent, i)
				}
				fmt.Fprintf(&out, "%s%s {\n%s%s}\n", indent, k, r.source(e.(map[string]any), indent+"  "), indent)
			}
		}
	}
	return out.String()
}

// means is what a body says.
func means(t *testing.T, b *hclsyntax.Body, names ...string) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, n := range names {
		out[n] = []any{}
	}
	for name, a := range b.Attributes {
		v, diags := a.Expr.Value(nil)
		text, err := ctyjson.Marshal(v, v.Type())
		var as any
		if err == nil {
			err = json.Unmarshal(text, &as)
		}
		if diags.HasErrors() || err != nil {
			t.Fatal(diags, err)
		}
		out[name] = as
	}
	for _, n := range b.Blocks {
		within := []string{}
		if n.Type == "b" {
			within = []string{"bin"}
		}
		out[n.Type] = append(out[n.Type].([]any), means(t, n.Body, within...))
	}
	return out
}

// Whatever came, went, moved and changed, a patch that refuses nothing says what the world has.
func TestWhatAPatchSays(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := worlds{rand.New(rand.NewPCG(seed, 0))}
	tried, refused := 0, 0
	for range 400 {
		applied := r.resource()
		world := r.moved("", applied).(map[string]any)
		if reflect.DeepEqual(applied, world) {
			continue
		}
		before := "# Copyright\n" + open + r.source(applied, "  ") + shut
		repo := tree(module)
		repo["d/main.tf"].Data = []byte(before)
		d, p := check(t, text(t, applied), text(t, world))
		made, err := codify.ForDifference(hclsource.Source{Tree: repo, Dir: "d"}, d, p)
		if err != nil {
			t.Fatal(err)
		}
		tried++
		if len(made.Refused) > 0 {
			refused++
			continue
		}
		file, diags := hclsyntax.ParseConfig(made.Files["d/main.tf"].After, "main.tf", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, made.Diff)
		}
		got := means(t, file.Body.(*hclsyntax.Body).Blocks[0].Body, "b")
		if !reflect.DeepEqual(got, world) {
			t.Fatalf("of\n%s\nsays\n%s\nwant\n%s\nby\n%s", text(t, applied), text(t, got), text(t, world), made.Diff)
		}
	}
	t.Logf("%d of %d were refused", refused, tried)
	if tried < 200 || refused > tried/100 {
		t.Errorf("%d of %d were refused", refused, tried)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
