package gitrepo

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/lazily"
)

// How much one commit may have. What .gitmodules says is hostile.
const (
	maxSubmodules     = 256
	maxSubmoduleDepth = 8
	maxModulesFile    = 256 << 10
	maxModuleURL      = 2048
)

// refusedURL says why a URL of .gitmodules is not asked.
type refusedURL struct{ why, next string }

func (e *refusedURL) Error() string { return e.why }

func refuseURL(next, format string, args ...any) error {
	return &refusedURL{fmt.Sprintf(format, args...), next}
}

const writeURL = "write https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or ../NAME relative to the repository in .gitmodules, and push"

// remoteHelper is how a URL has Git start a program: ext::sh -c …
var remoteHelper = lazily.Pattern(`^[A-Za-z0-9+.-]*::`)

// moduleAddress is where a submodule is, by the URL that .gitmodules of the
// repository at base has for it. The result has no password.
func moduleAddress(base address, raw string) (address, error) {
	switch {
	case raw == "":
		return address{}, refuseURL(writeURL, "has no url in .gitmodules")
	case len(raw) > maxModuleURL:
		return address{}, refuseURL(writeURL, "has a url of more than %d bytes", maxModuleURL)
	case strings.HasPrefix(raw, "-"):
		return address{}, refuseURL(writeURL, "has a url that begins with a hyphen, as an option of a program does: %q", shortened(raw))
	case strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f }), strings.Contains(raw, `\`), strings.TrimSpace(raw) != raw:
		return address{}, refuseURL(writeURL, "has a url with characters that belong in none: %q", shortened(raw))
	case remoteHelper().MatchString(raw):
		return address{}, refuseURL(writeURL, "has a url that would start a program: %q", shortened(raw))
	case strings.HasPrefix(raw, "./"), strings.HasPrefix(raw, "../"):
		return relativeModule(base, raw)
	}
	return absoluteModule(base, raw)
}

// relativeModule resolves a relative URL as Git does: each ".." at its beginning
// takes away the last part of the repository's own path.
func relativeModule(base address, raw string) (address, error) {
	rest := raw
	if base.scheme == "https" || base.scheme == "http" {
		plain, err := url.PathUnescape(raw)
		if err != nil {
			return address{}, refuseURL(writeURL, "has a url that cannot be read: %q", shortened(raw))
		}
		rest = plain
	}
	parts := strings.Split(strings.Trim(base.path, "/"), "/")
	for {
		if cut, ok := strings.CutPrefix(rest, "./"); ok {
			rest = cut
			continue
		}
		cut, ok := strings.CutPrefix(rest, "../")
		if !ok {
			break
		}
		if len(parts) == 0 {
			break
		}
		rest, parts = cut, parts[:len(parts)-1]
	}
	rest = strings.TrimRight(rest, "/")
	if rest == "" || climbs(rest) || strings.Contains(rest, "//") || strings.ContainsFunc(rest, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return address{}, refuseURL(writeURL, "has a relative url that leads nowhere: %q", shortened(raw))
	}
	at := address{scheme: base.scheme, host: base.host, user: base.user, path: strings.Join(append(parts, rest), "/")}
	if strings.HasPrefix(base.path, "/") {
		at.path = "/" + at.path
	}
	return at, nil
}

// climbs reports whether a path has a part that means no name.
func climbs(p string) bool {
	return slices.ContainsFunc(strings.Split(p, "/"), func(s string) bool { return s == "." || s == ".." })
}

func absoluteModule(base address, raw string) (address, error) {
	_, rest, isURL := strings.Cut(raw, "://")
	if !isURL && scpForm().FindStringSubmatch(raw) == nil && !strings.HasPrefix(raw, "/") {
		return address{}, refuseURL(writeURL, "has a url that is neither absolute nor begins with ./ or ../: %q", shortened(raw))
	}
	at, err := Remote{Name: "submodule", URL: raw}.parse()
	switch {
	case err != nil && isURL && !known(raw):
		scheme, _, _ := strings.Cut(raw, "://")
		return at, refuseURL(writeURL, "has a url of a kind that is not fetched: %s://", shortened(scheme))
	case err != nil:
		return at, refuseURL(writeURL, "has a url that cannot be used: %q", shortened(raw))
	case at.pass != "":
		return at, refuseURL("take it out of .gitmodules, have it revoked, and give tfops one in a submodule block", "has a url with a password in it")
	case at.scheme == "file" && base.scheme != "file":
		return at, refuseURL(writeURL, "has a url that is a path of this machine, and its repository is elsewhere: %q", shortened(raw))
	case climbs(at.path), at.scheme == "file" && climbs(strings.Trim(rest+raw, "/")):
		return at, refuseURL(writeURL, "has a url with .. in its path: %q", shortened(raw))
	case strings.HasPrefix(strings.TrimLeft(at.path, "/"), "-"), strings.HasPrefix(at.user, "-"), strings.ContainsFunc(at.path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return at, refuseURL(writeURL, "has a url with characters that belong in none: %q", shortened(raw))
	}
	if at.scheme != "ssh" {
		at.user = "" // who asks is told by tfops.hcl alone
	}
	return at, nil
}

func known(raw string) bool {
	scheme, _, _ := strings.Cut(raw, "://")
	return slices.Contains([]string{"https", "http", "ssh", "file"}, strings.ToLower(scheme))
}

// shortened is a text of .gitmodules as a message can repeat it. What stands
// before an @ may be a password.
func shortened(raw string) string {
	if scheme, rest, ok := strings.Cut(raw, "://"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			raw = scheme + "://" + rest[at+1:]
		}
	}
	return firstLine(raw)
}

// prefix is a parsed SubmoduleAccess.Prefix.
func prefixOf(a SubmoduleAccess) (address, error) {
	bad := fault.New(fault.Invalid, `write the beginning of the submodules' URL, for example submodule "https://git.example.com/team/"`,
		"a submodule block's %q is not the beginning of a URL", shortened(a.Prefix))
	if remoteHelper().MatchString(a.Prefix) {
		return address{}, bad
	}
	if m := scpForm().FindStringSubmatch(a.Prefix + "x"); m != nil && !strings.Contains(a.Prefix, "://") {
		return address{scheme: "ssh", host: m[2], path: strings.TrimSuffix(m[3], "x")}, nil
	}
	u, err := url.Parse(a.Prefix)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || climbs(u.Path) || !slices.Contains([]string{"https", "http", "ssh"}, u.Scheme) {
		return address{}, bad
	}
	if _, has := u.User.Password(); has {
		return address{}, bad
	}
	return address{scheme: u.Scheme, host: u.Host, path: u.Path}, nil
}

