package values

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Trim drops from a mask all that is false; nil when nothing is left. Lists
// keep their length.
func Trim(mask any) any {
	if !AnyTrue(mask) {
		return nil
	}
	m, ok := mask.(map[string]any)
	if !ok {
		return mask
	}
	out := map[string]any{}
	for k, v := range m {
		if t := Trim(v); t != nil {
			out[k] = t
		}
	}
	return out
}

// Paths writes the engine's paths (lists of names and indexes) as text. A path
// that leads into a hidden value ends there: a key may be a part of the secret.
func Paths(list []any, red Sides) []string {
	var out []string
	for _, p := range list {
		steps, _ := p.([]any)
		if path := PathText(steps, red); path != "" && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	return out
}

// PathText is one such path.
func PathText(steps []any, red Sides) string {
	path, before, after := "", red.Before, red.After
	for _, step := range steps {
		if before == any(Sensitive) || after == any(Sensitive) {
			break
		}
		switch step := step.(type) {
		case string:
			path = PathKey(path, step)
		case json.Number:
			path += "[" + step.String() + "]"
		}
		before, after = part(before, step), part(after, step)
	}
	return path
}

// part is the part of a value that one step of a path leads to.
func part(v, step any) any {
	switch step := step.(type) {
	case string:
		m, _ := v.(map[string]any)
		return m[step]
	case json.Number:
		l, _ := v.([]any)
		if i, err := step.Int64(); err == nil && i >= 0 && i < int64(len(l)) {
			return l[i]
		}
	}
	return nil
}

// Constants adds the texts of a value (all), or of the constants among expressions.
func Constants(v any, all bool, found map[string]bool) {
	if all {
		for _, text := range Texts(v, nil) {
			found[text] = true
		}
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			Constants(e, false, found)
		}
	case map[string]any:
		for name, e := range v {
			Constants(e, name == "constant_value", found)
		}
	}
}

// Wholly reports whether a mask says true of an object or of a list of them.
func Wholly(v, mask any) bool {
	switch v := v.(type) {
	case map[string]any:
		if mask == true {
			return len(v) > 0
		}
		m, _ := mask.(map[string]any)
		for key, sub := range m {
			if Wholly(v[key], sub) {
				return true
			}
		}
	case []any:
		if mask == true {
			return slices.ContainsFunc(v, func(e any) bool { return Wholly(e, true) })
		}
		m, _ := mask.([]any)
		for i := range min(len(m), len(v)) {
			if Wholly(v[i], m[i]) {
				return true
			}
		}
	}
	return false
}

// DecodeProblem says what is wrong with JSON and where, but not what stands
// there: that may be a secret.
func DecodeProblem(err error) string {
	switch e := err.(type) {
	case *json.SyntaxError:
		return fmt.Sprintf("it is not JSON at byte %d", e.Offset)
	case *json.UnmarshalTypeError:
		return fmt.Sprintf("%q is not of the type that it should be (byte %d)", e.Field, e.Offset)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return "it ends too early"
	}
	return "it has another form than a plan"
}

// worldless are the providers that know no world: what they have is in the state alone.
var worldless = []string{"terraform.io/builtin/terraform", "hashicorp/null", "hashicorp/random", "hashicorp/time",
	"hashicorp/tls"}

// Worldless reports whether a provider knows no world, so that nothing of it can change or go outside.
func Worldless(provider string) bool {
	return slices.ContainsFunc(worldless, func(name string) bool {
		return provider == name || strings.HasSuffix(provider, "/"+name)
	})
}
