package signatures

import (
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// ahead is how far the clock of who signs may be ahead of this machine's.
const ahead = 5 * time.Minute

// weakHashes are those that somebody may find two texts for.
var weakHashes = map[crypto.Hash]bool{crypto.SHA1: true, crypto.MD5: true, crypto.RIPEMD160: true}

func policy(now time.Time) *packet.Config {
	return &packet.Config{Time: func() time.Time { return now }, MinRSABits: minRSA,
		RejectHashAlgorithms: weakHashes, RejectMessageHashAlgorithms: weakHashes}
}

func (r *Ring) verifyPGP(c Signed, now time.Time) Result {
	sig, err := readPGP(c.Text)
	if err != nil {
		return Result{Why: "its OpenPGP signature cannot be read: " + err.Error(), Next: signAgain}
	}
	id := fmt.Sprintf("%016X", *sig.IssuerKeyId)
	if len(sig.IssuerFingerprint) > 0 {
		id = fingerprint(sig.IssuerFingerprint)
	}
	for _, k := range r.keys {
		for _, of := range k.IDs() {
			if k.pgp != nil && short(of) == *sig.IssuerKeyId {
				return k.verifyPGP(c, sig, of, now)
			}
		}
	}
	return Result{Key: id, Why: "it is signed with the key " + id + ", which no user block has", Next: "if that is " +
		"right, write the key into the keys of its owner's user block in tfops.hcl: gpg --armor --export " + id}
}

// readPGP reads a text with one signature that says whose it is.
func readPGP(text string) (*packet.Signature, error) {
	block, err := armor.Decode(strings.NewReader(strings.TrimSpace(text)))
	if err != nil {
		return nil, err
	}
	packets := packet.NewReader(block.Body)
	first, err := packets.Next()
	if err != nil {
		return nil, err
	}
	sig, ok := first.(*packet.Signature)
	if !ok {
		return nil, errors.New("it holds something else")
	}
	if _, err := packets.Next(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one signature")
	}
	if sig.IssuerKeyId == nil {
		return nil, errors.New("it does not say which key made it")
	}
	return sig, nil
}

// short is the id of a key as signatures have it.
func short(id string) uint64 {
	if len(id) == 2*sha256.Size { // of version 6
		id = id[:16]
	}
	n, _ := strconv.ParseUint(id[max(len(id)-16, 0):], 16, 64)
	return n
}

// part is the public key of an id: that of the key, or a sub-key, which is returned, too.
func part(e *openpgp.Entity, id string) (*packet.PublicKey, *openpgp.Subkey) {
	for i := range e.Subkeys {
		if sub := &e.Subkeys[i]; fingerprint(sub.PublicKey.Fingerprint) == id {
			return sub.PublicKey, sub
		}
	}
	return e.PrimaryKey, nil
}

func (k owned) verifyPGP(c Signed, sig *packet.Signature, key string, now time.Time) Result {
	switch {
	case weakHashes[sig.Hash]:
		return Result{Key: key, Why: fmt.Sprintf("its signature is made with %s, which can be forged", sig.Hash),
			Next: "write digest-algo SHA256 into ~/.gnupg/gpg.conf; " + signAgain}
	case sig.SigType != packet.SigTypeBinary: // a text's line ends are not signed
		return Result{Key: key, Why: "its signature is not of bytes, but of a text or of something else",
			Next: signAgain}
	}
	pub, _ := part(k.entity(), key)
	h, err := sig.PrepareVerify()
	if err == nil {
		h.Write(c.Payload)
		err = pub.VerifySignature(h, sig)
	}
	if err != nil {
		return Result{Key: key, Why: notOfIt + " (" + err.Error() + ")", Next: signAgain}
	}
	// From here on it is known who made it.
	if sig.CreationTime.After(now.Add(ahead)) {
		return k.unusable("its signature is of "+day(sig.CreationTime)+", which is to come",
			"set the clock of who signed it right; "+signAgain)
	}
	if sig.CreationTime.After(now) {
		now = sig.CreationTime
	}
	if why, next := k.barred(key, now); why != "" {
		return k.unusable("it is signed with "+k.of()+", which "+why, next)
	}
	switch {
	case sig.SigExpired(now):
		return k.unusable("its signature has expired", signAgain)
	case sig.CreationTime.Before(pub.CreationTime):
		return k.unusable("its signature is older than its key", signAgain)
	}
	for _, n := range sig.Notations {
		if n.IsCritical {
			return k.unusable("its signature asks for a notation that tfops does not know: "+bounded(n.Name), signAgain)
		}
	}
	return Result{User: k.User, Forge: k.User == "", Key: key}
}

// barred is why a key, or sub-key, may not sign now, and what to do; "" if it may.
func (k Key) barred(id string, now time.Time) (why, next string) {
	cfg := policy(now)
	renewed := "have its owner export it again after that is mended (gpg --armor --export " + k.ID + ") and put it " +
		"into tfops.hcl, or have the commit signed with another key"
	if why := k.weak(id); why != "" {
		return why, renewed
	}
	e := k.entity()
	if _, err := e.VerifyPrimaryKey(now, cfg); err != nil {
		return state(err), renewed
	}
	pub, sub := part(e, id)
	if sub != nil {
		if _, err := sub.Verify(now, cfg); err != nil {
			return state(err), renewed
		}
	}
	if found, ok := e.SigningKeyById(now, pub.KeyId, cfg); !ok || found.PublicKey != pub {
		return "is not made for signing", "sign with the key, or the sub-key, that is: gpg --list-keys shows [S]"
	}
	return "", ""
}

func state(err error) string {
	switch {
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return "has expired"
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return "is revoked"
	}
	return "is not valid (" + err.Error() + ")"
}

// weak is why a key, or sub-key, is too weak, whatever the time; "" if it is not.
func (k Key) weak(id string) string {
	e := k.entity()
	pub, sub := part(e, id)
	for _, p := range []*packet.PublicKey{e.PrimaryKey, pub} {
		switch p.PubKeyAlgo {
		case packet.PubKeyAlgoDSA, packet.PubKeyAlgoElGamal:
			return "is a DSA key, which is too weak"
		}
		if why := weakRSA(p.PublicKey); why != "" {
			return why
		}
	}
	self, err := e.PrimarySelfSignature(time.Time{}, nil)
	if err == nil && sub != nil && !weakHashes[self.Hash] {
		self, err = sub.LatestValidBindingSignature(time.Time{}, nil)
	}
	if err == nil && weakHashes[self.Hash] {
		return fmt.Sprintf("is bound to itself with %s, which can be forged: gpg --quick-set-expire %s DATE "+
			"signs it anew", self.Hash, k.ID)
	}
	return ""
}

// never is why neither the key nor a sub-key can ever sign; "" if one may. That it expired or was
// revoked is no reason: time makes no mistake of a configuration.
func (k Key) never() (first string) {
	for _, id := range k.IDs() {
		why := k.weak(id)
		if why == "" && !k.signs(id) {
			why = "is not made for signing, and has no sub-key that is"
		}
		if why == "" {
			return ""
		}
		if first == "" {
			first = why
		}
	}
	return first
}

// signs reports whether a key, or sub-key, was made for signing.
func (k Key) signs(id string) bool {
	e := k.entity()
	pub, sub := part(e, id)
	self, err := e.PrimarySelfSignature(time.Time{}, nil)
	if sub != nil {
		self, err = sub.LatestValidBindingSignature(time.Time{}, nil)
	}
	return err == nil && pub.PubKeyAlgo.CanSign() && self.FlagsValid && self.FlagSign
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
