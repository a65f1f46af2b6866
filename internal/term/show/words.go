// Package show prints what the daemon answers for people: runs, workspaces, findings,
// locks, decisions. It has the sentences and tables of the wire types of package api;
// how they get onto the terminal is package term's.
package show

import (
	"fmt"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/term"
)

// ShortCommit is a commit as people write it.
func ShortCommit(sha string) string { return sha[:min(8, len(sha))] }

// DigestDigits is how much of a digest is shown, and asked back.
const DigestDigits = 12

// ShortDigest is the beginning of a digest's hex digits.
func ShortDigest(digest string) string {
	hex := strings.TrimPrefix(digest, "sha256:")
	return hex[:min(DigestDigits, len(hex))]
}

// Subject is the first line of a commit message.
func Subject(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return line
}

// When is a time in a table, "" for none.
func When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// ago is how long ago something was in a table, "" for none.
func ago(p *term.Printer, t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return p.Ago(*t)
}

// at is a time among facts, "" for none.
func at(p *term.Printer, t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return p.Time(*t)
}

// YesNo is how somebody voted.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Tone is what a status means: of a run, a workspace's sync or its drift.
func Tone(status string) term.Tone {
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

// Counted is a number with its noun.
func Counted(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// tinted gives one of the cells of a row a tone.
func tinted(row []term.Cell, column int, tone term.Tone) []term.Cell {
	row[column].Tone = tone
	return row
}
