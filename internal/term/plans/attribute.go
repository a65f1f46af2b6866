package plans

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/diff"
	"github.com/tfops/tfops/internal/term/page"
)

// sheet is a plan as it is laid out: each level is four columns deeper, the
// last of which hold the mark of what happens.
type sheet struct {
	*page.Page
	b        strings.Builder
	unmarked bool // nothing happens to what is laid out: there are no marks
}

const indent = "    "

var marks = map[diff.Kind]string{diff.Added: "  + ", diff.Removed: "  - ", diff.Changed: "  ~ ", diff.Unchanged: indent}

// mark is the four columns before what happens, coloured.
func (s *sheet) mark(m string) string {
	look := page.NoStyle
	switch strings.TrimSpace(m) {
	case "+":
		look = page.Green
	case "-":
		look = page.Red
	case "~":
		look = page.Yellow
	case "<=":
		look = page.Cyan
	case "-/+":
		return s.Paint(page.Red, "-") + "/" + s.Paint(page.Green, "+") + " "
	case "+/-":
		return s.Paint(page.Green, "+") + "/" + s.Paint(page.Red, "-") + " "
	}
	sign := strings.TrimSpace(m)
	before, after, _ := strings.Cut(m, sign)
	return before + s.Paint(look, sign) + after
}

// at is the beginning of a line at a level.
func (s *sheet) at(level int, mark string) string {
	if s.unmarked {
		return strings.Repeat(indent, level)
	}
	return strings.Repeat(indent, level) + s.mark(mark)
}

func (s *sheet) linef(format string, args ...any) {
	fmt.Fprintf(&s.b, format+"\n", args...)
}

// look says how a value is shown.
type look struct {
	all    bool // unchanged parts too
	bare   bool // what goes is not followed by "-> null"
	forces bool // it forces the replacement, as what it is a part of does
}

// attributes lays out the parts of a resource or block.
func (s *sheet) attributes(level int, list []diff.Attr, l look) {
	width, hidden, hiddenBlocks, arguments := 0, 0, 0, 0
	for _, a := range list {
		if a.Shape != diff.Block {
			arguments++
			width = max(width, len(attributeName(a)))
		}
	}
	block := ""
	hide := func() {
		s.hidden(level, hidden, "attribute")
		hidden = 0
	}
	for _, a := range list {
		if a.Shape == diff.Block {
			hide()
			if a.Kind == diff.Unchanged && !l.all {
				hiddenBlocks++
				continue
			}
			if a.Name != block && arguments > 0 {
				s.linef("")
			}
			block = a.Name
			s.block(level, a, look{all: l.all})
			continue
		}
		show := look{all: l.all || telling[a.Name], bare: l.bare}
		if a.Kind == diff.Unchanged && !show.all {
			hidden++
			continue
		}
		s.attribute(level, attributeName(a), width, a, show, "")
	}
	hide()
	if hiddenBlocks > 0 {
		s.linef("")
		s.hidden(level, hiddenBlocks, "block")
	}
}

// attribute lays out one part by its name; end follows it. The engines measure names in bytes, and fill them up
// by letters.
func (s *sheet) attribute(level int, name string, width int, a diff.Attr, l look, end string) {
	s.marking(level, a, "attribute value")
	s.linef("%s%-*s = %s%s", s.at(level, marks[a.Kind]), width, name, s.value(level, a, l), end)
}

// marking says that a hidden value is marked otherwise afterwards.
func (s *sheet) marking(level int, a diff.Attr, what string) {
	if a.Marking == "" {
		return
	}
	first, last := "this "+what+" will no longer be marked as sensitive", "after applying this change."
	if a.Marking == diff.Marked {
		first = "this " + what + " will be marked as sensitive and will not"
		last = "display in UI output after applying this change."
	}
	if a.Same && a.Shape != diff.Block {
		last += " The value is unchanged."
	}
	s.linef("%s  # %s: %s", strings.Repeat(indent, level), s.Paint(page.Yellow, "Warning"), first)
	s.linef("%s  # %s", strings.Repeat(indent, level), last)
}

// telling are the arguments of resources and blocks that say what it is: they
// are shown though they do not change.
var telling = map[string]bool{"id": true, "name": true, "tags": true}

var identifier = lazyregexp.New(`^[\pL_][\pL\pN_-]*$`)

