package codify_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/plan"
)

// check is a plan that would put back what the world has otherwise than it was applied at t.r, and the
// difference that it makes. Names of blocks begin with "b".
func check(t *testing.T, applied, world string) (drift.Difference, *plan.Plan) {
	t.Helper()
	var was, now map[string]any
	if err := json.Unmarshal([]byte(applied), &was); err != nil {
		t.Fatal(err, applied)
	}
	if err := json.Unmarshal([]byte(world), &now); err != nil {
		t.Fatal(err, world)
	}
	c := plan.Change{Address: "t.r", Mode: "managed", Type: "t", Name: "r", Action: plan.Update, Before: was,
		After: now, Blocks: []string{"b", "b.bin", "bone"}}
	back := c
	back.Before, back.After, back.Configured = now, was, slices.Sorted(maps.Keys(was))
	p := &plan.Plan{Complete: true, Drift: []plan.Change{c}, Changes: []plan.Change{back}}
	for _, d := range classify.Differences(classify.Evidence{Applied: p}) {
		if d.Class == drift.Changed {
			return d, p
		}
	}
	t.Fatalf("nothing changed from %s to %s", applied, world)
	return drift.Difference{}, nil
}

const two = "  b {\n    p = 1\n  }\n  b {\n    p = 2\n  }\n"

