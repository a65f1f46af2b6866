package values

import "encoding/json"

// Schemas are what providers call sensitive, by provider, mode ("managed", "data") and type.
// A type that has nothing sensitive is there, too: then that is known.
type Schemas map[string]map[string]map[string]*Schema

// Of is what is known of a type; nil: nothing.
func (s Schemas) Of(provider, mode, kind string) *Schema {
	return s[provider][mode][kind]
}

// ReadSchemas reads what providers call sensitive from raw, the output of `providers schema
// -json`. All else in there is left aside: it has megabytes for one provider.
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
		all[name] = map[string]map[string]*Schema{"managed": sensitiveOf(p.Managed), "data": sensitiveOf(p.Data)}
	}
	return all, nil
}

type schemaOf struct {
	Block schemaBlock `json:"block"`
}

type schemaBlock struct {
	Attributes map[string]schemaAttribute `json:"attributes"`
	Blocks     map[string]struct {
		Block schemaBlock `json:"block"`
	} `json:"block_types"`
}

type schemaAttribute struct {
	Sensitive bool `json:"sensitive"`
	WriteOnly bool `json:"write_only"`
	Nested    *struct {
		Attributes map[string]schemaAttribute `json:"attributes"`
	} `json:"nested_type"`
}

func sensitiveOf(types map[string]schemaOf) map[string]*Schema {
	all := map[string]*Schema{}
	for kind, s := range types {
		if all[kind] = s.Block.sensitive(); all[kind] == nil {
			all[kind] = &Schema{}
		}
	}
	return all
}

// sensitive is what of a block is sensitive; nil: nothing.
func (b schemaBlock) sensitive() *Schema {
	s := attributesOf(b.Attributes)
	for name, inner := range b.Blocks {
		s = with(s, name, inner.Block.sensitive())
	}
	return s
}

func attributesOf(attributes map[string]schemaAttribute) (s *Schema) {
	for name, a := range attributes {
		switch {
		case a.Sensitive || a.WriteOnly:
			s = with(s, name, &Schema{Sensitive: true})
		case a.Nested != nil:
			s = with(s, name, attributesOf(a.Nested.Attributes))
		}
	}
	return s
}

// with adds what is within s under a name, if it is anything.
func with(s *Schema, name string, within *Schema) *Schema {
	if within == nil {
		return s
	}
	if s == nil {
		s = &Schema{Within: map[string]*Schema{}}
	}
	s.Within[name] = within
	return s
}
