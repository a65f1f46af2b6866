// Package groups finds what findings of many workspaces have in common: one cause is one thing to act on, however
// many resources it shows in.
package groups

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/natural"
)

// Group is findings of at least two workspaces that differ in the same way: the same attribute of the same type of
// resource came to the same value.
type Group struct {
	ID        string // stable, as long as the way they differ is the same
	Class     drift.Class
	Type      string // of the resources; empty of outputs and checks
	Attribute string // with [*] for any element of a list; empty: the resource as a whole
	To        any    // what it came to; redacted; nil of a resource as a whole, and where there is no value
	Problem   string // of check_failed: what does not hold

	Findings   []*drift.Finding // worst first; the caller's own
	Workspaces []string         // in their order
	Severity   drift.Severity   // the worst
	Since      time.Time        // the oldest was there
	File       string           // where all of them are written, if that is one place: a module that they share
	Line       int
}

// Of finds the groups among findings of any workspaces: those of the most workspaces first, then those of the most
// findings, then the oldest. A finding is in one group at most, the widest of those that it could be in. Nothing is
// said of findings that nobody has to act on (acknowledged, ignored, resolved, explained by a commit, following
// another), nor of values that are hidden or not known: they cannot be told from others.
func Of(findings []drift.Finding) []Group {
	candidates := map[string]*Group{}
	for i := range findings {
		f := &findings[i]
		for _, g := range causes(f) {
			if candidates[g.ID] == nil {
				candidates[g.ID] = &g
			}
			candidates[g.ID].Findings = append(candidates[g.ID].Findings, f)
		}
	}
	var all []*Group
	for _, g := range candidates {
		if g.gather(); len(g.Workspaces) > 1 {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, compare)
	taken := map[string]bool{}
	var out []Group
	for _, g := range all {
		g.Findings = slices.DeleteFunc(g.Findings, func(f *drift.Finding) bool { return taken[f.ID] })
		if g.gather(); len(g.Workspaces) < 2 {
			continue
		}
		for _, f := range g.Findings {
			taken[f.ID] = true
		}
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Group) int { return compare(&a, &b) })
	return out
}

func compare(a, b *Group) int {
	return cmp.Or(cmp.Compare(len(b.Workspaces), len(a.Workspaces)), cmp.Compare(len(b.Findings), len(a.Findings)),
		a.Since.Compare(b.Since), strings.Compare(a.Type, b.Type), natural.Compare(a.Attribute, b.Attribute),
		strings.Compare(a.ID, b.ID))
}

// gather reckons what is said of all findings.
func (g *Group) gather() {
	g.Workspaces, g.Since, g.Severity, g.File, g.Line = nil, time.Time{}, drift.Low, "", 0
	for i, f := range g.Findings {
		g.Workspaces = append(g.Workspaces, f.Workspace)
		if began := f.Since(); i == 0 || began.Before(g.Since) {
			g.Since = began
		}
		if s := cmp.Or(f.Severity, drift.Medium); s.Worse(g.Severity) {
			g.Severity = s
		}
		if i == 0 {
			g.File, g.Line = f.File, f.Line
		}
		if f.File != g.File || f.Line != g.Line {
			g.File, g.Line = "", 0
		}
	}
	slices.Sort(g.Workspaces)
	g.Workspaces = slices.Compact(g.Workspaces)
	slices.SortStableFunc(g.Findings, func(a, b *drift.Finding) int {
		return cmp.Or(a.Severity.Compare(b.Severity), natural.Compare(a.Workspace, b.Workspace),
			natural.Compare(a.Address, b.Address))
	})
}

// element is the index of an element of a list: which one it is differs from workspace to workspace.
var element = lazyregexp.New(`\[\d+\]`)

// causes are the groups that a finding could be in.
func causes(f *drift.Finding) []Group {
	if !f.Open() || f.Life == drift.Acknowledged || f.Life == drift.Ignored ||
		slices.Contains([]drift.Class{drift.Unchecked, drift.PendingCommit, drift.Follows}, f.Class) {
		return nil
	}
	if f.Class == drift.CheckFailed {
		if len(f.Problems) == 0 {
			return nil
		}
		return []Group{identified(Group{Class: f.Class, Problem: strings.Join(f.Problems, "\n")})}
	}
	var out []Group
	seen := map[string]bool{}
	for _, a := range f.Attributes {
		to := destination(f.Class, a)
		if a.Sensitive || a.IgnoredBy != "" || to == drift.Unknown {
			continue
		}
		g := identified(Group{Class: f.Class, Type: f.Type, To: to,
			Attribute: element().ReplaceAllString(a.Path, "[*]")})
		if !seen[g.ID] {
			seen[g.ID] = true
			out = append(out, g)
		}
	}
	return out
}

// destination is what an attribute came to: in the world, or, where nothing changed there, by what a plan wants.
func destination(class drift.Class, a drift.Attribute) any {
	if a.Path == "" && class == drift.Deleted {
		return nil // what it was is another thing in each workspace
	}
	if (class == drift.Input || class == drift.Perpetual) && a.Wanted != nil {
		return a.Wanted
	}
	return a.After
}

func identified(g Group) Group {
	to, err := json.Marshal(g.To)
	if err != nil {
		to = nil // no value of a plan
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{string(g.Class), g.Type, g.Attribute, string(to), g.Problem},
		"\x00")))
	g.ID = "g" + hex.EncodeToString(sum[:5])
	return g
}
