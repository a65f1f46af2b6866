package module

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/workspace"
)

// WorkspaceVariables is what the file in memory with the workspace's variables
// is called.
const WorkspaceVariables = "the workspace's variables"

// given is a variable with where its value comes from.
type given struct {
	Name   string
	Source string // for a person
	Kind   sourceKind
	Line   int // of the source; 0 when that says nothing to a person
}

// sourceKind says for whom values are written, and so what a name means that the
// root module does not declare.
type sourceKind int

const (
	ownSource sourceKind = iota // the workspace's own: a mistake
	// a var file or the defaults block: many modules may get it, each uses what it declares
	sharedSource
	autoSource // what the engine reads by itself: a warning, as the engine has it
)

// sets says what gives the value, and in which line.
func (g given) sets() string {
	if g.Line == 0 {
		return g.Source + " sets"
	}
	return fmt.Sprintf("%s sets in line %d", g.Source, g.Line)
}

// didYouMean names the variable that may have been meant.
func didYouMean(name, meant string, declared []string) string {
	if meant == "" {
		meant = workspace.Nearest(name, declared)
	}
	if meant == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", meant)
}

// mostNamed is how many names a warning lists.
const mostNamed = 20

// idleWarning warns of names that a source sets and the root module does not declare.
func idleWarning(source, dir string, names []string) job.Diagnostic {
	what := "a variable"
	if len(names) > 1 {
		what = fmt.Sprintf("%d variables", len(names))
	}
	more := ""
	if len(names) > mostNamed {
		more = fmt.Sprintf(" and %d more", len(names)-mostNamed)
		names = names[:mostNamed]
	}
	return job.Diagnostic{Severity: "warning", Summary: fmt.Sprintf("%s sets %s that the root module %s does not "+
		"declare", source, what, dir),
		Detail: "Without effect: " + strings.Join(names, ", ") + more + "."}
}

// slip is the name that was probably meant by a mistyped one, "" for none. It
// is stricter than a suggestion: names that are alike on purpose, as subnet_a and
// subnet_b are, are no slips of each other.
func slip(name string, known []string) string {
	i := slices.IndexFunc(known, func(k string) bool { return mistyped(name, k) })
	if i < 0 {
		return ""
	}
	return known[i]
}

func mistyped(given, meant string) bool {
	plain := strings.NewReplacer("_", "", "-", "")
	if strings.EqualFold(plain.Replace(given), plain.Replace(meant)) {
		return given != meant
	}
	if min(len(given), len(meant)) < 4 || max(len(given), len(meant)) > maxName || numbered(given) == numbered(meant) {
		return false
	}
	return edits(given, meant) <= max(1, min(len(given), len(meant))/6)
}

// maxName is the size of names that are compared letter by letter, in bytes.
const maxName = 200

// numbered is a name without what tells siblings apart: digits, and parts of
// one letter.
func numbered(name string) string {
	var kept []string
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '_' || r == '-' }) {
		part = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, part)
		if len(part) > 1 {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "_")
}

// edits is how many slips of a finger lie between two names: a letter too many,
// too few, or another one, and two that changed places.
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// CheckVariables refuses names that the root module does not declare, before
// the engine runs: it would take the default of the variable that was meant.
// Files that are shared get a warning instead, unless the name looks like a slip
// for a variable that gets no value otherwise.
//
// root is the root module's directory, own the text of the workspace's variables.
func (m Module) CheckVariables(j job.Job, root, own string) (warnings []job.Diagnostic, err error) {
	if m.Unread {
		return nil, nil
	}
	all := givenVariables(j, root, own)
	declared := slices.Sorted(maps.Keys(m.Variables))
	free := slices.DeleteFunc(slices.Clone(declared), func(n string) bool {
		return slices.ContainsFunc(all, func(g given) bool { return g.Name == n })
	})
	var wrong []string
	idle := map[string][]string{} // names without effect, by source
	var sources []string
	for _, g := range all {
		if slices.Contains(declared, g.Name) {
			continue
		}
		meant := slip(g.Name, free)
		if j.StrictVariables && (g.Kind == ownSource || g.Kind == sharedSource && meant != "") {
			wrong = append(wrong, fmt.Sprintf("%q, which %s%s", g.Name, g.sets(), didYouMean(g.Name, meant, declared)))
			continue
		}
		if idle[g.Source] == nil {
			sources = append(sources, g.Source)
		}
		idle[g.Source] = append(idle[g.Source], fmt.Sprintf("%q%s", g.Name, didYouMean(g.Name, meant, declared)))
	}
	for _, source := range sources {
		warnings = append(warnings, idleWarning(source, j.Dir, idle[source]))
	}
	if len(wrong) == 0 {
		return warnings, nil
	}
	return warnings, diagnostics.Refuse(job.CauseBadInput,
		"correct the name, or declare the variable in the root module; a var file that many modules share may set "+
			"more than one of them declares",
		"the root module %s declares no variable %s", j.Dir, strings.Join(wrong, "; nor "))
}

// givenVariables are all variables that are given a value, in the engine's
// order of precedence.
func givenVariables(j job.Job, root, own string) []given {
	var all []given
	file := func(name string, kind sourceKind) {
		src, err := readVariables(root, name)
		if err != nil {
			return // the engine will say so
		}
		for _, a := range assignments(src, name) {
			all = append(all, given{Name: a.Name, Source: name, Kind: kind, Line: a.Line})
		}
	}
	entries, _ := os.ReadDir(root) // it was read just now
	for _, e := range entries {
		if rootmodule.IsAutoVars(e.Name()) {
			file(e.Name(), autoSource)
		}
	}
	for _, name := range j.VarFiles {
		file(name, sharedSource)
	}
	for _, a := range assignments([]byte(own), "") {
		g := given{Name: a.Name, Source: "`variables` of the workspace", Kind: ownSource}
		switch {
		case slices.Contains(j.InputVariables, a.Name):
			g.Source = "`inputs` of the workspace"
		case slices.Contains(j.SharedVariables, a.Name):
			g.Source, g.Kind = "`variables` of the defaults block", sharedSource
		}
		all = append(all, g)
	}
	return all
}
