package codify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/plan"
)

// changes reads "path: was -> want" lines; was and want are JSON.
func changes(t *testing.T, text string) []codify.Change {
	t.Helper()
	var out []codify.Change
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		path, values, ok1 := strings.Cut(line, ": ")
		was, want, ok2 := strings.Cut(values, " -> ")
		c := codify.Change{Path: path}
		if !ok1 || !ok2 || json.Unmarshal([]byte(was), &c.Was) != nil || json.Unmarshal([]byte(want), &c.Want) != nil {
			t.Fatalf("%q is no change", line)
		}
		out = append(out, c)
	}
	return out
}

// Each case is the body of resource "t" "r" before and after.
var layouts = []struct{ name, change, before, after string }{
	{"a number", `x: 1 -> 2.5`, "  x = 1\n", "  x = 2.5\n"},
	{"a negative number", `x: -1 -> -2`, "  x = -1\n", "  x = -2\n"},
	{"a bool", `x: true -> false`, "  x = true # c\n", "  x = false # c\n"},
	{"null", `x: null -> "y"`, "  x = null\n", "  x = \"y\"\n"},
	{"in parentheses", `x: "a" -> "b"`, "  x = (\"a\")\n", "  x = (\"b\")\n"},
	{"wrapped in a template", `x: "a" -> "b"`, "  x = \"${\"a\"}\"\n", "  x = \"${\"b\"}\"\n"},
	{"templates are escaped", `x: "a" -> "${b} %{c}"`, "  x = \"a\"\n", "  x = \"$${b} %%{c}\"\n"},
	{"what was not formatted stays so", `x: "a" -> "b"`, "    x=\"a\"\n  long   =   1\n", "    x=\"b\"\n  long   =   1\n"},
	{"alignment follows", `longer: null -> 1`, "  x = 1\n  y = 2\n", "  x      = 1\n  y      = 2\n  longer = 1\n"},
	{"taken out with its comment", `x: 1 -> null`, "  a = 1\n  # about x\n  x = 1 # more\n  b = 1\n", "  a = 1\n  b = 1\n"},
	{"added before the meta-arguments' block", `y: null -> [1,"b"]`,
		"  x = 1\n\n  lifecycle {\n    prevent_destroy = true\n  }\n",
		"  x = 1\n  y = [1, \"b\"]\n\n  lifecycle {\n    prevent_destroy = true\n  }\n"},
	{"added after a list of several lines", `y: null -> 1`, "  x = 1\n  l = [\n    1,\n  ]\n",
		"  x = 1\n  y = 1\n  l = [\n    1,\n  ]\n"},
	{"added where only depends_on is", `y: null -> 1`, "  depends_on = [u.v]\n", "  depends_on = [u.v]\n  y          = 1\n"},
	{"added to an empty body", `y: null -> {"a b":1,"c":null}`, "", "  y = {\n    \"a b\" = 1\n    c     = null\n  }\n"},
	{"a key below what is not written", `m.k: null -> "v"`, "  x = 1\n", "  x = 1\n  m = {\n    k = \"v\"\n  }\n"},
	{"a key with a colon", `m.b: null -> 2`, "  m = { \"a\" : 1 }\n", "  m = { \"a\" : 1, \"b\" : 2 }\n"},
	{"a key in an empty object", `m.b: null -> 2`, "  m = {}\n", "  m = { b = 2 }\n"},
	{"a key in an object of comments", `m.b: null -> 2`, "  m = {\n    # none yet\n  }\n", "  m = {\n    b = 2\n    # none yet\n  }\n"},
	{"a key where commas are", `m.b: null -> 2`, "  m = {\n    a = 1, # c\n  }\n", "  m = {\n    a = 1, # c\n    b = 2,\n  }\n"},
	{"a key where a brace ends the line", `m.b: null -> 2`, "  m = { a = 1\n  }\n", "  m = { a = 1\n    b = 2\n  }\n"},
	{"the first key goes", `m.a: 1 -> null`, "  m = { a = 1, b = 2 }\n", "  m = { b = 2 }\n"},
	{"the last key goes", `m.b: 2 -> null`, "  m = { a = 1, b = 2 }\n", "  m = { a = 1 }\n"},
	{"the only key goes", `m.a: 1 -> null`, "  m = { a = 1 }\n", "  m = {}\n"},
	{"a whole map: only what differs", `m: {"a":1,"b":2,"c":3} -> {"a":1,"b":4,"d":5}`,
		"  m = {\n    a = 1 # one\n    b = 2 # two\n    c = 3 # three\n  }\n",
		"  m = {\n    a = 1 # one\n    b = 4 # two\n    d = 5\n  }\n"},
	{"a whole map with a reference that stays", `m: {"a":"x","b":2} -> {"a":"x","b":3}`, "  m = { a = u.v.w, b = 2 }\n", "  m = { a = u.v.w, b = 3 }\n"},
	{"a list: an element changes", `l[1]: "b" -> "x"`, "  l = [\"a\", \"b\", \"c\"]\n", "  l = [\"a\", \"x\", \"c\"]\n"},
	{"a list in another order", `l[0]: "a" -> "x"`, "  l = [\"c\", \"a\"]\n", "  l = [\"c\", \"x\"]\n"},
	{"a list: elements come and go", "l[0]: null -> \"n\"\nl[1]: \"b\" -> null\nl[3]: null -> \"z\"",
		"  l = [\"a\", \"b\", \"c\"]\n", "  l = [\"n\", \"a\", \"c\", \"z\"]\n"},
	{"a list: the last goes", `l[1]: "b" -> null`, "  l = [\"a\", \"b\"]\n", "  l = [\"a\"]\n"},
	{"a list: all go", "l[0]: \"a\" -> null\nl[1]: \"b\" -> null", "  l = [\"a\", \"b\"]\n", "  l = []\n"},
	{"a list of several lines", "l[1]: \"b\" -> null\nl[1]: null -> \"c\"",
		"  l = [\n    \"a\", # first\n    \"b\"\n  ]\n", "  l = [\n    \"a\", # first\n    \"c\",\n  ]\n"},
	{"a list of several lines without a last comma", `l[2]: null -> "c"`, "  l = [\n    \"a\",\n    \"b\" # x\n  ]\n",
		"  l = [\n    \"a\",\n    \"b\", # x\n    \"c\"\n  ]\n"},
	{"an empty list", `l[0]: null -> "c"`, "  l = []\n", "  l = [\"c\"]\n"},
	{"a whole list: what differs", `l: ["a","b","c"] -> ["a","x","y","c"]`,
		"  l = [\n    \"a\", # 1\n    \"b\", # 2\n    \"c\", # 3\n  ]\n",
		"  l = [\n    \"a\", # 1\n    \"x\", # 2\n    \"y\",\n    \"c\", # 3\n  ]\n"},
	{"a whole list gets shorter", `l: ["a","b","c"] -> ["c"]`, "  l = [\"a\", \"b\", \"c\"]\n", "  l = [\"c\"]\n"},
	{"an object in a list", `l[1].p: 2 -> 3`, "  l = [{ p = 1 }, { p = 2 }]\n", "  l = [{ p = 1 }, { p = 3 }]\n"},
	{"a block by its index", `b[1].p: 2 -> 3`, "  b {\n    p = 1\n  }\n  b {\n    p = 2\n  }\n",
		"  b {\n    p = 1\n  }\n  b {\n    p = 3\n  }\n"},
	{"a block by its value", `b[0].p: 2 -> 3`, "  b {\n    p = 1\n  }\n  b {\n    p = 2\n  }\n",
		"  b {\n    p = 1\n  }\n  b {\n    p = 3\n  }\n"},
	{"the only block", `b.p: 2 -> 3`, "  b {\n    p = 2\n  }\n", "  b {\n    p = 3\n  }\n"},
	{"a block within a block", `b[0].c[0].p: 2 -> 3`, "  b {\n    c {\n      p = 2\n    }\n  }\n",
		"  b {\n    c {\n      p = 3\n    }\n  }\n"},
	{"an argument new in a block", `b[0].q: null -> 3`, "  b {\n    p = 2\n  }\n", "  b {\n    p = 2\n    q = 3\n  }\n"},
	{"a block that goes", `b[0]: {"p":2,"id":7} -> null`, "  b {\n    p = 1\n  }\n\n  # two\n  b {\n    p = 2\n  }\n", "  b {\n    p = 1\n  }\n"},
	{"a whole block: what differs", `b[0]: {"p":2,"q":1} -> {"p":3,"q":1}`,
		"  b {\n    p = 1\n  }\n  b {\n    p = 2\n  }\n", "  b {\n    p = 1\n  }\n  b {\n    p = 3\n  }\n"},
}

