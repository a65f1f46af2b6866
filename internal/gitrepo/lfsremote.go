package gitrepo

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/lfs"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// lfsStore is where the mirror keeps LFS objects, and whom it asks for them; nil
// when pointers are exported as they are.
func (m *Mirror) lfsStore() *lfs.Store {
	if !m.remote.LFS.On {
		return nil
	}
	server, err := m.lfsServer()
	return &lfs.Store{Dir: filepath.Join(m.dir, "lfs"), Server: server, Wrong: err}
}

// lfsServer finds the server: the configured one, else the one that git-lfs
// would guess from the remote's URL. What .lfsconfig of the repository says does
// not count: it would have the credentials sent wherever a commit names.
func (m *Mirror) lfsServer() (*lfs.Server, error) {
	s := &lfs.Server{Name: m.remote.Name, Path: m.at.Path, Rt: m.http, User: m.at.User, Password: m.lfsPassword(), Redact: m.remote.Redact}
	if m.at.Scheme == "ssh" {
		s.User = m.remote.Auth.Username
	}
	if m.remote.LFS.URL != "" {
		u, err := url.Parse(strings.TrimRight(m.remote.LFS.URL, "/"))
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return nil, fault.New(fault.Invalid, "write lfs_url = \"https://HOST/PATH\", without user and password", "repository %q: lfs_url is no https URL", m.remote.Name)
		}
		s.Base = u
	} else if m.at.Scheme != "file" {
		s.Base = lfsURL(m.at)
	}
	if s.Base != nil && s.Base.Scheme == "http" && s.Password != "" && !remote.Loopback(s.Base.Hostname()) {
		return nil, fault.New(fault.Invalid, "use https", "repository %q: a credential would cross the network to %s unencrypted over http", m.remote.Name, s.Base.Host)
	}
	return s, nil
}

// lfsURL is where a host has the LFS objects of a repository; see git-lfs,
// docs/api/server-discovery.md.
func lfsURL(at remote.Address) *url.URL {
	u := &url.URL{Scheme: at.Scheme, Host: at.Host, Path: "/" + strings.Trim(at.Path, "/")}
	if at.Scheme == "ssh" {
		u.Scheme, u.Host = "https", at.Hostname()
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
	if m.at.Pass != "" {
		return m.at.Pass
	}
	return m.remote.Auth.Password
}
