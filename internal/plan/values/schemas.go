package values

import (
	"encoding/json"
	"slices"
)

// Schemas are what providers say of types, by provider, mode ("managed", "data") and type. A type that has
// nothing to be said of is there, too: then that is known.
type Schemas map[string]map[string]map[string]*Schema

// Of is what is known of a type; nil: nothing.
func (s Schemas) Of(provider, mode, kind string) *Schema {
	return s[provider][mode][kind]
}

// Nesting is what an attribute or block holds; empty: a string, a number or a bool.
type Nesting string

const (
	NestedObject  Nesting = "object"
	NestedMap     Nesting = "map"
	NestedList    Nesting = "list"
	NestedSet     Nesting = "set"
	NestedTuple   Nesting = "tuple"
	NestedDynamic Nesting = "dynamic" // of any type
)

// Schema is what a provider says of a type, an attribute, a block or what is in it: what of it is sensitive,
// and how it is written.
type Schema struct {
	Sensitive bool    `json:"s,omitempty"`
	WriteOnly bool    `json:"x,omitempty"`
	Holds     Nesting `json:"k,omitempty"`
	Block     bool    `json:"b,omitempty"` // written as blocks, or as one where it holds an object
	Nested    bool    `json:"n,omitempty"` // its objects are attributes of their own, as providers nest them today
	// Legacy tells of the arguments of a type or block that "" may mean null there: the provider's library
	// cannot tell them apart.
	Legacy bool `json:"l,omitempty"`
	// Within are attributes and blocks of the object, of each object that a block or nested attribute holds.
	// Those of which there is nothing to be said are left out.
	Within map[string]*Schema `json:"w,omitempty"`
	// Element is what else each element is; nil: a string, a number or a bool.
	Element *Schema `json:"e,omitempty"`
}

// at is the schema of what stands under a key; known tells whether there is any.
func (s *Schema) at(key string) (within *Schema, known bool) {
	switch {
	case s == nil:
		return nil, false
	case s.Sensitive:
		return s, true
	case s.Holds == NestedMap:
		return s.Each(), true
	}
	if within = s.Within[key]; within == nil {
		within = &Schema{}
	}
	return within, true
}

// Each is what each element of a list, set or map is.
func (s *Schema) Each() *Schema {
	switch {
	case s == nil:
		return nil
	case s.Block || s.Nested:
		return &Schema{Holds: NestedObject, Block: s.Block, Nested: s.Nested, Legacy: s.Legacy, Within: s.Within}
	case s.Element == nil:
		return &Schema{}
	}
	return s.Element
}

// At is what stands under a key of an object; nil where nothing is known of the object.
func (s *Schema) At(key string) *Schema {
	if s == nil {
		return nil
	}
	if within := s.Within[key]; within != nil {
		return within
	}
	return &Schema{}
}