const open, shut = "resource \"t\" \"r\" {\n", "}\n"

func TestLayout(t *testing.T) {
	for _, c := range layouts {
		for name, convert := range map[string]func(string) string{
			"":                 func(s string) string { return s },
			", CRLF":           func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			", no end of line": func(s string) string { return strings.TrimSuffix(s, "\n") },
		} {
			t.Run(c.name+name, func(t *testing.T) {
				before, after := convert("# top\n"+open+c.before+shut), convert("# top\n"+open+c.after+shut)
				repo := tree("-- a b/main.tf --\n")
				repo["a b/main.tf"].Data = []byte(before)
				wanted := changes(t, c.change)
				p, err := codify.Propose(hclsource.Source{Tree: repo, Dir: "a b"}, "t.r", wanted)
				if err != nil || len(p.Refused) > 0 || len(p.Done) != len(wanted) {
					t.Fatalf("%v, done %v, refused %+v", err, p.Done, p.Refused)
				}
				if got := string(p.Files["a b/main.tf"].After); got != after {
					t.Errorf("got\n%s\nwant\n%s", got, after)
				}
				checkPatch(t, repo, p)
			})
		}
	}
}

const module = "-- d/main.tf --\n"

// Each case is refused at a line of a file, for a reason.
var refusals = []struct{ name, repo, address, change, why, at, next string }{
	{"a condition", module + open + "  x = var.on ? 1 : 2\n" + shut, "", "x: 1 -> 2", "condition", "d/main.tf:2",
		"ignore_changes = [x]"},
	{"a function", module + open + "  x = lower(\"A\")\n" + shut, "", `x: "a" -> "b"`, "the function lower", "d/main.tf:2", "by hand"},
	{"a template", module + open + "  x = \"a-${var.e}\"\n" + shut, "", `x: "a" -> "b"`, "put together", "d/main.tf:2", "by hand"},
	{"a heredoc", module + open + "  x = <<-E\n    a\n  E\n" + shut, "", `x: "a" -> "b"`, "heredoc", "d/main.tf:2", "by hand"},
	{"a resource", module + open + "  x = u.v.w\n" + shut, "", `x: "a" -> "b"`, "the resource u.v", "d/main.tf:2", "by hand"},
	{"a data source", module + open + "  x = data.u.v.w\n" + shut, "", `x: "a" -> "b"`, "the data source data.u.v",
		"d/main.tf:2", "by hand"},
	{"an output", module + open + "  x = module.m.w\n" + shut, "", `x: "a" -> "b"`, "an output of module.m", "d/main.tf:2", "by hand"},
	{"arithmetic", module + open + "  x = 1 + 1\n" + shut, "", `x: 2 -> 3`, "calculated", "d/main.tf:2", "by hand"},
	{"a for expression", module + open + "  x = [for i in [1] : i]\n" + shut, "", `x[0]: 1 -> 2`, "each element",
		"d/main.tf:2", "by hand"},
	{"a computed key", module + open + "  m = { (var.k) = 1 }\n" + shut, "", `m.a: 1 -> 2`,
		"key of this object is computed", "d/main.tf:2", "by hand"},
	{"a circle of locals", module + open + "  x = local.a\n" + shut + "locals {\n  a = local.b\n  b = local.a\n}\n", "",
		`x: 1 -> 2`, "is read elsewhere too", "d/main.tf:6", "value of its own"},
	{"a local that others read", module + open + "  x = local.a\n" + shut +
		"locals {\n  a = 1\n}\noutput \"o\" {\n  value = local.a\n}\n", "", `x: 1 -> 2`, "local.a is read elsewhere",
		"d/main.tf:8", "value of its own"},
	{"a local that JSON reads", module + open + "  x = local.a\n" + shut +
		"locals {\n  a = 1\n}\n-- d/o.tf.json --\n{\"output\":{\"o\":{\"value\":\"${local.a}\"}}}\n", "", `x: 1 -> 2`,
		"JSON", "d/o.tf.json:1", "by hand"},
	{"a local that is not there", module + open + "  x = local.a\n" + shut, "", `x: 1 -> 2`, "not written",
		"d/main.tf:2", "by hand"},
	{"a variable from elsewhere", module + open + "  x = var.a\n" + shut + "variable \"a\" {}\n", "", `x: 1 -> 2`,
		"outside of the files", "d/main.tf:4", "where it is given"},
	{"a variable of the workspace", module + open + "  x = var.outer\n" + shut + "variable \"outer\" { default = 1 }\n",
		"", `x: 1 -> 2`, "outside of the repository", "d/main.tf:2", "inputs of the workspace"},
	{"a variable in JSON values", module + open + "  x = var.a\n" + shut +
		"variable \"a\" {}\n-- d/terraform.tfvars.json --\n{\"a\":1}\n", "", `x: 1 -> 2`, "JSON",
		"d/terraform.tfvars.json:1", "by hand"},
	{"a resource in JSON", "-- d/main.tf.json --\n{\"resource\":{\"t\":{\"r\":{\"x\":1}}}}\n", "", `x: 1 -> 2`,
		"error: JSON", "", "by hand"},
	{"a resource that JSON overrides", module + open + "  x = 1\n" + shut +
		"-- d/x_override.tf.json --\n{\"resource\":{\"t\":{\"r\":{\"x\":1}}}}\n", "", `x: 1 -> 2`,
		"error: is changed in JSON syntax, in d/x_override.tf.json", "", "by hand"},
	{"several instances", module + "resource \"t\" \"r\" {\n  count = 2\n  x = 1\n}\n", "t.r[0]", `x: 1 -> 2`,
		"several instances", "d/main.tf:1", "each.value"},
	{"several instances read a local", module + "resource \"t\" \"r\" {\n  count = 2\n  x = local.a\n}\nlocals {\n  " +
		"a = 1\n}\n", "t.r[0]", `x: 1 -> 2`, "several instances", "d/main.tf:1", "each.value"},
	{"the key itself", module + "resource \"t\" \"r\" {\n  for_each = { a = 1 }\n  x = each.key\n}\n", `t.r["a"]`,
		`x: "a" -> "b"`, "key of the instance", "d/main.tf:3", "moved"},
	{"each.value read twice", module + "resource \"t\" \"r\" {\n  for_each = { a = 1, b = 2 }\n  x = each.value\n  " +
		"y = each.value\n}\n", `t.r["a"]`, `x: 1 -> 2`, "each.value is read elsewhere", "d/main.tf:4", "values of their own"},
	{"a module called twice", module + "module \"m\" {\n  source = \"../m\"\n}\nmodule \"n\" {\n  source = " +
		"\"../m\"\n}\n-- m/main.tf --\n" + open + "  x = 1\n" + shut, "module.m.t.r", `x: 1 -> 2`,
		"the module m is called elsewhere", "d/main.tf:4", "variable of the module"},
	{"a module called by another root", module + "module \"m\" {\n  source = \"../m\"\n}\n-- e/main.tf --\nmodule " +
		"\"n\" {\n  source = \"../m\"\n}\n-- m/main.tf --\n" + open + "  x = 1\n" + shut, "module.m.t.r", `x: 1 -> 2`,
		"the module m is called elsewhere", "e/main.tf:1", "variable of the module"},
	{"a module called in JSON", module + "module \"m\" {\n  source = \"../m\"\n}\n-- e/main.tf.json " +
		"--\n{\"module\":[{\"n\":{\"source\":\"../m\"}}]}\n-- m/main.tf --\n" + open + "  x = 1\n" + shut,
		"module.m.t.r", `x: 1 -> 2`, "the module m is called elsewhere", "e/main.tf.json:1", "variable of the module"},
	{"a directory of other workspaces", "-- s/d/main.tf --\n" + open + "  x = 1\n" + shut, "shared", `x: 1 -> 2`,
		"other workspaces read s/d too", "s/d/main.tf:2", "this workspace alone"},
	{"a file of values of other workspaces", module + open + "  x = var.a\n" + shut +
		"variable \"a\" {}\n-- s/common.tfvars --\na = 1\n", "common", `x: 1 -> 2`,
		"other workspaces read s/common.tfvars too", "s/common.tfvars:1", "this workspace alone"},
	{"a module in a submodule", module + "module \"m\" {\n  source = \"../sub/m\"\n}\n-- sub/m/main.tf --\n" + open +
		"  x = 1\n" + shut, "module.m.t.r", `x: 1 -> 2`, "lies in the Git submodule sub", "sub/m/main.tf:2", "own repository"},
	{"a module in a submodule that is not followed", module + "module \"m\" {\n  source = \"../away/m\"\n}\n",
		"module.m.t.r", `x: 1 -> 2`, "error: no directory away/m", "", "own repository"},
	{"a root that is called", module + open + "  x = 1\n" + shut +
		"-- e/main.tf --\nmodule \"n\" {\n  source = \"../d\"\n}\n", "", `x: 1 -> 2`,
		"the module d is called elsewhere", "e/main.tf:1", "variable of the module"},
	{"a module with instances", module + "module \"m\" {\n  source = \"../m\"\n  count = 2\n}\n-- m/main.tf --\n" +
		open + "  x = 1\n" + shut, "module.m[0].t.r", `x: 1 -> 2`, "module.m has several instances", "d/main.tf:1", "each.value"},
	{"a module from elsewhere", module + "module \"m\" {\n  source = \"acme/m/aws\"\n}\n", "module.m.t.r", `x: 1 -> 2`,
		"error: not a directory of this repository", "", "where it is kept"},
	{"a dynamic block", module + open + "  dynamic \"b\" {\n    for_each = [1]\n    content {\n      p = 1\n    }\n " +
		" }\n" + shut, "", `b[0].p: 1 -> 2`, "dynamic block", "d/main.tf:2", "by hand"},
	{"blocks that look alike", module + open + "  b {\n    p = 1\n  }\n  b {\n    p = 1\n  }\n" + shut, "",
		`b[2].p: 1 -> 2`, "which of the blocks", "d/main.tf:2", "by hand"},
	{"a block that is new", module + open + "  b {\n    p = 1\n  }\n" + shut, "", `b[1]: null -> {"p":2}`,
		"block is not written", "d/main.tf:2", "by hand"},
	{"perhaps a block", module + open + shut, "", `b: null -> [{"p":2}]`, "may be one of nested blocks", "d/main.tf:1", "by hand"},
	{"an element that cannot be told", module + open + "  l = [\"a\", \"a\"]\n" + shut, "", `l[5]: "a" -> "b"`,
		"which element", "d/main.tf:2", "by hand"},
	{"another value than was applied", module + open + "  l = [{ p = 1 }]\n" + shut, "", `l[0].p: 7 -> 2`,
		"another value here", "d/main.tf:2", "by hand"},
	{"nothing to take out", module + open + shut, "", `x: "d" -> null`, "nothing to take out", "d/main.tf:1", "tfops sync"},
	{"said already", module + open + "  x = 80\n" + shut, "", `x: "70" -> "80"`, "says this already", "d/main.tf:1", "tfops sync"},
	{"a secret", module + open + "  x = \"a\"\n" + shut, "", `x: "a" -> "` + plan.Sensitive + `"`, "sensitive", "", "secret store"},
	{"a secret within", module + open + "  x = {}\n" + shut, "", `x: {} -> {"k":["` + plan.Sensitive + `"]}`, "sensitive", "", "secret store"},
	{"no path", module + open + shut, "", `a b: 1 -> 2`, "not the path", "", ""},
	{"a file of values that is not there", module + open + "  x = var.given\n" + shut + "variable \"given\" {}\n",
		"given", `x: 1 -> 2`, "not in the commit", "", "that is there"},
}

