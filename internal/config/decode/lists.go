package decode

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/fault"
)

// Item is an element of a list and where it stands.
type Item struct {
	Val   string
	Range hcl.Range
}

// List is an attribute that is a list of texts, which are shown to people.
func (b Block) List(name string) Field[[]Item] { return b.list(name, shown) }

// HiddenList is a list that nothing shows, so that its texts may come from env and file.
func (b Block) HiddenList(name string) Field[[]Item] { return b.list(name, hidden) }

func (b Block) list(name string, s secrecy) Field[[]Item] {
	return as(b, name, cty.List(cty.String), s, func(v cty.Value) ([]Item, bool) {
		items, at := []Item{}, func(int) hcl.Range { return b.Place(name) }
		tuple, ok := b.Body.Attributes[name].Expr.(*hclsyntax.TupleConsExpr)
		if ok && len(tuple.Exprs) == v.LengthInt() {
			at = func(i int) hcl.Range { return tuple.Exprs[i].Range() }
		}
		for i, e := range v.AsValueSlice() {
			if e.IsNull() {
				b.r.Errorf(at(i), "null in a list", "%s is a list of strings. Remove the null.", name)
				continue
			}
			items = append(items, Item{e.AsString(), at(i)})
		}
		return items, true
	})
}

// OneOrMore is a list that may be written as one text.
func (b Block) OneOrMore(name string) Field[[]Item] {
	if v, ok := b.value(name, shown); ok && v.Type() == cty.String {
		return AsList(b.Text(name))
	}
	return b.List(name)
}

// AsList is a list with one item.
func AsList(f Field[string]) Field[[]Item] {
	out := Field[[]Item]{Set: f.Set, Range: f.Range}
	if f.Set {
		out.Val = []Item{{f.Val, f.Range}}
	}
	return out
}

// Values are the texts of a list, as strings of any type.
func Values[S ~string](items []Item) []S {
	var out []S
	for _, i := range items {
		out = append(out, S(i.Val))
	}
	return out
}

// Strings are texts of any type as strings.
func Strings[S ~string](list []S) []string {
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}

// OneOf is a text that is one of those allowed.
func OneOf[S ~string](b Block, name string, allowed ...S) Field[string] {
	f := b.Text(name)
	if f.Set {
		b.checkOneOf(Item{f.Val, f.Range}, name, Strings(allowed))
	}
	return f
}

// SomeOf checks that a list has some of the texts that are allowed.
func SomeOf[S ~string](b Block, f Field[[]Item], name string, allowed ...S) {
	b.CheckNotEmpty(f, name)
	b.CheckTwice(f, name)
	for _, i := range f.Val {
		b.checkOneOf(i, name, Strings(allowed))
	}
}

func (b Block) checkOneOf(i Item, name string, allowed []string) {
	if !slices.Contains(allowed, i.Val) {
		b.r.Errorf(i.Range, "unknown value "+strconv.Quote(i.Val), "%s is one of %s.%s",
			name, problems.Or(allowed), problems.DidYouMean(i.Val, allowed))
	}
}

// CheckNotEmpty reports a list that is written and has nothing in it.
func (b Block) CheckNotEmpty(f Field[[]Item], name string) {
	if f.Set && len(f.Val) == 0 {
		b.r.Errorf(f.Range, "empty list", "%s says nothing. Name something, or remove it.", name)
	}
}

// CheckTwice reports what stands in a list twice.
func (b Block) CheckTwice(f Field[[]Item], name string) {
	seen := map[string]bool{}
	for _, i := range f.Val {
		if seen[i.Val] {
			b.r.Errorf(i.Range, "named twice", "%s has %s already.", name, strconv.Quote(i.Val))
		}
		seen[i.Val] = true
	}
}

// Addresses checks patterns of addresses and of attributes' paths.
func (b Block) Addresses(name string, f Field[[]Item]) Field[[]Item] {
	b.CheckNotEmpty(f, name)
	for _, i := range f.Val {
		if strings.TrimSpace(i.Val) == "" {
			b.r.Errorf(i.Range, "empty pattern", "Remove it: without %s the rule is for all.", name)
		} else if err := glob.Check(i.Val); err != nil {
			b.r.Errorf(i.Range, "not a pattern", "%s %s", err, fault.Next(err))
		}
	}
	return f
}

// Patterns checks patterns of plain names, and reports whether they are right.
func (b Block) Patterns(name, what, example string, f Field[[]Item]) bool {
	before := b.r.Found()
	b.CheckNotEmpty(f, name)
	for _, i := range f.Val {
		if strings.TrimSpace(i.Val) == "" {
			b.r.Errorf(i.Range, "empty pattern", "Remove it: without %s all are meant.", name)
		} else if _, err := path.Match(i.Val, ""); err != nil {
			b.r.Errorf(i.Range, "not a pattern", "%s is a pattern over %s, such as %q: "+
				"* stands for any characters, ? for one, [ab] for one of some.", name, what, example)
		}
	}
	return b.r.Found() == before
}
