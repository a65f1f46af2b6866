package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// ledger is what a decision about a workspace may see of its drift.
func findingsTx(tx *txn, name string) run.FindingsTx {
	return run.FindingsTx{Read: func() ([]drift.Finding, error) { return prefixed[drift.Finding](tx, bucketFindings, name) }}
}

// saveFindingsTx stores what a decision changed.
func saveFindingsTx(tx *txn, name string, l run.FindingsTx) error {
	if findings, changed := l.Changed(); changed {
		if err := saveFindings(tx, name, findings); err != nil {
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

// saveFindings writes those that are not as they were.
func saveFindings(tx *txn, name string, findings []drift.Finding) error {
	b := tx.Bucket(bucketFindings)
	for _, f := range findings {
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		key := []byte(name + "\x00" + f.ID)
		raw := signed(bucketFindings, string(key), text)
		if bytes.Equal(b.Get(key), raw) {
			continue
		}
		if err := b.Put(key, raw); err != nil {
			return err
		}
	}
	return nil
}

// addCheck appends a check to those of its workspace. Only the newest one
// keeps what it could not see: that may be long, and nobody asks for the past.
func addCheck(tx *txn, name string, c drift.Check) error {
	b := tx.Bucket(bucketChecks)
	prefix := []byte(name + "\x00")
	if k, raw := lastOf(b, prefix); k != nil {
		var last drift.Check
		if err := decode(bucketChecks, string(k), raw, &last); err != nil {
			return unreadable(bucketChecks, string(k), err)
		}
		if last.Blind != nil {
			last.Blind = nil
			if err := put(tx, bucketChecks, string(k), last); err != nil {
				return err
			}
		}
	}
	seq, err := b.NextSequence()
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(prefix, uint64(c.At.UnixMilli()))
	return put(tx, bucketChecks, string(binary.BigEndian.AppendUint64(key, seq)), c)
}

// lastOf is the last record whose key begins with prefix; nil when there is none.
func lastOf(b *bolt.Bucket, prefix []byte) (key, value []byte) {
	c := b.Cursor()
	last := c.Prev
	if after, _ := c.Seek(append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, 16)...)); after == nil {
		last = c.Last
	}
	if key, value = last(); !bytes.HasPrefix(key, prefix) {
		return nil, nil
	}
	return bytes.Clone(key), value
}

// checkedAt is the time in the key of a check, in milliseconds.
func checkedAt(key []byte) int64 {
	_, tail, _ := bytes.Cut(key, []byte{0})
	return int64(binary.BigEndian.Uint64(tail[:8]))
}

// Findings reads the findings of a workspace, or of all ("") by workspace and
// id; those that are resolved too, as long as they are kept.
func (s *Store) Findings(ctx context.Context, name string) (findings []drift.Finding, err error) {
	err = s.view(ctx, func(tx *txn) error {
		if name != "" {
			findings, err = prefixed[drift.Finding](tx, bucketFindings, name)
			return err
		}
		return each(tx, bucketFindings, func(k, raw, _ []byte) error {
			var f drift.Finding
			if err := decode(bucketFindings, string(k), raw, &f); err != nil {
				return unreadable(bucketFindings, string(k), err)
			}
			findings = append(findings, f)
			return nil
		})
	})
	return findings, err
}

// Finding reads one finding by its id.
func (s *Store) Finding(ctx context.Context, id string) (f drift.Finding, err error) {
	err = s.view(ctx, func(tx *txn) error {
		found := false
		err := each(tx, bucketFindings, func(k, raw, _ []byte) error {
			if !bytes.HasSuffix(k, []byte("\x00"+id)) {
				return nil
			}
			found = true
			if err := decode(bucketFindings, string(k), raw, &f); err != nil {
				return unreadable(bucketFindings, string(k), err)
			}
			return nil
		})
		if err != nil || found {
			return err
		}
		return fault.New(fault.NotFound, "tfops drift findings", "there is no finding %q", id)
	})
	return f, err
}

// Checks reads the checks of all workspaces that are not older than since, by
// workspace and then in time; of each workspace the newest one in any case.
func (s *Store) Checks(ctx context.Context, since time.Time) (checks []drift.Check, err error) {
	err = s.view(ctx, func(tx *txn) error {
		return each(tx, bucketChecks, func(k, raw, next []byte) error {
			if checkedAt(k) < since.UnixMilli() && sameOwner(k, next) {
				return nil
			}
			var c drift.Check
			if err := decode(bucketChecks, string(k), raw, &c); err != nil {
				return unreadable(bucketChecks, string(k), err)
			}
			checks = append(checks, c)
			return nil
		})
	})
	return checks, err
}

// ChecksOf reads the checks of a workspace that are not older than since,
// oldest first.
func (s *Store) ChecksOf(ctx context.Context, name string, since time.Time) (checks []drift.Check, err error) {
	err = s.view(ctx, func(tx *txn) error {
		b := tx.Bucket(bucketChecks)
		if b == nil {
			return nil
		}
		prefix := []byte(name + "\x00")
		c := b.Cursor()
		from := binary.BigEndian.AppendUint64(bytes.Clone(prefix), uint64(max(since.UnixMilli(), 0)))
		for k, raw := c.Seek(from); bytes.HasPrefix(k, prefix); k, raw = c.Next() {
			var check drift.Check
			if err := decode(bucketChecks, string(k), raw, &check); err != nil {
				return unreadable(bucketChecks, string(k), err)
			}
			checks = append(checks, check)
		}
		return nil
	})
	return checks, err
}

// addReports remembers reports, each under the name of its block.
func addReports(tx *txn, reports []run.Report) error {
	for _, r := range reports {
		if err := put(tx, bucketReports, r.Name+"\x00"+r.ID, r); err != nil {
			return err
		}
	}
	return nil
}

// Reports lists the reports that are kept, by name and then in time.
func (s *Store) Reports(ctx context.Context) (reports []run.Report, err error) {
	err = s.view(ctx, func(tx *txn) error {
		return each(tx, bucketReports, func(k, raw, _ []byte) error {
			var r run.Report
			if err := decode(bucketReports, string(k), raw, &r); err != nil {
				return unreadable(bucketReports, string(k), err)
			}
			reports = append(reports, r)
			return nil
		})
	})
	return reports, err
}

// PruneDrift removes what is older than before: checks, but for the newest of
// each workspace; findings that were resolved, or whose workspace stands no
// more in the configuration; and reports, but for the newest of each name. It
// returns the ids of the reports that went.
func (s *Store) PruneDrift(ctx context.Context, before time.Time, configured map[string]bool) (reports []string, err error) {
	late := before.UnixMilli()
	old := func(k, raw, _ []byte) (bool, error) {
		var f drift.Finding
		err := decode(bucketFindings, string(k), raw, &f)
		return err == nil && (f.Life == drift.Resolved && f.ResolvedAt.Before(before) || !configured[f.Workspace] && f.LastSeen.Before(before)), err
	}
	// What there is to remove is looked for beside those who write: there may be
	// tens of thousands of records. Only a finding can be another one by then.
	var findings, checks, made []string
	err = s.view(ctx, func(tx *txn) (err error) {
		if findings, err = those(tx, bucketFindings, old); err != nil {
			return err
		}
		checks, err = those(tx, bucketChecks, func(k, _, next []byte) (bool, error) {
			name, _, _ := bytes.Cut(k, []byte{0})
			return checkedAt(k) < late && (!configured[string(name)] || sameOwner(k, next)), nil
		})
		if err != nil {
			return err
		}
		made, err = those(tx, bucketReports, func(k, raw, next []byte) (bool, error) {
			var r run.Report
			if err := decode(bucketReports, string(k), raw, &r); err != nil || !r.At.Before(before) || !sameOwner([]byte(r.Name+"\x00"), next) {
				return false, err
			}
			reports = append(reports, r.ID)
			return true, nil
		})
		return err
	})
	if err != nil || len(findings)+len(checks)+len(made) == 0 {
		return nil, err
	}
	err = s.update(ctx, func(tx *txn) error {
		for _, k := range findings {
			raw := tx.Bucket(bucketFindings).Get([]byte(k))
			if raw == nil {
				continue
			}
			gone, err := old([]byte(k), raw, nil)
			if err != nil {
				return unreadable(bucketFindings, k, err)
			}
			if gone {
				err = remove(tx, bucketFindings, k)
			}
			if err != nil {
				return err
			}
		}
		return cmp.Or(remove(tx, bucketChecks, checks...), remove(tx, bucketReports, made...))
	})
	if err != nil {
		return nil, err
	}
	return reports, nil
}

// sameOwner reports whether two keys begin with the same name.
func sameOwner(a, b []byte) bool {
	x, _, _ := bytes.Cut(a, []byte{0})
	y, _, found := bytes.Cut(b, []byte{0})
	return found && bytes.Equal(x, y)
}

// each walks a bucket, telling the key after each as well; a file of an older
// schema that is only read may lack the bucket.
func each(tx *txn, bucket []byte, fn func(k, raw, next []byte) error) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return nil
	}
	c := b.Cursor()
	for k, raw := c.First(); k != nil; {
		next, following := c.Next()
		if err := fn(k, raw, next); err != nil {
			return err
		}
		k, raw = next, following
	}
	return nil
}

// those lists the keys of the records that pick picks.
func those(tx *txn, bucket []byte, pick func(k, raw, next []byte) (bool, error)) (keys []string, err error) {
	err = each(tx, bucket, func(k, raw, next []byte) error {
		yes, err := pick(k, raw, next)
		if err != nil {
			return unreadable(bucket, string(k), err)
		}
		if yes {
			keys = append(keys, string(k))
		}
		return nil
	})
	return keys, err
}
