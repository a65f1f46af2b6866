package approvals

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/workspace"
)

// facts has something else in every field.
func facts() Facts {
	return Facts{
		Plan: PlanFacts{Counts: plan.Counts{Add: 1, Change: 2, Delete: 3, Replace: 4, Import: 5, Move: 6, Forget: 7,
			Read: 8, Outputs: 9},
			Types: []string{"aws_iam_role", "aws_vpc"}, Addresses: []string{"aws_vpc.main",
				"module.x.aws_iam_role.r[0]"}, Drifted: 10,
			NewHosts: []string{"new.example.com"}, Complete: true, Destroy: true, Refresh: true},
		Workspace: workspace.Workspace{Name: "net", Repository: "infra", Branch: "main", Dir: "live/net",
			TerraformWorkspace: "default",
			Engine:             "tofu", Labels: map[string]string{"tier": "prod", "team": "a"}},
		Commit: CommitFacts{SHA: "c0ffee", Message: "urgent: fix", Author: "Ana", AuthorEmail: "ana@example.com",
			Committer: "Li", CommitterEmail: "li@example.com"},
	}
}

func TestSchemaIsWhatValuesHold(t *testing.T) {
	for name, f := range map[string]Facts{"full": facts(), "empty": {}} {
		values := f.values()
		if len(values) != len(schema) {
			t.Errorf("%s: %d values for %d names", name, len(values), len(schema))
		}
		for k, want := range schema {
			v, ok := values[k]
			if !ok {
				t.Errorf("%s: %s has no value", name, k)
			} else if !v.Type().Equals(want) || !v.IsWhollyKnown() {
				t.Errorf("%s: %s is %#v, want a %#v", name, k, v.Type(), want)
			}
		}
	}
	counts, _ := json.Marshal(plan.Counts{})
	var fields map[string]int
	if err := json.Unmarshal(counts, &fields); err != nil || len(fields) != reflect.TypeFor[plan.Counts]().NumField() {
		t.Fatalf("%v: %s", err, counts)
	}
	for field := range fields {
		if !schema["plan"].HasAttribute(field) {
			t.Errorf("a condition cannot ask for plan.%s", field)
		}
	}
}

// Every attribute says what it should: a mix-up of two would be a hole.
func TestEveryAttribute(t *testing.T) {
	checked := map[string]bool{}
	for _, src := range []string{
		"plan.add == 1", "plan.change == 2", "plan.delete == 3", "plan.replace == 4", "plan.import == 5",
		"plan.move == 6", "plan.forget == 7",
		"plan.read == 8", "plan.outputs == 9", "plan.drifted == 10", "plan.complete", "plan.destroy", "plan.refresh",
		`plan.new_hosts == tolist(["new.example.com"])`,
		`plan.types == tolist(["aws_iam_role", "aws_vpc"])`, `plan.addresses == tolist(["aws_vpc.main", "module.x.aws_iam_role.r[0]"])`,
		`workspace.name == "net"`, `workspace.repository == "infra"`, `workspace.branch == "main"`, `workspace.dir == "live/net"`,
		`workspace.terraform_workspace == "default"`, `workspace.engine == "tofu"`, `workspace.labels == tomap({tier = "prod", team = "a"})`,
		`commit.sha == "c0ffee"`, `commit.message == "urgent: fix"`, `commit.author == "Ana"`, `commit.author_email == "ana@example.com"`,
		`commit.committer == "Li"`, `commit.committer_email == "li@example.com"`,
	} {
		if holds, err := when(t, src).Holds(facts()); !holds || err != nil {
			t.Errorf("%s: %v, %v", src, holds, err)
		}
		if holds, err := when(t, "!("+src+")").Holds(facts()); holds || err != nil {
			t.Errorf("!(%s): %v, %v", src, holds, err)
		}
		name, _, _ := strings.Cut(src, " ")
		checked[name] = true
	}
	for name, object := range schema {
		for attr := range object.AttributeTypes() {
			if !checked[name+"."+attr] {
				t.Errorf("%s.%s is not checked", name, attr)
			}
		}
	}
}

