package engines

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/releases"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/filelock"
)

const (
	listTimeout    = time.Minute
	installTimeout = 15 * time.Minute // for 30 MB, so about 34 kB a second must do
)

// install fetches the newest fitting release into the cache.
func (f *finder) install(ctx context.Context) (*Engine, error) {
	src, err := newSource(f.req)
	if err != nil {
		return nil, err
	}
	if src == nil {
		f.note("releases of %s: hc-install, which downloads engines, has none, and no release_url names a mirror "+
			"(laid out like %s)", f.req.Name, hashicorpURL)
		return nil, nil
	}
	base, release := src.transport()
	defer release()
	v, err := f.newest(ctx, src, base)
	if err != nil || v == nil {
		return nil, err
	}
	if err := f.prepare(); err != nil {
		return nil, f.machine(err)
	}
	unlock, err := f.lock(ctx, v)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Another process may have installed it while this one waited.
	if path, err := f.trusted(v); err == nil {
		return f.engine(path, v.String()), nil
	}
	path, err := f.fetch(ctx, src, base, v)
	if err != nil {
		return nil, err
	}
	return f.engine(path, v.String()), nil
}

// prepare makes the directory of versions one that inCache will trust.
func (f *finder) prepare() error {
	if err := os.MkdirAll(f.dir(), 0o700); err != nil {
		return err
	}
	if err := os.Chmod(f.dir(), 0o700); err != nil {
		return err
	}
	return ownerOnly(f.dir())
}

// newest asks the release server for the newest version that fits; nil when
// none does.
func (f *finder) newest(ctx context.Context, src *source, base http.RoundTripper) (*version.Version, error) {
	f.req.Progress(fmt.Sprintf("asking %s for releases of %s", src.base, f.req.Name))
	g := &gate{base: base, user: src.user}
	list := &releases.Versions{
		Product: src.product, ListTimeout: listTimeout,
		ApiBaseURL: src.base, HTTPClient: &http.Client{Transport: g},
	}
	var newest, offered *version.Version
	count := 0
	err := unpanicked(func() error {
		found, err := list.List(ctx) // oldest first
		for _, one := range found {
			v := one.(*releases.ExactVersion).Version
			count++
			if v.Prerelease() == "" {
				offered = v
			}
			if f.want.choose(v) {
				newest = v
			}
		}
		return err
	})
	switch {
	case err != nil:
		return nil, f.unreachable(err, src, g.status)
	case newest == nil && offered == nil:
		f.note("at %s: %d releases, none of them stable", src.base, count)
	case newest == nil:
		f.note("at %s: %d releases, the newest stable one is %s", src.base, count, offered)
	}
	return newest, nil
}

// lock makes installs of one version exclusive among processes.
func (f *finder) lock(ctx context.Context, v *version.Version) (unlock func(), err error) {
	unlock, err = filelock.Take(ctx, filepath.Join(f.dir(), "."+v.String()+".lock"), func() {
		f.req.Progress(fmt.Sprintf("waiting for another process that installs %s %s", f.req.Name, v))
	})
	if err != nil {
		return nil, f.machine(err)
	}
	return unlock, nil
}

// fetch installs v; its lock must be held. Everything happens in a directory
// of its own beside the versions, which becomes the version's by a rename.
func (f *finder) fetch(ctx context.Context, src *source, base http.RoundTripper, v *version.Version) (string, error) {
	prefix := filepath.Join(f.dir(), ".installing-"+v.String()+"-")
	if dead, err := datafile.Glob(f.dir(), filepath.Base(prefix)+"*"); err == nil {
		for _, dir := range dead { // left by processes that were killed
			_ = os.RemoveAll(dir)
		}
	}
	tmp, err := os.MkdirTemp(f.dir(), filepath.Base(prefix)+"*") // owner-only
	if err != nil {
		return "", f.machine(err)
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		return "", f.machine(err)
	}
	g := &gate{
		base: base, user: src.user, keys: src.keys, progress: f.req.Progress,
		archive: fmt.Sprintf("%s_%s_%s_%s.zip", f.req.Name, v, runtime.GOOS, runtime.GOARCH),
		spool:   filepath.Join(tmp, "archive.zip"),
	}
	f.req.Progress(fmt.Sprintf("installing %s %s from %s", f.req.Name, v, src.base))
	failed := unpanicked(func() error {
		_, err := (&releases.ExactVersion{
			Product: src.product, Version: v, InstallDir: out, Timeout: installTimeout,
			ApiBaseURL: src.base, ArmoredPublicKey: src.key, HTTPClient: &http.Client{Transport: g},
		}).Install(ctx)
		return err
	})
	if ctx.Err() != nil {
		return "", f.stopped(ctx)
	}
	sum := ""
	if g.passed { // what is wrong with the archive says more than what hc-install made of it
		if sum, err = archiveSum(g.spool, f.req.Name); err != nil {
			return "", f.refused(err, src, v, 0)
		}
	}
	if failed != nil {
		return "", f.refused(failed, src, v, g.status)
	}
	if err := f.check(ctx, filepath.Join(out, f.req.Name), sum, v); err != nil {
		if ctx.Err() != nil {
			return "", f.stopped(ctx)
		}
		return "", f.refused(err, src, v, 0)
	}
	path, err := f.settle(out, record{Version: v.String(), SHA256: sum, Source: src.base})
	if err != nil {
		return "", f.machine(err)
	}
	f.req.Progress(fmt.Sprintf("installed %s %s, signature and checksum verified", f.req.Name, v))
	return path, nil
}

// check makes sure that the binary which hc-install left is the one in the
// verified archive, whose SHA-256 is sum, and that it runs and is v.
func (f *finder) check(ctx context.Context, binary, sum string, v *version.Version) error {
	got, err := FileSum(binary)
	if err != nil {
		return err
	}
	if got != sum {
		return fault.New(fault.Internal, fmt.Sprintf("see that %s and %s have space", f.dir(), os.TempDir()),
			"the archive was not unpacked whole")
	}
	told, err := probe(ctx, probeTimeout, binary, place{path: f.req.SearchPath})
	if err != nil {
		return fault.New(fault.Invalid,
			"see that the file system of "+f.dir()+" is not mounted noexec; if it is not, "+damaged,
			"the signed binary cannot be run: %w", err)
	}
	if !told.Equal(v) {
		return fault.New(fault.Invalid, damaged, "the signed binary says that it is %s", told)
	}
	return nil
}

// settle records what was checked in out and moves it to its place, so that it
// is there whole or not at all even after a power cut.
func (f *finder) settle(out string, rec record) (path string, err error) {
	binary, final := filepath.Join(out, f.req.Name), filepath.Join(f.dir(), rec.Version)
	info, err := os.Stat(binary)
	if err != nil {
		return "", err
	}
	rec.identity, rec.InstalledAt = identify(info), time.Now().UTC()
	if err := writeJSON(filepath.Join(out, recordFile), rec); err != nil {
		return "", err
	}
	if err := errors.Join(durable.Sync(binary), durable.Sync(out), os.RemoveAll(final)); err != nil {
		return "", err
	}
	if err := errors.Join(os.Rename(out, final), durable.Sync(f.dir())); err != nil {
		return "", err
	}
	return filepath.Join(final, f.req.Name), nil
}

// unpanicked runs a call into hc-install, which trusts the server's index so
// far that one with null where a version belongs makes it panic.
func unpanicked(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its index cannot be read: %v", p)
		}
	}()
	return call()
}
