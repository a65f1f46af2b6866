// Package journal keeps what is remembered of drift: findings, the checks that made
// them, and the reports that were made by schedule.
package journal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
)

// Journal is the part of a store that drift is looked up in.
type Journal struct{ db *records.DB }

// New is the journal among the records.
func New(db *records.DB) Journal { return Journal{db} }

// Of is what a decision about a workspace may see of its drift.
func Of(tx *records.Tx, name string) run.FindingsTx {
	return run.FindingsTx{Read: func() ([]drift.Finding, error) {
		return records.List[drift.Finding](tx, records.Findings, records.Owned(name))
	}}
}

// Save stores what a decision about a workspace changed.
func Save(tx *records.Tx, name string, l run.FindingsTx) error {
	findings, _ := l.Changed()
	for _, f := range findings {
		if err := tx.PutChanged(records.Findings, records.Owned(name)+f.ID, f); err != nil {
			return err
		}
	}
	for _, c := range l.Checks {
		if err := addCheck(tx, name, c); err != nil {
			return err
		}
	}
	return nil
}

// addCheck appends a check to those of its workspace. Only the newest one
// keeps what it could not see: that may be long, and nobody asks for the past.
func addCheck(tx *records.Tx, name string, c drift.Check) error {
	if newest, ok := tx.Last(records.Checks, records.Owned(name)); ok {
		var last drift.Check
		if err := newest.Decode(&last); err != nil {
			return err
		}
		if last.Blind != nil {
			last.Blind = nil
			if err := tx.Put(records.Checks, string(newest.Key), last); err != nil {
				return err
			}
		}
	}
	return tx.Add(records.Checks, checksSince(name, c.At), c)
}

// checksSince is a key before those of the checks of a workspace since a time.
func checksSince(name string, t time.Time) string {
	return records.Number(records.Owned(name), uint64(max(t.UnixMilli(), 0)))
}

// checkedAt is the time in the key of a check, in milliseconds.
func checkedAt(key []byte) int64 {
	_, tail, _ := bytes.Cut(key, []byte{0})
	return int64(binary.BigEndian.Uint64(tail[:8]))
}

// Findings reads the findings of a workspace, or of all ("") by workspace and
// id; those that are resolved too, as long as they are kept.
func (j Journal) Findings(ctx context.Context, name string) (findings []drift.Finding, err error) {
	prefix := ""
	if name != "" {
		prefix = records.Owned(name)
	}
	err = j.db.View(ctx, func(tx *records.Tx) error {
		findings, err = records.List[drift.Finding](tx, records.Findings, prefix)
		return err
	})
	return findings, err
}

// Finding reads one finding by its id.
func (j Journal) Finding(ctx context.Context, id string) (f drift.Finding, err error) {
	err = j.db.View(ctx, func(tx *records.Tx) error {
		for r := range tx.Walk(records.Findings, "") {
			if bytes.HasSuffix(r.Key, []byte("\x00"+id)) {
				return r.Decode(&f)
			}
		}
		return fault.New(fault.NotFound, "tfops drift findings", "there is no finding %q", id)
	})
	return f, err
}

// Checks reads the checks of all workspaces that are not older than since, by
// workspace and then in time; of each workspace the newest one in any case.
func (j Journal) Checks(ctx context.Context, since time.Time) (checks []drift.Check, err error) {
	err = j.db.View(ctx, func(tx *records.Tx) error {
		for r := range tx.Walk(records.Checks, "") {
			if checkedAt(r.Key) < since.UnixMilli() && sameOwner(r.Key, r.Next) {
				continue
			}
			var c drift.Check
			if err := r.Decode(&c); err != nil {
				return err
			}
			checks = append(checks, c)
		}
		return nil
	})
	return checks, err
}

// ChecksOf reads the checks of a workspace that are not older than since,
// oldest first.
func (j Journal) ChecksOf(ctx context.Context, name string, since time.Time) (checks []drift.Check, err error) {
	err = j.db.View(ctx, func(tx *records.Tx) error {
		for r := range tx.WalkFrom(records.Checks, records.Owned(name), checksSince(name, since)) {
			var c drift.Check
			if err := r.Decode(&c); err != nil {
				return err
			}
			checks = append(checks, c)
		}
		return nil
	})
	return checks, err
}

// AddReports remembers reports, each under the name of its block.
func AddReports(tx *records.Tx, reports []run.Report) error {
	for _, r := range reports {
		if err := tx.Put(records.Reports, records.Owned(r.Name)+r.ID, r); err != nil {
			return err
		}
	}
	return nil
}

