package hclsource

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/workspace"
)

// Splice exchanges bytes of a file. What was formatted stays so.
func (e *Sources) Splice(name string, start, end int, text string) *Refusal {
	src := e.Now[name]
	at := hcl.Range{Filename: name, Start: hcl.Pos{Line: 1 + bytes.Count(src[:start], []byte("\n"))}}
	for _, s := range e.Src.Shared {
		if s = path.Clean(s); s == name || s == path.Dir(name) {
			return Refuse(fmt.Sprintf("other workspaces read %s too, and would change with it", s),
				"make the value a variable, and give it in a file of values of this workspace alone").In(at)
		}
	}
	for _, s := range e.Src.Submodules {
		if workspace.Within(s, name) {
			return Refuse(fmt.Sprintf("%s lies in the Git submodule %s, and a patch of this repository cannot "+
				"change it", name, s),
				"change it in the submodule's own repository, and commit its new version here").In(at)
		}
	}
	if bytes.Contains(src, []byte("\r\n")) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	for part := name; part != "."; part = path.Dir(part) {
		if info, err := fs.Lstat(e.Src.Tree, part); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return Refuse(fmt.Sprintf("%s is reached by the symbolic link %s, which no patch leads through", name,
				part), "change the file that it leads to").In(at)
		}
	}
	out := bytes.Join([][]byte{src[:start], []byte(text), src[end:]}, nil)
	if bytes.Equal(hclwrite.Format(src), src) {
		out = hclwrite.Format(out)
	}
	if _, err := Parse(name, out); err != nil {
		return Refuse("the place is written in a way that is not edited", Handwork).In(at)
	}
	e.Now[name] = out
	e.Edits++
	e.forget()
	return nil
}

// lineStart is where the line of a position begins.
func lineStart(src []byte, at int) int { return bytes.LastIndexByte(src[:at], '\n') + 1 }

// lineEnd is where the line of a position ends, its newline included.
func lineEnd(src []byte, at int) int {
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(src)
}

