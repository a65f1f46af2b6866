package artifacts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
)

// Objects keeps contents by key: names joined by slashes, such as runs/ID/plan.json. It is what the
// daemon asks of whoever keeps artifacts for it.
type Objects interface {
	// Read is the whole content of a key, within bounds; fs.ErrNotExist where there is none.
	Read(key string, b Bounds) ([]byte, error)
	// Write puts a content in the place of what was there, whole or not at all. On a disk the
	// directory has to be there: that of a run that was removed is not made again.
	Write(key string, content []byte, w Writing) error
	// Copy gives the content of one key, which is never written again, to another; Sync makes
	// it last. fs.ErrNotExist where there is none.
	Copy(from, to string) error
	// Sync has all keys right below one survive a power cut.
	Sync(key string) error
	// Remove removes a key and all below it. It need not be there.
	Remove(key string) error
	// List are the names right below a key, sorted; none where it is not there.
	List(key string) ([]string, error)
}

// Bounds are what is accepted of a content.
type Bounds struct {
	Most int64 // bytes
	Sole bool  // an engine could have put another file in its place: it must have no other name
}

// What tfops says of a run or a workspace, and what a runner made of what an engine says.
var (
	ofRecords = Bounds{Most: datafile.Record}
	ofReports = Bounds{Most: datafile.Large}
	ofPlans   = Bounds{Most: datafile.Large, Sole: true}
)

// Writing says what a write waits for.
type Writing int

const (
	Lasting Writing = iota // it survives a power cut
	Soon                   // it may be lost in one
)

// disk is Objects in a directory of this machine.
type disk string

func (d disk) path(key string) string { return filepath.Join(string(d), filepath.FromSlash(key)) }

func (d disk) Read(key string, b Bounds) ([]byte, error) {
	if b.Sole {
		return datafile.ReadSole(d.path(key), b.Most)
	}
	return datafile.Read(d.path(key), b.Most)
}

func (d disk) Write(key string, content []byte, w Writing) error {
	at := d.path(key)
	if w == Lasting {
		return durable.Write(at, content)
	}
	tmp, err := datafile.OpenFile(at+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(at+".tmp", at)
}

func (d disk) Copy(from, to string) error {
	src, dst := d.path(from), d.path(to)
	tmp := dst + ".tmp"
	if err := durable.Remove(tmp); err != nil { // of a crash
		return err
	}
	if err := os.Link(src, tmp); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return err
		}
		b, err := datafile.Read(src, datafile.Record) // there are file systems without links
		if err != nil {
			return err
		}
		return durable.Write(dst, b)
	}
	if err := os.Rename(tmp, dst); err != nil {
		return err
	}
	return durable.Remove(tmp) // of two names of one file the old one stays
}

func (d disk) Sync(key string) error { return durable.Sync(d.path(key)) }

func (d disk) Remove(key string) error { return os.RemoveAll(d.path(key)) }

func (d disk) List(key string) ([]string, error) { return names(d.path(key), false) }
