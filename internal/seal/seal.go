// Package seal keeps what must be readable by the daemon alone: saved plans,
// state snapshots and evidence are encrypted with age to a key in the data
// directory. Whoever encrypts needs only the recipient, which is no secret.
//
// The key is an ordinary age identity file, so `age -d -i key FILE` reads
// what tfops wrote, without tfops.
package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/fault"
)

// Key decrypts what was encrypted to its recipient.
type Key struct {
	identities []age.Identity
	recipient  string
	digestKey  []byte
}

// Create makes a new key at path, owner-only. It never replaces one.
func Create(path string) (*Key, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600
	if err != nil {
		return nil, cannot(path, "created", err)
	}
	defer os.Remove(tmp.Name())
	_, err = fmt.Fprintf(tmp, "# tfops: decrypts saved plans and state snapshots. Back it up; keep it secret.\n# "+
		"public key: %s\n%s\n", id.Recipient(), id)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return nil, cannot(path, "created", err)
	}
	if err := os.Link(tmp.Name(), path); err != nil { // fails when path exists
		return nil, cannot(path, "created", err)
	}
	if err := durable.Sync(filepath.Dir(path)); err != nil { // what is encrypted to it must not outlive it
		return nil, cannot(path, "created", err)
	}
	return Load(path)
}

const maxKeyFile = 1 << 20 // bytes

// Load reads the key at path. A key that others can read is refused.
func Load(path string) (*Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "put the key back from a backup", "there is no key at %s", path)
	}
	if err != nil {
		return nil, cannot(path, "read", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Forbidden, "chmod 600 "+path+", and think about who may have read it",
			"the key %s can be read by others: its mode is %04o", path, info.Mode().Perm())
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fault.New(fault.Invalid, "put the key back from a backup", "what lies at %s is no key", path)
	}
	b, err := os.ReadFile(path) // it may be a link, to where keys are mounted
	if err != nil {
		return nil, cannot(path, "read", err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(b))
	if err != nil {
		return nil, fault.New(fault.Invalid, "put the key back from a backup", "the key %s is not an age identity: %w",
			path, err)
	}
	x, ok := ids[0].(*age.X25519Identity)
	if !ok {
		return nil, fault.New(fault.Invalid, "put the key back from a backup", "the key %s is not an X25519 identity",
			path)
	}
	secret := sha256.Sum256([]byte("tfops digests of outputs\x00" + x.String()))
	return &Key{identities: ids, recipient: x.Recipient().String(), digestKey: secret[:]}, nil
}

func cannot(path, what string, err error) error {
	return fault.New(fault.Unavailable, "check the data directory's permissions and free space",
		"the key %s cannot be %s: %w", path, what, err)
}

// Recipient is what others encrypt to.
func (k *Key) Recipient() string { return k.recipient }

// Open decrypts the file at path into memory.
func (k *Key) Open(path string) ([]byte, error) {
	f, err := datafile.Open(path) // what is no whole ciphertext ends by itself, whatever its size
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := age.Decrypt(f, k.identities...)
	if err != nil {
		return nil, fault.New(fault.Invalid, "use the key of the data directory in which the file was made",
			"%s cannot be decrypted: %w", path, err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fault.New(fault.Invalid, "restore the file from a backup", "%s is damaged: %w", path, err)
	}
	return b, nil
}

// Seal encrypts content to the key.
func (k *Key) Seal(content []byte) ([]byte, error) { return Encrypt(content, k.recipient) }

// Encrypt is the content as an age file for one recipient.
func Encrypt(content []byte, recipient string) ([]byte, error) {
	to, err := age.ParseRecipients(strings.NewReader(recipient))
	if err != nil {
		return nil, fmt.Errorf("the key that saved plans are encrypted to is not an age recipient: %w", err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Digest is a keyed digest: it tells whether two contents are the same, and
// nobody without the key can guess a content by it.
func (k *Key) Digest(content []byte) string {
	mac := hmac.New(sha256.New, k.digestKey)
	mac.Write(content)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
