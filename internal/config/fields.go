package config

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/lazily"
)

// field is an attribute's value. One that is absent, null or mistaken is not set.
type field[T any] struct {
	val    T
	set    bool
	secret bool
	bad    bool      // mistaken, and reported
	rng    hcl.Range // of the expression
}

// absent is whether nothing was said, not even something wrong.
func (f field[T]) absent() bool { return !f.set && !f.bad }

// or is f, or d where f is not set.
func (f field[T]) or(d field[T]) field[T] {
	if f.set {
		return f
	}
	return d
}

func (f field[T]) orElse(v T) T {
	if f.set {
		return f.val
	}
	return v
}

// secrecy says whether an attribute's value may come from env or file.
type secrecy bool

const (
	shown  secrecy = false // it appears in messages, names, pages
	hidden secrecy = true  // nothing shows it
)

const noSecret = "a secret can't be used here"

// value evaluates an attribute. False: absent, null or mistaken.
func (b block) value(name string, s secrecy) (cty.Value, hclsyntax.Expression, bool) {
	a, ok := b.body.Attributes[name]
	if !ok {
		return cty.NilVal, nil, false
	}
	v, ok := b.r.evaluate(a.Expr)
	if !ok {
		return cty.NilVal, nil, false
	}
	if v.ContainsMarked() && s == shown {
		b.r.errorAt(a.Expr.Range(), noSecret, "%s is shown to people, and what env and file return is kept secret. Write the value itself.", name)
		return cty.NilVal, nil, false
	}
	if plain, _ := v.Unmark(); plain.IsNull() {
		return cty.NilVal, nil, false
	}
	return v, a.Expr, true
}

// convert is value with a type. The result is unmarked.
func (b block) convert(name string, want cty.Type, s secrecy) (v cty.Value, expr hclsyntax.Expression, secret, ok bool) {
	v, expr, ok = b.value(name, s)
	if !ok {
		return
	}
	secret = v.ContainsMarked()
	v, _ = v.UnmarkDeep()
	if v.Type() == cty.Number && !sane(v) { // made of smaller ones
		b.r.errorAt(expr.Range(), "number out of range", "%s is too large or too small to be used.", name)
		return v, expr, secret, false
	}
	got, err := convert.Convert(v, want)
	if err != nil {
		b.r.errorAt(expr.Range(), "wrong type", "%s must be %s, and this is %s.", name, typeName(want), valueName(v.Type()))
		return v, expr, secret, false
	}
	return got, expr, secret, true
}

func typeName(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	}
	return "a list of strings, in square brackets"
}

// valueName is a type as a message calls a value of it.
func valueName(t cty.Type) string {
	switch {
	case t.IsPrimitiveType():
		return "a " + t.FriendlyName()
	case t.IsObjectType() || t.IsMapType():
		return "a map"
	}
	return "a list"
}

func (b block) text(name string, s secrecy) (f field[string]) {
	reported := len(b.r.diags)
	v, expr, secret, ok := b.convert(name, cty.String, s)
	if !ok {
		return field[string]{bad: len(b.r.diags) > reported}
	}
	return field[string]{val: v.AsString(), set: true, secret: secret, rng: expr.Range()}
}

func (b block) flag(name string) (f field[bool]) {
	v, expr, _, ok := b.convert(name, cty.Bool, shown)
	if !ok {
		return f
	}
	return field[bool]{val: v.True(), set: true, rng: expr.Range()}
}

// maxNumber bounds every count in the configuration.
const maxNumber = 1_000_000

func (b block) number(name string, least int64) (f field[int]) {
	v, expr, _, ok := b.convert(name, cty.Number, shown)
	if !ok {
		return f
	}
	n, acc := v.AsBigFloat().Int64()
	if acc != big.Exact || n < least || n > maxNumber {
		b.r.errorAt(expr.Range(), "number out of range", "%s must be a whole number from %d to %d.", name, least, maxNumber)
		return f
	}
	return field[int]{val: int(n), set: true, rng: expr.Range()}
}

func (b block) duration(name string, least time.Duration) (f field[time.Duration]) {
	t := b.text(name, shown)
	if !t.set {
		return f
	}
	d, err := parseDuration(t.val)
	if err != nil {
		b.r.errorAt(t.rng, "not a duration", "Write %s as a number with a unit, for example \"30s\", \"5m\", \"1h30m\" or \"2d\".", name)
		return f
	}
	if d < least {
		b.r.errorAt(t.rng, "duration too short", "%s must be at least %s.", name, shortDuration(least))
		return f
	}
	return field[time.Duration]{val: d, set: true, rng: t.rng}
}

var days = lazily.Pattern(`([0-9]+\.?[0-9]*|\.[0-9]+)d`)

// parseDuration is time.ParseDuration, which has no unit longer than an hour,
// with days of 24 hours.
func parseDuration(s string) (time.Duration, error) { return time.ParseDuration(inHours(s)) }

// inHours writes the days in a duration as hours.
func inHours(s string) string {
	return days().ReplaceAllStringFunc(s, func(d string) string {
		n, err := strconv.ParseFloat(strings.TrimSuffix(d, "d"), 64)
		if err != nil {
			return d // beyond any duration
		}
		return strconv.FormatFloat(n*24, 'f', -1, 64) + "h"
	})
}

// shortDuration is d without units that are zero: "1m", not "1m0s".
func shortDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// item is an element of a list and where it stands.
type item struct {
	val string
	rng hcl.Range
}

func (b block) list(name string) (f field[[]item]) {
	reported := len(b.r.diags)
	v, expr, _, ok := b.convert(name, cty.List(cty.String), shown)
	if !ok {
		return field[[]item]{bad: len(b.r.diags) > reported}
	}
	f = field[[]item]{val: []item{}, set: true, rng: expr.Range()}
	tuple, _ := expr.(*hclsyntax.TupleConsExpr)
	for i, e := range v.AsValueSlice() {
		rng := expr.Range()
		if tuple != nil && len(tuple.Exprs) == v.LengthInt() {
			rng = tuple.Exprs[i].Range()
		}
		if e.IsNull() {
			b.r.errorAt(rng, "null in a list", "%s is a list of strings. Remove the null.", name)
			continue
		}
		f.val = append(f.val, item{e.AsString(), rng})
	}
	return f
}

func plain(items []item) []string {
	var out []string
	for _, i := range items {
		out = append(out, i.val)
	}
	return out
}
