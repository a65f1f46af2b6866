package credentials

import (
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// Kind says what a prefix is of.
type Kind string

const (
	HTTP     Kind = "http" // and https
	SSH      Kind = "ssh"
	Registry Kind = "registry"
)

// Prefix is the beginning of addresses, or one whole address.
type Prefix struct {
	Kind   Kind   `json:"kind"`
	Scheme string `json:"scheme,omitempty"` // "https", "http" or "ssh"
	User   string `json:"user,omitempty"`   // of ssh; empty: any
	Host   string `json:"host"`             // in lower case
	Port   string `json:"port,omitempty"`   // of a registry empty for its default
	Path   string `json:"path,omitempty"`   // cleaned, with a slash at its beginning
}

var defaultPorts = map[string]string{"https": "443", "http": "80", "ssh": "22"}

// Covers reports whether an address is below the prefix.
func (p Prefix) Covers(at Prefix) bool {
	if p.Kind != at.Kind || p.Scheme != at.Scheme || p.Host != at.Host || p.Port != at.Port || p.User != "" &&
		p.User != at.User {
		return false
	}
	own, other := p.segments(), at.segments()
	return len(own) <= len(other) && slices.Equal(own, trimmed(other[:len(own)]))
}

// segments are the parts of the path. ".git" at the end of a repository's name says nothing.
func (p Prefix) segments() []string {
	return trimmed(strings.FieldsFunc(p.Path, func(c rune) bool { return c == '/' }))
}

func trimmed(segments []string) []string {
	if len(segments) == 0 {
		return nil
	}
	out := slices.Clone(segments)
	last := &out[len(out)-1]
	*last = strings.TrimSuffix(*last, ".git")
	return out
}

// Site is the address of the host: what an engine's Git is told to ask of.
func (p Prefix) Site() string { return p.Scheme + "://" + p.hostPort() }

func (p Prefix) hostPort() string {
	host := p.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if p.Port == "" || p.Port == defaultPorts[p.Scheme] {
		return host
	}
	return host + ":" + p.Port
}

// Label is the prefix as it is written in a configuration.
func (p Prefix) Label() string {
	if p.Kind == Registry {
		return p.hostPort()
	}
	user := ""
	if p.User != "" {
		user = p.User + "@"
	}
	return p.Scheme + "://" + user + p.hostPort() + strings.TrimSuffix(p.Path, "/") + "/"
}

// Invalid says why a text is no prefix.
type Invalid struct {
	Summary, Detail string
	Secret          bool // the text holds a password: it must not be shown
}

func (e *Invalid) Error() string { return e.Summary + ": " + e.Detail }

const forms = `It is "https://git.example.com/acme/" or "ssh://git@git.example.com/acme/" for modules in Git, or the name of a registry: "app.terraform.io".`

var (
	scp          = lazyregexp.New(`^([^@/:\s]+)@([^/:\s]+):(.*)$`)
	registryName = lazyregexp.New(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

// Parse reads a prefix as it is written in a configuration. The error is an *Invalid.
func Parse(text string) (Prefix, error) {
	switch {
	case text == "":
		return Prefix{}, &Invalid{Summary: "empty prefix", Detail: forms}
	case strings.HasPrefix(text, "git::"):
		return Prefix{}, &Invalid{Summary: "not a prefix", Detail: "Leave out git::. " + forms,
			Secret: strings.Contains(text, "@")}
	case strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return Prefix{}, &Invalid{Summary: "not a prefix", Detail: "There is a space in it. " + forms,
			Secret: strings.Contains(text, "@")}
	case strings.ContainsAny(text, "*"):
		return Prefix{}, &Invalid{Summary: "pattern instead of a prefix",
			Detail: "All that begins with the text is meant; leave out the *. " + forms,
			Secret: strings.Contains(text, "@")}
	case strings.Contains(text, "://"):
		return parseURL(text)
	}
	if m := scp().FindStringSubmatch(text); m != nil {
		return parseURL("ssh://" + m[1] + "@" + m[2] + "/" + strings.TrimPrefix(m[3], "/"))
	}
	return registry(text)
}

func registry(text string) (Prefix, error) {
	host, port, found := strings.Cut(text, ":")
	switch {
	case strings.ContainsAny(text, "/@"):
		return Prefix{}, &Invalid{Summary: "prefix without a scheme", Secret: strings.Contains(text, "@"),
			Detail: "Modules in Git are named with https:// or ssh://, a registry with the name of its host alone. " +
				forms}
	case !registryName().MatchString(host), found && !validPort(port):
		return Prefix{}, &Invalid{Summary: "not the name of a registry",
			Detail: "A registry is named by its host, with a port where it has one of its own. " + forms}
	}
	if port == "443" {
		port = ""
	}
	return Prefix{Kind: Registry, Host: strings.ToLower(host), Port: port}, nil
}

func validPort(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n > 0 && n < 65536
}

func parseURL(text string) (Prefix, error) {
	u, err := url.Parse(text)
	if err != nil { // the error repeats the text, which may hold a password
		return Prefix{}, &Invalid{Summary: "not a prefix", Detail: forms, Secret: true}
	}
	bad := func(summary, detail string) (Prefix, error) {
		return Prefix{}, &Invalid{Summary: summary, Detail: detail, Secret: u.User != nil}
	}
	_, password := u.User.Password()
	port := u.Port()
	switch {
	case defaultPorts[u.Scheme] == "":
		return bad("unknown kind of prefix", "Credentials are for https:// and ssh://, and http:// where that must "+
			"be. "+forms)
	case u.Hostname() == "":
		return bad("prefix without a host", forms)
	case port != "" && !validPort(port) || strings.HasSuffix(u.Host, ":"):
		return bad("invalid port", "The port of a prefix is a number from 1 to 65535.")
	case password:
		return bad("a password in the prefix", "Prefixes are shown. Write the password as an attribute: password = "+
			"env(\"…\").")
	case u.User != nil && u.Scheme != "ssh":
		return bad("a user in the prefix", "Write it as an attribute: username = \"…\".")
	case u.RawQuery != "" || u.Fragment != "":
		return bad("not a prefix", "Leave out all from ? or # on. "+forms)
	}
	return fromURL(u), nil
}

func fromURL(u *url.URL) Prefix {
	p := Prefix{Kind: HTTP, Scheme: u.Scheme, Host: strings.ToLower(u.Hostname()), Port: u.Port(),
		Path: path.Clean("/" + u.Path)}
	if u.Scheme == "ssh" {
		p.Kind, p.User = SSH, u.User.Username()
	}
	if p.Port == "" {
		p.Port = defaultPorts[u.Scheme]
	}
	return p
}

// Address is the place of a repository that Git asks for: an http, https or ssh URL. What
// a prefix cannot be (a user of https, a query) does not matter in it.
func Address(text string) (Prefix, bool) {
	u, err := url.Parse(text)
	if err != nil || defaultPorts[u.Scheme] == "" || u.Hostname() == "" {
		return Prefix{}, false
	}
	return fromURL(u), true
}

// HostPath is the place of a repository in the parts in which Git tells of it. host may
// have a port.
func HostPath(scheme, user, host, dir string) Prefix {
	p := Prefix{Kind: HTTP, Scheme: scheme, Host: host, Path: path.Clean("/" + dir)}
	if h, port, err := net.SplitHostPort(host); err == nil {
		p.Host, p.Port = h, port
	}
	if scheme == "ssh" {
		p.Kind, p.User = SSH, user
	}
	if p.Port == "" {
		p.Port = defaultPorts[scheme]
	}
	p.Host = strings.ToLower(strings.Trim(p.Host, "[]"))
	return p
}
