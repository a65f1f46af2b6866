package reporting

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// DefaultKinds are the messages of a notify block that does not say which: what
// waits for somebody, what went wrong, and drift. A report is sent to those
// that it names, or that ask for reports.
var DefaultKinds = []run.NoticeKind{run.NoticeAwaitingApproval, run.NoticeErrored, run.NoticeInterrupted,
	run.NoticeDriftNew, run.NoticeDriftResolved, run.NoticeDriftUnchecked, run.NoticeHealed, run.NoticeHealStopped,
	run.NoticeRepository, run.NoticeConfigInvalid}

// fleetKinds are of no single workspace.
var fleetKinds = []run.NoticeKind{run.NoticeReport, run.NoticeRepository, run.NoticeConfigInvalid}

// places are where what package notify checks stands in the file, by attribute
// and, of a list, a map or templates, the element.
type places map[string]hcl.Range

// targets reads the notify blocks. What a name may be, package notify says.
func (r reader) targets(blocks []decode.Block) (out []notify.Target) {
	names := &decode.Names{What: "notify block"}
	for _, b := range blocks {
		if t := r.target(b); !decode.IsAddress(b.Name) && names.Add(b) {
			out = append(out, t)
		}
	}
	return out
}

// target reads a notify block. What its values may be, package notify knows.
func (r reader) target(b decode.Block) notify.Target {
	location, secret := b.SecretText("url"), b.SecretText("secret")
	on, style := b.List("on"), b.Text("style")
	at := places{"url": location.Range, "secret": secret.Range, "style": style.Range}
	switch {
	case b.Name == "":
	case decode.IsAddress(b.Name): // with a secret in it, so it is not repeated
		r.Redact(b.Label)
		r.Errorf(b.Label, "invalid name", "Where to send to is the url within the block. Its name is a word that a "+
			"report or tfops notify can call it by: notify \"ops\" {")
	default:
		at["name"] = b.Label
	}
	for _, i := range on.Val {
		if _, twice := at["on "+i.Val]; !twice {
			at["on "+i.Val] = i.Range
		}
	}
	s := notify.Settings{Name: b.Name, URL: location.Val, Secret: secret.Val, Style: style.Val}
	r.filter(b, &s, at)
	r.templates(b, &s, at)
	b.CheckNotEmpty(on, "on")
	b.CheckTwice(on, "on")
	if s.On = decode.Values[string](on.Val); !on.Set {
		s.On = decode.Strings(DefaultKinds)
	}
	if location.Absent() {
		r.Missingf(b.Header, "notify block without a url",
			"Write where to send it, from outside since it holds a secret: url = env(\"SLACK_URL\")")
	}
	r.checkURL(location)
	if secret.Set && secret.Val == "" {
		r.Errorf(secret.Range, "empty secret", "Bodies would not be signed. Remove secret if that is meant.")
	} else if secret.Set && !secret.Secret {
		r.WarnPlainText(secret, "secret")
	}
	t, err := notify.Parse(s)
	var wrong notify.Mistakes
	if errors.As(err, &wrong) {
		for _, m := range wrong {
			r.mistake(m, location.Set, at)
		}
	}
	if err == nil {
		r.warnOfSilence(t, on, at)
	}
	return t
}

// warnOfSilence warns of what a notify block asks for and never gets.
func (r reader) warnOfSilence(t notify.Target, on decode.Field[[]decode.Item], at places) {
	narrow := len(t.Filter.Workspaces)+len(t.Filter.Labels) > 0
	for _, i := range on.Val {
		if narrow && slices.Contains(fleetKinds, run.NoticeKind(i.Val)) {
			r.Warnf(i.Range, "kind that the filter holds back", "%s is of no single workspace, and a filter for "+
				"workspaces or labels lets nothing of that sort through. Write a notify block without one; "+
				"a report can also name this block in to.", strconv.Quote(i.Val))
		}
	}
	for _, k := range run.NoticeKinds() {
		rng, ok := at["template "+string(k)]
		unasked := k == run.NoticeTest || k == run.NoticeReport
		if ok && !unasked && !slices.Contains(t.On, k) {
			r.Warnf(rng, "template without use", "on does not have %s, so nothing of this kind is sent here.",
				strconv.Quote(string(k)))
		}
	}
}

// summaries are what package notify finds, by the attribute.
var summaries = map[string]string{"name": "invalid name", "url": "not a place to send to",
	"secret": "secret has no effect", "style": "unsuitable style", "on": "unknown kind", "workspaces": "not a pattern",
	"labels": "not a pattern", "severity": "unknown value", "template": "template can't be used"}

// mistake reports what package notify found. Where there is no URL, what
// follows from that is left out.
func (r reader) mistake(m notify.Mistake, hasURL bool, at places) {
	rng, ok := at[strings.TrimSpace(m.Attribute+" "+m.Key)]
	if ok && rng.Filename != "" && (hasURL || m.Attribute != "secret" && m.Attribute != "style") {
		r.Errorf(rng, summaries[m.Attribute], "%s %s", m.Fault, fault.Next(m.Fault))
	}
}

// filter reads the filter block of a notify block.
func (r reader) filter(b decode.Block, s *notify.Settings, at places) {
	for _, f := range b.Blocks(schema.Filter) {
		patterns, severity := f.List("workspaces"), f.Text("severity")
		r.workspacePatterns(f, "workspaces", patterns)
		s.Workspaces, s.Labels, s.Severity = decode.Values[string](patterns.Val), f.RequiredLabels(), severity.Val
		at["severity"] = severity.Range
		for name := range s.Labels {
			at["labels "+name] = f.Place("labels")
		}
	}
}

// templates reads the template blocks of a notify block.
func (r reader) templates(b decode.Block, s *notify.Settings, at places) {
	names := &decode.Names{What: "template"}
	s.Templates = map[string]notify.Template{}
	for _, t := range b.Blocks(schema.Template) {
		title, text := t.Text("title"), t.Text("text")
		if title.Absent() && text.Absent() {
			r.Missingf(t.Header, "template without words",
				"Write title, text or both: title = \"{{.Workspace}}: {{.Title}}\"")
		}
		if names.Add(t) {
			s.Templates[t.Name] = notify.Template{Title: title.Val, Text: text.Val}
			at["template "+t.Name] = t.Header
		}
	}
}

// longSegment is from how many characters on a part of a webhook's path may be
// a token.
const longSegment = 16

// checkURL warns of a URL with a secret in it that is written out, and of a
// password that anybody on the way can read.
func (r reader) checkURL(f decode.Field[string]) {
	u, err := url.Parse(f.Val)
	if err != nil || !f.Set {
		return
	}
	scheme := strings.ToLower(u.Scheme)
	if !f.Secret && f.Val != "" && mayBeSecret(scheme, u) {
		r.WarnPlainText(f, "url")
	}
	if scheme == "http" && u.User != nil && !remote.Loopback(u.Hostname()) {
		r.WarnPlainHTTP(f.Range)
	}
}

func mayBeSecret(scheme string, u *url.URL) bool {
	switch scheme {
	case "smtp", "smtps":
		_, password := u.User.Password()
		return password
	case "http", "https":
		long := func(part string) bool { return len(part) >= longSegment }
		return u.User != nil || u.RawQuery != "" || slices.ContainsFunc(strings.Split(u.Path, "/"), long)
	}
	return true
}