// Reports lists the reports that are kept, by name and then in time.
func (j Journal) Reports(ctx context.Context) (reports []run.Report, err error) {
	err = j.db.View(ctx, func(tx *records.Tx) error {
		reports, err = records.List[run.Report](tx, records.Reports, "")
		return err
	})
	return reports, err
}

// PruneDrift removes what is older than before: checks, but for the newest of
// each workspace; findings that were resolved, or whose workspace stands no
// more in the configuration; and reports, but for the newest of each name. It
// returns the ids of the reports that went.
func (j Journal) PruneDrift(
	ctx context.Context, before time.Time, configured map[string]bool,
) (reports []string, err error) {
	// What there is to remove is looked for beside those who write: there may be
	// tens of thousands of records. Only a finding can be another one by then.
	var old outdated
	err = j.db.View(ctx, func(tx *records.Tx) (err error) { old, err = outdatedIn(tx, before, configured); return err })
	if err != nil || len(old.findings)+len(old.checks)+len(old.reports) == 0 {
		return nil, err
	}
	err = j.db.Update(ctx, func(tx *records.Tx) error {
		for _, key := range old.findings {
			f, ok, err := records.Get[drift.Finding](tx, records.Findings, key)
			if err == nil && ok && f.Outdated(before, configured[f.Workspace]) {
				err = tx.Remove(records.Findings, key)
			}
			if err != nil {
				return err
			}
		}
		return cmp.Or(tx.Remove(records.Checks, old.checks...), tx.Remove(records.Reports, old.reports...))
	})
	if err != nil {
		return nil, err
	}
	return old.reportIDs, nil
}

// outdated are the keys of what may go.
type outdated struct{ findings, checks, reports, reportIDs []string }

func outdatedIn(tx *records.Tx, before time.Time, configured map[string]bool) (old outdated, err error) {
	for r := range tx.Walk(records.Findings, "") {
		var f drift.Finding
		if err := r.Decode(&f); err != nil {
			return old, err
		}
		if f.Outdated(before, configured[f.Workspace]) {
			old.findings = append(old.findings, string(r.Key))
		}
	}
	for r := range tx.Walk(records.Checks, "") {
		name, _, _ := bytes.Cut(r.Key, []byte{0})
		if checkedAt(r.Key) < before.UnixMilli() && (!configured[string(name)] || sameOwner(r.Key, r.Next)) {
			old.checks = append(old.checks, string(r.Key))
		}
	}
	for r := range tx.Walk(records.Reports, "") {
		var made run.Report
		if err := r.Decode(&made); err != nil {
			return old, err
		}
		if made.At.Before(before) && sameOwner(r.Key, r.Next) {
			old.reports, old.reportIDs = append(old.reports, string(r.Key)), append(old.reportIDs, made.ID)
		}
	}
	return old, nil
}

// sameOwner reports whether two keys begin with the same name.
func sameOwner(a, b []byte) bool {
	x, _, _ := bytes.Cut(a, []byte{0})
	y, _, found := bytes.Cut(b, []byte{0})
	return found && bytes.Equal(x, y)
}

// Rename gives the findings and checks of one workspace to another name. It returns
// the ids of the findings as they are now, by those before.
func Rename(tx *records.Tx, r run.Rename) (map[string]string, error) {
	old, err := records.List[drift.Finding](tx, records.Findings, records.Owned(r.From))
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, f := range old {
		now := r.Finding(f)
		ids[f.ID] = now.ID
		if err := tx.Put(records.Findings, records.Owned(r.To)+now.ID, now); err != nil {
			return nil, err
		}
	}
	if err := tx.RemoveOwned(records.Findings, r.From); err != nil {
		return nil, err
	}
	return ids, renameChecks(tx, r)
}

func renameChecks(tx *records.Tx, r run.Rename) error {
	moved := map[string]drift.Check{}
	for rec := range tx.Walk(records.Checks, records.Owned(r.From)) {
		var c drift.Check
		if err := rec.Decode(&c); err != nil {
			return err
		}
		c.Workspace = r.To
		moved[records.Owned(r.To)+string(rec.Key[len(records.Owned(r.From)):])] = c
	}
	for key, c := range moved {
		if err := tx.Put(records.Checks, key, c); err != nil {
			return err
		}
	}
	return tx.RemoveOwned(records.Checks, r.From)
}
