// Package submodules says which URLs of .gitmodules are asked, and with whose
// access. Whoever may push writes that file: a credential goes by the URL alone.
package submodules

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// How much one commit may have. What .gitmodules says is untrusted.
const (
	Max            = 256
	MaxDepth       = 8
	maxModulesFile = 256 << 10
	maxModuleURL   = 2048
)

// Refused says why a URL of .gitmodules is not asked.
type Refused struct{ why, Next string }

func (e *Refused) Error() string { return e.why }

// Refuse says why a URL is not asked, and what to do.
func Refuse(next, format string, args ...any) error {
	return &Refused{fmt.Sprintf(format, args...), next}
}

const writeURL = "write https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or ../NAME relative to the " +
	"repository in .gitmodules, and push"

// remoteHelper is how a URL has Git start a program: ext::sh -c …
var remoteHelper = lazyregexp.New(`^[A-Za-z0-9+.-]*::`)

// Address is where a submodule is, by the URL that .gitmodules of the
// repository at base has for it. The result has no password.
func Address(base remote.Address, raw string) (remote.Address, error) {
	switch {
	case raw == "":
		return remote.Address{}, Refuse(writeURL, "has no url in .gitmodules")
	case len(raw) > maxModuleURL:
		return remote.Address{}, Refuse(writeURL, "has a url of more than %d bytes", maxModuleURL)
	case strings.HasPrefix(raw, "-"):
		return remote.Address{},
			Refuse(writeURL, "has a url that begins with a hyphen, as an option of a program does: %q", shortened(raw))
	case strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f }), strings.Contains(raw, `\`),
		strings.TrimSpace(raw) != raw:
		return remote.Address{}, Refuse(writeURL, "has a url with characters that belong in none: %q", shortened(raw))
	case remoteHelper().MatchString(raw):
		return remote.Address{}, Refuse(writeURL, "has a url that would start a program: %q", shortened(raw))
	case strings.HasPrefix(raw, "./"), strings.HasPrefix(raw, "../"):
		return relativeModule(base, raw)
	}
	return absoluteModule(base, raw)
}

// relativeModule resolves a relative URL as Git does: each ".." at its beginning
// takes away the last part of the repository's own path.
func relativeModule(base remote.Address, raw string) (remote.Address, error) {
	rest := raw
	if base.Scheme == "https" || base.Scheme == "http" {
		plain, err := url.PathUnescape(raw)
		if err != nil {
			return remote.Address{}, Refuse(writeURL, "has a url that cannot be read: %q", shortened(raw))
		}
		rest = plain
	}
	parts := strings.Split(strings.Trim(base.Path, "/"), "/")
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
	if rest == "" || Climbs(rest) || strings.Contains(rest, "//") ||
		strings.ContainsFunc(rest, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return remote.Address{}, Refuse(writeURL, "has a relative url that leads nowhere: %q", shortened(raw))
	}
	at := remote.Address{Scheme: base.Scheme, Host: base.Host, User: base.User,
		Path: strings.Join(append(parts, rest), "/")}
	if strings.HasPrefix(base.Path, "/") {
		at.Path = "/" + at.Path
	}
	return at, nil
}

// Climbs reports whether a path has a part that means no name.
func Climbs(p string) bool {
	return slices.ContainsFunc(strings.Split(p, "/"), func(s string) bool { return s == "." || s == ".." })
}

func absoluteModule(base remote.Address, raw string) (remote.Address, error) {
	_, rest, isURL := strings.Cut(raw, "://")
	if !isURL && remote.ScpForm().FindStringSubmatch(raw) == nil && !strings.HasPrefix(raw, "/") {
		return remote.Address{},
			Refuse(writeURL, "has a url that is neither absolute nor begins with ./ or ../: %q", shortened(raw))
	}
	at, err := remote.Remote{Name: "submodule", URL: raw}.Parse()
	switch {
	case err != nil && isURL && !known(raw):
		scheme, _, _ := strings.Cut(raw, "://")
		return at, Refuse(writeURL, "has a url of a kind that is not fetched: %s://", shortened(scheme))
	case err != nil:
		return at, Refuse(writeURL, "has a url that cannot be used: %q", shortened(raw))
	case at.Pass != "":
		return at, Refuse("take it out of .gitmodules, have it revoked, and give tfops one in a submodule block",
			"has a url with a password in it")
	case at.Scheme == "file" && base.Scheme != "file":
		return at, Refuse(writeURL, "has a url that is a path of this machine, and its repository is elsewhere: %q",
			shortened(raw))
	case Climbs(at.Path), at.Scheme == "file" && Climbs(strings.Trim(rest+raw, "/")):
		return at, Refuse(writeURL, "has a url with .. in its path: %q", shortened(raw))
	case strings.HasPrefix(strings.TrimLeft(at.Path, "/"), "-"), strings.HasPrefix(at.User, "-"),
		strings.ContainsFunc(at.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return at, Refuse(writeURL, "has a url with characters that belong in none: %q", shortened(raw))
	}
	if at.Scheme != "ssh" {
		at.User = "" // who asks is told by tfops.hcl alone
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
	return remote.FirstLine(raw)
}

// Prefix is a parsed SubmoduleAccess.Prefix.
func Prefix(a remote.SubmoduleAccess) (remote.Address, error) {
	bad := fault.New(fault.Invalid,
		`write the beginning of the submodules' URL, for example submodule "https://git.example.com/team/"`,
		"a submodule block's %q is not the beginning of a URL", shortened(a.Prefix))
	if remoteHelper().MatchString(a.Prefix) {
		return remote.Address{}, bad
	}
	if m := remote.ScpForm().FindStringSubmatch(a.Prefix + "x"); m != nil && !strings.Contains(a.Prefix, "://") {
		return remote.Address{Scheme: "ssh", Host: m[2], Path: strings.TrimSuffix(m[3], "x")}, nil
	}
	u, err := url.Parse(a.Prefix)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || Climbs(u.Path) ||
		!slices.Contains([]string{"https", "http", "ssh"}, u.Scheme) {
		return remote.Address{}, bad
	}
	if _, has := u.User.Password(); has {
		return remote.Address{}, bad
	}
	return remote.Address{Scheme: u.Scheme, Host: u.Host, Path: u.Path}, nil
}

