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
	b, r := blockOf(*w.Block, siblings, w.List)
	if r != nil {
		return r.In(parent.DefRange())
	}
	return e.AddBlock(parent, siblings, at, b.Text())
}

// blockOf is the block that has what the world has in it. What it would be without being written is left
// out: that is told by the blocks of the same name, written ones and applied ones.
func blockOf(a diff.Attr, siblings []*hclsyntax.Block, applied []any) (hclsource.NewBlock, *hclsource.Refusal) {
	out := hclsource.NewBlock{Type: a.Name}
	for _, c := range a.Children {
		var inner []*hclsyntax.Block
		written := false
		for _, b := range siblings {
			_, here := b.Body.Attributes[c.Name]
			blocks, r := nestedBlocks([]*hclsyntax.Block{b}, c.Name)
			if r != nil {
				return out, r
			}
			inner = append(inner, blocks...)
			written = written || here || len(blocks) > 0
		}
		if c.After == nil || !written && ownOf(c, siblings, applied) {
			continue
		}
		if c.Shape == diff.Block {
			b, r := blockOf(c, inner, nil)
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

// ownOf reports whether a value that no block of the same name writes is the provider's own: it is what
// there mostly is where nothing is set, or the others had one without being told.
func ownOf(c diff.Attr, siblings []*hclsyntax.Block, applied []any) bool {
	if len(siblings) == 0 {
		return empty(c.After)
	}
	unset := func(v any) bool { return empty(v) || v == false || v == json.Number("0") || v == float64(0) }
	return unset(c.After) || slices.ContainsFunc(applied, func(v any) bool {
		m, _ := v.(map[string]any)
		return !unset(m[c.Name])
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
