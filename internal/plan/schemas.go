package plan

import (
	"encoding/json"
	"slices"

	"github.com/tfops/tfops/internal/plan/values"
)

// Schemas are what providers call sensitive, by provider, mode ("managed", "data") and type.
// A type that has nothing sensitive is there, too: then that is known.
type Schemas map[string]map[string]map[string]*values.Schema

// of is what is known of a type; nil: nothing.
func (s Schemas) of(provider, mode, kind string) *values.Schema {
	if provider == BuiltinProvider {
		return nil // its arguments are of any type: what is in them is the configuration's
	}
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
		all[name] = map[string]map[string]*values.Schema{"managed": sensitiveOf(p.Managed), "data": sensitiveOf(p.Data)}
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

func sensitiveOf(types map[string]schemaOf) map[string]*values.Schema {
	all := map[string]*values.Schema{}
	for kind, s := range types {
		if all[kind] = s.Block.sensitive(); all[kind] == nil {
			all[kind] = &values.Schema{}
		}
	}
	return all
}

// sensitive is what of a block is sensitive; nil: nothing.
func (b schemaBlock) sensitive() *values.Schema {
	s := attributesOf(b.Attributes)
	for name, inner := range b.Blocks {
		s = with(s, name, inner.Block.sensitive())
	}
	return s
}

func attributesOf(attributes map[string]schemaAttribute) (s *values.Schema) {
	for name, a := range attributes {
		switch {
		case a.Sensitive || a.WriteOnly:
			s = with(s, name, &values.Schema{Sensitive: true})
		case a.Nested != nil:
			s = with(s, name, attributesOf(a.Nested.Attributes))
		}
	}
	return s
}

// with adds what is within s under a name, if it is anything.
func with(s *values.Schema, name string, within *values.Schema) *values.Schema {
	if within == nil {
		return s
	}
	if s == nil {
		s = &values.Schema{Within: map[string]*values.Schema{}}
	}
	s.Within[name] = within
	return s
}

// unclear lists the providers whose schema tells what in the plan is sensitive: a mask says
// true of something that holds more than one value.
func (d *document) unclear() []string {
	found := map[string]bool{}
	note := func(provider string, v, mask any) {
		if provider != BuiltinProvider && !found[provider] && wholly(v, mask) {
			found[provider] = true
		}
	}
	changes := slices.Concat(d.ResourceChanges, d.ResourceDrift)
	for _, deferred := range d.DeferredChanges {
		if deferred != nil {
			changes = append(changes, deferred.ResourceChange)
		}
	}
	for _, rc := range changes {
		if rc != nil && rc.Change != nil {
			note(rc.ProviderName, rc.Change.Before, rc.Change.BeforeSensitive)
			note(rc.ProviderName, rc.Change.After, rc.Change.AfterSensitive)
		}
	}
	d.PriorState.Values.RootModule.unclear(note)
	out := []string{}
	for provider := range found {
		out = append(out, provider)
	}
	slices.Sort(out)
	return out
}

func (m priorModule) unclear(note func(provider string, v, mask any)) {
	for _, res := range m.Resources {
		var v, mask any
		if res.Mode == "data" && len(res.SensitiveValues) > 0 && exact(res.Values, &v) == nil &&
			exact(res.SensitiveValues, &mask) == nil {
			note(res.Provider, v, mask)
		}
	}
	for _, c := range m.ChildModules {
		c.unclear(note)
	}
}

// wholly reports whether a mask says true of an object or of a list of them.
func wholly(v, mask any) bool {
	switch v := v.(type) {
	case map[string]any:
		if mask == true {
			return len(v) > 0
		}
		m, _ := mask.(map[string]any)
		for key, sub := range m {
			if wholly(v[key], sub) {
				return true
			}
		}
	case []any:
		if mask == true {
			return slices.ContainsFunc(v, func(e any) bool { return wholly(e, true) })
		}
		m, _ := mask.([]any)
		for i := range min(len(m), len(v)) {
			if wholly(v[i], m[i]) {
				return true
			}
		}
	}
	return false
}
