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
	nearLength  = 3           // the same value within the same resource
	WholeLength = redact.Long // the same value anywhere in the plan; within any longer string if it is no plain name
	partLength  = 12          // within any longer string of the plan
)

// Secrets finds copies of secret strings in JSON values and texts, and what lets somebody in
// of the URLs there.
type Secrets struct {
	known  *redact.Hider
	nearby map[string]bool // a string or number that is one of these is hidden too, in one resource
}

// NewSecrets looks for whole values and for parts of strings, in every form in which programs
// write them. Of two parts that begin at the same place the longer one wins.
func NewSecrets(whole, parts []string) Secrets {
	var all []string
	for _, v := range whole {
		all = append(all, redact.Parts(v)...)
	}
	return Secrets{known: redact.NewHider(parts, all)}
}

// MarkedSecrets looks for copies of what the engine's masks hid. Common values are none.
func MarkedSecrets(found []string) Secrets {
	var whole, parts []string
	for _, v := range found {
		if len(v) < WholeLength || redact.Common(v) {
			continue
		}
		whole = append(whole, v)
		if len(v) >= partLength || !plainName(v) {
			parts = append(parts, v)
		}
	}
	return NewSecrets(whole, parts)
}

// plainName reports whether a value is made of small letters alone, as names are.
func plainName(v string) bool {
	return strings.Trim(v, "abcdefghijklmnopqrstuvwxyz-_. ") == ""
}

// Near adds what was hidden in the same resource.
func (s Secrets) Near(found []string) Secrets {
	s.nearby = map[string]bool{}
	for _, v := range found {
		if len(v) >= nearLength && !redact.Common(v) {
			s.nearby[v] = true
		}
	}
	return s
}

// is reports whether a value is a secret as a whole.
func (s Secrets) is(v string) bool { return s.known.Is(v) || s.nearby[v] }

func LongestFirst(a, b string) int {
	if len(a) != len(b) {
		return len(b) - len(a)
	}
	return strings.Compare(a, b)
}

// Text hides secrets in one string. What stands for a secret already is left alone.
func (s Secrets) Text(v string) string {
	if s.is(v) {
		return Sensitive
	}
	return redact.URLs(s.known.Text(v))
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
	if !strings.Contains(a, `"`) {
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
