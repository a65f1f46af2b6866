package wire

import (
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/authorship"
)

// authors are who wrote what a plan applies.
func authors(a *authorship.Authors) *api.Authors {
	if a == nil {
		return nil
	}
	return &api.Authors{Since: a.Since, Commits: a.Commits, Unknown: a.Unknown, Next: a.Next,
		People:     each(a.People, func(p authorship.Person) api.Author { return api.Author(p) }),
		Verified:   a.Verified,
		Exempt:     a.Exempt,
		Signers:    each(a.Signers, func(s authorship.Signer) api.Signer { return api.Signer(s) }),
		Unverified: each(a.Unverified, unverified)}
}

func unverified(u authorship.Unverified) api.UnverifiedCommit { return api.UnverifiedCommit(u) }
