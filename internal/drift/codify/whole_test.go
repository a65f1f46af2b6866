package codify_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

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
		`{"l":[{"p":0},{"p":1},{"p":2}],"x":[1]}`, "  l = [{ p = 0 }, { p = 1 }, { p = 2 }]\n"},
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
		`{"l":[{"a":"x","z":[1]},{"a":null,"z":[2]}]}`, "  l = [{ a = \"x\" }, { a = null }]\n"},
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
		`{"b":[{"p":0,"q":null},{"p":1,"q":null}]}`, "  b = [{ p = 0 }, { p = 1 }]\n"},
	{"what stands beside the element before the last", "  l = [\"a\", # first\n    \"b\"]\n", `{"l":["a","b"]}`,
		`{"l":["a"]}`, "  l = [\"a\", # first\n]\n"},
	{"an object of several lines comes", "  l = [\n    {\n      p = 1\n    },\n  ]\n", `{"l":[{"p":1}]}`,
		`{"l":[{"p":1},{"p":2}]}`, "  l = [\n    {\n      p = 1\n    },\n    {\n      p = 2\n    },\n  ]\n"},
	{"the provider's own of an element", "  l = [{ p = 1 }]\n", `{"l":[{"p":1,"id":"x"}]}`,
		`{"l":[{"p":1,"id":"x"},{"p":0,"id":"y"}]}`, "  l = [{ p = 1 }, { p = 0 }]\n"},
	{"the only block goes, which the provider writes another way", "  x = 1\n  b {\n    p = \"TCP\"\n  }\n",
		`{"x":1,"b":[{"p":"tcp"}]}`, `{"x":1,"b":[]}`, "  x = 1\n"},
	{"a block with a secret goes", "  b {\n    p = 1\n    s = \"x\"\n  }\n  b {\n    p = 2\n    s = \"y\"\n  }\n",
		`{"b":[{"p":1,"s":"(sensitive value)"},{"p":2,"s":"(sensitive value)"}]}`,
		`{"b":[{"p":2,"s":"(sensitive value)"}]}`, "  b {\n    p = 2\n    s = \"y\"\n  }\n"},
	{"the only block changes and has another beside it", "  # the web\n  b {\n    p = 1 # it\n  }\n",
		`{"b":[{"p":1,"k":[1]}]}`, `{"b":[{"p":1,"k":[1]},{"p":5,"k":[2]}]}`,
		"  # the web\n  b {\n    p = 1 # it\n  }\n  b {\n    p = 5\n  }\n"},
	{"elements beside a heredoc in a block", "  b {\n    t = <<E\n# not a comment\nE\n    l = [1]\n  }\n",
		`{"b":[{"t":"# not a comment\n","l":[1]}]}`, `{"b":[{"t":"# not a comment\n","l":[1,2]}]}`,
		"  b {\n    t = <<E\n# not a comment\nE\n    l = [1, 2]\n  }\n"},
	{"an argument goes below a heredoc", "  t = <<E\n# not a comment\nE\n  x = 1\n",
		`{"t":"# not a comment\n","x":1}`, `{"t":"# not a comment\n","x":null}`, "  t = <<E\n# not a comment\nE\n"},
	{"blocks of two names", "  b {\n    p = 1\n  }\n  bone {\n    t = 1\n  }\n", `{"b":[{"p":1}],"bone":{"t":1}}`,
		`{"b":[{"p":1},{"p":2}],"bone":{"t":2}}`,
		"  b {\n    p = 1\n  }\n  b {\n    p = 2\n  }\n  bone {\n    t = 2\n  }\n"},
	{"a row of a row", "  l = [[[\"a\"], [\"b\"]]]\n", `{"l":[[["a"],["b"]]]}`, `{"l":[[["a"],["c","d"]]]}`,
		"  l = [[[\"a\"], [\"c\", \"d\"]]]\n"},
	{"an object in a map", "  m = { a = { p = 1, q = 1 }, b = { p = 2 } }\n",
		`{"m":{"a":{"p":1,"q":1},"b":{"p":2,"q":null}}}`, `{"m":{"a":{"p":1,"q":null},"b":{"p":3,"q":null}}}`,
		"  m = { a = { p = 1, q = null }, b = { p = 3 } }\n"},
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

