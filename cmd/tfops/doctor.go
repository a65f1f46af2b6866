package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/codebase"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/daemon"
	"github.com/tfops/tfops/internal/doctor"
	"github.com/tfops/tfops/internal/exit"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/server/wire"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
	"github.com/tfops/tfops/internal/workspace"
)

// diagnosis is the result of the doctor command.
type diagnosis struct {
	OK      bool           `json:"ok"` // nothing stands in the way of planning
	Config  string         `json:"config,omitempty"`
	Checks  []doctor.Check `json:"checks"`
	Sandbox *api.Sandbox   `json:"sandbox,omitempty"` // of engines that this user starts
	Daemon  *doctor.Answer `json:"daemon,omitempty"`  // absent when none answers
}

func newDoctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at what this machine offers, and what to change",
		Long: `Look at what this machine offers to tfops: the kernel, namespaces and what
restricts them, filters, the data directory and its disk, engines, the clock.
It tries how well an engine can be shut in, says which level that gives, and what
to change for a better one. It changes nothing, needs no daemon, and says at which
level a daemon works that answers.

Run it as the user that runs tfops serve (sudo -u tfops tfops doctor): another one
may be allowed other things.

Exit status: 0 fine; 1 something stands in the way of planning.`,
		Example: `  tfops doctor
  tfops doctor --config /etc/tfops/tfops.hcl
  tfops doctor -o json | jq -r '.sandbox.level'`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.diagnose(cmd.Context())
			if err := printed(a, d, err, tellDiagnosis); err != nil || d.OK {
				return err
			}
			return exit.With(exit.Failed)
		},
	}
}

func (a *app) diagnose(ctx context.Context) (diagnosis, error) {
	d := diagnosis{Checks: []doctor.Check{}}
	cfg, about := a.doctorConfig()
	d.Checks = append(d.Checks, about)
	machine := doctor.This()
	machine.Path = a.getenv("PATH")
	d.Checks = append(d.Checks, machine.Checks()...)
	if cfg != nil {
		d.Config = cfg.Path
		d.Checks = append(d.Checks, doctor.DataDir(cfg.DataDir, machine.UID)...)
	}
	found, err := a.doctorEngines(ctx, cfg)
	if err != nil {
		return d, err
	}
	d.Checks = append(d.Checks, found)
	terms, err := trySandbox(cfg, machine.UID)
	if err != nil {
		return d, err
	}
	d.Sandbox = wire.Sandbox(func() sandbox.Terms { return terms })
	d.Checks = append(d.Checks, doctor.Sandbox(terms, cfg != nil && exposes(cfg)))
	d.Daemon = a.doctorDaemon(ctx)
	d.Checks = append(d.Checks, doctor.Daemon(d.Daemon))
	d.OK = doctor.Worst(d.Checks) != doctor.Problem
	return d, ctx.Err()
}

// doctorConfig reads the configuration, if there is one.
func (a *app) doctorConfig() (*config.Config, doctor.Check) {
	path, err := a.configPath()
	if err != nil {
		return nil, doctor.Check{Key: "config", Status: doctor.Note, Found: err.Error(), Next: fault.Next(err)}
	}
	cfg, err := config.Load(path)
	if err != nil {
		return nil, doctor.Check{Key: "config", Status: doctor.Problem, Found: path + " is not valid",
			Next: "tfops validate"}
	}
	return cfg, doctor.Check{Key: "config", Status: doctor.OK, Found: cfg.Path}
}

