package engine

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/workspace"
)

// Settings is what the configuration asks for. It is never changed: a reload
// brings another one.
type Settings struct {
	Workspaces   []Definition
	Repositories map[string]Repository
	Engines      map[string]runner.EngineSpec // by name
	People       approvals.People
	PassEnv      []string // patterns of the daemon's variables that engines get
	Concurrency  int      // runners at once, for plans and for applies each

	// Between a graceful interrupt and a kill. An apply gets long: killing one
	// orphans its lock and its providers.
	PlanGrace, ApplyGrace time.Duration

	byName map[string]int
}

// Definition is a workspace as configured, with its rules.
type Definition struct {
	workspace.Workspace
	Rules []approvals.Rule
	Drift drift.Schedule

	fingerprint string // computed once: it is asked for at every look at the queue
}

// prepare computes what is asked for often.
func (s *Settings) prepare() *Settings {
	s.byName = make(map[string]int, len(s.Workspaces))
	for i := range s.Workspaces {
		d := &s.Workspaces[i]
		d.fingerprint = d.Workspace.Fingerprint()
		s.byName[d.Name] = i
	}
	return s
}

// Repository is a Git remote and how often to look at it.
type Repository struct {
	Source
	Pace gitrepo.Pace
}

// Summary says what the settings hold.
func (s *Settings) Summary() string {
	return fmt.Sprintf("%d workspaces in %d repositories", len(s.Workspaces), len(s.Repositories))
}

func (s *Settings) find(name string) (Definition, bool) {
	i, ok := s.byName[name]
	if !ok {
		return Definition{}, false
	}
	return s.Workspaces[i], true
}

func (s *Settings) workspace(name string) (Definition, error) {
	d, ok := s.find(name)
	if !ok {
		return d, fault.New(fault.NotFound, "tfops status", "there is no workspace %q", name)
	}
	return d, nil
}

// alwaysPassed are the variables that every engine gets: where programs, home
// and certificates are, and how to speak to a person. Nothing here is a secret.
var alwaysPassed = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}

// environment is an engine's whole environment, from the daemon's by
// allow-list and from the workspace; and the values in it that must be masked.
func (s *Settings) environment(environ []string, w workspace.Workspace) (env map[string]string, mask []string) {
	env = map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !allowed(alwaysPassed, name) && !allowed(s.PassEnv, name) {
			continue
		}
		env[name] = value
		if looksSecret(name) {
			mask = append(mask, value)
		}
	}
	for name, v := range w.Env {
		env[name] = v.Value
		if looksSecret(name) {
			mask = append(mask, v.Value)
		}
	}
	return env, mask
}

func allowed(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name) // patterns were checked when they were read
		return ok
	})
}

// looksSecret guesses from a variable's name whether its value must be masked
// in what an engine prints. Too much masking is a nuisance, too little a leak.
func looksSecret(name string) bool {
	name = strings.ToUpper(name)
	for _, word := range []string{"SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "PRIVATE", "CREDENTIAL", "API_KEY", "APIKEY", "ACCESS_KEY", "SESSION"} {
		if strings.Contains(name, word) && !strings.HasSuffix(name, "_FILE") && !strings.HasSuffix(name, "_PATH") {
			return true
		}
	}
	return false
}

// minMask is the length below which a value is not masked: masking every
// "1" or "eu" would make logs unreadable and hide nothing.
const minMask = 4

// masks joins all that must be masked for a workspace, longest first.
func masks(w workspace.Workspace, more []string) []string {
	var all []string
	for _, v := range append(w.SecretStrings(), more...) {
		if len(v) >= minMask && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// caseOf gathers what a decision about a run's plan depends on. Destroying
// everything is never automatic: there, apply = "auto" reads as "manual".
func caseOf(def Definition, people approvals.People, r run.Run, votes []approvals.Vote) approvals.Case {
	c := approvals.Case{Run: r.ID, Commit: r.Commit.SHA, Apply: def.Apply, Rules: def.Rules, AskedBy: r.Trigger.Actor, Votes: votes, People: people,
		Facts: approvals.Facts{Workspace: def.Workspace, Commit: approvals.CommitFacts{
			SHA: r.Commit.SHA, Message: r.Commit.Message,
			Author: r.Commit.Author.Name, AuthorEmail: r.Commit.Author.Email,
			Committer: r.Commit.Committer.Name, CommitterEmail: r.Commit.Committer.Email,
		}},
	}
	if r.Kind == run.Destroy && c.Apply == workspace.Auto {
		c.Apply = workspace.Manual
	}
	if p := r.Plan; p != nil {
		c.Digest = p.Digest
		c.Facts.Plan = approvals.PlanFacts{Counts: p.Counts, Types: p.Types, Addresses: p.Addresses,
			Drifted: p.Drifted, Complete: p.Complete, Destroy: r.Kind == run.Destroy}
	}
	for _, p := range append([]run.Person{r.Commit.Author, r.Commit.Committer}, r.Commit.CoAuthors...) {
		c.Authors = append(c.Authors, approvals.Identity{Name: p.Name, Email: p.Email})
	}
	return c
}
