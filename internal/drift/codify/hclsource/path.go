package hclsource

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
)

// Step is one step into a value: the name of an attribute or the key of a map,
// or the index of a list.
type Step struct {
	Key     string
	Index   int
	IsIndex bool
}

func (s Step) String() string {
	if s.IsIndex {
		return fmt.Sprintf("[%d]", s.Index)
	}
	if hclsyntax.ValidIdentifier(s.Key) {
		return "." + s.Key
	}
	return fmt.Sprintf("[%q]", s.Key)
}

func PathOf(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(s.String())
	}
	return strings.TrimPrefix(b.String(), ".")
}

// ParsePath reads the path of an attribute.
func ParsePath(p string) ([]Step, error) {
	t, err := traversal(p)
	if err != nil {
		return nil, fmt.Errorf("%q is not the path of an attribute", p)
	}
	return Steps(t)
}

func traversal(text string) (hcl.Traversal, error) {
	if text == "" {
		return nil, fmt.Errorf("%q cannot be read", text)
	}
	return rootmodule.ParseTraversal(text)
}

// Steps turns a traversal into steps.
func Steps(t hcl.Traversal) ([]Step, error) {
	var out []Step
	for _, part := range t {
		switch part := part.(type) {
		case hcl.TraverseRoot:
			out = append(out, Step{Key: part.Name})
		case hcl.TraverseAttr:
			out = append(out, Step{Key: part.Name})
		case hcl.TraverseIndex:
			s, ok := StepOf(part.Key)
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

// StepOf is the step that a key or an index takes.
func StepOf(v cty.Value) (Step, bool) {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() {
		return Step{}, false
	}
	switch v.Type() {
	case cty.String:
		return Step{Key: v.AsString()}, true
	case cty.Number:
		i, accuracy := v.AsBigFloat().Int64()
		return Step{Index: int(i), IsIndex: true}, accuracy == big.Exact && i >= 0 && i < 1<<31
	}
	return Step{}, false
}

// CompareSteps orders paths by name and by number.
func CompareSteps(a, b []Step) int {
	return slices.CompareFunc(a, b, func(x, y Step) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Index, y.Index))
	})
}

// Target is the address of a resource instance, taken apart.
type Target struct {
	text    string
	modules []instance // calls of modules from the root on
	Typ     string
	Name    string
	Key     *Step // of the instance; nil for none
}

// instance is a call of a module, or one instance of it.
type instance struct {
	name string
	key  *Step
}

func ParseAddress(address string) (Target, error) {
	bad := func(why string) (Target, error) {
		return Target{}, fault.New(fault.Invalid, "name a resource as the plan does, such as "+
			"module.a.aws_instance.b[0]", "%q %s", address, why)
	}
	t, err := traversal(address)
	if err != nil {
		return bad("is not the address of a resource")
	}
	all, err := Steps(t)
	if err != nil {
		return bad("is not the address of a resource")
	}
	at := Target{text: address}
	// take reads a name and the key that may follow it.
	take := func() (instance, bool) {
		if len(all) == 0 || all[0].IsIndex {
			return instance{}, false
		}
		in := instance{name: all[0].Key}
		all = all[1:]
		return in, true
	}
	key := func() *Step {
		if n := len(t) - len(all); len(all) > 0 {
			if _, ok := t[n].(hcl.TraverseIndex); ok {
				k := all[0]
				all = all[1:]
				return &k
			}
		}
		return nil
	}
	for len(all) > 1 && all[0].Key == "module" {
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
	at.Typ, at.Name, at.Key = typ.name, name.name, key()
	if !ok1 || !ok2 || len(all) > 0 {
		return bad("is not the address of a resource")
	}
	return at, nil
}
