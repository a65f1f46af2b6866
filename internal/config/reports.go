package config

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/workspace"
)

// Report says when a drift report is made, of what, and who gets it.
type Report struct {
	Name     string
	Schedule string        // cron expression; never empty
	Timezone string        // name of the tz database; "UTC" unless configured
	Formats  []string      // of reportFormats; none: what suits each notify block that gets it
	To       []string      // names of notify blocks; none: those that are told of reports. It is kept in any case
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

// longestWindow is how far back a report can look: checks and findings are kept
// for as long as the longest trend of a report.
const longestWindow = 90 * 24 * time.Hour

var reportFormats = []string{"md", "html", "json", "csv", "junit", "sarif"}

// reports reads the report blocks.
func (r *reader) reports(c *Config, top block) {
	var known []string
	for _, hb := range top.body.Blocks { // those with a mistake, too
		if hb.Type == notifyKind.typ && len(hb.Labels) > 0 {
			known = append(known, hb.Labels[0])
		}
	}
	seen := names{r: r, what: "report", valid: workspace.ValidName()}
	for _, b := range top.blocks(reportKind) {
		report := r.readReport(c, b, known)
		if seen.add(b) {
			c.Reports = append(c.Reports, report)
		}
	}
}

// readReport reads one block. targets are the names of the notify blocks.
func (r *reader) readReport(c *Config, b block, targets []string) Report {
	schedule, timezone := b.text("schedule", shown), b.text("timezone", shown)
	if schedule.absent() || schedule.set && schedule.val == "" {
		r.missingAt(b.header, "report without a schedule", "Write when it is made: schedule = \"0 6 * * *\". A report at once is \"tfops drift report\".")
	}
	r.checkSchedule(&schedule, &timezone)
	formats, to, patterns := b.list("formats"), b.list("to"), b.list("workspaces")
	r.checkSome(formats, "formats", reportFormats)
	if to.bad && isAddress(r.written(b.body.Attributes["to"].Expr)) {
		r.veiled = append(r.veiled, b.body.Attributes["to"].SrcRange)
	}
	named := field[[]item]{set: to.set, rng: to.rng}
	for _, i := range to.val {
		if isAddress(i.val) { // with a secret in it, so it is not repeated
			r.veiled = append(r.veiled, i.rng)
			r.errorAt(i.rng, "not the name of a notify block", "to names notify blocks. Write this address as the url of one, and its name here: notify \"ops\" { url = env(\"…\") }, to = [\"ops\"]")
			continue
		}
		named.val = append(named.val, i)
		if !slices.Contains(targets, i.val) {
			r.missingAt(i.rng, "unknown notify block "+quote(i.val), "to names notify blocks, and none has this name.%s", didYouMean(i.val, targets))
		}
	}
	r.checkTwice(named, "to")
	r.checkNamePatterns(c, "workspaces", patterns)
	for _, t := range c.Notify {
		if formats.set && slices.Contains(plain(to.val), t.Name) && isWebhook(t.URL) && !slices.Contains(plain(formats.val), "json") {
			r.warnAt(formats.rng, "report that a webhook does not get", "The body of a webhook carries a report as json only, so notify block %q gets its headline. Add \"json\".", t.Name)
		}
	}
	since := b.duration("since", time.Minute)
	if since.val > longestWindow {
		r.errorAt(since.rng, "duration too long", "What checks found is kept for 90 days, so since is at most \"90d\".")
	}
	return Report{Name: b.name, Schedule: schedule.val, Timezone: timezone.orElse("UTC"), Formats: plain(formats.val), To: plain(to.val),
		Since: since.val, Workspaces: plain(patterns.val), Labels: r.labelsOf(b), Range: b.header}
}

func isWebhook(url string) bool {
	scheme, _, _ := strings.Cut(strings.ToLower(url), ":")
	return scheme == "https" || scheme == "http"
}
