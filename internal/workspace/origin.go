package workspace

import (
	"cmp"
	"fmt"
	"slices"
)

// Origin is what a generator made a workspace of. It is remembered, so that a
// daemon that starts knows its workspaces before it has looked at a branch.
type Origin struct {
	Generator string `json:"generator"` // name of the generator's block
	Branch    string `json:"branch"`
	Dir       string `json:"dir"`
	VarFile   string `json:"var_file,omitempty"` // relative to Dir; empty: the generator has no var_files
}

// String is what was matched, as a message calls it.
func (o Origin) String() string {
	text := fmt.Sprintf("workspaces %q: %s on branch %s", o.Generator, o.Dir, o.Branch)
	if o.VarFile != "" {
		text += " with " + o.VarFile
	}
	return text
}

// CompareOrigins orders origins, for slices.SortFunc.
func CompareOrigins(a, b Origin) int {
	return cmp.Or(cmp.Compare(a.Generator, b.Generator), cmp.Compare(a.Branch, b.Branch), cmp.Compare(a.Dir, b.Dir),
		cmp.Compare(a.VarFile, b.VarFile))
}

// OnRemoved says what to do with a workspace whose branch, directory or var
// file is gone.
type OnRemoved string

const (
	// Keep leaves what is applied as it is; the workspace is orphaned until
	// somebody destroys it or what it was made of comes back.
	Keep OnRemoved = "keep"
	// DestroyOnRemoved asks for a destroy run, under the usual approvals.
	DestroyOnRemoved OnRemoved = "destroy"
)

// Generator makes workspaces: one for each match in a repository. It only
// finds the matches; names and all else are made of a match by whoever read
// the configuration.
type Generator struct {
	Name       string // of the block
	Repository string
	Branches   []string // names, or globs such as "env/*"
	Dirs       []string // globs over directories, relative to the repository's root, such as "live/*/*" or "**"
	VarFiles   []string // globs over files, relative to the directory: a workspace for each; none: one in all
	All        bool     // directories that are not root modules, too
	OnRemoved  OnRemoved
	Source     string // file and line of the block, for messages
}

// MatchesBranch reports whether the generator makes workspaces of a branch.
func (g Generator) MatchesBranch(branch string) bool { return matchAny(g.Branches, branch) }

// Named reports whether the branch is named as it is: no pattern was needed.
func (g Generator) Named(branch string) bool { return slices.Contains(g.Branches, branch) }
