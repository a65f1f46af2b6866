package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// world is the directory that holds the things.
type world string

// object is a thing as it exists in the world.
type object struct {
	Name     string            `json:"name"`
	Value    string            `json:"value"`
	Note     string            `json:"note"`
	Tags     map[string]string `json:"tags,omitempty"`
	Secret   *string           `json:"secret,omitempty"`
	Revision int64             `json:"revision"` // how often it was written by the provider
}

var errNoWorld = errors.New(`the world is not known: set "world" in the provider block or LAB_WORLD in the environment`)

func (w world) file(name string) (string, error) {
	if w == "" {
		return "", errNoWorld
	}
	if name == "" || strings.ContainsAny(name, "/\x00") || strings.HasPrefix(name, ".") {
		return "", fmt.Errorf("%q cannot be the name of a file", name)
	}
	return filepath.Join(string(w), name+".json"), nil
}

// read returns the object, nil if there is none.
func (w world) read(name string) (*object, error) {
	file, err := w.file(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &o, nil
}

// write makes the object as it is given; operation is what the journal calls
// it.
func (w world) write(operation string, o object) error {
	file, err := w.file(o.Name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(w), 0o755); err != nil {
		return err
	}
	if err := w.note(operation, o); err != nil {
		return err
	}
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	return replace(file, append(data, '\n'))
}

func (w world) remove(name string) error {
	file, err := w.file(name)
	if err != nil {
		return err
	}
	if err := w.note("delete", object{Name: name}); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// journal is the file in which every change of the world is noted, one JSON
// object a line, oldest first. Nothing is ever taken out of it, so that a test
// sees what was done twice.
const journal = "journal"

// entry is a line of the journal.
type entry struct {
	Operation string `json:"operation"` // create, update or delete
	Name      string `json:"name"`
	Value     string `json:"value,omitempty"`
	Revision  int64  `json:"revision,omitempty"`
}

// note is called right before the change, so that a process killed in between
// leaves a line too many rather than one too few.
func (w world) note(operation string, o object) error {
	line, err := json.Marshal(entry{operation, o.Name, o.Value, o.Revision})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(string(w), journal), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n')) // at once: other providers write as well
	return errors.Join(err, f.Close())
}

// replace writes a file whole or not at all, so that who waits for it never
// reads half of it.
func replace(file string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".lab-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(0o666) // others who may write to the world are others' engines
	}
	if err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
