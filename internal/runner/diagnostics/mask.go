package diagnostics

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/redact"
)

// Masker replaces secret values in what is kept of the engine's output.
type Masker struct {
	long   *strings.Replacer // forms of secrets to replace anywhere, longest first, in one pass
	short  map[string]bool
	probes [][]byte // an event that holds none of these holds no secret
}

// NewMasker takes the values to hide, and hides their parts too: provisioners print
// line by line.
func NewMasker(values []string) *Masker {
	m := &Masker{short: map[string]bool{}}
	forms := map[string]bool{}
	for _, v := range values {
		for _, part := range redact.Parts(v) {
			if len(part) < redact.Shortest { // it is replaced only where it is a whole value
				m.short[part] = true
				m.probes = append(m.probes, []byte(JsonText(part, true)))
				continue
			}
			for _, f := range []string{part, inner(part, true), inner(part, false)} {
				forms[f] = true
				forms[inner(f, true)] = true // JSON as a string in JSON
				forms[inner(f, false)] = true
			}
		}
	}
	long := slices.SortedFunc(maps.Keys(forms), func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	})
	var pairs []string
	for _, f := range long {
		m.probes = append(m.probes, []byte(f))
		pairs = append(pairs, f, plan.Sensitive)
	}
	m.long = strings.NewReplacer(pairs...)
	return m
}

// Text is s without secrets.
func (m *Masker) Text(s string) string {
	if m.short[s] {
		return plan.Sensitive
	}
	return m.long.Replace(s)
}

// Event is a JSON object without secrets: within its strings, never within
// what makes it an event.
func (m *Masker) Event(line []byte) []byte {
	if !slices.ContainsFunc(m.probes, func(p []byte) bool { return bytes.Contains(line, p) }) {
		return line
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var event map[string]any
	if dec.Decode(&event) != nil {
		return []byte(logEvent("warn", "a message that could not be read was left out, since it holds a secret"))
	}
	for name, v := range event {
		switch name {
		case "@level", "@module", "@timestamp", "type":
		default:
			event[name] = m.value(v)
		}
	}
	return []byte(JsonText(event, false))
}

func (m *Masker) value(v any) any {
	switch v := v.(type) {
	case string:
		return m.Text(v)
	case []any:
		for i := range v {
			v[i] = m.value(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			if masked := m.Text(name); !m.short[name] {
				name = masked
			}
			out[name] = m.value(e)
		}
		return out
	}
	return v
}

// JsonText is v as JSON; html tells whether <, > and & are escaped, as Go
// does unless told otherwise.
func JsonText(v any, html bool) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if err := enc.Encode(v); err != nil {
		return `""` // strings, and what came from JSON, always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func inner(s string, html bool) string {
	quoted := JsonText(s, html)
	return quoted[1 : len(quoted)-1]
}