func TestRefused(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			s := hclsource.Source{Tree: tree(c.repo), Dir: "d", Variables: []string{"outer"},
				Submodules: []string{"sub"}}
			switch c.address {
			case "shared":
				s.Dir, s.Shared, c.address = "s/d", []string{"s/d"}, "t.r"
			case "common":
				s.VarFiles, s.Shared, c.address = []string{"../s/common.tfvars"}, []string{"s/common.tfvars"}, "t.r"
			case "given":
				s.VarFiles = []string{"gone.tfvars"}
				fallthrough
			case "":
				c.address = "t.r"
			}
			p, err := codify.Propose(s, c.address, changes(t, c.change))
			if why, isError := strings.CutPrefix(c.why, "error: "); isError {
				if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(fault.Next(err), c.next) {
					t.Fatalf("%v (%s), want %q and %q", err, fault.Next(err), why, c.next)
				}
				return
			}
			if err != nil || len(p.Refused) != 1 || len(p.Files) > 0 || p.Diff != "" || len(p.Done) > 0 {
				t.Fatalf("%v, %+v", err, p)
			}
			r := p.Refused[0]
			at := ""
			if r.File != "" {
				at = r.File + ":" + string(rune('0'+r.Line))
			}
			if !strings.Contains(r.Why, c.why) || !strings.Contains(r.Next, c.next) || at != c.at || r.Path == "" {
				t.Errorf("%+v, want %q at %s, next %q", r, c.why, c.at, c.next)
			}
		})
	}
}

