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
func (s Sight) Rules() []Rule {
	r := rules{}
	for _, path := range s.Hide {
		if real, _ := follow(path); real != "" && real != "/" {
			r.hidden = append(r.hidden, real)
		}
	}
	r.read("/")
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
	return r.all
}

type rules struct {
	hidden []string
	all    []Rule
}

func (r *rules) give(path string, write bool) {
	if real, _ := follow(path); real != "" && real != "/" {
		r.all = append(r.all, Rule{real, write})
	}
}

// read gives a directory as a whole where nothing in it is hidden.
func (r *rules) read(dir string) {
	if slices.Contains(r.hidden, dir) {
		return
	}
	holds := func(path string) bool { return strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/") }
	if !slices.ContainsFunc(r.hidden, holds) {
		r.all = append(r.all, Rule{dir, false})
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // who cannot list it is not kept from more
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink == 0 {
			r.read(filepath.Join(dir, e.Name()))
		}
	}
}
