package reporting

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/notify"
)

// Report says when a drift report is made, of what, and who gets it.
type Report struct {
	Name     string
	Schedule string        // cron expression; never empty
	Timezone string        // name of the tz database; "UTC" unless configured
	Formats  []string      // of Formats; none: what suits each notify block that gets it
	To       []string      // names of notify blocks; none: those that want reports. It is kept in any case
	Since    time.Duration // how far it looks back; 0: to the last report of this name

	Workspaces []string          // patterns of names, one of which must match; none: all
	Labels     map[string]string // that a workspace must have
	Range      hcl.Range         // of the block's header
}

// Covers reports whether a workspace is in the report.
func (r Report) Covers(workspace string, labels map[string]string) bool {
	for name, v := range r.Labels {
		if have, ok := labels[name]; !ok || have != v {
			return false
		}
	}
	matches := func(p string) bool { ok, err := path.Match(p, workspace); return ok && err == nil }
	return len(r.Workspaces) == 0 || slices.ContainsFunc(r.Workspaces, matches)
}

// LongestWindow is how far back a report can look: checks and findings are kept
// for as long as the longest trend of a report.
const LongestWindow = 90 * 24 * time.Hour

// Formats are those that a report can be made in.
var Formats = []string{"md", "html", "json", "csv", "junit", "sarif"}

// reports reads the report blocks.
func (r reader) reports(top decode.Block, targets []notify.Target) []Report {
	var known []string // names of notify blocks, of those with a mistake, too
	for _, hb := range top.Body.Blocks {
		if hb.Type == schema.Notify.Type && len(hb.Labels) > 0 {
			known = append(known, hb.Labels[0])
		}
	}
	return decode.Each(top.Blocks(schema.Report), decode.WorkspaceNames("report"), func(b decode.Block) Report {
		report, formats := r.report(b, known)
		for _, t := range targets {
			webhook := slices.Contains(report.To, t.Name) && isWebhook(t.URL)
			if webhook && formats.Set && !slices.Contains(report.Formats, "json") {
				r.Warnf(formats.Range, "report that a webhook does not get", "The body of a webhook carries a report "+
					"as json only, so notify block %q gets its headline. Add \"json\".", t.Name)
			}
		}
		return report
	})
}

// report reads one block. targets are the names of the notify blocks.
func (r reader) report(b decode.Block, targets []string) (Report, decode.Field[[]decode.Item]) {
	schedule, timezone := b.Schedule()
	if schedule.Absent() || schedule.Set && schedule.Val == "" {
		r.Missingf(b.Header, "report without a schedule", "Write when it is made: schedule = \"0 6 * * *\". "+
			"A report at once is \"tfops drift report\".")
	}
	formats, to, patterns := b.List("formats"), b.List("to"), b.List("workspaces")
	decode.SomeOf(b, formats, "formats", Formats...)
	r.checkTargets(b, to, targets)
	r.workspacePatterns(b, "workspaces", patterns)
	since := b.Duration("since", time.Minute)
	if since.Val > LongestWindow {
		r.Errorf(since.Range, "duration too long",
			"What checks found is kept for 90 days, so since is at most \"90d\".")
	}
	return Report{Name: b.Name, Schedule: schedule.Val, Timezone: timezone.OrElse("UTC"),
		Formats: decode.Values[string](formats.Val), To: decode.Values[string](to.Val), Since: since.Val,
		Workspaces: decode.Values[string](patterns.Val), Labels: b.RequiredLabels(), Range: b.Header}, formats
}

// checkTargets checks whom a report goes to. targets are the names of the notify blocks.
func (r reader) checkTargets(b decode.Block, to decode.Field[[]decode.Item], targets []string) {
	if to.Bad && decode.IsAddress(r.Source(b.Body.Attributes["to"].Expr)) {
		r.Redact(b.Body.Attributes["to"].SrcRange)
	}
	named := decode.Field[[]decode.Item]{}
	for _, i := range to.Val {
		if decode.IsAddress(i.Val) { // with a secret in it, so it is not repeated
			r.Redact(i.Range)
			r.Errorf(i.Range, "not the name of a notify block", "to names notify blocks. Write this address as the "+
				"url of one, and its name here: notify \"ops\" { url = env(\"…\") }, to = [\"ops\"]")
			continue
		}
		named.Val = append(named.Val, i)
		if !slices.Contains(targets, i.Val) {
			r.Missingf(i.Range, "unknown notify block "+strconv.Quote(i.Val),
				"to names notify blocks, and none has this name.%s", problems.DidYouMean(i.Val, targets))
		}
	}
	b.CheckTwice(named, "to")
}

func isWebhook(url string) bool {
	scheme, _, _ := strings.Cut(strings.ToLower(url), ":")
	return scheme == "https" || scheme == "http"
}
