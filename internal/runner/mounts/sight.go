// Package mounts is what an engine sees of the file system: everything, but read-only and without what
// is hidden; and back comes what it was given. What that means as a list of mounts is decided first,
// and carried out then, in a mount namespace that the engine's command has for itself.
package mounts

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Sight is what a command of the engine sees. Paths are absolute; what is not there is left out.
type Sight struct {
	Hide  []string // directories are empty, files cannot be opened
	Read  []string // what is given back of that
	Write []string // what can be written; nothing else can
	Shown []Shown
}

// Shown is a directory or a file that is seen at another path than its own.
type Shown struct {
	At, From string
	Write    bool
}

// What is done at a path.
type kind int

const (
	link    kind = iota // a symbolic link, where the one that was there is hidden
	hide                // an empty directory, or a file that nobody can open
	read                // what is there, read-only
	write               // what is there
	private             // another directory
	devices             // a small /dev
	memory              // files in memory
	ptys                // pseudo terminals of its own
)

// Mount is one step on the way to what a command sees.
type Mount struct {
	kind kind
	at   string // without symbolic links
	from string // of what is shown; of a link, its target
	dir  bool   // what is shown is a directory
}

// Room has the files of the cell itself: the programs that start the engine, and what it is given for
// one command at a path of its own.
const Room = "/dev/tfops"

// Nothing is a file that nobody can open.
const Nothing = Room + "/nothing"

// nodes are the devices that an engine gets.
var nodes = []string{"null", "zero", "full", "random", "urandom", "tty"}

// Plan is the mounts that make a sight, in their order: what holds another one comes first. It looks
// at the file system as it is, and changes nothing.
func (s Sight) Plan() ([]Mount, error) {
	hidden, err := s.hidden()
	if err != nil {
		return nil, err
	}
	p := planning{found: map[string]Mount{}}
	for _, path := range hidden {
		p.add(hide, path)
	}
	p.devices()
	for _, path := range s.Read {
		p.add(read, path)
	}
	for _, path := range s.Write {
		p.add(write, path)
	}
	for _, show := range s.Shown {
		if err := p.show(show); err != nil {
			return nil, err
		}
	}
	return p.inOrder(), nil
}

// hidden is what is hidden, at all paths at which it can be seen. What something else is shown in the place of is not
// to be seen elsewhere, either.
func (s Sight) hidden() ([]string, error) {
	all, err := readMounts()
	if err != nil {
		return nil, err
	}
	var real []string
	note := func(path string) {
		if path, _ = follow(path); path != "" && path != "/" {
			real = append(real, path)
		}
	}
	for _, path := range s.Hide {
		note(path)
	}
	for _, shown := range s.Shown {
		if shown.At != shown.From {
			note(shown.At)
		}
	}
	return slices.Concat(s.Hide, elsewhere(all, real)), nil
}

type planning struct{ found map[string]Mount }

// add finds out where a path leads, and what stands there.
func (p *planning) add(k kind, path string) {
	real, links := follow(path)
	if real == "" || real == "/" {
		return
	}
	info, err := os.Lstat(real)
	if err != nil {
		return
	}
	p.links(links)
	p.put(Mount{k, real, real, info.IsDir()})
}

// show has something be seen at a path that need not be there.
func (p *planning) show(s Shown) error {
	info, err := os.Stat(s.From)
	if err != nil {
		return gone(err)
	}
	from, _ := follow(s.From)
	at, links := follow(s.At)
	if at == "" {
		var dir string
		dir, links = follow(filepath.Dir(s.At))
		at = filepath.Join(dir, filepath.Base(s.At))
		if dir == "" {
			at = filepath.Clean(s.At)
		}
	}
	if at == "/" {
		return nil
	}
	p.links(links)
	m := Mount{read, at, from, info.IsDir()}
	if s.Write {
		m.kind = private
	}
	p.put(m)
	return nil
}

func (p *planning) links(links []Mount) {
	for _, l := range links {
		if _, ok := p.found[l.at]; !ok {
			p.found[l.at] = l
		}
	}
}

// put keeps, of several mounts at one path, the one that gives most.
func (p *planning) put(m Mount) {
	order := []kind{link, hide, private, read, write}
	old, ok := p.found[m.at]
	if ok && (old.kind >= devices || slices.Index(order, old.kind) > slices.Index(order, m.kind)) {
		return
	}
	p.found[m.at] = m
}

func (p *planning) devices() {
	p.found["/dev"] = Mount{devices, "/dev", "", true}
	for _, name := range nodes {
		if info, err := os.Stat("/dev/" + name); err == nil && info.Mode()&fs.ModeDevice != 0 {
			p.found["/dev/"+name] = Mount{write, "/dev/" + name, "/dev/" + name, false}
		}
	}
	for at, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		p.found["/dev/"+at] = Mount{link, "/dev/" + at, to, false}
	}
	p.found["/dev/shm"] = Mount{memory, "/dev/shm", "", true}
	p.found["/dev/pts"] = Mount{ptys, "/dev/pts", "", true}
}

// inOrder sorts, and leaves out what can be read as it is.
func (p *planning) inOrder() []Mount {
	var all []Mount
	for _, m := range p.found {
		if (m.kind == read && m.from == m.at || m.kind == link) && !p.covered(m.at) {
			continue
		}
		all = append(all, m)
	}
	// Who hides a file takes one that lies below /dev.
	key := func(m Mount) string { return strings.Replace(m.at+"/", "/dev/", "/\x00dev/", 1) }
	slices.SortFunc(all, func(a, b Mount) int { return strings.Compare(key(a), key(b)) })
	return all
}

// covered reports whether something else is mounted above a path.
func (p *planning) covered(path string) bool {
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		if m, ok := p.found[dir]; ok && m.kind != link {
			return m.kind != read
		}
	}
	return false
}

// maxLinks on the way of one path, as in the kernel.
const maxLinks = 40

// follow gives a path without symbolic links, and the links that lie on its way; "" where it does not
// lead to anything.
func follow(path string) (real string, links []Mount) {
	if !filepath.IsAbs(path) {
		return "", nil
	}
	left := strings.Split(strings.Trim(filepath.Clean(path), "/"), "/")
	real = "/"
	for len(left) > 0 {
		next := left[0]
		left = left[1:]
		if next == "" || next == "." {
			continue
		}
		if next == ".." {
			real = filepath.Dir(real)
			continue
		}
		at := filepath.Join(real, next)
		info, err := os.Lstat(at)
		if err != nil {
			return "", nil
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			real = at
			continue
		}
		to, err := os.Readlink(at)
		if err != nil || len(links) == maxLinks {
			return "", nil
		}
		links = append(links, Mount{link, at, to, false})
		if filepath.IsAbs(to) {
			real = "/"
		}
		left = append(strings.Split(strings.Trim(to, "/"), "/"), left...)
	}
	return real, links
}
