package approvals

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/hclfn"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/workspace"
)

// Facts are what a condition can speak of.
type Facts struct {
	Plan      PlanFacts
	Workspace workspace.Workspace
	Commit    CommitFacts
}

// PlanFacts is `plan` in a condition.
type PlanFacts struct {
	Counts    plan.Counts
	Types     []string // resource types that change
	Addresses []string // resources that change
	Drifted   int      // resources that changed outside of the engine
	Complete  bool
	Destroy   bool     // the run is a destroy run
	NewHosts  []string // hosts that the engine spoke to, and nothing approved or applied did before
	Refresh   bool     // the run is a refresh run: Types and Addresses are what the state takes over
}

// CommitFacts is `commit` in a condition.
type CommitFacts struct {
	SHA, Message              string
	Author, AuthorEmail       string
	Committer, CommitterEmail string
}

var strs = cty.List(cty.String)

// schema is what a condition may refer to. A test holds it against values.
var schema = map[string]cty.Type{
	"plan": cty.Object(map[string]cty.Type{
		"add": cty.Number, "change": cty.Number, "delete": cty.Number, "replace": cty.Number, "import": cty.Number,
		"move": cty.Number, "forget": cty.Number, "read": cty.Number, "outputs": cty.Number, "drifted": cty.Number,
		"types": strs, "addresses": strs, "new_hosts": strs, "complete": cty.Bool, "destroy": cty.Bool,
		"refresh": cty.Bool,
	}),
	"workspace": cty.Object(map[string]cty.Type{
		"name": cty.String, "repository": cty.String, "branch": cty.String, "dir": cty.String,
		"terraform_workspace": cty.String, "engine": cty.String, "labels": cty.Map(cty.String),
	}),
	"commit": cty.Object(map[string]cty.Type{
		"sha": cty.String, "message": cty.String, "author": cty.String, "author_email": cty.String,
		"committer": cty.String, "committer_email": cty.String,
	}),
}

func (f Facts) values() map[string]cty.Value {
	n := func(i int) cty.Value { return cty.NumberIntVal(int64(i)) }
	s := cty.StringVal
	c, w := f.Plan.Counts, f.Workspace
	return map[string]cty.Value{
		"plan": cty.ObjectVal(map[string]cty.Value{
			"add": n(c.Add), "change": n(c.Change), "delete": n(c.Delete), "replace": n(c.Replace),
			"import": n(c.Import),
			"move":   n(c.Move), "forget": n(c.Forget), "read": n(c.Read), "outputs": n(c.Outputs),
			"drifted": n(f.Plan.Drifted),
			"types":   list(f.Plan.Types), "addresses": list(f.Plan.Addresses), "new_hosts": list(f.Plan.NewHosts),
			"complete": cty.BoolVal(f.Plan.Complete), "destroy": cty.BoolVal(f.Plan.Destroy),
			"refresh": cty.BoolVal(f.Plan.Refresh),
		}),
		"workspace": cty.ObjectVal(map[string]cty.Value{
			"name": s(w.Name), "repository": s(w.Repository), "branch": s(w.Branch), "dir": s(w.Dir),
			"terraform_workspace": s(w.TerraformWorkspace), "engine": s(w.Engine), "labels": stringMap(w.Labels),
		}),
		"commit": cty.ObjectVal(map[string]cty.Value{
			"sha": s(f.Commit.SHA), "message": s(f.Commit.Message), "author": s(f.Commit.Author),
			"author_email": s(f.Commit.AuthorEmail),
			"committer":    s(f.Commit.Committer), "committer_email": s(f.Commit.CommitterEmail),
		}),
	}
}

func list(ss []string) cty.Value {
	if len(ss) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	vs := make([]cty.Value, len(ss))
	for i, s := range ss {
		vs[i] = cty.StringVal(s)
	}
	return cty.ListVal(vs)
}

func stringMap(m map[string]string) cty.Value {
	if len(m) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	vs := make(map[string]cty.Value, len(m))
	for k, v := range m {
		vs[k] = cty.StringVal(v)
	}
	return cty.MapVal(vs)
}

// Condition is the `when` of a rule. The zero Condition always holds.
type Condition struct {
	expr hcl.Expression
	src  string
}

// String is the condition as it is written in the configuration.
func (c Condition) String() string { return c.src }

// Holds evaluates the condition. On an error the caller must act as if it
// held, and so it returns true. A function that panics on an odd argument is an
// error too: a rule must not bring the daemon down, nor be got round so.
func (c Condition) Holds(f Facts) (holds bool, err error) {
	if c.expr == nil {
		return true, nil
	}
	defer func() {
		if r := recover(); r != nil {
			holds, err = true, fmt.Errorf("a function failed: %v", r)
		}
	}()
	v, diags := c.expr.Value(&hcl.EvalContext{Variables: f.values(), Functions: hclfn.Pure()})
	if diags.HasErrors() {
		return true, diagError(diags)
	}
	v, _ = v.Unmark()
	v, err = convert.Convert(v, cty.Bool)
	switch {
	case err != nil:
		return true, err
	case v.IsNull() || !v.IsKnown():
		return true, errors.New("it is neither true nor false")
	}
	return v.True(), nil
}

func diagError(diags hcl.Diagnostics) error {
	var parts []string
	for _, d := range diags.Errs() {
		var diag *hcl.Diagnostic
		if errors.As(d, &diag) {
			parts = append(parts, strings.TrimSuffix(diag.Summary+": "+diag.Detail, ": "))
		} else {
			parts = append(parts, d.Error())
		}
	}
	return errors.New(strings.Join(parts, "; "))
}

// ParseCondition checks a `when` expression against what a condition may
// refer to. src is the whole file that the expression stands in.
func ParseCondition(expr hcl.Expression, src []byte) (Condition, hcl.Diagnostics) {
	c := Condition{expr: expr}
	rng := expr.Range()
	if rng.CanSliceBytes(src) {
		c.src = strings.TrimSpace(string(rng.SliceBytes(src)))
	}
	unknown := map[string]cty.Value{}
	for name, t := range schema {
		unknown[name] = cty.UnknownVal(t)
	}
	v, diags := expr.Value(&hcl.EvalContext{Variables: unknown, Functions: hclfn.Pure()})
	if diags.HasErrors() {
		return c, diags
	}
	v, _ = v.Unmark()
	// A string would convert when it happens to say "true", and hold by an
	// error for all others: better to be told now.
	isNull := v.IsKnown() && v.IsNull()
	if v.Type() == cty.Bool && !isNull || v.Type() == cty.DynamicPseudoType && !v.IsKnown() {
		return c, diags
	}
	is := "a " + v.Type().FriendlyName()
	if isNull {
		is = "null"
	}
	return c, append(diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "A condition must be true or false",
		Detail:  fmt.Sprintf("This expression is %s. Compare it with something, for example plan.delete > 0.", is),
		Subject: rng.Ptr(),
	})
}
