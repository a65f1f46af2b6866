package remote

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/tfops/tfops/internal/fault"
)

// trustHost makes config accept the host's known keys and nothing else. It
// also offers only the algorithms of those keys: a server with several keys
// would otherwise answer with one that nobody ever noted down.
func (r Remote) trustHost(config *ssh.ClientConfig, addr string) error {
	db, place, err := r.knownHosts()
	if err != nil {
		return err
	}
	config.HostKeyAlgorithms = db.HostKeyAlgorithms(addr)
	check := db.HostKeyCallback()
	config.HostKeyCallback = func(host string, remote net.Addr, key ssh.PublicKey) error {
		err := check(host, remote, key)
		if err == nil {
			return nil
		}
		return r.hostKeyFault(err, host, place, key)
	}
	return nil
}

// knownHosts reads the known keys, and says for messages where they came from.
func (r Remote) knownHosts() (*knownhosts.HostKeyDB, string, error) {
	var files []string
	place := "its configured known hosts"
	if len(r.Auth.KnownHosts) > 0 {
		f, err := os.CreateTemp("", "tfops-known-hosts-*") // the library reads files only
		if err == nil {
			defer os.Remove(f.Name())
			_, err = f.Write(r.Auth.KnownHosts)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return nil, "", fault.New(fault.Internal, "check the space and the rights of the temporary directory",
				"repository %q: known hosts cannot be written to a temporary file: %w", r.Name, err)
		}
		files = []string{f.Name()}
	} else {
		place = "~/.ssh/known_hosts or /etc/ssh/ssh_known_hosts"
		candidates := []string{"/etc/ssh/ssh_known_hosts"}
		if home, err := os.UserHomeDir(); err == nil {
			candidates = append([]string{filepath.Join(home, ".ssh", "known_hosts")}, candidates...)
		}
		for _, name := range candidates {
			if _, err := os.Stat(name); err == nil {
				files = append(files, name)
			}
		}
	}
	db, err := knownhosts.NewDB(files...)
	if err != nil {
		return nil, "", fault.New(fault.Invalid, "put it right: each line is HOST KEYTYPE KEY, as ssh-keyscan "+
			"prints it",
			"repository %q: a line of %s cannot be read: %w", r.Name, place, hideTemp(err, files))
	}
	return db, place, nil
}

// hideTemp takes the name of the temporary file out of a message.
func hideTemp(err error, files []string) error {
	text := err.Error()
	for _, f := range files {
		if strings.Contains(filepath.Base(f), "tfops-known-hosts-") {
			text = strings.ReplaceAll(text, f, "line")
		}
	}
	return errors.New(text)
}

// hostKeyFault refuses a key: one that was never seen, one that differs from
// what is known, or one that was revoked.
func (r Remote) hostKeyFault(err error, host, place string, key ssh.PublicKey) error {
	shown := key.Type() + " " + ssh.FingerprintSHA256(key)
	cert, certified := key.(*ssh.Certificate)
	var changed *xknownhosts.KeyError
	switch {
	case errors.As(err, new(*xknownhosts.RevokedError)):
		return fault.New(fault.Forbidden, "do not connect; ask whoever runs that host which key it should have",
			"repository %q: the SSH host %s shows the key %s, which is marked as revoked", r.Name, host, shown)
	case errors.As(err, &changed) && len(changed.Want) > 0:
		var known []string
		for _, k := range changed.Want {
			known = append(known, fmt.Sprintf("%s %s (line %d)", k.Key.Type(), ssh.FingerprintSHA256(k.Key), k.Line))
		}
		return fault.New(fault.Forbidden,
			"somebody may be in between: ask whoever runs that host whether its key changed; only then replace the "+
				"old line in "+
				place+" by: "+knownhosts.Line([]string{host}, key),
			"repository %q: the key of the SSH host %s has changed: it shows %s, known is %s", r.Name, host, shown,
			strings.Join(known, ", "))
	case certified && strings.Contains(err.Error(), "no authorities"):
		return fault.New(fault.Invalid,
			"compare the fingerprint with what whoever runs that host publishes; if it is the same, add this line to "+
				place+
				": @cert-authority "+knownhosts.Line([]string{host}, cert.SignatureKey),
			"repository %q: the SSH host %s shows a certificate, and its authority is not known: %s %s",
			r.Name, host, cert.SignatureKey.Type(), ssh.FingerprintSHA256(cert.SignatureKey))
	case knownhosts.IsHostUnknown(err):
		return fault.New(fault.Invalid,
			"compare the fingerprint with what whoever runs that host publishes; if it is the same, add this line to "+
				place+
				": "+knownhosts.Line([]string{host}, key),
			"repository %q: the SSH host %s is not known: it shows the key %s", r.Name, host, shown)
	}
	return fault.New(fault.Forbidden, "ask whoever runs that host which key or certificate it should have",
		"repository %q: the key %s of the SSH host %s was refused: %w", r.Name, shown, host, err)
}