// What is true of one kind of run is not true of another.
func TestKindsInConditions(t *testing.T) {
	for src, f := range map[string]Facts{
		"plan.refresh && !plan.destroy && !plan.complete": {Plan: PlanFacts{Refresh: true}},
		"plan.destroy && !plan.refresh && !plan.complete": {Plan: PlanFacts{Destroy: true}},
		"plan.complete && !plan.destroy && !plan.refresh": {Plan: PlanFacts{Complete: true}},
	} {
		if holds, err := when(t, src).Holds(f); !holds || err != nil {
			t.Errorf("%s: %v, %v", src, holds, err)
		}
	}
}

func TestConditions(t *testing.T) {
	quiet := Facts{Workspace: workspace.Workspace{Name: "db"}}
	for _, c := range []struct {
		src         string
		full, quiet bool
	}{
		{"true", true, true},
		{"false", false, false},
		{"plan.delete > 0 || plan.replace > 0", true, false},
		{"plan.delete + plan.replace >= 7 && !plan.complete", false, false},
		{`contains(plan.types, "aws_iam_role")`, true, false},
		{`anytrue([for t in plan.types : startswith(t, "aws_iam")])`, true, false},
		{`alltrue([for t in plan.types : startswith(t, "aws_")])`, true, true},
		{`length([for a in plan.addresses : a if endswith(a, "[0]")]) == 1`, true, false},
		{`length(plan.types) == 0`, false, true},
		{`lookup(workspace.labels, "tier", "") == "prod"`, true, false},
		{`try(workspace.labels.tier, "") == "prod"`, true, false},
		{`can(regex("^urgent", commit.message))`, true, false},
		{`contains(["main", "release"], workspace.branch)`, true, false},
		{`!endswith(commit.author_email, "@example.com")`, false, true},
		{`plan.destroy ? plan.delete > 100 : plan.add == 0`, false, true},
		{`{for k, v in workspace.labels : k => v}["tier"] == "prod" || false`, true, true}, // quiet: no such key, so it holds
		{`"${workspace.name}-${plan.add}" == "net-1"`, true, false},
		{`upper(workspace.name) == "NET"`, true, false},
	} {
		cond := when(t, c.src)
		if cond.String() != c.src {
			t.Errorf("%s calls itself %q", c.src, cond)
		}
		if got, err := cond.Holds(facts()); got != c.full {
			t.Errorf("%s holds: %v, %v", c.src, got, err)
		}
		if got, err := cond.Holds(quiet); got != c.quiet {
			t.Errorf("%s holds for an empty plan: %v, %v", c.src, got, err)
		}
	}
	if holds, err := (Condition{}).Holds(Facts{}); !holds || err != nil || (Condition{}).String() != "" {
		t.Error("the zero condition does not hold")
	}
}

// What can be known to be wrong without a plan is told when the configuration
// is read, at the place where it stands.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ src, summary, detail, at string }{
		{"plan.deletes > 0", "Unsupported attribute", `"deletes"`, ".deletes"},
		{"plans.delete > 0", "Unknown variable", `Did you mean "plan"?`, "plans"},
		{"run.id == 1", "Unknown variable", `"run"`, "run"},
		{"plan.delete", "A condition must be true or false", "is a number", "plan.delete"},
		{"workspace.name", "A condition must be true or false", "is a string", "workspace.name"},
		{`"true"`, "A condition must be true or false", "is a string", `"true"`},
		{"workspace.labels", "A condition must be true or false", "is a map of string", "workspace.labels"},
		{"plan", "A condition must be true or false", "is a object", "plan"},
		{"[true]", "A condition must be true or false", "is a tuple", "[true]"},
		{"1", "A condition must be true or false", "is a number", "1"},
		{"null", "A condition must be true or false", "is null", "null"},
		{`plan.delete + "x" > 1`, "Invalid operand", "number", `"x"`},
		{`plan.complete > 1`, "Invalid operand", "number", "plan.complete"},
		{`plan.types && true`, "Invalid operand", "bool", "plan.types"},
		{`nosuch(plan.types)`, "Call to unknown function", "nosuch", "nosuch"},
		{`env("HOME") == "x"`, "Call to unknown function", "env", "env"},
		{`file("/etc/passwd") == "x"`, "Call to unknown function", "file", "file"},
		{`startswith(plan.types, "x")`, "Invalid function argument", "string", "plan.types"},
		{`startswith(workspace.name)`, "Not enough function arguments", "affix", ")"},
		{`workspace.labels[plan.types] == "x"`, "Invalid index", "", "["},
	} {
		_, diags := parse(t, c.src)
		if !diags.HasErrors() {
			t.Errorf("%s is taken", c.src)
			continue
		}
		d := diags[0]
		if d.Summary != c.summary || !strings.Contains(d.Detail, c.detail) {
			t.Errorf("%s: %q: %q", c.src, d.Summary, d.Detail)
		}
		if d.Subject == nil {
			t.Errorf("%s: the mistake has no place", c.src)
		} else if got := string(d.Subject.SliceBytes([]byte(c.src))); !strings.HasPrefix(got, c.at) {
			t.Errorf("%s: the mistake is shown at %q", c.src, got)
		}
	}
}

