package repair

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
)

// damage is what is wrong with a file whose pages are in order.
type damage struct {
	bad       []Parked
	sequences map[string]uint64 // too low: what was numbered would be written over
	indexes   bool              // the indexes are not those of the runs
	missing   bool              // a workspace has runs and no record
	outdated  bool              // of parked records, some are past their time
}

func (d damage) none() bool {
	return len(d.bad) == 0 && len(d.sequences) == 0 && !d.indexes && !d.missing && !d.outdated
}

// inspect walks all records. An error means that the file as a whole is not to be
// trusted.
func inspect(tx *records.Tx, now time.Time) (d damage, err error) {
	d.sequences = map[string]uint64{}
	for _, bucket := range slices.Concat([][]byte{records.Meta}, records.Signed, records.Indexes) {
		if err := found(tx, bucket); err != nil {
			return d, err
		}
	}
	for _, bucket := range records.Signed {
		if err := d.inspect(tx, bucket, now); err != nil {
			return d, err
		}
	}
	want, err := indexesOf(tx)
	if err != nil {
		return d, nil // a run cannot be read, which is known, and parked first
	}
	d.indexes = !want.active.is(tx, records.Active) || !want.byWorkspace.is(tx, records.ByWorkspace)
	for name := range want.byWorkspace.owners() {
		d.missing = d.missing || !tx.Has(records.Workspaces, name) && ranFor(tx, name)
	}
	return d, nil
}

// found sees that each key of a bucket is found where it lies.
func found(tx *records.Tx, bucket []byte) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return fmt.Errorf("its bucket %s is gone", bucket)
	}
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if key, value := b.Cursor().Seek(k); !bytes.Equal(key, k) || !bytes.Equal(value, v) || v == nil {
			return fmt.Errorf("the record %q in %s is not found by its key", k, bucket)
		}
	}
	return nil
}

// inspect holds the records of a bucket against their checksums.
func (d *damage) inspect(tx *records.Tx, bucket []byte, now time.Time) error {
	b := tx.Bucket(bucket)
	isNumbered := slices.ContainsFunc(records.Numbered, func(n []byte) bool { return bytes.Equal(n, bucket) })
	var highest uint64
	err := b.ForEach(func(k, raw []byte) error {
		if len(k) == 0 { // which nobody writes, and nobody can take out again
			return fmt.Errorf("bucket %s has a record without a key", bucket)
		}
		text, has, err := records.Verify(bucket, k, raw)
		if err == nil && !has {
			err = errors.New("it has no checksum")
		}
		if err != nil {
			d.bad = append(d.bad, Parked{Bucket: string(bucket), Key: bytes.Clone(k), Raw: bytes.Clone(raw),
				Why: err.Error(), At: now})
			return nil
		}
		if isNumbered && len(k) >= 8 {
			highest = max(highest, binary.BigEndian.Uint64(k[len(k)-8:]))
		}
		var p Parked
		if bytes.Equal(bucket, records.Parked) && json.Unmarshal(text, &p) == nil && p.outdated(now) {
			d.outdated = true
		}
		return nil
	})
	if b.Sequence() < highest {
		d.sequences[string(bucket)] = highest
	}
	return err
}

// keys are those of an index.
type keys map[string]bool

// is reports whether an index has these keys, and no others.
func (k keys) is(tx *records.Tx, index []byte) bool {
	n, same := 0, true
	for r := range tx.Walk(index, "") {
		n++
		same = same && k[string(r.Key)]
	}
	return same && n == len(k)
}

// owners are the names that the keys begin with.
func (k keys) owners() map[string]bool {
	names := map[string]bool{}
	for key := range k {
		name, _, _ := bytes.Cut([]byte(key), []byte{0})
		names[string(name)] = true
	}
	return names
}

type indexes struct{ active, byWorkspace keys }

// indexesOf reckons what the indexes should hold.
func indexesOf(tx *records.Tx) (indexes, error) {
	want := indexes{keys{}, keys{}}
	for rec := range tx.Walk(records.Runs, "") {
		var r run.Run
		if err := rec.Decode(&r); err != nil {
			return indexes{}, err
		}
		key := records.Owned(r.Workspace) + r.ID
		want.byWorkspace[key] = true
		if !r.Status.Terminal() {
			want.active[key] = true
		}
	}
	return want, nil
}

// ranFor reports whether a workspace has a run that went beyond waiting: every
// such run leaves a record of the workspace.
func ranFor(tx *records.Tx, name string) bool {
	for id := range tx.NewestFirst(records.ByWorkspace, records.Owned(name), "") {
		if r, err := tx.Run(id); err == nil && r.Kind.Applies() {
			return true
		}
	}
	return false
}
