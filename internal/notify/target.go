package notify

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// Style says how a report goes along with a mail.
type Style string

const (
	StyleBody       Style = "body"       // the HTML report is the mail, the others are attached; the default
	StyleAttachment Style = "attachment" // every format is attached
	StyleText       Style = "text"       // no report, the text only
)

// Target is where notices go: a notify block. Parse makes one.
type Target struct {
	Name      string
	URL       string           `json:"-"` // a secret as a whole
	Secret    string           `json:"-"` // of a webhook: what its bodies are signed with; "" for unsigned
	On        []run.NoticeKind // the kinds that it wants; none for all
	Filter    Filter
	Style     Style      // of mail; "" for StyleBody
	Templates *Templates // nil for the built-in ones
}

// String names the target without what is secret: the scheme, and the host
// where that is no secret.
func (t Target) String() string { return t.place() }

// GoString is String: %#v would print the secrets.
func (t Target) GoString() string { return t.place() }

func (t Target) place() string {
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme == "" {
		return "a URL that cannot be read"
	}
	switch t.Way() {
	case Webhook, Mailbox:
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme // the host of slack://token-a/token-b is half of the secret
}

// Formats are those that a report is sent in: what its notice says, else what
// suits the target.
func (t Target) Formats(r *run.ReportRef) []string {
	switch {
	case r == nil:
		return nil
	case len(r.Formats) > 0:
		return r.Formats
	case t.Way() == Mailbox:
		return []string{"html"}
	case t.Way() == Webhook:
		return []string{"json"}
	}
	return nil
}

// Way is how a target is reached.
type Way int

const (
	Service Way = iota // of shoutrrr
	Webhook
	Mailbox
)

func (t Target) Way() Way {
	scheme, _, _ := strings.Cut(t.URL, ":")
	switch strings.ToLower(scheme) {
	case "http", "https":
		return Webhook
	case "smtp", "smtps":
		return Mailbox
	}
	return Service
}

const anyForm = "Write it as https://…, smtps://… or as a URL of shoutrrr such as slack://…; characters such as @ : " +
	"/ # % in a password are written as %40 %3A %2F %23 %25."

// CheckURL says what is wrong with the URL, without reaching out for it and
// without showing more of it than its scheme.
func (t Target) CheckURL() error {
	if t.URL == "" {
		return fault.New(fault.Invalid, anyForm, "The URL is empty.")
	}
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme == "" {
		return fault.New(fault.Invalid, anyForm, "The URL cannot be read.")
	}
	switch t.Way() {
	case Webhook:
		if u.Hostname() == "" {
			return fault.New(fault.Invalid, "Write it as https://host/path.", "The URL of the webhook names no host.")
		}
		return nil
	case Mailbox:
		_, err := ParseMail(t.URL)
		return err
	}
	return t.checkService(u)
}

// checkService has shoutrrr read the URL.
func (t Target) checkService(u *url.URL) error {
	name, _, custom := strings.Cut(u.Scheme, "+")
	var r router.ServiceRouter
	if custom && u.Hostname() == "" {
		return fault.New(fault.Invalid, "Write it as "+name+"+https://host/path.",
			"The URL of %s is not complete: it names no host.", name)
	}
	if name == "logger" {
		return fault.New(fault.Invalid, "Name a service that reaches somebody.", "logger:// sends nothing to anybody.")
	}
	if _, err := r.NewService(name); err != nil {
		return fault.New(fault.Invalid, "Write one of: "+Services(&r)+".",
			"There is no service of that scheme to send to.")
	}
	if name == "matrix" && u.User.Username() != "" {
		return nil // reading it would log in
	}
	if _, err := OpenService(t.URL); err != nil {
		return fault.New(fault.Invalid, fmt.Sprintf("Look up how the URL of %s is written: "+
			"https://shoutrrr.nickfedor.com/latest/services/overview/.", name),
			"The URL of %s is not complete: %s.", name, t.Scrub(err))
	}
	return nil
}
