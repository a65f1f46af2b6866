// Package sources reads repositories for the engine: it asks their remotes within bounded
// times, fetches what a mirror does not have, and remembers what their code says.
package sources

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Reader reads repositories: it asks their remotes within bounded times, fetches what a
// mirror does not have, and remembers what their code says.
type Reader struct {
	Settings *settings.Current
	Log      *slog.Logger

	mu      sync.Mutex
	indexes map[string]*reach.Index // by repository
	// by repository and commit: when all that the remote has was asked for, for its sake
	sought map[string]time.Time
}

// Polled is what became of the polls of a repository.
type Polled struct {
	At       time.Time // the last one that succeeded; zero: none yet
	Failures int       // since
	Err      error     // of the last one
	Owners   []string  // what cannot be read of its CODEOWNERS files, by branch and line
}

// Index is what is remembered of a repository's code.
func (s *Reader) Index(repository string) *reach.Index {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.indexes == nil {
		s.indexes = map[string]*reach.Index{}
	}
	if s.indexes[repository] == nil {
		s.indexes[repository] = reach.NewIndex()
	}
	return s.indexes[repository]
}

// Need makes sure that a commit can be read from the mirror.
func (s *Reader) Need(ctx context.Context, repo settings.Repository, sha string) error {
	if repo.Has(sha) {
		return nil
	}
	return s.fetch(ctx, repo, sha)
}

// Submodules brings the submodules of a commit that is in the mirror. Those that
// cannot be had concern nobody but who reads them.
func (s *Reader) Submodules(ctx context.Context, repo settings.Repository, sha string) ([]trees.MissingSubmodule,
	error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	return repo.Submodules(ctx, sha)
}

// How long a remote may take. A clone of a large repository is slow.
const (
	headTimeout  = 5 * time.Second // to name one branch, while an apply waits
	headsTimeout = time.Minute
	fetchTimeout = 30 * time.Minute
)

// fetch fetches what is wanted, and all that somebody follows.
func (s *Reader) fetch(ctx context.Context, repo settings.Repository, wanted ...string) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	fetched, err := repo.Fetch(ctx, wanted...)
	if fetched.Repaired != "" {
		s.Log.Warn("a mirror was damaged and has been cloned again", "why", fetched.Reason, "old", fetched.Repaired)
	}
	return err
}

// Heads are the branches that a remote has, and where they are.
func (s *Reader) Heads(ctx context.Context, repo settings.Repository) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, headsTimeout)
	defer cancel()
	return repo.Heads(ctx)
}

// Tags are the tags that a remote has.
func (s *Reader) Tags(ctx context.Context, repo settings.Repository) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, headsTimeout)
	defer cancel()
	return repo.Tags(ctx)
}

// soughtAgain is how long nobody asks for all that a remote has, for the sake of a
// commit that was not among it.
const soughtAgain = 10 * time.Minute

// Obtain has a commit in the mirror that no followed branch need have: by its id
// or its tag, where the host gives it, or else with all that the host has.
func (s *Reader) Obtain(ctx context.Context, repo settings.Repository, d fleet.Definition, sha string) error {
	if err := s.Need(ctx, repo, sha); err != nil || repo.Has(sha) {
		return err
	}
	key := repo.Name + "\x00" + sha
	s.mu.Lock()
	again := time.Since(s.sought[key]) > soughtAgain
	if again {
		if s.sought == nil {
			s.sought = map[string]time.Time{}
		}
		s.sought[key] = time.Now()
	}
	s.mu.Unlock()
	if again {
		if err := s.fetch(ctx, repo, gitrepo.Everything); err != nil {
			return err
		}
	}
	if repo.Has(sha) {
		return nil
	}
	if d.Tag != "" {
		return fault.New(fault.Invalid, "tag a commit",
			"what workspace %s follows (%s) is the tag of no commit that can be fetched", d.Name, d.Follows(""))
	}
	return fault.New(fault.NotFound, "push it to a branch, or correct commit in tfops.hcl",
		"repository %s gives out no commit %s: no branch or tag that can be fetched has it", d.Repository, sha)
}

// Head asks the remote which commit a workspace's branch or tag is at now.
func (s *Reader) Head(ctx context.Context, repo settings.Repository, d fleet.Definition) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	if d.Tag == "" {
		return repo.Head(ctx, d.Branch)
	}
	tags, err := repo.Tags(ctx)
	if err != nil {
		return "", err
	}
	tag, ok := d.Newest(tags)
	if !ok {
		return "", NoTag(d, tags)
	}
	return tag.Commit, nil
}

