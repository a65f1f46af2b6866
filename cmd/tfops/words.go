package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/term"
)

// The words of tables and facts, where several commands use the same.

// short is a commit as people write it.
func short(sha string) string { return sha[:min(8, len(sha))] }

// digestDigits is how much of a digest is shown, and asked back.
const digestDigits = 12

// shortDigest is the beginning of a digest's hex digits.
func shortDigest(digest string) string {
	hex := strings.TrimPrefix(digest, "sha256:")
	return hex[:min(digestDigits, len(hex))]
}

// subject is the first line of a commit message.
func subject(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return line
}

// when is a time in a table, "" for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// ago is how long ago something was in a table, "" for none.
func (a *app) ago(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return a.term().Ago(*t)
}

// at is a time among facts, "" for none.
func (a *app) at(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return a.term().Time(*t)
}

// countOf is a number with a word that does not change.
func countOf(n int, word string) string { return fmt.Sprintf("%d %s", n, word) }

// quote puts what a person said between quotation marks.
func quote(s string) string { return "\"" + s + "\"" }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// toneOf is what a status means: of a run, a workspace's sync or its drift.
func toneOf(status string) term.Tone {
	switch status {
	case "applied", "planned_and_finished", "synced", "none":
		return term.Good
	case "pending", "planning", "awaiting_approval", "apply_queued", "applying", "out_of_sync":
		return term.Busy
	case "errored", "interrupted", "policy_failed", "drifted":
		return term.Bad
	}
	return term.Quiet // canceled, discarded, unknown
}

// changesText says what a plan would do in a few words.
func changesText(p *api.Plan) string {
	if p == nil {
		return ""
	}
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{p.Add, "add"}, {p.Change, "change"}, {p.Delete, "destroy"}, {p.Replace, "replace"}, {p.Import, "import"}, {p.Move, "move"}, {p.Forget, "forget"}, {p.Accept, "accept"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", c.n, c.what))
		}
	}
	switch {
	case len(parts) == 0 && p.Outputs > 0:
		return counted(p.Outputs, "output") + " to change"
	case len(parts) == 0 && p.Changes:
		return "changes"
	case len(parts) == 0:
		return "no changes"
	}
	return strings.Join(parts, ", ")
}

// statusText is a run's status with why it ended so.
func statusText(r api.Run) string {
	if r.Reason != "" {
		return r.Status + " (" + r.Reason + ")"
	}
	return r.Status
}

// hasEnded reports whether a run of this status never changes again.
func hasEnded(status string) bool { return run.Status(status).Terminal() }

// approvers lists who said yes.
func approvers(r api.Run) string {
	var names []string
	for _, v := range r.Approvals {
		if v.Yes {
			names = append(names, v.Voter)
		}
	}
	return strings.Join(names, ", ")
}

// kindText is what kind of run it is, and that nobody asked for it where it
// puts drift back by itself.
func kindText(r api.Run) string {
	if r.Trigger.Cause == "heal" {
		return r.Kind + " (heal)"
	}
	return r.Kind
}
