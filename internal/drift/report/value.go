package report

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/plan"
)

// maxValue is how much of a value is shown, in characters.
const maxValue = 240

// values are the three values of an attribute, each cut to where it differs.
func values(a drift.Attribute) (before, after, wanted *Value) {
	if a.Sensitive { // whatever it holds: it must not show
		a.Before, a.After, a.Wanted = hidden(a.Before), hidden(a.After), hidden(a.Wanted)
	}
	b, c, w := text(a.Before), text(a.After), text(a.Wanted)
	return value(b, c), value(c, b), value(w, c)
}

func hidden(v any) any {
	if v == nil {
		return nil
	}
	return plan.Sensitive
}

// text is a value as JSON writes it; empty for none.
func text(v any) string {
	switch v {
	case nil:
		return ""
	case any(plan.Sensitive), any(drift.Unknown):
		return v.(string)
	}
	if s, ok := v.(string); ok && !strings.ContainsFunc(s,
		func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return `"` + s + `"`
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "(not shown)"
	}
	return string(wording.Visible(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
}

// value is a text, cut to where it differs from another.
func value(s, other string) *Value {
	if s == "" {
		return nil
	}
	shown, length := wording.Cut(s, other, maxValue)
	return &Value{Text: shown, Length: length}
}
