package notify

import (
	"path"
	"slices"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// Filter narrows what a target is told. All of its parts must hold; an empty
// one holds always. Patterns are those of path.Match.
type Filter struct {
	Workspaces []string          // patterns, one of which the workspace's name must match
	Labels     map[string]string // patterns for the values of the workspace's labels
	Severity   drift.Severity    // the least that counts, of notices that have a severity
}

func checkPattern(p string) error {
	if _, err := path.Match(p, ""); err == nil && p != "" {
		return nil
	}
	return fault.New(fault.Invalid, "In a pattern * is any characters, ? one, [ab] one of some; \\ takes the "+
		"meaning from the next.", "%q is not a pattern of names.", p)
}

// passes reports whether a notice is let through. One that concerns no single
// workspace does not pass a filter for workspaces or labels.
func (f Filter) passes(n run.Notice) bool {
	if len(f.Workspaces) > 0 && !slices.ContainsFunc(f.Workspaces,
		func(p string) bool { return n.Workspace != "" && match(p, n.Workspace) }) {
		return false
	}
	for label, p := range f.Labels {
		if v, ok := n.Labels[label]; !ok || !match(p, v) {
			return false
		}
	}
	return f.Severity == "" || n.Severity == "" || !f.Severity.Worse(drift.Severity(n.Severity))
}

func match(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return ok && err == nil
}

// Wants names the targets that want a notice, in their order. Nobody wants a
// test, which is meant for the one that it names.
func Wants(targets []Target, n run.Notice) []string {
	var names []string
	for _, t := range targets {
		if n.Kind != run.NoticeTest && (len(t.On) == 0 || slices.Contains(t.On, n.Kind)) && t.Filter.passes(n) {
			names = append(names, t.Name)
		}
	}
	return names
}
