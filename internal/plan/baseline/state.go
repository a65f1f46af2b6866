// Package baseline remembers the state as a run of tfops left it, and the world as it was then. What a later
// plan finds otherwise in the state, somebody else wrote there; what it finds otherwise in the world, and was
// so already then, nobody has changed since.
package baseline

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// State is a state as engines write it, as far as it is read.
type State struct {
	Version   int                `json:"version"`
	Serial    uint64             `json:"serial"`
	Lineage   string             `json:"lineage"`
	Outputs   map[string]output  `json:"outputs"`
	Resources []resourceInstance `json:"resources"`
}

type output struct {
	Value     json.RawMessage `json:"value"`
	Sensitive bool            `json:"sensitive,omitempty"`
}

type resourceInstance struct {
	Module    string     `json:"module"`
	Mode      string     `json:"mode"`
	Type      string     `json:"type"`
	Name      string     `json:"name"`
	Instances []instance `json:"instances"`
}

type instance struct {
	Key        any                        `json:"index_key"`
	Status     string                     `json:"status"`
	Deposed    string                     `json:"deposed"`
	Attributes map[string]json.RawMessage `json:"attributes"`
	Sensitive  json.RawMessage            `json:"sensitive_attributes"`
}

// Managed counts the instances of managed resources.
func (s *State) Managed() (n int) {
	for _, r := range s.Resources {
		if r.Mode == "managed" {
			n += len(r.Instances)
		}
	}
	return n
}

// ReadState reads a state; nil where it is none.
func ReadState(b []byte) *State { return readState(bytes.NewReader(b)) }

func readState(r io.Reader) *State {
	s := &State{}
	if json.NewDecoder(r).Decode(s) != nil || s.Version == 0 {
		return nil
	}
	return s
}

// What an engine keeps in a saved plan, which is a ZIP archive, of the state: as it was
// found, and as it is after refreshing. Of a state in a backend only the second has the
// serial and the lineage, and only the first what is gone from the world.
const (
	foundState     = "tfstate-prev"
	refreshedState = "tfstate"
)

// maxPlannedState bounds how much of a state is read out of a plan.
const maxPlannedState = 512 << 20

// InPlan reads the states in a saved plan, as the engine found it and as the world is; both have the serial
// and the lineage. They are nil where they cannot be told, as of a plan that OpenTofu has encrypted.
func InPlan(saved []byte) (found, refreshed *State) {
	archive, err := zip.NewReader(bytes.NewReader(saved), int64(len(saved)))
	if err != nil {
		return nil, nil
	}
	states := map[string]*State{}
	for _, f := range archive.File {
		if f.Name == foundState || f.Name == refreshedState {
			states[f.Name] = inArchive(f)
		}
	}
	found, refreshed = states[foundState], states[refreshedState]
	if found == nil || refreshed == nil {
		return nil, nil
	}
	found.Serial, found.Lineage = refreshed.Serial, refreshed.Lineage
	return found, refreshed
}

func inArchive(f *zip.File) *State {
	r, err := f.Open()
	if err != nil {
		return nil
	}
	defer r.Close()
	return readState(io.LimitReader(r, maxPlannedState))
}

// Object is an instance in a state.
type Object struct {
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
	Hidden     []string                   `json:"hidden,omitempty"` // attributes at the top level that hold something sensitive
	Tainted    bool                       `json:"tainted,omitempty"`
}

// objects are the managed instances of a state, by Key.
func (s *State) objects() map[string]Object {
	out := map[string]Object{}
	for _, r := range s.Resources {
		if r.Mode != "managed" {
			continue
		}
		address := r.Type + "." + r.Name
		if r.Module != "" {
			address = r.Module + "." + address
		}
		for _, i := range r.Instances {
			out[Key(address+keyText(i.Key), i.Deposed)] = Object{Attributes: i.Attributes, Hidden: i.hidden(),
				Tainted: i.Status == "tainted"}
		}
	}
	return out
}

// hidden are the attributes at the top level in which something is marked.
func (i instance) hidden() (names []string) {
	var paths [][]struct {
		Value json.RawMessage `json:"value"`
	}
	if len(i.Sensitive) == 0 {
		return nil
	}
	if json.Unmarshal(i.Sensitive, &paths) != nil {
		return everything(i.Attributes)
	}
	for _, p := range paths {
		var name string
		if len(p) == 0 || json.Unmarshal(p[0].Value, &name) != nil {
			return everything(i.Attributes)
		}
		names = append(names, name)
	}
	return names
}

func everything(attributes map[string]json.RawMessage) (names []string) {
	for name := range attributes {
		names = append(names, name)
	}
	return names
}

// Key names an instance: its address, and of a deposed object which.
func Key(address, deposed string) string {
	if deposed != "" {
		return address + " (deposed " + deposed + ")"
	}
	return address
}

// keyText is an instance key as addresses have it.
func keyText(key any) string {
	switch key := key.(type) {
	case string:
		return `["` + quoted.Replace(key) + `"]`
	case float64:
		return fmt.Sprintf("[%.0f]", key)
	}
	return ""
}

// quoted writes a text between quotes as HCL does.
var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{")
