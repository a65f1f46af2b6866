package module

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/workspace"
)

// WorkspaceVariables is what the file in memory with the workspace's variables
// is called.
const WorkspaceVariables = "the workspace's variables"

// Given is a variable with where its value comes from.
type Given struct {
	Name   string
	Source string // for a person
	Kind   SourceKind
	Line   int // of the source; 0 when that says nothing to a person
}

// SourceKind says for whom values are written, and so what a name means that the
// root module does not declare.
type SourceKind int

const (
	OwnSource    SourceKind = iota // the workspace's own: a mistake
	SharedSource                   // a var file or the defaults block: many modules may get it, each uses what it declares
	AutoSource                     // what the engine reads by itself: a warning, as the engine has it
)

// Sets says what gives the value, and in which line.
func (g Given) Sets() string {
	if g.Line == 0 {
		return g.Source + " sets"
	}
	return fmt.Sprintf("%s sets in line %d", g.Source, g.Line)
}

// DidYouMean names the variable that may have been meant.
func DidYouMean(name, meant string, declared []string) string {
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

// IdleWarning warns of names that a source sets and the root module does not declare.
func IdleWarning(source, dir string, names []string) job.Diagnostic {
	what := "a variable"
	if len(names) > 1 {
		what = fmt.Sprintf("%d variables", len(names))
	}
	more := ""
	if len(names) > mostNamed {
		more = fmt.Sprintf(" and %d more", len(names)-mostNamed)
		names = names[:mostNamed]
	}
	return job.Diagnostic{Severity: "warning", Summary: fmt.Sprintf("%s sets %s that the root module %s does not declare", source, what, dir),
		Detail: "Without effect: " + strings.Join(names, ", ") + more + "."}
}

// IsAutoFile reports whether the engine reads a file of variables by itself.
func IsAutoFile(name string) bool {
	name = strings.TrimSuffix(name, ".json")
	return name == "terraform.tfvars" || strings.HasSuffix(name, ".auto.tfvars")
}

// Slip is the name that was probably meant by a mistyped one, "" for none. It
// is stricter than a suggestion: names that are alike on purpose, as subnet_a and
// subnet_b are, are no slips of each other.
func Slip(name string, known []string) string {
	for _, k := range known {
		if mistyped(name, k) {
			return k
		}
	}
	return ""
}

func mistyped(given, meant string) bool {
	plain := strings.NewReplacer("_", "", "-", "")
	if strings.EqualFold(plain.Replace(given), plain.Replace(meant)) {
		return given != meant
	}
	if min(len(given), len(meant)) < 4 || numbered(given) == numbered(meant) {
		return false
	}
	return edits(given, meant) <= max(1, min(len(given), len(meant))/6)
}

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
