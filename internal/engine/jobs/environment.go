package jobs

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/workspace"
)

// alwaysPassed are the variables that every engine gets: where programs, home
// and certificates are, and how to speak to a person. Nothing here is a secret.
var alwaysPassed = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TMPDIR", "SSL_CERT_FILE",
	"SSL_CERT_DIR"}

// Environment is an engine's whole environment, from the daemon's by
// allow-list and from the workspace; and what of it must be hidden.
func Environment(s *settings.Settings, environ []string, w workspace.Workspace) (env map[string]string, hide Masks) {
	env = map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case allowed(alwaysPassed, name):
			hide.written("", value)
		case allowed(s.PassEnv, name):
			hide.passed(name, value)
		default:
			continue
		}
		env[name] = value
	}
	for name, v := range w.Env {
		env[name] = v.Value
		hide.written(name, v.Value)
	}
	return env, hide
}

// backendMasks are what must be masked of a backend's settings although they are
// written out: by their names, and what lets somebody in of addresses.
func backendMasks(w workspace.Workspace) (hide Masks) {
	for name, v := range w.BackendConfig {
		if name == "conn_str" {
			name = "password" // which it holds
		}
		hide.texts(name, v)
	}
	return hide
}

// modules is what a workspace's init fetches with, and what of that must be masked: its
// repository's and everybody's, never another repository's.
func modulesOf(s *settings.Settings, def fleet.Definition) (m job.Modules, hide Masks) {
	own := s.Repositories[def.Repository].Modules
	m.Credentials = slices.Concat(own, s.Modules)
	for _, c := range m.Credentials {
		hide.known(c.Secrets()...)
	}
	return m, hide
}

// moduleScope names what a workspace fetches modules with and others may not have: the
// credentials of its repository, and what its own environment says.
func (j *Maker) moduleScope(def fleet.Definition) (string, error) {
	var of struct {
		Repository string            `json:"repository,omitempty"`
		Env        map[string]string `json:"env,omitempty"`
	}
	if len(j.Settings.Get().Repositories[def.Repository].Modules) > 0 {
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
	return j.Vault.Digest(b), err // keyed: the environment holds secrets
}

// network is how the daemon itself reaches the network, and what of that must be
// masked. Runners download engines like that.
func (j *Maker) network() (env map[string]string, hide Masks) {
	env = map[string]string{}
	for _, kv := range j.Environ {
		if name, value, _ := strings.Cut(kv, "="); value != "" && slices.Contains(inputs.NetworkSettings, name) {
			env[name] = value
			hide.written("", value)
		}
	}
	return env, hide
}

func allowed(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name) // patterns were checked when they were read
		return ok
	})
}
