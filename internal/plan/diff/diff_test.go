package diff_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/diff"
)

// sketch writes the nodes of a difference, one a line: mark, path, shape, flags.
func sketch(list []diff.Attr) []string {
	mark := map[diff.Kind]string{diff.Added: "+", diff.Removed: "-", diff.Changed: "~", diff.Unchanged: "="}
	var out []string
	for _, a := range list {
		line := fmt.Sprintf("%s %s %s", mark[a.Kind], a.Path, a.Shape)
		if a.Shape == diff.Value && !a.Unknown && !a.Sensitive {
			b, _ := json.Marshal(a.Before)
			f, _ := json.Marshal(a.After)
			line += fmt.Sprintf(" %s>%s", b, f)
		}
		for _, flag := range []struct {
			on   bool
			name string
		}{{a.Unknown, "unknown"}, {a.Sensitive, "sensitive"}, {a.Replaces, "replaces"}} {
			if flag.on {
				line += " " + flag.name
			}
		}
		for _, l := range a.Lines {
			line += " " + mark[l.Kind] + l.Text
		}
		out = append(out, line)
		out = append(out, sketch(a.Children)...)
	}
	return out
}

func value(t *testing.T, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestDiff(t *testing.T) {
	const builtin = "terraform.io/builtin/terraform"
	for _, c := range []struct {
		name                   string
		before, after, unknown string
		change                 plan.Change
		want                   []string
	}{
		{"create", "", `{"b":1,"a":null,"c":"x"}`, `{"id":true}`, plan.Change{}, []string{"+ b value null>1", `+ c value null>"x"`, "+ id value unknown"}},
		{"delete", `{"a":["x"]}`, "", "", plan.Change{}, []string{"- a list", `- a[0] value "x">null`}},
		{"update", `{"a":1,"b":2,"c":3}`, `{"a":1,"b":3}`, `{"c":true}`, plan.Change{ReplacePaths: []string{"b"}},
			[]string{"= a value 1>1", "~ b value 2>3 replaces", "~ c value unknown"}},
		{"numbers are equal by value", `{"a":1.0}`, `{"a":1}`, "", plan.Change{}, []string{"= a value 1.0>1"}},
		{"null in arguments of a provider", `{"a":null,"b":"x"}`, `{"a":null,"b":null}`, "", plan.Change{}, []string{`- b value "x">null`}},
		{"null in values of any type", `{"a":{"b":"x","c":null}}`, `{"a":{"b":null,"c":null,"d":null}}`, "", plan.Change{Provider: builtin},
			[]string{"~ a object", `~ a.b value "x">null`, "= a.c value null>null", "+ a.d value null>null"}},
		{"a map", `{"tags":{"a b":"x"}}`, `{"tags":{"a b":"y","c":"z"}}`, "", plan.Change{}, []string{"~ tags map", `~ tags["a b"] value "x">"y"`, `+ tags.c value null>"z"`}},
		{"an object", `{"o":{"a":"x","b":1}}`, `{"o":{"a":"x","b":2}}`, "", plan.Change{}, []string{"~ o object", `= o.a value "x">"x"`, "~ o.b value 1>2"}},
		{"an insertion", `{"l":["a","b","c"]}`, `{"l":["a","x","b","c"]}`, "", plan.Change{},
			[]string{"~ l list", `= l[0] value "a">"a"`, `+ l[1] value null>"x"`, `= l[2] value "b">"b"`, `= l[3] value "c">"c"`}},
		{"one of a list", `{"l":["a","b"]}`, `{"l":["a","c"]}`, "", plan.Change{}, []string{"~ l list", `= l[0] value "a">"a"`, `- l[1] value "b">null`, `+ l[1] value null>"c"`}},
		{"one of a list of any type", `{"l":["a","b"]}`, `{"l":["a","c"]}`, "", plan.Change{Provider: builtin}, []string{"~ l list", `= l[0] value "a">"a"`, `~ l[1] value "b">"c"`}},
		{"a rotated list of any type", `{"l":["a","b","c"]}`, `{"l":["b","c","d"]}`, "", plan.Change{Provider: builtin},
			[]string{"~ l list", `- l[0] value "a">null`, `= l[0] value "b">"b"`, `= l[1] value "c">"c"`, `+ l[2] value null>"d"`}},
		{"objects in lists are paired", `{"l":[{"n":1,"x":"s"},{"n":2,"x":"s"}]}`, `{"l":[{"n":1,"x":"s"},{"n":3,"x":"s"},{"n":4,"x":"s"}]}`, "", plan.Change{Provider: builtin},
			[]string{"~ l list", "= l[0] object", "= l[0].n value 1>1", `= l[0].x value "s">"s"`, "~ l[1] object", "~ l[1].n value 2>3", `= l[1].x value "s">"s"`,
				"+ l[2] object", "+ l[2].n value null>4", `+ l[2].x value null>"s"`}},
		{"null in lists", `{"l":[null]}`, `{"l":[null,null]}`, "", plan.Change{},
			[]string{"~ l list", "= l[0] value null>null", "+ l[1] value null>null"}},
		{"unknown elements", `{"l":["a"]}`, `{"l":["a",null]}`, `{"l":[false,true]}`, plan.Change{}, []string{"~ l list", `= l[0] value "a">"a"`, "+ l[1] value unknown"}},
		{"unknown beyond the list", `{"l":["a"]}`, `{"l":["a"]}`, `{"l":[false,true]}`, plan.Change{}, []string{"~ l list", `= l[0] value "a">"a"`, "+ l[1] value unknown"}},
		{"unknown as a whole", `{"o":{"a":1}}`, `{}`, `{"o":true}`, plan.Change{}, []string{"~ o map unknown", "- o.a value 1>null"}},
		{"blocks", `{"name":"x","rule":[{"id":"a","days":1}],"zero":[]}`, `{"name":"x","rule":[{"id":"a","days":2},{"id":"b"}],"zero":[]}`, "", plan.Change{Blocks: []string{"rule", "zero"}},
			[]string{`= name value "x">"x"`, "~ rule[0] block", "~ rule[0].days value 1>2", `= rule[0].id value "a">"a"`, "+ rule[1] block", `+ rule[1].id value null>"b"`}},
		{"blocks in blocks", `{"a":[{"b":[{"c":1}]}]}`, `{"a":[{"b":[{"c":2}]}]}`, "",
			plan.Change{Blocks: []string{"a", "a.b"}}, []string{"~ a[0] block", "~ a[0].b[0] block",
				"~ a[0].b[0].c value 1>2"}},
		{"a single block", "", `{"timeouts":{"create":"1m"}}`, "", plan.Change{Blocks: []string{"timeouts"}}, []string{"+ timeouts block", `+ timeouts.create value null>"1m"`}},
		{"an unknown block", `{"b":[]}`, `{}`, `{"b":true}`, plan.Change{Blocks: []string{"b"}}, []string{"~ b block unknown"}},
		{"JSON in a string", `{"p":"{\"a\":1,\"b\":[1]}"}`, `{"p":"{\"a\":2,\"b\":[1]}"}`, "", plan.Change{ReplacePaths: []string{"p"}},
			[]string{"~ p json replaces", "~ p object", "~ p.a value 1>2", "= p.b list", "= p.b[0] value 1>1"}},
		{"JSON with other spaces", `{"p":"[1]"}`, `{"p":"[ 1 ]"}`, "", plan.Change{}, []string{"~ p json", "= p list", "= p[0] value 1>1"}},
		{"JSON becomes text", `{"p":"[1]"}`, `{"p":"x"}`, "", plan.Change{},
			[]string{"~ p switch", "- p json", "- p list", "- p[0] value 1>null", `+ p value null>"x"`}},
		{"not quite JSON", `{"p":"[1] x"}`, `{"p":"{"}`, "", plan.Change{}, []string{`~ p value "[1] x">"{"`}},
		{"lines", `{"t":"a\nb\nc\n"}`, `{"t":"a\nx\nc\nd\n"}`, "", plan.Change{}, []string{"~ t text =a -b +x =c +d"}},
		{"another type", `{"a":1}`, `{"a":["x"]}`, "", plan.Change{}, []string{"~ a switch", "- a value 1>null", "+ a list", `+ a[0] value null>"x"`}},
		{"a scalar of another type", `{"a":1}`, `{"a":"1"}`, "", plan.Change{}, []string{`~ a value 1>"1"`}},
		{"hidden and the same", `{"a":"(sensitive value)"}`, `{"a":"(sensitive value)"}`, "", plan.Change{}, []string{"= a value sensitive"}},
		{"hidden and changed", `{"a":"(sensitive value)","o":{"x":"(sensitive value)"},"l":["(sensitive value)"]}`, `{"a":"(sensitive value)","o":{"x":"(sensitive value)"},"l":["(sensitive value)"]}`, "",
			plan.Change{SensitiveChanged: []string{"a", "o.x", "l[0]"}}, []string{"~ a value sensitive", "~ l list",
				"~ l[0] value sensitive", "~ o map", "~ o.x value sensitive"}},
		{"hidden as a whole", "", `"(sensitive value)"`, "", plan.Change{}, []string{"+  value sensitive"}},
		{"forget", `{"a":1}`, "", "", plan.Change{Action: plan.Forget}, []string{"= a value 1>1"}},
		{"nothing", "", "", "", plan.Change{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.change.Before, c.change.After, c.change.Unknown = value(t, c.before), value(t, c.after),
				value(t, c.unknown)
			if got := sketch(diff.Of(c.change)); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// TestDiffLeavesThePlanAlone: a plan is shared by whoever shows it.
func TestDiffLeavesThePlanAlone(t *testing.T) {
	c := plan.Change{Before: value(t, `{"l":[1,{"a":2}]}`), After: value(t, `{"l":[1]}`), Unknown: value(t, `{"l":[false,{"a":true}],"o":{"x":true}}`)}
	was, _ := json.Marshal(c)
	diff.Of(c)
	if is, _ := json.Marshal(c); string(is) != string(was) {
		t.Errorf("%s\nbecame %s", was, is)
	}
}

// TestLargeLists: two long lists that have nothing in common are still shown,
// and do not take memory by the square of their lengths.
func TestLargeLists(t *testing.T) {
	long := func(word string) []any {
		l := make([]any, 5000)
		for i := range l {
			l[i] = fmt.Sprintf("%s%d", word, i)
		}
		return l
	}
	c := plan.Change{Before: map[string]any{"l": long("a")}, After: map[string]any{"l": long("b")}}
	if n := len(diff.Of(c)[0].Children); n != 10000 {
		t.Errorf("%d elements", n)
	}
}

func BenchmarkDiff(b *testing.B) {
	before, after := make([]any, 1000), make([]any, 1000)
	for i := range before {
		before[i], after[i] = map[string]any{"n": i, "x": "same"}, map[string]any{"n": i + 1, "x": "same"}
	}
	c := plan.Change{Before: map[string]any{"l": before}, After: map[string]any{"l": after}}
	for b.Loop() {
		diff.Of(c)
	}
}
