package redact

import "strings"

// headLength is by how many bytes texts are looked up.
const headLength = 4

// matcher finds many texts at once, in a time that depends on where it looks and little on how
// many they are: a plan may have thousands of secrets, and a log millions of lines.
type matcher struct {
	texts map[string]bool
	heads map[string][]int // lengths of the texts that begin so, the longest first
	tiny  map[string]bool  // texts shorter than a head
}

func (m *matcher) none() bool { return len(m.texts) == 0 && len(m.tiny) == 0 }

// add adds a text that is not empty.
func (m *matcher) add(text string) {
	if len(text) < headLength {
		if m.tiny == nil {
			m.tiny = map[string]bool{}
		}
		m.tiny[text] = true
		return
	}
	if m.texts[text] {
		return
	}
	if m.texts == nil {
		m.texts, m.heads = map[string]bool{}, map[string][]int{}
	}
	m.texts[text] = true
	head, n := text[:headLength], len(text)
	lengths := m.heads[head]
	i := 0
	for i < len(lengths) && lengths[i] > n {
		i++
	}
	if i < len(lengths) && lengths[i] == n {
		return
	}
	lengths = append(lengths, 0)
	copy(lengths[i+1:], lengths[i:])
	lengths[i] = n
	m.heads[head] = lengths
}

// at is the length of the longest text that stands at the beginning of s; 0: none.
func (m *matcher) at(s string) (longest int) {
	m.each(s, func(text string) { longest = max(longest, len(text)) })
	return longest
}

// each calls found for every text that stands at the beginning of s.
func (m *matcher) each(s string, found func(text string)) {
	if len(s) >= headLength {
		for _, n := range m.heads[s[:headLength]] {
			if n <= len(s) && m.texts[s[:n]] {
				found(s[:n])
			}
		}
	}
	for n := min(headLength-1, len(s)); n > 0 && m.tiny != nil; n-- {
		if m.tiny[s[:n]] {
			found(s[:n])
		}
	}
}

func (m *matcher) in(s string) bool {
	if m.none() {
		return false
	}
	for i := range len(s) {
		if m.at(s[i:]) > 0 {
			return true
		}
	}
	return false
}

// replace puts hidden in the place of the texts. Where two overlap, both go.
func (m *matcher) replace(s, hidden string) string {
	if m.none() {
		return s
	}
	var b strings.Builder
	done, until := 0, 0 // what is written; where the match ends that is being looked at
	for i := range len(s) {
		n := m.at(s[i:])
		if n == 0 || i+n <= until {
			continue
		}
		if i >= until {
			b.WriteString(s[done:i])
			b.WriteString(hidden)
		}
		until, done = i+n, i+n
	}
	if done == 0 {
		return s
	}
	return b.String() + s[done:]
}
