// Package signatures tells whose key signed a commit.
//
// A signature is over the bytes of the commit without the header that holds it: see Of. It is
// good if a key that somebody declared made it, and that key may sign: now, and when the
// signature says that it was made. Whoever has a key can write any date into a signature, so a
// key that has expired or was revoked proves nothing, whenever that was.
//
// Of OpenPGP these are the rules of the library, and stricter ones: no SHA-1, also not in what
// binds a key to itself or a sub-key to its key. Of SSH: keys, with user presence where they are
// security keys; no certificates, which an authority vouches for that nobody declared.
//
// Neither git nor gpg is asked.
package signatures

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Owner is whose a key is.
type Owner struct {
	User   string   // empty: it is a forge's, which signs the merges of its pages
	Emails []string // of the user
}

// Ring are keys with their owners.
type Ring struct{ keys []owned }

type owned struct {
	Key
	Owner
}

// Add adds keys of an owner.
func (r *Ring) Add(o Owner, keys ...Key) {
	for _, k := range keys {
		r.keys = append(r.keys, owned{k, o})
	}
}

// With is the ring with keys of an owner besides.
func (r *Ring) With(o Owner, keys ...Key) *Ring {
	all := &Ring{keys: slices.Clone(r.keys)}
	all.Add(o, keys...)
	return all
}

// Empty reports whether there are no keys.
func (r *Ring) Empty() bool { return r == nil || len(r.keys) == 0 }

// Digest tells rings apart under which another signature may count.
func (r *Ring) Digest() string {
	var all []string
	if r != nil {
		for _, k := range r.keys {
			all = append(all, fmt.Sprintf("%q %q %x", k.User, k.Emails, k.sum))
		}
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:16])
}

// Result is what the signature of a commit proves.
type Result struct {
	User  string // whose key made it; empty where nobody's did
	Forge bool   // a forge's key made it
	Key   string // the id of the key that made it
	Why   string // why it proves nothing; empty: it is good
	Next  string // what to do about that
}

// Good reports whether it proves who made the commit.
func (r Result) Good() bool { return r.Why == "" }

// Owns reports whether an email is one of a user's. Case does not count, as it does not for
// servers of mail.
func (r *Ring) Owns(user, email string) bool {
	return slices.ContainsFunc(r.keys, func(k owned) bool {
		return user != "" && k.User == user && slices.ContainsFunc(k.Emails, func(e string) bool {
			return strings.EqualFold(strings.TrimSpace(e), strings.TrimSpace(email))
		})
	})
}

// Verify tells whose key signed a commit, as of now.
func (r *Ring) Verify(c Signed, now time.Time) (res Result) {
	defer func() {
		// Both libraries read what a remote sent.
		if p := recover(); p != nil {
			res = Result{Why: fmt.Sprintf("its signature cannot be read: %v", p), Next: signAgain}
		}
	}()
	switch {
	case c.Text == "":
		return Result{Why: "it is not signed", Next: signAgain}
	case c.Odd != "":
		return Result{Why: "it is not written as Git writes commits: " + c.Odd, Next: "make it anew: " + signAgain}
	case armored(c.Text, "SSH SIGNATURE"):
		return r.verifySSH(c)
	case armored(c.Text, "PGP SIGNATURE"):
		return r.verifyPGP(c, now)
	case strings.HasPrefix(c.Text, "-----BEGIN SIGNED MESSAGE-----"):
		return Result{Why: "it is signed with an X.509 certificate, which tfops does not verify", Next: signSSH}
	}
	return Result{Why: "its signature is neither of SSH nor of OpenPGP", Next: signAgain}
}

const (
	signAgain = "sign it and push it again: git commit --amend --no-edit -S, or for several: git rebase " +
		"--force-rebase --gpg-sign COMMIT~1"
	signSSH = "sign with a key: git config gpg.format ssh; git config user.signingkey ~/.ssh/id_ed25519.pub; then " +
		signAgain
	notOfIt = "its signature is not of this commit"
)

// armored reports whether a text is one block of a type, and nothing else.
func armored(text, typ string) bool {
	begin, end := "-----BEGIN "+typ+"-----", "-----END "+typ+"-----"
	t := strings.TrimSpace(text)
	return strings.HasPrefix(t, begin) && strings.HasSuffix(t, end) && strings.Count(t, "-----BEGIN ") == 1 &&
		strings.Count(t, "-----END ") == 1
}

// unusable is a signature by a key that may not make one.
func (k owned) unusable(why, next string) Result {
	return Result{User: k.User, Forge: k.User == "", Key: k.ID, Why: why, Next: next}
}

// of names the key and whose it is.
func (k owned) of() string {
	if k.User == "" {
		return "the merge key " + k.ID
	}
	return "the key " + k.ID + " of " + k.User
}
