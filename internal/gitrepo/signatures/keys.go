package signatures

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"golang.org/x/crypto/ssh"
)

// Key is a public key.
type Key struct {
	ID   string   // as ssh-keygen -l and gpg show it
	Also []string // ids of its sub-keys
	sum  [32]byte // of its text: an OpenPGP key may change and keep its id

	ssh ssh.PublicKey
	pgp []byte // an OpenPGP key in packets
}

// entity reads the OpenPGP key. What it found to be valid a reader remembers, whatever it was
// asked of, and writes into the key: so each question has one of its own.
func (k Key) entity() *openpgp.Entity {
	all, err := openpgp.ReadKeyRing(bytes.NewReader(k.pgp))
	if err != nil || len(all) != 1 {
		panic(fmt.Sprintf("key %s was read before: %d keys, %v", k.ID, len(all), err))
	}
	return all[0]
}

// IDs are the ids of the key and of its sub-keys.
func (k Key) IDs() []string { return append([]string{k.ID}, k.Also...) }

// Unfit is why a text is no key that can sign commits.
type Unfit struct {
	Summary, Detail string
	Private         bool // it is a private key, which must be shown to nobody
}

func (u *Unfit) Error() string { return u.Summary + ": " + u.Detail }

// maxKeys is how long the text of keys may be.
const maxKeys = 1 << 20

const pgpBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

// Parse reads the public keys of a text: lines as in ~/.ssh/id_ed25519.pub, or OpenPGP keys as
// gpg --armor --export writes them.
func Parse(text string) (keys []Key, err error) {
	defer func() {
		if p := recover(); p != nil {
			keys, err = nil, &Unfit{Summary: "not a public key", Detail: fmt.Sprintf("It cannot be read: %v.", p)}
		}
	}()
	switch {
	case strings.Contains(text, "PRIVATE KEY"):
		return nil, &Unfit{Private: true, Summary: "a private key",
			Detail: "tfops needs the public key alone: the file that ends with .pub, or gpg --armor --export. " +
				"Whoever can read this file can sign as its owner."}
	case len(text) > maxKeys:
		return nil, &Unfit{Summary: "too long", Detail: "Keys have at most 1 MiB. gpg --armor --export-options " +
			"export-minimal --export leaves out what others said of a key."}
	case strings.Contains(text, pgpBegin):
		return parsePGP(text)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := parseSSH(line)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, &Unfit{Summary: "no key", Detail: notAKey}
	}
	return keys, nil
}

const notAKey = "Write the text of a public key, not the name of its file: file(\"ana.pub\"), \"ssh-ed25519 AAAA…\", " +
	"or what gpg --armor --export prints."

func parseSSH(line string) (Key, error) {
	pub, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case err != nil:
		return Key{}, &Unfit{Summary: "not a public key", Detail: notAKey}
	case len(options) > 0:
		return Key{}, &Unfit{Summary: "a key with options", Detail: "Options such as cert-authority are not heeded " +
			"here. Write the key alone: its type and its text."}
	}
	k := Key{ID: ssh.FingerprintSHA256(pub), sum: sha256.Sum256(pub.Marshal()), ssh: pub}
	if why := weakSSH(pub); why != "" {
		return Key{}, &Unfit{Summary: "a key that proves nothing", Detail: "The key " + k.ID + " " + why + "."}
	}
	return k, nil
}

// weakSSH is why a key of SSH proves nothing; "" if it does.
func weakSSH(pub ssh.PublicKey) string {
	if _, ok := pub.(*ssh.Certificate); ok {
		return "is an SSH certificate: an authority says whose it is, and until when. Use the key itself, from the " +
			"file without -cert in its name"
	}
	if strings.HasSuffix(pub.Type(), "ssh-dss") {
		return "is a DSA key, which is too weak. Use ssh-ed25519"
	}
	if p, ok := pub.(ssh.CryptoPublicKey); ok {
		return weakRSA(p.CryptoPublicKey())
	}
	return ""
}

// minRSA is 2048 bits: some programs made keys with one less.
const minRSA = 2047

func weakRSA(pub crypto.PublicKey) string {
	if r, ok := pub.(*rsa.PublicKey); ok && r.N.BitLen() < minRSA {
		return fmt.Sprintf("is an RSA key of %d bits, and fewer than 2048 are too weak", r.N.BitLen())
	}
	return ""
}

func parsePGP(text string) (keys []Key, err error) {
	for _, block := range strings.Split(text, pgpBegin)[1:] {
		found, err := openpgp.ReadArmoredKeyRing(strings.NewReader(pgpBegin + block))
		if err != nil {
			return nil, &Unfit{Summary: "not a public key", Detail: fmt.Sprintf(
				"Its OpenPGP block cannot be read (%v). gpg --armor --export EMAIL prints one.", err)}
		}
		for _, e := range found {
			k := Key{ID: fingerprint(e.PrimaryKey.Fingerprint)}
			for _, sub := range e.Subkeys {
				k.Also = append(k.Also, fingerprint(sub.PublicKey.Fingerprint))
			}
			k.sum = sha256.Sum256([]byte(k.ID + block))
			var b bytes.Buffer
			if err := e.Serialize(&b); err != nil {
				return nil, &Unfit{Summary: "not a public key", Detail: fmt.Sprintf("The key %s cannot be read: %v.",
					k.ID, err)}
			}
			k.pgp = b.Bytes()
			if why := k.never(); why != "" {
				return nil, &Unfit{Summary: "a key that proves nothing", Detail: "The key " + k.ID + " " + why + "."}
			}
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func fingerprint(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

// Trouble is why a key proves nothing now, and did or may; "" if it does.
func (k Key) Trouble(now time.Time) string {
	if k.pgp == nil {
		return ""
	}
	var first string
	for _, id := range k.IDs() {
		why, _ := k.barred(id, now)
		if why == "" {
			return ""
		}
		if first == "" {
			first = why
		}
	}
	return first
}
