// Package config reads tfops.hcl into typed values.
//
// A file goes through four steps, and each goes on after a mistake, so that a
// person sees all of them at once:
//
//  1. HCL's own parser turns text into blocks and attributes.
//  2. Every block is held against the grammar (grammar.go), which says what may
//     stand in it; a name that is not there gets the nearest one that is.
//  3. Expressions are evaluated. They know no variables; the functions are
//     those of package hclfn, and env and file, which alone reach outside. What
//     comes from these two is marked as secret, the mark follows the value
//     through every expression, and it may end only where nothing shows it.
//  4. Values are checked and put together: a workspace takes from the defaults
//     block what it does not say itself, and names of repositories, people and
//     groups must exist.
//
// Load returns a *Problems with everything that is wrong, or a Config whose
// values need no further check. docs/configuration.md is the reference of the
// language and is held against the grammar by a test.
package config

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
	_ "time/tzdata" // a schedule's time zone is known in a minimal container, too

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// Config is a valid configuration. Paths in it are absolute.
type Config struct {
	Path         string // of the file
	DataDir      string
	Server       Server
	Runner       Runner
	Engines      map[string]Engine // "terraform" and "tofu", always both
	Repositories []Repository
	Modules      []credentials.Credential // what every workspace's modules and registries are fetched with
	Users        []User
	Groups       []Group
	Workspaces   []Workspace // that have a block of their own, in the order of the file
	Generators   []Generator // in the order of the file

	Ignore   []drift.Ignore       // in the order of the file; expired ones too
	Severity []drift.SeverityRule // in the order of the file, which is that in which they are asked
	Reports  []Report
	// Notify are whom to tell what. Each names the kinds that it wants, at least
	// one. A report goes to those that its To names, whatever they want otherwise;
	// where it names none, to those that want reports.
	Notify []notify.Target

	// Warnings are what is allowed and yet probably not meant.
	Warnings hcl.Diagnostics
	// Files are all that was read: the file itself and what file("…") named.
	// A change of one of them can change the configuration.
	Files []string

	sources map[string]*hcl.File
}

// Server is how the API is reached.
type Server struct {
	SocketGroup string // Unix group that may use the socket; empty: its owner alone
}

// Runner is how runs are carried out.
type Runner struct {
	Concurrency int // phases at a time; at least 1
	// DriftConcurrency is how many drift checks go on at a time; at least 1.
	DriftConcurrency int
	PassEnv          []string      // names of the daemon's environment variables that the engine sees; a "*" stands for any characters
	PlanGrace        time.Duration // between a graceful interrupt of a plan and its kill
	ApplyGrace       time.Duration // the same of an apply
}

// Engine says which engine of a name to use. The zero Engine is any version,
// from PATH or else from its maker.
type Engine struct {
	Name       string
	Version    string // constraint, e.g. "~> 1.11"
	Path       string // a binary to use, and nothing else
	ReleaseURL string // where releases are
	PublicKey  string // armored key that signs them
	CLIConfig  string // the CLI configuration that it reads; with it the user's own Git and ssh settings count
}

// Repository is a Git remote to mirror.
type Repository struct {
	Name string
	URL  string // https, http, ssh or an absolute local path; never holds a password
	Poll time.Duration
	// Fetch says which branches are mirrored: those that workspaces and
	// workspaces blocks name, or all.
	Fetch string
	Auth  Auth
	TLS   TLS

	LFS    bool   // whether what Git LFS pointers name is fetched
	LFSURL string // of the LFS server; empty: where the repository's host has it

	Modules []credentials.Credential // what the modules of its workspaces are fetched with, besides those for all

	Submodules bool        // whether submodules are followed
	Submodule  []Submodule // who may be asked for them besides the repository's own host
}

// Submodule is how submodules are reached whose URL begins with Prefix.
type Submodule struct {
	Prefix string
	Auth   Auth
	TLS    TLS
}

// TLS is how an https host and tfops know each other, beside passwords. All is
// in PEM; the key is secret.
type TLS struct {
	CA, Cert, Key []byte
}

// The values of Repository.Fetch.
const (
	FetchFollowed = "followed"
	FetchAll      = "all"
)

