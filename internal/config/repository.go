package config

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/crypto/ssh"

	"github.com/tfops/tfops/internal/lazily"
	"github.com/tfops/tfops/internal/workspace"
)

const defaultPoll = 30 * time.Second

func (r *reader) repositories(c *Config, blocks []block) {
	seen := names{r: r, what: "repository", valid: workspace.ValidName()}
	for _, b := range blocks {
		repo := r.repository(b)
		if seen.add(b) {
			c.Repositories = append(c.Repositories, repo)
		}
	}
}

func (r *reader) repository(b block) Repository {
	repo := Repository{Name: b.name, Poll: b.duration("poll", time.Second).orElse(defaultPoll)}
	fetch := b.text("fetch", shown)
	r.checkOneOf(fetch, "fetch", []string{FetchFollowed, FetchAll})
	repo.Fetch = fetch.orElse(FetchFollowed)
	u := b.text("url", hidden)
	if u.absent() {
		r.missingAt(b.header, "repository without a url", "Write where it is: url = \"https://…\", \"ssh://…\" or a local path.")
	}
	auths := b.blocks(authKind)
	if len(auths) > 0 {
		repo.Auth = r.auth(auths[0])
	}
	repo.LFS = b.flag("lfs").orElse(false)
	r.lfsURL(&repo, b)
	r.submodules(&repo, b)
	secured := b.blocks(tlsKind)
	if len(secured) > 0 {
		repo.TLS = r.tls(secured[0])
	}
	if u.set {
		r.location(&repo, u)
		if len(secured) > 0 && repo.URL != "" && !strings.HasPrefix(repo.URL, "https://") {
			r.warnAt(secured[0].header, "tls has no effect", "Only a repository that is reached by https has certificates.")
		}
		if len(auths) > 0 {
			r.checkAuth(repo, auths[0])
		}
	}
	repo.Modules = r.modules(b.blocks(modulesKind), true)
	r.sameAccess(&repo, b)
	return repo
}

// lfsURL reads where the Git LFS server is.
func (r *reader) lfsURL(repo *Repository, b block) {
	f := b.text("lfs_url", shown)
	if !f.set {
		return
	}
	u, err := url.Parse(f.val)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.RawQuery != "", u.Fragment != "":
		r.errorAt(f.rng, "not a url of a Git LFS server", "lfs_url is https://HOST/PATH, as `git lfs env` shows it for Endpoint.")
	case u.User != nil:
		r.errorAt(f.rng, "a user in lfs_url", "Put user and password into the auth block; they count for Git LFS, too.")
	case !repo.LFS:
		r.warnAt(f.rng, "lfs_url has no effect", "Nothing is fetched from Git LFS without lfs = true.")
	}
	repo.LFSURL = f.val
}

// scpURL is the short form of ssh: user@host:path.
var scpURL = lazily.Pattern(`^(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^/\\].*|^(?:[A-Za-z0-9._-]+@)[A-Za-z0-9][A-Za-z0-9.-]*:.+`)

const urlForms = "A repository's url is https://host/path, ssh://user@host/path, user@host:path or a local path."

// location takes the url apart: what it says of user and password goes to
// Auth, so that the URL can be shown.
func (r *reader) location(repo *Repository, f field[string]) {
	switch {
	case f.val == "":
		r.errorAt(f.rng, "empty url", urlForms)
		return
	case !strings.Contains(f.val, "://"):
		repo.URL = f.val
		if !scpURL().MatchString(f.val) {
			repo.URL = r.localPath(f)
		}
	default:
		r.parseURL(repo, f)
	}
	if f.secret && (repo.URL == f.val || r.within(repo.URL)) {
		r.errorAt(f.rng, noSecret, "Of a url only the user and the password before the @ are kept secret. Write the rest itself.")
		repo.URL = ""
	}
}

