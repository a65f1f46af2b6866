package decode

import (
	"os"
	"path/filepath"
	"strings"
)

// Paths reads a list of files and directories of this machine. A path may begin with ~.
func (b Block) Paths(name string) Field[[]Item] {
	f := b.List(name)
	for i, item := range f.Val {
		path := expand(item.Val)
		switch {
		case !filepath.IsAbs(path):
			b.r.Errorf(item.Range, "not an absolute path", "%s names files and directories of this machine: write "+
				"the whole path, or begin with ~/ for the home directory of tfops' user. Files of the repository are "+
				"there anyway.", name)
		case filepath.Clean(path) == "/":
			b.r.Errorf(item.Range, "the whole machine", "Name the directories that the engine needs. What is not "+
				"hidden can be read without %s.", name)
		}
		f.Val[i].Val = filepath.Clean(path)
	}
	return f
}

// expand puts the home directory of tfops' user in the place of ~.
func expand(path string) string {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path
	}
	return filepath.Join(os.Getenv("HOME"), path[1:])
}

// Overlap reports whether one path is the other, or holds it.
func Overlap(a, b string) bool {
	in := func(path, dir string) bool { return strings.HasPrefix(path+"/", strings.TrimSuffix(dir, "/")+"/") }
	a, b = filepath.Clean(a), filepath.Clean(b)
	return in(a, b) || in(b, a)
}
