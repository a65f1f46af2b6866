// Package schema says which blocks and attributes may stand where in tfops.hcl,
// and what to write instead of names that people bring from other tools.
package schema

import (
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/config/problems"
)

// Kind is what may stand in one kind of block.
type Kind struct {
	Type   string            // the block's type; empty for the file itself
	Label  string            // what the block's one label names; empty: it has no label
	Single bool              // at most one of the kind in its parent
	Attrs  []string          // names of attributes
	Blocks []*Kind           // kinds of blocks
	Later  map[string]string // names that are known and not available yet, and why
	Open   bool              // any attribute may stand in it
	Secret bool              // what is written here under a wrong name may be secret
	advice advice            // what to write instead of a name of another tool
}

// String is the kind as a message calls it, with its article.
func (k *Kind) String() string {
	if k.Type == "" {
		return "the file"
	}
	return problems.Article(k.Type) + " block"
}

// HasAttr reports whether the kind has an attribute of this name.
func (k *Kind) HasAttr(name string) bool { return slices.Contains(k.Attrs, name) }

// Block is the kind of blocks of a type that may stand in the kind; nil: none.
func (k *Kind) Block(typ string) *Kind {
	for _, b := range k.Blocks {
		if b.Type == typ {
			return b
		}
	}
	return nil
}

// names lists all that may stand in the kind, attributes first.
func (k *Kind) names() []string {
	names := slices.Clone(k.Attrs)
	for _, b := range k.Blocks {
		if !k.HasAttr(b.Type) {
			names = append(names, b.Type)
		}
	}
	return names
}

// Instead is a sentence, after a space, about what to write instead of a name
// that the kind does not know: what the name stands for in another tool, the
// nearest name that there is, or else all of them.
func (k *Kind) Instead(name string) string {
	for names, sentence := range k.advice {
		if slices.Contains(strings.Fields(names), name) {
			return " " + sentence
		}
	}
	known := k.names()
	if nearest := problems.DidYouMean(name, known); nearest != "" {
		return nearest
	}
	if len(known) == 1 {
		return " It has " + known[0] + " only."
	}
	last := len(known) - 1
	return " It has " + strings.Join(known[:last], ", ") + " and " + known[last] + "."
}

// Engines are the engines that there are.
var Engines = []string{"terraform", "tofu"}

// NearestEngine is a sentence, after a space, with the engine that is probably
// meant, or "".
func NearestEngine(given string) string {
	if strings.EqualFold(given, "opentofu") {
		return ` Write "tofu".`
	}
	return problems.DidYouMean(given, Engines)
}
