package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
)

const generators = `
repository "infra" {
  url = "https://git.example.com/infra.git"
}
defaults {
  labels = { team = "platform" }
}
workspaces "live" {
  repository = "infra"
  branches   = ["main", "env/*"]
  dirs       = ["live/*/*"]
  name       = "${parts[1]}-${parts[2]}${branch == "main" ? "" : "-${branch_slug}"}${var_file}"
  var_files  = ["../common.tfvars", "vars/*.tfvars"]
  variables  = { where = dir, secret = env("GENERATOR_TEST") }
  labels     = { env = parts[1] }
  depends_on = parts[2] == "app" ? ["${parts[1]}-net"] : []
  inputs     = parts[2] == "none" ? {} : {}
  approval "four" {
    require = parts[1] == "prod" ? 2 : 1
  }
}
`

// Everything that a match can say, and what comes of it.
func TestGenerator(t *testing.T) {
	t.Setenv("GENERATOR_TEST", "hidden-value")
	c := load(t, strings.Replace(generators, "  inputs     = parts[2] == \"none\" ? {} : {}\n"+
		"", `  inputs = { vpc = workspace["${parts[1]}-net"].outputs.vpc_id }`+"\n", 1), nil)
	if len(c.Generators) != 1 {
		t.Fatal(c.Generators)
	}
	g := c.Generators[0]
	if !g.MatchesBranch("env/x") || len(g.VarFiles) != 1 || g.VarFiles[0] != "vars/*.tfvars" ||
		g.OnRemoved != workspace.Keep {
		t.Errorf("%+v", g.Generator)
	}
	t.Setenv("GENERATOR_TEST", "changed since")
	o := workspace.Origin{Generator: "live", Branch: "env/test", Dir: "live/prod/app", VarFile: "vars/eu.tfvars"}
	w, err := g.Make(o)
	if err != nil {
		t.Fatal(err)
	}
	if w.Name != "prod-app-env-testeu" || w.Branch != "env/test" || w.Dir != "live/prod/app" ||
		w.TerraformWorkspace != "env-test" || *w.Origin != o {
		t.Errorf("%+v", w.Workspace)
	}
	if strings.Join(w.VarFiles, " ") != "../common.tfvars vars/eu.tfvars" || w.Labels["env"] != "prod" ||
		w.Labels["team"] != "platform" || w.Rules[0].Require != 2 || w.DependsOn[0] != "prod-net" {
		t.Errorf("%+v", w)
	}
	if plain, marks := w.Variables["secret"].Unmark(); plain.AsString() != "hidden-value" || len(marks) == 0 ||
		w.Variables["where"].AsString() != "live/prod/app" {
		t.Errorf("%+v", w.Variables)
	}
	in := w.Inputs["vpc"]
	if len(in.Refs) != 1 || in.Refs[0] != (workspace.OutputRef{Workspace: "prod-net", Output: "vpc_id"}) {
		t.Fatalf("%+v", in)
	}
	v, err := in.Value(func(workspace.OutputRef) cty.Value { return cty.StringVal("vpc-1") })
	if err != nil || v.AsString() != "vpc-1" {
		t.Errorf("%v, %v", v, err)
	}
	if w, err := g.Make(workspace.Origin{Generator: "live", Branch: "main", Dir: "live/dev/net"}); err != nil ||
		w.TerraformWorkspace != "default" || w.Rules[0].Require != 1 || len(w.DependsOn) != 0 {
		t.Errorf("%+v, %v", w.Workspace, err)
	}
}

// What a match makes of a template may be wrong: the error says where and what.
func TestMakeRefuses(t *testing.T) {
	t.Setenv("GENERATOR_TEST", "x")
	src := strings.Replace(generators, "  inputs     = parts[2] == \"none\" ? {} : {}\n", "", 1)
	g := load(t, src, nil).Generators[0]
	for dir, want := range map[string]string{"live/prod": "generators.hcl", "live/pr od/x": `invalid name "pr od-x"`} {
		_, err := g.Make(workspace.Origin{Generator: "live", Branch: "main", Dir: dir})
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "tfops.hcl", "generators.hcl"), want) ||
			!strings.Contains(err.Error(), dir+" on branch main") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// What is wrong without any match is said when the file is read.
func TestGeneratorProblems(t *testing.T) {
	for change, want := range map[string]string{
		`name = "x"`:                                   "one name for all",
		`name = "${part[0]}"`:                          "no \"part\". Did you mean \"parts\"?",
		`name = "${dir}" dirs = ["/abs"]`:              "not a pattern",
		`name = "${dir}" dirs = ["["]`:                 "not a pattern",
		`name = "${dir}" dirs = ["../x/*"]`:            "not a pattern",
		`name = "${dir}" dirs = [dir]`:                 "not known here",
		`name = "${dir}" on_removed = "delete"`:        "unknown value \"delete\"",
		`name = "${dir}" branch = "main"`:              "branches = [\"main\", \"env/*\"]",
		`name = "${dir}" apply = "autos"`:              "Did you mean \"auto\"?",
		`name = nope(dir)`:                             "unknown function",
		`dirs = ["a"]`:                                 "workspaces without a name",
		`name = "${dir}" inputs = { x = workspace.a }`: "not an output",
		`name = "${dir}" inputs = { x = 1 }`:           "no output",
		`name = "${dir}" inputs = { x = foo.outputs }`: "not a value",
		`name = "${dir}" watch = ["["]`:                "not a pattern",
		`name = "${dir}" inputs = "x"`:                 "wrong type",
	} {
		src := "repository \"infra\" {\n  url = \"https://git.example.com/infra.git\"\n}\nworkspaces \"live\" {\n" +
			"  repository = \"infra\"\n  " +
			strings.NewReplacer(" dirs", "\n  dirs", " on_removed", "\n  on_removed", " branch =", "\n  branch =",
				" apply", "\n  apply", " inputs", "\n  inputs", " watch", "\n  watch").Replace(change) + "\n}\n"
		if _, text := mistakes(t, src); !strings.Contains(text, want) {
			t.Errorf("%s:\n%s\nwant %s", change, text, want)
		}
	}
}

