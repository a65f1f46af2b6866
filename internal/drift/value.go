package drift

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// valued reports whether what the world has is what a finding is about: another value is news then. What
// nobody set changes by itself, from check to check.
func (f Finding) valued() bool {
	return slices.Contains([]Class{Changed, Conflict, PreApplied, AppliedElsewhere, HalfApplied}, f.Class)
}

// digest tells values apart. JSON in a string is the same however it is written. A hidden value cannot be
// told from another one.
func digest(v any) string {
	b, err := json.Marshal(plain(v))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// plain is a value with the JSON in its strings taken apart.
func plain(v any) any {
	switch v := v.(type) {
	case string:
		text := strings.TrimSpace(v)
		if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") || !json.Valid([]byte(text)) {
			return v
		}
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		var inner any
		if dec.Decode(&inner) != nil {
			return v
		}
		return map[string]any{"json": inner} // it is not what it would be outside of a string
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = plain(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	}
	return v
}