// One attribute that is refused leaves no trace, and the others are done.
func TestSomeAreRefused(t *testing.T) {
	repo := tree(module + open + "  m = {\n    a = 1\n    b = lower(\"X\")\n  }\n  y = 1\n" + shut)
	p, err := codify.Propose(hclsource.Source{Tree: repo, Dir: "d"}, "t.r", []codify.Change{
		{Path: "m", Was: map[string]any{"a": 1, "b": "x"}, Want: map[string]any{"a": 2, "b": "z"}},
		{Path: "y", Was: 1, Want: 2}, {Path: "s", Was: 1, Want: 2, Sensitive: true}})
	if err != nil || len(p.Done) != 1 || len(p.Refused) != 2 {
		t.Fatalf("%v, %+v", err, p)
	}
	if got, want := string(p.Files["d/main.tf"].After), open+"  m = {\n    a = 1\n    b = lower(\"X\")\n  }\n  y = 2\n"+
		shut; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		repo, dir, address string
		code               fault.Code
	}{
		"no address":          {module, "d", "", fault.Invalid},
		"half an address":     {module, "d", "t", fault.Invalid},
		"a splat":             {module, "d", "t.r[*]", fault.Invalid},
		"too much":            {module, "d", "t.r.x", fault.Invalid},
		"a data source":       {module, "d", "data.t.r", fault.Invalid},
		"a module only":       {module, "d", "module.m", fault.Invalid},
		"no such directory":   {module, "e", "t.r", fault.NotFound},
		"outside":             {module, "../d", "t.r", fault.Invalid},
		"no such resource":    {module, "d", "t.r", fault.NotFound},
		"no such module":      {module, "d", "module.m.t.r", fault.NotFound},
		"a file that is torn": {module + "resource {{\n", "d", "t.r", fault.Invalid},
	} {
		if _, err := codify.Propose(hclsource.Source{Tree: tree(c.repo), Dir: c.dir}, c.address, nil); err == nil ||
			fault.CodeOf(err) != c.code || fault.Next(err) == "" {
			t.Errorf("%s: %v (%s), want %s and a next step", name, err, fault.Next(err), c.code)
		}
	}
}

