// Package snapshot is a mirror at one moment, on disk and in memory.
//
// A mirror is a directory that the git program can read too. All references
// lie in one file, packed-refs, so that a fetch replaces them in one rename
// and a branch "a" can turn into a branch "a/b" without a moment between.
// All objects lie in packs, one more for each fetch that brought something.
// The file tfops.json lists those packs, so that a lost or short one is
// noticed, and the heads that were ever seen with the time of the last
// sighting.
//
// Objects of superseded heads stay: a run refers to its commit long after a
// force-push. Nothing is ever dropped but by Maintain, which keeps what any
// reference, any head seen within a day, and any commit named by its caller
// needs.
package snapshot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo/packs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

const (
	stateFile   = "tfops.json"
	stateFormat = 1
	bareConfig  = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[gc]\n\tauto = 0\n"
	refsHeader  = "# pack-refs with: sorted \n"
)

// state is the file tfops.json of a mirror.
type state struct {
	Format int                  `json:"format"`
	Packs  []packs.Info         `json:"packs"`           // oldest first
	Seen   map[string]time.Time `json:"seen"`            // every head and tag, and when a fetch last saw it
	Whole  bool                 `json:"whole,omitempty"` // see view
}

// Load reads a mirror from disk. A mirror that does not exist is
// fs.ErrNotExist, a bad one *damage. Packs in reuse that are still the same are
// taken over; full reads every byte.
func Load(dir string, reuse []*packs.Pack, full bool) (*View, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	st, err := readState(dir)
	if err != nil {
		return nil, err
	}
	v := &View{Seen: map[plumbing.Hash]time.Time{}, Whole: st.Whole}
	for sha, t := range st.Seen {
		v.Seen[plumbing.NewHash(sha)] = t
	}
	if v.Head, err = readHead(dir); err != nil {
		return nil, err
	}
	if v.Refs, err = readRefs(dir); err != nil {
		return nil, err
	}
	fresh, err := v.openPacks(dir, st.Packs, reuse)
	if err == nil {
		err = v.check(full)
	}
	if err != nil {
		for _, p := range fresh {
			p.Close()
		}
		return nil, err
	}
	return v, nil
}

// openPacks fills in the packs and returns those that it opened itself. A pack
// whose files changed since they were opened is opened again and read whole.
func (v *View) openPacks(dir string, infos []packs.Info, reuse []*packs.Pack) (fresh []*packs.Pack, err error) {
	for _, info := range slices.Backward(infos) {
		i := slices.IndexFunc(reuse, func(p *packs.Pack) bool { return p.Name == info.Name && p.Size == info.Size })
		if i >= 0 && reuse[i].Unchanged(dir) {
			v.Packs = append(v.Packs, reuse[i])
			continue
		}
		p, err := packs.Open(dir, info)
		if err != nil {
			return fresh, err
		}
		fresh = append(fresh, p)
		v.Packs = append(v.Packs, p)
		if i >= 0 {
			if err := p.Verify(); err != nil {
				return fresh, err
			}
		}
	}
	return fresh, nil
}

// check reports damage: a reference to nothing and, in full, a changed byte in
// a pack or a branch whose tree is not all there.
func (v *View) check(full bool) error {
	for name, h := range v.Refs {
		if !v.Has(h) {
			return &packs.Damage{What: fmt.Sprintf("%s names %s, which is not there", name, h)}
		}
	}
	if !full {
		return nil
	}
	for _, p := range v.Packs {
		if err := p.Verify(); err != nil {
			return err
		}
	}
	return v.Complete(slices.Collect(maps.Values(v.Refs)))
}

func readState(dir string) (state, error) {
	var st state
	raw, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return st, &packs.Damage{What: stateFile, Err: err}
	}
	if err := json.Unmarshal(raw, &st); err != nil {
		return st, &packs.Damage{What: stateFile, Err: err}
	}
	if st.Format != stateFormat {
		return st, &packs.Damage{What: fmt.Sprintf("%s has format %d, and this version reads %d", stateFile, st.Format,
			stateFormat)}
	}
	return st, nil
}

func readHead(dir string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil {
		return "", &packs.Damage{What: "HEAD", Err: err}
	}
	target, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), "ref: ")
	if !ok || !remote.ValidRef(target) {
		return "", &packs.Damage{What: "HEAD holds no reference"}
	}
	return target, nil
}

func readRefs(dir string) (map[string]plumbing.Hash, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "packed-refs"))
	if err != nil {
		return nil, &packs.Damage{What: "packed-refs", Err: err}
	}
	refs := map[string]plumbing.Hash{}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "^") {
			continue
		}
		sha, name, _ := strings.Cut(line, " ")
		if !plumbing.IsHash(sha) || !remote.ValidRef(name) {
			return nil, &packs.Damage{What: "packed-refs holds a line that is no reference"}
		}
		refs[name] = plumbing.NewHash(sha)
	}
	if !bytes.HasPrefix(raw, []byte(refsHeader)) || raw[len(raw)-1] != '\n' {
		return nil, &packs.Damage{What: "packed-refs is cut short"}
	}
	return refs, nil
}

// Init makes an empty mirror.
func Init(dir string) error {
	for _, d := range []string{dir, filepath.Join(dir, "refs"), packs.Dir(dir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	return writeAtomic(filepath.Join(dir, "config"), []byte(bareConfig))
}

// Write records what v holds: first what the objects are, then the
// references to them, so that no reference ever names what is not listed.
func Write(dir string, v *View) error {
	st := state{Format: stateFormat, Packs: []packs.Info{}, Seen: map[string]time.Time{}, Whole: v.Whole}
	for _, p := range slices.Backward(v.Packs) {
		st.Packs = append(st.Packs, packs.Info{Name: p.Name, Size: p.Size})
	}
	for h, t := range v.Seen {
		st.Seen[h.String()] = t.UTC().Truncate(time.Second)
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return err
	}
	refs := bytes.NewBufferString(refsHeader)
	for _, name := range slices.Sorted(maps.Keys(v.Refs)) {
		fmt.Fprintf(refs, "%s %s\n", v.Refs[name], name)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{stateFile, raw}, {"packed-refs", refs.Bytes()}, {"HEAD", []byte("ref: " + v.Head + "\n")}} {
		if err := writeAtomic(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

// writeAtomic replaces a file so that after a power cut it is old or new.
func writeAtomic(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return packs.SyncPath(filepath.Dir(path))
}

// Sweep removes what an interrupted fetch left: files of packs that are not
// listed, and temporary ones.
func Sweep(dir string, v *View) error {
	keep := map[string]bool{}
	for _, p := range v.Packs {
		keep[p.Name] = true
	}
	for _, sub := range []string{packs.Dir(dir), dir} {
		entries, err := os.ReadDir(sub)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := e.Name()
			stray := strings.HasPrefix(name, ".tmp-") || sub != dir &&
				!keep[strings.TrimSuffix(name, filepath.Ext(name))]
			if !stray || e.IsDir() {
				continue
			}
			if err := os.Remove(filepath.Join(sub, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
