package codify

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/plan/diff"
)

// putBlock writes a nested block that came, among those of its name: as it was written where it only moves.
func (e *editor) putBlock(sc *hclsource.Scope, parent *hclsyntax.Block, siblings []*hclsyntax.Block,
	w wish) *hclsource.Refusal {
	last := w.Steps[len(w.Steps)-1]
	at := 0
	if last.IsIndex {
		at = last.Index
	}
	if at > len(siblings) || !last.IsIndex && len(siblings) > 0 {
		return hclsource.Refuse(fmt.Sprintf("the source has %d blocks %s, which are not those that were applied",
			len(siblings), w.Block.Name), hclsource.Handwork).In(parent.DefRange())
	}
	if r := e.allow(site{sc: sc}); r != nil {
		return r
	}
	if text := e.moving[w.moves(w.Want)]; text != "" {
		return e.AddBlock(parent, siblings, at, text)
	}
	b, r := e.blockOf(*w.Block, w.Steps, w.List)
	if r != nil {
		return r.In(parent.DefRange())
	}
	return e.AddBlock(parent, siblings, at, b.Text())
}

// blockOf is the block that has what the world has in it. What it would be without being written is left
// out: that is told by the blocks of the same name, written ones and applied ones.
func (e *editor) blockOf(a diff.Attr, path []hclsource.Step, applied []any) (hclsource.NewBlock, *hclsource.Refusal) {
	out := hclsource.NewBlock{Type: a.Name}
	written := e.namesIn(path)
	for _, c := range a.Children {
		if c.After == nil || !slices.Contains(written, c.Name) && ownOf(c.Name, c.After, len(written) > 0, applied) {
			continue
		}
		if c.Shape == diff.Block {
			b, r := e.blockOf(c, slices.Concat(path, []hclsource.Step{{Key: c.Name}}), nil)
			if r != nil {
				return out, r
			}
			out.Blocks = append(out.Blocks, b)
			continue
		}
		v, err := hclsource.ToValue(c.After)
		if err != nil {
			return out, hclsource.Refuse(err.Error(), hclsource.Handwork)
		}
		out.Arguments = append(out.Arguments, hclsource.NewArgument{Name: c.Name, Value: v})
	}
	return out, nil
}

// namesIn are the arguments and blocks that the blocks at a path had before any edit.
func (e *editor) namesIn(path []hclsource.Step) (names []string) {
	sc, err := hclsource.New(e.Src).Locate(e.at)
	if err != nil {
		return nil
	}
	blocks := append([]*hclsyntax.Block{sc.Block}, sc.Rest...)
	for _, s := range path {
		if s.IsIndex {
			continue
		}
		var within []*hclsyntax.Block
		for _, b := range blocks {
			for _, n := range b.Body.Blocks {
				if n.Type == s.Key {
					within = append(within, n)
				}
			}
		}
		blocks = within
	}
	for _, b := range blocks {
		for name := range b.Body.Attributes {
			names = append(names, name)
		}
		for _, n := range b.Body.Blocks {
			names = append(names, append([]string{n.Type}, n.Labels...)...) // the label of a dynamic one
		}
	}
	return names
}

// ownOf reports whether a value that no block or element beside it writes is the provider's own: it is what
// there mostly is where nothing is set, or the others had one without being told.
func ownOf(name string, value any, others bool, applied []any) bool {
	if !others {
		return empty(value)
	}
	unset := func(v any) bool { return empty(v) || v == false || v == json.Number("0") || v == float64(0) }
	return unset(value) || slices.ContainsFunc(applied, func(v any) bool {
		m, _ := v.(map[string]any)
		return !unset(m[name])
	})
}

func empty(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return v == nil || v == ""
}
