package ground

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/filelock"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// ProviderCache is where the engine keeps providers for all workspaces.
//
// The engine's own cache breaks when two inits fill it at once: both write
// one file, and a third finds half of it. So an init that may have to fill it
// holds its lock alone, and one that finds all it needs there shares the lock
// with others of its kind.
type ProviderCache struct {
	Dir   string
	lock  string
	Alien bool // the user's own configuration names another cache, of which nothing is known
}

// OpenCache gives the cache of providers that all workspaces share.
func OpenCache(cacheDir string, env map[string]string) (*ProviderCache, error) {
	c := &ProviderCache{Dir: filepath.Join(cacheDir, "providers"), lock: filepath.Join(cacheDir, "providers.lock"),
		Alien: ownCache(env)}
	return c, os.MkdirAll(c.Dir, 0o700)
}

var cacheSetting = lazyregexp.New(`(?m)^\s*plugin_cache_dir\s*=`)

// ownCache reports whether the user configured a provider cache already.
func ownCache(env map[string]string) bool {
	if env["TF_PLUGIN_CACHE_DIR"] != "" {
		return true
	}
	b, err := datafile.ReadLinked(env["TF_CLI_CONFIG_FILE"], datafile.Record)
	return err == nil && cacheSetting().Match(b)
}

// Guard takes the cache's lock for an init in root; release gives it back.
func (c *ProviderCache) Guard(ctx context.Context, root string, waiting func()) (release func(), err error) {
	take := filelock.Take
	if !c.Alien && c.warm(filepath.Join(root, diagnostics.DependencyLock)) {
		take = filelock.Share
	}
	return take(ctx, c.lock, waiting)
}

// Apart gives a cache for the providers of a lock file alone, where the one that all share has another
// one of the same version: each finds what it locked, and neither is in the other's way. release ends its
// use.
func (c *ProviderCache) Apart(ctx context.Context, root string, waiting func()) (dir string, release func(),
	err error) {
	var parts []string
	locked := LockedHashes(filepath.Join(root, diagnostics.DependencyLock))
	for _, name := range slices.Sorted(maps.Keys(locked)) {
		parts = append(parts, name, strings.Join(locked[name], " "))
	}
	dir = filepath.Join(c.Dir, ".apart", KeyOf(parts...)) // no host is called so
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	release, err = filelock.Take(ctx, c.lock+".apart", waiting)
	return dir, release, err
}

// warm reports whether all providers of the lock file are in the cache.
func (c *ProviderCache) warm(path string) bool {
	blocks, ok := blocksOf(path)
	for _, b := range blocks {
		version := b.Body.Attributes["version"]
		if b.Type != "provider" || len(b.Labels) != 1 || version == nil {
			return false
		}
		platform := runtime.GOOS + "_" + runtime.GOARCH
		if !durable.Exists(filepath.Join(c.Dir, filepath.FromSlash(b.Labels[0]),
			rootmodule.Literal(version.AsHCLAttribute()), platform)) {
			return false
		}
	}
	return ok
}
