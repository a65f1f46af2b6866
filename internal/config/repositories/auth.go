package repositories

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/tfops/tfops/internal/config/decode"
)

// Auth is what tfops shows a repository's server. All but Username and
// KnownHosts is secret.
type Auth struct {
	Username   string
	Password   string
	SSHKey     []byte // PEM
	Passphrase string // of SSHKey
	KnownHosts []byte // in the format of OpenSSH's known_hosts
}

// TLS is how an https host and tfops know each other, beside passwords. All is
// in PEM; the key is secret.
type TLS struct {
	CA, Cert, Key []byte
}

// auth reads the auth block. One line end at the end of a user, password or
// passphrase is dropped: files that hold one thing end with it.
func (r reader) auth(b decode.Block) (a Auth) {
	line := func(name string) string {
		f := b.HiddenText(name)
		if f.Set && !f.Secret && name != "username" && f.Val != "" {
			r.WarnPlainText(f, name)
		}
		return decode.WithoutLineEnd(f.Val)
	}
	a.Username, a.Password, a.Passphrase = line("username"), line("password"), line("ssh_key_passphrase")
	if key := b.HiddenText("ssh_key"); key.Set {
		a.SSHKey = []byte(key.Val)
		r.checkKey(key, a.Passphrase)
	} else if a.Passphrase != "" {
		r.Missingf(b.Header, "passphrase without a key", "ssh_key_passphrase opens ssh_key, and there is none.")
	}
	if hosts := b.HiddenText("known_hosts"); hosts.Set {
		a.KnownHosts = []byte(hosts.Val)
		r.checkHosts(hosts)
	}
	return a
}

func (r reader) checkKey(f decode.Field[string], passphrase string) {
	_, err := ssh.ParseRawPrivateKey([]byte(f.Val))
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked) && passphrase == "":
		r.Errorf(f.Range, "the key has a passphrase", "Give it with ssh_key_passphrase, "+
			"for example ssh_key_passphrase = env(\"GIT_KEY_PASSPHRASE\").")
	case errors.As(err, &locked):
		if _, err := ssh.ParseRawPrivateKeyWithPassphrase([]byte(f.Val), []byte(passphrase)); err != nil {
			r.Errorf(f.Range, "the passphrase does not open the key", "Check ssh_key_passphrase against ssh_key.")
		}
	case err != nil:
		r.Errorf(f.Range, "not a private key", "ssh_key is the text of a private key, not the path of its file: "+
			"ssh_key = file(\"~/.ssh/id_ed25519\").")
	case !f.Secret:
		r.WarnPlainText(f, "ssh_key")
	}
}

func (r reader) checkHosts(f decode.Field[string]) {
	n := 0
	for line := range bytes.Lines([]byte(f.Val)) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		if _, _, _, _, _, err := ssh.ParseKnownHosts(line); err != nil {
			r.Errorf(f.Range, "not a list of known hosts", "Line %d is not one of OpenSSH's known_hosts. known_hosts "+
				"is that file's text, not its path: known_hosts = file(\"~/.ssh/known_hosts\").", n)
			return
		}
	}
}

// checkAuth warns of an auth block that the URL has no use for.
func (r reader) checkAuth(url string, auth Auth, b decode.Block) {
	plain := strings.HasPrefix(url, "http://")
	switch {
	case url == "":
	case strings.HasPrefix(url, "/"):
		r.Warnf(b.Header, "auth has no effect", "The repository is a local path.")
	case (plain || strings.HasPrefix(url, "https://")) && len(auth.SSHKey)+len(auth.KnownHosts) > 0:
		r.Warnf(b.Header, "ssh_key and known_hosts have no effect",
			"The repository is reached by https, with username and password.")
	case plain && auth.Password != "":
		r.WarnPlainHTTP(b.Header)
	}
}

// tls reads the tls block: texts, as everywhere, and not paths.
func (r reader) tls(b decode.Block) (t TLS) {
	read := func(name, file string) decode.Field[string] {
		f := b.HiddenText(name)
		if f.Set && !strings.Contains(f.Val, "-----BEGIN ") {
			r.Errorf(f.Range, "not in PEM", "%[1]s is the text of a file in PEM, not its path: %[1]s = file(%[2]q).",
				name, file)
		}
		return f
	}
	ca, cert, key := read("ca", "ca.pem"), read("cert", "client.pem"), read("key", "client-key.pem")
	t = TLS{CA: []byte(ca.Val), Cert: []byte(cert.Val), Key: []byte(key.Val)}
	switch {
	case r.Failed():
		return t
	case ca.Set && !x509.NewCertPool().AppendCertsFromPEM(t.CA):
		r.Errorf(ca.Range, "no certificate",
			"ca holds the certificates of authorities: lines from BEGIN CERTIFICATE to END CERTIFICATE.")
	case cert.Set != key.Set:
		r.Missingf(b.Header, "half of a client certificate",
			"cert and key belong together: the host is shown the one, and the other one proves it.")
	case cert.Set:
		if _, err := tls.X509KeyPair(t.Cert, t.Key); err != nil {
			r.Errorf(key.Range, "certificate and key do not fit", "key is the private key of cert, without a "+
				"passphrase. `openssl x509 -in client.pem -noout -subject` tells whose certificate it is.")
		}
	}
	if key.Set && !key.Secret {
		r.WarnPlainText(key, "key")
	}
	return t
}
