// Package signing reads the public keys that sign commits.
package signing

import (
	"errors"
	"time"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
)

// Keys tells by its id whose a key is: that of a key, or of a sub-key.
type Keys map[string]string

// Add notes the keys of an owner.
func (k Keys) Add(owner string, keys []signatures.Key) {
	for _, key := range keys {
		for _, id := range key.IDs() {
			k[id] = owner
		}
	}
}

// Read reads the keys of an owner, which an attribute lists. A key that proves nothing is a
// mistake, but for what time does to it, of which there is a warning: a configuration that was
// good must not be refused at the next start because a key has expired.
func (k Keys) Read(r *decode.Reader, b decode.Block, name, owner string) (all []signatures.Key) {
	for _, item := range b.HiddenList(name).Val {
		keys, err := signatures.Parse(item.Val)
		var unfit *signatures.Unfit
		if errors.As(err, &unfit) {
			if unfit.Private {
				r.Redact(item.Range)
			}
			r.Errorf(item.Range, unfit.Summary, "%s", unfit.Detail)
			continue
		}
		for _, key := range keys {
			if why := key.Trouble(time.Now()); why != "" {
				r.Warnf(item.Range, "a key that proves nothing now",
					"The key %s %s. Commits that it signs are not verified.", key.ID, why)
			}
			for _, id := range key.IDs() {
				if other, twice := k[id]; twice && other != owner {
					r.Errorf(item.Range, "a key of two owners",
						"The key %s is one of %s, too. A signature must say who made it.", id, other)
				}
			}
		}
		k.Add(owner, keys)
		all = append(all, keys...)
	}
	return all
}

// CheckOther reports keys of an attribute that are somebody's.
func (k Keys) CheckOther(r *decode.Reader, b decode.Block, name string, keys []signatures.Key) {
	for _, key := range keys {
		for _, id := range key.IDs() {
			if owner, known := k[id]; known {
				r.Errorf(b.Place(name), "a key of two owners", "The key %s is one of %s. A merge key is a forge's, "+
					"and proves nothing but that a forge merged.", id, owner)
				return
			}
		}
	}
}
