package config

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/credentials"
)

// SameAccess is the value of a repository's modules attribute: modules on the
// repository's own host are fetched with its access.
const SameAccess = "same_access"

// modules reads the module_credentials blocks of the file, or of a repository.
func (r *reader) modules(blocks []block, own bool) []credentials.Credential {
	var all []credentials.Credential
	seen := map[string]hcl.Range{}
	for _, b := range blocks {
		p, ok := r.prefix(b)
		c := r.credential(b, p, ok)
		if !ok {
			continue
		}
		if at, twice := seen[p.Label()]; twice {
			r.errorAt(b.label, "duplicate module_credentials", "There are credentials for %s at line %d already.", p.Label(), at.Start.Line)
			continue
		}
		seen[p.Label()] = b.label
		c.Own = own
		all = append(all, c)
	}
	return all
}

func (r *reader) prefix(b block) (credentials.Prefix, bool) {
	if b.label == b.header {
		return credentials.Prefix{}, false // reported: it has no label
	}
	p, err := credentials.Parse(b.name)
	var bad *credentials.Invalid
	if errors.As(err, &bad) {
		if bad.Secret {
			r.veiled = append(r.veiled, b.label)
		}
		r.errorAt(b.label, bad.Summary, "%s", bad.Detail)
		return p, false
	}
	return p, true
}

// credentialAttrs are the attributes that a credential of a kind has.
var credentialAttrs = map[credentials.Kind][]string{
	credentials.HTTP:     {"username", "password"},
	credentials.SSH:      {"private_key_file", "ssh_key", "ssh_key_passphrase", "known_hosts_file", "known_hosts"},
	credentials.Registry: {"token"},
}

// credential reads what a block gives. known is whether its prefix says what of.
func (r *reader) credential(b block, p credentials.Prefix, known bool) credentials.Credential {
	c := credentials.Credential{Prefix: p}
	user, password, token := b.text("username", hidden), b.secret("password"), b.secret("token")
	c.Username, c.Password, c.Token = withoutLineEnd(user.val), password.val, token.val
	r.sshKey(&c, b)
	if !known || r.foreign(b, p.Kind) {
		return c
	}
	switch p.Kind {
	case credentials.HTTP:
		r.checkUserAndPassword(b, c, user, password)
	case credentials.SSH:
		if len(c.SSHKey) == 0 && b.body.Attributes["private_key_file"] == nil && b.body.Attributes["ssh_key"] == nil {
			r.missingAt(b.header, "no key", "Modules by ssh are fetched with a private key: private_key_file = \"/etc/tfops/modules_key\"")
		}
	default:
		if token.absent() {
			r.missingAt(b.header, "no token", "A registry is asked with a token: token = env(\"REGISTRY_TOKEN\"). For modules in Git on this host, write the prefix with https:// or ssh://.")
		} else if token.set && token.val == "" {
			r.errorAt(token.rng, "empty token", "The registry would refuse it. Give the token, or remove the block.")
		}
	}
	return c
}

