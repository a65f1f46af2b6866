package engines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/fs"

	"github.com/tfops/tfops/internal/fault"
)

// named checks the one binary that the configuration allows.
func (f *finder) named(ctx context.Context) (Engine, error) {
	path := f.req.Path
	const next = "point path of the engine block at another binary, or leave path out to have one found or installed"
	if !filepath.IsAbs(path) {
		return Engine{}, fault.New(fault.Invalid, "write an absolute path", "the engine's path %q is relative", path)
	}
	v, err := f.version(ctx, path)
	switch {
	case ctx.Err() != nil:
		return Engine{}, f.stopped(ctx)
	case err != nil:
		return Engine{}, fault.New(fault.Invalid, next, "%s at %s cannot be used: %w", f.req.Name, path, err)
	case !f.want.allow(v):
		return Engine{}, fault.New(fault.Invalid, next, "%s at %s is %s, but wanted is %s", f.req.Name, path, v, f.want)
	}
	return *f.engine(path, v.String()), nil
}

// onPath takes the first binary on PATH that fits. fs.Version of hc-install
// searches the PATH of this process only, and tells neither which binaries it
// passed over nor why.
func (f *finder) onPath(ctx context.Context) (*Engine, error) {
	var seen []string
	found := false
	for _, dir := range filepath.SplitList(f.req.SearchPath) {
		if !filepath.IsAbs(dir) || slices.Contains(seen, filepath.Clean(dir)) {
			continue // a relative entry could lead into a repository
		}
		seen = append(seen, filepath.Clean(dir))
		path := filepath.Join(dir, f.req.Name)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		found = true
		v, err := f.version(ctx, path)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && f.want.allow(v) {
			return f.engine(path, v.String()), nil
		}
		if err != nil {
			f.note("on PATH: %s cannot be used: %v", path, err)
		} else {
			f.note("on PATH: %s is %s", path, v)
		}
	}
	if !found {
		f.note("on PATH: none in %d directories", len(seen))
	}
	return nil, nil
}

// version asks the executable at path, through hc-install's test of whether it is one.
func (f *finder) version(ctx context.Context, path string) (*version.Version, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	if _, err := (&fs.AnyVersion{ExactBinPath: path}).Find(ctx); err != nil {
		return nil, errors.New("it is not an executable file")
	}
	return f.known.version(ctx, path, place{path: f.req.SearchPath, env: f.req.Env, ask: f.req.Ask})
}

// Switched reports whether what would be found first is a version switcher's,
// whose answer depends on the directory.
func Switched(req Request) bool {
	for _, dir := range filepath.SplitList(req.SearchPath) {
		path := req.Path
		if path == "" {
			path = filepath.Join(dir, req.Name)
		}
		if _, err := os.Stat(path); err == nil && filepath.IsAbs(path) {
			return !isEngine(path)
		}
	}
	return false
}

func (f *finder) note(format string, args ...any) {
	f.tried = append(f.tried, fmt.Sprintf(format, args...))
}
