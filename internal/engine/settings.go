package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/redact"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/workspace"
)

// Settings is what the configuration asks for. It is never changed: a reload
// brings another one.
type Settings struct {
	Config       fleet.Config
	Repositories map[string]Repository
	Engines      map[string]job.EngineSpec // by name
	Modules      []credentials.Credential  // what modules and registries of all workspaces are fetched with
	People       approvals.People
	PassEnv      []string // patterns of the daemon's variables that engines get
	Concurrency  int      // runners at once, for plans and for applies each
	Checks       int      // drift checks at once, besides
	Drift        drift.Rules
	Reports      []ReportPlan
	Instance     report.Instance // how reports name this tfops
	// Wants names the targets that want a notice; nil: nobody is told anything.
	Wants func(run.Notice) []string

	// Between a graceful interrupt and a kill. An apply gets long: killing one
	// orphans its lock and its providers.
	PlanGrace, ApplyGrace time.Duration

	*fleet.Fleet // that the configuration comes to, with what generators make
}

// prepare computes what is asked for often. It is called before anybody else
// has the settings.
func (s *Settings) prepare() *Settings {
	for name, r := range s.Repositories {
		r.name = name
		s.Repositories[name] = r
	}
	s.Fleet = fleet.Build(&s.Config, nil, nil, nil, nil)
	return s
}

// Repository is a Git remote and how often to look at it.
type Repository struct {
	Source
	Pace    gitrepo.Pace
	Content string                   // what an export brings besides what Git has ("lfs", "submodules"); two that differ here differ in their files
	Modules []credentials.Credential // what the modules of its workspaces are fetched with, besides those for all

	name string
}

// named tells things of a repository apart that are made with different content.
func (r Repository) named(name string) string {
	if r.Content == "" {
		return name
	}
	return name + "@" + r.Content
}

// Summary says what the settings hold.
func (s *Settings) Summary() string {
	return fmt.Sprintf("%d workspaces in %d repositories", len(s.Workspaces), len(s.Repositories))
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
		mask = append(mask, passwordIn(value)...)
	}
	for name, v := range w.Env {
		env[name] = v.Value
		if looksSecret(name) {
			mask = append(mask, v.Value)
		}
		mask = append(mask, passwordIn(v.Value)...)
	}
	return env, mask
}

// backendMasks are what must be masked of a backend's settings although they are
// written out: by their names, and the passwords of addresses.
func backendMasks(w workspace.Workspace) (mask []string) {
	for name, v := range w.BackendConfig {
		plain, _ := v.UnmarkDeep()
		_ = cty.Walk(plain, func(_ cty.Path, v cty.Value) (bool, error) {
			if v.Type() != cty.String || v.IsNull() {
				return true, nil
			}
			if looksSecret(name) || name == "conn_str" {
				mask = append(mask, v.AsString())
			}
			mask = append(mask, passwordIn(v.AsString())...)
			return true, nil
		})
	}
	return mask
}

// modules is what a workspace's init fetches with, and what of that must be masked: its
// repository's and everybody's, never another repository's.
func (s *Settings) modules(def fleet.Definition) (m job.Modules, mask []string) {
	own := s.Repositories[def.Repository].Modules
	m.Credentials = slices.Concat(own, s.Modules)
	for _, c := range m.Credentials {
		mask = append(mask, c.Secrets()...)
	}
	return m, mask
}

// moduleScope names what a workspace fetches modules with and others may not have: the
// credentials of its repository, and what its own environment says.
func (e *Engine) moduleScope(def fleet.Definition) (string, error) {
	var of struct {
		Repository string            `json:"repository,omitempty"`
		Env        map[string]string `json:"env,omitempty"`
	}
	if len(e.current().Repositories[def.Repository].Modules) > 0 {
		of.Repository = def.Repository
	}
	for name, v := range def.Env {
		if strings.HasPrefix(name, "TF_VAR_") || strings.HasPrefix(name, "TF_LOG") {
			continue // has no part in what an init fetches
		}
		if of.Env == nil {
			of.Env = map[string]string{}
		}
		of.Env[name] = v.Value
	}
	if of.Repository == "" && of.Env == nil {
		return "", nil
	}
	b, err := json.Marshal(of)
	return e.Vault.Digest(b), err // keyed: the environment holds secrets
}

// network is how the daemon itself reaches the network, and what of that must be
// masked. Runners download engines like that.
func (e *Engine) network() (env map[string]string, mask []string) {
	env = map[string]string{}
	for _, kv := range e.Environ {
		if name, value, _ := strings.Cut(kv, "="); value != "" && slices.Contains(inputs.NetworkSettings, name) {
			env[name] = value
			mask = append(mask, passwordIn(value)...)
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

// minEncoded is the length from which on encoded forms are masked too: those
// of short values are found in anything.
const minEncoded = 8

// masks joins all that must be masked for a workspace, longest first: what its
// configuration gives it, in the forms in which root modules pass it on, and
// what earlier plans hid, which may be thousands, as it is.
func masks(w workspace.Workspace, more, hidden []string) []string {
	all := map[string]bool{}
	for _, v := range hidden {
		all[v] = true
	}
	for _, secret := range append(w.SecretStrings(), more...) {
		for _, v := range redact.Parts(secret) {
			if len(v) < minMask {
				continue
			}
			all[v] = true
			if len(v) >= minEncoded {
				for _, form := range redact.Encoded(v) {
					all[form] = true
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
}

// passwordIn is the password of a value that is a URL, as it stands in it and
// as it is meant; nothing otherwise.
func passwordIn(value string) []string {
	u, err := url.Parse(value)
	if err != nil || u.User == nil {
		return nil
	}
	plain, ok := u.User.Password()
	if !ok {
		return nil
	}
	_, written, _ := strings.Cut(value, "://")
	written, _, _ = strings.Cut(written, "@")
	_, written, _ = strings.Cut(written, ":")
	return []string{plain, written}
}

// caseOf gathers what a decision about a run's plan depends on. Destroying
// everything is never automatic: there, apply = "auto" reads as "manual".
func caseOf(def *fleet.Definition, people approvals.People, r *run.Run, votes []approvals.Vote) approvals.Case {
	c := approvals.Case{Run: r.ID, Commit: r.Commit.SHA, Apply: def.Apply, Rules: def.Rules, Held: r.Confirm, AskedBy: r.Trigger.Actor, Votes: votes, People: people,
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
			Drifted: p.Drifted, Complete: p.Complete, Destroy: r.Kind == run.Destroy, Refresh: r.Kind == run.Refresh}
	}
	for _, p := range append([]run.Person{r.Commit.Author, r.Commit.Committer}, r.Commit.CoAuthors...) {
		c.Authors = append(c.Authors, approvals.Identity{Name: p.Name, Email: p.Email})
	}
	return c
}
