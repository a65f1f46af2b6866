package codify

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
)

// step is one step into a value: the name of an attribute or the key of a map,
// or the index of a list.
type step struct {
	key     string
	index   int
	isIndex bool
}

func (s step) String() string {
	if s.isIndex {
		return fmt.Sprintf("[%d]", s.index)
	}
	if hclsyntax.ValidIdentifier(s.key) {
		return "." + s.key
	}
	return fmt.Sprintf("[%q]", s.key)
}

func pathOf(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(s.String())
	}
	return strings.TrimPrefix(b.String(), ".")
}

// parsePath reads the path of an attribute.
func parsePath(p string) ([]step, error) {
	t, err := traversal(p)
	if err != nil {
		return nil, fmt.Errorf("%q is not the path of an attribute", p)
	}
	return steps(t)
}

func traversal(text string) (hcl.Traversal, error) {
	if text == "" || rootmodule.TooDeep([]byte(text)) {
		return nil, fmt.Errorf("%q cannot be read", text)
	}
	t, diags := hclsyntax.ParseTraversalAbs([]byte(text), "", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	return t, nil
}

// steps turns a traversal into steps.
func steps(t hcl.Traversal) ([]step, error) {
	var out []step
	for _, part := range t {
		switch part := part.(type) {
		case hcl.TraverseRoot:
			out = append(out, step{key: part.Name})
		case hcl.TraverseAttr:
			out = append(out, step{key: part.Name})
		case hcl.TraverseIndex:
			s, ok := stepOf(part.Key)
			if !ok {
				return nil, fmt.Errorf("an index is neither a number nor a string")
			}
			out = append(out, s)
		default:
			return nil, fmt.Errorf("it has a splat")
		}
	}
	return out, nil
}

// stepOf is the step that a key or an index takes.
func stepOf(v cty.Value) (step, bool) {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() {
		return step{}, false
	}
	switch v.Type() {
	case cty.String:
		return step{key: v.AsString()}, true
	case cty.Number:
		i, accuracy := v.AsBigFloat().Int64()
		return step{index: int(i), isIndex: true}, accuracy == big.Exact && i >= 0 && i < 1<<31
	}
	return step{}, false
}

// compareSteps orders paths by name and by number.
func compareSteps(a, b string) int {
	x, errA := parsePath(a)
	y, errB := parsePath(b)
	if errA != nil || errB != nil {
		return cmp.Compare(a, b)
	}
	for i := range min(len(x), len(y)) {
		if r := cmp.Or(cmp.Compare(x[i].key, y[i].key), cmp.Compare(x[i].index, y[i].index)); r != 0 {
			return r
		}
	}
	return cmp.Compare(len(x), len(y))
}

// target is the address of a resource instance, taken apart.
type target struct {
	text    string
	modules []instance // calls of modules from the root on
	typ     string
	name    string
	key     *step // of the instance; nil for none
}

// instance is a call of a module, or one instance of it.
type instance struct {
	name string
	key  *step
}

func parseAddress(address string) (target, error) {
	bad := func(why string) (target, error) {
		return target{}, fault.New(fault.Invalid, "name a resource as the plan does, such as module.a.aws_instance.b[0]", "%q %s", address, why)
	}
	t, err := traversal(address)
	if err != nil {
		return bad("is not the address of a resource")
	}
	all, err := steps(t)
	if err != nil {
		return bad("is not the address of a resource")
	}
	at := target{text: address}
	// take reads a name and the key that may follow it.
	take := func() (instance, bool) {
		if len(all) == 0 || all[0].isIndex {
			return instance{}, false
		}
		in := instance{name: all[0].key}
		all = all[1:]
		return in, true
	}
	key := func() *step {
		if n := len(t) - len(all); len(all) > 0 {
			if _, ok := t[n].(hcl.TraverseIndex); ok {
				k := all[0]
				all = all[1:]
				return &k
			}
		}
		return nil
	}
	for len(all) > 1 && all[0].key == "module" {
		all = all[1:]
		in, ok := take()
		if !ok {
			return bad("is not the address of a resource")
		}
		in.key = key()
		at.modules = append(at.modules, in)
	}
	typ, ok1 := take()
	if ok1 && typ.name == "data" {
		return bad("is a data source: nothing in the configuration says what it reads")
	}
	name, ok2 := take()
	at.typ, at.name, at.key = typ.name, name.name, key()
	if !ok1 || !ok2 || len(all) > 0 {
		return bad("is not the address of a resource")
	}
	return at, nil
}
