package reach

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// shelf is the file system of a tree that keeps what was made of its files, past the
// life of the process. It is a cache: what it gives is verified, and whatever fails
// with it only means that files are read again.
type shelf interface {
	// Kept is what was kept under a name; an error when there is none.
	Kept(name string) ([]byte, error)
	// Keep keeps something under a name, in the place of what was kept before.
	Keep(name string, content []byte) error
}

// The facts of files are kept in one file: a line that says who made them, then
// records. What a record says depends on the content of its file, which the hash of
// its key names, on how the file is read, and on the code that reads it, which the
// line names. Nothing else is kept: what a workspace reaches is worked out of these.
const (
	shelfName  = "facts"
	sumSize    = 16
	recordHead = sumSize + 4 // the first bytes of the record's SHA-256, and its length
)

// Bounds of what is kept, and when.
const (
	worthReading = 100       // files that are to be parsed before what was kept is looked at
	worthKeeping = 300       // files that were parsed since, before it is written anew
	maxShelf     = 128 << 20 // bytes
)

// madeBy says which code made facts: ours, and the parsers.
var madeBy = sync.OnceValue(func() string {
	by := fmt.Sprintf("tfops facts %d %s", factsVersion, runtime.Version())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty", "go.yaml.in/yaml/v3",
				"github.com/apparentlymart/go-textseg/v15":
				by += " " + m.Version
			}
		}
	}
	return by + "\n"
})

// kept are the facts that were kept of files, as they were written.
type kept struct {
	missing atomic.Int64 // files that were asked for and are not in memory
	load    sync.Once
	files   map[fileKey][]byte
}

// facts are the kept facts of a file; nil where there are none.
func (k *kept) facts(fsys fs.FS, key fileKey) *facts {
	from, ok := fsys.(shelf)
	if !ok || k.missing.Add(1) < worthReading {
		return nil
	}
	k.load.Do(func() {
		if raw, err := from.Kept(shelfName); err == nil {
			k.files = readShelf(raw)
		}
	})
	raw, ok := k.files[key]
	if !ok {
		return nil
	}
	f, err := decodeFacts(raw)
	if err != nil {
		return nil
	}
	return f
}

// forget lets go of what was read: the graph goes on to use the scan.
func (s *scan) forget() {
	s.kept.load.Do(func() {})
	s.kept.files = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = nil
}

// readShelf reads records as far as they are whole. A damaged one is left out.
func readShelf(raw []byte) map[fileKey][]byte {
	rest, ours := bytes.CutPrefix(raw, []byte(madeBy()))
	if !ours {
		return nil
	}
	files := map[fileKey][]byte{}
	for len(rest) >= recordHead {
		size := int(binary.LittleEndian.Uint32(rest[sumSize:]))
		if size > len(rest)-recordHead {
			break
		}
		body := rest[recordHead : recordHead+size]
		sum := sha256.Sum256(body)
		if len(body) > 2 && len(body) > 2+int(body[1]) && bytes.Equal(sum[:sumSize], rest[:sumSize]) {
			hash, facts := body[2:2+int(body[1])], body[2+int(body[1]):]
			files[fileKey{string(hash), fileKind(body[0])}] = facts
		}
		rest = rest[recordHead+size:]
	}
	return files
}

// appendRecord adds a record to a shelf.
func appendRecord(out []byte, key fileKey, facts []byte) []byte {
	body := append([]byte{byte(key.kind), byte(len(key.hash))}, key.hash...)
	body = append(body, facts...)
	sum := sha256.Sum256(body)
	out = append(out, sum[:sumSize]...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
	return append(out, body...)
}

// shelve keeps the facts of the files of the trees that the index remembers, once
// enough of them were parsed: those in memory, and those that were kept before. That
// it fails costs time, the next time, and nothing else.
func (x *Index) shelve(fsys fs.FS) {
	to, ok := fsys.(shelf)
	if !ok || x.memory.parsed.Load() < worthKeeping {
		return
	}
	x.memory.parsed.Store(0)
	out, files := []byte(madeBy()), x.memory.alive()
	for key, f := range files {
		if out = appendRecord(out, key, encodeFacts(f)); len(out) > maxShelf {
			return
		}
	}
	if raw, err := to.Kept(shelfName); err == nil {
		there := x.hashes()
		for key, facts := range readShelf(raw) {
			if files[key] != nil || !there[key.hash] {
				continue
			}
			if out = appendRecord(out, key, facts); len(out) > maxShelf {
				return
			}
		}
	}
	_ = to.Keep(shelfName, out)
}

// hashes are those of all files of the trees that the index remembers.
func (x *Index) hashes() map[string]bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	there, seen := map[string]bool{}, map[*node]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, f := range n.files {
			there[f.hash] = true
		}
		for _, c := range n.dirs {
			walk(c.node)
		}
	}
	for _, g := range x.last {
		walk(g.root)
	}
	return there
}
