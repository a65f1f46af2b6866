// Package reporting reads what becomes of what drift checks and runs find: which
// findings are ignored, how bad the others are, when reports are made, and who gets
// which messages.
package reporting

import (
	"path"
	"slices"
	"strconv"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/notify"
)

// Reporting is what the blocks say, each kind in the order of the file.
type Reporting struct {
	Ignore   []drift.Ignore       // expired ones too
	Severity []drift.SeverityRule // the order is that in which they are asked
	Reports  []Report
	// Notify are those who get messages. Each names the kinds that it wants, at
	// least one. A report goes to those that its To names, whatever they want
	// otherwise; where it names none, to those that want reports.
	Notify []notify.Target
}

// reader reads blocks that can name workspaces.
type reader struct {
	*decode.Reader
	workspaces []string // names of those that have a block of their own
	generated  bool     // there may be others
}

// Read reads the blocks. workspaces are the names of those that have a block of
// their own; generated says that there may be others.
func Read(dr *decode.Reader, top decode.Block, workspaces []string, generated bool) (out Reporting) {
	r := reader{dr, workspaces, generated}
	out.Ignore = decode.Each(top.Blocks(schema.Ignore), decode.WorkspaceNames("ignore rule"), r.ignoreRule)
	out.Severity = r.severityRules(top.Blocks(schema.Severity))
	out.Notify = r.targets(top.Blocks(schema.Notify))
	out.Reports = r.reports(top, out.Notify)
	return out
}

// workspacePatterns checks patterns of workspaces' names, and warns of one that
// no workspace has.
func (r reader) workspacePatterns(b decode.Block, name string, f decode.Field[[]decode.Item]) {
	right := b.Patterns(name, "names of workspaces", "prod-*", f)
	if !right || r.generated || len(r.workspaces) == 0 || r.Failed() {
		return
	}
	for _, i := range f.Val {
		matches := func(n string) bool { ok, _ := path.Match(i.Val, n); return ok }
		if !slices.ContainsFunc(r.workspaces, matches) {
			r.Warnf(i.Range, "no such workspace", "No workspace has a name that %s matches.%s",
				strconv.Quote(i.Val), problems.DidYouMean(i.Val, r.workspaces))
		}
	}
}
