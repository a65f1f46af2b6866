package jobs

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/redact"
	"github.com/tfops/tfops/internal/workspace"
)

// Masks are the values that a phase must show nowhere. The forms in which they may stand
// somewhere are the runner's to know: see package redact.
type Masks struct {
	within map[string]bool // wherever they stand
	whole  map[string]bool // where nothing else stands
}

func (m *Masks) add(way redact.Way, value string) {
	switch way {
	case redact.Within:
		put(&m.within, value)
	case redact.Whole:
		put(&m.whole, value)
	}
}

func put(set *map[string]bool, value string) {
	if *set == nil {
		*set = map[string]bool{}
	}
	(*set)[value] = true
}

// given is a value that came from outside of the configuration: with env or file.
func (m *Masks) given(name, value string) {
	m.add(redact.Judge(name, value), value)
	m.known(redact.InURLs(value)...)
}

// passed is a variable of the daemon's own environment. What tells where something is, and who
// somebody is, is no secret, nor is a short value whose name does not say that it is one.
func (m *Masks) passed(name, value string) {
	m.known(redact.InURLs(value)...)
	if redact.PublicSetting(name, value) || !redact.Telling(name) && redact.OnlyInURL(value) {
		return
	}
	if way := redact.Judge(name, value); way == redact.Within || redact.Telling(name) {
		m.add(way, value)
	}
}

// written is a value that stands in the configuration: a secret if its name says so and it is
// no path to one, and what lets somebody in of URLs.
func (m *Masks) written(name, value string) {
	if redact.Telling(name) && !redact.PublicSetting(name, value) {
		m.add(redact.Judge(name, value), value)
	}
	m.known(redact.InURLs(value)...)
}

// texts are those of a value that stands in the configuration.
func (m *Masks) texts(name string, v cty.Value) {
	plain, _ := v.UnmarkDeep()
	_ = cty.Walk(plain, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
			m.written(name, v.AsString())
		}
		return true, nil
	})
}

// known are values that are nothing but secrets.
func (m *Masks) known(values ...string) {
	for _, v := range values {
		if len(v) >= redact.Shortest {
			put(&m.within, v)
		}
	}
}

// and adds those of others.
func (m Masks) and(others ...Masks) Masks {
	all := Masks{maps.Clone(m.within), maps.Clone(m.whole)}
	for _, o := range others {
		for v := range o.within {
			put(&all.within, v)
		}
		for v := range o.whole {
			put(&all.whole, v)
		}
	}
	return all
}

// Within are the values to hide wherever they stand, longest first.
func (m Masks) Within() []string { return longestFirst(m.within) }

// Whole are the values to hide where nothing else stands, longest first.
func (m Masks) Whole() []string { return longestFirst(m.whole) }

func longestFirst(set map[string]bool) []string {
	return slices.SortedFunc(maps.Keys(set), func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	})
}

// maxKnown is how long a text may be that a daemon's log is searched for: a key has some 3 KB.
const maxKnown = 64 << 10

// Known are the values that a daemon's own log must not show: what env and file gave the configuration,
// the variables of its environment that engines get, and what is nothing but a secret.
func Known(given []workspace.Named, passEnv, environ, secrets []string) (hide Masks) {
	for _, g := range given {
		if len(g.Text) <= maxKnown && !redact.Public(g.Text) {
			hide.given(g.Name, g.Text)
		}
	}
	for _, kv := range environ {
		if name, value, _ := strings.Cut(kv, "="); allowed(passEnv, name) && len(value) <= maxKnown {
			hide.passed(name, value)
		}
	}
	hide.known(secrets...)
	return hide
}

// masksOf are what a workspace's configuration gives it and must be hidden.
func masksOf(w workspace.Workspace) (hide Masks) {
	for _, s := range w.Secrets() {
		hide.given(s.Name, s.Text)
	}
	for _, v := range w.Variables {
		hide.texts("", v) // a variable that is written out is what people wrote, but for passwords in URLs
	}
	return hide
}
