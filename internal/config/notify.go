package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// defaultKinds are what a notify block tells of unless it says otherwise: what
// waits for somebody, what went wrong, and drift. A report is sent to those
// that it names, or that ask for reports.
var defaultKinds = []run.NoticeKind{run.NoticeAwaitingApproval, run.NoticeErrored, run.NoticeInterrupted, run.NoticeDriftNew, run.NoticeDriftResolved,
	run.NoticeDriftUnchecked, run.NoticeHealed, run.NoticeHealStopped, run.NoticeConfigInvalid}

// notifies reads the notify blocks.
func (r *reader) notifies(c *Config, top block) {
	seen := names{r: r, what: "notify block"} // package notify says what a name may have
	for _, b := range top.blocks(notifyKind) {
		t := r.target(c, b)
		if !isAddress(b.name) && seen.add(b) {
			c.Notify = append(c.Notify, t)
		}
	}
}

// target reads a notify block. What its values may be, package notify knows.
func (r *reader) target(c *Config, b block) notify.Target {
	url, secret := b.secretText("url"), b.secretText("secret")
	on, style := b.list("on"), b.text("style", shown)
	places := map[string]hcl.Range{"url": url.rng, "secret": secret.rng, "style": style.rng}
	switch {
	case b.name == "":
	case isAddress(b.name): // with a secret in it, so it is not repeated
		r.veiled = append(r.veiled, b.label)
		r.errorAt(b.label, "invalid name", "Where to send to is the url within the block. Its name is a word that a report or tfops notify can call it by: notify \"ops\" {")
	default:
		places["name"] = b.label
	}
	for _, i := range on.val {
		if _, twice := places["on "+i.val]; !twice {
			places["on "+i.val] = i.rng
		}
	}
	s := notify.Settings{Name: b.name, URL: url.val, Secret: secret.val, Style: style.val}
	r.filter(c, b, &s, places)
	r.templates(b, &s, places)
	r.checkNotEmpty(on, "on")
	r.checkTwice(on, "on")
	s.On = plain(on.val)
	if !on.set {
		s.On = texts(defaultKinds)
	}
	switch {
	case url.absent():
		r.missingAt(b.header, "notify block without a url", "Write where to send it, from outside since it holds a secret: url = env(\"SLACK_URL\")")
	case url.set:
		r.checkPlainURL(url)
		r.checkPlainHTTP(url)
	}
	switch {
	case secret.set && secret.val == "":
		r.errorAt(secret.rng, "empty secret", "Bodies would not be signed. Remove secret if that is meant.")
	case secret.set && !secret.secret:
		r.plainText(secret, "secret")
	}
	t, err := notify.Parse(s)
	var wrong notify.Mistakes
	if errors.As(err, &wrong) {
		for _, m := range wrong {
			r.notifyMistake(m, url.set, places)
		}
	}
	if err == nil {
		r.warnOfSilence(t, on, places)
	}
	return t
}

// warnOfSilence warns of what a notify block asks for and never gets.
func (r *reader) warnOfSilence(t notify.Target, on field[[]item], places map[string]hcl.Range) {
	narrow := len(t.Filter.Workspaces)+len(t.Filter.Labels) > 0
	for _, i := range on.val {
		if narrow && slices.Contains(texts(fleetKinds), i.val) {
			r.warnAt(i.rng, "kind that the filter holds back", "%s is of no single workspace, and a filter for workspaces or labels lets nothing of that sort through. Write a notify block without one; a report can also name this block in to.", quote(i.val))
		}
	}
	for _, k := range run.NoticeKinds() {
		at, ok := places["template "+string(k)]
		if ok && k != run.NoticeTest && k != run.NoticeReport && !slices.Contains(t.On, k) { // these two come unasked
			r.warnAt(at, "template without use", "on does not have %s, so nothing of this kind is sent here.", quote(string(k)))
		}
	}
}

// fleetKinds are of no single workspace.
var fleetKinds = []run.NoticeKind{run.NoticeReport, run.NoticeConfigInvalid}

// notifySummaries are what package notify finds, by the attribute.
var notifySummaries = map[string]string{"name": "invalid name", "url": "not a place to send to", "secret": "secret has no effect", "style": "unsuitable style",
	"on": "unknown kind", "workspaces": "not a pattern", "labels": "not a pattern", "severity": "unknown value", "template": "template can't be used"}

// notifyMistake reports what package notify found. Where there is no URL, what
// follows from that is left out.
func (r *reader) notifyMistake(m notify.Mistake, hasURL bool, places map[string]hcl.Range) {
	key := strings.TrimSpace(m.Attribute + " " + m.Key)
	if at, ok := places[key]; ok && at.Filename != "" && (hasURL || m.Attribute != "secret" && m.Attribute != "style") {
		r.errorAt(at, notifySummaries[m.Attribute], "%s %s", m.Fault, fault.Next(m.Fault))
	}
}

// filter reads the filter block of a notify block.
func (r *reader) filter(c *Config, b block, s *notify.Settings, places map[string]hcl.Range) {
	for _, f := range b.blocks(filterKind) {
		patterns, severity := f.list("workspaces"), f.text("severity", shown)
		r.checkNamePatterns(c, "workspaces", patterns)
		s.Workspaces, s.Labels, s.Severity = plain(patterns.val), r.labelsOf(f), severity.val
		places["severity"] = severity.rng
		for name := range s.Labels {
			places["labels "+name] = f.body.Attributes["labels"].Expr.Range()
		}
	}
}

// templates reads the template blocks of a notify block.
func (r *reader) templates(b block, s *notify.Settings, places map[string]hcl.Range) {
	seen := names{r: r, what: "template"}
	s.Templates = map[string]notify.Template{}
	for _, t := range b.blocks(templateKind) {
		title, text := t.text("title", shown), t.text("text", shown)
		if title.absent() && text.absent() {
			r.missingAt(t.header, "template without words", "Write title, text or both: title = \"{{.Workspace}}: {{.Title}}\"")
		}
		if seen.add(t) {
			s.Templates[t.name] = notify.Template{Title: title.val, Text: text.val}
			places["template "+t.name] = t.header
		}
	}
}
