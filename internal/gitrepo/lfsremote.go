package gitrepo

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/tfops/tfops/internal/fault"
)

// lfsStore is where the mirror keeps LFS objects, and whom it asks for them; nil
// when pointers are exported as they are.
func (m *Mirror) lfsStore() *lfsStore {
	if !m.remote.LFS.On {
		return nil
	}
	server, err := m.lfsServer()
	return &lfsStore{filepath.Join(m.dir, "lfs"), server, err}
}

// lfsServer finds the server: the configured one, else the one that git-lfs
// would guess from the remote's URL. What .lfsconfig of the repository says does
// not count: it would have the credentials sent wherever a commit names.
func (m *Mirror) lfsServer() (*lfsServer, error) {
	s := &lfsServer{name: m.remote.Name, path: m.at.path, rt: m.http, user: m.at.user, password: m.lfsPassword(), redact: m.remote.redact}
	if m.at.scheme == "ssh" {
		s.user = m.remote.Auth.Username
	}
	if m.remote.LFS.URL != "" {
		u, err := url.Parse(strings.TrimRight(m.remote.LFS.URL, "/"))
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return nil, fault.New(fault.Invalid, "write lfs_url = \"https://HOST/PATH\", without user and password", "repository %q: lfs_url is no https URL", m.remote.Name)
		}
		s.base = u
	} else if m.at.scheme != "file" {
		s.base = lfsURL(m.at)
	}
	if s.base != nil && s.base.Scheme == "http" && s.password != "" && !loopback(s.base.Hostname()) {
		return nil, fault.New(fault.Invalid, "use https", "repository %q: a credential would cross the network to %s unencrypted over http", m.remote.Name, s.base.Host)
	}
	return s, nil
}

// lfsURL is where a host has the LFS objects of a repository; see git-lfs,
// docs/api/server-discovery.md.
func lfsURL(at address) *url.URL {
	u := &url.URL{Scheme: at.scheme, Host: at.host, Path: "/" + strings.Trim(at.path, "/")}
	if at.scheme == "ssh" {
		u.Scheme, u.Host = "https", at.hostname()
	}
	if !strings.HasSuffix(u.Path, ".git") {
		u.Path += ".git"
	}
	u.Path += "/info/lfs"
	return u
}

// lfsPassword is what the server is told by https. Of an ssh remote the key says
// nothing there; a password beside it does.
func (m *Mirror) lfsPassword() string {
	if m.at.pass != "" {
		return m.at.pass
	}
	return m.remote.Auth.Password
}
