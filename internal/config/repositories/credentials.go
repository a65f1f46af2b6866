package repositories

import (
	"errors"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// sameAccess is the value of a repository's modules attribute: modules on the
// repository's own host are fetched with its access.
const sameAccess = "same_access"

// ReadCredentials reads the module_credentials blocks of the file.
func ReadCredentials(r *decode.Reader, top decode.Block) []credentials.Credential {
	return reader{r}.credentials(top.Blocks(schema.ModuleCredentials), false)
}

// credentials reads the module_credentials blocks of the file, or of a
// repository of its own.
func (r reader) credentials(blocks []decode.Block, own bool) []credentials.Credential {
	var all []credentials.Credential
	seen := map[string]hcl.Range{}
	for _, b := range blocks {
		p, ok := r.prefix(b)
		c := r.credential(b, p, ok)
		if !ok {
			continue
		}
		if at, twice := seen[p.Label()]; twice {
			r.Errorf(b.Label, "duplicate module_credentials",
				"There are credentials for %s at line %d already.", p.Label(), at.Start.Line)
			continue
		}
		seen[p.Label()] = b.Label
		c.Own = own
		all = append(all, c)
	}
	return all
}

func (r reader) prefix(b decode.Block) (credentials.Prefix, bool) {
	if b.Unlabelled() {
		return credentials.Prefix{}, false
	}
	p, err := credentials.Parse(b.Name)
	var bad *credentials.Invalid
	if errors.As(err, &bad) {
		if bad.Secret {
			r.Redact(b.Label)
		}
		r.Errorf(b.Label, bad.Summary, "%s", bad.Detail)
		return p, false
	}
	return p, true
}

// access is what modules of one kind are fetched with, in messages.
type access struct{ what, advice, attrs string }

var accesses = map[credentials.Kind]access{
	credentials.HTTP: {"by https", "Modules by https are fetched with username and password; " +
		"a token is the password.", "username password"},
	credentials.SSH: {"by ssh", "Modules by ssh are fetched with private_key_file, and the host is known by " +
		"known_hosts_file.",
		"private_key_file ssh_key ssh_key_passphrase known_hosts_file known_hosts"},
	credentials.Registry: {"of a registry", "A registry is asked with a token. Modules in Git are named with " +
		"https:// or ssh:// before the host.", "token"},
}

// credential reads what a block gives. known is whether its prefix says what of.
func (r reader) credential(b decode.Block, p credentials.Prefix, known bool) credentials.Credential {
	c := credentials.Credential{Prefix: p}
	user, password, token := b.HiddenText("username"), r.secret(b, "password"), r.secret(b, "token")
	c.Username, c.Password, c.Token = decode.WithoutLineEnd(user.Val), password.Val, token.Val
	r.sshKey(&c, b)
	if !known || r.misplaced(b, p.Kind) {
		return c
	}
	switch p.Kind {
	case credentials.HTTP:
		r.checkUserAndPassword(b, c, user, password)
	case credentials.SSH:
		if len(c.SSHKey) == 0 && !b.Has("private_key_file") && !b.Has("ssh_key") {
			r.Missingf(b.Header, "no key",
				"Modules by ssh are fetched with a private key: private_key_file = \"/etc/tfops/modules_key\"")
		}
	default:
		if token.Absent() {
			r.Missingf(b.Header, "no token", "A registry is asked with a token: token = env(\"REGISTRY_TOKEN\"). "+
				"For modules in Git on this host, write the prefix with https:// or ssh://.")
		} else if token.Set && token.Val == "" {
			r.Errorf(token.Range, "empty token", "The registry would refuse it. Give the token, or remove the block.")
		}
	}
	return c
}

// secret is a secret text, with a warning where it is written out.
func (r reader) secret(b decode.Block, name string) decode.Field[string] {
	f := b.SecretText(name)
	if f.Set && !f.Secret && f.Val != "" {
		r.WarnPlainText(f, name)
	}
	return f
}

func (r reader) checkUserAndPassword(b decode.Block, c credentials.Credential, user, password decode.Field[string]) {
	const anyName = "Most servers that take a token take any name: username = \"tfops\""
	switch {
	case user.Absent() && password.Absent():
		r.Missingf(b.Header, "no user and password", "Modules by https are fetched with a user and a password or "+
			"token: username = \"tfops\", password = env(\"MODULES_TOKEN\")")
	case user.Absent():
		r.Missingf(b.Header, "password without a username", "Write both. "+anyName)
	case password.Absent():
		r.Missingf(b.Header, "username without a password", "Write both: password = env(\"MODULES_TOKEN\")")
	case user.Set && c.Username == "":
		r.Errorf(user.Range, "empty username", anyName)
	case password.Set && c.Password == "":
		r.Errorf(password.Range, "empty password", "Give the password or token, or remove the block.")
	case strings.ContainsAny(c.Username+c.Password, "\n\r\x00"):
		r.Errorf(b.Header, "more than one line", "Git takes a user and a password of one line each.")
	case c.Prefix.Scheme == "http" && !remote.Loopback(c.Prefix.Host):
		r.WarnPlainHTTP(b.Header)
	}
}

// misplaced reports attributes that belong to credentials of another kind.
func (r reader) misplaced(b decode.Block, kind credentials.Kind) bool {
	here, found := accesses[kind], false
	for other, access := range accesses {
		for name := range strings.FieldsSeq(access.attrs) {
			if a := b.Body.Attributes[name]; a != nil && other != kind {
				r.Errorf(a.NameRange, name+" has no meaning here", "The prefix is of modules %s. %s",
					here.what, here.advice)
				found = true
			}
		}
	}
	return found
}

// sshKey reads a private key and known hosts, each as a text or as the name of a file.
func (r reader) sshKey(c *credentials.Credential, b decode.Block) {
	pass := r.secret(b, "ssh_key_passphrase")
	c.Passphrase = pass.Val
	key := r.either(b, "ssh_key", "private_key_file", true)
	if key.Set {
		c.SSHKey = []byte(key.Val)
		r.checkKey(key, c.Passphrase)
	} else if pass.Set && !key.Bad {
		r.Missingf(b.Header, "passphrase without a key", "ssh_key_passphrase opens the private key, and there is none.")
	}
	if hosts := r.either(b, "known_hosts", "known_hosts_file", false); hosts.Set {
		c.KnownHosts = []byte(hosts.Val)
		r.checkHosts(hosts)
	}
}

// either is a text that is given itself or as the name of a file.
func (r reader) either(b decode.Block, text, file string, private bool) decode.Field[string] {
	if b.Has(text) && b.Has(file) {
		r.Errorf(b.Body.Attributes[text].NameRange, "two ways to say one thing",
			"%s and %s are given. Remove one.", text, file)
		return decode.Field[string]{Bad: true}
	}
	if !b.Has(file) {
		return b.HiddenText(text)
	}
	name := b.Text(file)
	if !name.Set {
		return name
	}
	path := r.Abs(name.Val)
	content, err := r.ReadNamed(path)
	switch {
	case err != nil:
		r.Errorf(name.Range, "cannot read the file", "%s: %s. "+decode.RelativePath, name.Val, decode.Reason(err))
		return decode.Field[string]{Bad: true}
	case private && openToAll(path):
		r.Errorf(name.Range, "a private key that everybody can read",
			"Anybody on this machine can take it. Run: chmod 600 %s", path)
		return decode.Field[string]{Bad: true}
	}
	return decode.Field[string]{Val: string(content), Set: true, Secret: true, Range: name.Range}
}

// openToAll reports whether users may read a file who have nothing to do with it.
func openToAll(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&0o004 != 0
}

// sameAccess makes a repository's own access one to modules on its host.
func (r reader) sameAccess(repo *Repository, b decode.Block) {
	const noEffect = "modules has no effect"
	f := decode.OneOf(b, "modules", sameAccess)
	if !f.Set || f.Val != sameAccess || repo.URL == "" {
		return
	}
	p, ok := repo.host()
	if !ok {
		r.Warnf(f.Range, noEffect,
			"The repository is a local path, so it has no access that modules could be fetched with.")
		return
	}
	c := credentials.Credential{Prefix: p, Own: true}
	switch {
	case p.Kind == credentials.HTTP && repo.Auth.Password == "" && len(repo.TLS.CA)+len(repo.TLS.Cert) == 0:
		r.Warnf(f.Range, noEffect, "The repository is reached without an auth or tls block: "+
			"there is no access that modules could be fetched with.")
		return
	case p.Kind == credentials.HTTP:
		c.Username, c.Password = repo.Auth.Username, repo.Auth.Password
		c.CA, c.ClientCert, c.ClientKey = repo.TLS.CA, repo.TLS.Cert, repo.TLS.Key
		if c.Username == "" && c.Password != "" {
			c.Username = "git" // Git asks for a name before it asks for a password
		}
	case len(repo.Auth.SSHKey) == 0 && repo.Auth.Password != "":
		r.Errorf(f.Range, "no key for modules", "Modules by ssh are fetched with a private key, and the repository "+
			"is reached with a password. Give its auth block an ssh_key.")
		return
	default:
		c.SSHKey, c.Passphrase, c.KnownHosts = repo.Auth.SSHKey, repo.Auth.Passphrase, repo.Auth.KnownHosts
		if len(c.SSHKey) == 0 {
			c.Agent = os.Getenv("SSH_AUTH_SOCK")
		}
	}
	repo.Modules = append(repo.Modules, c)
}

// host is the prefix of all that is on the repository's host.
func (repo Repository) host() (credentials.Prefix, bool) {
	text := repo.URL
	if strings.HasPrefix(text, "/") {
		return credentials.Prefix{}, false
	}
	if !strings.Contains(text, "://") { // user@host:path, or host:path
		host, _, _ := strings.Cut(text, ":")
		text = "ssh://" + host
	}
	p, ok := credentials.Address(text)
	p.Path = "/"
	return p, ok
}
