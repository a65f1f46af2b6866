package drift

import (
	"cmp"
	"slices"
	"sync"

	"github.com/tfops/tfops/internal/drift/glob"
	"github.com/tfops/tfops/internal/plan"
)

// SeverityRule says how bad a difference is. What is empty is any.
type SeverityRule struct {
	Name      string      `json:"name"`
	Type      string      `json:"type,omitempty"`      // glob over resource types
	Attribute string      `json:"attribute,omitempty"` // glob over attribute paths, with all beneath it
	Action    plan.Action `json:"action,omitempty"`    // what a plan would do; "delete" is also what is gone from the world
	Class     Class       `json:"class,omitempty"`
	Severity  Severity    `json:"severity"`
}

// severities are all of them, worst first.
var severities = []Severity{Critical, High, Medium, Low}

// Severities lists all severities, worst first.
func Severities() []Severity { return slices.Clone(severities) }

// Compare orders severities as package cmp does, worst first.
func (a Severity) Compare(b Severity) int {
	return cmp.Compare(slices.Index(severities, a), slices.Index(severities, b))
}

// Worse reports whether a is worse than b.
func (a Severity) Worse(b Severity) bool { return a.Compare(b) < 0 }

// Grade is the severity of a finding: the worst of its attributes that show,
// of all if none does. The rules come first, in order, then what is built in:
// of that the classes that change nothing in the world, or that a plan would
// not revert, count one step less.
func Grade(rules []SeverityRule, f Finding) Severity {
	worst := Severity("")
	some := len(f.showing()) > 0
	for _, a := range f.Attributes {
		if some && a.IgnoredBy != "" {
			continue
		}
		if s := gradeOne(rules, f.Difference, a); worst == "" || s.Worse(worst) {
			worst = s
		}
	}
	if worst == "" {
		return Medium
	}
	return worst
}

func gradeOne(rules []SeverityRule, d Difference, a Attribute) Severity {
	for _, r := range rules {
		if r.of(d, a) {
			return r.Severity
		}
	}
	s := builtinSeverity(d, a)
	if slices.Contains([]Class{StateOnly, Follows, Input, Perpetual, PendingCommit, PreApplied, HalfApplied}, d.Class) {
		s = severities[min(slices.Index(severities, s)+1, len(severities)-1)]
	}
	return s
}

func (r SeverityRule) of(d Difference, a Attribute) bool {
	return glob.MatchName(r.Type, d.Type) && (r.Class == "" || r.Class == d.Class) &&
		(r.Action == "" || r.Action == d.Action || r.Action == plan.Delete && d.Class == Deleted) &&
		(r.Attribute == "" || glob.New(r.Attribute, false).Matches(a.Path))
}

func builtinSeverity(d Difference, a Attribute) Severity {
	switch {
	case d.Class == Deleted, d.Action == plan.Delete, d.Class == Changed && d.Action == plan.Replace:
		return Critical
	case d.Class == Unchecked, d.Class == CheckFailed:
		return High
	}
	for _, b := range builtinReady() {
		if b.of(d, a) {
			return b.severity
		}
	}
	return Medium
}

// builtinReady is the built-in table with its globs taken apart, once.
var builtinReady = sync.OnceValue(func() []builtinRow {
	rows := make([]builtinRow, len(builtin))
	for i, b := range builtin {
		rows[i].builtinRule = b
		for _, p := range b.attributes {
			rows[i].globs = append(rows[i].globs, glob.New(p, false))
		}
	}
	return rows
})

type builtinRow struct {
	builtinRule
	globs []glob.Glob
}

// builtinRule is a row of the built-in table: what is empty is any.
type builtinRule struct {
	types      []string // globs
	attributes []string // globs over paths without indexes, each with all beneath it
	values     []string // one of these stands in what the world has
	severity   Severity
}

func (b builtinRow) of(d Difference, a Attribute) bool {
	return (len(b.types) == 0 || slices.ContainsFunc(b.types,
		func(t string) bool { return glob.MatchName(t, d.Type) })) &&
		(len(b.globs) == 0 || slices.ContainsFunc(b.globs, func(g glob.Glob) bool {
			return g.Begins(a.Path) && g.Matches(a.Path)
		})) &&
		(len(b.values) == 0 || slices.ContainsFunc(b.values, func(v string) bool { return holds(a.After, v) }))
}

// holds reports whether a string stands in a value.
func holds(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return v == text
	case bool:
		return v && text == "true" || !v && text == "false"
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return holds(e, text) })
	case map[string]any:
		for _, e := range v {
			if holds(e, text) {
				return true
			}
		}
	}
	return false
}
