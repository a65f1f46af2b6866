package reach

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// op is what an expr does.
type op uint8

const (
	opHole   op = iota // something that is known to the engine only
	opText             // literal text
	opNumber           // a literal number or bool: text that names nothing
	opNull
	opModule // path.module
	opRoot   // path.root, and path.cwd, which is the same: the engine runs in the root module's directory
	opLocal  // local.TEXT
	opVar    // var.TEXT
	opAttr   // TEXT is TYPE.NAME.ATTRIBUTE of a resource, with "data." before it for a data source
	opConcat // its args one after the other
	opEither // one of its args
	opTuple
	opObject // keys name its args; an empty key is one of those in computed
	opGet    // element TEXT of its arg
	opElems  // any element of its arg; further args are keys. Of what is no list the value itself, where TEXT is splat
	opKeys   // any key of its arg
	opCall   // function TEXT of its args; an operator when TEXT is empty
)

// expr is what matters of an HCL expression to tell which files it can name.
// It is small, says nothing of where its file lies, and never changes.
type expr struct {
	op     op
	size   uint16 // how long it is where it is written, in bytes; 0: that is not known
	from   uint32 // where it begins in the text of its file; of the JSON syntax, among all of its strings
	text   string
	args   []*expr
	object *object // nil in what is no object
}

// object is what only objects have. Most expressions are none, and there are many.
type object struct {
	keys     []string
	computed []*expr // the keys that are no plain text
}

func (e *expr) keys() []string {
	if e.object == nil {
		return nil
	}
	return e.object.keys
}

func (e *expr) computed() []*expr {
	if e.object == nil {
		return nil
	}
	return e.object.computed
}

// addKey adds keys that are no plain text.
func (e *expr) addKey(keys ...*expr) {
	if len(keys) == 0 {
		return
	}
	if e.object == nil {
		e.object = &object{}
	}
	e.object.computed = append(e.object.computed, keys...)
}

// Marks in the text of an expr.
const (
	loose = "loose" // of a tuple: how many elements there are, and in which order, is not known
	splat = "splat" // of opElems
)

var (
	hole     = &expr{op: opHole}
	null     = &expr{op: opNull}
	modulDir = &expr{op: opModule}
	rootDir  = &expr{op: opRoot}
)

func text(s string) *expr { return &expr{op: opText, text: s} }

func call(fn string, args ...*expr) *expr { return &expr{op: opCall, text: fn, args: args} }

// scope holds names that stand for something within a block or a loop.
type scope struct {
	outer *scope
	name  string
	attrs map[string]*expr          // NAME.ATTRIBUTE
	value *expr                     // NAME alone
	item  *hclsyntax.AnonSymbolExpr // the element of a splat, which has no name
}

func (s *scope) find(name string) *scope {
	for ; s != nil; s = s.outer {
		if s.name == name {
			return s
		}
	}
	return nil
}

// element is what the element of a splat stands for.
func (s *scope) element(item *hclsyntax.AnonSymbolExpr) *expr {
	for ; s != nil; s = s.outer {
		if s.item == item {
			return s.value
		}
	}
	return hole
}

// iterator binds what a for_each gives to a block. The keys of a set, which is
// the only list that a block with each may have, are its elements.
func (s *scope) iterator(name string, over *expr) *scope {
	keys := &expr{op: opKeys, args: []*expr{over}}
	if name == "each" {
		keys.text = "each"
	}
	return &scope{outer: s, name: name, attrs: map[string]*expr{"key": keys,
		"value": {op: opElems, args: []*expr{over}}}}
}

// convertExpr takes over an expression of the native syntax, and where it stands.
func convertExpr(e hclsyntax.Expression, s *scope) *expr {
	out, at := converted(e, s), e.Range()
	size := at.End.Byte - at.Start.Byte
	if out.op == opText || out.op == opNumber || out.op == opNull || size <= 0 || size > math.MaxUint16 ||
		at.Start.Byte < 0 {
		return out
	}
	if out.size > 0 || out == hole || out == modulDir || out == rootDir { // it stands elsewhere, too
		clone := *out
		out = &clone
	}
	out.from, out.size = uint32(at.Start.Byte), uint16(size)
	return out
}