// Order between workspaces that have blocks of their own.
func TestOrderProblems(t *testing.T) {
	block := func(name, more string) string {
		return "workspace \"" + name + "\" {\n  repository = \"infra\"\n  dir = \"" + name + "\"\n  " + more + "\n}\n"
	}
	head := "repository \"infra\" {\n  url = \"https://git.example.com/infra.git\"\n}\n"
	for _, c := range []struct{ src, want string }{
		{block("a", `depends_on = ["b"]`) + block("b", `depends_on = ["a"]`), "a → b → a"},
		{block("a", `depends_on = ["a"]`), "a → a"},
		{block("a", `depends_on = ["network-prd"]`) + block("network-prod", ""), "Did you mean \"network-prod\"?"},
		{block("a", `inputs = { v = workspace.gone.outputs.x }`), "needs workspace \"gone\""},
		{block("a", "inputs = { v = workspace.b.outputs.x }\n  variables = { v = 1 }") + block("b", ""),
			"variable with two values"},
		{block("a", `depends_on = "b"`) + block("b", ""), "must be a list"},
	} {
		src, want := c.src, c.want
		if _, text := mistakes(t, head+src); !strings.Contains(text, want) || !strings.Contains(text, "tfops.hcl:") {
			t.Errorf("%s\n%s\nwant %s", src, text, want)
		}
	}
	c := load(t, head+block("a", "inputs = { v = \"${workspace[\"b.c\"].outputs.x}/24\" }\n"+
		"  watch = [\"config/**\"]\n  ignore = [\"**/*.md\"]\n  infer_dependencies = false")+block("b.c", ""), nil)
	in := c.Workspaces[0].Inputs["v"]
	v, err := in.Value(func(r workspace.OutputRef) cty.Value { return cty.StringVal(r.Workspace) })
	if err != nil || v.AsString() != "b.c/24" || c.Workspaces[0].InferDependencies ||
		c.Workspaces[0].Watch[0] != "config/**" {
		t.Errorf("%v, %v, %+v", v, err, c.Workspaces[0].Workspace)
	}
}

// reach and ignore of a workspace: what they may say, and what of the defaults holds.
func TestReachAndIgnore(t *testing.T) {
	const head = "repository \"infra\" {\n  url = \"https://git.example.com/infra.git\"\n}\n"
	c := load(t, head+`defaults {
  repository = "infra"
  reach      = { "var.a" = "a/*", "var.b" = "b/*" }
}
workspace "w" {
  reach  = { "each.value[\"p\"]" = ["x/**", "./y"], "var.b" = null, "var.c" = [] }
  ignore = ["config/**", "!config/prod.yml"]
}
`, nil)
	w := c.Workspaces[0]
	want := map[string][]string{"var.a": {"a/*"}, `each.value["p"]`: {"x/**", "./y"}, "var.c": {}}
	if !reflect.DeepEqual(w.Reach, want) || !slices.Equal(w.SharedReach, []string{"var.a"}) ||
		!slices.Equal(w.Ignore, []string{"config/**", "!config/prod.yml"}) {
		t.Errorf("%v, %v, %v", w.Reach, w.SharedReach, w.Ignore)
	}
	t.Setenv("REACH_TEST", "keys/*")
	for attr, want := range map[string]string{
		`reach = { "a b" = "x" }`:                 "not an expression",
		`reach = { "" = "x" }`:                    "not an expression",
		`reach = { "var.a" = 1 }`:                 "wrong type",
		`reach = { "var.a" = ["x", null] }`:       "null in a list",
		`reach = { "var.a" = "/abs" }`:            "not a pattern",
		`reach = { "var.a" = "[" }`:               "not a pattern",
		`reach = { "var.a" = "!x" }`:              "not a pattern",
		`reach = { "var.a" = env("REACH_TEST") }`: "a secret can't be used here",
		`reach = ["x"]`:                           "wrong type",
		`watch = ["!x"]`:                          "watch only adds files",
		`ignore = ["!["]`:                         "not a pattern",
	} {
		if _, text := mistakes(t, head+"workspace \"w\" {\n  repository = \"infra\"\n  "+attr+"\n}\n"+
			""); !strings.Contains(text, want) {
			t.Errorf("%s:\n%s\nwant %s", attr, text, want)
		}
	}
}
