package decode

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/workspace"
)

// Names keeps the labels of one kind of block apart.
type Names struct {
	What  string         // such a block, in messages
	Valid *regexp.Regexp // nil: any name
	Also  string         // what a valid name may have beside letters and digits
	taken map[string]taken
}

type taken struct {
	name string
	rng  hcl.Range
}

// WorkspaceNames are names as workspaces have them.
func WorkspaceNames(what string) *Names {
	return &Names{What: what, Valid: workspace.ValidName(), Also: "dots, underscores and hyphens"}
}

// Add reports whether the block's name is valid and new. Names that differ in
// case only count as the same: they may become names of files.
func (n *Names) Add(b Block) bool {
	if b.Name == "" {
		if !b.Unlabelled() {
			b.r.Errorf(b.Label, "empty name", "Give the %s a name.", n.What)
		}
		return false
	}
	if n.Valid != nil && !n.Valid.MatchString(b.Name) {
		b.r.Errorf(b.Label, "invalid name", "The name of %s has letters, digits, %s, begins with a letter or a digit "+
			"and is at most 128 long.", problems.Article(n.What), n.Also)
	}
	key := strings.ToLower(b.Name)
	if t, ok := n.taken[key]; ok {
		same := "has this name already"
		if t.name != b.Name {
			same = fmt.Sprintf("is called %q, and names must differ in more than case", t.name)
		}
		b.r.Errorf(b.Label, "duplicate "+n.What+" "+strconv.Quote(b.Name), "The one at line %d %s.",
			t.rng.Start.Line, same)
		return false
	}
	if n.taken == nil {
		n.taken = map[string]taken{}
	}
	n.taken[key] = taken{b.Name, b.Label}
	return true
}

// Each reads the blocks and returns what those say that have a name of their own.
func Each[T any](blocks []Block, names *Names, read func(Block) T) []T {
	var out []T
	for _, b := range blocks {
		if v := read(b); names.Add(b) {
			out = append(out, v)
		}
	}
	return out
}
