package workspace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// module is what the files of one directory say of others.
type module struct {
	code   bool     // it has files of the engine's language
	root   bool     // it has a backend, a provider, a resource or a call of a module
	calls  []string // local sources of its module blocks, as written
	climbs []string // paths in its text that have a ".."
	opaque string   // why the above may be incomplete; empty when it is not
}

// isCode reports whether the engine reads the file as part of a module.
func isCode(name string) bool {
	if strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	return isJSON(name) || strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tofu")
}

func isJSON(name string) bool {
	return strings.HasSuffix(name, ".tf.json") || strings.HasSuffix(name, ".tofu.json")
}

// isVars reports whether the engine reads the file as values of a root module.
func isVars(name string) bool {
	base := strings.TrimSuffix(path.Base(name), ".json")
	return base == "terraform.tfvars" || strings.HasSuffix(base, ".auto.tfvars")
}

// module reads a directory. It is remembered: do not change it.
func (t *tree) module(dir string) *module {
	if m, ok := t.modules[dir]; ok {
		return m
	}
	m := &module{}
	t.modules[dir] = m
	entries, err := t.list(dir)
	if err != nil {
		m.opaque = fmt.Sprintf("%s cannot be read", dir)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() || !isCode(name) && !isVars(name) {
			continue
		}
		m.code = m.code || isCode(name)
		src, err := t.read(name)
		if err != nil {
			m.hide("%s cannot be read", name)
			continue
		}
		m.scan(name, src)
	}
	return m
}

func (m *module) hide(format string, args ...any) {
	if m.opaque == "" {
		m.opaque = fmt.Sprintf(format, args...)
	}
}

// scan adds what one file says.
func (m *module) scan(name string, src []byte) {
	switch {
	case strings.HasSuffix(name, ".json"):
		m.scanJSON(name, src)
	case TooDeep(src):
		m.hide("%s is too large or nested too deep to read", name)
	case m.root && !mayPoint(src):
		// nothing to learn; this saves most of the parsing
	default:
		file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
		if diags.HasErrors() {
			m.hide("%s cannot be parsed", name)
		}
		if body, ok := file.Body.(*hclsyntax.Body); ok {
			m.scanBody(name, body)
		}
	}
}

// mayPoint reports whether a file can call a module or climb.
func mayPoint(src []byte) bool {
	for _, s := range []string{"module", "..", "dirname", `\u`, `\U`} {
		if bytes.Contains(src, []byte(s)) {
			return true
		}
	}
	return false
}

func (m *module) scanBody(name string, body *hclsyntax.Body) {
	var sources []hclsyntax.Node
	for _, b := range body.Blocks {
		m.blockType(b.Type, func() bool {
			return slices.ContainsFunc(b.Body.Blocks, func(n *hclsyntax.Block) bool { return isBackend(n.Type) })
		})
		if b.Type != "module" {
			continue
		}
		if a := b.Body.Attributes["source"]; a != nil {
			sources = append(sources, a.Expr)
			m.call(name, a.Expr)
		}
	}
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.TemplateExpr:
			if !slices.Contains(sources, hclsyntax.Node(n)) {
				m.template(n)
			}
		case *hclsyntax.FunctionCallExpr:
			if n.Name == "dirname" {
				m.hide("%s makes a path with dirname", name)
			}
		}
		return nil
	})
}

func isBackend(typ string) bool { return typ == "backend" || typ == "cloud" }

func (m *module) blockType(typ string, hasBackend func() bool) {
	switch typ {
	case "provider", "resource", "module":
		m.root = true
	case "terraform":
		m.root = m.root || hasBackend()
	}
}

// call adds the source of a module block.
func (m *module) call(file string, source hcl.Expression) {
	s, ok := PlainText(source)
	if !ok {
		m.hide("%s has a module whose source is not plain text", file)
		return
	}
	s = strings.ReplaceAll(s, `\`, "/")
	if strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || s == "." || s == ".." {
		m.calls = append(m.calls, s)
	}
}

// template adds the literal parts of a string that climb. Text of more than
// one line is no path.
func (m *module) template(t *hclsyntax.TemplateExpr) {
	var parts []string
	for _, p := range t.Parts {
		text := ""
		if l, ok := p.(*hclsyntax.LiteralValueExpr); ok && l.Val.Type() == cty.String && l.Val.IsKnown() && !l.Val.IsNull() {
			text = l.Val.AsString()
		}
		if strings.Contains(text, "\n") {
			return
		}
		parts = append(parts, text)
	}
	for i, text := range parts {
		m.climbs = append(m.climbs, climbing(text, i < len(parts)-1)...)
	}
}

// climbing returns the paths that a piece of text with ".." in it can name,
// down to where it is no longer known: a pattern, a verb of format, or, with
// open, what is inserted after it.
func climbing(text string, open bool) []string {
	segments := strings.Split(text, "/")
	first := slices.Index(segments, "..")
	if first < 0 {
		return nil
	}
	unknown := func(s string) bool { return strings.ContainsAny(s, "%*?{$") }
	tail := segments[first:]
	if i := slices.IndexFunc(tail, unknown); i >= 0 {
		tail = tail[:i]
	} else if open && tail[len(tail)-1] != ".." {
		tail = tail[:len(tail)-1]
	}
	paths := []string{strings.Join(tail, "/")}
	if head := segments[:first]; strings.Trim(strings.Join(head, ""), ".") != "" && !slices.ContainsFunc(head, unknown) {
		paths = append(paths, strings.TrimLeft(strings.Join(head, "/")+"/"+paths[0], "/"))
	}
	return paths
}

// scanJSON reads the JSON form of a module or of values.
func (m *module) scanJSON(name string, src []byte) {
	var doc any
	if len(src) > MaxHCL || json.Unmarshal(src, &doc) != nil { // bounds the depth, too
		m.hide("%s cannot be parsed", name)
		return
	}
	if isJSON(name) {
		m.scanJSONBody(name, src)
	}
	m.scanValue(doc)
}

var jsonSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "module", LabelNames: []string{"name"}},
	{Type: "provider", LabelNames: []string{"name"}},
	{Type: "resource", LabelNames: []string{"type", "name"}},
	{Type: "terraform"},
}}

func (m *module) scanJSONBody(name string, src []byte) {
	if TooDeep(src) {
		m.hide("%s is nested too deep to read", name)
		return
	}
	file, diags := hcljson.Parse(src, name)
	if diags.HasErrors() {
		m.hide("%s cannot be parsed", name)
		return
	}
	content, _, diags := file.Body.PartialContent(jsonSchema)
	if diags.HasErrors() {
		m.hide("%s cannot be parsed", name)
	}
	for _, b := range content.Blocks {
		m.blockType(b.Type, func() bool {
			inner, _, _ := b.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "backend", LabelNames: []string{"type"}}, {Type: "cloud"}}})
			return len(inner.Blocks) > 0
		})
		if b.Type != "module" {
			continue
		}
		inner, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source"}}})
		if a := inner.Attributes["source"]; a != nil {
			m.call(name, a.Expr)
		}
	}
}

// scanValue adds the strings of a JSON value that climb.
func (m *module) scanValue(v any) {
	switch v := v.(type) {
	case string:
		m.climbs = append(m.climbs, climbing(v, false)...)
		if strings.Contains(v, "dirname(") {
			m.hide("a path is made with dirname")
		}
	case []any:
		for _, e := range v {
			m.scanValue(e)
		}
	case map[string]any:
		for _, e := range v {
			m.scanValue(e)
		}
	}
}