// ReadSchemas reads raw, the output of `providers schema -json`. Descriptions and whatever else there is are
// left aside: it has megabytes for one provider.
func ReadSchemas(raw []byte) (Schemas, error) {
	var doc struct {
		Providers map[string]struct {
			Managed map[string]schemaOf `json:"resource_schemas"`
			Data    map[string]schemaOf `json:"data_source_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	all := Schemas{}
	for name, p := range doc.Providers {
		all[name] = map[string]map[string]*Schema{"managed": typesOf(p.Managed), "data": typesOf(p.Data)}
	}
	return all, nil
}

type schemaOf struct {
	Block schemaBlock `json:"block"`
}

type schemaBlock struct {
	Attributes map[string]schemaAttribute `json:"attributes"`
	Blocks     map[string]struct {
		Block   schemaBlock `json:"block"`
		Nesting string      `json:"nesting_mode"`
	} `json:"block_types"`
}

type schemaAttribute struct {
	Type      any  `json:"type"`
	Sensitive bool `json:"sensitive"`
	WriteOnly bool `json:"write_only"`
	Nested    *struct {
		Attributes map[string]schemaAttribute `json:"attributes"`
		Nesting    string                     `json:"nesting_mode"`
	} `json:"nested_type"`
}

func typesOf(types map[string]schemaOf) map[string]*Schema {
	all := map[string]*Schema{}
	for kind, s := range types {
		all[kind] = s.Block.schema()
	}
	return all
}

func (b schemaBlock) schema() *Schema {
	s := attributesOf(b.Attributes, false)
	s.Legacy = b.legacy()
	for name, inner := range b.Blocks {
		block := inner.Block.schema()
		block.Block, block.Holds = true, nesting(inner.Nesting)
		s.add(name, block)
	}
	return s
}

// nesting is what a block or nested attribute holds; "single" and "group" hold one object.
func nesting(mode string) Nesting {
	if mode == "single" || mode == "group" {
		return NestedObject
	}
	return Nesting(mode)
}

// attributesOf are the attributes of an object, or those of which there is something to be said.
func attributesOf(attributes map[string]schemaAttribute, all bool) *Schema {
	s := &Schema{}
	for name, a := range attributes {
		var of *Schema
		if a.Nested != nil {
			of = attributesOf(a.Nested.Attributes, nesting(a.Nested.Nesting) == NestedObject)
			of.Nested, of.Holds = true, nesting(a.Nested.Nesting)
		} else if of = typeOf(a.Type); of == nil {
			of = &Schema{}
		}
		of.Sensitive, of.WriteOnly = a.Sensitive || a.WriteOnly, a.WriteOnly
		if of.Sensitive || of.Holds != "" || a.Nested != nil || all {
			s.add(name, of)
		}
	}
	return s
}

func (s *Schema) add(name string, within *Schema) {
	if s.Within == nil {
		s.Within = map[string]*Schema{}
	}
	s.Within[name] = within
}

// typeOf reads a type as providers write it, "string" or ["map", "string"]; nil: a string, a number or a bool.
func typeOf(t any) *Schema {
	parts, _ := t.([]any)
	if t == "dynamic" {
		return &Schema{Holds: NestedDynamic}
	}
	if len(parts) < 2 {
		return nil
	}
	name, _ := parts[0].(string)
	s := &Schema{Holds: Nesting(name)}
	switch attributes, _ := parts[1].(map[string]any); {
	case s.Holds == NestedTuple:
	case s.Holds == NestedObject:
		for name, t := range attributes {
			if of := typeOf(t); of != nil {
				s.add(name, of)
			}
		}
	default:
		s.Element = typeOf(parts[1])
	}
	return s
}

// legacy reports whether a block may be one of a provider whose library cannot tell "" from null: such a
// one has neither types nor blocks of the kinds that came later.
func (b schemaBlock) legacy() bool {
	for _, inner := range b.Blocks {
		if inner.Nesting == "map" || inner.Nesting == "group" {
			return false
		}
	}
	for _, a := range b.Attributes {
		if a.Nested != nil || modern(a.Type) {
			return false
		}
	}
	return true
}

// modern reports whether a type is one that the libraries of old had not.
func modern(t any) bool {
	s := typeOf(t)
	if s == nil || s.anything() || s.Holds == NestedTuple || s.Holds == NestedObject {
		return s != nil
	}
	return s.Element.collection() && s.Element.Element != nil
}

// anything reports whether a type leaves open what is in it.
func (s *Schema) anything() bool {
	if s == nil {
		return false
	}
	for _, w := range s.Within {
		if w.anything() {
			return true
		}
	}
	return s.Holds == NestedDynamic || s.Element.anything()
}

func (s *Schema) collection() bool {
	return s != nil && (s.Holds == NestedMap || s.Holds == NestedList || s.Holds == NestedSet)
}

// Met is what is said of what is in these values, and of nothing else; nil where nothing is known.
func (s *Schema) Met(list ...any) *Schema {
	if s == nil {
		return nil
	}
	met := *s
	met.Within, met.Element = nil, s.Element.Met(elements(list)...)
	inner, lost := list, s.Nested && slices.Contains(list, any(true)) // unknown as a whole
	if (s.Block || s.Nested) && s.Holds != NestedObject {
		inner = elements(list)
	}
	for name, w := range s.Within {
		var of []any
		for _, v := range inner {
			if m, ok := v.(map[string]any); ok && m[name] != nil {
				of = append(of, m[name])
			}
		}
		if len(of) > 0 || w.WriteOnly && len(inner) > 0 || lost {
			met.add(name, w.Met(of...))
		}
	}
	return &met
}

// elements are those of lists and maps.
func elements(list []any) (all []any) {
	for _, v := range list {
		switch v := v.(type) {
		case []any:
			all = append(all, v...)
		case map[string]any:
			for _, e := range v {
				all = append(all, e)
			}
		}
	}
	return all
}
