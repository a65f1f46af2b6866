// Package diagnostics reads what an engine says, keeps it as the log of a phase without what is
// secret, and tells why a phase did not succeed.
package diagnostics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// maxDiagnostics is how many diagnostics a result keeps; the log has all.
const maxDiagnostics = 100

// Output takes in what one command of the engine prints: it passes lines on
// to the log and keeps what tells how the command went.
type Output struct {
	Log         *EventLog
	Diagnostics []job.Diagnostic
	Plain       strings.Builder // standard error and plain text, its beginning
	Applying    bool            // a resource began to be applied
	Complete    bool            // the engine summed up its apply: it has come to its end
	Emergency   string          // a state that the engine could save nowhere else

	Rename func(line []byte) []byte // calls files of tfops by what they are
}

// Stdout and stderr come from two goroutines: each has a writer of its own,
// which touches different fields.
type Stdout struct{ *Output }
type Stderr struct{ *Output }

const maxPlain = 64 << 10

// Message is what matters of a line of the engine's JSON output.
type Message struct {
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
func (o Stdout) Write(line []byte) (int, error) {
	n := len(line)
	if n > longest && !bytes.Contains(line[:longest], []byte(emergencyDump)) { // nobody reads a diagnostic of that size
		o.Log.line(line)
		return n, nil
	}
	line = o.Rename(line)
	if !slices.ContainsFunc(marks, func(mark []byte) bool { return bytes.Contains(line, mark) }) {
		o.Log.line(line)
		return n, nil
	}
	var m Message
	if json.Unmarshal(line, &m) != nil {
		o.Log.line(line)
		return n, nil
	}
	if len(m.State) > 0 && strings.Contains(m.Message, emergencyDump) { // it holds secrets
		o.Emergency = stateText(m.State)
		o.Log.Say("error", "%s: the state is kept, encrypted, and left out of the log", m.Message)
		return n, nil
	}
	o.Log.line(line)
	switch {
	case m.Type == "apply_start":
		o.Applying = true
	case m.Type == "change_summary" && m.Changes.Operation != "plan":
		o.Complete = true
	case m.Diagnostic != nil && len(o.Diagnostics) < maxDiagnostics:
		o.Diagnostics = append(o.Diagnostics, m.diagnosed())
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

// marks are in the lines that say more than a message.
var marks = [][]byte{[]byte(`"type":"diagnostic"`), []byte(`"type":"apply_start"`), []byte(`"type":"change_summary"`),
	[]byte(emergencyDump)}

func (m Message) diagnosed() job.Diagnostic {
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

func (o Stderr) Write(line []byte) (int, error) {
	n := len(line)
	line = o.Rename(unpainted(line[:min(n, longest)])) // a few commands print for a terminal, whatever they are told
	o.Plain.Write(line[:min(len(line), max(maxPlain-o.Plain.Len(), 0))])
	text := strings.TrimRight(string(line), "\r\n")
	if text != "" {
		o.Log.Say("error", "%s", text)
	}
	return n, nil
}

var painted = lazyregexp.New(`\x1b\[[0-9;]*m`)

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

// All is every diagnostic; those of a command that prints plain text are read
// from its text.
func (o *Output) All() []job.Diagnostic {
	return append(o.Diagnostics, plainDiagnostics(o.Plain.String())...)
}

var plainPlace = lazyregexp.New(`^  on (\S+) line (\d+)`)

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

// ErrorsOf are the errors among diagnostics.
func ErrorsOf(all []job.Diagnostic) []job.Diagnostic {
	var found []job.Diagnostic
	for _, d := range all {
		if d.Severity == "error" {
			found = append(found, d)
		}
	}
	return found
}
