// Package remote talks to Git remotes: over https, ssh, and to repositories on
// this machine's disk. It asks what they have, gets packs, and says in words why
// that failed. Nothing is ever sent but requests.
package remote

import (
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// Auth is what opens a remote. The zero value is no credential: fine for a
// public repository or a local path; an ssh remote then asks the agent at
// SSH_AUTH_SOCK.
type Auth struct {
	Username         string // for https; for ssh when the URL names no user
	Password         string // or a token; for ssh only used without SSHKey
	SSHKey           []byte // private key, PEM or OpenSSH format
	SSHKeyPassphrase string
	KnownHosts       []byte // lines of a known_hosts file; empty: ~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts
	CA               []byte // for https: certificates of authorities that are trusted besides the system's, PEM
	ClientCert       []byte // for https: the certificate that says who asks, with those that lead to its authority, PEM
	ClientKey        []byte // of ClientCert, PEM
}

// String hides everything: an Auth may end up in a log by mistake.
func (Auth) String() string { return "(credentials)" }

// GoString is String, for %#v.
func (a Auth) GoString() string { return a.String() }

// Remote is a Git remote. URL is https, http (with a credential only to a
// loopback address), ssh as ssh:// or in the form user@host:path, file://, or
// a local path.
type Remote struct {
	Name string // of the repository, as configured: messages use it
	URL  string
	Auth Auth
	LFS  LFS

	Submodules Submodules
}

// String is the URL without anything secret.
func (r Remote) String() string {
	at, err := r.Parse()
	if err != nil {
		return "(URL that cannot be read)"
	}
	return at.Display()
}

// GoString is String, for %#v.
func (r Remote) GoString() string { return r.String() }

// Address is a parsed and checked remote.
type Address struct {
	Scheme string // https, http, ssh or file
	Host   string // with the port if it is given; empty for file
	Path   string
	User   string
	Pass   string
}

// ScpForm is user@host:path; a slash before the first colon makes it a local path.
var ScpForm = lazyregexp.New(`^(?:([^@/:\s]+)@)?([^@/:\s\[\]]+|\[[0-9A-Fa-f:.%]+\]):(.+)$`)

// Parse reads the URL and checks it together with the credentials.
func (r Remote) Parse() (Address, error) {
	bad := func(next, format string, args ...any) (Address, error) {
		return Address{}, fault.New(fault.Invalid, next, "repository %q: "+format, append([]any{r.Name}, args...)...)
	}
	const forms = "use https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or the path of a local repository"
	raw := strings.TrimSpace(r.URL)
	if raw == "" || strings.ContainsAny(raw, "\x00\n\r") {
		return bad(forms, "the URL is empty or holds a line break")
	}
	scheme, rest, isURL := strings.Cut(raw, "://")
	if !isURL {
		return r.parsePlain(raw)
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "file":
		if !strings.HasPrefix(rest, "/") {
			return bad("write file:///absolute/path, or the plain path", "a file:// URL needs an absolute path")
		}
		return Address{Scheme: "file", Path: filepath.Clean(rest)}, nil
	case "https", "http", "ssh":
	default:
		return bad(forms, "the scheme %q is not supported", scheme)
	}
	u, err := url.Parse(raw) // its error repeats the URL, secrets included
	if err != nil || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") {
		return bad(forms, "the URL has no readable host and path")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return bad("leave out everything from the question mark or number sign on; credentials belong in the auth "+
			"block",
			"the URL has a query or a fragment")
	}
	at := Address{Scheme: scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		at.User = u.User.Username()
		at.Pass, _ = u.User.Password()
	}
	return at, r.checkURL(&at)
}

func (r Remote) parsePlain(raw string) (Address, error) {
	if m := ScpForm().FindStringSubmatch(raw); m != nil && !strings.HasPrefix(m[2], "-") {
		at := Address{Scheme: "ssh", User: m[1], Host: m[2], Path: m[3]}
		return at, r.checkURL(&at)
	}
	abs, err := filepath.Abs(raw)
	if err != nil {
		return Address{}, fault.New(fault.Invalid, "use an absolute path",
			"repository %q: the path %q cannot be made absolute: %w", r.Name, raw, err)
	}
	return Address{Scheme: "file", Path: abs}, nil
}

