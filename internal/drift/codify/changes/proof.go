package changes

import (
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/plan"
)

// Meant are the attributes that a difference is about: those that no rule
// leaves out, or all of them where rules leave out all.
func Meant(d drift.Difference) []drift.Attribute {
	left := slices.DeleteFunc(slices.Clone(d.Attributes), func(a drift.Attribute) bool { return a.IgnoredBy != "" })
	if len(left) == 0 {
		return d.Attributes
	}
	return left
}

// Known is what plans change without a patch, as findings tell: paths at the address of a difference, and
// other addresses that are deleted or replaced.
func Known(d drift.Difference, findings []drift.Finding) map[string][]string {
	known := map[string][]string{}
	for _, f := range findings {
		switch {
		case f.Life == drift.Resolved:
		case f.Address == d.Address:
			for _, a := range f.Attributes {
				known[f.Address] = append(known[f.Address], a.Path)
			}
		case destroys(f.Action):
			known[f.Address] = []string{}
		}
	}
	return known
}

func destroys(a plan.Action) bool { return a == plan.Delete || a == plan.Replace }

// Gone reports whether a plan that was made with the edit applied shows a
// difference no more, be it in what was codified or in what could not be, and
// does no harm that was not known before. Otherwise it says why not.
func Gone(d drift.Difference, p *plan.Plan, known map[string][]string) (why string, gone bool) {
	switch {
	case p == nil:
		return "there is no plan with the patch", false
	case p.Errored || !p.Complete:
		return "the plan with the patch is not complete", false
	}
	var left, anew []string
	about := Meant(d)
	for _, now := range classify.Differences(classify.Evidence{Applied: p}) {
		before, seen := known[now.Address]
		if now.Address != d.Address {
			if destroys(now.Action) && !seen {
				anew = append(anew, now.Address+" ("+string(now.Action)+")")
			}
			continue
		}
		if now.Class == drift.StateOnly || now.Class == drift.CheckFailed {
			continue
		}
		for _, a := range now.Attributes {
			name := strings.TrimPrefix(d.Address+"."+a.Path, ".") + " (" + string(now.Class) + ")"
			if slices.ContainsFunc(about, func(was drift.Attribute) bool { return meet(was.Path, a.Path) }) {
				left = append(left, name)
			} else if !slices.ContainsFunc(before, func(was string) bool { return meet(was, a.Path) }) {
				anew = append(anew, name)
			}
		}
	}
	if len(left) > 0 {
		return "with the patch a plan still changes " + strings.Join(left, ", "), false
	}
	if len(anew) > 0 {
		return "with the patch a plan changes what no check found before: " + strings.Join(slices.Compact(anew), ", "),
			false
	}
	return "", true
}

// meet reports whether two paths are of the same value, or one within the
// other. Indexes do not count: the elements of lists and sets move.
func meet(a, b string) bool {
	a, b = flat(a), flat(b)
	return a == b || a == "" || b == "" || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

// flat is a path up to its first index.
func flat(path string) string {
	path, _, _ = strings.Cut(path, "[")
	return path
}
