package workspace

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/redact"
)

// Source is a mark, beside Secret, of what env or file returned, and of every value made of
// it: so the text can be hidden where code takes apart what the configuration put together.
// It prints as nothing.
type Source struct {
	Name string // of the variable or the file
	Text string
}

// String and GoString keep the text out of whatever prints a value with its marks.
func (*Source) String() string   { return "source" }
func (*Source) GoString() string { return "source" }

// SourcesOf are the sources of a value and of what is in it.
func SourcesOf(v cty.Value) (all []*Source) {
	_, marks := v.UnmarkDeep()
	for mark := range marks {
		if s, ok := mark.(*Source); ok {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *Source) int { return strings.Compare(a.Name+"\x00"+a.Text, b.Name+"\x00"+b.Text) })
	return all
}

// Joined are the texts of sources as one, as EnvVar has them.
func Joined(sources []*Source) string {
	var texts []string
	for _, s := range sources {
		texts = append(texts, s.Text)
	}
	return strings.Join(texts, "\x00")
}

// Named is a secret text of a workspace, and what names it.
type Named struct {
	Name string // of the variable, the field or the source; telling if any of these is
	Text string
}

// Secrets lists every secret of the workspace's inputs, so that output that repeats one can be
// hidden: strings and numbers, what env and file returned for them, and keys of maps that are
// made of that.
func (w Workspace) Secrets() (all []Named) {
	for _, values := range []map[string]cty.Value{w.Variables, w.BackendConfig} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if IsSecret(values[name]) {
				all = append(all, secretsIn(name, values[name])...)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Env)) {
		e := w.Env[name]
		if !e.Secret {
			continue
		}
		all = append(all, Named{name, e.Value})
		for text := range strings.SplitSeq(e.Of, "\x00") {
			all = append(all, Named{name, text})
		}
	}
	return slices.DeleteFunc(all, func(n Named) bool { return n.Text == "" })
}

// secretsIn are the secrets of one value.
func secretsIn(name string, v cty.Value) (all []Named) {
	sources := SourcesOf(v)
	for _, s := range sources {
		all = append(all, Named{telling(s.Name, name), s.Text})
		if redact.Telling(s.Name) {
			name = telling(name, s.Name)
		}
	}
	plain, marked := v.UnmarkDeepWithPaths()
	_ = cty.Walk(plain, func(at cty.Path, v cty.Value) (bool, error) {
		field := telling(fieldOf(at), name)
		switch {
		case !v.IsKnown() || v.IsNull() || !slices.ContainsFunc(marked, func(m cty.PathValueMarks) bool {
			return at.HasPrefix(m.Path)
		}):
		case v.Type() == cty.String:
			all = append(all, Named{field, v.AsString()})
		case v.Type() == cty.Number:
			all = append(all, Named{field, v.AsBigFloat().Text('f', -1)})
		case v.Type().IsObjectType() || v.Type().IsMapType():
			for it := v.ElementIterator(); it.Next(); {
				k, _ := it.Element()
				if key := k.AsString(); madeOf(key, sources) {
					all = append(all, Named{field, key})
				}
			}
		}
		return true, nil
	})
	return all
}

// madeOf reports whether a key of a map is secret: it holds what env or file returned, or it
// is a token by which something is looked up.
func madeOf(key string, sources []*Source) bool {
	if len(key) >= redact.Long && redact.Random(key) {
		return true
	}
	return slices.ContainsFunc(sources, func(s *Source) bool {
		text := strings.TrimSpace(s.Text)
		return len(text) >= redact.Shortest && strings.Contains(key, text)
	})
}

// fieldOf is the last name of a path; "" where there is none.
func fieldOf(at cty.Path) string {
	for _, step := range slices.Backward(at) {
		switch step := step.(type) {
		case cty.GetAttrStep:
			return step.Name
		case cty.IndexStep:
			if step.Key.Type() == cty.String {
				return step.Key.AsString()
			}
		}
	}
	return ""
}

// telling is the first of two names, unless only the second one says that a value is secret.
func telling(first, second string) string {
	if first == "" || !redact.Telling(first) && redact.Telling(second) {
		return second
	}
	return first
}
