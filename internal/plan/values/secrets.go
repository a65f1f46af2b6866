package values

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/redact"
)

// How long a value that a mask hides must be for its copies to be hidden too.
// Short values ("1", "prod") are common words: hiding them everywhere would
// make a plan unreadable and hide nothing, since the engine shows them anyway.
const (
	nearLength  = 3  // the same value within the same resource
	WholeLength = 8  // the same value anywhere in the plan
	partLength  = 12 // within any longer string of the plan
)

// Secrets finds copies of secret strings in JSON values and texts.
type Secrets struct {
	whole    map[string]bool   // a string or number that is one of these is hidden
	nearby   map[string]bool   // one of these too, in one resource
	replacer *strings.Replacer // hides parts of strings; nil hides none
}

// NewSecrets looks for whole values and for parts of strings. Of two parts
// that begin at the same place the longer one wins.
func NewSecrets(whole, parts []string) Secrets {
	s := Secrets{whole: map[string]bool{}}
	for _, v := range whole {
		for _, part := range redact.Parts(v) {
			s.whole[part] = true
		}
	}
	set := map[string]bool{}
	for _, v := range parts {
		for _, part := range redact.Parts(v) {
			for _, form := range forms(part) {
				set[form] = true
			}
		}
	}
	delete(set, "")
	delete(set, Sensitive)
	if len(set) == 0 {
		return s
	}
	var pairs []string
	for _, v := range slices.SortedFunc(maps.Keys(set), LongestFirst) {
		pairs = append(pairs, v, Sensitive)
	}
	s.replacer = strings.NewReplacer(pairs...)
	return s
}

// MarkedSecrets looks for copies of what the engine's masks hid.
func MarkedSecrets(found []string) Secrets {
	var whole, parts []string
	for _, v := range found {
		if len(v) >= WholeLength {
			whole = append(whole, v)
		}
		if len(v) >= partLength {
			parts = append(parts, v)
		}
	}
	return NewSecrets(whole, parts)
}

// Near adds what was hidden in the same resource.
func (s Secrets) Near(found []string) Secrets {
	s.nearby = map[string]bool{}
	for _, v := range found {
		if len(v) >= nearLength {
			s.nearby[v] = true
		}
	}
	return s
}

// is reports whether a value is a secret as a whole.
func (s Secrets) is(v string) bool { return s.whole[v] || s.nearby[v] }

// forms are the ways in which a secret appears in a string: as it is, and as
// it is written within JSON.
func forms(v string) []string {
	list := []string{v}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	for _, html := range []bool{false, true} {
		enc.SetEscapeHTML(html)
		b.Reset()
		if err := enc.Encode(v); err != nil {
			continue
		}
		text := strings.TrimSuffix(b.String(), "\n")
		list = append(list, text[1:len(text)-1])
	}
	return list
}

func LongestFirst(a, b string) int {
	if len(a) != len(b) {
		return len(b) - len(a)
	}
	return strings.Compare(a, b)
}

// None reports whether there is nothing to look for.
func (s Secrets) None() bool { return len(s.whole)+len(s.nearby) == 0 && s.replacer == nil }

// Text hides secrets in one string. What stands for a secret already is left
// alone.
func (s Secrets) Text(v string) string {
	if s.is(v) {
		return Sensitive
	}
	if s.replacer == nil {
		return v
	}
	if !strings.Contains(v, Sensitive) {
		return s.replacer.Replace(v)
	}
	pieces := strings.Split(v, Sensitive)
	for i, p := range pieces {
		pieces[i] = s.replacer.Replace(p)
	}
	return strings.Join(pieces, Sensitive)
}

// Value hides secrets in a JSON value, keys included.
func (s Secrets) Value(v any) any {
	switch v := v.(type) {
	case string:
		return s.Text(v)
	case json.Number, float64:
		if s.is(NumberText(v)) {
			return Sensitive
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i, w := range v {
			out[i] = s.Value(w)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out[s.key(k, out)] = s.Value(v[k])
		}
		return out
	}
	return v
}

// key hides secrets in the key of a map; keys that become the same are told
// apart by a number.
func (s Secrets) key(k string, taken map[string]any) string {
	name := s.Text(k)
	for n := 2; ; n++ {
		if _, ok := taken[name]; !ok {
			return name
		}
		name = s.Text(k) + " " + strconv.Itoa(n)
	}
}

// Address hides secrets in the instance keys of a resource address: the rest
// are names in the configuration.
func (s Secrets) Address(a string) string {
	if s.None() || !strings.Contains(a, `"`) {
		return a
	}
	var b strings.Builder
	for rest := a; rest != ""; {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil && rest[0] == '"' {
			b.WriteString(s.Text(rest)) // not a quoted string that we can read
			break
		}
		if err != nil {
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		rest = rest[len(quoted):]
		inner, err := strconv.Unquote(quoted)
		if err != nil {
			inner = quoted[1 : len(quoted)-1]
		}
		if masked := s.Text(inner); masked != inner {
			quoted = strconv.Quote(masked)
		}
		b.WriteString(quoted)
	}
	return b.String()
}

func (s Secrets) All(list []string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = s.Text(v)
	}
	return out
}
