// Package engines finds the binary of an engine, Terraform or OpenTofu, that
// satisfies what the configuration and a root module ask for, and installs
// one when there is none.
//
// It looks in this order and stops at the first fit:
//
//	path      a binary that the configuration names: this one and nothing else
//	PATH      every binary of the engine's name, in the order of PATH
//	cache     what was installed before, newest first
//	releases  the newest fitting release, installed into the cache
//
// Releases come through hc-install, which cannot be believed when it reports
// success: it loses the error of a wrong checksum and of a damaged archive.
// So it talks to the release server through a gate of ours (see gate), which
// checks signature and checksum before hc-install sees the archive; what it
// leaves is compared with the archive, asked for its version, and only then
// renamed into the cache. An install that was cut off is never found again.
//
// No code of a repository runs here: an engine is asked for its version in the
// root directory with a small environment, and entries of PATH that are relative
// are passed over. What is not an engine itself (the shim of a version switcher:
// mise, tenv, asdf, tfenv) is asked each time where the engine would work, and
// with its environment: that decides which engine it starts. It reads files of the repository
// there, and some run what these say; so a runner asks it as it starts engines, see Asking.
package engines

import (
	"context"
	"path/filepath"

	"github.com/tfops/tfops/internal/fault"
)

// Engine is a binary that may be run.
type Engine struct {
	Name    string // "terraform" or "tofu"
	Path    string // absolute
	Version string // e.g. "1.11.4"
}

// Asking runs a program with Arguments and an environment, and gives what it writes on standard output.
type Asking func(ctx context.Context, path string, env map[string]string) ([]byte, error)

// Request says which engine is wanted and where it may come from.
type Request struct {
	Name        string   // "terraform" or "tofu"
	Exact       string   // this version and no other, whatever Constraints allow; empty: any that they allow
	Constraints []string // all must hold; from the configuration, version files and required_version
	From        []string // where each of Constraints was written, by index, for messages; may be shorter
	Path        string   // use this binary and nothing else; absolute
	ReleaseURL  string   // where releases are; empty: the maker's own server
	PublicKey   string   // armored key that signs them; empty: the maker's own
	CacheDir    string   // binaries are kept in engines/<name>/<version>/<name> below it
	SearchPath  string   // the PATH to search; empty: none is searched
	// how version switchers are asked: shut in, where the engine would work; nil: as they are, in the root directory
	Ask Asking
	// the engine's environment: proxies and certificates for downloads, settings of version switchers; nil: this
	// process's own
	Env      map[string]string
	Progress func(string) // told of slow steps, a line each; may be nil
}

// Find returns an engine that satisfies the request and installs one when
// there is none.
//
// Its errors are faults: Invalid for a request that cannot be met as it is
// (a malformed constraint, a named binary of another version, a download that
// is not what its maker signed), NotFound when no release fits, Unavailable
// when the release server cannot be reached or ctx ended (the chain then holds
// ctx's error), Internal when this machine fails (the chain then holds the
// error of the system, e.g. ENOSPC).
func Find(ctx context.Context, req Request) (Engine, error) {
	f, err := newFinder(req)
	if err != nil {
		return Engine{}, err
	}
	return f.find(ctx, f.onPath, f.inCache, f.install)
}

// Lookup is Find without the install: it answers from this machine alone.
func Lookup(ctx context.Context, req Request) (Engine, error) {
	f, err := newFinder(req)
	if err != nil {
		return Engine{}, err
	}
	return f.find(ctx, f.onPath, f.inCache)
}

// finder is one search.
type finder struct {
	req   Request
	want  wanted
	known *memory
	tried []string // what was looked at and why it does not fit, for the final fault
}

// look is one step of a search; a nil engine without error means: look on.
type look func(context.Context) (*Engine, error)

func newFinder(req Request) (*finder, error) {
	if req.Name != terraform && req.Name != tofu {
		return nil, fault.New(fault.Invalid, `use "terraform" or "tofu"`, "%q is not an engine that tfops knows", req.Name)
	}
	if req.CacheDir == "" || !filepath.IsAbs(req.CacheDir) {
		return nil, fault.New(fault.Internal, "", "the directory to keep engines in is %q, which is not an absolute "+
			"path",
			req.CacheDir)
	}
	want, err := parseWanted(req.Constraints, req.From)
	if err == nil {
		err = want.agree()
	}
	if err != nil {
		return nil, err
	}
	want.exact = req.Exact
	if req.Progress == nil {
		req.Progress = func(string) {}
	}
	return &finder{req: req, want: want, known: loadMemory(filepath.Join(req.CacheDir, "engines", "versions.json"))},
		nil
}

func (f *finder) find(ctx context.Context, steps ...look) (Engine, error) {
	if f.req.Path != "" {
		return f.named(ctx)
	}
	for _, step := range steps {
		e, err := step(ctx)
		if ctx.Err() != nil {
			return Engine{}, f.stopped(ctx)
		}
		if err != nil {
			return Engine{}, err
		}
		if e != nil {
			return *e, nil
		}
	}
	return Engine{}, f.notFound()
}

// dir is where versions of the engine are kept.
func (f *finder) dir() string { return filepath.Join(f.req.CacheDir, "engines", f.req.Name) }

func (f *finder) engine(path, version string) *Engine {
	return &Engine{Name: f.req.Name, Path: path, Version: version}
}
