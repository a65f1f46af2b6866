package plans

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/term/page"
)

// outputValues lists the values of outputs after an apply. The message of a plan
// has no values: it says nothing.
func Outputs(g *page.Page, list map[string]json.RawMessage) string {
	s := &sheet{Page: g}
	s.linef("%s", g.Paint(page.GreenBold, "Outputs:"))
	s.linef("")
	n := 0
	for _, name := range slices.Sorted(maps.Keys(list)) {
		var o struct {
			Sensitive bool            `json:"sensitive"`
			Value     json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(list[name], &o); err != nil || o.Value == nil && !o.Sensitive {
			continue
		}
		value := "<sensitive>"
		if !o.Sensitive {
			value = s.outputValue(o.Value)
		}
		s.linef("%s = %s", page.CleanLine(name), value)
		n++
	}
	if n == 0 {
		return ""
	}
	return s.b.String()
}

// outputValue is a value as the engine's language writes it.
func (s *sheet) outputValue(raw json.RawMessage) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return page.CleanLine(string(raw))
	}
	return expression(v, "")
}

func expression(v any, pad string) string {
	var b strings.Builder
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
		b.WriteString("{\n")
		for _, k := range slices.Sorted(maps.Keys(v)) {
			fmt.Fprintf(&b, "%s  %q = %s\n", pad, k, expression(v[k], pad+"  "))
		}
		return b.String() + pad + "}"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		b.WriteString("[\n")
		for _, e := range v {
			fmt.Fprintf(&b, "%s  %s,\n", pad, expression(e, pad+"  "))
		}
		return b.String() + pad + "]"
	case string:
		if strings.Contains(v, "\n") {
			text := strings.ReplaceAll(strings.TrimSuffix(page.CleanText(v), "\n"), "\n", "\n"+pad)
			return "<<EOT\n" + pad + text + "\n" + pad + "EOT"
		}
	}
	return literal(v)
}
