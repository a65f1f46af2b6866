package config

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
)

// reader collects what is wrong while it reads.
type reader struct {
	path    string // absolute, of the configuration file
	dir     string // of the file: what relative paths are relative to
	sources map[string]*hcl.File
	diags   hcl.Diagnostics
	partial bool // the syntax is broken: what seems missing may stand in what the parser skipped
	hidden  bool // and the parser did skip something
	eval    *hcl.EvalContext
	read    []string // files that file("…") read
	outside []string // what env and file returned for the expression at hand
	kept    *kept    // what env and file returned so far
	now     time.Time
	veiled  []hcl.Range // parts of the file whose lines no message shows
	veil    bool        // the expression at hand is such a part
}

func newReader(path string) *reader {
	full, err := filepath.Abs(path)
	if err != nil {
		full = path // the working directory is gone; reading the file says so
	}
	r := &reader{path: full, dir: filepath.Dir(full), sources: map[string]*hcl.File{}, kept: &kept{values: map[string]cty.Value{}}, now: time.Now()}
	r.eval = &hcl.EvalContext{Functions: r.functions()}
	return r
}

func (r *reader) add(d *hcl.Diagnostic) { r.diags = append(r.diags, d) }

func (r *reader) errorAt(rng hcl.Range, summary, format string, args ...any) {
	r.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &rng})
}

// missingAt reports the absence of something, which a broken syntax can feign.
func (r *reader) missingAt(rng hcl.Range, summary, format string, args ...any) {
	if !r.partial {
		r.errorAt(rng, summary, format, args...)
	}
}

func (r *reader) warnAt(rng hcl.Range, summary, format string, args ...any) {
	r.add(&hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &rng})
}

func (r *reader) failed() bool { return r.diags.HasErrors() }

func (r *reader) problems() *Problems {
	return &Problems{Diagnostics: sorted(r.covered()), Files: r.sources, hidden: r.hidden}
}

// didYouMean is a sentence with the known name that is nearest, or "".
func didYouMean(given string, known []string) string {
	if n := workspace.Nearest(given, known); n != "" {
		return fmt.Sprintf(" Did you mean %q?", n)
	}
	return ""
}

// block is a block, or the file, that was held against its kind.
type block struct {
	r      *reader
	kind   *kind
	body   *hclsyntax.Body
	name   string    // its label
	label  hcl.Range // where that stands
	header hcl.Range
}

func (r *reader) openFile(body *hclsyntax.Body) block {
	b := block{r: r, kind: fileKind, body: body}
	b.checkNames()
	return b
}

// blocks opens the blocks of a kind. One without a usable label is reported
// and still read, under no name, for the mistakes within.
func (b block) blocks(k *kind) []block {
	var out []block
	for _, hb := range b.body.Blocks {
		if hb.Type != k.typ {
			continue
		}
		if k.single && len(out) == 1 {
			b.r.errorAt(hb.DefRange(), "second "+k.typ+" block", "There is one at line %d already, and there can be only one here. Merge the two.", out[0].header.Start.Line)
		}
		n := block{r: b.r, kind: k, body: hb.Body, header: hb.DefRange(), label: hb.DefRange()}
		n.takeLabel(hb)
		n.checkNames()
		out = append(out, n)
	}
	if k.single && len(out) > 1 {
		out = out[:1]
	}
	return out
}

func (b *block) takeLabel(hb *hclsyntax.Block) {
	want := 0
	if b.kind.label != "" {
		want = 1
	}
	switch {
	case len(hb.Labels) < want:
		b.r.errorAt(hb.TypeRange, b.kind.typ+" block without a "+b.kind.label, "Write its %s in quotes before the brace: %s \"…\" {", b.kind.label, b.kind.typ)
	case len(hb.Labels) > want:
		b.coverBlock(hb)
		b.r.errorAt(hb.LabelRanges[want], "unexpected label", "%s takes %s.", upperFirst(b.kind.String()), []string{"no label", "one label, its name"}[want])
	}
	if want == 1 && len(hb.Labels) > 0 {
		b.name, b.label = hb.Labels[0], hb.LabelRanges[0]
	}
}

// checkNames reports attributes and blocks that the kind does not know.
func (b block) checkNames() {
	k := b.kind
	for name, a := range b.body.Attributes {
		if k.open || k.hasAttr(name) {
			continue
		}
		b.coverAttribute(a)
		switch why := k.later[name]; {
		case why != "":
			b.r.errorAt(a.NameRange, name+" is not available yet", "%s", why)
		case k.block(name) != nil:
			b.r.errorAt(a.NameRange, name+" is a block", "Write it without the equals sign: %s { … }", name)
		default:
			b.r.errorAt(a.NameRange, fmt.Sprintf("unknown attribute %q", name), "%s has no attribute of this name.%s", upperFirst(k.String()), k.instead(name))
		}
	}
	for _, hb := range b.body.Blocks {
		if k.block(hb.Type) != nil {
			continue
		}
		b.coverBlock(hb)
		switch why := k.later[hb.Type]; {
		case k.open:
			b.r.errorAt(hb.TypeRange, "block within "+k.String(), "Write it as an attribute: %[1]s = { … }; or, where the engine takes nothing but a block, in a file that backend_config_files names.", hb.Type)
		case why != "":
			b.r.errorAt(hb.DefRange(), hb.Type+" is not available yet", "%s", why)
		case k.hasAttr(hb.Type) && fileKind.block(hb.Type) != nil:
			b.r.errorAt(hb.TypeRange, hb.Type+" is an attribute here", "Write it with an equals sign: %s = …; the block of this name stands in the file itself, outside of any other.", hb.Type)
		case k.hasAttr(hb.Type):
			b.r.errorAt(hb.TypeRange, hb.Type+" is an attribute", "Write it with an equals sign: %s = …", hb.Type)
		default:
			b.r.errorAt(hb.TypeRange, fmt.Sprintf("unknown block %q", hb.Type), "%s has no block of this name.%s", upperFirst(k.String()), k.instead(hb.Type))
		}
	}
}

func upperFirst(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
