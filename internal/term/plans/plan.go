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
	drifted := s.drift(pl, engine)
	s.actions(pl, engine, drifted)
	s.deferred(pl)
	s.invocations(pl)
	s.summary(pl)
	s.outputs(pl, engine)
	s.unmoved(pl)
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
	case diff.Tofu:
		return openTofu
	}
	return ""
}

const openTofu = "OpenTofu"

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

// drift lays out what changed outside, as far as the plan stands on it, and reports whether anything did. All
// else is named at the end: see unmoved.
func (s *sheet) drift(pl *plan.Plan, engine string) bool {
	shown := shownDrift(pl)
	if len(shown) == 0 {
		return false
	}
	who := cmp.Or(engine, "The engine")
	s.linef("%s Objects have changed outside of %s\n", s.Paint(page.Bold, "Note:"), cmp.Or(engine, "the engine"))
	s.prose(fmt.Sprintf("%s detected the following changes made outside of %s since the last %q which may have "+
		"affected this plan:", who, cmp.Or(engine, "it"), cmp.Or(pl.EngineName, "engine")+" apply"))
	for _, c := range shown {
		s.linef("")
		s.change(c, driftTitle(c), pl.EngineName)
	}
	s.linef("\n")
	if pl.RefreshOnly {
		s.prose(fmt.Sprintf("This is a refresh-only plan, so %s will not take any actions to undo these. If you were "+
			"expecting these changes then you can apply this plan to record the updated values in the %s without "+
			"changing any remote objects.", cmp.Or(engine, "the engine"), strings.TrimSpace(engine+" state")))
		return true
	}
	s.prose("Unless you have made equivalent changes to your configuration, or ignored the relevant attributes " +
		"using ignore_changes, the following plan may include actions to undo or respond to these changes.")
	return true
}

// shownDrift is what changed outside and is a part of why the plan is as it is. A refresh takes over all of it.
func shownDrift(pl *plan.Plan) (shown []plan.Change) {
	if pl.RefreshOnly {
		for _, c := range pl.Drift {
			c.Layout.Relevant = nil
			shown = append(shown, c)
		}
		return shown
	}
	if len(pl.Changes) == 0 && len(pl.Outputs) == 0 {
		return nil
	}
	for _, c := range pl.Drift {
		changes := func(a diff.Attr) bool { return a.Kind != diff.Unchanged }
		if len(c.Layout.Relevant) > 0 && slices.ContainsFunc(diff.Printed(c, pl.EngineName), changes) {
			shown = append(shown, c)
		}
	}
	return shown
}

// unmoved names what changed outside and is neither above nor acted upon.
func (s *sheet) unmoved(pl *plan.Plan) {
	named := map[string]bool{}
	for _, c := range slices.Concat(shownDrift(pl), pl.Changes) {
		named[c.Address] = true
	}
	var list []string
	for _, c := range pl.Drift {
		if !named[c.Address] {
			named[c.Address] = true
			list = append(list, page.CleanLine(c.Address))
		}
	}
	if len(list) > 0 {
		s.linef("")
		s.prose("Changed outside as well, which this plan leaves as it is: " + strings.Join(list, ", "))
	}
}

// prose is text as the engines break it where they do not know the terminal.
func (s *sheet) prose(text string) {
	for _, l := range page.Wrap(text, proseWidth) {
		s.linef("%s", l)
	}
}

const proseWidth = 77

func driftTitle(c plan.Change) string {
	if c.Action == plan.Delete {
		return "has been deleted"
	}
	return "has changed"
}

func (s *sheet) actions(pl *plan.Plan, engine string, drifted bool) {
	who := cmp.Or(engine, "The engine")
	switch nothing := len(pl.Changes) == 0 && len(pl.Outputs) == 0; {
	case pl.Errored && nothing:
		s.linef("%s %s encountered an error while generating this plan.", s.Paint(page.RedBold, "Planning failed."),
			who)
		return
	case nothing && (drifted || len(pl.Deferred)+len(pl.Invocations) > 0):
		return
	case nothing:
		s.noChanges(pl, who)
		return
	case drifted:
		s.linef("\n%s", strings.Repeat("─", proseWidth))
	}
	if len(pl.Changes) == 0 {
		return
	}
	if drifted {
		s.linef("")
	}
	if slices.ContainsFunc(pl.Changes, func(c plan.Change) bool { return c.Action != plan.NoOp }) {
		s.legend(pl, engine)
	}
	if pl.Errored {
		s.linef("%s planned the following actions, but then encountered a problem:", who)
	} else {
		s.linef("%s will perform the following actions:", cmp.Or(engine, "The plan"))
	}
	for _, c := range pl.Changes {
		s.linef("")
		s.change(c, title(c, engine), pl.EngineName)
	}
}