func (r *reader) localPath(f field[string]) string {
	path := r.abs(f.val)
	if f.secret {
		return f.val // refused by the caller
	}
	_, err := os.Stat(path)
	gone := errors.Is(err, fs.ErrNotExist)
	switch {
	case gone && hostPath(f.val):
		r.errorAt(f.rng, "no repository there", "There is nothing at %s: is https://%s meant?", path, f.val)
	case gone:
		r.warnAt(f.rng, "no repository there", "There is nothing at %s. A relative path is relative to the directory of the configuration file.", path)
	}
	return path
}

var hostName = lazily.Pattern(`^[A-Za-z0-9][A-Za-z0-9-]*(\.[A-Za-z0-9][A-Za-z0-9-]*)*\.[A-Za-z]{2,}$`)

// hostPath is whether a relative path looks like a URL without its scheme. A
// directory that is called after its bare repository does not.
func hostPath(s string) bool {
	host, rest, _ := strings.Cut(s, "/")
	return rest != "" && hostName().MatchString(host) && !strings.HasSuffix(host, ".git")
}

// badPort is whether a URL has a port that there cannot be.
func badPort(u *url.URL) bool {
	n, err := strconv.Atoi(u.Port())
	return u.Port() != "" && (err != nil || n < 1 || n > 65535)
}

func (r *reader) parseURL(repo *Repository, f field[string]) {
	u, err := url.Parse(f.val)
	if err != nil {
		r.errorAt(f.rng, "not a url", urlForms) // the error repeats the text, which may hold a password
		return
	}
	switch u.Scheme {
	case "https", "http", "ssh":
		if u.Host == "" || strings.Trim(u.Path, "/") == "" {
			r.errorAt(f.rng, "incomplete url", urlForms)
			return
		}
		if badPort(u) {
			r.errorAt(f.rng, "invalid port", "The port of a url is a number from 1 to 65535.")
			return
		}
	case "file":
		if !strings.HasPrefix(u.Path, "/") || (u.Host != "" && u.Host != "localhost") {
			r.errorAt(f.rng, "not a local path", "Write the path itself, without file://.")
			return
		}
		repo.URL = r.localPath(field[string]{val: u.Path, set: true, secret: f.secret, rng: f.rng})
		return
	default:
		r.errorAt(f.rng, "unknown kind of url", urlForms)
		return
	}
	r.takeUser(repo, u, f)
	repo.URL = u.String()
}

// takeUser moves user and password from the URL to Auth. The user of an ssh
// URL is part of the address and stays.
func (r *reader) takeUser(repo *Repository, u *url.URL, f field[string]) {
	if u.User == nil {
		return
	}
	password, has := u.User.Password()
	user := u.User.Username()
	switch {
	case has && repo.Auth.Password != "":
		r.errorAt(f.rng, "two passwords", "The url and the auth block both have a password. Remove the one in the url.")
	case has && !f.secret:
		r.plainText(f, "url")
	}
	if has {
		repo.Auth.Password = password
	}
	if u.Scheme == "ssh" {
		u.User = url.User(user)
		return
	}
	u.User = nil
	if repo.Auth.Username != "" && repo.Auth.Username != user {
		r.errorAt(f.rng, "two users", "The url and the auth block name different users. Remove the one in the url.")
		return
	}
	repo.Auth.Username = user
}

func (r *reader) plainText(f field[string], name string) {
	r.add(&hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "secret in plain text", Subject: &f.rng, Extra: quiet{},
		Detail: fmt.Sprintf("Whoever may read this file reads the %s. Take it from outside: env(\"…\") or file(\"…\").", name)})
}

// auth reads the auth block. One line end at the end of a user, password or
// passphrase is dropped: files that hold one thing end with it.
func (r *reader) auth(b block) (a Auth) {
	line := func(name string) string {
		f := b.text(name, hidden)
		if f.set && !f.secret && name != "username" && f.val != "" {
			r.plainText(f, name)
		}
		return strings.TrimSuffix(strings.TrimSuffix(f.val, "\n"), "\r")
	}
	a.Username, a.Password, a.Passphrase = line("username"), line("password"), line("ssh_key_passphrase")
	if key := b.text("ssh_key", hidden); key.set {
		a.SSHKey = []byte(key.val)
		r.checkKey(key, a.Passphrase)
	} else if a.Passphrase != "" {
		r.missingAt(b.header, "passphrase without a key", "ssh_key_passphrase opens ssh_key, and there is none.")
	}
	if hosts := b.text("known_hosts", hidden); hosts.set {
		a.KnownHosts = []byte(hosts.val)
		r.checkHosts(hosts)
	}
	return a
}

