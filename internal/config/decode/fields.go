package decode

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/lazily"
)

// Field is an attribute's value. One that is absent, null or mistaken is not set.
type Field[T any] struct {
	Val    T
	Set    bool
	Secret bool      // it came from env or file
	Bad    bool      // mistaken, and reported
	Range  hcl.Range // of the expression
}

// Absent is whether nothing was said, not even something wrong.
func (f Field[T]) Absent() bool { return !f.Set && !f.Bad }

// Or is f, or d where f is not set.
func (f Field[T]) Or(d Field[T]) Field[T] {
	if f.Set {
		return f
	}
	return d
}

// OrElse is the value, or v where there is none.
func (f Field[T]) OrElse(v T) T {
	if f.Set {
		return f.Val
	}
	return v
}

// secrecy says whether an attribute's value may come from env or file.
type secrecy bool

const (
	shown  secrecy = false // it appears in messages, names, pages
	hidden secrecy = true  // nothing shows it
)

// NoSecret begins what is said of a value of env or file where it would be shown.
const NoSecret = "a secret can't be used here"

// NoSecretIn reports a value of env or file where it would be shown.
func (r *Reader) NoSecretIn(rng hcl.Range, name, what string) {
	r.Errorf(rng, NoSecret, "%s shown to people, and what env and file return is kept secret. Write the %s itself.",
		name, what)
}

// value evaluates an attribute. False: absent, null or mistaken.
func (b Block) value(name string, s secrecy) (cty.Value, hclsyntax.Expression, bool) {
	a, ok := b.Body.Attributes[name]
	if !ok {
		return cty.NilVal, nil, false
	}
	v, ok := b.r.Evaluate(a.Expr)
	if !ok {
		return cty.NilVal, nil, false
	}
	if v.ContainsMarked() && s == shown {
		b.r.NoSecretIn(a.Expr.Range(), name+" is", "value")
		return cty.NilVal, nil, false
	}
	if plain, _ := v.Unmark(); plain.IsNull() {
		return cty.NilVal, nil, false
	}
	return v, a.Expr, true
}

// as is an attribute's value of a type. The value is unmarked.
func (b Block) as(name string, want cty.Type, s secrecy) (Field[cty.Value], hclsyntax.Expression) {
	before := b.r.Found()
	v, expr, ok := b.value(name, s)
	if !ok {
		return Field[cty.Value]{Bad: b.r.Found() > before}, nil
	}
	f := Field[cty.Value]{Range: expr.Range(), Secret: v.ContainsMarked(), Bad: true}
	v, _ = v.UnmarkDeep()
	if v.Type() == cty.Number && !usable(v) { // made of smaller ones
		b.r.Errorf(f.Range, outOfRange, "%s is too large or too small to be used.", name)
		return f, expr
	}
	var err error
	if f.Val, err = convert.Convert(v, want); err != nil {
		b.r.Errorf(f.Range, "wrong type", "%s must be %s, and this is %s.", name, typeName(want), ValueName(v.Type()))
		return f, expr
	}
	f.Set, f.Bad = true, false
	return f, expr
}

// typed is a field with a value of Go's.
func typed[T any](f Field[cty.Value], value func(cty.Value) T) Field[T] {
	out := Field[T]{Set: f.Set, Secret: f.Secret, Bad: f.Bad}
	if f.Set {
		out.Val, out.Range = value(f.Val), f.Range
	}
	return out
}

func typeName(t cty.Type) string {
	if t.IsListType() {
		return "a list of strings, in square brackets"
	}
	if t == cty.Bool {
		return "true or false"
	}
	return "a " + t.FriendlyName()
}

// ValueName is a type as a message calls a value of it.
func ValueName(t cty.Type) string {
	switch {
	case t.IsPrimitiveType():
		return "a " + t.FriendlyName()
	case t.IsObjectType() || t.IsMapType():
		return "a map"
	}
	return "a list"
}

// Text is an attribute that is shown to people: env and file may not give it.
func (b Block) Text(name string) Field[string] { return b.text(name, shown) }

// HiddenText is an attribute that nothing shows, and that env and file may give.
func (b Block) HiddenText(name string) Field[string] { return b.text(name, hidden) }

func (b Block) text(name string, s secrecy) Field[string] {
	f, _ := b.as(name, cty.String, s)
	return typed(f, cty.Value.AsString)
}

// Version is a constraint on the version of an engine.
func (b Block) Version(name string) Field[string] {
	f := b.Text(name)
	if _, err := version.NewConstraint(f.Val); f.Set && err != nil {
		b.r.Errorf(f.Range, "not a version constraint", "Write it as Terraform's required_version, "+
			"for example \"~> 1.11\", \">= 1.9, < 2.0\" or \"1.11.4\".")
	}
	return f
}

// Flag is an attribute that is true or false.
func (b Block) Flag(name string) Field[bool] {
	f, _ := b.as(name, cty.Bool, shown)
	return typed(f, cty.Value.True)
}

// maxNumber bounds every count in the configuration.
const maxNumber = 1_000_000

// Number is an attribute that is a count.
func (b Block) Number(name string, least int64) Field[int] {
	f, _ := b.as(name, cty.Number, shown)
	if !f.Set {
		return Field[int]{Bad: f.Bad}
	}
	n, acc := f.Val.AsBigFloat().Int64()
	if acc != big.Exact || n < least || n > maxNumber {
		b.r.Errorf(f.Range, outOfRange, "%s must be a whole number from %d to %d.", name, least, maxNumber)
		return Field[int]{Bad: true}
	}
	return Field[int]{Val: int(n), Set: true, Range: f.Range}
}

// Duration is an attribute such as "1h30m" or "2d".
func (b Block) Duration(name string, least time.Duration) Field[time.Duration] {
	t := b.Text(name)
	if !t.Set {
		return Field[time.Duration]{Bad: t.Bad}
	}
	d, err := parseDuration(t.Val)
	switch {
	case err != nil:
		b.r.Errorf(t.Range, "not a duration",
			"Write %s as a number with a unit, for example \"30s\", \"5m\", \"1h30m\" or \"2d\".", name)
	case d < least:
		b.r.Errorf(t.Range, "duration too short", "%s must be at least %s.",
			name, strings.Replace(least.String(), "m0s", "m", 1))
	default:
		return Field[time.Duration]{Val: d, Set: true, Range: t.Range}
	}
	return Field[time.Duration]{Bad: true}
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
