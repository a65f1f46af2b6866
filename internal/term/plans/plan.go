// Package plans lays out plans, and the values of outputs, as readers of Terraform and
// OpenTofu know them.
package plans

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/diff"
	"github.com/tfops/tfops/internal/term/page"
)

// Print prints a plan in the form that readers of Terraform and OpenTofu plans know.
func Print(g *page.Page, pl *plan.Plan) {
	s := &sheet{Page: g}
	engine := engineName(pl.EngineName)
	s.rewritten(pl)
	s.drift(pl, engine)
	s.actions(pl, engine)
	s.deferred(pl)
	s.invocations(pl)
	s.summary(pl)
	s.outputs(pl, engine)
	s.checks(pl)
	s.incomplete(pl)
	s.providers(pl)
	s.modules(pl)
	g.Line(strings.Trim(s.b.String(), "\n"))
}

// engineName is the name of the engine as its makers write it; empty when it
// is not known.
func engineName(name string) string {
	switch name {
	case "terraform":
		return "Terraform"
	case "tofu":
		return "OpenTofu"
	}
	return ""
}

// providers tells which versions were used where no committed lock file says so.
func (s *sheet) providers(pl *plan.Plan) {
	if len(pl.Providers) == 0 {
		return
	}
	s.linef("%s no lock file is committed; the versions used are kept for the workspace, until `tfops sync --upgrade`:",
		s.Paint(page.Bold, "Providers:"))
	for _, name := range slices.Sorted(maps.Keys(pl.Providers)) {
		s.linef("  %s %s", page.CleanLine(name), page.CleanLine(pl.Providers[name]))
	}
	s.linef("")
}

// modules tells which modules were used of those that may be others next time.
func (s *sheet) modules(pl *plan.Plan) {
	if len(pl.Modules) == 0 {
		return
	}
	s.linef("%s what can be another one at the next plan was:", s.Paint(page.Bold, "Modules:"))
	for _, m := range pl.Modules {
		at := "with the digest " + m.Digest
		switch {
		case m.Commit != "":
			at = "at commit " + m.Commit
		case m.Version != "":
			at = "in version " + m.Version
		}
		s.linef("  %s = %s %s", page.CleanLine(m.Call), page.CleanLine(m.Source), page.CleanLine(at))
	}
	s.linef("")
}

// rewritten tells which files are not as they are in the commit.
func (s *sheet) rewritten(pl *plan.Plan) {
	if len(pl.Rewritten) == 0 {
		return
	}
	s.linef("%s making this plan changed files of the commit; the apply has them as they are now:",
		s.Paint(page.Bold, "Rewritten:"))
	for _, f := range pl.Rewritten {
		what := "changed"
		if f.Removed {
			what = "removed"
		}
		s.linef("  %s %s", page.CleanLine(f.Path), what)
	}
	if pl.MoreRewritten > 0 {
		s.linef("  and %d more", pl.MoreRewritten)
	}
	s.linef("")
}

func (s *sheet) drift(pl *plan.Plan, engine string) {
	if len(pl.Drift) == 0 {
		return
	}
	s.linef("%s Objects have changed outside of %s", s.Paint(page.Bold, "Note:"), cmp.Or(engine, "the engine"))
	s.linef("\n%s detected the following changes made outside of %s since the last apply:",
		cmp.Or(engine, "The engine"),
		cmp.Or(engine, "it"))
	for _, c := range pl.Drift {
		s.linef("")
		s.change(c, driftTitle(c))
	}
	s.linef("")
}

func driftTitle(c plan.Change) string {
	switch c.Action {
	case plan.Delete:
		return "has been deleted"
	default:
		return "has changed"
	}
}

func (s *sheet) actions(pl *plan.Plan, engine string) {
	switch {
	case pl.RefreshOnly && len(pl.Changes) == 0 && !pl.Errored:
		s.acceptance(pl)
		return
	case pl.Errored && len(pl.Changes) == 0:
		s.linef("%s %s encountered an error while generating this plan.", s.Paint(page.RedBold, "Planning failed."),
			cmp.Or(engine, "The engine"))
		return
	case len(pl.Changes) == 0 && len(pl.Outputs) == 0 && len(pl.Deferred) == 0 && len(pl.Invocations) == 0:
		s.noChanges(pl, engine)
		return
	case len(pl.Changes) == 0:
		return
	}
	if slices.ContainsFunc(pl.Changes, func(c plan.Change) bool { return c.Action != plan.NoOp }) {
		s.legend(pl, engine)
	}
	if pl.Errored {
		s.linef("%s planned the following actions, but then encountered a problem:", cmp.Or(engine, "The engine"))
	} else {
		s.linef("%s will perform the following actions:", cmp.Or(engine, "The plan"))
	}
	for _, c := range pl.Changes {
		s.linef("")
		s.change(c, title(c, engine))
	}
}

// acceptance says what the plan of a refresh does, which acts upon nothing.
func (s *sheet) acceptance(pl *plan.Plan) {
	if !pl.Accepts() {
		s.linef("%s The state holds what is there in the world already.", s.Paint(page.GreenBold, "No changes."))
		return
	}
	s.linef("%s %s. Nothing in the world is changed.", s.Paint(page.Bold, "Plan:"), pl.Acceptance())
	if len(pl.Drift) > 0 {
		for _, l := range page.Wrap("What is above is recorded as it is there now. Where the configuration sets "+
			"something else, the next plan wants to put it back.", page.Paragraph) {
			s.linef("%s", l)
		}
	}
}

