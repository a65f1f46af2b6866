package reach

import (
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/tfops/tfops/internal/hclfn"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// pathFunctions make paths of paths.
var pathFunctions map[string]func(v *env, args []*expr) []string

func init() { // the functions lead back to the table
	same := func(v *env, args []*expr) []string { return v.either(args[:min(1, len(args))]) }
	pathFunctions = map[string]func(v *env, args []*expr) []string{
		"abspath": same, "tostring": same, "sensitive": same, "nonsensitive": same, "pathexpand": same,
		"dirname":    func(v *env, args []*expr) []string { return v.mapped(args, parent) },
		"basename":   func(v *env, args []*expr) []string { return v.mapped(args, last) },
		"trimspace":  func(v *env, args []*expr) []string { return v.mapped(args, strings.TrimSpace) },
		"chomp":      func(v *env, args []*expr) []string { return v.mapped(args, chomped) },
		"format":     formatted,
		"join":       joinedList,
		"fileset":    matched,
		"indent":     func(v *env, args []*expr) []string { return v.either(args[min(1, len(args)):]) },
		"trimsuffix": func(v *env, args []*expr) []string { return trimmed(v, args, strings.TrimSuffix) },
		"trimprefix": func(v *env, args []*expr) []string { return trimmed(v, args, strings.TrimPrefix) },
	}
	for name := range computable {
		pathFunctions[name] = computedText(hclfn.Pure()[name])
	}
	pathFunctions["replace"] = replaced
	all := func(v *env, args []*expr) []string { return v.either(args) }
	for name := range transparent {
		if pathFunctions[name] == nil {
			pathFunctions[name] = all
		}
	}
	pathFunctions["for"] = same
	pathFunctions["if"] = func(v *env, args []*expr) []string { return v.either(args[1:]) }
	for _, name := range []string{"lookup", "element", "one", "values"} {
		pathFunctions[name] = func(v *env, args []*expr) []string {
			var out []string
			for _, b := range v.shapes(call(name, args...)) {
				out = append(out, b.env.texts(b.expr)...)
			}
			return out
		}
	}
}

// computable functions make another text of texts.
var computable = map[string]bool{"lower": true, "upper": true, "title": true, "replace": true, "substr": true,
	"trim": true, "strrev": true}

// replaced is replace of plain text; with "/…/" it replaces what an expression
// matches.
func replaced(v *env, args []*expr) []string {
	if len(args) != 3 || args[1].op != opText ||
		len(args[1].text) > 1 && strings.HasPrefix(args[1].text, "/") && strings.HasSuffix(args[1].text, "/") {
		return []string{unknown}
	}
	return computedText(hclfn.Pure()["replace"])(v, args)
}

// computedText is a function of texts, worked out where all of them are known.
func computedText(f function.Function) func(v *env, args []*expr) []string {
	return func(v *env, args []*expr) []string {
		all := [][]cty.Value{{}}
		for _, a := range args {
			var next [][]cty.Value
			for _, s := range v.texts(a) {
				if p, anchored := strings.CutPrefix(s, anchor); anchored {
					s = v.r.relative(p) // as the engine has it
				}
				if strings.ContainsAny(s, unknown+anchor+pattern) {
					return []string{unknown}
				}
				for _, before := range all {
					next = append(next, append(slices.Clip(before), cty.StringVal(s)))
				}
			}
			if v.r.steps += len(next); len(next) > maxTexts {
				return []string{unknown}
			}
			all = next
		}
		var out []string
		for _, values := range all {
			s, ok := calledText(f, values)
			if v.r.steps += len(s) / 100; !ok || v.r.steps > maxSteps {
				return []string{unknown}
			}
			out = append(out, s)
		}
		return out
	}
}

func calledText(f function.Function, args []cty.Value) (text string, ok bool) {
	for i, p := range f.Params() {
		if i >= len(args) {
			return "", false
		}
		v, err := convert.Convert(args[i], p.Type)
		if err != nil {
			return "", false
		}
		args[i] = v
	}
	v, err := f.Call(args)
	if err != nil || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

func chomped(s string) string { return strings.TrimRight(s, "\r\n") }

func (v *env) either(args []*expr) []string {
	if len(args) == 0 || args[0] == nil {
		return []string{unknown}
	}
	return v.texts(&expr{op: opEither, args: args})
}

func (v *env) mapped(args []*expr, f func(string) string) []string {
	if len(args) != 1 {
		return []string{unknown}
	}
	var out []string
	for _, s := range v.texts(args[0]) {
		out = append(out, f(s))
	}
	return out
}

// parent is dirname of a text.
func parent(s string) string {
	rest, anchored := strings.CutPrefix(s, anchor)
	if i := strings.Index(rest, unknown); i >= 0 {
		// It may have slashes, so that what comes after it says nothing.
		return s[:len(s)-len(rest)+strings.LastIndex(rest[:i], "/")+1] + unknown
	}
	if anchored {
		if clean := path.Clean(rest); clean == "." || strings.HasPrefix(clean, "..") {
			return anchor + path.Join(clean, "..")
		}
		return anchor + path.Dir(rest)
	}
	return path.Dir(rest)
}

func last(s string) string {
	if strings.ContainsAny(s, unknown+anchor+pattern) {
		return unknown
	}
	return path.Base(s)
}

func trimmed(v *env, args []*expr, f func(s, cut string) string) []string {
	if len(args) != 2 || args[1].op != opText {
		return []string{unknown}
	}
	return v.mapped(args[:1], func(s string) string {
		short := f(s, args[1].text)
		switch {
		case strings.Contains(s, unknown), short == s && strings.Contains(s, pattern):
			return unknown // a pattern may stand for what is cut
		case strings.HasPrefix(s, anchor) && f("x"+args[1].text, args[1].text) != "x":
			return unknown // what is cut from the front is the engine's name of a directory
		}
		return short
	})
}

// joinedList is join of a list whose elements are there to see.
func joinedList(v *env, args []*expr) []string {
	if len(args) < 2 || args[0].op != opText {
		return []string{unknown}
	}
	var parts []*expr
	for _, a := range args[1:] {
		shapes := v.shapes(a)
		if len(shapes) != 1 || shapes[0].op != opTuple || shapes[0].text == loose || shapes[0].env != v {
			return []string{unknown}
		}
		parts = append(parts, shapes[0].args...)
	}
	return v.joined(args[0].text, parts)
}

// verb is a verb of format, after the percent sign.
var verb = lazyregexp.New(`^[-+ #0]*(\[\d+\])?[\d*]*(\.[\d*]*)?(\[\d+\])?[a-zA-Z]`)

// formatted is format with plain verbs; what others make is not known.
func formatted(v *env, args []*expr) []string {
	if len(args) == 0 || args[0].op != opText {
		return []string{unknown}
	}
	var parts []*expr
	rest, next := args[0].text, 1
	for {
		before, after, found := strings.Cut(rest, "%")
		parts = append(parts, text(before))
		if !found {
			break
		}
		of := verb().FindString(after)
		switch {
		case strings.HasPrefix(after, "%"):
			of = "%"
			parts = append(parts, text("%"))
		case of == "":
			return []string{unknown}
		case len(of) == 1 && strings.Contains("sdv", of) && next < len(args):
			parts = append(parts, args[next])
			next++
		default:
			parts = append(parts, hole)
			if next++; strings.ContainsAny(of, "[*") { // which argument is next nobody knows
				next = len(args)
			}
		}
		rest = after[len(of):]
	}
	parts = slices.DeleteFunc(parts, func(e *expr) bool { return e.op == opText && e.text == "" })
	return v.joined("", parts)
}

// matched are the names that fileset gives: relative to its directory.
func matched(v *env, args []*expr) []string {
	if len(args) != 2 {
		return []string{unknown}
	}
	var out []string
	for _, p := range v.texts(args[1]) {
		out = append(out, marked(p))
	}
	return out
}
