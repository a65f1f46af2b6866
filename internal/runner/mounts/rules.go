package mounts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Rule gives a process what lies at a path, where nothing can be mounted: it may read it, or change it, too.
type Rule struct {
	Path  string // without symbolic links
	Write bool
}

// Rules are what makes a sight without mounts, for rules that only give: all that is not hidden may be read,
// directory by directory. What is shown elsewhere than it lies cannot be; it is given where it lies.
func (s Sight) Rules() ([]Rule, error) {
	hidden, err := s.hidden()
	if err != nil {
		return nil, err
	}
	r := rules{}
	for _, path := range hidden {
		if real, _ := follow(path); real != "" && real != "/" {
			r.hidden = append(r.hidden, real)
		}
	}
	r.all = append(r.all, r.parts("/", false)...)
	for _, path := range s.Read {
		r.give(path, false)
	}
	for _, show := range s.Shown {
		r.give(show.From, show.Write)
	}
	for _, path := range s.Write {
		r.give(path, true)
	}
	for _, name := range append([]string{"shm", "pts", "ptmx"}, nodes...) {
		r.give("/dev/"+name, true)
	}
	return r.all, nil
}

type rules struct {
	hidden []string
	all    []Rule
}

// give gives what lies at a path, but for what is hidden in it.
func (r *rules) give(path string, write bool) {
	real, _ := follow(path)
	switch {
	case real == "" || real == "/":
	case slices.Contains(r.hidden, real): // it is given all the same
		r.all = append(r.all, Rule{real, write})
	default:
		r.all = append(r.all, r.parts(real, write)...)
	}
}

// parts are a directory as a whole where nothing in it is hidden.
func (r *rules) parts(dir string, write bool) (all []Rule) {
	if slices.Contains(r.hidden, dir) {
		return nil
	}
	holds := func(path string) bool { return strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/") }
	if !slices.ContainsFunc(r.hidden, holds) {
		return []Rule{{dir, write}}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // who cannot list it is not kept from more
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink == 0 {
			all = append(all, r.parts(filepath.Join(dir, e.Name()), write)...)
		}
	}
	return all
}
