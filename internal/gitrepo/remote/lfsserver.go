package remote

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/lfs"
)

// LFSServer finds the server: the configured one, else the one that git-lfs
// would guess from the remote's URL. What .lfsconfig of the repository says does
// not count: it would have the credentials sent wherever a commit names.
func (r Remote) LFSServer(at Address, rt http.RoundTripper) (*lfs.Server, error) {
	s := &lfs.Server{Name: r.Name, Path: at.Path, Transport: rt, User: at.User, Password: r.lfsPassword(at),
		Redact: r.Redact}
	if at.Scheme == "ssh" {
		s.User = r.Auth.Username
	}
	if r.LFS.URL != "" {
		u, err := url.Parse(strings.TrimRight(r.LFS.URL, "/"))
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return nil, fault.New(fault.Invalid, "write lfs_url = \"https://HOST/PATH\", without user and password",
				"repository %q: lfs_url is no https URL", r.Name)
		}
		s.Base = u
	} else if at.Scheme != "file" {
		s.Base = lfsURL(at)
	}
	if s.Base != nil && s.Base.Scheme == "http" && s.Password != "" && !Loopback(s.Base.Hostname()) {
		return nil, fault.New(fault.Invalid, "use https",
			"repository %q: a credential would cross the network to %s unencrypted over http", r.Name, s.Base.Host)
	}
	return s, nil
}

// lfsURL is where a host has the LFS objects of a repository; see git-lfs,
// docs/api/server-discovery.md.
func lfsURL(at Address) *url.URL {
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
func (r Remote) lfsPassword(at Address) string {
	if at.Pass != "" {
		return at.Pass
	}
	return r.Auth.Password
}
