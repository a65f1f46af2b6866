package engines

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/datafile"
)

// recordFile stands beside an installed binary.
const recordFile = "install.json"

// record says what was installed, so that damage is noticed later: a binary
// whose identity is not the recorded one is trusted only if its SHA-256 is.
type record struct {
	identity
	Version     string    `json:"version"`
	SHA256      string    `json:"sha256"` // of the binary
	Source      string    `json:"source"` // release server, without credentials
	InstalledAt time.Time `json:"installed_at"`
}

// inCache takes the newest installed version that fits.
func (f *finder) inCache(context.Context) (*Engine, error) {
	versions, err := f.installed()
	if err != nil {
		return nil, f.machine(err)
	}
	for i, v := range versions {
		path, err := f.trusted(v)
		if err == nil && f.want.choose(v) {
			return f.engine(path, v.String()), nil
		}
		switch {
		case err != nil:
			f.note("in the cache: %s is not trusted: %v", v, err)
		case i < 3: // the newest are enough to tell what is there
			f.note("in the cache: %s", v)
		}
	}
	if len(versions) == 0 {
		f.note("in the cache %s: none", f.dir())
	}
	return nil, nil
}

// installed lists the versions in the cache, newest first.
func (f *finder) installed() ([]*version.Version, error) {
	entries, err := os.ReadDir(f.dir())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var versions []*version.Version
	for _, e := range entries {
		// Installs in the making and locks begin with a dot and are no versions.
		if v, err := version.NewSemver(e.Name()); err == nil && e.IsDir() && v.String() == e.Name() {
			versions = append(versions, v)
		}
	}
	slices.SortFunc(versions, func(a, b *version.Version) int { return b.Compare(a) })
	return versions, nil
}

// trusted returns the path of an installed binary that is what was installed.
func (f *finder) trusted(v *version.Version) (string, error) {
	dir := filepath.Join(f.dir(), v.String())
	for _, d := range []string{f.dir(), dir} {
		if err := ownerOnly(d); err != nil {
			return "", err
		}
	}
	data, err := datafile.Read(filepath.Join(dir, recordFile), datafile.Record)
	if err != nil {
		return "", fmt.Errorf("nothing tells what was installed: %w", err)
	}
	var rec record
	if err := json.Unmarshal(data, &rec); err != nil {
		return "", fmt.Errorf("%s is damaged: %w", recordFile, err)
	}
	if rec.Version != v.String() {
		return "", fmt.Errorf("it was installed as %q", rec.Version)
	}
	path := filepath.Join(dir, f.req.Name)
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o100 == 0 {
		return "", errors.New("it is not an executable file")
	}
	if identify(info) == rec.identity {
		return path, nil
	}
	sum, err := FileSum(path)
	if err != nil {
		return "", err
	}
	if sum != rec.SHA256 {
		return "", errors.New("it was changed since it was installed")
	}
	// The same content in another file, e.g. after a restore from a backup.
	rec.identity = identify(info)
	_ = writeJSON(filepath.Join(dir, recordFile), rec) // only spares the next one this hash
	return path, nil
}

// ownerOnly refuses a directory in which somebody else could place a binary.
func ownerOnly(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is open to others (%s)", dir, info.Mode())
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user", dir)
	}
	return nil
}

// FileSum is the SHA-256 of a file, in hexadecimal digits.
func FileSum(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a link may lead to it
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, errors.New(path+" is no file"))
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