func converted(e hclsyntax.Expression, s *scope) *expr {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return convertLiteral(e.Val)
	case *hclsyntax.TemplateExpr:
		return concat(convertAll(e.Parts, s))
	case *hclsyntax.TemplateWrapExpr:
		return convertExpr(e.Wrapped, s)
	case *hclsyntax.TemplateJoinExpr:
		return call("", convertExpr(e.Tuple, s))
	case *hclsyntax.ParenthesesExpr:
		return convertExpr(e.Expression, s)
	case *hclsyntax.ScopeTraversalExpr:
		return convertTraversal(e.Traversal, s)
	case *hclsyntax.RelativeTraversalExpr:
		return get(convertExpr(e.Source, s), e.Traversal)
	case *hclsyntax.AnonSymbolExpr:
		return s.element(e)
	case *hclsyntax.IndexExpr:
		return convertIndex(convertExpr(e.Collection, s), convertExpr(e.Key, s))
	case *hclsyntax.FunctionCallExpr:
		return convertCall(e, s)
	case *hclsyntax.ConditionalExpr:
		return call("if", convertExpr(e.Condition, s), convertExpr(e.TrueResult, s), convertExpr(e.FalseResult, s))
	case *hclsyntax.BinaryOpExpr:
		return convertBinary(e, s)
	case *hclsyntax.UnaryOpExpr:
		val := convertExpr(e.Val, s)
		if val.op == opNumber && e.Op == hclsyntax.OpNegate {
			return &expr{op: opNumber, text: "-" + val.text}
		}
		return call("", val)
	case *hclsyntax.SplatExpr:
		return convertSplat(e, s)
	case *hclsyntax.TupleConsExpr:
		return &expr{op: opTuple, args: convertAll(e.Exprs, s)}
	case *hclsyntax.ObjectConsExpr:
		return convertObject(e, s)
	case *hclsyntax.ForExpr:
		return convertFor(e, s)
	}
	return hole
}

// convertBinary takes over a chain of operators, which nests without a bracket.
func convertBinary(e *hclsyntax.BinaryOpExpr, s *scope) *expr {
	out := call("", convertExpr(e.RHS, s))
	for {
		left, ok := e.LHS.(*hclsyntax.BinaryOpExpr)
		if !ok {
			out.args = append(out.args, convertExpr(e.LHS, s))
			return out
		}
		e = left
		out.args = append(out.args, convertExpr(e.RHS, s))
	}
}

func convertAll(list []hclsyntax.Expression, s *scope) []*expr {
	out := make([]*expr, len(list))
	for i, e := range list {
		out[i] = convertExpr(e, s)
	}
	return out
}

// maxExponent bounds numbers that are written out, in bits before or after the point.
const maxExponent = 2048

func convertLiteral(v cty.Value) *expr {
	v, _ = v.Unmark()
	switch {
	case !v.IsKnown():
		return hole
	case v.IsNull():
		return null
	case v.Type() == cty.String:
		return text(v.AsString())
	}
	if v.Type() == cty.Number {
		if exp := v.AsBigFloat().MantExp(nil); exp > maxExponent || exp < -maxExponent {
			return hole // written out it may have any number of digits
		}
		if n, exact := v.AsBigFloat().Int64(); exact == big.Exact { // nearly all are, and the general way is slow
			return &expr{op: opNumber, text: strconv.FormatInt(n, 10)}
		}
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return hole
	}
	return &expr{op: opNumber, text: s.AsString()}
}

// concat joins parts, and neighbouring texts to one.
func concat(parts []*expr) *expr {
	out := make([]*expr, 0, len(parts))
	for i := 0; i < len(parts); i++ {
		first := i
		for i+1 < len(parts) && parts[first].op == opText && parts[i+1].op == opText {
			i++
		}
		if i == first {
			out = append(out, parts[i])
			continue
		}
		var b strings.Builder
		for _, p := range parts[first : i+1] {
			b.WriteString(p.text)
		}
		out = append(out, text(b.String()))
	}
	switch {
	case len(out) == 0:
		return text("")
	case len(out) == 1 && out[0].op == opText:
		return out[0]
	}
	return &expr{op: opConcat, args: out}
}

func convertTraversal(t hcl.Traversal, s *scope) *expr {
	rest := t[1:]
	first := ""
	if len(rest) > 0 {
		if a, ok := rest[0].(hcl.TraverseAttr); ok {
			first = a.Name
		}
	}
	if b := s.find(t.RootName()); b != nil {
		switch {
		case b.value != nil:
			return get(b.value, rest)
		case b.attrs[first] != nil:
			return get(b.attrs[first], rest[1:])
		}
		return hole
	}
	switch t.RootName() {
	case "path":
		switch first {
		case "module":
			return modulDir
		case "root", "cwd":
			return rootDir
		}
	case "local":
		if first != "" {
			return get(&expr{op: opLocal, text: first}, rest[1:])
		}
	case "var":
		if first != "" {
			return get(&expr{op: opVar, text: first}, rest[1:])
		}
	default:
		return convertAttr(t)
	}
	return hole
}

