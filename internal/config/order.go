package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// checkOrder reports dependencies on workspaces that do not exist, and cycles.
// A name that a generator might make is left to it.
func (r *reader) checkOrder(c *Config, blocks []block) {
	at := map[string]hcl.Range{}
	for _, b := range blocks {
		at[b.name] = b.header
		for _, name := range []string{"depends_on", "inputs"} {
			if a, ok := b.body.Attributes[name]; ok {
				at[b.name] = a.Expr.Range()
			}
		}
	}
	var ws []workspace.Workspace
	for _, w := range c.Workspaces {
		ws = append(ws, w.Workspace)
	}
	_, problems := reach.NewOrder(ws, nil)
	for _, p := range problems {
		if p.Unknown && len(c.Generators) > 0 {
			continue
		}
		r.missingAt(at[p.Workspace], "no order of workspaces", "%s. %s.", upperFirst(p.Message), upperFirst(p.Next))
	}
}

// inputs reads an attribute whose values are made of other workspaces' outputs.
func (r *reader) inputs(b block, src []byte) map[string]workspace.Input {
	a, ok := b.body.Attributes["inputs"]
	if !ok {
		return nil
	}
	cons, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		r.errorAt(a.Expr.Range(), "wrong type", "inputs is a map of variables, written out: inputs = { vpc_id = workspace.network.outputs.vpc_id }")
		return nil
	}
	out := map[string]workspace.Input{}
	for _, item := range cons.Items {
		key, ok := r.evaluate(item.KeyExpr)
		if !ok {
			continue
		}
		if key, ok = r.key(key, item.KeyExpr.Range()); !ok {
			continue
		}
		name := key.AsString()
		if !hclsyntax.ValidIdentifier(name) {
			r.errorAt(item.KeyExpr.Range(), "invalid name of a variable", "%s cannot be declared by a variable block of Terraform.", quote(name))
		}
		if in, ok := r.input(item.ValueExpr, src); ok {
			out[name] = in
		}
	}
	return out
}

const inputForm = "An input is made of outputs of other workspaces: workspace.NAME.outputs.OUTPUT, or workspace[\"NAME\"].outputs.OUTPUT where the name has a dot."

// input reads one expression. False: it is mistaken, or its references are not
// known before there is a match.
func (r *reader) input(expr hclsyntax.Expression, src []byte) (workspace.Input, bool) {
	if r.tooLarge(expr) {
		return workspace.Input{}, false
	}
	f := &refFinder{r: r, taken: map[hclsyntax.Node]bool{}}
	_ = hclsyntax.VisitAll(expr, f.visit)
	if f.failed {
		return workspace.Input{}, false
	}
	for _, t := range expr.Variables() {
		if _, known := r.eval.Variables[t.RootName()]; !known && t.RootName() != "workspace" {
			r.errorAt(t.SourceRange(), "not a value", "%s There is no %q.", inputForm, t.RootName())
			return workspace.Input{}, false
		}
	}
	if f.unknown {
		return workspace.Input{}, false
	}
	if len(f.refs) == 0 {
		r.errorAt(expr.Range(), "no output", "%s A value that is known now belongs in variables.", inputForm)
		return workspace.Input{}, false
	}
	slices.SortFunc(f.refs, func(a, b workspace.OutputRef) int {
		return slices.Compare([]string{a.Workspace, a.Output}, []string{b.Workspace, b.Output})
	})
	in := workspace.Input{Source: string(expr.Range().SliceBytes(src)), Refs: slices.Compact(f.refs)}
	vars, fns := r.eval.Variables, r.eval.Functions
	in.Value = func(outputs func(workspace.OutputRef) cty.Value) (cty.Value, error) {
		tree := map[string]map[string]cty.Value{}
		for _, ref := range in.Refs {
			if tree[ref.Workspace] == nil {
				tree[ref.Workspace] = map[string]cty.Value{}
			}
			tree[ref.Workspace][ref.Output] = outputs(ref)
		}
		all := map[string]cty.Value{}
		for name, outs := range tree {
			all[name] = cty.ObjectVal(map[string]cty.Value{"outputs": cty.ObjectVal(outs)})
		}
		ctx := &hcl.EvalContext{Functions: fns, Variables: map[string]cty.Value{"workspace": cty.ObjectVal(all)}}
		for name, v := range vars {
			ctx.Variables[name] = v
		}
		v, diags := expr.Value(ctx)
		if diags.HasErrors() {
			return cty.NilVal, inputError(in, diags)
		}
		return v, nil
	}
	return in, true
}

// refFinder collects the outputs that an expression refers to.
type refFinder struct {
	r               *reader
	refs            []workspace.OutputRef
	taken           map[hclsyntax.Node]bool // collections of an index that was understood
	unknown, failed bool
}

func (f *refFinder) visit(n hclsyntax.Node) hcl.Diagnostics {
	switch n := n.(type) {
	case *hclsyntax.RelativeTraversalExpr:
		index, ok := n.Source.(*hclsyntax.IndexExpr)
		if !ok {
			return nil
		}
		root, ok := index.Collection.(*hclsyntax.ScopeTraversalExpr)
		if !ok || root.Traversal.RootName() != "workspace" || len(root.Traversal) != 1 {
			return nil
		}
		f.taken[root] = true
		key, diags := index.Key.Value(f.r.eval)
		switch {
		case diags.HasErrors():
			f.r.report(index.Key, diags)
			f.failed = true
		case !key.IsWhollyKnown():
			f.unknown = true
		case key.Type() != cty.String || key.IsNull():
			f.wrong(n.Range())
		default:
			f.add(key.AsString(), n.Traversal, n.Range())
		}
	case *hclsyntax.ScopeTraversalExpr:
		if n.Traversal.RootName() != "workspace" || f.taken[n] {
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

func (f *refFinder) add(name string, rest hcl.Traversal, rng hcl.Range) {
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

func (f *refFinder) wrong(rng hcl.Range) {
	f.failed = true
	f.r.errorAt(rng, "not an output", "%s", inputForm)
}

// checkInputs reports variables that have two values.
func (r *reader) checkInputs(b block, s settings) {
	for name := range s.inputs {
		if _, twice := s.variables[name]; twice {
			r.errorAt(b.body.Attributes["inputs"].Expr.Range(), "variable with two values", "%s is in variables and in inputs. Remove one of them.", quote(name))
		}
	}
}

// inputError is why an input has no value. Values may be secret and are left out.
func inputError(in workspace.Input, diags hcl.Diagnostics) error {
	return fault.New(fault.Invalid, "correct inputs in tfops.hcl", "the input %s cannot be computed: %s", in.Source, lowerFirst(diags[0].Summary))
}
