// Package diff compares what a resource or an output is before and after a plan,
// attribute by attribute, for whoever renders it.
package diff

import (
	"cmp"
	"maps"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/values"
)

// Kind says how one attribute, element or line differs.
type Kind string

const (
	Unchanged Kind = "unchanged"
	Added     Kind = "added"
	Removed   Kind = "removed"
	Changed   Kind = "changed"
)

// Shape says how an Attr is to be read.
type Shape string

const (
	Value  Shape = "value"  // Before and After say all
	Text   Shape = "text"   // a string of several lines: Lines
	Object Shape = "object" // Children, each with the name of an attribute
	Map    Shape = "map"    // Children, each with a key that a user chose
	List   Shape = "list"   // Children in order, without names
	Block  Shape = "block"  // Children as of Object; blocks of one name follow each other as Attrs of their own
	// a string that holds JSON: one child, the value in it; unchanged when only whitespace changes
	JSON   Shape = "json"
	Switch Shape = "switch" // the value changes its type: two Children, what goes and what comes
	// an argument that no plan holds a value of; only in Printed
	WriteOnly Shape = "write-only"
)

// Marking says how a hidden value is marked otherwise afterwards.
type Marking string

const (
	Marked   Marking = "marked"   // it will be sensitive
	Unmarked Marking = "unmarked" // it is no more
)

// Attr is one node in the difference of a resource or output, for a terminal
// or a page to render.
type Attr struct {
	Name      string // of an attribute, a key or a block; empty for list elements
	Path      string // e.g. tags["a b"], rule[0].action; an element that is only removed has its old index
	Kind      Kind
	Shape     Shape
	Before    any    // JSON value with Sensitive in it; nil for null and for no value
	After     any    // the same; without what is known only after apply
	Unknown   bool   // the whole of After is known only after apply; Shape and Children are those of Before
	Sensitive bool   // the value is hidden; Kind still tells whether it changes
	Replaces  bool   // the change of this attribute forces the replacement
	Children  []Attr // unchanged ones included
	Lines     []Line // of Text

	// Only of Printed:
	Label   string  // of a Block: its key, where blocks of one name have keys
	Nested  bool    // of a container: of nested attributes
	Set     bool    // of a List: in no order
	Marking Marking // of a hidden value
	Same    bool    // of a hidden value: nothing but its marking changes
	Hollow  bool    // of a Block or Object: there may be blocks in it, and are none
}

// Line is one line of a Text, without its end.
type Line struct {
	Kind Kind
	Text string
}

// Of is the difference between before and after, sorted by name: arguments
// first, then blocks. Arguments that are null on both sides are left out.
func Of(c plan.Change) []Attr { return of(c, "") }

// Printed is the same as the engine of this name prints it: it knows the provider's schema, compares blocks and
// nested attributes by their places, and Terraform lists of one length, too. Of what changed outside it shows
// what the plan stands on.
func Printed(c plan.Change, engine string) []Attr { return of(c, cmp.Or(engine, Terraform)) }

// The engines, as plans name them.
const (
	Terraform = "terraform"
	Tofu      = "tofu"
)

func of(c plan.Change, as string) []Attr {
	printed := as != ""
	d := differ{changed: index(c.SensitiveChanged), replaces: index(c.ReplacePaths), blocks: index(c.Blocks),
		dynamic: c.Provider == plan.BuiltinProvider, printed: printed, tofu: as == Tofu}
	before, after := c.Before, withUnknown(c.After, c.Unknown)
	if c.Action == plan.Forget && !d.tofu {
		after = before // it leaves the state as it is
	}
	top := place{}
	if printed {
		d.marked, d.unmarked = index(c.Layout.Marked), index(c.Layout.Unmarked)
		d.relevant, d.sets = c.Layout.Relevant, c.Layout.HiddenSets
		if top.schema = c.Layout.Schema; d.dynamic {
			top.schema = builtin
		}
	}
	root := d.diff(top, before, after)
	if root.Shape == Object {
		return root.Children
	}
	if root.Kind == Unchanged && root.Before == nil {
		return nil
	}
	return []Attr{root}
}

// builtin are the types of the provider that is built into the engine.
var builtin = &values.Schema{Within: map[string]*values.Schema{"input": anything, "output": anything,
	"triggers_replace": anything, "config": anything, "defaults": anything, "outputs": anything}}

var anything = &values.Schema{Holds: values.NestedDynamic}

// OfOutput is the difference between an output's values, as the engines print it.
func OfOutput(o plan.Output) Attr {
	d := differ{dynamic: true, printed: true}
	a := d.diff(place{o.Name, o.Name, o.Name, anything}, o.Before, withUnknown(o.After, o.Unknown))
	if o.Sensitive {
		a.Sensitive, a.Shape, a.Children, a.Lines = true, Value, nil, nil
	}
	if a.Kind == Unchanged && o.Action == plan.Update {
		a.Kind = Changed // hidden on both sides
	}
	return a
}

// unknown stands in After for a value that is known only after apply, null for
// a null that is there, unlike no value.
type (
	unknown struct{}
	null    struct{}
)

// present is v as a value that is there.
func present(v any) any {
	if v == nil {
		return null{}
	}
	return v
}

// withUnknown puts unknown into a value where the mask says so.
func withUnknown(v, mask any) any {
	switch m := mask.(type) {
	case bool:
		if m {
			return unknown{}
		}
	case map[string]any:
		old, ok := v.(map[string]any)
		if !ok && v != nil || !values.AnyTrue(mask) {
			return v
		}
		out := map[string]any{}
		maps.Copy(out, old)
		for k, sub := range m {
			if _, has := old[k]; has || values.AnyTrue(sub) {
				out[k] = withUnknown(old[k], sub)
			}
		}
		return out
	case []any:
		old, ok := v.([]any)
		if !ok && v != nil || !values.AnyTrue(mask) {
			return v
		}
		out := append([]any{}, old...)
		for i, sub := range m {
			if i >= len(out) {
				out = append(out, nil)
			}
			out[i] = withUnknown(out[i], sub)
		}
		return out
	}
	return v
}

// plain is v as JSON: without the stand-ins.
func plain(v any) any {
	switch v := v.(type) {
	case unknown, null:
		return nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, w := range v {
			if w != (unknown{}) {
				out[k] = plain(w)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, w := range v {
			out[i] = plain(w)
		}
		return out
	}
	return v
}

func index(list []string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}