func (r *reader) checkUserAndPassword(b block, c credentials.Credential, user, password field[string]) {
	switch {
	case user.absent() && password.absent():
		r.missingAt(b.header, "no user and password", "Modules by https are fetched with a user and a password or token: username = \"tfops\", password = env(\"MODULES_TOKEN\")")
	case user.absent():
		r.missingAt(b.header, "password without a username", "Write both. Most servers that take a token take any name: username = \"tfops\"")
	case password.absent():
		r.missingAt(b.header, "username without a password", "Write both: password = env(\"MODULES_TOKEN\")")
	case user.set && c.Username == "":
		r.errorAt(user.rng, "empty username", "Most servers that take a token take any name: username = \"tfops\"")
	case password.set && c.Password == "":
		r.errorAt(password.rng, "empty password", "Give the password or token, or remove the block.")
	case strings.ContainsAny(c.Username+c.Password, "\n\r\x00"):
		r.errorAt(b.header, "more than one line", "Git takes a user and a password of one line each.")
	case c.Prefix.Scheme == "http" && !loopback(c.Prefix.Host):
		r.warnAt(b.header, "password over plain http", "Anybody on the way can read the password. Use https.")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// foreign reports attributes that belong to credentials of another kind.
func (r *reader) foreign(b block, kind credentials.Kind) bool {
	what := map[credentials.Kind]string{credentials.HTTP: "by https", credentials.SSH: "by ssh", credentials.Registry: "of a registry"}
	advice := map[credentials.Kind]string{
		credentials.HTTP:     "Modules by https are fetched with username and password; a token is the password.",
		credentials.SSH:      "Modules by ssh are fetched with private_key_file, and the host is known by known_hosts_file.",
		credentials.Registry: "A registry is asked with a token. Modules in Git are named with https:// or ssh:// before the host.",
	}
	found := false
	for _, other := range []credentials.Kind{credentials.HTTP, credentials.SSH, credentials.Registry} {
		for _, name := range credentialAttrs[other] {
			if a := b.body.Attributes[name]; a != nil && other != kind {
				r.errorAt(a.NameRange, name+" has no meaning here", "The prefix is of modules %s. %s", what[kind], advice[kind])
				found = true
			}
		}
	}
	return found
}

// secret is secretText, with a warning where it is written out.
func (b block) secret(name string) field[string] {
	f := b.secretText(name)
	if f.set && !f.secret && f.val != "" {
		b.r.plainText(f, name)
	}
	return f
}

func withoutLineEnd(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// sshKey reads a private key and known hosts, each as a text or as the name of a file.
func (r *reader) sshKey(c *credentials.Credential, b block) {
	pass := b.secret("ssh_key_passphrase")
	c.Passphrase = pass.val
	key := b.either("ssh_key", "private_key_file", true)
	if key.set {
		c.SSHKey = []byte(key.val)
		r.checkKey(key, c.Passphrase)
	} else if pass.set && !key.bad {
		r.missingAt(b.header, "passphrase without a key", "ssh_key_passphrase opens the private key, and there is none.")
	}
	if hosts := b.either("known_hosts", "known_hosts_file", false); hosts.set {
		c.KnownHosts = []byte(hosts.val)
		r.checkHosts(hosts)
	}
}

// either is a text that is given itself or as the name of a file.
func (b block) either(text, file string, private bool) field[string] {
	if b.body.Attributes[text] != nil && b.body.Attributes[file] != nil {
		b.r.errorAt(b.body.Attributes[text].NameRange, "two ways to say one thing", "%s and %s are given. Remove one.", text, file)
		return field[string]{bad: true}
	}
	if b.body.Attributes[file] == nil {
		return b.text(text, hidden)
	}
	name := b.text(file, shown)
	if !name.set {
		return name
	}
	path := b.r.abs(name.val)
	b.r.noteFile(path)
	content, err := readFile(path)
	switch {
	case err != nil:
		b.r.errorAt(name.rng, "cannot read the file", "%s: %s. A relative path is relative to the directory of the configuration file.", name.val, reason(err))
		return field[string]{bad: true}
	case private && b.r.openToAll(path):
		b.r.errorAt(name.rng, "a private key that everybody can read", "Anybody on this machine can take it. Run: chmod 600 %s", path)
		return field[string]{bad: true}
	}
	return field[string]{val: string(content), set: true, secret: true, rng: name.rng}
}

// openToAll reports whether users may read a file who have nothing to do with it.
func (r *reader) openToAll(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&(fs.FileMode(0o004)) != 0
}

// sameAccess makes a repository's own access one to modules on its host.
func (r *reader) sameAccess(repo *Repository, b block) {
	f := b.text("modules", shown)
	r.checkOneOf(f, "modules", []string{SameAccess})
	if !f.set || f.val != SameAccess || repo.URL == "" {
		return
	}
	p, ok := repo.site()
	if !ok {
		r.warnAt(f.rng, "modules has no effect", "The repository is a local path, so it has no access that modules could be fetched with.")
		return
	}
	c := credentials.Credential{Prefix: p, Own: true}
	switch {
	case p.Kind == credentials.HTTP && repo.Auth.Password == "" && len(repo.TLS.CA)+len(repo.TLS.Cert) == 0:
		r.warnAt(f.rng, "modules has no effect", "The repository is reached without an auth or tls block: there is no access that modules could be fetched with.")
		return
	case p.Kind == credentials.HTTP:
		c.Username, c.Password = repo.Auth.Username, repo.Auth.Password
		c.CA, c.ClientCert, c.ClientKey = repo.TLS.CA, repo.TLS.Cert, repo.TLS.Key
		if c.Username == "" && c.Password != "" {
			c.Username = "git" // Git asks for a name before it asks for a password
		}
	case len(repo.Auth.SSHKey) == 0 && repo.Auth.Password != "":
		r.errorAt(f.rng, "no key for modules", "Modules by ssh are fetched with a private key, and the repository is reached with a password. Give its auth block an ssh_key.")
		return
	default:
		c.SSHKey, c.Passphrase, c.KnownHosts = repo.Auth.SSHKey, repo.Auth.Passphrase, repo.Auth.KnownHosts
		if len(c.SSHKey) == 0 {
			c.Agent = os.Getenv("SSH_AUTH_SOCK")
		}
	}
	repo.Modules = append(repo.Modules, c)
}

// site is the prefix of all that is on the repository's host.
func (repo Repository) site() (credentials.Prefix, bool) {
	text := repo.URL
	if strings.HasPrefix(text, "/") {
		return credentials.Prefix{}, false
	}
	if !strings.Contains(text, "://") {
		user, rest, at := strings.Cut(text, "@")
		if !at {
			user, rest = "", text
		}
		host, _, _ := strings.Cut(rest, ":")
		text = "ssh://" + host
		if user != "" {
			text = "ssh://" + user + "@" + host
		}
	}
	p, ok := credentials.Address(text)
	p.Path = "/"
	return p, ok
}

// cliConfig reads which CLI configuration of an engine counts.
func (r *reader) cliConfig(b block) string {
	f := b.text("cli_config", shown)
	if !f.set {
		return ""
	}
	path := r.abs(f.val)
	info, err := os.Stat(path)
	switch {
	case f.val == "":
		r.errorAt(f.rng, "empty path", "cli_config names the engine's CLI configuration, for example \"~/.terraformrc\". Without it none is read.")
		return ""
	case err != nil:
		r.warnAt(f.rng, "no CLI configuration there", "%s: %s. No init will do without it.", path, reason(err))
	case !info.Mode().IsRegular():
		r.errorAt(f.rng, "not a file", "cli_config names the engine's CLI configuration itself, for example \"~/.terraformrc\".")
	}
	return path
}
