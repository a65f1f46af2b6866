// Package hosts says which hosts an engine may reach: patterns of names and addresses as the
// configuration has them, and what is never reached unless it is named itself.
package hosts

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Pattern is one entry of `hosts`: a name, a name after "*.", an address, or "*"; and a port.
type Pattern struct {
	Text string
	name string     // in lower case, without a dot at its end; "" of an address and of "*"
	sub  bool       // it stands for all names below name, too deep ones; with no name: for all
	addr netip.Addr // valid for an address
	port int        // 0: those of http and https; anyPort
}

const anyPort = -1

// ErrPattern says why a text is no pattern.
var (
	errEmpty  = errors.New("it is empty")
	errScheme = errors.New("it is a URL: write the name of the host alone, and its port if that is not 80 or 443")
	errPort   = errors.New("the port is not a number from 1 to 65535, or *")
	errStar   = errors.New("a * stands for whole labels at the beginning: *.example.com")
	errName   = errors.New("this is no name of a host, and no address")
	errNumber = errors.New("this looks like an address and is none: write it as 192.0.2.1 or [2001:db8::1]")
)

// Parse reads a pattern.
func Parse(text string) (Pattern, error) {
	p := Pattern{Text: text}
	if text == "" {
		return p, errEmpty
	}
	if strings.Contains(text, "/") {
		return p, errScheme
	}
	host, port, err := split(text)
	if err != nil {
		return p, err
	}
	p.port = port
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return p, errName
		}
		p.addr = a.Unmap()
		return p, nil
	}
	switch {
	case host == "*":
		p.sub = true
		return p, nil
	case strings.HasPrefix(host, "*."):
		p.sub, host = true, host[2:]
	}
	if strings.Contains(host, "*") {
		return p, errStar
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil {
		return p, errName
	}
	p.name, err = Name(ascii)
	return p, err
}

// split takes a port off. An address of IPv6 may stand without brackets where it has none.
func split(text string) (host string, port int, err error) {
	if _, err := netip.ParseAddr(text); err == nil {
		return text, 0, nil
	}
	host = text
	if rest, ok := strings.CutPrefix(text, "["); ok {
		inner, after, closed := strings.Cut(rest, "]")
		if a, err := netip.ParseAddr(inner); !closed || err != nil || !a.Is6() {
			return "", 0, errName
		}
		if after == "" {
			return inner, 0, nil
		}
		host, text = inner, ":"+strings.TrimPrefix(after, ":")
		if !strings.HasPrefix(after, ":") {
			return "", 0, errName
		}
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return host, 0, nil
	}
	if host == text {
		host = text[:i]
	}
	if text[i+1:] == "*" {
		return host, anyPort, nil
	}
	port, err = Port(text[i+1:])
	return host, port, err
}

// Port reads a number of a port.
func Port(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '0' {
		return 0, errPort
	}
	return int(n), nil
}

// most is how long a name may be, in all and for each label.
const (
	mostName  = 253
	mostLabel = 63
)

// Name is the one form of a name of a host: lower case, no dot at its end. What resolvers might
// read as an address is no name, in whatever base its numbers are.
func Name(text string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if name == "" || len(name) > mostName {
		return "", errName
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > mostLabel || l[0] == '-' || l[len(l)-1] == '-' {
			return "", errName
		}
		for _, c := range []byte(l) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", errName
			}
		}
	}
	if last := labels[len(labels)-1]; numeric(last) {
		return "", errNumber
	}
	return name, nil
}

func numeric(label string) bool {
	if strings.HasPrefix(label, "0x") {
		return true
	}
	for _, c := range []byte(label) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Host reads what a client calls a host: a name in its one form, or an address.
func Host(text string) (name string, addr netip.Addr, err error) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		if !ok || err != nil || !a.Is6() || a.Zone() != "" {
			return "", netip.Addr{}, errName
		}
		return "", a.Unmap(), nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		if a.Zone() != "" {
			return "", netip.Addr{}, errName
		}
		return "", a.Unmap(), nil
	}
	name, err = Name(text)
	return name, netip.Addr{}, err
}

func (p Pattern) allowsPort(port int) bool {
	return p.port == anyPort || p.port == port || p.port == 0 && (port == 80 || port == 443)
}

// allowsName reports whether the pattern names this host, which has the form that Name gives.
func (p Pattern) allowsName(name string) bool {
	switch {
	case p.addr.IsValid():
		return false
	case !p.sub:
		return name == p.name
	}
	return p.name == "" || strings.HasSuffix(name, "."+p.name)
}

// List are the patterns of one workspace.
type List []Pattern

// ParseAll reads patterns that were checked when they were read from the configuration.
func ParseAll(texts []string) (List, error) {
	var l List
	for _, t := range texts {
		p, err := Parse(t)
		if err != nil {
			return nil, err
		}
		l = append(l, p)
	}
	return l, nil
}

// AllowsName reports whether a pattern names the host and the port.
func (l List) AllowsName(name string, port int) bool {
	for _, p := range l {
		if p.allowsName(name) && p.allowsPort(port) {
			return true
		}
	}
	return false
}

// Names reports whether an address is named itself, as a number; with any of its ports, or this one.
func (l List) Names(a netip.Addr, port int) bool {
	for _, p := range l {
		if p.addr.IsValid() && p.addr == a && p.allowsPort(port) {
			return true
		}
		if a.IsLoopback() && p.local() && p.allowsPort(port) {
			return true
		}
	}
	return false
}

// local reports whether the pattern is the name of the machine itself, as everybody knows it.
func (p Pattern) local() bool { return !p.sub && p.name == "localhost" }

// Endpoint is an address with a port.
type Endpoint struct {
	Addr netip.Addr
	Port int
}

// Direct are the addresses with a port that patterns name themselves: no proxy stands for them in the
// programs that would use one, since these never use it for the machine itself.
func (l List) Direct() (found []Endpoint) {
	for _, p := range l {
		port := p.port
		switch {
		case port == anyPort:
			continue
		case port == 0:
			port = 80
		}
		switch {
		case p.local():
			found = append(found, Endpoint{netip.AddrFrom4([4]byte{127, 0, 0, 1}), port},
				Endpoint{netip.IPv6Loopback(), port})
		case p.addr.IsLoopback(), p.addr.IsLinkLocalUnicast():
			found = append(found, Endpoint{p.addr, port})
		}
	}
	return found
}
