package notify

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// Settings are a notify block as it is written.
type Settings struct {
	Name       string              // letters, digits, - _ and . ; it is part of every delivery's id
	URL        string              // where to, with all that is secret about it
	Secret     string              // for webhooks: what bodies are signed with
	On         []string            // kinds; none for all
	Workspaces []string            // patterns of names; none for all
	Labels     map[string]string   // patterns of values, all of which must match
	Severity   string              // the least that counts
	Style      string              // of mail: body, attachment or text
	Templates  map[string]Template // by kind, or "any"
}

// Mistake is one thing that is wrong with settings. It shows no secret.
type Mistake struct {
	Attribute string // name, url, secret, on, workspaces, labels, severity, style or template
	Key       string // of labels and templates: which one; of on and workspaces: which value
	Fault     *fault.Error
}

// Mistakes are all that is wrong with settings.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	var all []string
	for _, one := range m {
		all = append(all, one.Fault.Error())
	}
	return strings.Join(all, " ")
}

// Unwrap are the faults.
func (m Mistakes) Unwrap() []error {
	var all []error
	for _, one := range m {
		all = append(all, one.Fault)
	}
	return all
}

// Parse makes a target of what is written, without reaching out for it. The
// error is of the type Mistakes, with everything that is wrong at once.
func Parse(s Settings) (Target, error) {
	t := Target{Name: s.Name, URL: s.URL, Secret: s.Secret, Style: Style(s.Style),
		Filter: Filter{s.Workspaces, s.Labels, drift.Severity(s.Severity)}}
	var all Mistakes
	wrong := func(attribute, key string, err error) {
		var f *fault.Error
		if err != nil && !errors.As(err, &f) {
			f = fault.New(fault.Internal, "", "%w", err)
		}
		if err != nil {
			all = append(all, Mistake{attribute, key, f})
		}
	}
	wrong("name", "", checkName(s.Name))
	wrong("url", "", t.CheckURL())
	wrong("secret", "", t.checkSecret())
	wrong("style", "", t.checkStyle())
	for _, name := range s.On {
		wrong("on", name, checkKind(name))
		t.On = append(t.On, run.NoticeKind(name))
	}
	for _, p := range s.Workspaces {
		wrong("workspaces", p, checkPattern(p))
	}
	for _, label := range slices.Sorted(maps.Keys(s.Labels)) {
		wrong("labels", label, checkPattern(s.Labels[label]))
	}
	wrong("severity", "", checkSeverity(s.Severity))
	kinds := map[run.NoticeKind]Template{}
	for _, kind := range slices.Sorted(maps.Keys(s.Templates)) {
		one := map[run.NoticeKind]Template{run.NoticeKind(kind): s.Templates[kind]}
		_, err := ParseTemplates(one)
		wrong("template", kind, err)
		maps.Copy(kinds, one)
	}
	if len(all) > 0 {
		return Target{}, all
	}
	if len(kinds) > 0 {
		t.Templates, _ = ParseTemplates(kinds) // each was parsed before
	}
	return t, nil
}

var goodName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

func checkName(name string) error {
	if goodName().MatchString(name) {
		return nil
	}
	return fault.New(fault.Invalid, "Write letters, digits, - _ and . , at most 63, the first a letter or a digit.",
		"%q cannot be the name of a target.", name)
}

// checkKind says what is wrong with a kind that a target wants to be told of.
func checkKind(name string) error {
	if name == string(run.NoticeTest) {
		return fault.New(fault.Invalid, "Remove it.",
			"A test goes to the target that it names, whatever that one is told of otherwise.")
	}
	return oneOfKinds(name, slices.DeleteFunc(run.NoticeKinds(),
		func(k run.NoticeKind) bool { return k == run.NoticeTest }))
}

// oneOfKinds says that a kind is none of those that there are.
func oneOfKinds(name string, kinds []run.NoticeKind) error {
	if slices.Contains(kinds, run.NoticeKind(name)) {
		return nil
	}
	var known []string
	for _, k := range kinds {
		known = append(known, string(k))
	}
	return fault.New(fault.Invalid, instead(name, known), "There is nothing of the kind %q to be told of.", name)
}

func (t Target) checkSecret() error {
	if t.Secret == "" || t.Way() == Webhook {
		return nil
	}
	return fault.New(fault.Invalid, "Leave `secret` out, or write the URL of a webhook.",
		"Only webhooks (http, https) are signed; this is none.")
}

func (t Target) checkStyle() error {
	styles := []string{string(StyleBody), string(StyleAttachment), string(StyleText)}
	switch {
	case t.Style == "":
		return nil
	case !slices.Contains(styles, string(t.Style)):
		return fault.New(fault.Invalid, instead(string(t.Style), styles), "A report cannot go along as %q.", t.Style)
	case t.Way() != Mailbox:
		return fault.New(fault.Invalid, "Leave `style` out, or write the URL of a mail server.",
			"Only mail (smtp, smtps) carries a report in a style of choice; this is none.")
	}
	return nil
}

func checkSeverity(severity string) error {
	var known []string
	for _, s := range drift.Severities() {
		known = append(known, string(s))
	}
	if severity == "" || slices.Contains(known, severity) {
		return nil
	}
	return fault.New(fault.Invalid, instead(severity, known), "There is no severity %q.", severity)
}

// instead is what to write instead of a name that is not known.
func instead(given string, known []string) string {
	if near := workspace.Nearest(given, known); near != "" {
		return "Did you mean \"" + near + "\"?"
	}
	return "Write one of: " + strings.Join(known, ", ") + "."
}
