package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/drift"
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
	if s, ok := v.(string); ok && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return `"` + s + `"`
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "(not shown)"
	}
	return string(visible(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
}

// value is a text, cut to where it differs from another.
func value(s, other string) *Value {
	if s == "" {
		return nil
	}
	shown, length := cut(s, other, maxValue)
	return &Value{Text: shown, Length: length}
}

// cut shortens a text to so many characters around the first that differs from
// another. length is that of the whole; 0 when nothing was cut.
func cut(s, other string, limit int) (shown string, length int) {
	if len(s) <= limit {
		return s, 0
	}
	n := utf8.RuneCountInString(s)
	if n <= limit {
		return s, 0
	}
	same := 0 // characters that are alike
	for i, r := range s {
		if o, _ := utf8.DecodeRuneInString(other[min(i, len(other)):]); o != r || i >= len(other) {
			break
		}
		same++
	}
	from := 0
	if other != "" && same > limit/2 {
		from = same - limit/4 // alike for both, so that they can be compared
	}
	runes := []rune(s)
	shown = string(runes[from:min(n, from+limit)])
	if from > 0 {
		shown = "…" + shown
	}
	if from+limit < n {
		shown += "…"
	}
	return shown, n
}

// visible writes out, in JSON, the characters that a terminal obeys or that
// reorder or hide text. Outside of strings JSON has none of them.
func visible(j []byte) []byte {
	at := 0
	for at < len(j) {
		r, n := rune(j[at]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(j[at:])
		}
		if (r < ' ' || r > '~') && hides(r) {
			break
		}
		at += n
	}
	if at == len(j) {
		return j
	}
	out := append(make([]byte, 0, len(j)+16), j[:at]...)
	for i := at; i < len(j); {
		r, n := utf8.DecodeRune(j[i:])
		switch {
		case !hides(r):
			out = append(out, j[i:i+n]...)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
		i += n
	}
	return out
}

// hides reports whether a character does something else than to show; what
// joins and varies others is part of words and emoji.
func hides(r rune) bool {
	if r < 0x7f {
		return r < ' ' && r != '\n'
	}
	return !unicode.IsPrint(r) && !unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc, unicode.Zs) && r != 0x200d && r != 0x200c
}