func (s *sheet) noChanges(pl *plan.Plan, who string) {
	says, why := "Your infrastructure matches the configuration.", who+" has compared your real infrastructure "+
		"against your configuration and found no differences, so no changes are needed."
	switch {
	case pl.RefreshOnly:
		says, why = "Your infrastructure still matches the configuration.", who+" has checked that the real remote "+
			"objects still match the result of your most recent changes, and found no differences."
	case pl.Destroy:
		says, why = "No objects need to be destroyed.", "Either you have not created any objects yet or the "+
			"existing objects were already deleted outside of "+strings.Replace(who, "The", "the", 1)+"."
	}
	s.linef("%s %s\n", s.Paint(page.GreenBold, "No changes."), says)
	s.prose(why)
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
		s.prose(engine + " used the selected providers to generate the following execution plan. Resource actions " +
			"are indicated with the following symbols:")
	} else {
		s.linef("Resource actions are indicated with the following symbols:")
	}
	for _, sym := range symbols {
		text := sym.text
		switch {
		case sym.action == plan.Forget && !isTofu(pl.EngineName):
			continue
		case sym.action == plan.Update && isTofu(pl.EngineName):
			text += " (current -> planned)"
		}
		if slices.ContainsFunc(pl.Changes,
			func(c plan.Change) bool { return c.Action == sym.action && c.CreateFirst == sym.first }) {
			s.linef("%s%s", s.mark(sym.mark), text)
		}
	}
	s.linef("")
}

func isTofu(engineName string) bool { return engineName == diff.Tofu }

func symbol(c plan.Change) string {
	for _, sym := range symbols {
		if sym.action == c.Action && sym.first == c.CreateFirst {
			return sym.mark
		}
	}
	return indent
}

// change lays out one resource instance below its title.
func (s *sheet) change(c plan.Change, title, engineName string) {
	name := page.CleanLine(c.Address)
	if c.Deposed != "" {
		name += " (deposed object " + page.CleanLine(c.Deposed) + ")"
	}
	if c.Action == plan.NoOp && c.PreviousAddress != "" {
		name = page.CleanLine(c.PreviousAddress)
	}
	margin, sign := "  ", s.mark(symbol(c))
	if c.Action == plan.Forget && !isTofu(engineName) {
		margin, sign = " ", strings.TrimPrefix(sign, " ")
	}
	s.linef("%s", s.Paint(page.Bold, margin+"# "+name+" "+title))
	for _, note := range notes(c, engineName) {
		s.linef("%s# %s", margin, note)
	}
	kind := "resource"
	if c.Mode == "data" {
		kind = "data"
	}
	s.linef("%s%s %q %q {", sign, kind, c.Type, c.Name)
	s.unmarked = c.Action == plan.Forget && isTofu(engineName)
	s.attributes(1, diff.Printed(c, engineName), look{all: c.ImportID != ""})
	s.linef("%s}", s.at(0, indent))
	s.unmarked = false
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
		return forgotten(c, engine)
	case plan.NoOp:
		if c.PreviousAddress != "" {
			return "has moved to " + page.CleanLine(c.Address)
		}
		return "will be imported"
	}
	switch c.Reason {
	case "replace_because_tainted":
		if engine == openTofu {
			return "is tainted, so it must be replaced"
		}
		return "is tainted, so must be replaced"
	case "replace_by_request":
		return "will be replaced, as requested"
	case "replace_by_triggers":
		return "will be replaced due to changes in replace_triggered_by"
	}
	return "must be replaced"
}

func forgotten(c plan.Change, engine string) string {
	switch {
	case engine == openTofu:
		return "will be removed from the OpenTofu state but will not be destroyed"
	case c.Deposed != "":
		return "will be removed from " + strings.TrimSpace(engine+" state") + ", but will not be destroyed"
	}
	return "will no longer be managed by " + cmp.Or(engine, "the engine") + ", but will not be destroyed"
}

// notes are the lines below a title: why, and where from.
func notes(c plan.Change, engineName string) []string {
	var list []string
	note := func(when bool, text string) {
		if when {
			list = append(list, text)
		}
	}
	why := reason(c, engineName)
	note(why != "", "("+why+")")
	note(c.Deposed != "", "(left over from a partially-failed replacement of this instance)")
	note(c.PreviousAddress != "" && c.Action != plan.NoOp, "(moved from "+page.CleanLine(c.PreviousAddress)+")")
	note(c.ImportID != "" && (c.Action != plan.NoOp || c.PreviousAddress != "" || isTofu(engineName)),
		fmt.Sprintf("(imported from %q)", c.ImportID))
	note(c.ImportID != "" && c.Action == plan.Replace, "Warning: this will destroy the imported resource")
	return list
}

// instanceKey is what an address ends with when it has count or for_each.
var instanceKey = lazyregexp.New(`\[(?:\d+|"(?:[^"\\]|\\.)*")\]$`)

func reason(c plan.Change, engineName string) string {
	if c.Action == plan.Forget {
		if isTofu(engineName) {
			return ""
		}
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
