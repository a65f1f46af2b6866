package run

import (
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
)

// FindingsTx is what a transaction sees and changes of one workspace's drift.
type FindingsTx struct {
	// Read reads the workspace's findings within the transaction. There may be
	// thousands, so only decisions that are about them ask for them; nil reads none.
	Read func() ([]drift.Finding, error) `json:"-"`

	Checks []drift.Check // what the change adds; the store reads this
	Moved  []drift.Event // findings that moved on in their life

	findings    []drift.Finding
	read, wrote bool
}

// Findings are the workspace's findings, those that are resolved too. They
// must not be changed in place: see SetFindings.
func (l *FindingsTx) Findings() ([]drift.Finding, error) {
	if !l.read && l.Read != nil {
		found, err := l.Read()
		if err != nil {
			return nil, err
		}
		l.findings = found
	}
	l.read = true
	return l.findings, nil
}

// SetFindings replaces the workspace's findings. One that is left out stays
// in the store: findings are resolved, not dropped.
func (l *FindingsTx) SetFindings(found []drift.Finding) {
	l.findings, l.read, l.wrote = found, true, true
}

// Changed are the findings to store; false when they are as they were.
func (l *FindingsTx) Changed() ([]drift.Finding, bool) { return l.findings, l.wrote }

// Look is a check, or an apply, which is a look at a part of the world.
type Look struct {
	Check  drift.Check
	Found  []drift.Difference
	Spared []string // IDs of findings that it says nothing of: they stay as they are
}

// Observe brings the findings up to date with a look and keeps its check.
func (l *FindingsTx) Observe(rules drift.Rules, look Look, now time.Time) error {
	known, err := l.Findings()
	if err != nil {
		return err
	}
	var spared, asked []drift.Finding
	for _, f := range known {
		if slices.Contains(look.Spared, f.ID) {
			spared = append(spared, f)
		} else {
			asked = append(asked, f)
		}
	}
	findings, events := rules.Update(asked, look.Check, look.Found, now)
	findings = append(findings, spared...)
	l.SetFindings(findings)
	l.Moved = append(l.Moved, events...)
	l.Checks = append(l.Checks, look.Check.Concluded(look.Found, findings))
	return nil
}

// Reapply brings the findings up to date with the rules alone.
func (l *FindingsTx) Reapply(rules drift.Rules, now time.Time) ([]drift.Finding, error) {
	known, err := l.Findings()
	if err != nil {
		return nil, err
	}
	findings, events := rules.Reapply(known, now)
	l.SetFindings(findings)
	l.Moved = append(l.Moved, events...)
	return findings, nil
}

// Report is what is remembered of a report that was made by schedule; the
// report itself is a file beside the store. One without an ID was not made: it
// says since when reports of its name are waited for.
type Report struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"` // of the report block
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`           // what is new is newer than this
	DueAt time.Time `json:"due_at,omitzero"` // the scheduled time that it was made for
	Text  string    `json:"text,omitempty"`  // in a sentence
	Clean bool      `json:"clean,omitempty"` // nothing drifted and everything was checked
}

// Made reports whether there is such a report.
func (r Report) Made() bool { return r.ID != "" }