// What is refused, for a reason, since no edit would be right, or another would change with it.
func TestWholesRefused(t *testing.T) {
	const came, goes = `{"b":[{"p":1},{"p":2}]}`, `{"b":[]}`
	const applied = `{"b":[{"p":1}]}`
	const block = "  b {\n    p = 1\n  }\n"
	for name, c := range map[string]struct{ repo, address, applied, world, why string }{
		"a block comes among dynamic ones": {module + open + "  dynamic \"b\" {\n    for_each = [1]\n" +
			"    content {\n" +
			"      p = b.value\n    }\n  }\n" + shut, "t.r", applied, came, "made by a dynamic block"},
		"a block that is dynamic goes": {module + open + "  dynamic \"b\" {\n    for_each = [1]\n    content {\n" +
			"      p = b.value\n    }\n  }\n" + shut, "t.r", applied, goes, "made by a dynamic block"},
		"a block comes into a block that is dynamic": {module + open + "  dynamic \"b\" {\n    for_each = [1]\n    " +
			"content {\n      p = b.value\n    }\n  }\n" + shut, "t.r", `{"b":[{"p":1,"bin":[]}]}`,
			`{"b":[{"p":1,"bin":[{"q":1}]}]}`, "made by a dynamic block"},
		"a block comes to one of several instances": {module + "resource \"t\" \"r\" {\n  count = 2\n" + block + shut,
			"t.r[0]", applied, came, "several instances"},
		"a block goes from one of several instances": {module + "resource \"t\" \"r\" {\n" +
			"  for_each = { a = 1, b = 2 " +
			"}\n" + block + shut, `t.r["a"]`, applied, goes, "several instances"},
		"a block comes into a module that is called twice": {module + "module \"m\" {\n  source = \"../m\"\n}\n" +
			"module \"n\" {\n  source = \"../m\"\n}\n-- m/main.tf --\n" + open + block + shut, "module.m.t.r",
			applied,
			came, "called elsewhere"},
		"a block goes from what other workspaces read": {"-- s/main.tf --\n" + open + block + shut, "t.r",
			applied, goes,
			"other workspaces read s too"},
		"a block comes into a file behind a link": {"-- d/link.tf --\n" + open + block + shut, "t.r", applied, came,
			"symbolic link d/link.tf"},
		"a block with a secret comes": {module + open + block + shut, "t.r", applied,
			`{"b":[{"p":1},{"p":"(sensitive value)"}]}`, "sensitive"},
		"one of two blocks that cannot be told": {module + open + "  b {\n    p = 7\n  }\n  b {\n    p = 8\n" +
			"  }\n" + shut,
			"t.r", `{"b":[{"p":1},{"p":2}]}`, applied, "which of the blocks"},
		"the only block is another one": {module + open + "  b {\n    p = 7\n  }\n" + shut, "t.r",
			`{"b":[{"p":1,"q":0},{"p":2,"q":0}]}`, `{"b":[{"p":2,"q":0}]}`, "which of the blocks"},
		"an element comes into what a function makes": {module + open + "  l = toset([\"a\"])\n" + shut, "t.r",
			`{"l":["a"]}`, `{"l":["a","b"]}`, "function toset"},
		"an element comes into what others read": {module + open + "  l = local.l\n  k = local.l\n" + shut +
			"locals {\n  l = [\"a\"]\n}\n", "t.r", `{"l":["a"]}`, `{"l":["a","b"]}`, "read elsewhere"},
		"an element comes into a list that is shorter": {module + open + "  l = []\n" + shut, "t.r", `{"l":["a"]}`,
			`{"l":["a","b"]}`, "shorter than that in the world"},
		"an element that is computed goes": {module + open + "  l = [u.v.w, u.v.x]\n" + shut, "t.r",
			`{"l":["a","b"]}`,
			`{"l":["a"]}`, "which element"},
		"an element of a list for all instances": {module + "resource \"t\" \"r\" {\n  count = 2\n  l = [\"a\"]\n}\n",
			"t.r[1]", `{"l":["a"]}`, `{"l":["a","b"]}`, "several instances"},
	} {
		repo := tree(c.repo)
		s := hclsource.Source{Tree: repo, Dir: "d"}
		if f := repo["s/main.tf"]; f != nil {
			s.Dir, s.Shared = "s", []string{"s"}
		}
		if f := repo["d/link.tf"]; f != nil {
			repo["x/real.tf"] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
			repo["d/link.tf"] = &fstest.MapFile{Data: []byte("../x/real.tf"), Mode: fs.ModeSymlink | 0o777}
		}
		d, p := check(t, c.applied, c.world)
		d.Address, p.Drift[0].Address = c.address, c.address
		made, err := codify.ForDifference(s, d, p)
		if err != nil || len(made.Refused) == 0 || made.Diff != "" || !strings.Contains(made.Refused[0].Why, c.why) ||
			made.Refused[0].Next == "" {
			t.Errorf("%s: %v, %+v\n%s\nwant %q", name, err, made.Refused, made.Diff, c.why)
		}
	}
}

