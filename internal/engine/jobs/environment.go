package jobs

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/redact"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/workspace"
)

// alwaysPassed are the variables that every engine gets: where programs, home
// and certificates are, and how to speak to a person. Nothing here is a secret.
var alwaysPassed = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TMPDIR", "SSL_CERT_FILE",
	"SSL_CERT_DIR"}

// Environment is an engine's whole environment, from the daemon's by
// allow-list and from the workspace; and the values in it that must be masked.
func Environment(s *settings.Settings, environ []string, w workspace.Workspace) (env map[string]string, mask []string) {
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
func modulesOf(s *settings.Settings, def fleet.Definition) (m job.Modules, mask []string) {
	own := s.Repositories[def.Repository].Modules
	m.Credentials = slices.Concat(own, s.Modules)
	for _, c := range m.Credentials {
		mask = append(mask, c.Secrets()...)
	}
	return m, mask
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
func (j *Maker) network() (env map[string]string, mask []string) {
	env = map[string]string{}
	for _, kv := range j.Environ {
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
// in what an engine prints. A path is none.
func looksSecret(name string) bool {
	upper := strings.ToUpper(name)
	return redact.SecretName(name) && !strings.HasSuffix(upper, "_FILE") && !strings.HasSuffix(upper, "_PATH")
}

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
			if len(v) < redact.Shortest {
				continue
			}
			all[v] = true
			if len(v) >= redact.ShortestEncoded {
				for _, form := range redact.Encoded(v) {
					all[form] = true
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(len(b)-len(a),
			strings.Compare(a, b))
	})
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
