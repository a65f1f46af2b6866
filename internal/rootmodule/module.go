// Package rootmodule reads the code of one module as an engine does: which files of
// a directory count, which are overrides, in which order, and what they declare where.
//
// It is told by text alone: nothing is evaluated, run or fetched. What it reads is
// foreign: parsers run within bounds, and one that fails takes a file and not the process.
package rootmodule

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Module is what the files of a directory say together.
type Module struct {
	Files  []File   // that the engine reads, in its order: see Select
	Blocks []*Block // what is declared, in that order, each with what override files change of it
	Unread bool     // some file or block could not be read: what is said here may be incomplete

	named map[string]*Block // the first of each type and labels
}

// File is a file of a module.
type File struct {
	Path   string // from the tree's root
	Source []byte
	Body   hcl.Body // as far as it could be read; nil when nothing could
	Err    error    // why it was not read, or not as a whole
}

// Native is the body of a file that is not in the JSON syntax; nil of one that is.
func (f *File) Native() *hclsyntax.Body {
	body, _ := f.Body.(*hclsyntax.Body)
	return body
}

// Block is a block at the top of a file, or a data block within a check.
//
// Its place is where it is declared, and stays that whatever override files
// change of it: they can declare nothing. The engines' messages say the same place.
type Block struct {
	Type   string
	Labels []string
	File   string // path from the tree's root
	Line   int    // of its type, in JSON of its last label
	Body   hcl.Body

	changes []hcl.Body // what override files say of it; the last one counts
}

// Attr is an attribute of the block, as the last override file that has it says
// it; nil when there is none.
func (b *Block) Attr(name string) *hcl.Attribute {
	schema := &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}}
	for _, body := range slices.Backward(append([]hcl.Body{b.Body}, b.changes...)) {
		content, _, _ := body.PartialContent(schema)
		if a := content.Attributes[name]; a != nil {
			return a
		}
	}
	return nil
}

// Text is the literal text of an attribute; "" when it has none.
func (b *Block) Text(name string) string { return Literal(b.Attr(name)) }

// IsTrue reports whether an attribute is true, and nothing that has to be computed.
func (b *Block) IsTrue(name string) bool {
	a := b.Attr(name)
	if a == nil {
		return false
	}
	switch expr := a.Expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return expr.Val.RawEquals(cty.True)
	case hclsyntax.Expression:
		return Literal(a) == "true"
	}
	v, _ := a.Expr.Value(nil) // in JSON nothing is computed without a context
	return v.RawEquals(cty.True) || v.RawEquals(cty.StringVal("true"))
}

// Reader reads modules of one tree.
type Reader struct {
	Tree fs.FS
	Tofu bool  // OpenTofu is the engine
	Left *Left // nil: a process of its own reads nearly as much as there is
}

// Left is how much may still be read. Where it is bounded no file may be larger than MaxHCL.
type Left struct{ Files, Bytes int }

// Read reads the module in a directory. The error says that the directory cannot
// be read; a file that cannot has an error of its own.
func (r Reader) Read(dir string) (*Module, error) {
	names, err := Names(r.Tree, dir, r.Tofu)
	if err != nil {
		return nil, err
	}
	m := &Module{named: map[string]*Block{}}
	most := MaxHCL
	if r.Left == nil {
		most = maxOwn
	}
	for _, name := range names {
		f := File{Path: path.Join(dir, name)}
		if f.Source, f.Err = r.source(f.Path); f.Err == nil {
			f.Body, f.Err = parse(f.Path, f.Source, most)
		}
		m.Unread = m.Unread || f.Err != nil
		m.Files = append(m.Files, f)
		if f.Body != nil {
			m.add(f.Path, f.Body, schema)
		}
	}
	return m, nil
}

func (r Reader) source(p string) ([]byte, error) {
	info, err := fs.Stat(r.Tree, p)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // reading a pipe may never end
		return nil, errors.New("no regular file")
	case r.Left == nil && info.Size() > maxOwn:
		return nil, ErrTooLarge
	case r.Left == nil:
		return fs.ReadFile(r.Tree, p)
	}
	r.Left.Files--
	if info.Size() > MaxHCL || r.Left.Files < 0 || info.Size() > int64(r.Left.Bytes) {
		return nil, ErrTooLarge
	}
	r.Left.Bytes -= int(info.Size())
	return fs.ReadFile(r.Tree, p)
}

// schema has all blocks that are read of a file.
var schema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "terraform"},
	{Type: "provider", LabelNames: []string{"name"}},
	{Type: "module", LabelNames: []string{"name"}},
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "output", LabelNames: []string{"name"}},
	{Type: "check", LabelNames: []string{"name"}},
	{Type: "resource", LabelNames: []string{"type", "name"}},
	{Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "ephemeral", LabelNames: []string{"type", "name"}},
}}

var inCheck = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "data", LabelNames: []string{"type", "name"}}}}

// overridable are the types of blocks that an override file changes. Of the others
// the engines take what both say, or refuse one in an override file.
var overridable = []string{"module", "variable", "output", "resource", "data", "ephemeral"}

func (m *Module) add(file string, body hcl.Body, schema *hcl.BodySchema) {
	content, _, diags := body.PartialContent(schema)
	m.Unread = m.Unread || diags.HasErrors()
	for _, found := range content.Blocks {
		b := &Block{Type: found.Type, Labels: found.Labels, File: file, Body: found.Body}
		b.Line = found.TypeRange.Start.Line
		if n := len(found.LabelRanges); n > 0 && IsJSON(file) {
			b.Line = found.LabelRanges[n-1].Start.Line
		}
		base := m.Find(b.Type, b.Labels...)
		if base != nil && IsOverride(path.Base(file)) && slices.Contains(overridable, b.Type) {
			base.changes = append(base.changes, b.Body)
			continue
		}
		m.Blocks = append(m.Blocks, b)
		if base == nil {
			m.named[key(b.Type, b.Labels)] = b
		}
		if b.Type == "check" {
			m.add(file, b.Body, inCheck)
		}
	}
}

// Find is the first block of a type with these labels; nil when there is none.
func (m *Module) Find(typ string, labels ...string) *Block {
	return m.named[key(typ, labels)]
}

func key(typ string, labels []string) string { return fmt.Sprintf("%s %q", typ, labels) }
