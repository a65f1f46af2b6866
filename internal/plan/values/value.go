// Package values has the JSON values of a plan: when two are the same, how the
// path to one is written, which of them the engine's masks hide, and where else
// in the plan a hidden one stands.
package values

import (
	"encoding/json"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/redact"
)

// A JSON value is nil, bool, json.Number (float64 where a
// caller decoded it so), string, []any and map[string]any.

// Sensitive stands where a sensitive value was.
const Sensitive = redact.Hidden

// Equal reports whether two JSON values are the same; numbers are compared by
// value, not by how they are written. Two hidden values always are:
// SensitiveChanged tells more.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, Equal)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, Equal)
	case json.Number, float64:
		return equalNumbers(a, b)
	}
	return reflect.DeepEqual(a, b)
}

func equalNumbers(a, b any) bool {
	x, y := NumberText(a), NumberText(b)
	if x == y {
		return true
	}
	// A number's text is at most as long as the plan, its exponent is not: only
	// what big.Float holds exactly enough is compared by value.
	f, _, errF := big.ParseFloat(x, 10, 512, big.ToNearestEven)
	g, _, errG := big.ParseFloat(y, 10, 512, big.ToNearestEven)
	return errF == nil && errG == nil && f.Cmp(g) == 0
}

// NumberText is the text of a JSON number; "" for anything else.
func NumberText(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return ""
}

// AnyTrue reports whether a mask (a JSON value that mirrors another one) says
// true anywhere.
func AnyTrue(mask any) bool {
	switch m := mask.(type) {
	case bool:
		return m
	case map[string]any:
		for _, v := range m {
			if AnyTrue(v) {
				return true
			}
		}
	case []any:
		for _, v := range m {
			if AnyTrue(v) {
				return true
			}
		}
	}
	return false
}

var plainKey = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// PathKey is the path of an attribute or map element: a.b, or a["b.c"] where
// the key is not a plain name.
func PathKey(parent, key string) string {
	switch {
	case !plainKey().MatchString(key):
		return parent + "[" + strconv.Quote(key) + "]"
	case parent == "":
		return key
	}
	return parent + "." + key
}

// PathIndex is the path of a list element: a[0].
func PathIndex(parent string, i int) string {
	return parent + "[" + strconv.Itoa(i) + "]"
}