// attributeName is a name as the language writes it.
func attributeName(a diff.Attr) string {
	if identifier().MatchString(a.Name) {
		return page.CleanLine(a.Name)
	}
	return strconv.Quote(a.Name)
}

// hidden says how many unchanged parts are not shown.
func (s *sheet) hidden(level, n int, what string) {
	if n > 0 {
		s.linef("%s%s", s.at(level, indent), s.Paint(page.Faint,
			fmt.Sprintf("# (%s hidden)", count(n, "unchanged "+what))))
	}
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// block lays out a nested block.
func (s *sheet) block(level int, a diff.Attr, l look) {
	name := attributeName(a)
	if a.Label != "" {
		name += " " + strconv.Quote(a.Label)
	}
	if a.Unknown {
		s.linef("%s%s %s", s.at(level, marks[a.Kind]), name, known)
		return
	}
	s.marking(level, a, "block")
	open := s.at(level, marks[a.Kind]) + name + " {"
	switch {
	case a.Sensitive:
		s.linef("%s%s", open, s.forces(a, l))
		s.linef("%s  # At least one attribute in this block is (or was) sensitive,", s.at(level, indent))
		s.linef("%s  # so its contents will not be displayed.", s.at(level, indent))
	case len(a.Children) == 0 && !a.Hollow:
		s.linef("%s}%s", open, s.forces(a, l))
		return
	default:
		s.linef("%s%s", open, s.forces(a, l))
		s.attributes(level+1, a.Children, look{all: l.all})
	}
	s.linef("%s}", s.at(level, indent))
}

const known = "(known after apply)"

func (s *sheet) forces(a diff.Attr, l look) string {
	if !a.Replaces && !l.forces {
		return ""
	}
	return " " + s.Paint(page.Red, "# forces replacement")
}

func (s *sheet) arrow() string { return " " + s.Paint(page.Yellow, "->") + " " }

// toNull follows what goes.
func (s *sheet) toNull(a diff.Attr, l look) string {
	if a.Kind != diff.Removed || l.bare || s.unmarked {
		return ""
	}
	return s.arrow() + s.Paint(page.Faint, "null")
}

// value lays out what follows "name = ". Its further lines are indented for
// an attribute at this level.
func (s *sheet) value(level int, a diff.Attr, l look) string {
	switch {
	case a.Shape == diff.WriteOnly:
		return "(write-only attribute)" + s.toNull(a, l) + s.forces(a, l)
	case a.Sensitive:
		return plan.Sensitive + s.toNull(a, l) + s.forces(a, l)
	case a.Unknown && (a.Kind == diff.Added || a.Before == nil):
		return known + s.forces(a, l)
	case a.Unknown:
		was := a
		was.Unknown, was.Replaces, was.Kind = false, false, diff.Removed
		return s.value(level, was, look{all: l.all, bare: true}) + s.arrow() + known + s.forces(a, l)
	}
	switch a.Shape {
	case diff.Switch:
		return s.value(level, a.Children[0], look{bare: true}) + s.arrow() +
			s.value(level, a.Children[1], look{bare: true}) + s.forces(a, l)
	case diff.Text:
		return s.text(level, a, l) + s.toNull(a, l)
	case diff.JSON:
		return s.json(level, a, l)
	case diff.List:
		return s.container(level, a, l, "[", "]")
	case diff.Object, diff.Map, diff.Block:
		return s.container(level, a, l, "{", "}")
	}
	switch a.Kind {
	case diff.Added:
		return literal(a.After) + s.forces(a, l)
	case diff.Changed:
		return literal(a.Before) + s.arrow() + literal(a.After) + s.forces(a, l)
	}
	if a.Before == nil {
		return literal(nil) + s.forces(a, l)
	}
	return literal(a.Before) + s.toNull(a, l) + s.forces(a, l)
}

// inner collects lines that are laid out within a value.
func (s *sheet) inner(write func(in *sheet)) string {
	in := &sheet{Page: s.Page, unmarked: s.unmarked}
	write(in)
	return in.b.String()
}

// container lays out what has parts. Where nested attributes of a set or map force the replacement each of
// them says so.
func (s *sheet) container(level int, a diff.Attr, l look, open, closing string) string {
	parts := look{all: l.all, forces: a.Nested && (a.Set || a.Shape == diff.Map) && (a.Replaces || l.forces)}
	forces := s.forces(a, l)
	if parts.forces {
		forces = ""
	}
	if len(a.Children) == 0 {
		return open + closing + s.toNull(a, l) + forces
	}
	return open + forces + "\n" + s.inner(func(in *sheet) {
		switch a.Shape {
		case diff.List:
			in.elements(level+1, a, l.bare, parts)
		case diff.Map:
			in.entries(level+1, a, parts)
		default:
			in.members(level+1, a, parts)
		}
	}) + s.at(level, indent) + closing + s.toNull(a, l)
}

// members lays out the attributes of an object.
func (s *sheet) members(level int, a diff.Attr, l look) {
	width, hidden := 0, 0
	for _, c := range a.Children {
		width = max(width, len(attributeName(c)))
	}
	for _, c := range a.Children {
		show := look{all: l.all || telling[c.Name], bare: !a.Nested}
		if c.Kind == diff.Unchanged && !show.all {
			hidden++
			continue
		}
		s.attribute(level, attributeName(c), width, c, show, "")
	}
	s.hidden(level, hidden, "attribute")
}

// entries lays out the elements of a map: their keys are always quoted.
func (s *sheet) entries(level int, a diff.Attr, l look) {
	width, hidden := 0, 0
	for _, c := range a.Children {
		if !a.Nested {
			width = max(width, len(strconv.Quote(c.Name)))
		}
	}
	for _, c := range a.Children {
		if c.Kind == diff.Unchanged && !l.all {
			hidden++
			continue
		}
		end := ""
		if c.Shape == diff.Object && !c.Sensitive && !c.Unknown {
			end = ","
		}
		s.attribute(level, strconv.Quote(c.Name), width, c,
			look{all: l.all, bare: a.Kind == diff.Removed || a.Nested, forces: l.forces}, end)
	}
	s.hidden(level, hidden, "element")
}

// elements lays out a list: of what is unchanged, only the neighbours of what
// changes; of a set, and of nested attributes, nothing.
func (s *sheet) elements(level int, a diff.Attr, bare bool, l look) {
	changes := func(i int) bool { return i >= 0 && i < len(a.Children) && a.Children[i].Kind != diff.Unchanged }
	alone := a.Set || a.Nested
	hidden := 0
	for i, c := range a.Children {
		if !l.all && !changes(i) && (alone || !changes(i-1) && !changes(i+1)) {
			hidden++
			continue
		}
		if !alone {
			s.hidden(level, hidden, "element")
			hidden = 0
		}
		show := look{all: l.all, bare: true, forces: l.forces}
		if c.Kind == diff.Unchanged && !alone {
			show = look{all: true, bare: bare}
		}
		s.marking(level, c, "attribute value")
		s.linef("%s%s,", s.at(level, marks[c.Kind]), s.value(level, c, show))
	}
	s.hidden(level, hidden, "element")
}

// text lays out a string of several lines.
func (s *sheet) text(level int, a diff.Attr, l look) string {
	return "<<-EOT" + s.forces(a, l) + "\n" + s.inner(func(in *sheet) {
		for _, line := range a.Lines {
			mark := indent
			if a.Kind == diff.Changed {
				mark = marks[line.Kind]
			}
			in.linef("%s%s", in.at(level+1, mark), page.CleanText(line.Text))
		}
	}) + s.at(level, indent) + "EOT"
}

// json lays out a string that holds JSON.
func (s *sheet) json(level int, a diff.Attr, l look) string {
	child, note, mark, forces := a.Children[0], "", indent, s.forces(a, l)
	if a.Kind == diff.Changed {
		mark = marks[child.Kind]
		if child.Kind == diff.Unchanged {
			note, l.all = " # whitespace changes", true
			if forces != "" {
				note, forces = " # whitespace changes force replacement", ""
			}
			note = s.Paint(page.Faint, note)
		}
	}
	value := s.value(level+1, child, look{all: l.all, bare: true})
	if !strings.Contains(value, "\n") {
		return "jsonencode(" + value + ")" + note + forces
	}
	return "jsonencode(" + note + "\n" + s.at(level+1, mark) + value + forces + "\n" +
		s.at(level, indent) + ")" + s.toNull(a, l)
}

// literal is a value as the language writes it. Quoting leaves no control
// character in a string.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if v == plan.Sensitive {
			return v
		}
		return strconv.Quote(v)
	case json.Number:
		return page.CleanLine(v.String())
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "(not shown)"
	}
	return page.CleanLine(string(b))
}