// Auth is how a repository's server is told who asks. All but Username and
// KnownHosts is secret.
type Auth struct {
	Username   string
	Password   string
	SSHKey     []byte // PEM
	Passphrase string // of SSHKey
	KnownHosts []byte // in the format of OpenSSH's known_hosts
}

// User ties a person to the emails in commits.
type User struct {
	Name   string
	Emails []string
}

// Group is a set of people that an approval rule can name.
type Group struct {
	Name    string
	Members []string
}

// Workspace is a workspace with its rules.
type Workspace struct {
	workspace.Workspace
	Rules []approvals.Rule
	Drift Drift
	Range hcl.Range // of the block's header
}

// Drift says when a workspace is checked for drift, and what becomes of it.
type Drift struct {
	Schedule     string        // cron expression; empty: never
	Timezone     string        // name of the tz database; "UTC" unless configured
	Heal         bool          // put back what drifted
	HealOnly     []drift.Class // what to heal, of changed and deleted; nil: both
	HealCooldown time.Duration // between two heals of a finding; at least a minute
}

// Generator is a workspaces block.
type Generator struct {
	workspace.Generator
	Range hcl.Range // of the block's header
	// Make makes the workspace of one match. Its error says where in the file
	// what is wrong. What env and file returned is as it was when the
	// configuration was read.
	Make func(workspace.Origin) (Workspace, error)
}

// maxFileSize bounds the configuration and what file("…") reads, in bytes.
const maxFileSize = 1 << 20

// Load reads a configuration. The error is a *Problems.
func Load(path string) (*Config, error) {
	r := newReader(path)
	src, err := readFile(path)
	if err != nil {
		r.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "cannot read the configuration",
			Detail: path + ": " + reason(err) + ". Check the path (--config, TFOPS_CONFIG) and that tfops may read the file."})
		return nil, r.problems()
	}
	if rootmodule.TooDeep(src) {
		r.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "nested too deep",
			Detail: path + " has more brackets within brackets than tfops reads."})
		return nil, r.problems()
	}
	file, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	r.sources[path] = &hcl.File{Bytes: src}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, r.problems()
	}
	r.syntax(body, src, diags)
	c := r.file(body, src)
	if r.failed() {
		return nil, r.problems()
	}
	c.Path, c.sources = r.path, r.sources
	c.Files = append([]string{r.path}, r.read...)
	c.Warnings = r.problems().Diagnostics
	return c, nil
}

// Follows reports whether the submodules of a repository are followed.
func (c *Config) Follows(repository string) bool {
	return slices.ContainsFunc(c.Repositories, func(r Repository) bool { return r.Name == repository && r.Submodules })
}

// RenderWarnings writes the warnings as Problems.Render writes mistakes.
func (c *Config) RenderWarnings(w io.Writer, color bool, width int) error {
	return (&Problems{Diagnostics: c.Warnings, Files: c.sources}).Render(w, color, width)
}

// file reads the whole file, in the order in which blocks refer to others.
func (r *reader) file(body *hclsyntax.Body, src []byte) *Config {
	top := r.openFile(body)
	c := &Config{
		DataDir: r.abs("/var/lib/tfops"),
		Runner:  defaultRunner(),
		Engines: map[string]Engine{},
	}
	if f := top.text("data_dir", shown); f.set {
		if f.val == "" {
			r.errorAt(f.rng, "empty path", "data_dir names the directory that holds everything tfops remembers, for example \"/var/lib/tfops\".")
		}
		c.DataDir = r.abs(f.val)
	}
	for _, b := range top.blocks(serverKind) {
		c.Server = r.server(b)
	}
	for _, b := range top.blocks(runnerKind) {
		c.Runner = r.runner(b)
	}
	r.engines(c, top.blocks(engineKind))
	r.repositories(c, top.blocks(repositoryKind))
	c.Modules = r.modules(top.blocks(modulesKind), false)
	r.people(c, top.blocks(userKind), top.blocks(groupKind))
	r.workspaces(c, top, src)
	r.findings(c, top)
	r.notifies(c, top)
	r.reports(c, top)
	return c
}

// abs makes a path of the configuration absolute: it is relative to the
// directory of the file, and "~/" is the home directory.
func (r *reader) abs(path string) string {
	if home, err := os.UserHomeDir(); err == nil && len(path) > 1 && path[:2] == "~/" {
		return filepath.Join(home, path[2:])
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.dir, path)
}
