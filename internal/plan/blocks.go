package plan

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/tfops/tfops/internal/plan/values"
)

// Plan JSON writes a nested block as it writes an argument that holds objects.
// The configuration in it tells them apart: there an argument is an object
// with its constant value or its references, and a block is a list (or, where
// only one is allowed, an object) of further arguments.

// configuration is what is read of plan JSON's configuration. Nothing of it
// is kept.
type configuration struct {
	RootModule configModule               `json:"root_module"`
	Providers  map[string]json.RawMessage `json:"provider_config"` // only to know its constants
}

type configModule struct {
	Resources []struct {
		Address     string          `json:"address"` // within its module
		Mode        string          `json:"mode"`
		Type        string          `json:"type"`
		Expressions json.RawMessage `json:"expressions"`
	} `json:"resources"`
	ModuleCalls map[string]struct {
		Expressions json.RawMessage `json:"expressions"`
		Module      *configModule   `json:"module"`
	} `json:"module_calls"`
	Variables map[string]struct {
		Sensitive bool            `json:"sensitive"`
		Default   json.RawMessage `json:"default"`
	} `json:"variables"`
	Outputs map[string]struct {
		Expression json.RawMessage `json:"expression"`
	} `json:"outputs"`
}

func (c configuration) sensitiveVariable(name string) bool {
	return c.RootModule.Variables[name].Sensitive
}

// BuiltinProvider is the provider of terraform_data, whose arguments are of any type.
const BuiltinProvider = "terraform.io/builtin/terraform"

// blocks says of attribute paths, without indexes, whether they are written as
// blocks (true) or as arguments (false), by resource type.
type blocks map[string]map[string]bool

func (c configuration) blocks() blocks {
	b := blocks{}
	b.module(&c.RootModule)
	return b
}

func (b blocks) module(m *configModule) {
	for _, r := range m.Resources {
		var expressions any
		dec := json.NewDecoder(bytes.NewReader(r.Expressions))
		if err := dec.Decode(&expressions); err != nil {
			continue // only the look of the change depends on it
		}
		if b[r.Type] == nil {
			b[r.Type] = map[string]bool{}
		}
		b.expressions(b[r.Type], "", expressions)
	}
	for _, call := range m.ModuleCalls {
		if call.Module != nil {
			b.module(call.Module)
		}
	}
}

func (b blocks) expressions(known map[string]bool, path string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for key, w := range m {
		at := values.PathKey(path, key)
		switch w := w.(type) {
		case []any:
			known[at] = true
			for _, e := range w {
				b.expressions(known, at, e)
			}
		case map[string]any:
			_, constant := w["constant_value"]
			_, refers := w["references"]
			if block := !constant && !refers && len(w) > 0; block || !known[at] {
				known[at] = block
				if block {
					b.expressions(known, at, w)
				}
			}
		}
	}
}

// of lists which attributes of a change are blocks. Where the configuration
// is silent, lists of objects are taken for blocks, as most providers write
// them, and so are empty lists: a block that is not there is one, an argument
// that is not there is null.
func (b blocks) of(c *Change) []string {
	found := map[string]bool{}
	known := b[c.Type]
	builtin := c.Provider == BuiltinProvider
	for _, v := range []any{c.Before, c.After} {
		walkBlocks(v, "", found, func(path string, list bool) bool {
			block, ok := known[path]
			if ok {
				return block
			}
			return list && !builtin
		})
	}
	var out []string
	for p, isBlock := range found {
		if isBlock {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// walkBlocks notes in found the paths of v at which block says yes, and those
// that cannot be blocks, which wins. It goes only into blocks: an argument
// holds no block.
func walkBlocks(v any, path string, found map[string]bool, block func(path string, list bool) bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for key, w := range m {
		at := values.PathKey(path, key)
		switch w := w.(type) {
		case map[string]any:
			if block(at, false) {
				note(found, at, true)
				walkBlocks(w, at, found, block)
			}
		case []any:
			if !block(at, true) {
				continue
			}
			note(found, at, onlyObjects(w))
			for _, e := range w {
				walkBlocks(e, at, found, block)
			}
		}
	}
}

func note(found map[string]bool, path string, block bool) {
	if was, ok := found[path]; !ok || was {
		found[path] = block
	}
}

// onlyObjects reports whether a list holds nothing but objects.
func onlyObjects(l []any) bool {
	return !slices.ContainsFunc(l, func(e any) bool {
		_, ok := e.(map[string]any)
		return !ok
	})
}
