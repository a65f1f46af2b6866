package decode

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/workspace"
)

// Block is a block, or the file, that was held against its kind.
type Block struct {
	Name   string    // its label
	Label  hcl.Range // where that stands; the header where there is none
	Header hcl.Range
	Body   *hclsyntax.Body

	r    *Reader
	kind *schema.Kind
}

// Unlabelled reports whether the block lacks the label that its kind has, which
// was reported.
func (b Block) Unlabelled() bool { return b.Label == b.Header }

// With is the block as another reader reads it.
func (b Block) With(r *Reader) Block {
	b.r = r
	return b
}

// Has reports whether an attribute is written, rightly or wrongly.
func (b Block) Has(name string) bool { return b.Body.Attributes[name] != nil }

// Place is where the value of an attribute stands that is written.
func (b Block) Place(name string) hcl.Range { return b.Body.Attributes[name].Expr.Range() }

// Blocks opens the blocks of a kind. One without a usable label is reported
// and still read, under no name, for the mistakes within.
func (b Block) Blocks(k *schema.Kind) []Block {
	var out []Block
	for _, hb := range b.Body.Blocks {
		if hb.Type != k.Type {
			continue
		}
		if k.Single && len(out) == 1 {
			b.r.Errorf(hb.DefRange(), "second "+k.Type+" block", "There is one at line %d already, "+
				"and there can be only one here. Merge the two.", out[0].Header.Start.Line)
		}
		n := Block{r: b.r, kind: k, Body: hb.Body, Header: hb.DefRange(), Label: hb.DefRange()}
		n.takeLabel(hb)
		n.checkNames()
		out = append(out, n)
	}
	if k.Single && len(out) > 1 {
		out = out[:1]
	}
	return out
}

func (b *Block) takeLabel(hb *hclsyntax.Block) {
	want, takes := 0, "no label"
	if b.kind.Label != "" {
		want, takes = 1, "one label, its name"
	}
	switch {
	case len(hb.Labels) < want:
		b.r.Errorf(hb.TypeRange, b.kind.Type+" block without a "+b.kind.Label,
			"Write its %s in quotes before the brace: %s \"…\" {", b.kind.Label, b.kind.Type)
	case len(hb.Labels) > want:
		b.redactBlock(hb)
		b.r.Errorf(hb.LabelRanges[want], "unexpected label", "%s takes %s.",
			problems.UpperFirst(b.kind.String()), takes)
	}
	if want == 1 && len(hb.Labels) > 0 {
		b.Name, b.Label = hb.Labels[0], hb.LabelRanges[0]
	}
}

// checkNames reports attributes and blocks that the kind does not know.
func (b Block) checkNames() {
	for name, a := range b.Body.Attributes {
		if !b.kind.Open && !b.kind.HasAttr(name) {
			b.redactAttribute(a)
			b.unknownAttribute(a)
		}
	}
	for _, hb := range b.Body.Blocks {
		if b.kind.Block(hb.Type) == nil {
			b.redactBlock(hb)
			b.unknownBlock(hb)
		}
	}
}

func (b Block) unknownAttribute(a *hclsyntax.Attribute) {
	name := a.Name
	switch why := b.kind.Later[name]; {
	case why != "":
		b.r.Errorf(a.NameRange, name+" is not available yet", "%s", why)
	case b.kind.Block(name) != nil:
		b.r.Errorf(a.NameRange, name+" is a block", "Write it without the equals sign: %s { … }", name)
	default:
		b.r.Errorf(a.NameRange, fmt.Sprintf("unknown attribute %q", name), "%s has no attribute of this name.%s",
			problems.UpperFirst(b.kind.String()), b.kind.Instead(name))
	}
}

func (b Block) unknownBlock(hb *hclsyntax.Block) {
	switch why := b.kind.Later[hb.Type]; {
	case b.kind.Open:
		b.r.Errorf(hb.TypeRange, "block within "+b.kind.String(), "Write it as an attribute: %s = { … }; or, "+
			"where the engine takes nothing but a block, in a file that backend_config_files names.", hb.Type)
	case why != "":
		b.r.Errorf(hb.DefRange(), hb.Type+" is not available yet", "%s", why)
	case b.kind.HasAttr(hb.Type) && schema.File.Block(hb.Type) != nil:
		b.r.Errorf(hb.TypeRange, hb.Type+" is an attribute here", "Write it with an equals sign: %s = …; "+
			"the block of this name stands in the file itself, outside of any other.", hb.Type)
	case b.kind.HasAttr(hb.Type):
		b.r.Errorf(hb.TypeRange, hb.Type+" is an attribute", "Write it with an equals sign: %s = …", hb.Type)
	default:
		b.r.Errorf(hb.TypeRange, fmt.Sprintf("unknown block %q", hb.Type), "%s has no block of this name.%s",
			problems.UpperFirst(b.kind.String()), b.kind.Instead(hb.Type))
	}
}

// Names keeps the labels of one kind of block apart.
type Names struct {
	What  string         // such a block, in messages
	Valid *regexp.Regexp // nil: any name
	Also  string         // what a valid name may have beside letters and digits
	taken map[string]taken
}

type taken struct {
	name string
	rng  hcl.Range
}

// WorkspaceNames are names as workspaces have them.
func WorkspaceNames(what string) *Names {
	return &Names{What: what, Valid: workspace.ValidName(), Also: "dots, underscores and hyphens"}
}

// Add reports whether the block's name is valid and new. Names that differ in
// case only count as the same: they may become names of files.
func (n *Names) Add(b Block) bool {
	if b.Name == "" {
		if !b.Unlabelled() {
			b.r.Errorf(b.Label, "empty name", "Give the %s a name.", n.What)
		}
		return false
	}
	if n.Valid != nil && !n.Valid.MatchString(b.Name) {
		b.r.Errorf(b.Label, "invalid name", "The name of %s has letters, digits, %s, begins with a letter or a digit "+
			"and is at most 128 long.", problems.Article(n.What), n.Also)
	}
	key := strings.ToLower(b.Name)
	if t, ok := n.taken[key]; ok {
		same := "has this name already"
		if t.name != b.Name {
			same = fmt.Sprintf("is called %q, and names must differ in more than case", t.name)
		}
		b.r.Errorf(b.Label, "duplicate "+n.What+" "+strconv.Quote(b.Name), "The one at line %d %s.",
			t.rng.Start.Line, same)
		return false
	}
	if n.taken == nil {
		n.taken = map[string]taken{}
	}
	n.taken[key] = taken{b.Name, b.Label}
	return true
}

// Each reads the blocks and returns what those say that have a name of their own.
func Each[T any](blocks []Block, names *Names, read func(Block) T) []T {
	var out []T
	for _, b := range blocks {
		if v := read(b); names.Add(b) {
			out = append(out, v)
		}
	}
	return out
}
