package report

import (
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/plan"
)

// Version is that of the JSON form. It grows with every change that a reader
// of the form before would trip over.
const Version = 2

// Report is what is told of one window of time. All times are in the report's
// time zone.
type Report struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Name     string    `json:"name,omitempty"`
	At       time.Time `json:"at"`
	Since    time.Time `json:"since"`
	Last     bool      `json:"since_last_report"` // the last report was made then
	Timezone string    `json:"timezone"`
	Instance Instance  `json:"instance"`

	Headline string  `json:"headline"` // the window in one sentence
	Summary  Summary `json:"summary"`
	// Unreadable repositories have no news of their workspaces, whatever stands below.
	Unreadable []Unreadable `json:"unreadable_repositories"`
	Unowned    []Unowned    `json:"unread_owners"`
	// Groups are open findings of several workspaces with one cause: see drift/groups. They are among those of
	// their workspaces, too.
	Groups []Group `json:"groups"`
	Trend  Trend   `json:"trend"`
	// unchecked, drifted, clean, never applied; within these by severity and name
	Workspaces []Section       `json:"workspaces"`
	Rules      []drift.LeftOut `json:"ignore_rules"`
	Blind      []drift.Blind   `json:"blind"` // what no check of any workspace sees
}

// Summary counts.
type Summary struct {
	Workspaces   Outcomes     `json:"workspaces"`
	Open         int          `json:"open"`     // findings; a commit that waits is none
	Severity     Severities   `json:"severity"` // of the open ones, as are Classes and Owners
	Classes      []ClassCount `json:"classes"`  // in the order of a report; those that there are
	Owners       []OwnerCount `json:"owners"`   // most findings first; a finding counts with each of its owners
	New          int          `json:"new"`      // of the open ones, since Report.Since
	Resolved     int          `json:"resolved"` // since then
	Pending      int          `json:"pending"`  // differences that only a commit explains that is not applied yet
	Acknowledged int          `json:"acknowledged"`
	Ignored      int          `json:"ignored"` // findings; not among the open ones
	Coverage     Coverage     `json:"coverage"`
	Oldest       *OldestCheck `json:"oldest_check,omitempty"` // that looked, of the workspaces with something applied
	// workspaces with something applied that no check that is remembered looked at
	NeverChecked int `json:"never_checked"`
}

// Outcomes counts workspaces.
type Outcomes struct {
	Total        int `json:"total"`
	Clean        int `json:"clean"`
	Drifted      int `json:"drifted"`
	Unchecked    int `json:"unchecked"`
	NeverApplied int `json:"never_applied"`
}

// Severities counts findings.
type Severities struct {
	Critical int `json:"critical"`
	High     int `json:"high"`
	Medium   int `json:"medium"`
	Low      int `json:"low"`
}

// ClassCount is how many open findings are of a class.
type ClassCount struct {
	Class   drift.Class `json:"class"`
	Meaning string      `json:"meaning"`
	Count   int         `json:"count"`
}

// OwnerCount is how many open findings somebody has. An empty owner is nobody.
type OwnerCount struct {
	Owner    string     `json:"owner"`
	Count    int        `json:"count"`
	Severity Severities `json:"severity"`
}

// Coverage is what was looked at in the window.
type Coverage struct {
	Workspaces int `json:"workspaces"` // with something applied
	Checked    int `json:"checked"`    // of these, with a check in the window that looked
	Resources  int `json:"resources"`  // that these checks compared
}

// OldestCheck is the workspace that was not looked at for the longest time.
type OldestCheck struct {
	Workspace string    `json:"workspace"`
	At        time.Time `json:"at"`
	Age       Seconds   `json:"age_seconds"`
}

// Trend is how it went in the last 90 days.
type Trend struct {
	Days    []Day    `json:"days"` // 90, oldest first; the last is the report's own, up to its time
	Periods []Period `json:"periods"`
}

// Day is how things stood at the end of a day.
type Day struct {
	Date      string     `json:"date"` // YYYY-MM-DD
	Open      Severities `json:"open"` // findings, without those that rules ignored; as the checks of then had them
	Unchecked int        `json:"unchecked"`
	Known     bool       `json:"known"` // there was a check of any workspace until then
}

// Period sums up so many days before the report.
type Period struct {
	Days     int  `json:"days"`
	Before   int  `json:"open_before"` // open findings when it began
	Now      int  `json:"open_now"`
	New      int  `json:"new"`
	Resolved int  `json:"resolved"`
	Detect   Mean `json:"time_to_detect"` // an upper bound; of findings first seen, or back, in the period
	Repair   Mean `json:"time_to_repair"` // of findings resolved in the period
}

// Mean is an average over Count; without any it is zero and means nothing.
type Mean struct {
	Mean  Seconds `json:"mean_seconds"`
	Count int     `json:"count"`
}

// Seconds is a duration in whole seconds.
type Seconds int64

// Unreadable is a repository that cannot be read.
type Unreadable struct {
	Name       string     `json:"name"`
	Why        string     `json:"why"`
	Read       *time.Time `json:"read_at,omitempty"` // the last time that it could; absent: not since tfops serve began
	Workspaces int        `json:"workspaces"`        // of the report, that are made of it
	Next       string     `json:"next"`
}

// Unowned is lines of a repository's CODEOWNERS files that cannot be read: they count for nobody.
type Unowned struct {
	Repository string   `json:"repository"`
	Lines      []string `json:"lines"` // each with its file, its number and what is wrong
}

