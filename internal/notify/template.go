package notify

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// Template is how a notice is put: Go's text/template over a Message. What is
// empty is as it is built in.
type Template struct {
	Title string
	Text  string
}

// Any is the kind of a template for every kind that has none of its own.
const Any run.NoticeKind = "any"

// Message is what templates are given: the fields of the notice, and where it goes.
type Message struct {
	run.Notice
	Delivery string // its id
	Target   string // the target's name
}

// Templates are templates that parse, by kind.
type Templates struct{ of map[run.NoticeKind]pair }

type pair struct{ title, text *template.Template }

// builtin are the templates that are used where a target has none.
var builtin = sync.OnceValue(func() *Templates {
	return &Templates{map[run.NoticeKind]pair{
		Any:                   mustParse(`{{.Title}}`),
		run.NoticeDriftNew:    mustParse(`{{with .Severity}}[{{.}}] {{end}}{{.Title}}`),
		run.NoticeTest:        mustParse(`{{or .Title "A test of tfops"}}`),
		run.NoticeHealStopped: mustParse(`{{with .Severity}}[{{.}}] {{end}}{{.Title}}`),
	}}
})

const builtinText = `{{.Text}}{{with .Command}}{{if $.Text}}

{{end}}Next: {{.}}{{end}}`

func mustParse(title string) pair {
	p, err := read(Template{title, builtinText})
	if err != nil {
		panic(err) // of a constant
	}
	return p
}

var TemplateFunctions = template.FuncMap{
	"upper": strings.ToUpper, "lower": strings.ToLower, "join": strings.Join, "replace": strings.ReplaceAll,
	"oneline": OneLine, "cut": func(most int, s string) string { return Cut(s, max(most, 1)) },
}

// OneLine is a text without line breaks.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func read(t Template) (p pair, err error) {
	one := func(name, text string) *template.Template {
		if text == "" || err != nil {
			return nil
		}
		var made *template.Template
		if made, err = template.New(name).Funcs(TemplateFunctions).Option("missingkey=zero").Parse(text); err == nil {
			count(made)
		}
		return made
	}
	return pair{one("title", t.Title), one("text", t.Text)}, err
}

// sample has something in every field, so that a template that names a field
// which is not there shows.
var sample = Message{Delivery: "01zgwseg0v3j-ops", Target: "ops",
	Notice: run.Notice{ID: "01zgwseg0v3j", Kind: run.NoticeTest, At: time.Unix(0, 0).UTC(),
		Severity: "high", Workspace: "network", Repository: "infra", Run: "01zgwseg0v3k", Title: "A title",
		Text: "A text", Command: "tfops status",
		Labels: map[string]string{"team": "network"}, Report: &run.ReportRef{ID: "01zgwseg0v3m",
			Formats: []string{"html"}}}}

// samples are what a template of a kind must stand. Only notices of reports
// have one.
func samples(kind run.NoticeKind) []Message {
	without := sample
	without.Report = nil
	switch kind {
	case run.NoticeReport:
		return []Message{sample}
	case Any:
		return []Message{sample, without}
	}
	return []Message{without}
}

// ParseTemplates reads the templates of a target. The error is a fault of the
// code Invalid: a template does not parse, or names a field that is not there.
func ParseTemplates(texts map[run.NoticeKind]Template) (*Templates, error) {
	all := &Templates{map[run.NoticeKind]pair{}}
	for kind, t := range texts {
		if err := oneOfKinds(string(kind), append(run.NoticeKinds(), Any)); err != nil {
			return nil, err
		}
		p, err := read(t)
		for _, m := range samples(kind) {
			for _, part := range []*template.Template{p.title, p.text} {
				if err == nil && part != nil {
					_, err = execute(part, m)
				}
			}
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "Templates are those of Go's text/template; docs/notifications.md "+
				"lists the fields and functions.", "The template cannot be used: %w.", err)
		}
		all.of[kind] = p
	}
	return all, nil
}