// moduleRemote is a submodule's remote with the access that its URL has: that of
// the longest prefix, else the repository's own on the same host. Nothing in the
// directory of mirrors is a submodule: they are of repositories that this one has
// no business with.
func moduleRemote(of Remote, base, at address, mirrors string) (Remote, error) {
	r := Remote{Name: of.Name, URL: at.link()}
	longest := -1
	for _, a := range of.Submodules.Access {
		prefix, err := prefixOf(a)
		if size := len(strings.Trim(prefix.path, "/")); err == nil && at.begins(prefix) && size > longest {
			longest, r.Auth = size, a.Auth
		}
	}
	switch {
	case longest >= 0:
	case !sameHost(at, base):
		return r, refuseURL(fmt.Sprintf("allow that host in repository %q: submodule %q { }, with an auth block where it asks for one",
			of.Name, hostPrefix(at)), "is at %s, and no submodule block allows that host", at.display())
	case at.scheme == "file" && leadsInto(mirrors, at.path):
		return r, refuseURL("name the repository itself, and not a mirror of it",
			"has a url that leads into the directory of tfops: %s", at.path)
	default:
		r.Auth = of.Auth
		if at.scheme != "ssh" && at.scheme != "file" {
			r.Auth.Username, r.Auth.Password = base.user, base.pass // some of it may stand in the repository's URL
		}
		if at.scheme == "ssh" && r.Auth.Password == "" {
			r.Auth.Password = base.pass
		}
	}
	return r, nil
}

// leadsInto reports whether a local path leads into a directory.
func leadsInto(dir, p string) bool {
	for _, of := range []func(string) string{filepath.Clean, realPath} {
		if within(of(dir), of(p)) {
			return true
		}
	}
	return false
}

func realPath(p string) string {
	if real, err := filepath.EvalSymlinks(p); err == nil {
		return real
	}
	return p
}

func within(dir, p string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

func hostPrefix(a address) string {
	return address{scheme: a.scheme, host: a.host, path: "/"}.display()
}