// checkURL fills in the user and refuses what would be unsafe or cannot work.
func (r Remote) checkURL(at *Address) error {
	if at.Pass != "" && r.Auth.Password != "" {
		return fault.New(fault.Invalid, "take the password out of the URL",
			"repository %q has a password both in its URL and in its credentials", r.Name)
	}
	if at.Pass == "" {
		at.Pass = r.Auth.Password
	}
	if at.Scheme == "ssh" && at.User == "" || at.Scheme != "ssh" && r.Auth.Username != "" {
		at.User = r.Auth.Username
	}
	if at.User == "" && at.Scheme == "ssh" {
		at.User = "git"
	}
	if at.Path == "" || at.Path == "/" {
		return fault.New(fault.Invalid, "add the path of the repository to the URL",
			"repository %q: the URL of %s names no repository on that host", r.Name, at.Host)
	}
	if at.Scheme == "http" && (at.User != "" || at.Pass != "") && !Loopback(at.Hostname()) {
		return fault.New(fault.Invalid, "use https, or leave the credential out for a public repository",
			"repository %q: a credential would cross the network to %s unencrypted over http", r.Name, at.Host)
	}
	return nil
}

// Loopback reports whether a host is this machine.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Hostname is the host without port and brackets.
func (a Address) Hostname() string {
	if host, _, err := net.SplitHostPort(a.Host); err == nil {
		return host
	}
	return strings.Trim(a.Host, "[]")
}

// hostPort is host:port, with the port that the scheme implies.
func (a Address) hostPort(port int) string {
	if _, _, err := net.SplitHostPort(a.Host); err == nil {
		return a.Host
	}
	return net.JoinHostPort(a.Hostname(), strconv.Itoa(port))
}

// Display shows where the remote is, and never who logs in with what.
func (a Address) Display() string {
	switch a.Scheme {
	case "file":
		return a.Path
	case "ssh":
		return "ssh://" + a.Host + "/" + strings.TrimPrefix(a.Path, "/")
	}
	return a.Scheme + "://" + a.Host + a.Path
}

// LFS says whether an export fetches what Git LFS pointers name, and from where.
// The access is that of the remote.
type LFS struct {
	On  bool
	URL string // of the LFS server, without /objects/batch; empty: where the remote's own host has it
}

// Submodules says whether a commit's tree has the files of its submodules, and
// who may be asked for those that are not on the repository's own host.
//
// What .gitmodules says is written by whoever may push. So access goes by the
// URL alone and never by the path: a path can be given another URL by a commit,
// and a credential would follow it.
type Submodules struct {
	On     bool
	Access []SubmoduleAccess
}

// SubmoduleAccess opens the repositories whose URL begins with Prefix: the same
// scheme, host and port, and the same first parts of the path. The longest
// prefix counts. The zero Auth is no credential, as for a public host.
type SubmoduleAccess struct {
	Prefix string
	Auth   Auth
}

// Link is the address as a URL, without a password.
func (a Address) Link() string {
	if a.Scheme == "file" {
		return a.Path
	}
	u := url.URL{Scheme: a.Scheme, Host: a.Host, Path: path.Join("/", a.Path)}
	if a.Scheme != "ssh" {
		return u.String()
	}
	if !strings.HasPrefix(a.Path, "/") && !strings.Contains(a.Host, ":") { // relative to the home of the user there
		return a.User + "@" + a.Host + ":" + a.Path
	}
	u.User = url.User(a.User)
	return u.String()
}

// SameHost reports whether two remotes are reached in the same way at the same
// host and port.
func SameHost(a, b Address) bool {
	port := map[string]int{"https": 443, "http": 80, "ssh": 22, "file": 0}[a.Scheme]
	return a.Scheme == b.Scheme && strings.EqualFold(a.hostPort(port), b.hostPort(port))
}

// Begins reports whether a repository's address begins with a prefix.
func (a Address) Begins(prefix Address) bool {
	head, full := strings.Trim(prefix.Path, "/"), strings.Trim(a.Path, "/")
	return SameHost(a, prefix) && (head == "" || full == head || full == head+".git" ||
		strings.HasPrefix(full, head+"/"))
}
