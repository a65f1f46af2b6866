package values

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Plan JSON writes a nested block as it writes an argument that holds objects.
// The configuration in it tells them apart: there an argument is an object
// with its constant value or its references, and a block is a list (or, where
// only one is allowed, an object) of further arguments.

// Blocks says of attribute paths, without indexes, whether they are written as
// blocks (true) or as arguments (false), by resource type.
type Blocks map[string]map[string]bool

// Read notes what the expressions of a resource tell.
func (b Blocks) Read(kind string, raw []byte) {
	var expressions any
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&expressions); err != nil {
		return // only the look of the change depends on it
	}
	if b[kind] == nil {
		b[kind] = map[string]bool{}
	}
	b.expressions(b[kind], "", expressions)
}

func (b Blocks) expressions(known map[string]bool, path string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for key, w := range m {
		at := PathKey(path, key)
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

// Of lists which attributes of a type's values are blocks. Where the configuration
// is silent, lists of objects are taken for blocks, as most providers write
// them, and so are empty lists: a block that is not there is one, an argument
// that is not there is null.
func (b Blocks) Of(kind string, builtin bool, list ...any) []string {
	found := map[string]bool{}
	known := b[kind]
	for _, v := range list {
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
		at := PathKey(path, key)
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
