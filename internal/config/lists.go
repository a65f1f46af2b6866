package config

import (
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/fault"
)

// words is a list that may be written as one string.
func (b block) words(name string) field[[]item] {
	before := len(b.r.diags)
	v, expr, ok := b.value(name, shown)
	if !ok {
		return field[[]item]{bad: len(b.r.diags) > before}
	}
	if v.Type() == cty.String {
		return field[[]item]{val: []item{{v.AsString(), expr.Range()}}, set: true, rng: expr.Range()}
	}
	return b.list(name)
}

func asItems(f field[string]) field[[]item] {
	out := field[[]item]{set: f.set, rng: f.rng}
	if f.set {
		out.val = []item{{f.val, f.rng}}
	}
	return out
}

// checkSome checks a list of some of the allowed words.
func (r *reader) checkSome(f field[[]item], name string, allowed []string) {
	r.checkNotEmpty(f, name)
	r.checkTwice(f, name)
	for _, i := range f.val {
		r.checkOneOf(field[string]{val: i.val, set: true, rng: i.rng}, name, allowed)
	}
}

func (r *reader) checkNotEmpty(f field[[]item], name string) {
	if f.set && len(f.val) == 0 {
		r.errorAt(f.rng, "empty list", "%s says nothing. Name something, or remove it.", name)
	}
}

// checkTwice reports what stands in a list twice.
func (r *reader) checkTwice(f field[[]item], name string) {
	seen := map[string]bool{}
	for _, i := range f.val {
		if seen[i.val] {
			r.errorAt(i.rng, "named twice", "%s has %s already.", name, quote(i.val))
		}
		seen[i.val] = true
	}
}

// checkAddresses checks patterns of addresses and of attributes' paths.
func (r *reader) checkAddresses(name string, f field[[]item]) {
	r.checkNotEmpty(f, name)
	for _, i := range f.val {
		if strings.TrimSpace(i.val) == "" {
			r.errorAt(i.rng, "empty pattern", "Remove it: without %s the rule is for all.", name)
		} else if err := glob.Check(i.val); err != nil {
			r.errorAt(i.rng, "not a pattern", "%s %s", err, fault.Next(err))
		}
	}
}

// checkPatterns checks patterns of plain names.
func (r *reader) checkPatterns(name, what, example string, f field[[]item]) {
	r.checkNotEmpty(f, name)
	for _, i := range f.val {
		if strings.TrimSpace(i.val) == "" {
			r.errorAt(i.rng, "empty pattern", "Remove it: without %s all are meant.", name)
		} else if _, err := path.Match(i.val, ""); err != nil {
			r.errorAt(i.rng, "not a pattern", "%s is a pattern over %s, such as %q: * stands for any characters, ? for one, [ab] for one of some.", name, what, example)
		}
	}
}

// checkNamePatterns checks patterns of workspaces' names, and warns of one that
// no workspace has.
func (r *reader) checkNamePatterns(c *Config, name string, f field[[]item]) {
	before := len(r.diags)
	r.checkPatterns(name, "names of workspaces", "prod-*", f)
	if len(r.diags) > before || len(c.Generators) > 0 || len(c.Workspaces) == 0 || r.failed() {
		return // a generator may make what matches
	}
	var known []string
	for _, w := range c.Workspaces {
		known = append(known, w.Name)
	}
	for _, i := range f.val {
		matches := func(n string) bool { ok, _ := path.Match(i.val, n); return ok }
		if !slices.ContainsFunc(known, matches) {
			r.warnAt(i.rng, "no such workspace", "No workspace has a name that %s matches.%s", quote(i.val), didYouMean(i.val, known))
		}
	}
}

// labelsOf is the labels that a workspace must have.
func (r *reader) labelsOf(b block) map[string]string {
	before := len(r.diags)
	all := r.labels(b)
	out := map[string]string{}
	for name, v := range all {
		if v != nil {
			out[name] = *v
		} else if len(r.diags) == before {
			r.errorAt(b.body.Attributes["labels"].Expr.Range(), "null in labels", "A workspace has a label or not. Write the value of %s, or remove it.", quote(name))
		}
	}
	return out
}