// MaxText bounds what a template may make, in bytes.
const MaxText = 64 << 10

var errLong = errors.New("it makes more than 64 KiB")

// bounded is a buffer with an end.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > MaxText {
		return 0, errLong
	}
	return b.Buffer.Write(p)
}

func execute(t *template.Template, m Message) (string, error) {
	t, err := t.Clone()
	if err != nil {
		return "", err
	}
	steps := 0
	t.Funcs(template.FuncMap{stepName: func() (string, error) {
		if steps++; steps > MaxSteps {
			return "", errEndless
		}
		return "", nil
	}})
	var b bounded
	err = t.Execute(&b, m)
	return b.String(), err
}

// MaxSteps bounds how often a template may go round a loop or call another one:
// a loop that writes nothing would go on whatever it may write.
const MaxSteps = 10_000

// stepName is the function that counts. It is not there while a template is
// parsed, so none can be written with it.
const stepName = "tfopsStep"

var errEndless = fmt.Errorf("it goes round a loop more than %d times", MaxSteps)

// count has every loop of a template, and every template in it, begin with a
// step.
func count(t *template.Template) {
	t.Funcs(template.FuncMap{stepName: func() string { return "" }})
	for _, one := range t.Templates() {
		if one.Tree == nil || one.Root == nil {
			continue
		}
		countLoops(one.Root)
		one.Root.Nodes = append([]parse.Node{step()}, one.Root.Nodes...)
	}
}

// step is {{tfopsStep}}.
func step() parse.Node {
	name := parse.NewIdentifier(stepName)
	call := &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{name}}
	return &parse.ActionNode{NodeType: parse.NodeAction,
		Pipe: &parse.PipeNode{NodeType: parse.NodePipe, Cmds: []*parse.CommandNode{call}}}
}

func countLoops(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.IfNode:
			countLoops(n.List)
			countLoops(n.ElseList)
		case *parse.WithNode:
			countLoops(n.List)
			countLoops(n.ElseList)
		case *parse.RangeNode:
			countLoops(n.List)
			countLoops(n.ElseList)
			n.List.Nodes = append([]parse.Node{step()}, n.List.Nodes...)
		}
	}
}

// find is the template for a kind, else the one for any; nil without one.
func (t *Templates) find(kind run.NoticeKind, part func(pair) *template.Template) *template.Template {
	if t == nil {
		return nil
	}
	if own := part(t.of[kind]); own != nil {
		return own
	}
	return part(t.of[Any])
}

// Wording is a notice as it is put into words.
type Wording struct {
	Title string // one line
	Text  string
	Own   bool   // a template of the target made some of it
	Note  string // why the target's template was not used; "" otherwise
}

// word puts a delivery into words: with the target's template for its kind,
// else with the target's for any, else with the built-in one, also where one of
// the target's fails.
func (t Target) Wording(d run.Delivery) Wording {
	m := Message{Notice: d.Notice, Delivery: d.ID, Target: d.Target}
	w := Wording{}
	one := func(part func(pair) *template.Template, plain string) string {
		if own := t.Templates.find(d.Notice.Kind, part); own != nil {
			text, err := execute(own, m)
			if err == nil {
				w.Own = true
				return text
			}
			w.Note = fmt.Sprintf("A template of %s failed, so this is the built-in text: %s.", t.Name, t.Scrub(err))
		}
		text, err := execute(builtin().find(d.Notice.Kind, part), m)
		if err != nil { // it can only be too long
			w.Note = "The text was cut: " + err.Error() + "."
			return Cut(plain, MaxText/8)
		}
		return text
	}
	w.Title = OneLine(one(func(p pair) *template.Template { return p.title }, d.Notice.Title))
	w.Text = strings.TrimSpace(one(func(p pair) *template.Template { return p.text }, d.Notice.Text))
	if w.Note != "" {
		w.Text += "\n\n" + w.Note
	}
	return w
}
