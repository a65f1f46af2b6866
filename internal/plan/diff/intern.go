package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/tfops/tfops/internal/plan/values"
)

// intern numbers values: equal ones get the same number, so that comparing
// many of them with each other is cheap.
type intern map[string]int

func (n intern) all(list []any) []int {
	ids := make([]int, len(list))
	var b strings.Builder
	for i, v := range list {
		b.Reset()
		canonical(&b, v)
		id, ok := n[b.String()]
		if !ok {
			id = len(n)
			n[b.String()] = id
		}
		ids[i] = id
	}
	return ids
}

// canonical writes a value so that equal values, and only those, are written
// the same.
func canonical(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		b.WriteByte('{')
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(strconv.Quote(k))
			canonical(b, v[k])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for _, w := range v {
			canonical(b, w)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case string:
		b.WriteString(strconv.Quote(v))
	case json.Number, float64:
		text := values.NumberText(v)
		if f, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven); err == nil {
			text = f.Text('p', 0)
		}
		b.WriteString(text)
	case nil, null:
		b.WriteString("null")
	default:
		fmt.Fprintf(b, "%T%v", v, v)
	}
}
