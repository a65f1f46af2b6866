// Package leaks finds credentials in a text by how they look: keys of clouds, tokens of
// forges, private keys. It is the second net below the values that are known to be secret.
//
// The rules are those of gitleaks, as data. Its library would be 7 MB and 170 packages, and
// compiles all rules at once, which takes 80 ms. Here nothing happens until the first text
// is looked at, and of the rules only those are compiled whose words a text holds.
package leaks

import (
	_ "embed"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/redact"
)

//go:embed rules.txt
var data string

// rule is how one kind of credential looks.
type rule struct {
	id      string
	words   []string // a text that holds none of these, in lower case, holds no such credential
	least   float64  // entropy in bits a character that what is found must exceed
	group   int      // of expr: the secret; 0: the first group that matched, or all
	expr    func() *regexp.Regexp
	allowed []allowed
	stop    func() []string // a secret that holds one of these, in lower case, is none
}

// allowed is what looks like a credential and is none.
type allowed struct {
	over string // "secret", "match" or "line"
	expr func() *regexp.Regexp
}

// catalogue is all rules, by their words.
type catalogue struct {
	rules  []*rule
	always *rule // what no rule counts
	heads  map[[2]byte][]word
	begins [256]uint64 // by the first byte, a bit for the second one, but for its upper two bits
}

// word is one that a text must hold for rules to be about it.
type word struct {
	text  string
	rules []int // in catalogue.rules
}

var all = sync.OnceValue(func() *catalogue { return parse(data) })

// parse reads rules.txt, whose head says how it is written. It is part of the binary, so
// what is wrong with it is a mistake of ours.
func parse(text string) *catalogue {
	c := &catalogue{always: &rule{}, heads: map[[2]byte][]word{}}
	words := map[string][]int{}
	var r *rule
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "", "#":
		case "rule":
			if r = c.always; value != "*" {
				r = &rule{id: value}
				c.rules = append(c.rules, r)
			}
		case "words":
			r.words = strings.Fields(value)
			for _, w := range r.words {
				words[w] = append(words[w], len(c.rules)-1)
			}
		case "entropy":
			r.least, _ = strconv.ParseFloat(value, 64)
		case "group":
			r.group, _ = strconv.Atoi(value)
		case "regex":
			r.expr = lazyregexp.New(value)
		case "allow":
			over, expr, _ := strings.Cut(value, " ")
			r.allowed = append(r.allowed, allowed{over, lazyregexp.New(expr)})
		case "stop":
			r.stop = sync.OnceValue(func() []string { return strings.Fields(value) })
		default:
			panic(fmt.Sprintf("rules.txt: %q", line))
		}
	}
	for text, rules := range words {
		head := [2]byte{text[0], text[1]}
		c.heads[head] = append(c.heads[head], word{text, rules})
		c.begins[head[0]] |= 1 << (head[1] & 63)
	}
	return c
}

// Longest is how much of a text is looked at in one piece, in bytes; a longer one is cut at
// its lines. An expression takes time for each byte, and nobody writes longer credentials.
const Longest = 64 << 10

// Text is a text without what can be seen to be secret: what lets somebody in of its URLs, the
// values of settings and headers that are called like secrets, and what looks like a credential.
func Text(text string) string { return Hide(redact.Settings(redact.URLs(text)), redact.Hidden) }

// Hide puts hidden in the place of everything in a text that looks like a credential.
func Hide(text, hidden string) string {
	if len(text) <= Longest {
		return all().hide(text, hidden)
	}
	var b, piece strings.Builder
	for line := range strings.Lines(text) {
		if piece.Len() > 0 && piece.Len()+len(line) > Longest {
			b.WriteString(all().hide(piece.String(), hidden))
			piece.Reset()
		}
		piece.WriteString(line)
	}
	b.WriteString(all().hide(piece.String(), hidden))
	return b.String()
}

// May reports whether a text may hold a credential; false is certain.
func May(text string) bool { return len(all().candidates(text)) > 0 }

func (c *catalogue) hide(text, hidden string) string {
	for _, r := range c.candidates(text) {
		text = r.hide(text, hidden, c.always)
	}
	return text
}

// candidates are the rules whose words a text holds, as they are ordered in the data.
func (c *catalogue) candidates(text string) (found []*rule) {
	var met []int
	low := strings.ToLower(text)
	for i := 0; i+1 < len(low); i++ {
		if c.begins[low[i]]&(1<<(low[i+1]&63)) == 0 {
			continue
		}
		for _, w := range c.heads[[2]byte{low[i], low[i+1]}] {
			if strings.HasPrefix(low[i:], w.text) {
				met = append(met, w.rules...)
			}
		}
	}
	slices.Sort(met)
	for _, i := range slices.Compact(met) {
		found = append(found, c.rules[i])
	}
	return found
}

func (r *rule) hide(text, hidden string, always *rule) string {
	found := r.expr().FindAllStringSubmatchIndex(text, -1)
	if found == nil {
		return text
	}
	var b strings.Builder
	done := 0
	for _, at := range found {
		from, to := r.secret(at)
		secret, match := text[from:to], text[at[0]:at[1]]
		if strings.Contains(secret, hidden) || r.least > 0 && entropy(secret) <= r.least ||
			r.allows(text, secret, match, at) || always.allows(text, secret, match, at) {
			continue
		}
		b.WriteString(text[done:from] + hidden)
		done = to
	}
	return b.String() + text[done:]
}

// secret is where in a match the secret stands.
func (r *rule) secret(at []int) (from, to int) {
	if r.group > 0 && 2*r.group+1 < len(at) && at[2*r.group] >= 0 {
		return at[2*r.group], at[2*r.group+1]
	}
	for i := 2; i+1 < len(at); i += 2 {
		if at[i] >= 0 && at[i+1] > at[i] {
			return at[i], at[i+1]
		}
	}
	return at[0], at[1]
}

func (r *rule) allows(text, secret, match string, at []int) bool {
	low := strings.ToLower(secret)
	if r.stop != nil && slices.ContainsFunc(r.stop(), func(w string) bool { return strings.Contains(low, w) }) {
		return true
	}
	return slices.ContainsFunc(r.allowed, func(a allowed) bool {
		switch a.over {
		case "match":
			return a.expr().MatchString(match)
		case "line":
			return a.expr().MatchString(linesAround(text, at[0], at[1]))
		}
		return a.expr().MatchString(secret)
	})
}

// linesAround are the lines of a text in which a part of it stands.
func linesAround(text string, from, to int) string {
	from = strings.LastIndexByte(text[:from], '\n') + 1
	if end := strings.IndexByte(text[to:], '\n'); end >= 0 {
		return text[from : to+end]
	}
	return text[from:]
}

// entropy is Shannon's, in bits a character.
func entropy(text string) (bits float64) {
	counts := map[rune]int{}
	for _, c := range text {
		counts[c]++
	}
	for _, n := range counts {
		p := float64(n) / float64(len(text))
		bits -= p * math.Log2(p)
	}
	return bits
}