// Each case is the body of resource "t" "r", what was applied of it, and what the world has.
var wholes = []struct{ name, before, applied, world, after string }{
	// Elements of lists.
	{"an element in front", "  l = [\"a\", \"b\"]\n", `{"l":["a","b"]}`, `{"l":["n","a","b"]}`,
		"  l = [\"n\", \"a\", \"b\"]\n"},
	{"an element in the middle", "  l = [\"a\", \"b\"]\n", `{"l":["a","b"]}`, `{"l":["a","n","b"]}`,
		"  l = [\"a\", \"n\", \"b\"]\n"},
	{"an element at the end", "  l = [\n    \"a\", # x\n  ]\n", `{"l":["a"]}`, `{"l":["a","n"]}`,
		"  l = [\n    \"a\", # x\n    \"n\",\n  ]\n"},
	{"an element moves as it is written", "  l = [\"a\", \"b\", u.v.w]\n", `{"l":["a","b","c"]}`,
		`{"l":["b","c","a"]}`, "  l = [\"b\", u.v.w, \"a\"]\n"},
	{"elements are exchanged at the same index and another", "  l = [\"a\", \"b\", \"c\"]\n", `{"l":["a","b","c"]}`,
		`{"l":["x","a","y","b"]}`, "  l = [\"x\", \"a\", \"y\", \"b\"]\n"},
	{"two exchanged keep their comments", "  l = [\n    \"a\", # 1\n    \"b\", # 2\n    \"c\",\n  ]\n",
		`{"l":["a","b","c"]}`, `{"l":["x","y","c"]}`, "  l = [\n    \"x\", # 1\n    \"y\", # 2\n    \"c\",\n  ]\n"},
	{"a list that comes", "  x = 1\n", `{"x":1,"l":null}`, `{"x":1,"l":["a","b"]}`,
		"  x = 1\n  l = [\"a\", \"b\"]\n"},
	{"a list that goes", "  x = 1\n  l = [\"a\"]\n", `{"x":1,"l":["a"]}`, `{"x":1,"l":null}`, "  x = 1\n"},
	{"a list that is emptied", "  l = [\"a\"]\n", `{"l":["a"]}`, `{"l":[]}`, "  l = []\n"},
	{"a set in another order", "  l = [\"z\", \"a\"]\n", `{"l":["a","z"]}`, `{"l":["m","z"]}`,
		"  l = [\"z\", \"m\"]\n"},
	{"a null in a list", "  l = [\"a\", \"b\"]\n", `{"l":["a","b"]}`, `{"l":["a",null]}`, "  l = [\"a\", null]\n"},

	// Lists of objects.
	{"an object in front", "  l = [{ p = 1 }, { p = 2 }]\n", `{"l":[{"p":1},{"p":2}],"x":[1]}`,
		`{"l":[{"p":0},{"p":1},{"p":2}],"x":[1]}`, "  l = [{\n    p = 0\n  }, { p = 1 }, { p = 2 }]\n"},
	{"an object goes from the middle", "  l = [\n    { p = 1 },\n    { p = 2 }, # two\n    { p = 3 },\n  ]\n",
		`{"l":[{"p":1,"q":"x"},{"p":2,"q":"x"},{"p":3,"q":"x"}]}`, `{"l":[{"p":1,"q":"x"},{"p":3,"q":"x"}]}`,
		"  l = [\n    { p = 1 },\n    { p = 3 },\n  ]\n"},
	{"an object changes behind one that goes",
		"  l = [{ k = \"a\", p = 1 }, { k = \"b\", p = 2 }, { k = \"c\", p = 3 }]\n",
		`{"l":[{"k":"a","p":1},{"k":"b","p":2},{"k":"c","p":3}]}`, `{"l":[{"k":"b","p":2},{"k":"c","p":4}]}`,
		"  l = [{ k = \"b\", p = 2 }, { k = \"c\", p = 4 }]\n"},
	{"an object of a set in another order", "  l = [{ k = \"b\", p = 2 }, { k = \"a\", p = 1 }]\n",
		`{"l":[{"k":"a","p":1},{"k":"b","p":2}]}`, `{"l":[{"k":"a","p":9},{"k":"b","p":2}]}`,
		"  l = [{ k = \"b\", p = 2 }, { k = \"a\", p = 9 }]\n"},

	// Lists of lists.
	{"an element of a row", "  l = [[\"a\", \"b\"], [\"c\"]]\n", `{"l":[["a","b"],["c"]]}`,
		`{"l":[["a","x"],["c"]]}`, "  l = [[\"a\", \"x\"], [\"c\"]]\n"},
	{"a row in front", "  l = [\n    [\"a\"], # one\n  ]\n", `{"l":[["a"]]}`, `{"l":[["n","m"],["a"]]}`,
		"  l = [\n    [\"n\", \"m\"],\n    [\"a\"], # one\n  ]\n"},
	{"a row goes", "  l = [[\"a\"], [\"b\"], [\"c\"]]\n", `{"l":[["a"],["b"],["c"]]}`, `{"l":[["a"],["c"]]}`,
		"  l = [[\"a\"], [\"c\"]]\n"},

	// Nulls and keys.
	{"a null that has to be there", "  o = { a = \"x\", n = 1 }\n", `{"o":{"a":"x","n":1}}`,
		`{"o":{"a":null,"n":1}}`, "  o = { a = null, n = 1 }\n"},
	{"a null within an object in a list", "  l = [{ a = \"x\", n = 1 }]\n", `{"l":[{"a":"x","n":1}]}`,
		`{"l":[{"a":null,"n":1}]}`, "  l = [{ a = null, n = 1 }]\n"},
	{"a null in an object that comes into a list", "  l = [{ a = \"x\" }]\n", `{"l":[{"a":"x","z":[1]}]}`,
		`{"l":[{"a":"x","z":[1]},{"a":null,"z":[2]}]}`,
		"  l = [{ a = \"x\" }, {\n    a = null\n    z = [2]\n  }]\n"},
	{"a key of a map goes", "  m = { a = \"x\", b = \"y\" }\n", `{"m":{"a":"x","b":"y"}}`, `{"m":{"b":"y"}}`,
		"  m = { b = \"y\" }\n"},
	{"a key goes that was a reference", "  m = { a = local.v, b = \"y\" }\n", `{"m":{"a":"x","b":"y"}}`,
		`{"m":{"b":"y"}}`, "  m = { b = \"y\" }\n"},
	{"a map that goes", "  x = 1\n  m = { a = \"x\" }\n", `{"x":1,"m":{"a":"x"}}`, `{"x":1,"m":null}`, "  x = 1\n"},
	{"an argument that goes, of a block", "  b {\n    p = 1\n    q = 2\n  }\n", `{"b":[{"p":1,"q":2}]}`,
		`{"b":[{"p":1,"q":null}]}`, "  b {\n    p = 1\n  }\n"},

	// Nested blocks.
	{"a block in front", two, `{"b":[{"p":1},{"p":2}]}`, `{"b":[{"p":0},{"p":1},{"p":2}]}`,
		"  b {\n    p = 0\n  }\n" + two},
	{"a block in the middle, apart from others", "  b {\n    p = 1\n  }\n\n  # two\n  b {\n    p = 2\n  }\n",
		`{"b":[{"p":1},{"p":2}]}`, `{"b":[{"p":1},{"p":3},{"p":2}]}`,
		"  b {\n    p = 1\n  }\n\n  b {\n    p = 3\n  }\n\n  # two\n  b {\n    p = 2\n  }\n"},
	{"a block at the end", two, `{"b":[{"p":1},{"p":2}]}`, `{"b":[{"p":1},{"p":2},{"p":3}]}`,
		two + "  b {\n    p = 3\n  }\n"},
	{"the first block", "  x = 1\n", `{"x":1,"b":[]}`, `{"x":1,"b":[{"p":0,"q":null,"s":"","on":false,"t":[]}]}`,
		"  x = 1\n\n  b {\n    on = false\n    p  = 0\n  }\n"},
	{"the first block of an empty body", "", `{"x":1,"b":[]}`, `{"x":1,"b":[{"p":2}]}`, "  b {\n    p = 2\n  }\n"},
	{"the provider's own is not written", "  b {\n    p = 1\n  }\n", `{"b":[{"p":1,"id":"r-1","on":false,"d":""}]}`,
		`{"b":[{"p":1,"id":"r-1","on":false,"d":""},{"p":0,"id":"r-2","on":true,"d":""}]}`,
		"  b {\n    p = 1\n  }\n  b {\n    on = true\n    p  = 0\n  }\n"},
	{"a block within a new block", "  x = 1\n", `{"x":1,"b":[]}`, `{"x":1,"b":[{"p":1,"bin":[{"q":"y"}]}]}`,
		"  x = 1\n\n  b {\n    p = 1\n\n    bin {\n      q = \"y\"\n    }\n  }\n"},
	{"a block comes into a block", "  b {\n    p = 1\n  }\n", `{"b":[{"p":1,"bin":[]}]}`,
		`{"b":[{"p":1,"bin":[{"q":1}]}]}`, "  b {\n    p = 1\n\n    bin {\n      q = 1\n    }\n  }\n"},
	{"a block goes from a block", "  b {\n    p = 1\n\n    bin {\n      q = 1\n    }\n  }\n",
		`{"b":[{"p":1,"bin":[{"q":1}]}]}`, `{"b":[{"p":1,"bin":[]}]}`, "  b {\n    p = 1\n  }\n"},
	{"a block that goes", two, `{"b":[{"p":1},{"p":2}]}`, `{"b":[{"p":1}]}`, "  b {\n    p = 1\n  }\n"},
	{"the only block goes", "  x = 1\n\n  # why\n  b {\n    p = 1\n  }\n", `{"x":1,"b":[{"p":1}]}`,
		`{"x":1,"b":[]}`, "  x = 1\n"},
	{"a block goes, and another changes", two, `{"b":[{"p":1},{"p":2}]}`, `{"b":[{"p":3}]}`,
		"  b {\n    p = 3\n  }\n"},
	{"a block moves with what is written in it",
		"  # one\n  b {\n    p = 1\n    q = u.v.w\n  }\n  b {\n    p = 2\n  }\n",
		`{"b":[{"p":1,"q":"a"},{"p":2,"q":"b"}]}`, `{"b":[{"p":2,"q":"b"},{"p":1,"q":"a"}]}`,
		"  b {\n    p = 2\n  }\n  # one\n  b {\n    p = 1\n    q = u.v.w\n  }\n"},
	{"a single block that comes", "  x = 1\n", `{"x":1,"bone":null}`, `{"x":1,"bone":{"t":"5m"}}`,
		"  x = 1\n\n  bone {\n    t = \"5m\"\n  }\n"},
	{"a single block that goes", "  x = 1\n  bone {\n    t = \"5m\"\n  }\n", `{"x":1,"bone":{"t":"5m"}}`,
		`{"x":1,"bone":null}`, "  x = 1\n"},
	{"a block of one line", "  b { p = 1 }\n", `{"b":[{"p":1}]}`, `{"b":[{"p":1},{"p":2}]}`,
		"  b { p = 1 }\n  b {\n    p = 2\n  }\n"},
	{"a block of one line that goes", "  x = 1\n  b { p = 1 }\n", `{"x":1,"b":[{"p":1}]}`, `{"x":1,"b":[]}`,
		"  x = 1\n"},

	// Values within one of several blocks.
	{"a port of the only block", "  b {\n    l = [80, 443]\n  }\n", `{"b":[{"l":[80,443]}]}`,
		`{"b":[{"l":[80,8443]}]}`, "  b {\n    l = [80, 8443]\n  }\n"},
	{"a port comes into one of two blocks",
		"  b {\n    p = 1\n    l = [80]\n  }\n  b {\n    p = 2\n    l = [80]\n  }\n",
		`{"b":[{"p":1,"l":[80]},{"p":2,"l":[80]}]}`, `{"b":[{"p":1,"l":[80]},{"p":2,"l":[22,80]}]}`,
		"  b {\n    p = 1\n    l = [80]\n  }\n  b {\n    p = 2\n    l = [22, 80]\n  }\n"},
	{"all of a block changes", two, `{"b":[{"p":1,"q":"a"},{"p":2,"q":"b"}]}`,
		`{"b":[{"p":1,"q":"a"},{"p":7,"q":"z"}]}`, "  b {\n    p = 1\n  }\n  b {\n    p = 7\n    q = \"z\"\n  }\n"},
	{"of blocks in another order", "  b {\n    p = 2\n    q = 1\n  }\n  b {\n    p = 1\n  }\n",
		`{"b":[{"p":1,"q":0},{"p":2,"q":1}]}`, `{"b":[{"p":1,"q":5},{"p":2,"q":1}]}`,
		"  b {\n    p = 2\n    q = 1\n  }\n  b {\n    p = 1\n    q = 5\n  }\n"},
	{"of blocks in another order, two at once",
		"  b {\n    p = 2\n    q = 1\n  }\n  b {\n    p = 1\n    q = 0\n  }\n",
		`{"b":[{"p":1,"q":0},{"p":2,"q":1}]}`, `{"b":[{"p":3,"q":5},{"p":2,"q":1}]}`,
		"  b {\n    p = 2\n    q = 1\n  }\n  b {\n    p = 3\n    q = 5\n  }\n"},
	{"blocks that are an argument", "  b = [{ p = 1 }]\n", `{"b":[{"p":1,"q":null}]}`,
		`{"b":[{"p":0,"q":null},{"p":1,"q":null}]}`, "  b = [{\n    p = 0\n    q = null\n  }, { p = 1 }]\n"},
	{"a heredoc in a list", "  l = [<<-E\n    a\n  E\n  , \"b\"]\n", `{"l":["a\n","b"]}`, `{"l":["a\n","b","c"]}`,
		"  l = [<<-E\n    a\n  E\n  , \"b\", \"c\"]\n"},
}

func TestWholes(t *testing.T) {
	for _, c := range wholes {
		for name, convert := range map[string]func(string) string{
			"":       func(s string) string { return s },
			", CRLF": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		} {
			t.Run(c.name+name, func(t *testing.T) {
				repo := tree(module)
				repo["d/main.tf"].Data = []byte(convert("# top\n" + open + c.before + shut))
				d, p := check(t, c.applied, c.world)
				made, err := codify.ForDifference(hclsource.Source{Tree: repo, Dir: "d"}, d, p)
				if err != nil || len(made.Refused) > 0 || len(made.Done) == 0 {
					t.Fatalf("%v, done %v, refused %+v", err, made.Done, made.Refused)
				}
				want := convert("# top\n" + open + c.after + shut)
				if got := string(made.Files["d/main.tf"].After); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
				checkPatch(t, repo, made)
			})
		}
	}
}