func (r *reader) checkKey(f field[string], passphrase string) {
	_, err := ssh.ParseRawPrivateKey([]byte(f.val))
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked) && passphrase == "":
		r.errorAt(f.rng, "the key has a passphrase", "Give it with ssh_key_passphrase, for example ssh_key_passphrase = env(\"GIT_KEY_PASSPHRASE\").")
	case errors.As(err, &locked):
		if _, err := ssh.ParseRawPrivateKeyWithPassphrase([]byte(f.val), []byte(passphrase)); err != nil {
			r.errorAt(f.rng, "the passphrase does not open the key", "Check ssh_key_passphrase against ssh_key.")
		}
	case err != nil:
		r.errorAt(f.rng, "not a private key", "ssh_key is the text of a private key, not the path of its file: ssh_key = file(\"~/.ssh/id_ed25519\").")
	case !f.secret:
		r.plainText(f, "ssh_key")
	}
}

func (r *reader) checkHosts(f field[string]) {
	lines := bufio.NewScanner(strings.NewReader(f.val))
	lines.Buffer(nil, maxFileSize+1)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if _, _, _, _, _, err := ssh.ParseKnownHosts(line); err != nil {
			r.errorAt(f.rng, "not a list of known hosts", "Line %d is not one of OpenSSH's known_hosts. known_hosts is that file's text, not its path: known_hosts = file(\"~/.ssh/known_hosts\").", n)
			return
		}
	}
}

// checkAuth warns of an auth block that the URL has no use for.
func (r *reader) checkAuth(repo Repository, b block) {
	isHTTP := strings.HasPrefix(repo.URL, "https://") || strings.HasPrefix(repo.URL, "http://")
	switch {
	case repo.URL == "":
	case strings.HasPrefix(repo.URL, "/"):
		r.warnAt(b.header, "auth has no effect", "The repository is a local path.")
	case isHTTP && (len(repo.Auth.SSHKey) > 0 || len(repo.Auth.KnownHosts) > 0):
		r.warnAt(b.header, "ssh_key and known_hosts have no effect", "The repository is reached by https, with username and password.")
	case strings.HasPrefix(repo.URL, "http://") && repo.Auth.Password != "":
		r.warnAt(b.header, "password over plain http", "Anybody on the way can read the password. Use https.")
	}
}

// tls reads the tls block: texts, as everywhere, and not paths.
func (r *reader) tls(b block) (t TLS) {
	read := func(name, file string) field[string] {
		f := b.text(name, hidden)
		if f.set && !strings.Contains(f.val, "-----BEGIN ") {
			r.errorAt(f.rng, "not in PEM", "%s is the text of a file in PEM, not its path: %s = file(%q).", name, name, file)
		}
		return f
	}
	ca, cert, key := read("ca", "ca.pem"), read("cert", "client.pem"), read("key", "client-key.pem")
	t = TLS{CA: []byte(ca.val), Cert: []byte(cert.val), Key: []byte(key.val)}
	switch {
	case r.failed():
		return t
	case ca.set && !x509.NewCertPool().AppendCertsFromPEM(t.CA):
		r.errorAt(ca.rng, "no certificate", "ca holds the certificates of authorities: lines from BEGIN CERTIFICATE to END CERTIFICATE.")
	case cert.set != key.set:
		r.missingAt(b.header, "half of a client certificate", "cert and key belong together: the host is shown the one, and the other one proves it.")
	case cert.set:
		if _, err := tls.X509KeyPair(t.Cert, t.Key); err != nil {
			r.errorAt(key.rng, "certificate and key do not fit", "key is the private key of cert, without a passphrase. `openssl x509 -in client.pem -noout -subject` tells whose certificate it is.")
		}
	}
	if key.set && !key.secret {
		r.plainText(key, "key")
	}
	return t
}
