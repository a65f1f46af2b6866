// Package offline works on a data directory, or on a copy of its store, while no daemon
// runs: it looks into a store, makes a new one where it was lost, and restores states.
package offline

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/store"
)

// LooksLikeStore refuses a file that never was a store, which is no reason to
// speak of damage. A store begins with two pages of metadata, each with
// bbolt's magic number behind a header of 16 bytes; one of them suffices, and
// the size of a page is that of the machine that made it. What cannot be read,
// or is empty, is left to whoever opens the store.
func LooksLikeStore(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	begin := make([]byte, 64<<10+20)
	n, err := io.ReadFull(f, begin)
	if n == 0 || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	for page := 0; page+20 <= n; page = max(2*page, 1<<10) {
		if binary.NativeEndian.Uint32(begin[page+16:]) == 0xED0CDAED {
			return nil
		}
	}
	return fault.New(fault.Invalid, "name a tfops.db, the data directory that it is in, or a file that tfops backup "+
		"wrote", "%s is not a tfops store", path)
}

// CheckStore walks all of a copy.
func CheckStore(path string) error {
	s, err := store.Open(path, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	return s.Close()
}
