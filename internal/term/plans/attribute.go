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
	b strings.Builder
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
	return strings.Repeat(indent, level) + s.mark(mark)
}

func (s *sheet) linef(format string, args ...any) {
	fmt.Fprintf(&s.b, format+"\n", args...)
}

// look says how much of a value to show.
type look struct {
	all  bool // unchanged parts too
	null bool // what goes is followed by "-> null"
}

// attributes lays out the parts of a resource, object or block. tell says
// whether the telling ones among them are always shown.
func (s *sheet) attributes(level int, list []diff.Attr, l look, tell bool) {
	width, hidden, hiddenBlocks, before := 0, 0, 0, s.b.Len()
	for _, a := range list {
		if a.Shape != diff.Block {
			width = max(width, page.DisplayWidth(attributeName(a)))
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
			if a.Name != block && s.b.Len() > before {
				s.linef("")
			}
			block = a.Name
			s.block(level, a, look{all: l.all})
			continue
		}
		show := look{all: l.all || tell && telling[a.Name], null: l.null}
		if a.Kind == diff.Unchanged && !show.all {
			hidden++
			continue
		}
		name := attributeName(a)
		s.linef("%s%s%s = %s", s.at(level, marks[a.Kind]), name, strings.Repeat(" ", width-page.DisplayWidth(name)),
			s.value(level, a, show))
	}
	hide()
	if hiddenBlocks > 0 {
		if s.b.Len() > before {
			s.linef("")
		}
		s.hidden(level, hiddenBlocks, "block")
	}
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
	if a.Unknown {
		s.linef("%s%s %s%s", s.at(level, marks[a.Kind]), attributeName(a), known, s.forces(a))
		return
	}
	s.linef("%s%s {%s", s.at(level, marks[a.Kind]), attributeName(a), s.forces(a))
	switch {
	case a.Sensitive:
		s.linef("%s# At least one attribute in this block is (or was) sensitive,", s.at(level+1, indent))
		s.linef("%s# so its contents will not be displayed.", s.at(level+1, indent))
	default:
		s.attributes(level+1, a.Children, look{all: l.all, null: true}, true)
	}
	s.linef("%s}", s.at(level, indent))
}

const known = "(known after apply)"

func (s *sheet) forces(a diff.Attr) string {
	if !a.Replaces {
		return ""
	}
	return " " + s.Paint(page.Red, "# forces replacement")
}

func (s *sheet) arrow() string { return " " + s.Paint(page.Yellow, "->") + " " }

// toNull follows what goes.
func (s *sheet) toNull(a diff.Attr, l look) string {
	if a.Kind != diff.Removed || !l.null {
		return ""
	}
	return s.arrow() + s.Paint(page.Faint, "null")
}

// value lays out what follows "name = ". Its further lines are indented for
// an attribute at this level.
func (s *sheet) value(level int, a diff.Attr, l look) string {
	switch {
	case a.Sensitive:
		return plan.Sensitive + s.toNull(a, l) + s.forces(a)
	case a.Unknown && a.Kind == diff.Added:
		return known + s.forces(a)
	case a.Unknown && a.Shape == diff.Value:
		return literal(a.Before) + s.arrow() + known + s.forces(a)
	}
	switch a.Shape {
	case diff.Switch:
		a.Children[0].Replaces = a.Replaces
		return s.value(level, a.Children[0], look{}) + s.arrow() + s.value(level, a.Children[1], look{})
	case diff.Text:
		return s.text(level, a) + s.end(a, l)
	case diff.JSON:
		return s.json(level, a, l) + s.end(a, l)
	case diff.List:
		return s.container(level, a, l, "[", "]") + s.end(a, l)
	case diff.Object, diff.Map, diff.Block:
		return s.container(level, a, l, "{", "}") + s.end(a, l)
	}
	switch a.Kind {
	case diff.Added:
		return literal(a.After) + s.forces(a)
	case diff.Changed:
		return literal(a.Before) + s.arrow() + literal(a.After) + s.forces(a)
	}
	return literal(a.Before) + s.toNull(a, l) + s.forces(a)
}

// end follows a value of several lines.
func (s *sheet) end(a diff.Attr, l look) string {
	if a.Unknown {
		return s.arrow() + known
	}
	return s.toNull(a, l)
}

// inner collects lines that are laid out within a value.
func (s *sheet) inner(write func(in *sheet)) string {
	in := &sheet{Page: s.Page}
	write(in)
	return in.b.String()
}

func (s *sheet) container(level int, a diff.Attr, l look, open, closing string) string {
	if len(a.Children) == 0 {
		return open + closing + s.forces(a)
	}
	return open + s.forces(a) + "\n" + s.inner(func(in *sheet) {
		if a.Shape == diff.List {
			in.elements(level+1, a.Children, l)
			return
		}
		if a.Shape == diff.Map {
			in.entries(level+1, a.Children, l)
			return
		}
		in.attributes(level+1, a.Children, look{all: l.all}, false)
	}) + s.at(level, indent) + closing
}

// entries lays out the elements of a map: their keys are always quoted.
func (s *sheet) entries(level int, list []diff.Attr, l look) {
	width, hidden := 0, 0
	for _, a := range list {
		width = max(width, page.DisplayWidth(strconv.Quote(a.Name)))
	}
	for _, a := range list {
		if a.Kind == diff.Unchanged && !l.all {
			hidden++
			continue
		}
		key := strconv.Quote(a.Name)
		s.linef("%s%s%s = %s", s.at(level, marks[a.Kind]), key, strings.Repeat(" ", width-page.DisplayWidth(key)),
			s.value(level, a, look{all: l.all}))
	}
	s.hidden(level, hidden, "element")
}

// elements lays out a list: of what is unchanged, only the neighbours of what
// changes.
func (s *sheet) elements(level int, list []diff.Attr, l look) {
	changes := func(i int) bool { return i >= 0 && i < len(list) && list[i].Kind != diff.Unchanged }
	hidden := 0
	for i, a := range list {
		if !l.all && !changes(i-1) && !changes(i) && !changes(i+1) {
			hidden++
			continue
		}
		s.hidden(level, hidden, "element")
		hidden = 0
		s.linef("%s%s,", s.at(level, marks[a.Kind]), s.value(level, a, look{all: l.all || a.Kind == diff.Unchanged}))
	}
	s.hidden(level, hidden, "element")
}

// text lays out a string of several lines.
func (s *sheet) text(level int, a diff.Attr) string {
	return "<<-EOT" + s.forces(a) + "\n" + s.inner(func(in *sheet) {
		for _, line := range a.Lines {
			mark := indent
			if a.Kind == diff.Changed && !a.Unknown {
				mark = marks[line.Kind]
			}
			in.linef("%s%s", in.at(level+1, mark), page.CleanText(line.Text))
		}
	}) + s.at(level, indent) + "EOT"
}

// json lays out a string that holds JSON.
func (s *sheet) json(level int, a diff.Attr, l look) string {
	child, note, mark := a.Children[0], "", indent
	if a.Kind == diff.Changed && !a.Unknown {
		mark = marks[child.Kind]
		if child.Kind == diff.Unchanged {
			note, l.all = s.Paint(page.Faint, " # whitespace changes"), true
		}
	}
	return "jsonencode(" + note + s.forces(a) + "\n" +
		s.at(level+1, mark) + s.value(level+1, child, look{all: l.all}) + "\n" +
		s.at(level, indent) + ")"
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
