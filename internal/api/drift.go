package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Finding is a difference between the world and what was applied, followed
// from check to check.
type Finding struct {
	ID         string      `json:"id" doc:"Stable: made of workspace, address and class"`
	Workspace  string      `json:"workspace"`
	Address    string      `json:"address,omitempty" doc:"Of the resource, \"output.NAME\" or \"check.NAME\"; absent where the workspace could not be checked"`
	Type       string      `json:"type,omitempty"`
	Provider   string      `json:"provider,omitempty"`
	Class      string      `json:"class" enum:"changed,deleted,follows,conflict,pre_applied,state_only,input,pending_commit,applied_elsewhere,half_applied,perpetual,check_failed,unchecked"`
	Meaning    string      `json:"meaning" doc:"Of the class, in a sentence"`
	Action     string      `json:"action,omitempty" doc:"What a plan would do about it"`
	Attributes []Attribute `json:"attributes"`
	Follows    []string    `json:"follows,omitempty" doc:"Of follows: the resources that drifted"`
	Written    *Written    `json:"written,omitempty" doc:"Of applied_elsewhere and half_applied: what is known of who wrote it into the state"`
	Problems   []string    `json:"problems,omitempty" doc:"Of check_failed and unchecked"`
	Life       string      `json:"life" enum:"new,ongoing,resolved,recurring,acknowledged,ignored"`
	Severity   string      `json:"severity,omitempty" enum:"critical,high,medium,low"`
	FirstSeen  time.Time   `json:"first_seen"`
	LastSeen   time.Time   `json:"last_seen"`
	Times      int         `json:"times" doc:"How many checks found it"`
	ReturnedAt *time.Time  `json:"returned_at,omitempty" doc:"When it came back after it was resolved"`
	ResolvedAt *time.Time  `json:"resolved_at,omitempty"`
	ResolvedBy string      `json:"resolved_by,omitempty" doc:"The run that applied meanwhile; absent where the world changed back"`
	Ack        *Ack        `json:"ack,omitempty"`
	File       string      `json:"file,omitempty" doc:"Of the resource, from the root of the repository"`
	Line       int         `json:"line,omitempty"`
	Owners     []string    `json:"owners,omitempty" doc:"From CODEOWNERS"`
	LastRun    string      `json:"last_run,omitempty" doc:"The last apply that touched the resource"`
	Approvers  []string    `json:"last_approvers,omitempty" doc:"Who approved that"`
	Heals      []time.Time `json:"heals,omitempty" doc:"When it was healed, of the last 24 hours"`
	WaysOut    []WayOut    `json:"ways_out,omitempty"`
}

// Written is what is known of who wrote into the state, and when.
type Written struct {
	Run    string    `json:"run,omitempty" doc:"That left it halfway, or the last one before another hand wrote"`
	After  time.Time `json:"after,omitzero" doc:"When that run ended, or a later check found the state as it was left"`
	Serial uint64    `json:"serial,omitempty" doc:"Of the state that the check found"`
	Was    uint64    `json:"was,omitempty" doc:"Of the state as the last run left it that ended well"`
}

// Attribute is one value that differs; secrets are never shown.
type Attribute struct {
	Path      string `json:"path,omitempty" doc:"Absent: the resource as a whole"`
	Before    any    `json:"before,omitempty" doc:"What was applied"`
	After     any    `json:"after,omitempty" doc:"What the world has"`
	Wanted    any    `json:"wanted,omitempty" doc:"What a plan would make of it, where that is not what was applied"`
	Sensitive bool   `json:"sensitive,omitempty"`
	IgnoredBy string `json:"ignored_by,omitempty" doc:"The rule that leaves it out"`
}

// Ack is somebody's word that a finding is known.
type Ack struct {
	By     string     `json:"by"`
	Reason string     `json:"reason"`
	At     time.Time  `json:"at"`
	Until  *time.Time `json:"until,omitempty" doc:"Absent: until it is resolved"`
}

// WayOut is what can be done about a finding.
type WayOut struct {
	Way     string `json:"way" enum:"revert,codify,accept,ignore,check"`
	Note    string `json:"note" doc:"What it does"`
	Command string `json:"command"`
	Rule    string `json:"rule,omitempty" doc:"Of ignore: a block for tfops.hcl"`
}

