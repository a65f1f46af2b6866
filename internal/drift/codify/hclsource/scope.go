package hclsource

import (
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
)

// Scope is where an expression stands: in a module, perhaps in a block that
// may have instances, and in the call that leads to the module.
type Scope struct {
	Mod   *module
	Block *hclsyntax.Block // a resource, or the call of a module; nil outside of them
	Rest  []*hclsyntax.Block
	Key   *Step // of the instance of block
	Up    *Scope
}

// Outside is the scope of the same module outside of the block.
func (s *Scope) Outside() *Scope { return &Scope{Mod: s.Mod, Up: s.Up} }

// Locate finds the resource; its scope is that of its body.
func (e *Sources) Locate(at Target) (*Scope, error) {
	dir := e.Src.Dir
	var up *Scope
	for _, in := range at.modules {
		m, err := e.module(dir)
		if err != nil {
			return nil, err
		}
		calls := m.Blocks("module", in.name)
		if len(calls) == 0 {
			return nil, m.missing(at, `"module"`, in.name)
		}
		if err := m.overridden(at, `"module"`, in.name); err != nil {
			return nil, err
		}
		call := &Scope{Mod: m, Block: calls[0], Rest: calls[1:], Key: in.key, Up: up}
		local, ok := call.source()
		if !ok {
			return nil, fault.New(fault.Conflict, "change the module where it is kept, or give the call another "+
				"argument",
				"%s is in module %q, whose source (%s:%d) is not a directory of this repository", at.text, in.name,
				calls[0].DefRange().Filename, calls[0].DefRange().Start.Line)
		}
		up, dir = call, local
	}
	m, err := e.module(dir)
	if err != nil {
		return nil, err
	}
	found := m.Blocks("resource", at.Typ, at.Name)
	if len(found) == 0 {
		return nil, m.missing(at, `"`+at.Typ+`"`, at.Name)
	}
	if err := m.overridden(at, `"`+at.Typ+`"`, at.Name); err != nil {
		return nil, err
	}
	return &Scope{Mod: m, Block: found[0], Rest: found[1:], Key: at.Key, Up: up}, nil
}

// source is the directory that a call leads to, as override files have it; false for
// a module from elsewhere.
func (s *Scope) source() (string, bool) {
	a := s.Argument("source")
	if a == nil {
		return "", false
	}
	return rootmodule.LocalDir(s.Mod.dir, rootmodule.Literal(a.AsHCLAttribute()))
}

// overridden says that an override file in JSON syntax changes a block; nil when none does.
func (m *module) overridden(at Target, words ...string) error {
	return m.inJSON(at, rootmodule.IsOverride, "changed", words...)
}

// inJSON says that a file in JSON syntax names a block; nil when none does.
func (m *module) inJSON(at Target, which func(name string) bool, how string, words ...string) error {
	for name, text := range m.json {
		named := strings.Contains(string(text), `"`+strings.Trim(words[0], `"`)+`"`) &&
			strings.Contains(string(text), `"`+words[1]+`"`)
		if named && which(path.Base(name)) {
			return fault.New(fault.Conflict, "edit it by hand", "%s is %s in JSON syntax, in %s, which is not edited",
				at.text, how, name)
		}
	}
	return nil
}

// missing says that a block is not written in a module.
func (m *module) missing(at Target, words ...string) error {
	if err := m.inJSON(at, rootmodule.IsJSON, "written", words...); err != nil {
		return err
	}
	return fault.New(fault.NotFound, "check the address, and the commit: the resource may have been taken out since",
		"%s is not written in %s: there is no %s %q", at.text, m.dir, strings.Trim(words[0], `"`), words[1])
}

// Argument is an argument of the scope's block; that of an override counts.
func (s *Scope) Argument(name string) *hclsyntax.Attribute {
	a := s.Block.Body.Attributes[name]
	for _, b := range s.Rest {
		if o := b.Body.Attributes[name]; o != nil {
			a = o
		}
	}
	return a
}

// Alone says why an edit of this scope's text would reach more than the one
// instance; nil when it does not.
func (e *Sources) Alone(s *Scope) *Refusal {
	for ; s != nil; s = s.Up {
		if s.Block != nil && !s.Single() {
			return ManyInstances(s.Block)
		}
		calls, err := e.calls(s.Mod.dir)
		if err != nil {
			return Refuse(err.Error(), fault.Next(err))
		}
		mine := 0
		if s.Up != nil {
			mine = 1
		}
		if len(calls) > mine {
			other := calls[0]
			if s.Up != nil && other == s.Up.Block.DefRange() {
				other = calls[1]
			}
			return Refuse(fmt.Sprintf("the module %s is called elsewhere too, which would change with it", s.Mod.dir),
				"make the value a variable of the module, and give it in the call").In(other)
		}
	}
	return nil
}

func ManyInstances(b *hclsyntax.Block) *Refusal {
	return Refuse(fmt.Sprintf("%s has several instances, and this text is the same for all of them", blockName(b)),
		"give the instances values of their own, such as each.value, then try again").In(b.DefRange())
}

// Single reports whether the block has one instance only, as far as its text
// tells.
func (s *Scope) Single() bool {
	count, each := s.Argument("count"), s.Argument("for_each")
	switch {
	case count != nil:
		return atMostOne(count.Expr)
	case each != nil:
		return oneElement(each.Expr)
	}
	return s.Key == nil
}

func atMostOne(x hclsyntax.Expression) bool {
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		return atMostOne(x.Expression)
	case *hclsyntax.ConditionalExpr: // var.enabled ? 1 : 0
		return atMostOne(x.TrueResult) && atMostOne(x.FalseResult)
	case *hclsyntax.LiteralValueExpr:
		return x.Val.Type() == cty.Number && x.Val.IsKnown() && !x.Val.IsNull() &&
			x.Val.LessThanOrEqualTo(cty.NumberIntVal(1)).True()
	}
	return false
}

func oneElement(x hclsyntax.Expression) bool {
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		return oneElement(x.Expression)
	case *hclsyntax.ObjectConsExpr:
		return len(x.Items) == 1
	case *hclsyntax.TupleConsExpr:
		return len(x.Exprs) == 1
	case *hclsyntax.FunctionCallExpr:
		return x.Name == "toset" && len(x.Args) == 1 && oneElement(x.Args[0])
	}
	return false
}

func blockName(b *hclsyntax.Block) string {
	if b.Type == "resource" {
		return strings.Join(b.Labels, ".")
	}
	return strings.Join(append([]string{b.Type}, b.Labels...), ".")
}

// In puts the place into a refusal.
func (r *Refusal) In(where hcl.Range) *Refusal {
	r.File, r.Line = where.Filename, where.Start.Line
	return r
}
