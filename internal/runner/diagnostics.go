package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazily"
)

// maxDiagnostics is how many diagnostics a result keeps; the log has all.
const maxDiagnostics = 100

// output takes in what one command of the engine prints: it passes lines on
// to the log and keeps what tells how the command went.
type output struct {
	log         *eventLog
	diagnostics []job.Diagnostic
	plain       strings.Builder // standard error and plain text, its beginning
	applying    bool            // a resource began to be applied
	complete    bool            // the engine summed up its apply: it has come to its end
	emergency   string          // a state that the engine could save nowhere else

	rename func(line []byte) []byte // calls files of tfops by what they are
}

// Stdout and stderr come from two goroutines: each has a writer of its own,
// which touches different fields.
type stdout struct{ *output }
type stderr struct{ *output }

const maxPlain = 64 << 10

// message is what matters of a line of the engine's JSON output.
type message struct {
	Type       string          `json:"type"`
	Message    string          `json:"@message"`
	State      json.RawMessage `json:"state"`
	Diagnostic *struct {
		Severity, Summary, Detail, Address string
		Range                              *struct {
			Filename string
			Start    struct{ Line, Column int }
		}
		Snippet *struct {
			Context *string
			Code    string
		}
	} `json:"diagnostic"`
	Changes struct {
		Operation string `json:"operation"`
	} `json:"changes"`
}

// Write takes one line, as terraform-exec hands them over.
func (o stdout) Write(line []byte) (int, error) {
	n := len(line)
	line = o.rename(line)
	if !interesting(line) {
		o.log.line(line)
		return n, nil
	}
	var m message
	if json.Unmarshal(line, &m) != nil {
		o.log.line(line)
		return n, nil
	}
	if len(m.State) > 0 && strings.Contains(m.Message, emergencyDump) { // it holds secrets
		o.emergency = stateText(m.State)
		o.log.say("error", "%s: the state is kept, encrypted, and left out of the log", m.Message)
		return n, nil
	}
	o.log.line(line)
	switch {
	case m.Type == "apply_start":
		o.applying = true
	case m.Type == "change_summary" && m.Changes.Operation != "plan":
		o.complete = true
	case m.Diagnostic != nil && len(o.diagnostics) < maxDiagnostics:
		o.diagnostics = append(o.diagnostics, m.diagnosed())
	}
	return n, nil
}

// emergencyDump is the message with which the engine prints a state that it
// could save neither in the backend nor in errored.tfstate.
const emergencyDump = "Emergency state dump"

func stateText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func interesting(line []byte) bool {
	for _, mark := range []string{`"type":"diagnostic"`, `"type":"apply_start"`, `"type":"change_summary"`, emergencyDump} {
		if bytes.Contains(line, []byte(mark)) {
			return true
		}
	}
	return false
}

func (m message) diagnosed() job.Diagnostic {
	in := m.Diagnostic
	d := job.Diagnostic{Severity: in.Severity, Summary: in.Summary, Detail: in.Detail, Address: in.Address}
	if r := in.Range; r != nil {
		d.File, d.Line, d.Column = r.Filename, r.Start.Line, r.Start.Column
	}
	if s := in.Snippet; s != nil {
		d.Snippet = s.Code
		if s.Context != nil {
			d.Context = *s.Context
		}
	}
	return d
}

func (o stderr) Write(line []byte) (int, error) {
	n := len(line)
	line = o.rename(unpainted(line)) // a few commands print for a terminal, whatever they are told
	if o.plain.Len() < maxPlain {
		o.plain.Write(line)
	}
	text := strings.TrimRight(string(line), "\r\n")
	if text != "" {
		o.log.say("error", "%s", text)
	}
	return n, nil
}

var painted = lazily.Pattern(`\x1b\[[0-9;]*m`)

// unpainted is a line without the colours, and the frame around errors, that engines print.
func unpainted(line []byte) []byte {
	line = painted().ReplaceAll(line, nil)
	for _, frame := range []string{"│ ", "│", "╷", "╵"} {
		if rest, ok := bytes.CutPrefix(line, []byte(frame)); ok {
			return rest
		}
	}
	return line
}

// all is every diagnostic; those of a command that prints plain text are read
// from its text.
func (o *output) all() []job.Diagnostic {
	return append(o.diagnostics, plainDiagnostics(o.plain.String())...)
}

var plainPlace = lazily.Pattern(`^  on (\S+) line (\d+)`)

// plainDiagnostics reads the errors that an engine prints for people, e.g.
//
//	Error: Unsupported block type
//
//	  on main.tf line 3, in resource "x" "y":
//	   3:   oops {
//
//	Blocks of type "oops" are not expected here.
func plainDiagnostics(text string) []job.Diagnostic {
	var found []job.Diagnostic
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		severity, summary, ok := strings.Cut(line, ": ")
		if ok && (severity == "Error" || severity == "Warning") {
			found = append(found, job.Diagnostic{Severity: strings.ToLower(severity), Summary: summary})
			continue
		}
		if len(found) == 0 {
			continue
		}
		d := &found[len(found)-1]
		if place := plainPlace().FindStringSubmatch(line); place != nil && d.File == "" {
			d.File = place[1]
			fmt.Sscan(place[2], &d.Line)
			continue
		}
		d.Detail += line + "\n"
	}
	for i := range found {
		found[i].Detail = strings.TrimSpace(found[i].Detail)
	}
	return found
}

// errorsOf are the errors among diagnostics.
func errorsOf(all []job.Diagnostic) []job.Diagnostic {
	var found []job.Diagnostic
	for _, d := range all {
		if d.Severity == "error" {
			found = append(found, d)
		}
	}
	return found
}