// doctorEngines looks for engines on this machine.
func (a *app) doctorEngines(ctx context.Context, cfg *config.Config) (doctor.Check, error) {
	c := doctor.Check{Key: "engines", Status: doctor.OK}
	scratch, err := os.MkdirTemp("", "tfops-doctor-") // a search keeps notes
	if err != nil {
		return c, fault.New(fault.Unavailable, "check TMPDIR", "there is no place for temporary files: %w", err)
	}
	defer os.RemoveAll(scratch)
	var texts []string
	for _, name := range []string{"terraform", "tofu"} {
		req := engines.Request{Name: name, SearchPath: a.getenv("PATH"), CacheDir: scratch}
		if cfg != nil {
			req.Path = cfg.Engines[name].Path
			if v := cfg.Engines[name].Version; v != "" {
				req.Constraints, req.From = []string{v}, []string{"engine " + name}
			}
		}
		if found, err := engines.Lookup(ctx, req); err == nil {
			texts = append(texts, name+" "+found.Version+" ("+found.Path+")")
		}
	}
	c.Found = strings.Join(texts, ", ")
	if len(texts) == 0 {
		c.Status, c.Found = doctor.Note, "none on PATH; tfops fetches the version that a module asks for"
	}
	return c, ctx.Err()
}

// trySandbox tries how well engines can be shut in that this user starts: where their files will
// lie, if that is a place of this user's.
func trySandbox(cfg *config.Config, uid int) (sandbox.Terms, error) {
	terms := sandbox.Terms{Wanted: sandbox.Auto, Root: uid == 0}
	exe, err := os.Executable()
	if err != nil {
		return terms, fault.New(fault.Internal, "", "the path of the tfops binary is not known: %w", err)
	}
	dir, err := os.MkdirTemp("", "tfops-doctor-")
	if err != nil {
		return terms, fault.New(fault.Unavailable, "check TMPDIR", "there is no place for temporary files: %w", err)
	}
	defer os.RemoveAll(dir)
	local := &runner.Local{Exe: exe, Most: sandbox.Level(os.Getenv("TFOPS_SANDBOX"))}
	if cfg != nil {
		terms.Wanted, local.Users = cfg.Runner.Sandbox, cfg.Runner.Users
		cache := filepath.Join(cfg.DataDir, "cache")
		if unix.Access(cache, unix.W_OK) == nil {
			dir = cache
		}
	}
	terms.State, err = local.Probe(dir)
	if err != nil {
		terms.State = daemon.NotFound(err)
	}
	return terms, nil
}

// exposes reports whether a configuration has workspaces that are not planned where nothing shuts
// their engine in.
func exposes(cfg *config.Config) bool {
	all, err := codebase.Fleet(cfg)
	if err != nil {
		return true
	}
	for _, g := range all.Generators {
		d, err := g.Make(workspace.Origin{Generator: g.Name, Branch: "main", Dir: "dir"})
		pattern := slices.ContainsFunc(g.Branches, func(b string) bool { return strings.ContainsAny(b, "*?[{") })
		if pattern || err != nil || len(d.Rules) > 0 {
			return true
		}
	}
	return slices.ContainsFunc(all.Workspaces, func(d fleet.Definition) bool { return len(d.Rules) > 0 })
}

// doctorDaemon asks a daemon, if one answers.
func (a *app) doctorDaemon(ctx context.Context) *doctor.Answer {
	c, err := a.client()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	s, err := c.Status(ctx)
	if err != nil {
		return nil
	}
	return &doctor.Answer{Version: s.Version, Sandbox: s.Sandbox}
}

var doctorTones = map[doctor.Status]term.Tone{doctor.OK: term.Good, doctor.Warning: term.Busy, doctor.Problem: term.Bad}

func tellDiagnosis(p *term.Printer, d diagnosis) {
	var rows [][]term.Cell
	for _, c := range d.Checks {
		row := term.Cells(c.Key, string(c.Status), c.Found)
		row[1].Tone = doctorTones[c.Status]
		rows = append(rows, row)
	}
	show.Table(p, []string{"CHECK", "STATUS", "RESULT"}, rows)
	for _, c := range d.Checks {
		if c.Status != doctor.OK && c.Next != "" {
			p.Printf("%s: %s", c.Key, c.Next)
		}
	}
}