// Group is open findings of several workspaces that differ in the same way.
type Group struct {
	ID         string         `json:"id"`
	Class      drift.Class    `json:"class"`
	Meaning    string         `json:"meaning"`
	Type       string         `json:"type,omitempty"`
	Attribute  string         `json:"attribute,omitempty"` // absent: the resource as a whole
	To         *Value         `json:"to,omitempty"`        // what it came to
	Problem    string         `json:"problem,omitempty"`   // of check_failed
	Severity   drift.Severity `json:"severity"`            // the worst
	Findings   []string       `json:"findings"`            // ids, worst first
	Workspaces []string       `json:"workspaces"`
	Since      time.Time      `json:"since"` // the oldest was there
	Age        Seconds        `json:"age_seconds"`
	File       string         `json:"file,omitempty"` // where all are written, if that is one place
	Line       int            `json:"line,omitempty"`
	WaysOut    []drift.WayOut `json:"ways_out"` // for all at once
}

// Section is one workspace.
type Section struct {
	Name       string            `json:"name"`
	Repository string            `json:"repository,omitempty"`
	Branch     string            `json:"branch,omitempty"`
	Dir        string            `json:"dir,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Applied    string            `json:"applied,omitempty"`
	AppliedURL string            `json:"applied_url,omitempty"` // of its page
	Head       string            `json:"head,omitempty"`        // when it is another commit
	HeadURL    string            `json:"head_url,omitempty"`
	Schedule   string            `json:"schedule,omitempty"`

	Outcome      drift.Outcome `json:"outcome"`
	Why          string        `json:"why,omitempty"`           // of unchecked and never_applied
	Problems     []string      `json:"problems,omitempty"`      // of a check that failed, beyond Why
	Next         string        `json:"next,omitempty"`          // the command that moves it on
	UnknownSince *time.Time    `json:"unknown_since,omitempty"` // when checks began to fail
	Failures     int           `json:"failures,omitempty"`      // checks that failed since then

	Checked   *time.Time     `json:"checked_at,omitempty"` // the last check that looked
	Age       Seconds        `json:"age_seconds,omitempty"`
	Run       string         `json:"run,omitempty"`       // of that check
	Tried     *time.Time     `json:"tried_at,omitempty"`  // the last check, when it did not look
	TriedRun  string         `json:"tried_run,omitempty"` // of that one
	RunURL    string         `json:"run_url,omitempty"`   // of the page of the last of both runs
	Resources int            `json:"resources"`           // that the last check that looked compared
	InWindow  bool           `json:"in_window"`           // it looked since Report.Since
	Severity  drift.Severity `json:"severity,omitempty"`  // the worst of the open findings
	Counts    Severities     `json:"counts"`              // of the open findings

	Findings []Finding     `json:"findings"` // open, worst first, those that are acknowledged last
	Pending  []Finding     `json:"pending"`  // what only a commit explains that is not applied yet
	Resolved []Finding     `json:"resolved"` // since Report.Since
	Ignored  []Finding     `json:"ignored"`
	Blind    []drift.Blind `json:"blind"` // what its check could not see, besides what no check sees
}

// Finding is a difference and what can be done about it.
type Finding struct {
	ID       string         `json:"id"`
	Address  string         `json:"address"`
	Type     string         `json:"type,omitempty"`
	Class    drift.Class    `json:"class"`
	Meaning  string         `json:"meaning"` // in one sentence
	Follows  []string       `json:"follows,omitempty"`
	Written  *drift.Written `json:"written,omitempty"`
	Action   plan.Action    `json:"action,omitempty"`
	Severity drift.Severity `json:"severity"`
	Life     drift.Life     `json:"life"`
	New      bool           `json:"new"` // since Report.Since

	FirstSeen  time.Time  `json:"first_seen"`
	LastSeen   time.Time  `json:"last_seen"`
	Returned   *time.Time `json:"returned,omitempty"`
	ResolvedAt *time.Time `json:"resolved_at,omitempty"`
	ResolvedBy string     `json:"resolved_by,omitempty"` // run; empty: the world changed back
	Age        Seconds    `json:"age_seconds"`           // since it was first seen, or was back; until it was resolved
	Times      int        `json:"times"`

	File          string   `json:"file,omitempty"`
	Line          int      `json:"line,omitempty"`
	URL           string   `json:"url,omitempty"` // of the page of that line, as applied
	Owners        []string `json:"owners"`
	LastRun       string   `json:"last_run,omitempty"`
	LastRunURL    string   `json:"last_run_url,omitempty"` // of its page
	LastApprovers []string `json:"last_approvers,omitempty"`

	Attributes []Attribute    `json:"attributes"`
	More       int            `json:"more_attributes,omitempty"` // that are not listed
	Problems   []string       `json:"problems,omitempty"`
	Ack        *drift.Ack     `json:"ack,omitempty"`
	IgnoredBy  []string       `json:"ignored_by,omitempty"` // rules
	WaysOut    []drift.WayOut `json:"ways_out"`
}

// Attribute is one difference within a finding.
type Attribute struct {
	Path      string `json:"path"`             // empty: the resource as a whole
	Before    *Value `json:"before,omitempty"` // none: there was no value
	After     *Value `json:"after,omitempty"`
	Wanted    *Value `json:"wanted,omitempty"` // what a plan would make of it, where that is not Before
	Sensitive bool   `json:"sensitive,omitempty"`
	New       bool   `json:"new,omitempty"`        // it joined the finding since Report.Since
	IgnoredBy string `json:"ignored_by,omitempty"` // rule
}

// Value is a value as JSON writes it.
type Value struct {
	Text   string `json:"text"`             // cut to the part that differs when it is long
	Length int    `json:"length,omitempty"` // of the whole in characters, when it was cut
}
