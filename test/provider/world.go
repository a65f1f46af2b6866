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

func (w world) write(o object) error {
	file, err := w.file(o.Name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(w), 0o755); err != nil {
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
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// replace writes a file whole or not at all, so that who waits for it never
// reads half of it.
func replace(file string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".lab-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
