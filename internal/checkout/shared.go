package checkout

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/pinned"
)

const sharedFile = "shared"

// Check returns a *pinned.Changed when the files of a checkout are not what was
// exported; see pinned.Check.
func Check(dir string) error {
	_, err := check(dir)
	return err
}

func check(dir string) (linked bool, err error) {
	return pinned.CheckLinked(dir, func() (pinned.Sums, error) {
		files, err := readShared(dir)
		sums := pinned.Sums{}
		for _, f := range files {
			sums[f.Path] = f.Sum
		}
		return sums, err
	})
}

// renew is Check, after which the next one need not read what this one had to.
func renew(dir string) error {
	linked, err := check(dir)
	if err == nil && linked {
		err = pinned.Pin(dir)
	}
	return err
}

// maxBases is how many checkouts are looked at for one that files can be shared with.
const maxBases = 3

// base is the checkout among those of a repository that was used last, if it is what was
// written. Without one all files are written.
func (s *Store) base(repository string) trees.Base {
	entries, err := os.ReadDir(repository)
	if err != nil {
		return trees.Base{}
	}
	var dirs []string
	for _, e := range entries {
		if !strings.Contains(e.Name(), halfMade) {
			dirs = append(dirs, filepath.Join(repository, e.Name()))
		}
	}
	s.mu.Lock()
	slices.SortFunc(dirs, func(a, b string) int { return s.used[b].Compare(s.used[a]) })
	s.mu.Unlock()
	for _, dir := range dirs[:min(len(dirs), maxBases)] {
		if renew(dir) != nil {
			continue
		}
		files, err := readShared(dir)
		if err != nil {
			continue
		}
		b := trees.Base{Dir: pinned.Files(dir), Files: make(map[string]trees.File, len(files))}
		for _, f := range files {
			b.Files[f.Path] = f
		}
		return b
	}
	return trees.Base{}
}

// writeShared writes path, blob, sum and mode of each file, with a zero byte after each.
func writeShared(dir string, files []trees.File) error {
	var b bytes.Buffer
	for _, f := range files {
		mode := "-"
		if f.Executable {
			mode = "x"
		}
		for _, field := range []string{f.Path, f.Blob, hex.EncodeToString(f.Sum[:]), mode} {
			b.WriteString(field)
			b.WriteByte(0)
		}
	}
	return writeSummed(filepath.Join(dir, sharedFile), b.Bytes())
}

var errShared = errors.New("the list of its files is damaged")

func readShared(dir string) ([]trees.File, error) {
	b, err := readSummed(filepath.Join(dir, sharedFile))
	if err != nil {
		return nil, err
	}
	fields := strings.Split(string(b), "\x00")
	if len(fields)%4 != 1 || fields[len(fields)-1] != "" {
		return nil, errShared
	}
	var files []trees.File
	for f := range slices.Chunk(fields[:len(fields)-1], 4) {
		sum, err := hex.DecodeString(f[2])
		if err != nil || len(sum) != len(trees.File{}.Sum) || !filepath.IsLocal(f[0]) {
			return nil, errShared
		}
		files = append(files, trees.File{Path: f[0], Blob: f[1], Sum: [32]byte(sum), Executable: f[3] == "x"})
	}
	return files, nil
}
