package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/lazily"
)

// scpPrefix is the beginning of a URL in the short form of ssh: user@host:path.
var scpPrefix = lazily.Pattern(`^(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^:]*$`)

// submodules reads whether a repository's submodules are followed, and the blocks
// that say who else may be asked for them.
func (r *reader) submodules(repo *Repository, b block) {
	repo.Submodules = b.flag("submodules").orElse(false)
	seen := names{r: r, what: "submodule"}
	for _, sub := range b.blocks(submoduleKind) {
		s := Submodule{Prefix: sub.name}
		if why := wrongPrefix(sub.name); why != "" {
			r.errorAt(sub.header, "not the beginning of a URL", "%s A submodule block names the beginning of its submodules' URL: submodule \"https://git.example.com/team/\". "+
				"The path of a submodule does not do: whoever may push gives it any URL.", why)
		}
		for _, a := range sub.blocks(authKind) {
			s.Auth = r.auth(a)
			r.checkAuth(Repository{URL: sub.name, Auth: s.Auth}, a)
		}
		for _, t := range sub.blocks(tlsKind) {
			s.TLS = r.tls(t)
			if !strings.HasPrefix(sub.name, "https://") {
				r.warnAt(t.header, "tls has no effect", "Only what is reached by https has certificates.")
			}
		}
		if !repo.Submodules {
			r.warnAt(sub.header, "submodule has no effect", "No submodule is fetched without submodules = true.")
		}
		if seen.add(sub) {
			repo.Submodule = append(repo.Submodule, s)
		}
	}
}

// wrongPrefix says what is wrong with the beginning of a URL; empty for nothing.
func wrongPrefix(text string) string {
	_, _, isURL := strings.Cut(text, "://")
	if !isURL {
		if scpPrefix().MatchString(text) {
			return ""
		}
		return "It has no scheme."
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Hostname() == "", u.RawQuery != "", u.Fragment != "", badPort(u):
		return "It cannot be read."
	case !slices.Contains([]string{"https", "http", "ssh"}, u.Scheme):
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
