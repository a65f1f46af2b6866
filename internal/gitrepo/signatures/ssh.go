package signatures

import (
	"bytes"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// namespace is what Git has SSH signatures made for.
const namespace = "git"

func (r *Ring) verifySSH(c Signed) Result {
	sig, err := sshsig.Unarmor([]byte(strings.TrimSpace(c.Text)))
	if err != nil {
		return Result{Why: "its SSH signature cannot be read: " + err.Error(), Next: signAgain}
	}
	id := ssh.FingerprintSHA256(sig.PublicKey)
	if cert, ok := sig.PublicKey.(*ssh.Certificate); ok {
		return Result{Key: ssh.FingerprintSHA256(cert.Key), Next: signSSH,
			Why: "it is signed with an SSH certificate, which tfops does not verify"}
	}
	for _, k := range r.keys {
		if k.ssh == nil || !bytes.Equal(k.ssh.Marshal(), sig.PublicKey.Marshal()) {
			continue
		}
		err := sshsig.Verify(bytes.NewReader(c.Payload), sig, k.ssh, sig.HashAlgorithm, namespace)
		switch {
		case sig.Namespace != namespace:
			return Result{Key: id, Why: "its signature was made for something else than Git", Next: signAgain}
		case err != nil:
			return Result{Key: id, Why: notOfIt + " (" + err.Error() + ")", Next: signAgain}
		}
		return Result{User: k.User, Forge: k.User == "", Key: k.ID}
	}
	if why := weakSSH(sig.PublicKey); why != "" {
		return Result{Key: id, Why: "its key " + id + " " + why, Next: signSSH}
	}
	return Result{Key: id, Why: "it is signed with the key " + id + ", which no user block has",
		Next: "if that is right, write the key into the keys of its owner's user block in tfops.hcl: " + quoted(sig)}
}

// quoted is a key as the configuration has it.
func quoted(s *sshsig.Signature) string {
	text := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey)))
	if len(text) > 300 { // of RSA
		return "the file that ends with .pub"
	}
	return `"` + text + `"`
}
