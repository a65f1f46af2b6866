package ground

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/filelock"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/redact"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/runner/treecopy"
)

// PackageStore keeps what the engine fetched of modules from elsewhere, by content and
// for all workspaces:
//
//	content/<digest>/files, index   a package, pinned: never written again
//	source/<hash>.json              what was fetched last from a source; see fetched
//	lock/<hash>                     held while somebody fetches from it
//
// It is a cache: what is not as it was written is fetched again.
type PackageStore struct {
	Dir    string
	Engine string // the two look up one registry address in different registries
	Scope  string // see Modules
}

// Fetched is what came of one source.
type Fetched struct {
	Source    string       `json:"source"` // source and version as the engine's manifest has them
	Version   string       `json:"version,omitempty"`
	Package   string       `json:"package"`           // digest
	Dir       string       `json:"dir,omitempty"`     // the module's directory within the package
	Calls     []ModuleCall `json:"calls,omitempty"`   // what the module there calls from elsewhere in turn
	Commit    string       `json:"commit,omitempty"`  // that Git checked out
	Unknown   bool         `json:"unknown,omitempty"` // it calls something whose source is not plain text
	FetchedAt time.Time    `json:"fetched_at"`
}

// ModuleCall is a call of a module from elsewhere, as it is written.
type ModuleCall struct {
	Key     string `json:"key"` // names of the calls that lead there, with dots between
	Source  string `json:"source"`
	Version string `json:"version,omitempty"` // the constraint
}

// hash names a source.
func (s PackageStore) hash(c ModuleCall) string {
	return KeyOf(c.Source, c.Version, s.Engine, s.Scope)
}

func (s PackageStore) Content(digest string) string {
	return filepath.Join(s.Dir, "content", strings.TrimPrefix(digest, "sha256:"))
}

// Check reports whether a package is what its digest says. What was written before the
// machine was started is read once more, since a power cut may have emptied it.
func (s PackageStore) Check(digest string) error {
	dir := s.Content(digest)
	err := pinned.Check(dir)
	if !pinned.Rebooted(err) {
		return err
	}
	got, err := pinned.Digest(context.Background(), pinned.Files(dir))
	if err != nil {
		return err
	}
	if got != digest {
		return &pinned.Changed{Why: "it was changed"}
	}
	return pinned.Pin(dir)
}

// Keep puts a package into the store and returns its digest. What Git keeps for itself
// is left out: it differs from one clone to the next.
func (s PackageStore) Keep(ctx context.Context, from string) (string, error) {
	if err := os.MkdirAll(filepath.Join(s.Dir, "content"), 0o700); err != nil {
		return "", err
	}
	half, err := os.MkdirTemp(filepath.Join(s.Dir, "content"), ".half-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(half)                                  // of no effect once it was renamed
	if real, err := filepath.EvalSymlinks(from); err == nil { // a module by an absolute path is a link to it
		from = real
	}
	ofGit := func(rel string) bool { return inputs.Within(".git", rel) }
	if err := pinned.Measure(ctx, from, ofGit); err != nil {
		return "", err
	}
	if err := treecopy.Tree(from, pinned.Files(half), ofGit); err != nil {
		return "", err
	}
	digest, err := pinned.Digest(ctx, pinned.Files(half))
	if err != nil {
		return "", err
	}
	if s.Check(digest) == nil {
		return digest, nil
	}
	if err := SyncTree(half); err != nil {
		return "", err
	}
	if err := pinned.Pin(half); err != nil {
		return "", err
	}
	into := s.Content(digest)
	if err := os.RemoveAll(into); err != nil { // what is not as it was written
		return "", err
	}
	err = os.Rename(half, into)
	if err != nil && s.Check(digest) == nil { // somebody else was faster
		err = nil
	}
	return digest, err
}

func (s PackageStore) source(hash string) string {
	return filepath.Join(s.Dir, "source", hash+".json")
}

// Find returns what was fetched for a call, if it may be used again: for as long as a
// poll where the source can move, for ever where it cannot.
func (s PackageStore) Find(c ModuleCall, age time.Duration, now time.Time) (Fetched, bool) {
	var f Fetched
	b, err := datafile.Read(s.source(s.hash(c)), datafile.Record)
	if err != nil || json.Unmarshal(b, &f) != nil || f.Package == "" || !filepath.IsLocal(filepath.Join(".", f.Dir)) {
		return f, false
	}
	since := now.Sub(f.FetchedAt)
	if !Immovable(c.Source, c.Version) && (since < 0 || since >= age) {
		return f, false
	}
	if s.Check(f.Package) != nil {
		return f, false
	}
	for _, used := range []string{s.source(s.hash(c)), s.Content(f.Package)} { // see PruneModules
		_ = os.Chtimes(used, now, now)
	}
	return f, true
}

func (s PackageStore) Record(c ModuleCall, f Fetched) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.Dir, "source"), 0o700); err != nil {
		return err
	}
	return durable.WriteUnlisted(s.source(s.hash(c)), b)
}