// Remote is a submodule's remote with the access that its URL has: that of
// the longest prefix, else the repository's own on the same host. Nothing in the
// directory of mirrors is a submodule: they are of repositories that this one has
// no business with.
func Remote(of remote.Remote, base, at remote.Address, mirrors string) (remote.Remote, error) {
	r := remote.Remote{Name: of.Name, URL: at.Link()}
	longest := -1
	for _, a := range of.Submodules.Access {
		prefix, err := Prefix(a)
		if size := len(strings.Trim(prefix.Path, "/")); err == nil && at.Begins(prefix) && size > longest {
			longest, r.Auth = size, a.Auth
		}
	}
	switch {
	case longest >= 0:
	case !remote.SameHost(at, base):
		return r, Refuse(fmt.Sprintf("allow that host in repository %q: submodule %q { }, with an auth block where it "+
			"asks for one",
			of.Name, hostPrefix(at)), "is at %s, and no submodule block allows that host", at.Display())
	case at.Scheme == "file" && leadsInto(mirrors, at.Path):
		return r, Refuse("name the repository itself, and not a mirror of it",
			"has a url that leads into the directory of tfops: %s", at.Path)
	default:
		r.Auth = of.Auth
		if at.Scheme != "ssh" && at.Scheme != "file" {
			r.Auth.Username, r.Auth.Password = base.User, base.Pass // some of it may stand in the repository's URL
		}
		if at.Scheme == "ssh" && r.Auth.Password == "" {
			r.Auth.Password = base.Pass
		}
	}
	return r, nil
}

// leadsInto reports whether a local path leads into a directory.
func leadsInto(dir, p string) bool {
	return within(filepath.Clean(dir), filepath.Clean(p)) || within(realPath(dir), realPath(p))
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

func hostPrefix(a remote.Address) string {
	return remote.Address{Scheme: a.Scheme, Host: a.Host, Path: "/"}.Display()
}
