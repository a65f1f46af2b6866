package report

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/groups"
	"github.com/tfops/tfops/internal/drift/report/wording"
	"github.com/tfops/tfops/internal/natural"
)

// unreadable are the repositories that cannot be read, those of the most workspaces first.
func (b *builder) unreadable() []Unreadable {
	out := []Unreadable{}
	for _, u := range b.in.Unreadable {
		for _, w := range b.in.Workspaces {
			if w.Repository == u.Name {
				u.Workspaces++
			}
		}
		if u.Workspaces == 0 {
			continue // none of this report's
		}
		if u.Read != nil {
			u.Read = b.when(*u.Read)
		}
		u.Why = wording.Whole(wording.Cut(u.Why, "", maxProblem))
		u.Next = cmp.Or(u.Next, "tfops poll "+drift.ShellWord(u.Name))
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, c Unreadable) int {
		return cmp.Or(cmp.Compare(c.Workspaces, a.Workspaces), natural.Compare(a.Name, c.Name))
	})
	return out
}

// unowned are those of the repositories of the report, by name.
func (b *builder) unowned() []Unowned {
	out := []Unowned{}
	for _, u := range b.in.Unowned {
		if slices.ContainsFunc(b.in.Workspaces, func(w Workspace) bool { return w.Repository == u.Repository }) {
			out = append(out, Unowned{u.Repository, problems(u.Lines)})
		}
	}
	slices.SortFunc(out, func(a, c Unowned) int { return natural.Compare(a.Repository, c.Repository) })
	return out
}

// groups are the causes that show in several workspaces.
func (b *builder) groups() []Group {
	out := []Group{}
	for _, g := range groups.Of(b.in.Findings) {
		one := Group{ID: g.ID, Class: g.Class, Meaning: Meaning(g.Class), Type: g.Type, Attribute: g.Attribute,
			Problem: wording.Whole(wording.Cut(g.Problem, "", maxProblem)), Severity: g.Severity,
			Workspaces: g.Workspaces, Since: b.time(g.Since), Age: b.age(g.Since), File: g.File, Line: g.Line,
			WaysOut: waysOut(g)}
		one.To = value(text(g.To), "")
		for _, f := range g.Findings {
			one.Findings = append(one.Findings, f.ID)
		}
		out = append(out, one)
	}
	return out
}

// waysOut are those of all of a group: one patch, where all are written in one place, and one word.
func waysOut(g groups.Group) []drift.WayOut {
	var out []drift.WayOut
	for _, w := range g.Findings[0].WaysOut(g.Since) {
		if w.Way == drift.Codify && g.File != "" {
			w.Note = "All are written at " + g.File + ":" + strconv.Itoa(g.Line) + ". " + w.Note
			out = append(out, w)
		}
	}
	return append(out, drift.WayOut{Way: drift.Leave, Note: "Leave all of them for two weeks and say why.",
		Command: "tfops drift ack --group " + g.ID + ` -m "why they may stay" --until 14d`})
}