func TestRemovalRefused(t *testing.T) {
	for name, c := range map[string]struct{ repo, address, why string }{
		"referred to": {module + open + shut + "output \"o\" {\n  value = t.r.id\n}\n", "t.r",
			"t.r is referred to"},
		"depended on": {module + open + shut + "resource \"t\" \"s\" {\n  depends_on = [t.r]\n}\n", "t.r",
			"t.r is referred to"},
		"named in JSON": {module + open + shut +
			"-- d/o.tf.json --\n{\"output\":{\"o\":{\"value\":\"${t.r.id}\"}}}\n", "t.r", "JSON"},
		"of count": {module + "resource \"t\" \"r\" {\n  count = 3\n}\n", "t.r[1]", "move up"},
		"for_each is computed": {module + "resource \"t\" \"r\" {\n  for_each = { for k in [\"a\"] : k => k }\n}\n",
			`t.r["a"]`, "each element"},
		"not in for_each": {module + "resource \"t\" \"r\" {\n  for_each = { a = 1, b = 2 }\n}\n", `t.r["c"]`,
			"not written in for_each"},
		"in a shared module": {module + "module \"m\" {\n  source = \"../m\"\n}\nmodule \"n\" {\n  source = " +
			"\"../m\"\n}\n-- m/main.tf --\n" + open + shut, "module.m.t.r", "called elsewhere"},
	} {
		p, err := codify.ProposeRemoval(hclsource.Source{Tree: tree(c.repo), Dir: "d"}, c.address)
		if err != nil || len(p.Refused) != 1 || p.Diff != "" || !strings.Contains(p.Refused[0].Why, c.why) ||
			p.Refused[0].Next == "" || p.Refused[0].Line == 0 {
			t.Errorf("%s: %v, %+v, want %q", name, err, p, c.why)
		}
	}
}

