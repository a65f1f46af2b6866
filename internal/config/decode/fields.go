package decode

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/workspace"
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
func (b Block) value(name string, s secrecy) (v cty.Value, ok bool) {
	if !b.Has(name) {
		return v, false
	}
	if v, ok = b.r.Evaluate(b.Body.Attributes[name].Expr); !ok {
		return v, false
	}
	if v.ContainsMarked() && s == shown {
		b.r.NoSecretIn(b.Place(name), name+" is", "value")
		return v, false
	}
	plain, _ := v.Unmark()
	return v, !plain.IsNull()
}

// as reads an attribute of a type. value makes a Go value of it, which has that
// type and no marks; it returns false where it has reported a mistake.
func as[T any](b Block, name string, want cty.Type, s secrecy, value func(cty.Value) (T, bool)) (f Field[T]) {
	before := b.r.Found()
	defer func() { f.Bad = !f.Set && b.r.Found() > before }()
	v, ok := b.value(name, s)
	if !ok {
		return f
	}
	plain, _ := v.UnmarkDeep()
	if plain.Type() == cty.Number && !usable(plain) { // made of smaller ones
		b.r.Errorf(b.Place(name), outOfRange, "%s is too large or too small to be used.", name)
		return f
	}
	converted, err := convert.Convert(plain, want)
	if err != nil {
		b.r.Errorf(b.Place(name), "wrong type", "%s must be %s, and this is %s.",
			name, typeName(want), ValueName(plain.Type()))
		return f
	}
	got, ok := value(converted)
	if !ok {
		return f
	}
	return Field[T]{Val: got, Set: true, Secret: v.ContainsMarked(), Range: b.Place(name)}
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
	return as(b, name, cty.String, s, func(v cty.Value) (string, bool) { return v.AsString(), true })
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
	return as(b, name, cty.Bool, shown, func(v cty.Value) (bool, bool) { return v.True(), true })
}

// maxNumber bounds every count in the configuration.
const maxNumber = 1_000_000

// Number is an attribute that is a count.
func (b Block) Number(name string, least int64) Field[int] {
	return as(b, name, cty.Number, shown, func(v cty.Value) (int, bool) {
		n, acc := v.AsBigFloat().Int64()
		ok := acc == big.Exact && n >= least && n <= maxNumber
		if !ok {
			b.r.Errorf(b.Place(name), outOfRange, "%s must be a whole number from %d to %d.", name, least, maxNumber)
		}
		return int(n), ok
	})
}

var sizes = lazyregexp.New(`^([0-9]{1,7}(?:\.[0-9]{1,3})?) ?(KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)$`)

var unitBytes = map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}

// Size is an attribute such as "2GiB", in bytes.
func (b Block) Size(name string, least int64) Field[int64] {
	return as(b, name, cty.String, shown, func(v cty.Value) (int64, bool) {
		m := sizes().FindStringSubmatch(v.AsString())
		if m == nil {
			b.r.Errorf(b.Place(name), "not a size",
				"Write %s as a number with a unit, for example \"512MiB\", \"2GiB\" or \"1.5GiB\".", name)
			return 0, false
		}
		n, _ := strconv.ParseFloat(m[1], 64) // at most seven digits before the point
		size := int64(n * unitBytes[m[2]])
		if size < least {
			b.r.Errorf(b.Place(name), "size too small", "%s must be at least %s.", name, workspace.Size(least))
		}
		return size, size >= least
	})
}

// Share is an attribute that is a number, with or without a fraction.
func (b Block) Share(name string, least float64) Field[float64] {
	return as(b, name, cty.Number, shown, func(v cty.Value) (float64, bool) {
		n, _ := v.AsBigFloat().Float64()
		ok := n >= least && n <= maxNumber
		if !ok {
			b.r.Errorf(b.Place(name), outOfRange, "%s must be a number from %v to %d.", name, least, maxNumber)
		}
		return n, ok
	})
}

// Duration is an attribute such as "1h30m" or "2d".
func (b Block) Duration(name string, least time.Duration) Field[time.Duration] {
	return as(b, name, cty.String, shown, func(v cty.Value) (time.Duration, bool) {
		d, err := parseDuration(v.AsString())
		if err != nil {
			b.r.Errorf(b.Place(name), "not a duration",
				"Write %s as a number with a unit, for example \"30s\", \"5m\", \"1h30m\" or \"2d\".", name)
		} else if d < least {
			b.r.Errorf(b.Place(name), "duration too short", "%s must be at least %s.",
				name, strings.Replace(least.String(), "m0s", "m", 1))
		}
		return d, err == nil && d >= least
	})
}

var days = lazyregexp.New(`([0-9]+\.?[0-9]*|\.[0-9]+)d`)

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
