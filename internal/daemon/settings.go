package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/codebase"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/server/socket"
)

// settings copies out of a configuration what the engine needs.
func (d *Daemon) settings(cfg *config.Config) (*settings.Settings, error) {
	s := &settings.Settings{
		Engines: map[string]job.EngineSpec{},
		People: approvals.People{Emails: map[string][]string{}, Groups: map[string][]string{},
			Signed: map[string]string{}, Daemon: socket.OwnName()},
		Modules:     cfg.Modules,
		PassEnv:     cfg.Runner.PassEnv,
		AuditKeep:   cfg.AuditKeep,
		Concurrency: cfg.Runner.Concurrency,
		Checks:      cfg.Runner.DriftConcurrency,
		Drift:       drift.Rules{Ignore: cfg.Ignore, Severity: cfg.Severity},
		Instance:    report.Instance{Version: d.Version.Tfops},
		Wants:       func(n run.Notice) []string { return notify.Wants(cfg.Notify, n) },
		PlanGrace:   cfg.Runner.PlanGrace,
		ApplyGrace:  cfg.Runner.ApplyGrace,
		Sandbox:     sandbox.Terms{Wanted: cfg.Runner.Sandbox, State: d.findSandbox(), Root: os.Geteuid() == 0},
		Limits:      cfg.Runner.Limits,
		Network:     cfg.Runner.Network,
		Cell:        job.Cell{Hide: hiddenOf(cfg), Read: cfg.Runner.Read, Write: cfg.Runner.Write},
	}
	for name, e := range cfg.Engines {
		s.Engines[name] = job.EngineSpec{Name: name, Version: e.Version, Path: e.Path, ReleaseURL: e.ReleaseURL,
			PublicKey: e.PublicKey, CLIConfig: e.CLIConfig}
	}
	signers := signersOf(cfg)
	for _, u := range cfg.Users {
		s.People.Emails[u.Name] = u.Emails
	}
	if !signers.Empty() {
		s.People.Keys = signers.Digest()
	}
	for _, g := range cfg.Groups {
		s.People.Groups[g.Name] = g.Members
	}
	var err error
	if s.Repositories, err = repositoriesOf(cfg, &d.mirrors); err != nil {
		return nil, err
	}
	for _, r := range cfg.Repositories {
		of := s.Repositories[r.Name]
		if of.Keys = signers.With(signatures.Owner{}, r.MergeKeys...); of.Keys.Empty() && !r.RequireSigned {
			of.Keys = nil
		}
		of.SignedSince = r.SignedSince
		s.Repositories[r.Name] = of
		if r.RequireSigned {
			s.People.Signed[r.Name] = of.Signing()
		}
	}
	for _, r := range cfg.Reports {
		p, err := reportPlan(r)
		if err != nil {
			return nil, err
		}
		s.Reports = append(s.Reports, p)
	}
	s.Config, err = codebase.Fleet(cfg)
	return s, err
}

// hiddenOf is where the configuration lies: its directory, or the file alone where that directory is not for it.
func hiddenOf(cfg *config.Config) []string {
	var all []string
	files := append([]string{cfg.Path}, cfg.Files...)
	for _, path := range files {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			files = append(files, real) // a link would still show what it leads to
		}
	}
	for _, path := range files {
		path, err := filepath.Abs(path)
		if err != nil {
			continue
		}
		switch dir := filepath.Dir(path); dir {
		case "/", "/etc", "/usr", "/usr/local", "/usr/local/etc", "/opt", "/srv", "/home", "/var", "/tmp":
			all = append(all, path)
		default:
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// signersOf are the keys of all users.
func signersOf(cfg *config.Config) *signatures.Ring {
	ring := &signatures.Ring{}
	for _, u := range cfg.Users {
		ring.Add(signatures.Owner{User: u.Name, Emails: u.Emails}, u.Keys...)
	}
	return ring
}

// repositoriesOf opens the mirrors of a configuration. Nothing that reads or fetches
// through those of an earlier one notices, until the engine has the new ones.
func repositoriesOf(cfg *config.Config, m *mirrors) (map[string]settings.Repository, error) {
	found := map[string]settings.Repository{}
	for _, r := range cfg.Repositories {
		mirror, err := m.open(remote.Remote{Name: r.Name, URL: r.URL, Auth: authOf(r.Auth, r.TLS),
			LFS: remote.LFS{On: r.LFS, URL: r.LFSURL}, Submodules: submodulesOf(r)})
		if err != nil {
			return nil, err
		}
		mirror.Follow(codebase.FollowsBranch(cfg, r))
		mirror.FollowTags(codebase.FollowsTag(cfg, r))
		found[r.Name] = settings.Repository{Remote: mirror, Objects: mirror, Pace: gitrepo.Pace{Every: r.Poll},
			Content: contentOf(r),
			Modules: r.Modules, Links: r.Links}
	}
	return found, nil
}

func reportPlan(r config.Report) (settings.ReportPlan, error) {
	schedule, err := schedule.Parse(r.Schedule, r.Timezone)
	if err != nil {
		return settings.ReportPlan{}, err
	}
	zone, err := time.LoadLocation(r.Timezone)
	return settings.ReportPlan{Name: r.Name, Schedule: schedule, Location: zone, Formats: r.Formats, To: r.To,
		Since: r.Since, Covers: r.Covers}, err
}

// mirrors keeps one mirror per repository for the life of the process. A
// configuration that is read again has the same one with another remote.
type mirrors struct {
	dir string

	mu     sync.Mutex
	byName map[string]*gitrepo.Mirror
}

func (m *mirrors) open(r remote.Remote) (mirror *gitrepo.Mirror, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if have, ok := m.byName[r.Name]; ok {
		mirror, err = have.WithRemote(r)
	} else {
		mirror, err = gitrepo.Open(filepath.Join(m.dir, r.Name+".git"), r)
	}
	if err != nil {
		return nil, err
	}
	if m.byName == nil {
		m.byName = map[string]*gitrepo.Mirror{}
	}
	m.byName[r.Name] = mirror
	return mirror, nil
}

// close waits for fetches that are running and lets go of the mirrors.
func (m *mirrors) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mirror := range m.byName {
		mirror.Close()
	}
}

// authOf is how a host is told who asks.
func authOf(a config.Auth, t config.TLS) remote.Auth {
	return remote.Auth{Username: a.Username, Password: a.Password, SSHKey: a.SSHKey, SSHKeyPassphrase: a.Passphrase,
		KnownHosts: a.KnownHosts,
		CA:         t.CA, ClientCert: t.Cert, ClientKey: t.Key}
}

func submodulesOf(r config.Repository) remote.Submodules {
	s := remote.Submodules{On: r.Submodules}
	for _, sub := range r.Submodule {
		s.Access = append(s.Access, remote.SubmoduleAccess{Prefix: sub.Prefix, Auth: authOf(sub.Auth, sub.TLS)})
	}
	return s
}

// contentOf names what the files of a repository hold that is not in Git itself.
// Which hosts may be asked for submodules says which of them are there.
func contentOf(r config.Repository) string {
	var parts []string
	if r.LFS {
		parts = append(parts, "lfs")
	}
	if r.Submodules {
		name := "submodules"
		if len(r.Submodule) > 0 {
			sum := sha256.New()
			for _, sub := range r.Submodule {
				fmt.Fprintln(sum, sub.Prefix)
			}
			name += "-" + hex.EncodeToString(sum.Sum(nil)[:6])
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, "+")
}
