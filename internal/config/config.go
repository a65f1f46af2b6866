// Package config reads tfops.hcl into typed values. It is the door: Load reads
// the file, and the packages below it each read some of its blocks.
//
//   - syntax parses, and goes on where the syntax is broken; schema says what may
//     stand where; decode reads attributes, blocks and expressions.
//   - repositories, people, workspaces and reporting read the blocks of these
//     names; what server, runner and engine blocks say stands here.
//   - problems is what is wrong, all of it at once, and how it is shown.
//
// A workspace takes from the defaults block what it does not say itself, and
// names of repositories, people and groups must exist. docs/configuration.md is
// the reference of the language and is held against the schema by a test.
package config

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/people"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/reporting"
	"github.com/tfops/tfops/internal/config/repositories"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/config/signing"
	"github.com/tfops/tfops/internal/config/workspaces"
	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/workspace"
)

// Config is a valid configuration. Paths in it are absolute.
type Config struct {
	Path         string // of the file
	DataDir      string
	AuditKeep    time.Duration // how long the audit log is kept
	Server       Server
	Runner       Runner
	Engines      map[string]Engine // "terraform" and "tofu", always both
	Repositories []Repository
	Modules      []credentials.Credential // what every workspace's modules and registries are fetched with
	Users        []people.User
	Groups       []people.Group
	Workspaces   []Workspace // that have a block of their own, in the order of the file
	Generators   []Generator // in the order of the file

	Ignore   []drift.Ignore       // in the order of the file; expired ones too
	Severity []drift.SeverityRule // in the order of the file, which is that in which they are asked
	Reports  []Report
	Notify   []notify.Target // who gets which messages; see reporting.Reporting

	// Returned is what env and file returned, with what names it.
	Returned []workspace.Named

	// Warnings are what is allowed and yet probably not meant.
	Warnings hcl.Diagnostics
	// Files are all that was read: the file itself and what file("…") named.
	// A change of one of them can change the configuration.
	Files []string

	sources map[string]*hcl.File
}

// The parts of a configuration, under the names by which cmd/tfops knows them.
type (
	Repository = repositories.Repository
	Auth       = repositories.Auth
	TLS        = repositories.TLS
	Workspace  = workspaces.Workspace
	Drift      = workspaces.Drift
	Generator  = workspaces.Generator
	Report     = reporting.Report
	Problems   = problems.List
)

// FetchAll is the value of Repository.Fetch for all branches.
const FetchAll = repositories.FetchAll

// Load reads a configuration, whose values need no further check. The error is a
// *Problems with everything that is wrong.
func Load(path string) (*Config, error) {
	r := decode.NewReader(path)
	top, ok := r.Open()
	if !ok {
		return nil, r.Problems()
	}
	c := read(r, top)
	found := r.Problems()
	if r.Failed() {
		return nil, found
	}
	c.Path, c.Files, c.Warnings, c.sources = r.Path, r.Files(), found.Diagnostics, found.Files
	c.Returned = r.Returned()
	return c, nil
}

// read reads the whole file, in the order in which blocks refer to others.
func read(r *decode.Reader, top decode.Block) *Config {
	c := &Config{DataDir: r.Abs("/var/lib/tfops"), Runner: defaultRunner()}
	if f := top.Text("data_dir"); f.Set {
		if f.Val == "" {
			r.Errorf(f.Range, "empty path", "data_dir names the directory that holds everything tfops remembers, "+
				"for example \"/var/lib/tfops\".")
		}
		c.DataDir = r.Abs(f.Val)
	}
	c.AuditKeep = top.Duration("audit_keep", 24*time.Hour).OrElse(audit.DefaultKeep)
	for _, b := range top.Blocks(schema.Server) {
		c.Server = server(r, b)
	}
	for _, b := range top.Blocks(schema.Runner) {
		c.Runner = runner(r, b, c.DataDir)
	}
	c.Engines = engines(r, top)
	c.Repositories = repositories.Read(r, top)
	c.Modules = repositories.ReadCredentials(r, top)
	who := people.Read(r, top)
	c.Users, c.Groups = who.Users, who.Groups
	c.checkSigners(r, top)
	var declared, known []string
	for _, repo := range c.Repositories {
		known = append(known, repo.Name)
	}
	c.Workspaces, c.Generators = workspaces.Read(r, top, known, who)
	if c.Server.SocketGroup == "" {
		warnOfRules(r, top)
	}
	checkGiven(r, c.Workspaces, c.DataDir)
	workspaces.WarnOfHosts(r, c.Workspaces, c.Runner.Network)
	for _, w := range c.Workspaces {
		declared = append(declared, w.Name)
	}
	rest := reporting.Read(r, top, declared, len(c.Generators) > 0)
	c.Ignore, c.Severity, c.Reports, c.Notify = rest.Ignore, rest.Severity, rest.Reports, rest.Notify
	return c
}

// checkSigners holds what repositories ask of signatures against the keys of users.
func (c *Config) checkSigners(r *decode.Reader, top decode.Block) {
	users := signing.Keys{}
	for _, u := range c.Users {
		users.Add(fmt.Sprintf("user %q", u.Name), u.Keys)
	}
	for _, b := range top.Blocks(schema.Repository) {
		i := slices.IndexFunc(c.Repositories, func(r Repository) bool { return r.Name == b.Name })
		if i < 0 {
			continue
		}
		repo := c.Repositories[i]
		users.CheckOther(r, b, "merge_keys", repo.MergeKeys)
		if repo.RequireSigned && len(users) == 0 {
			r.Warnf(b.Place("require_signed"), "nobody can sign",
				"No user block has keys, so nothing of this repository is applied. "+
					"Write them: keys = [file(\"ana.pub\")].")
		}
	}
}

// Follows reports whether the submodules of a repository are followed.
func (c *Config) Follows(repository string) bool {
	return slices.ContainsFunc(c.Repositories, func(r Repository) bool { return r.Name == repository && r.Submodules })
}

// RenderWarnings writes the warnings as Problems.Render writes mistakes.
func (c *Config) RenderWarnings(w io.Writer, color bool, width int) error {
	return (&Problems{Diagnostics: c.Warnings, Files: c.sources}).Render(w, color, width)
}