// convertAttr is a reference to an attribute of a resource or a data source.
func convertAttr(t hcl.Traversal) *expr {
	name := t.RootName()
	for i, step := range t[1:] {
		a, ok := step.(hcl.TraverseAttr)
		if !ok {
			continue // [0], of a resource with a count
		}
		name += "." + a.Name
		if i > 3 {
			return hole
		}
	}
	return &expr{op: opAttr, text: name}
}

// maxTraversal is how far into a value a reference is followed.
const maxTraversal = 20

func get(from *expr, steps hcl.Traversal) *expr {
	if len(steps) > maxTraversal {
		return call("", from)
	}
	for _, step := range steps {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			from = &expr{op: opGet, text: step.Name, args: []*expr{from}}
		case hcl.TraverseIndex:
			from = convertIndex(from, convertLiteral(step.Key))
		default:
			return call("", from)
		}
	}
	return from
}

func convertIndex(from, key *expr) *expr {
	if key.op == opText || key.op == opNumber {
		return &expr{op: opGet, text: key.text, args: []*expr{from}}
	}
	return &expr{op: opElems, args: []*expr{from, key}}
}

func convertObject(e *hclsyntax.ObjectConsExpr, s *scope) *expr {
	o := &expr{op: opObject, args: make([]*expr, 0, len(e.Items)),
		object: &object{keys: make([]string, 0, len(e.Items))}}
	for _, item := range e.Items {
		key, computed := "", (*expr)(nil)
		if k, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok {
			if name := hcl.ExprAsKeyword(k.Wrapped); name != "" && !k.ForceNonLiteral {
				key = name
			} else if c := convertExpr(k.Wrapped, s); c.op == opText || c.op == opNumber {
				key = c.text
			} else {
				computed = c
			}
		}
		o.add(key, convertExpr(item.ValueExpr, s))
		if computed != nil {
			o.addKey(computed)
		}
	}
	return o
}

func (e *expr) add(key string, value *expr) {
	if e.object == nil {
		e.object = &object{}
	}
	e.object.keys = append(e.object.keys, key)
	e.args = append(e.args, value)
}

// convertCall takes over a call. A list that is spread over the arguments at
// the end counts by its elements where it can be seen, and as unknown elsewhere.
func convertCall(e *hclsyntax.FunctionCallExpr, s *scope) *expr {
	args, name := convertAll(e.Args, s), strings.TrimPrefix(e.Name, "core::")
	if e.ExpandFinal && len(args) > 0 {
		last := args[len(args)-1]
		rest := args[:len(args)-1]
		switch {
		case last.op == opTuple && last.text != loose:
			args = append(rest, last.args...)
		case transparent[name]:
			args = append(rest, &expr{op: opElems, args: []*expr{last}})
		default:
			args = append(rest, call("", last))
		}
	}
	return call(name, args...)
}

func convertSplat(e *hclsyntax.SplatExpr, s *scope) *expr {
	over := convertExpr(e.Source, s)
	s = &scope{outer: s, item: e.Item, value: &expr{op: opElems, text: splat, args: []*expr{over}}}
	return call("for", &expr{op: opTuple, text: loose, args: []*expr{convertExpr(e.Each, s)}}, over)
}

func convertFor(e *hclsyntax.ForExpr, s *scope) *expr {
	over := convertExpr(e.CollExpr, s)
	inner := &scope{outer: s, name: e.ValVar, value: &expr{op: opElems, args: []*expr{over}}}
	if e.KeyVar != "" {
		inner = &scope{outer: inner, name: e.KeyVar, value: &expr{op: opKeys, args: []*expr{over}}}
	}
	value := convertExpr(e.ValExpr, inner)
	out := &expr{op: opTuple, text: loose, args: []*expr{value}}
	if e.KeyExpr != nil {
		if e.Group {
			value = out
		}
		out = &expr{op: opObject}
		out.addKey(convertExpr(e.KeyExpr, inner))
		out.add("", value)
	}
	// What else is in it names files as well, and makes nothing of the value.
	beside := []*expr{out, over}
	if e.CondExpr != nil {
		beside = append(beside, convertExpr(e.CondExpr, inner))
	}
	return call("for", beside...)
}

// convertValue takes over a value of the configuration. Marks go: what is made
// of it is only compared with paths, and never shown.
func convertValue(v cty.Value) *expr {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return convertLiteral(v)
	}
	t := v.Type()
	out := &expr{op: opTuple}
	if t.IsObjectType() || t.IsMapType() {
		out.op = opObject
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if out.op == opObject {
			out.add(k.AsString(), convertValue(e))
		} else {
			out.args = append(out.args, convertValue(e))
		}
	}
	return out
}
