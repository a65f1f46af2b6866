package term

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tfops/tfops/internal/term/page"
	"github.com/tfops/tfops/internal/term/plans"
)

// stream is what Event remembers from line to line.
type stream struct {
	begun bool // something was printed
	apart bool // what was printed last stands apart: a blank line follows it
	blank bool // what was printed last was a blank line
}

// message is a line of the engine's JSON stream, of init, plan or apply.
type message struct {
	Level      string                     `json:"@level"`
	Message    *string                    `json:"@message"`
	Type       string                     `json:"type"`
	Diagnostic *engineDiagnostic          `json:"diagnostic"`
	Hook       hook                       `json:"hook"`
	Outputs    map[string]json.RawMessage `json:"outputs"`
	Changes    struct {
		Operation string `json:"operation"`
	} `json:"changes"`
}

type hook struct {
	Resource struct {
		Addr string `json:"addr"`
	} `json:"resource"`
	Provisioner string `json:"provisioner"`
	Output      string `json:"output"`
}

// Event prints one line of the engine's JSON stream to stdout as the engine
// would print it to a person. A message of a type that is not known is printed
// as its text, a line that is not JSON as it is; both are cleaned.
func (p *Printer) Event(line []byte) {
	line = bytes.TrimRight(line, "\r\n")
	var m message
	if err := json.Unmarshal(line, &m); err != nil || m.Message == nil && m.Diagnostic == nil {
		p.say(CleanText(string(line)))
		return
	}
	text := ""
	if m.Message != nil {
		text = CleanText(*m.Message)
	}
	switch m.Type {
	case "refresh_complete", "provision_complete":
		// the engine says nothing of it to a person
	case "diagnostic":
		if m.Diagnostic == nil {
			p.say(text)
			return
		}
		p.apart(m.Diagnostic.diagnostic().on(p.out))
	case "change_summary":
		p.apart(p.out.PaintLines(summaryStyle(m.Changes.Operation), strings.Trim(text, "\n")))
	case "outputs":
		if list := plans.Outputs(p.out, m.Outputs); list != "" {
			p.apart(list)
		}
	case "provision_progress":
		p.provision(m.Hook, text)
	case "refresh_start", "apply_start", "apply_progress", "apply_complete", "apply_errored", "provision_start",
		"provision_errored":
		p.hook(text)
	default:
		p.log(m.Level, text)
	}
}

// say prints an ordinary line.
func (p *Printer) say(text string) {
	if p.stream.apart && text != "" {
		p.out.Line("")
	}
	p.out.Line(text)
	p.stream = stream{begun: true, blank: text == ""}
}

// apart prints lines that stand between blank lines.
func (p *Printer) apart(text string) {
	if p.stream.begun && !p.stream.blank {
		p.out.Line("")
	}
	p.out.Line(text)
	p.stream = stream{begun: true, apart: true}
}

func summaryStyle(operation string) page.Style {
	if operation == "plan" {
		return page.Bold
	}
	return page.GreenBold
}

// hook prints what happens to a resource; its identity is not part of the news.
func (p *Printer) hook(text string) {
	news, identity, found := strings.Cut(text, " [id=")
	news = p.out.PaintLines(page.Bold, news)
	if found {
		news += " [id=" + identity
	}
	p.say(news)
}

// provision prints what a provisioner prints, each line with its origin.
func (p *Printer) provision(h hook, text string) {
	if h.Resource.Addr == "" || h.Provisioner == "" {
		p.say(text)
		return
	}
	prefix := p.out.Paint(page.Bold, Clean(h.Resource.Addr)+" ("+Clean(h.Provisioner)+"):") + " "
	for l := range strings.SplitSeq(strings.TrimRight(CleanText(h.Output), "\n"), "\n") {
		p.say(prefix + l)
	}
}

func (p *Printer) log(level, text string) {
	switch level {
	case "error":
		text = p.out.PaintLines(page.Red, text)
	case "warn":
		text = p.out.PaintLines(page.Yellow, text)
	case "debug", "trace":
		text = p.out.PaintLines(page.Faint, text)
	}
	p.say(text)
}