// OpenTofu reads x.tofu instead of x.tf.
func TestTofu(t *testing.T) {
	repo := tree("-- main.tf --\n" + open + "  x = 1\n" + shut + "-- main.tofu --\n" + open + "  x = 1\n" + shut)
	for tofu, file := range map[bool]string{false: "main.tf", true: "main.tofu"} {
		p, err := codify.Propose(hclsource.Source{Tree: repo, Dir: ".", Tofu: tofu}, "t.r",
			[]codify.Change{{Path: "x", Was: 1, Want: 2}})
		if _, ok := p.Files[file]; err != nil || len(p.Files) != 1 || !ok {
			t.Errorf("tofu %v: %v, %+v", tofu, err, p)
		}
	}
}

// An override of a call that gives no source leaves it; one in a file of several dots counts.
func TestSourceOfAnOverriddenCall(t *testing.T) {
	const call = module + "module \"m\" {\n  source = \"../m\"\n  a = 1\n}\n-- m/main.tf --\n" + open + "  x = 1\n" +
		shut + "-- n/main.tf --\n" + open + "  x = 1\n" + shut
	for name, c := range map[string]struct{ override, file string }{
		"of another argument": {"-- d/override.tf --\nmodule \"m\" {\n  a = 2\n}\n", "m/main.tf"},
		"of the source":       {"-- d/a.b_override.tf --\nmodule \"m\" {\n  source = \"../n\"\n}\n", "n/main.tf"},
		"of a copy":           {"-- d/.override.tf --\nmodule \"m\" {\n  source = \"../n\"\n}\n", "m/main.tf"},
	} {
		p, err := codify.Propose(hclsource.Source{Tree: tree(call + c.override), Dir: "d"}, "module.m.t.r",
			[]codify.Change{{Path: "x", Was: 1, Want: 2}})
		if err != nil || len(p.Files) != 1 || p.Files[c.file].After == nil {
			t.Errorf("%s: %v, %+v", name, err, p)
		}
	}
}

func TestWriteToWhatHasChanged(t *testing.T) {
	repo := tree(module + open + "  x = 1\n" + shut)
	p, err := codify.Propose(hclsource.Source{Tree: repo, Dir: "d"}, "t.r",
		[]codify.Change{{Path: "x", Was: 1, Want: 2}})
	if err != nil {
		t.Fatal(err)
	}
	dir := writeTree(t, tree(module+open+"  x = 3\n"+shut))
	if err := p.WriteTo(dir, dir); !fault.Is(err, fault.Conflict) {
		t.Errorf("over another text: %v", err)
	}
	if err := p.WriteTo(t.TempDir(), t.TempDir()); !fault.Is(err, fault.Conflict) {
		t.Errorf("into an empty directory: %v", err)
	}
}