// Acknowledge asks to acknowledge a finding.
type Acknowledge struct {
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"`
}

// Patch is an edit of the code after which it says what the world has.
type Patch struct {
	Finding   string    `json:"finding"`
	Workspace string    `json:"workspace"`
	Run       string    `json:"run,omitempty" doc:"The plan that checks the patch; absent where nothing can be codified"`
	Commit    string    `json:"commit" doc:"What it is a patch of"`
	Diff      string    `json:"diff,omitempty" doc:"Unified, as git apply takes it"`
	Done      []string  `json:"done" doc:"Paths of the attributes that are codified"`
	Refused   []Refusal `json:"refused"`
	Checked   bool      `json:"checked" doc:"Whether the plan with the patch has ended"`
	Gone      bool      `json:"gone" doc:"Whether it shows the finding no more"`
	Why       string    `json:"why,omitempty" doc:"Why it does"`
	Also      []string  `json:"also,omitempty" doc:"Other addresses that the plan with the patch changes"`
}

// Refusal is one attribute that is not codified.
type Refusal struct {
	Path string `json:"path,omitempty"`
	Why  string `json:"why"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Next string `json:"next,omitempty" doc:"What a person can do instead"`
}

// Report is a report that was made by schedule.
type Report struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	Text  string    `json:"text" doc:"In a sentence"`
	Clean bool      `json:"clean"`
}

func findingPath(id, more string) string {
	return prefix + "/drift/findings/" + url.PathEscape(id) + more
}

// Findings lists findings, worst first: of a workspace, or of all; without
// lives all that are not resolved.
func (c *Client) Findings(ctx context.Context, workspace string, lives []string) ([]Finding, error) {
	v := url.Values{"life": lives}
	if workspace != "" {
		v.Set("workspace", workspace)
	}
	return get[[]Finding](ctx, c, prefix+"/drift/findings?"+v.Encode())
}

// Finding shows one finding.
func (c *Client) Finding(ctx context.Context, id string) (Finding, error) {
	return get[Finding](ctx, c, findingPath(id, ""))
}

// Acknowledge says that a finding is known.
func (c *Client) Acknowledge(ctx context.Context, id string, in Acknowledge) (Finding, error) {
	return ask[Finding](ctx, c, http.MethodPut, findingPath(id, "/ack"), in)
}

// Unacknowledge takes that back.
func (c *Client) Unacknowledge(ctx context.Context, id string) (Finding, error) {
	return ask[Finding](ctx, c, http.MethodDelete, findingPath(id, "/ack"), nil)
}

// Codify asks for a patch for a finding, and for a plan that checks it.
func (c *Client) Codify(ctx context.Context, id string) (Patch, error) {
	return ask[Patch](ctx, c, http.MethodPost, findingPath(id, "/codify"), nil)
}

// Patch shows the patch that a run checks, and what the check came to.
func (c *Client) Patch(ctx context.Context, run string) (Patch, error) {
	return get[Patch](ctx, c, runPath(run, "/patch"))
}

// ReportQuery says which report is meant.
type ReportQuery struct {
	ID     string    // of one that was made by schedule; empty: of now
	Format string    // "" is the daemon's own
	Since  time.Time // what is new is newer; zero: since the last scheduled one
}

// DriftReport writes a report in a format to w.
func (c *Client) DriftReport(ctx context.Context, q ReportQuery, w io.Writer) error {
	v := url.Values{}
	if q.Format != "" {
		v.Set("format", q.Format)
	}
	path := prefix + "/drift/report"
	if q.ID != "" {
		path = prefix + "/drift/reports/" + url.PathEscape(q.ID)
	} else if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339))
	}
	return c.download(ctx, path+"?"+v.Encode(), "the report", w)
}

// DriftReports lists the reports that were made by schedule, newest first.
func (c *Client) DriftReports(ctx context.Context) ([]Report, error) {
	return get[[]Report](ctx, c, prefix+"/drift/reports")
}
