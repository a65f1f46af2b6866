package repositories

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// Submodule is how submodules are reached whose URL begins with Prefix.
type Submodule struct {
	Prefix string
	Auth   Auth
	TLS    TLS
}

// scpPrefix is the beginning of a URL in the short form of ssh: user@host:path.
var scpPrefix = lazyregexp.New(`^(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^:]*$`)

// submodules reads whether a repository's submodules are followed, and the blocks
// that say who else may be asked for them.
func (r reader) submodules(repo *Repository, b decode.Block) {
	repo.Submodules = b.Flag("submodules").OrElse(false)
	names := &decode.Names{What: "submodule"}
	repo.Submodule = decode.Each(b.Blocks(schema.Submodule), names, func(sub decode.Block) Submodule {
		s := Submodule{Prefix: sub.Name}
		if why := wrongPrefix(sub.Name); why != "" {
			r.Errorf(sub.Header, "not the beginning of a URL", "%s A submodule block names the beginning of its "+
				"submodules' URL: submodule \"https://git.example.com/team/\". "+
				"The path of a submodule does not do: whoever may push gives it any URL.", why)
		}
		for _, a := range sub.Blocks(schema.Auth) {
			s.Auth = r.auth(a)
			r.checkAuth(sub.Name, s.Auth, a)
		}
		for _, t := range sub.Blocks(schema.TLS) {
			s.TLS = r.tls(t)
			if !strings.HasPrefix(sub.Name, "https://") {
				r.Warnf(t.Header, "tls has no effect", "Only what is reached by https has certificates.")
			}
		}
		if !repo.Submodules {
			r.Warnf(sub.Header, "submodule has no effect", "No submodule is fetched without submodules = true.")
		}
		return s
	})
}

// wrongPrefix says what is wrong with the beginning of a URL; empty for nothing.
func wrongPrefix(text string) string {
	if !strings.Contains(text, "://") {
		if scpPrefix().MatchString(text) {
			return ""
		}
		return "It has no scheme."
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Hostname() == "", u.RawQuery != "", u.Fragment != "", BadPort(u):
		return "It cannot be read."
	case !IsHTTP(u) && u.Scheme != "ssh":
		return "Its scheme is none of https, http and ssh."
	case u.User != nil && u.Scheme != "ssh":
		return "User and password belong in the auth block."
	case slices.Contains(strings.Split(u.Path, "/"), ".."):
		return "It has .. in its path."
	}
	if _, has := u.User.Password(); has {
		return "A password belongs in the auth block."
	}
	return ""
}