// Without the check's plan nothing is guessed.
func TestTheCheckIsNotKept(t *testing.T) {
	d, p := check(t, `{"x":1}`, `{"x":2}`)
	repo := tree(module + open + "  x = 1\n" + shut)
	p.Drift[0].Deposed = "1f2e"
	for _, p := range []*plan.Plan{nil, {}, p} {
		made, err := codify.ForDifference(hclsource.Source{Tree: repo, Dir: "d"}, d, p)
		if err != nil || len(made.Refused) != 1 || made.Diff != "" ||
			!strings.Contains(made.Refused[0].Next, "tfops drift WORKSPACE") {
			t.Errorf("%v, %+v", err, made)
		}
	}
}

// What a resource that is taken out takes with it, and what it leaves.
func TestRemovalText(t *testing.T) {
	const other = "resource \"t\" \"s\" {\n  x = 2\n}\n"
	const gone = open + "  # within\n  x = <<E\n# text\nE\n" + shut
	for name, c := range map[string]struct{ before, after string }{
		"a licence": {"# Copyright\n# SPDX\n" + gone + "\n" +
			other, "# Copyright\n# SPDX\n" + other},
		"a licence apart": {"# Copyright\n\n" + gone + "\n" + other, "# Copyright\n\n" + other},
		"a licence, and a comment": {"# Copyright\n\n# It.\n" + gone + "\n" +
			other, "# Copyright\n\n" + other},
		"a licence as a block comment": {"/*\n Copyright\n*/\n" + gone + "\n" +
			other, "/*\n Copyright\n*/\n" + other},
		"a licence behind a mark of order": {"\ufeff// Copyright\n" + gone + other, "\ufeff// Copyright\n" + other},
		"a licence below empty lines":      {"\n\n# Copyright\n" + gone + other, "\n\n# Copyright\n" + other},
		"its comment":                      {other + "\n# It,\n// and more.\n" + gone, other},
		"its block comment":                {other + "\n/* It,\n   and more. */\n" + gone, other},
		"a comment of the line above":      {other + "locals {} # not its\n" + gone, other + "locals {} # not its\n"},
		"a block comment beside another": {other + "locals {} /* not\nits */\n" +
			gone, other + "locals {} /* not\nits */\n"},
		"the head of a section": {other + "\n####\n# Net\n#####\n" + gone + "\n" +
			other, other + "\n####\n# Net\n#####\n" + other},
		"the head of a section, ruled": {other + "\n# --- #\n# Net\n" + gone + "\n" +
			other, other + "\n# --- #\n# Net\n" + other},
		"a comment apart": {other + "\n# Net\n\n" + gone + "\n" +
			other, other + "\n# Net\n\n" + other},
		"a comment of what follows": {other + "\n" + gone + "# Next.\n" + other, other + "\n# Next.\n" +
			other},
		"all of the file": {gone, ""},
		"what stands beside its end": {other + strings.TrimSuffix(gone, "\n") + " # end\n" +
			other, other + other},
	} {
		for ending, convert := range map[string]func(string) string{
			"":       func(s string) string { return s },
			", CRLF": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		} {
			repo := tree(module)
			repo["d/main.tf"].Data = []byte(convert(c.before))
			p, err := codify.ProposeRemoval(hclsource.Source{Tree: repo, Dir: "d"}, "t.r")
			if err != nil || len(p.Refused) > 0 {
				t.Errorf("%s: %v, %+v", name+ending, err, p.Refused)
				continue
			}
			if got := string(p.Files["d/main.tf"].After); got != convert(c.after) {
				t.Errorf("%s: got\n%q\nwant\n%q", name+ending, got, convert(c.after))
			}
			checkPatch(t, repo, p)
		}
	}
}