// What shows only when there is a plan makes the rule hold.
func TestEvaluationErrorsHold(t *testing.T) {
	for _, src := range []string{
		`workspace.labels.nosuch == "x"`, `workspace.labels["nosuch"] == "x"`, `plan.types[7] == "x"`, `tonumber(workspace.name) > 1`,
		`regex("z+", commit.message) == "z"`, `plan.add > 0 ? null : true`, `anytrue([for t in plan.types : t.nosuch])`,
		`jsondecode(commit.message).x`, `element([], plan.add) == 1`, `try(workspace.name)`,
	} {
		c, diags := parse(t, src)
		if diags.HasErrors() {
			t.Errorf("%s is refused already: %s", src, diags)
			continue
		}
		holds, err := c.Holds(facts())
		if !holds || err == nil {
			t.Errorf("%s: holds %v, %v", src, holds, err)
		} else if strings.TrimSpace(err.Error()) == "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is no sentence: %q", src, err)
		}
	}
}

// bad is an expression that panics when it is evaluated with facts.
type bad struct{ hcl.Expression }

func (bad) Value(*hcl.EvalContext) (cty.Value, hcl.Diagnostics) { panic("a defect in a function") }

func TestPanicHolds(t *testing.T) {
	holds, err := Condition{expr: bad{}}.Holds(facts())
	if !holds || err == nil || !strings.Contains(err.Error(), "a defect in a function") {
		t.Errorf("%v, %v", holds, err)
	}
}

func FuzzCondition(f *testing.F) {
	for _, src := range []string{
		"plan.delete > 0", `anytrue([for t in plan.types : startswith(t, "aws")])`, `workspace.labels.tier == "prod"`, "plan.types[*]", `"${plan.add}%%{if true}x%{endif}"`,
		`[for k, v in workspace.labels : k...]`, `{for t in plan.types : t => t...}`, `try(plan.x, false)`, `can(plan.x)`, `setproduct(plan.types, plan.addresses)`,
		`format("%d %s %v", plan.add, workspace.name, plan)`, `slice(plan.types, 0, 1)`, `chunklist(plan.types, 0)`, `range(plan.add)`, `element(plan.types, -1)`,
		`substr(commit.message, -1, 5)`, `regexall("(", commit.message)`, `csvdecode(commit.message)`, `jsondecode("[1") == 1`, `merge(workspace.labels, {a = 1})`,
		`zipmap(plan.types, [1])`, `indent(-1, workspace.name)`, `parseint("z", 99)`, `pow(10, 400)`, `log(1, 0)`, `coalesce()`, `flatten([[plan.types]])`,
		`sort(plan.types)[0]`, `formatlist("%s", plan.types)`, `1 / 0 > 1`, `plan[*].add`, `null == null`, `!null`, `-"a"`,
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 200 || strings.ContainsAny(src, "%") && strings.Contains(src, "format") {
			return // format pads as far as it is asked to
		}
		expr, diags := hclsyntax.ParseExpression([]byte(src), "tfops.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			return
		}
		c, diags := ParseCondition(expr, []byte(src))
		for _, d := range diags {
			if d.Summary == "" {
				t.Errorf("a mistake without a word: %+v", d)
			}
		}
		for _, fact := range []Facts{facts(), {}} {
			if holds, err := c.Holds(fact); err != nil && !holds {
				t.Errorf("%s fails with %v and does not hold", src, err)
			}
		}
	})
}
