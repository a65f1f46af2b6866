package workspaces

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
)

// inputs reads an attribute whose values are made of other workspaces' outputs.
func (r reader) inputs(b decode.Block) map[string]workspace.Input {
	a, ok := b.Body.Attributes["inputs"]
	if !ok {
		return nil
	}
	cons, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		r.Errorf(a.Expr.Range(), "wrong type", "inputs is a map of variables, written out: "+
			"inputs = { vpc_id = workspace.network.outputs.vpc_id }")
		return nil
	}
	out := map[string]workspace.Input{}
	for _, item := range cons.Items {
		name, called, _, ok := r.Key(item.KeyExpr)
		if !ok {
			continue
		}
		if !hclsyntax.ValidIdentifier(name) {
			r.Errorf(item.KeyExpr.Range(), "invalid name of a variable",
				"%s cannot be declared by a variable block of Terraform.", called)
		}
		if in, ok := r.input(item.ValueExpr); ok {
			out[name] = in
		}
	}
	return out
}

const inputForm = "An input is made of outputs of other workspaces: workspace.NAME.outputs.OUTPUT, " +
	"or workspace[\"NAME\"].outputs.OUTPUT where the name has a dot."

// input reads one expression. False: it is mistaken, or its references are not
// known before there is a match.
func (r reader) input(expr hclsyntax.Expression) (in workspace.Input, ok bool) {
	if r.TooLarge(expr) {
		return in, false
	}
	f := &outputFinder{r: r, indexed: map[hclsyntax.Node]bool{}}
	_ = hclsyntax.VisitAll(expr, f.visit)
	if f.failed {
		return in, false
	}
	for _, t := range expr.Variables() {
		if _, known := r.Context().Variables[t.RootName()]; !known && t.RootName() != "workspace" {
			r.Errorf(t.SourceRange(), "not a value", "%s There is no %q.", inputForm, t.RootName())
			return in, false
		}
	}
	if f.unknown {
		return in, false
	}
	if len(f.refs) == 0 {
		r.Errorf(expr.Range(), "no output", "%s A value that is known now belongs in variables.", inputForm)
		return in, false
	}
	slices.SortFunc(f.refs, func(a, b workspace.OutputRef) int {
		return cmp.Or(cmp.Compare(a.Workspace, b.Workspace), cmp.Compare(a.Output, b.Output))
	})
	in = workspace.Input{Source: r.Source(expr), Refs: slices.Compact(f.refs)}
	context := *r.Context() // its variables are others once the block is read
	in.Value = func(outputs func(workspace.OutputRef) cty.Value) (cty.Value, error) {
		variables := map[string]cty.Value{"workspace": outputsOf(in.Refs, outputs)}
		maps.Copy(variables, context.Variables)
		v, diags := expr.Value(&hcl.EvalContext{Functions: context.Functions, Variables: variables})
		if diags.HasErrors() { // values may be secret and are left out
			return cty.NilVal, fault.New(fault.Invalid, "correct inputs in tfops.hcl",
				"the input %s cannot be computed: %s", in.Source, problems.LowerFirst(diags[0].Summary))
		}
		return v, nil
	}
	return in, true
}

// outputsOf is what the variable workspace is in an expression: outputs by
// workspace.
func outputsOf(refs []workspace.OutputRef, value func(workspace.OutputRef) cty.Value) cty.Value {
	values := map[string]map[string]cty.Value{}
	for _, ref := range refs {
		values[ref.Workspace] = merged(values[ref.Workspace], map[string]cty.Value{ref.Output: value(ref)})
	}
	all := map[string]cty.Value{}
	for name, outputs := range values {
		all[name] = cty.ObjectVal(map[string]cty.Value{"outputs": cty.ObjectVal(outputs)})
	}
	return cty.ObjectVal(all)
}

// outputFinder collects the outputs that an expression refers to.
type outputFinder struct {
	r               reader
	refs            []workspace.OutputRef
	indexed         map[hclsyntax.Node]bool // what has an index that was understood
	unknown, failed bool
}

func (f *outputFinder) visit(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.RelativeTraversalExpr: // workspace["name"].outputs.x
		index, ok := n.Source.(*hclsyntax.IndexExpr)
		if !ok {
			return nil
		}
		root, ok := index.Collection.(*hclsyntax.ScopeTraversalExpr)
		if ok && root.Traversal.RootName() == "workspace" && len(root.Traversal) == 1 {
			f.indexed[root] = true
			f.addIndexed(index.Key, n)
		}
	case *hclsyntax.ScopeTraversalExpr: // workspace.name.outputs.x
		if n.Traversal.RootName() != "workspace" || f.indexed[n] {
			return nil
		}
		if len(n.Traversal) < 2 {
			f.wrong(n.Range())
			return nil
		}
		name := ""
		switch step := n.Traversal[1].(type) {
		case hcl.TraverseAttr:
			name = step.Name
		case hcl.TraverseIndex:
			if step.Key.Type() == cty.String {
				name = step.Key.AsString()
			}
		}
		f.add(name, n.Traversal[2:], n.Range())
	}
	return nil
}

func (f *outputFinder) addIndexed(key hclsyntax.Expression, n *hclsyntax.RelativeTraversalExpr) {
	name, diags := key.Value(f.r.Context())
	switch {
	case diags.HasErrors():
		f.r.Report(key, diags)
		f.failed = true
	case !name.IsWhollyKnown():
		f.unknown = true
	case name.Type() != cty.String || name.IsNull():
		f.wrong(n.Range())
	default:
		f.add(name.AsString(), n.Traversal, n.Range())
	}
}

func (f *outputFinder) add(name string, rest hcl.Traversal, rng hcl.Range) {
	if len(rest) >= 2 && name != "" {
		outputs, ok := rest[0].(hcl.TraverseAttr)
		output, is := rest[1].(hcl.TraverseAttr)
		if ok && is && outputs.Name == "outputs" {
			f.refs = append(f.refs, workspace.OutputRef{Workspace: name, Output: output.Name})
			return
		}
	}
	f.wrong(rng)
}

func (f *outputFinder) wrong(rng hcl.Range) {
	f.failed = true
	f.r.Errorf(rng, "not an output", "%s", inputForm)
}

// checkInputs reports variables that have two values.
func (r reader) checkInputs(b decode.Block, s settings) {
	for name := range s.inputs {
		if _, twice := s.variables[name]; twice {
			r.Errorf(b.Place("inputs"), "variable with two values",
				"%s is in variables and in inputs. Remove one of them.", strconv.Quote(name))
		}
	}
}
