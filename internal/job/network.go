package job

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/tfops/tfops/internal/datafile"
)

// NetworkFile is the ledger of a phase, in its directory: a JSON list of Contacts.
const NetworkFile = "network.json"

// Contact is a host that the engine of a phase spoke to, or wanted to.
type Contact struct {
	Host    string    `json:"host"` // a name, or an address
	Port    int       `json:"port,omitempty"`
	In      int64     `json:"in"`  // bytes that came from it
	Out     int64     `json:"out"` // bytes that went to it
	Count   int       `json:"count"`
	First   time.Time `json:"first"`
	Refused string    `json:"refused,omitempty"` // why it was not reached
}

// LoadNetwork reads the ledger of the phase in a directory; nil where none was kept.
func LoadNetwork(dir string) ([]Contact, error) {
	b, err := datafile.Read(filepath.Join(dir, NetworkFile), datafile.Large)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Contact
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	return all, err
}
