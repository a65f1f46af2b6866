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

// ProviderCache is where providers are kept for all workspaces. No engine writes to it: an init fills one of its
// own, see Fill.
//
// An init that may have to fetch providers holds the cache's lock alone, so that each is fetched once, and one that
// finds all it needs there shares the lock with others of its kind.
type ProviderCache struct {
	Dir   string
	home  string // where fills are made
	lock  string
	Alien bool // the user's own configuration names it
}

// OpenCache gives the cache of providers that all workspaces share.
func OpenCache(cacheDir string, env map[string]string) (*ProviderCache, error) {
	c := &ProviderCache{Dir: NamedCache(env), home: cacheDir, lock: filepath.Join(cacheDir, "providers.lock")}
	if c.Alien = c.Dir != ""; c.Alien {
		return c, os.MkdirAll(cacheDir, 0o700)
	}
	c.Dir = filepath.Join(cacheDir, "providers")
	return c, os.MkdirAll(c.Dir, 0o700)
}

var cacheSetting = lazyregexp.New(`(?m)^\s*plugin_cache_dir\s*=\s*"([^"\n]+)"`)

// NamedCache is the provider cache that the engine's environment or its CLI configuration names; "" for none.
func NamedCache(env map[string]string) string {
	if dir := env["TF_PLUGIN_CACHE_DIR"]; filepath.IsAbs(dir) {
		return dir
	}
	b, err := datafile.ReadLinked(env["TF_CLI_CONFIG_FILE"], datafile.Record)
	if err != nil {
		return ""
	}
	m := cacheSetting().FindSubmatch(b)
	if m == nil {
		return ""
	}
	dir := os.Expand(string(m[1]), func(name string) string { return env[name] })
	if !filepath.IsAbs(dir) {
		return ""
	}
	return dir
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
func (c *ProviderCache) Apart(ctx context.Context, root string, waiting func()) (apart *ProviderCache, release func(),
	err error) {
	var parts []string
	locked := LockedHashes(filepath.Join(root, diagnostics.DependencyLock))
	for _, name := range slices.Sorted(maps.Keys(locked)) {
		parts = append(parts, name, strings.Join(locked[name], " "))
	}
	a := *c
	a.Dir = filepath.Join(c.home, "providers", ".apart", KeyOf(parts...)) // no host is called so
	if err := os.MkdirAll(a.Dir, 0o700); err != nil {
		return nil, nil, err
	}
	release, err = filelock.Take(ctx, c.lock+".apart", waiting)
	return &a, release, err
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
