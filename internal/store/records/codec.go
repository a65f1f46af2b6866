package records

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/tfops/tfops/internal/fault"
)

// A record is its JSON, a line feed, and the CRC-32C in hex of bucket, key and
// JSON: bytes that rot, under their own key or another's, are told from what was
// written. Files of schema 3 and older have none of that.
const sumLength = 1 + 8

// castagnoli takes longer to make than most of a start does, and a runner has no records.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

func sum(bucket, key, text []byte) string {
	c := crc32.Update(0, castagnoli(), bucket)
	c = crc32.Update(c, castagnoli(), []byte("\x00"+string(key)+"\x00"))
	return fmt.Sprintf("\n%08x", crc32.Update(c, castagnoli(), text))
}

func signed(bucket, key, text []byte) []byte {
	return append(bytes.Clone(text), sum(bucket, key, text)...)
}

// encode is a record as it lies under its key.
func encode(bucket, key []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return signed(bucket, key, text), nil
}

var errSum = errors.New("its checksum does not fit")

// Verify is the JSON of a record. One without a checksum is of an older schema,
// unless the whole file was verified (see package repair).
func Verify(bucket, key, raw []byte) (text []byte, has bool, err error) {
	at := len(raw) - sumLength
	if at < 0 || raw[at] != '\n' {
		return raw, false, nil
	}
	if string(raw[at:]) != sum(bucket, key, raw[:at]) {
		return nil, true, errSum
	}
	return raw[:at], true, nil
}

// decode reads a record as it lies under its key.
func decode(bucket, key, raw []byte, v any) error {
	text, _, err := Verify(bucket, key, raw)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fault.New(fault.Internal, "start `tfops serve` again: it sets the record aside, holds what depends "+
			"on it, and says so in tfops status", "the record %q in %s of the store cannot be read: %w", key, bucket,
			err)
	}
	return nil
}

// Owned begins the keys of all records that somebody owns.
func Owned(owner string) string { return owner + "\x00" }

// Number is a key that ends in a number, so that keys sort by it.
func Number(prefix string, n uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte(prefix), n))
}

// NumberOf is the number that a key ends in; 0 where it has none.
func NumberOf(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
}
