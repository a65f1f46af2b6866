package diagnostics

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/redact"
	"github.com/tfops/tfops/internal/redact/leaks"
)

// Masker replaces secret values in what is kept of the engine's output: those that are known,
// what lets somebody in of each URL, the values of settings and headers that are called like
// secrets, and what looks like a credential.
type Masker struct{ known *redact.Hider }

// NewMasker takes the values to hide wherever they stand, and those to hide where nothing else
// stands. Of the first ones it hides the parts, too: provisioners print line by line.
func NewMasker(within []string, whole ...string) *Masker {
	return &Masker{known: redact.NewHider(within, whole)}
}

// Text is s without secrets.
func (m *Masker) Text(s string) string {
	if s = m.known.Text(s); s == plan.Sensitive {
		return s
	}
	return leaks.Text(s)
}

// Event is a JSON object without secrets: within its strings and numbers, never within
// what makes it an event.
func (m *Masker) Event(line []byte) []byte {
	if text := string(line); !m.known.In(text) && !strings.ContainsAny(text, "=@") && !leaks.May(text) &&
		redact.Settings(text) == text {
		return line
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var event map[string]any
	if dec.Decode(&event) != nil {
		return []byte(logEvent("warn", "a message that could not be read was left out, since it may hold a secret"))
	}
	changed := false
	for name, v := range event {
		switch name {
		case "@level", "@module", "@timestamp", "type":
		default:
			event[name] = m.value(v, &changed)
		}
	}
	if !changed {
		return line
	}
	return []byte(JsonText(event, false))
}

func (m *Masker) value(v any, changed *bool) any {
	switch v := v.(type) {
	case string:
		masked := m.Text(v)
		*changed = *changed || masked != v
		return masked
	case json.Number:
		if m.known.Is(v.String()) {
			*changed = true
			return plan.Sensitive
		}
	case []any:
		for i := range v {
			v[i] = m.value(v[i], changed)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			if masked := m.Text(name); masked != name && masked != plan.Sensitive || m.known.Long(name) {
				name, *changed = masked, true
			}
			out[name] = m.value(e, changed)
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