// What is written elsewhere is changed there, and what has to be there stays, if only as null.
func TestWholesElsewhere(t *testing.T) {
	for name, c := range map[string]struct{ repo, address, applied, world, file, want string }{
		"null in for_each": {module + "resource \"t\" \"r\" {\n" +
			"  for_each = { a = { s = 1, u = 2 }, b = { s = 1, u = 2 } }\n" +
			"  x        = each.value.s\n}\n", `t.r["a"]`, `{"x":1}`, `{"x":null}`, "d/main.tf",
			"a = { s = null, u = 2 }, b = { s = 1, u = 2 }"},
		"null in a file of values": {module + open + "  x = var.o.s\n" +
			shut + "variable \"o\" {}\n-- d/terraform.tfvars --\n" +
			"# The values.\no = {\n  s = 1\n  u = 2\n}\n", "t.r", `{"x":1}`, `{"x":null}`, "d/terraform.tfvars",
			"# The values.\no = {\n  s = null\n  u = 2\n}\n"},
		"null in a list that has an index for it": {module + open + "  x = local.l[0]\n" +
			shut + "locals {\n  l = [1, 2]\n}\n",
			"t.r", `{"x":1}`, `{"x":null}`, "d/main.tf", "l = [null, 2]"},
		"an element in an argument of a module": {module + "module \"m\" {\n  source = \"../m\"\n" +
			"  l      = [\"a\"]\n}\n" +
			"-- m/main.tf --\nvariable \"l\" {}\n" + open + "  l = var.l\n" + shut, "module.m.t.r", `{"l":["a"]}`,
			`{"l":["n","a"]}`, "d/main.tf", `l      = ["n", "a"]`},
		"an element of one instance": {module + "resource \"t\" \"r\" {\n" +
			"  for_each = { a = [\"x\"], b = [\"x\"] }\n" +
			"  l        = each.value\n}\n", `t.r["b"]`, `{"l":["x"]}`, `{"l":["x","y"]}`, "d/main.tf",
			`b = ["x", "y"] }`},
		"a key goes from a map elsewhere": {module + open + "  m = local.m\n" +
			shut + "locals {\n  m = { a = \"x\", b = \"y\" }\n}\n",
			"t.r", `{"m":{"a":"x","b":"y"}}`, `{"m":{"b":"y"}}`, "d/main.tf", `m = { b = "y" }`},
		"a block in an override": {module + open + "  b {\n    p = 0\n  }\n" +
			shut + "-- d/x_override.tf --\n" + open +
			"  b {\n    p = 1\n  }\n" + shut, "t.r", `{"b":[{"p":1}]}`, `{"b":[{"p":1},{"p":2}]}`, "d/x_override.tf",
			"  b {\n    p = 1\n  }\n  b {\n    p = 2\n  }\n"},
		"a value of an object of a reference's list": {module + open + "  o = var.sets[1]\n" +
			shut + "variable \"sets\" {\n" +
			"  default = [[{ p = 1 }], [{ p = 2 }, { p = 3 }]]\n}\n", "t.r", `{"o":[{"p":2},{"p":3}]}`,
			`{"o":[{"p":2},{"p":4}]}`, "d/main.tf", "[[{ p = 1 }], [{ p = 2 }, { p = 4 }]]"},
	} {
		d, p := check(t, c.applied, c.world)
		d.Address, p.Drift[0].Address = c.address, c.address
		repo := tree(c.repo)
		made, err := codify.ForDifference(hclsource.Source{Tree: repo, Dir: "d"}, d, p)
		if err != nil || len(made.Refused) > 0 || len(made.Files) != 1 ||
			!strings.Contains(string(made.Files[c.file].After), c.want) {
			t.Errorf("%s: %v, %+v\n%s", name, err, made.Refused, made.Diff)
		}
		checkPatch(t, repo, made)
	}
}
