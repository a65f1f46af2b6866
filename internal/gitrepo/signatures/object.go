package signatures

import (
	"bytes"
	"strings"
)

// Signed is a commit, as far as its signature goes.
type Signed struct {
	Payload []byte // what was signed
	Text    string // the signature; empty: there is none
	// Odd is what Git does not write into a commit. Two programs may read such a commit in two
	// ways, so nothing is proved by its signature.
	Odd string
}

// maxSignature is how long a signature may be.
const maxSignature = 64 << 10

// Of takes the signature out of a commit, given by the bytes of its object. What was signed is
// the rest, byte for byte. A signature over the SHA-256 of the commit is no part of it, as Git
// has it, and is not looked at.
func Of(raw []byte) Signed {
	var s Signed
	p := parser{order: -1}
	rest := raw
	for len(rest) > 0 && rest[0] != '\n' {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line = rest[:i+1]
		}
		rest = rest[len(line):]
		switch p.read(line) {
		case "gpgsig":
			s.Text += string(p.value)
		case "gpgsig-sha256":
		default:
			s.Payload = append(s.Payload, line...)
		}
	}
	s.Payload = append(s.Payload, rest...)
	switch {
	case p.odd != "":
		s.Odd = p.odd
	case p.order < committer:
		s.Odd = "it has no " + headers[p.order+1]
	case bytes.IndexByte(raw, 0) >= 0:
		s.Odd = "it has a zero byte, after which Git reads no further"
	case len(s.Text) > maxSignature:
		s.Odd = "its signature has more than 64 KiB"
	}
	return s
}

// headers are those that each commit has, in this order.
var headers = []string{"tree", "parent", "author", "committer"}

const (
	tree = iota
	parent
	author
	committer
)

// parser reads headers one line at a time.
type parser struct {
	order int // of headers: the last that was read; -1: none
	key   string
	value []byte
	seen  map[string]bool
	odd   string // the first thing that is
}

// read reads a line, with its end, and returns of which header it is a part.
func (p *parser) read(line []byte) string {
	if line[0] == ' ' {
		if p.key == "" {
			p.note("it begins with a blank")
		}
		p.value = line[1:]
		p.noteCR(line)
		return p.key
	}
	key, value, found := bytes.Cut(line, []byte(" "))
	if !found || line[len(line)-1] != '\n' {
		p.note("a header has no value")
		key, value = bytes.TrimSuffix(key, []byte("\n")), nil
	}
	p.key, p.value = string(key), value
	p.place()
	p.noteCR(line)
	return p.key
}

// place notes a header that is where Git has none of it.
func (p *parser) place() {
	at := -1
	for i, h := range headers {
		if p.key == h {
			at = i
		}
	}
	switch {
	case at == parent && p.order == parent, at == author && p.order == tree: // several, or none
		p.order = at
	case at >= 0 && at != p.order+1:
		p.note("its header " + p.key + " is not where Git has it")
	case at >= 0:
		p.order = at
	case p.order < committer:
		p.note("its header " + bounded(p.key) + " comes before the committer")
	case strings.HasPrefix(p.key, "gpgsig") && p.key != "gpgsig" && p.key != "gpgsig-sha256":
		p.note("it has a header " + bounded(p.key))
	case p.seen[p.key]:
		p.note("it has the header " + p.key + " twice")
	}
	if strings.HasPrefix(p.key, "gpgsig") || p.key == "encoding" { // tags that were merged may be several
		if p.seen == nil {
			p.seen = map[string]bool{}
		}
		p.seen[p.key] = true
	}
}

func (p *parser) note(odd string) {
	if p.odd == "" {
		p.odd = odd
	}
}

// noteCR notes a carriage return: programs that show headers may take it for the end of a line.
func (p *parser) noteCR(line []byte) {
	if p.key != "gpgsig-sha256" && p.key != "mergetag" && bytes.IndexByte(line, '\r') >= 0 {
		p.note("its header " + bounded(p.key) + " has a carriage return")
	}
}

func bounded(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
