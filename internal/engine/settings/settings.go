// Package settings is what the configuration asks of the engine.
package settings

import (
	"fmt"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/codelink"
	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/sandbox"
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
	AuditKeep    time.Duration   // how long the audit log is kept; 0: audit.DefaultKeep
	// Wants names the targets that want a notice; nil: nobody is told anything.
	Wants func(run.Notice) []string

	// Between a graceful interrupt and a kill. An apply gets long: killing one
	// orphans its lock and its providers.
	PlanGrace, ApplyGrace time.Duration

	Limits  workspace.Limits  // what each phase may take of the machine
	Network workspace.Network // whom each engine can reach

	Sandbox sandbox.Terms // how engines are to be shut in, and how this machine does it
	Cell    job.Cell      // what no engine sees, and what each one is given

	*fleet.Fleet // that the configuration comes to, with what generators make
}

// Prepare computes what is asked for often. It is called before anybody else
// has the settings.
func (s *Settings) Prepare() *Settings {
	for name, r := range s.Repositories {
		r.Name = name
		s.Repositories[name] = r
	}
	s.Fleet = fleet.Build(&s.Config, nil, nil, nil, nil)
	return s
}

// Repository is a Git remote and how often to look at it.
type Repository struct {
	Remote
	Objects
	Pace gitrepo.Pace
	// what an export brings besides what Git has ("lfs", "submodules"); two that differ here differ in their files
	Content string
	Modules []credentials.Credential // what the modules of its workspaces are fetched with, besides those for all
	// Keys sign its commits: those of users, and of its forge. Nil: there are none, and none need be.
	Keys *signatures.Ring
	// SignedSince is a commit whose history need not be signed where others have to be; empty: none.
	SignedSince string
	Links       codelink.Templates // to the pages of its commits and files

	Name string
}

// Named tells things of a repository apart that are made with different content.
func (r Repository) Named(name string) string {
	if r.Content == "" {
		return name
	}
	return name + "@" + r.Content
}

// Signing tells repositories apart in which other signatures count.
func (r Repository) Signing() string {
	return strings.TrimSuffix(r.Keys.Digest()+" "+r.SignedSince, " ")
}

// Summary says what the settings hold.
func (s *Settings) Summary() string {
	return fmt.Sprintf("%d workspaces in %d repositories", len(s.Workspaces), len(s.Repositories))
}

// ReportPlan says when a report is made, of what, and who gets it.
type ReportPlan struct {
	Name     string
	Schedule schedule.Schedule
	Location *time.Location // in which its times are told
	Formats  []string
	To       []string      // names of targets; none: those that want reports
	Since    time.Duration // its window; zero: since the last report of this name
	// Covers reports whether it is of a workspace; nil: of all.
	Covers func(workspace string, labels map[string]string) bool
}

// RulesOf are the rules that concern a workspace.
func (s *Settings) RulesOf(def fleet.Definition) drift.Rules {
	rules := drift.Rules{Severity: s.Drift.Severity}
	for _, r := range s.Drift.Ignore {
		if r.Concerns(def.Name, def.Labels) {
			rules.Ignore = append(rules.Ignore, r)
		}
	}
	return rules
}