// NoTag says that no tag fits, and which there are.
func NoTag(d fleet.Definition, tags map[string]string) error {
	there := d.Versions(tags)
	pattern := d.TagPrefix + "1.2.3"
	switch {
	case len(there) > 0:
		return fault.New(fault.NotFound, "push a tag that fits, or correct tag in tfops.hcl: there are "+
			Some(there, ", "),
			"no tag of repository %s fits %s", d.Repository, d.Tag)
	case d.TagPrefix != "":
		return fault.New(fault.NotFound, "push one, or correct tag_prefix in tfops.hcl",
			"repository %s has no tag of the form %s", d.Repository, pattern)
	}
	return fault.New(fault.NotFound, "push one, or set tag_prefix in tfops.hcl to what stands before the version",
		"repository %s has no tag of the form v%s or %s", d.Repository, pattern, pattern)
}

// Resolve finds a commit that a person names, of a branch that nobody follows
// as well.
func (s *Reader) Resolve(ctx context.Context, repo settings.Repository, ref string) (string, error) {
	if err := s.fetch(ctx, repo, ref); err != nil {
		return "", err
	}
	sha, err := repo.Resolve(ctx, ref)
	if !fault.Is(err, fault.NotFound) || !remote.LooksLikeID(ref) {
		return sha, err
	}
	// A commit may lie below the head of any branch, and few hosts give out one
	// that no branch is at.
	if err := s.fetch(ctx, repo, gitrepo.Everything); err != nil {
		return "", err
	}
	return repo.Resolve(ctx, ref)
}

// GraphOf is what the workspaces of a run's branch depend on in its commit.
func (s *Reader) GraphOf(r run.Run, def fleet.Definition, repo settings.Repository) (*reach.Graph, error) {
	tree, err := repo.Tree(r.Commit.SHA)
	if err != nil {
		return nil, err
	}
	// With all workspaces of the branch it is the graph that the poll made.
	defs := s.Settings.Get().Following(def)
	if i := slices.IndexFunc(defs, func(d fleet.Definition) bool { return d.Name == def.Name }); i >= 0 {
		defs[i] = def // of a check it is as it was applied
	} else {
		defs = append(defs, def)
	}
	return s.Index(def.Repository).Graph(tree, fleet.Values(defs)), nil
}

// maxPaths is how many paths a sentence names.
const maxPaths = 8

// Some names the first of many.
func Some(all []string, sep string) string {
	if len(all) <= maxPaths {
		return strings.Join(all, sep)
	}
	return strings.Join(all[:maxPaths], sep) + fmt.Sprintf("%sand %d more", sep, len(all)-maxPaths)
}

// Shared are the files that other workspaces of the branch read as their own.
func (s *Reader) Shared(def fleet.Definition, tree fs.FS) []string {
	defs := s.Settings.Get().Following(def)
	g := s.Index(def.Repository).Graph(tree, fleet.Values(defs))
	var files []string
	for _, d := range defs {
		if d.Name == def.Name {
			continue
		}
		inputs, _ := g.Reach(d.Name)
		for _, item := range inputs.Items {
			if item.Kind == reach.OwnFiles || item.Kind == reach.Variables {
				files = append(files, item.Path)
			}
		}
	}
	return files
}

// Discover looks at one branch. Where it may take only so long, reach.ErrLater says that the next call
// goes on.
func (s *Reader) Discover(ctx context.Context, repo settings.Repository, gens []fleet.Generator, branch, head string,
	records map[string]workspace.Record, until time.Time) (fleet.Discovery, error) {
	if err := s.Need(ctx, repo, head); err != nil {
		return fleet.Discovery{}, err
	}
	missing, err := s.Submodules(ctx, repo, head)
	if err != nil {
		return fleet.Discovery{}, err
	}
	tree, err := repo.Tree(head)
	if err != nil {
		return fleet.Discovery{}, err
	}
	if !until.IsZero() {
		within, cancel := context.WithDeadline(ctx, until)
		defer cancel()
		if err := s.Index(repo.Name).Prepare(within, tree); err != nil {
			return fleet.Discovery{}, err
		}
	}
	d := fleet.Discover(s.Index(repo.Name), gens, branch, tree, records)
	d.Head, d.Partial = head, len(missing) > 0
	return d, nil
}