func (s *sheet) noChanges(pl *plan.Plan, engine string) {
	if len(pl.Drift) > 0 {
		s.linef("%s Applying would only record the changes above in the state.",
			s.Paint(page.GreenBold, "No changes to the infrastructure."))
		return
	}
	s.linef("%s Your infrastructure matches the configuration.", s.Paint(page.GreenBold, "No changes."))
	s.linef("\n%s has compared your real infrastructure against your configuration\nand found no differences, so no "+
		"changes are needed.", cmp.Or(engine, "The engine"))
}

// symbols are the marks of actions, in the order of the legend.
var symbols = []struct {
	action plan.Action
	first  bool
	mark   string
	text   string
}{
	{plan.Create, false, "  + ", "create"},
	{plan.Update, false, "  ~ ", "update in-place"},
	{plan.Delete, false, "  - ", "destroy"},
	{plan.Replace, false, "-/+ ", "destroy and then create replacement"},
	{plan.Replace, true, "+/- ", "create replacement and then destroy"},
	{plan.ReadData, false, " <= ", "read (data resources)"},
	{plan.Forget, false, "  . ", "forget"},
}

func (s *sheet) legend(pl *plan.Plan, engine string) {
	if engine != "" {
		s.linef("%s used the selected providers to generate the following execution\nplan. Resource actions are "+
			"indicated with the following symbols:", engine)
	} else {
		s.linef("Resource actions are indicated with the following symbols:")
	}
	for _, sym := range symbols {
		if sym.action != plan.Forget && slices.ContainsFunc(pl.Changes,
			func(c plan.Change) bool { return c.Action == sym.action && c.CreateFirst == sym.first }) {
			s.linef("%s%s", s.mark(sym.mark), sym.text)
		}
	}
	s.linef("")
}

func symbol(c plan.Change) string {
	for _, sym := range symbols {
		if sym.action == c.Action && sym.first == c.CreateFirst {
			return sym.mark
		}
	}
	return indent
}

// change lays out one resource instance below its title.
func (s *sheet) change(c plan.Change, title string) {
	name := page.CleanLine(c.Address)
	if c.Deposed != "" {
		name += " (deposed object " + page.CleanLine(c.Deposed) + ")"
	}
	if c.Action == plan.NoOp && c.PreviousAddress != "" {
		name = page.CleanLine(c.PreviousAddress)
	}
	s.linef("%s", s.Paint(page.Bold, "  # "+name+" "+title))
	for _, note := range notes(c) {
		s.linef("  # %s", note)
	}
	kind := "resource"
	if c.Mode == "data" {
		kind = "data"
	}
	s.linef("%s%s %q %q {", s.mark(symbol(c)), kind, c.Type, c.Name)
	s.attributes(1, diff.Of(c), look{null: true}, true)
	s.linef("%s}", indent)
}

func title(c plan.Change, engine string) string {
	switch c.Action {
	case plan.Create:
		return "will be created"
	case plan.ReadData:
		return "will be read during apply"
	case plan.Update:
		return "will be updated in-place"
	case plan.Delete:
		return "will be destroyed"
	case plan.Forget:
		return "will no longer be managed by " + cmp.Or(engine, "the engine") + ", but will not be destroyed"
	case plan.NoOp:
		if c.PreviousAddress != "" {
			return "has moved to " + page.CleanLine(c.Address)
		}
		return "will be imported"
	}
	switch c.Reason {
	case "replace_because_tainted":
		return "is tainted, so must be replaced"
	case "replace_by_request":
		return "will be replaced, as requested"
	case "replace_by_triggers":
		return "will be replaced due to changes in replace_triggered_by"
	}
	return "must be replaced"
}

// notes are the lines below a title: why, and where from.
func notes(c plan.Change) []string {
	var list []string
	if why := reason(c); why != "" {
		list = append(list, "("+why+")")
	}
	if c.Deposed != "" {
		list = append(list, "(left over from a partially-failed replacement of this instance)")
	}
	if c.PreviousAddress != "" && c.Action != plan.NoOp {
		list = append(list, "(moved from "+page.CleanLine(c.PreviousAddress)+")")
	}
	if c.ImportID != "" && c.Action != plan.NoOp {
		list = append(list, fmt.Sprintf("(imported from %q)", c.ImportID))
	}
	return list
}

// instanceKey is what an address ends with when it has count or for_each.
var instanceKey = lazyregexp.New(`\[(?:\d+|"(?:[^"\\]|\\.)*")\]$`)

func reason(c plan.Change) string {
	if c.Action == plan.Forget {
		return "destroy = false is set in the configuration"
	}
	key := instanceKey().FindString(c.Address)
	name := c.Type + "." + c.Name
	switch c.Reason {
	case "delete_because_no_resource_config":
		return "because " + page.CleanLine(name) + " is not in configuration"
	case "delete_because_no_module":
		return "because " + page.CleanLine(c.Module) + " is not in configuration"
	case "delete_because_no_move_target":
		return "because " + page.CleanLine(cmp.Or(c.PreviousAddress,
			c.Address)) + " was moved to " + page.CleanLine(c.Address) + ", which is not in configuration"
	case "delete_because_wrong_repetition":
		switch {
		case key == "":
			return "because resource uses count or for_each"
		case key[1] == '"':
			return "because resource does not use for_each"
		}
		return "because resource does not use count"
	case "delete_because_count_index":
		return "because index " + page.CleanLine(key) + " is out of range for count"
	case "delete_because_each_key":
		return "because key " + page.CleanLine(key) + " is not in for_each map"
	case "read_because_config_unknown":
		return "config refers to values not yet known"
	case "read_because_dependency_pending":
		return "depends on a resource or a module with changes pending"
	case "read_because_check_nested":
		return "config will be reloaded to verify a check block"
	}
	return ""
}
