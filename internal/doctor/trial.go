package doctor

import (
	"strings"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/sandbox"
)

// Answer is what a daemon says of itself.
type Answer struct {
	Version string       `json:"version"`
	Sandbox *api.Sandbox `json:"sandbox,omitempty"`
}

// Sandbox says what a trial came to. exposed: there are workspaces that are not planned where nothing shuts their
// engine in.
func Sandbox(t sandbox.Terms, exposed bool) Check {
	c := Check{Key: "sandbox", Status: OK, Found: string(t.Level) + ": " + t.Level.Sentence()}
	if t.Level == "" {
		c.Status, c.Found = Note, t.Level.Sentence()
	}
	if note := t.Note(); note != "" {
		c.Status, c.Found = Warning, string(t.Level)+": "+note
	}
	if refusal := t.Refuses(exposed); refusal != "" {
		c.Status = Problem
	}
	var what, next []string
	for _, l := range t.Lacks {
		what, next = append(what, l.Sentence()), append(next, l.Next())
	}
	if len(what) > 0 {
		c.Found += " (" + strings.Join(what, "; ") + ")"
	}
	c.Next = strings.Join(next, "; and ")
	return c
}

// Daemon says how the one that answers shuts engines in; nil where none does.
func Daemon(d *Answer) Check {
	c := Check{Key: "daemon", Status: OK}
	switch {
	case d == nil:
		c.Status, c.Found = Note, "none answers"
	case d.Sandbox == nil:
		c.Found = "tfops " + d.Version + " answers; it does not say how it shuts engines in"
	default:
		c.Found = "tfops " + d.Version + " answers, with sandbox " + d.Sandbox.Level
		if d.Sandbox.Note != "" {
			c.Status, c.Found = Warning, c.Found+": "+d.Sandbox.Note
		}
		for _, l := range d.Sandbox.Lacks {
			c.Next = l.Next
		}
	}
	return c
}
