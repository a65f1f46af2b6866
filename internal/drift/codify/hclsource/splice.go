package hclsource

import (
	"bytes"
	"fmt"
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
	start = lineStart(src, start)
	if end == 0 || src[end-1] != '\n' {
		end = lineEnd(src, end)
	}
	for start > 0 {
		above := lineStart(src, start-1)
		if !isComment(src[above:start]) {
			break
		}
		start = above
	}
	if next := lineEnd(src, end); block && len(bytes.TrimSpace(src[end:next])) == 0 {
		end = next
	} else if above := lineStart(src, max(start-1, 0)); block && start > 0 &&
		len(bytes.TrimSpace(src[above:start])) == 0 {
		start = above // it was the last one
	}
	return e.Splice(r.Filename, start, end, "")
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
		return e.Splice(r.Filename, elements[i-1].End.Byte, r.End.Byte, "")
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
	text := renderKey(key, bytes.HasPrefix(e.text(start), []byte(`"`))) + assign + Render(v, indent)
	return e.after(r, end, text, indent)
}

// AddElement adds an element before the i-th, or after the last.
func (e *Sources) AddElement(x *hclsyntax.TupleConsExpr, i int, v cty.Value) *Refusal {
	r := x.Range()
	if len(x.Exprs) == 0 {
		return e.fill(r, Render(v, e.IndentAt(r.Filename, r.Start.Byte)), "")
	}
	near := x.Exprs[min(i, len(x.Exprs)-1)].Range()
	indent := e.IndentAt(r.Filename, near.Start.Byte)
	text := Render(v, indent)
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

// meta are the arguments that every resource can have.
var meta = map[string]bool{"count": true, "for_each": true, "provider": true, "depends_on": true}