// Lock holds the sources of some calls, so that of many workspaces that need them at
// once one fetches and the others find it.
func (s PackageStore) Lock(ctx context.Context, calls []ModuleCall, waiting func()) (release func(), err error) {
	var names []string
	for _, c := range calls {
		names = append(names, s.hash(c))
	}
	slices.Sort(names) // all take them in one order
	var held []func()
	release = func() {
		for _, free := range held {
			free()
		}
	}
	if err := os.MkdirAll(filepath.Join(s.Dir, "lock"), 0o700); err != nil {
		return release, err
	}
	for _, name := range slices.Compact(names) {
		free, err := filelock.Take(ctx, filepath.Join(s.Dir, "lock", name), waiting)
		if err != nil {
			release()
			return func() {}, err
		}
		held = append(held, free)
	}
	return release, nil
}

var (
	exactVersion = lazyregexp.New(`^\s*=?\s*v?\d+\.\d+\.\d+[0-9A-Za-z.+-]*\s*$`)
	commitHash   = lazyregexp.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	strongSum    = lazyregexp.New(`^(sha256:)?[0-9a-fA-F]{64}$|^(sha512:)?[0-9a-fA-F]{128}$`)
	gitSource    = lazyregexp.New(`^(git::|git@|github\.com[/:]|bitbucket\.org/)|\.git(//|\?|$)`)
)

// Immovable reports whether a module from elsewhere is always the same: an exact
// version of a registry's, a commit by its full hash, an archive with a checksum. A tag is
// not: who made it can move it. Nor is what the engine may read in another way than it is
// written here: a value that is given twice, a branch of a shallow clone that has the name
// of a commit, a checksum that is fetched from somewhere or can be forged (MD5, SHA-1).
func Immovable(source, version string) bool {
	if version != "" {
		return exactVersion().MatchString(version)
	}
	_, query, _ := strings.Cut(source, "?")
	values, err := url.ParseQuery(query)
	if err != nil || strings.Contains(source, "#") {
		return false
	}
	name, fixed := "checksum", strongSum()
	if gitSource().MatchString(source) {
		if values.Has("depth") {
			return false
		}
		name, fixed = "ref", commitHash()
	}
	return len(values[name]) == 1 && fixed.MatchString(values[name][0])
}

var userInSource = lazyregexp.New(`://[^/?#]*@`)

// WithoutPassword is a module's source without what its URL has before a host, and without
// the tokens in its query.
func WithoutPassword(source string) string {
	return redact.URLs(userInSource().ReplaceAllString(source, "://"))
}

// HeadOf is the commit that is checked out in a clone; empty where that cannot be told.
func HeadOf(clone string) string {
	read := func(name string) string {
		b, _ := datafile.Read(filepath.Join(clone, ".git", filepath.FromSlash(name)), datafile.Record)
		return strings.TrimSpace(string(b))
	}
	head := read("HEAD")
	if ref, ok := strings.CutPrefix(head, "ref: "); ok {
		if !fs.ValidPath(ref) {
			return ""
		}
		if head = read(ref); head == "" {
			for line := range strings.Lines(read("packed-refs")) {
				if id, name, _ := strings.Cut(strings.TrimSpace(line), " "); name == ref {
					head = id
				}
			}
		}
	}
	if !commitHash().MatchString(head) {
		return ""
	}
	return head
}

// PruneModules removes from a cache the packages that keep does not name and that
// nobody has fetched or planned with since before, and what was fetched from their sources.
func PruneModules(cacheDir string, keep map[string]bool, before time.Time) error {
	var failed error
	for _, kind := range []string{"source", "content"} {
		dir := filepath.Join(cacheDir, "modules", kind)
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && !keep["sha256:"+e.Name()] && info.ModTime().Before(before) {
				failed = errors.Join(failed, os.RemoveAll(filepath.Join(dir, e.Name())))
			}
		}
	}
	return failed
}

// GroundPackages are the packages that the plan of a run stands on, by digest.
func GroundPackages(runDir string) ([]string, error) {
	b, err := datafile.Read(filepath.Join(runDir, job.GroundFile), datafile.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var g Standing
	if err := json.Unmarshal(b, &g); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(runDir, job.GroundFile), err)
	}
	return slices.Collect(maps.Values(g.Packages)), nil
}
