// Package repair sees at a start whether the records of a file are what was written:
// each against its checksum, the indexes against the runs, sequences against what was
// numbered by them. A record that is wrong is parked: its bytes go to a bucket of their
// own, what depended on it is held until a person has looked, and it is never used.
package repair

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/store/records"
)

// Parked is a record that was not what was written.
type Parked struct {
	Bucket string    `json:"bucket"`
	Key    []byte    `json:"key"`
	Raw    []byte    `json:"raw"`
	Why    string    `json:"why"`
	At     time.Time `json:"at"`
}

// Name is the key as people read it.
func (p Parked) Name() string {
	if utf8.Valid(p.Key) && !bytes.ContainsFunc(p.Key, func(r rune) bool { return r < ' ' }) {
		return string(p.Key)
	}
	return strconv.Quote(string(p.Key))
}

// keptFor is how long a parked record is kept and spoken of.
const keptFor = 30 * 24 * time.Hour

func (p Parked) outdated(now time.Time) bool { return now.Sub(p.At) > keptFor }

// ListParked reads what was set aside, oldest first.
func ListParked(tx *records.Tx) ([]Parked, error) {
	return records.List[Parked](tx, records.Parked, "")
}

func park(tx *records.Tx, p Parked) error {
	return tx.Add(records.Parked, records.Owned(p.Bucket), p)
}

func dropOutdated(tx *records.Tx, now time.Time) error {
	var old []string
	for r := range tx.Walk(records.Parked, "") {
		var p Parked
		if err := r.Decode(&p); err != nil {
			return err
		}
		if p.outdated(now) {
			old = append(old, string(r.Key))
		}
	}
	return tx.Remove(records.Parked, old...)
}