// IndentAt is the white space that a position's line begins with.
func (e *Sources) IndentAt(name string, at int) string {
	line := e.Now[name][lineStart(e.Now[name], at):at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// ownLines reports whether a range has its lines for itself, but for a comma
// and a comment after it.
func ownLines(src []byte, start, end int) bool {
	before, after := src[lineStart(src, start):start], bytes.TrimSpace(src[end:lineEnd(src, end)])
	if end > 0 && src[end-1] == '\n' { // a heredoc ends with its line
		after = nil
	}
	after = bytes.TrimSpace(bytes.TrimPrefix(after, []byte(",")))
	return len(bytes.TrimSpace(before)) == 0 && (len(after) == 0 || isComment(after))
}

func isComment(line []byte) bool {
	line = bytes.TrimSpace(line)
	return bytes.HasPrefix(line, []byte("#")) || bytes.HasPrefix(line, []byte("//"))
}

// CutLines removes an argument or a block with the comment right above it, and
// a block with the empty line that follows it.
func (e *Sources) CutLines(r hcl.Range, block bool) *Refusal {
	src, start, end := e.Now[r.Filename], r.Start.Byte, r.End.Byte
	if !ownLines(src, start, end) {
		return e.Splice(r.Filename, start, end, "")
	}
	start = commentStart(src, lineStart(src, start))
	if end == 0 || src[end-1] != '\n' {
		end = lineEnd(src, end)
	}
	next := lineEnd(src, end)
	follows := bytes.TrimSpace(src[end:next])
	switch {
	case block && len(follows) == 0 && next > end:
		end = next
	case block && (next == end || follows[0] == '}') && blankAbove(src, start): // it was the last one
		start = lineStart(src, start-1)
	}
	return e.Splice(r.Filename, start, end, "")
}

// commentStart is where the comment begins that stands right above a line: it goes where the line goes. A
// comment that begins the file, such as a licence, and one with a ruled line, which heads a section, are
// not the line's.
func commentStart(src []byte, line int) int {
	start, ruled := line, false
	for start > 0 {
		above := lineStart(src, start-1)
		text := bytes.TrimSpace(src[above:start])
		if open := bytes.LastIndex(src[:start], []byte("/*")); bytes.HasSuffix(text, []byte("*/")) && open >= 0 {
			if above = lineStart(src, open); len(bytes.TrimSpace(src[above:open])) > 0 {
				break
			}
		} else if !isComment(text) {
			break
		}
		ruled = ruled || len(text) > 4 && len(bytes.Trim(text, "#/*-=~_ ")) == 0
		start = above
	}
	if ruled || len(bytes.TrimSpace(bytes.TrimPrefix(src[:start], []byte("\xef\xbb\xbf")))) == 0 {
		return line
	}
	return start
}

// cut removes one of the elements between a container's brackets.
func (e *Sources) cut(container hcl.Range, elements []hcl.Range, i int) *Refusal {
	src, r := e.Now[container.Filename], elements[i]
	switch {
	case ownLines(src, r.Start.Byte, r.End.Byte) && container.Start.Byte < lineStart(src, r.Start.Byte) &&
		lineEnd(src, r.End.Byte) < container.End.Byte:
		return e.CutLines(r, false)
	case len(elements) == 1:
		return e.Splice(r.Filename, container.Start.Byte+1, container.End.Byte-1, "")
	case i == len(elements)-1:
		start := elements[i-1].End.Byte
		if line := lineEnd(src, start); line <= r.Start.Byte { // what stands beside the one before stays
			start = commentStart(src, lineStart(src, r.Start.Byte))
		}
		return e.Splice(r.Filename, start, r.End.Byte, "")
	}
	return e.Splice(r.Filename, r.Start.Byte, elements[i+1].Start.Byte, "")
}

func (e *Sources) CutItem(x *hclsyntax.ObjectConsExpr, i int) *Refusal {
	var items []hcl.Range
	for _, item := range x.Items {
		items = append(items, hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range()))
	}
	return e.cut(x.Range(), items, i)
}

func (e *Sources) CutElement(x *hclsyntax.TupleConsExpr, i int) *Refusal {
	var all []hcl.Range
	for _, element := range x.Exprs {
		all = append(all, element.Range())
	}
	return e.cut(x.Range(), all, i)
}

// AddItem adds a key after the last one, in the same way.
func (e *Sources) AddItem(x *hclsyntax.ObjectConsExpr, key string, v cty.Value) *Refusal {
	r := x.Range()
	if len(x.Items) == 0 {
		return e.fill(r, renderKey(key, false)+" = "+Render(v, e.IndentAt(r.Filename, r.Start.Byte)), " ")
	}
	src, last := e.Now[r.Filename], x.Items[len(x.Items)-1]
	start, end := last.KeyExpr.Range(), last.ValueExpr.Range()
	assign := " = "
	if bytes.Contains(src[start.End.Byte:end.Start.Byte], []byte(":")) {
		assign = ": "
	}
	indent := e.IndentAt(r.Filename, start.Start.Byte)
	text := renderKey(key, bytes.HasPrefix(e.Text(start), []byte(`"`))) + assign + Render(v, indent)
	return e.after(r, end, text, indent)
}

// AddElement adds an element before the i-th, or after the last: the text, or without one the value.
func (e *Sources) AddElement(x *hclsyntax.TupleConsExpr, i int, text string, v cty.Value) *Refusal {
	r := x.Range()
	near := r
	if len(x.Exprs) > 0 {
		near = x.Exprs[min(i, len(x.Exprs)-1)].Range()
	}
	indent := e.IndentAt(r.Filename, near.Start.Byte)
	if text == "" {
		text = Render(v, indent)
		if len(x.Exprs) > 0 && near.Start.Line == near.End.Line {
			text = flat(v)
		}
	}
	if len(x.Exprs) == 0 {
		return e.fill(r, text, "")
	}
	if i < len(x.Exprs) {
		gap := " "
		if first := lineStart(e.Now[r.Filename],
			near.Start.Byte); len(bytes.TrimSpace(e.Now[r.Filename][first:near.Start.Byte])) == 0 {
			gap = "\n" + indent
		}
		return e.Splice(r.Filename, near.Start.Byte, near.Start.Byte, text+","+gap)
	}
	return e.after(r, near, text, indent)
}

// fill writes the first element of an empty container.
func (e *Sources) fill(container hcl.Range, text, pad string) *Refusal {
	src := e.Now[container.Filename]
	start, end := container.Start.Byte+1, container.End.Byte-1
	if len(bytes.TrimSpace(src[start:end])) > 0 { // comments
		indent := e.IndentAt(container.Filename, container.Start.Byte)
		return e.Splice(container.Filename, start, start, "\n"+indent+"  "+text)
	}
	return e.Splice(container.Filename, start, end, pad+text+pad)
}

// after adds an element behind the last one: on a line of its own if the
// container's end is on another line, with a comma if the last one has or
// needs one.
func (e *Sources) after(container, last hcl.Range, text, indent string) *Refusal {
	src := e.Now[container.Filename]
	end := last.End.Byte
	tail := src[end : container.End.Byte-1]
	if src[end-1] == '\n' { // a heredoc
		return e.Splice(container.Filename, end, end, indent+text+"\n")
	}
	if !bytes.Contains(tail, []byte("\n")) {
		return e.Splice(container.Filename, end, end, ", "+text)
	}
	eol := lineEnd(src, end)
	line := strings.TrimRight(string(src[end:eol]), "\r\n")
	had := strings.HasPrefix(strings.TrimSpace(line), ",")
	list := src[container.Start.Byte] == '['
	if list && !had {
		line = "," + line
	}
	if had {
		text += ","
	}
	return e.Splice(container.Filename, end, eol, line+"\n"+indent+text+"\n")
}

// AddArgument adds an argument to a block, after the last one that is on one
// line and is not for the engine itself.
func (e *Sources) AddArgument(b *hclsyntax.Block, name string, v cty.Value) *Refusal {
	file := b.OpenBraceRange.Filename
	src := e.Now[file]
	outer := e.IndentAt(file, b.TypeRange.Start.Byte)
	if open, shut := b.OpenBraceRange.End.Byte, b.CloseBraceRange.Start.Byte; !bytes.Contains(src[open:shut],
		[]byte("\n")) {
		inner := strings.TrimSpace(string(src[open:shut]))
		if inner != "" {
			inner = outer + "  " + inner + "\n"
		}
		return e.Splice(file, open, shut, "\n"+inner+outer+"  "+name+" = "+Render(v, outer+"  ")+"\n"+outer)
	}
	var after *hclsyntax.Attribute
	better := func(a *hclsyntax.Attribute) bool {
		if after == nil || meta[after.Name] != meta[a.Name] {
			return after == nil || meta[after.Name]
		}
		return a.SrcRange.Start.Byte > after.SrcRange.Start.Byte
	}
	for _, a := range b.Body.Attributes {
		if a.SrcRange.Start.Line == a.SrcRange.End.Line && better(a) {
			after = a
		}
	}
	at, indent := lineEnd(src, b.OpenBraceRange.End.Byte), outer+"  "
	if after != nil {
		at, indent = lineEnd(src, after.SrcRange.End.Byte), e.IndentAt(file, after.SrcRange.Start.Byte)
	}
	return e.Splice(file, at, at, indent+name+" = "+Render(v, indent)+"\n")
}

// BlockText is the text of a nested block, with the comment right above it and what follows it on its line.
func (e *Sources) BlockText(b *hclsyntax.Block) string {
	r := b.Range()
	src := e.Now[r.Filename]
	if !ownLines(src, r.Start.Byte, r.End.Byte) {
		return string(bytes.TrimSpace(e.Text(r)))
	}
	start := commentStart(src, lineStart(src, r.Start.Byte))
	return strings.TrimRight(string(src[start:lineEnd(src, r.End.Byte)]), "\r\n")
}

// NewBlock is a block that is to be written.
type NewBlock struct {
	Type      string
	Arguments []NewArgument
	Blocks    []NewBlock
}

type NewArgument struct {
	Name  string
	Value cty.Value
}

// Text is the source text of a block.
func (b NewBlock) Text() string {
	var out strings.Builder
	out.WriteString(b.Type + " {\n")
	for _, a := range b.Arguments {
		out.WriteString("  " + a.Name + " = " + Render(a.Value, "  ") + "\n")
	}
	for i, inner := range b.Blocks {
		if i > 0 || len(b.Arguments) > 0 {
			out.WriteString("\n")
		}
		out.WriteString("  " + strings.ReplaceAll(inner.Text(), "\n", "\n  ") + "\n")
	}
	out.WriteString("}")
	return string(hclwrite.Format([]byte(out.String())))
}

// AddBlock adds a nested block before the i-th of its siblings, after the last, or, without any, at the end
// of the body. A text whose first line is indented has its place.
func (e *Sources) AddBlock(parent *hclsyntax.Block, siblings []*hclsyntax.Block, i int, text string) *Refusal {
	file := parent.OpenBraceRange.Filename
	if len(siblings) > 0 {
		file = siblings[0].TypeRange.Filename
	}
	src := e.Now[file]
	indent := e.IndentAt(file, parent.TypeRange.Start.Byte) + "  "
	if len(siblings) > 0 {
		indent = e.IndentAt(file, siblings[0].TypeRange.Start.Byte)
	}
	if strings.TrimLeft(text, " \t") == text {
		text = indent + strings.ReplaceAll(text, "\n", "\n"+indent)
	}
	switch {
	case i < len(siblings):
		at := commentStart(src, lineStart(src, siblings[i].TypeRange.Start.Byte))
		gap, apart := "", at
		if i == 0 && len(siblings) > 1 {
			apart = commentStart(src, lineStart(src, siblings[1].TypeRange.Start.Byte))
		}
		if blankAbove(src, apart) {
			gap = "\n"
		}
		return e.Splice(file, at, at, text+"\n"+gap)
	case len(siblings) > 0:
		last := siblings[len(siblings)-1]
		at, gap := lineEnd(src, last.Range().End.Byte), ""
		if blankAbove(src, commentStart(src, lineStart(src, last.TypeRange.Start.Byte))) {
			gap = "\n"
		}
		return e.Splice(file, at, at, gap+text+"\n")
	}
	open, shut := parent.OpenBraceRange.End.Byte, parent.CloseBraceRange.Start.Byte
	inner := strings.TrimSpace(string(src[open:shut]))
	if bytes.Contains(src[open:shut], []byte("\n")) {
		at, gap := lineStart(src, shut), "\n"
		if inner == "" {
			gap = ""
		}
		return e.Splice(file, at, at, gap+text+"\n")
	}
	if inner != "" {
		inner = indent + inner + "\n\n"
	}
	return e.Splice(file, open, shut, "\n"+inner+text+"\n"+indent[2:])
}

// blankAbove reports whether the line above is empty.
func blankAbove(src []byte, line int) bool {
	return line > 0 && len(bytes.TrimSpace(src[lineStart(src, line-1):line])) == 0
}

// meta are the arguments that every resource can have.
var meta = map[string]bool{"count": true, "for_each": true, "provider": true, "depends_on": true}
