// Package findings is what a transaction sees and changes of one workspace's drift.
package findings

import (
	"slices"
	"time"

	"github.com/tfops/tfops/internal/drift"
)

// Tx is what a transaction sees and changes of one workspace's drift.
type Tx struct {
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
func (tx *Tx) Findings() ([]drift.Finding, error) {
	if !tx.read && tx.Read != nil {
		found, err := tx.Read()
		if err != nil {
			return nil, err
		}
		tx.findings = found
	}
	tx.read = true
	return tx.findings, nil
}

// SetFindings replaces the workspace's findings. One that is left out stays
// in the store: findings are resolved, not dropped.
func (tx *Tx) SetFindings(found []drift.Finding) {
	tx.findings, tx.read, tx.wrote = found, true, true
}

// Changed are the findings to store; false when they are as they were.
func (tx *Tx) Changed() ([]drift.Finding, bool) { return tx.findings, tx.wrote }

// Look is a check, or an apply, which is a look at a part of the world.
type Look struct {
	Check  drift.Check
	Found  []drift.Difference
	Spared []string // IDs of findings that it says nothing of: they stay as they are
}

// Observe brings the findings up to date with a look and keeps its check.
func (tx *Tx) Observe(rules drift.Rules, look Look, now time.Time) error {
	known, err := tx.Findings()
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
	tx.SetFindings(findings)
	tx.Moved = append(tx.Moved, events...)
	tx.Checks = append(tx.Checks, look.Check.Concluded(look.Found, findings))
	return nil
}

// Reapply brings the findings up to date with the rules alone.
func (tx *Tx) Reapply(rules drift.Rules, now time.Time) ([]drift.Finding, error) {
	known, err := tx.Findings()
	if err != nil {
		return nil, err
	}
	findings, events := rules.Reapply(known, now)
	tx.SetFindings(findings)
	tx.Moved = append(tx.Moved, events...)
	return findings, nil
}
