package notify

import (
	gomail "net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	mail "github.com/wneessen/go-mail"

	"github.com/tfops/tfops/internal/fault"
)

const mailURL = "Write it as smtps://user:password@host/?from=tfops@example.com&to=ops@example.com; characters such " +
	"as @ and / in the password are written as %40 and %2F."

// MailServer is what the URL of a mail target says:
//
//	smtp://[user:password@]host[:587]/?from=ADDRESS&to=ADDRESS[,ADDRESS…][&tls=always|opportunistic|never]
//	smtps://[user:password@]host[:465]/?from=ADDRESS&to=ADDRESS[,ADDRESS…]
type MailServer struct {
	Host, User, Password string
	Port                 int
	Implicit             bool // TLS from the beginning
	Policy               mail.TLSPolicy
	From                 *gomail.Address
	To                   []*gomail.Address
}

// ParseMail reads the URL of a mail target; the error is a fault without secrets.
func ParseMail(raw string) (m MailServer, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return m, fault.New(fault.Invalid, mailURL, "The URL of the mail server names no host.")
	}
	m = MailServer{Host: u.Hostname(), User: u.User.Username(), Implicit: u.Scheme == "smtps", Port: 587,
		Policy: mail.TLSMandatory}
	m.Password, _ = u.User.Password()
	if m.Implicit {
		m.Port = 465
	}
	if p := u.Port(); p != "" {
		m.Port, err = strconv.Atoi(p)
		if err != nil || m.Port < 1 || m.Port > 65535 {
			return m, fault.New(fault.Invalid, "Write a port between 1 and 65535.",
				"The port of the mail server is none.")
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return m, fault.New(fault.Invalid, mailURL, "What stands after ? in the URL of the mail server cannot be read.")
	}
	if m.From, err = gomail.ParseAddress(query.Get("from")); err != nil {
		return m, fault.New(fault.Invalid, mailURL,
			"The URL of the mail server says from whom mail comes in `from`: one address.")
	}
	if m.To, err = gomail.ParseAddressList(strings.Join(query["to"], ",")); err != nil {
		return m, fault.New(fault.Invalid, mailURL,
			"The URL of the mail server says to whom mail goes in `to`: one address or more, with commas between them.")
	}
	for key := range query {
		if !slices.Contains([]string{"from", "to", "tls"}, key) {
			return m, fault.New(fault.Invalid, "Leave it out, or write % in front of its characters where it is "+
				"part of an address: & is %26.", "The URL of the mail server has a parameter that is not one of "+
				"from, to and tls.")
		}
	}
	return m, m.secure(query.Get("tls"))
}

// secure reads the tls parameter. A password does not go over a network in the open.
func (m *MailServer) secure(how string) error {
	switch {
	case how == "" || how == "always":
	case m.Implicit:
		return fault.New(fault.Invalid, "Leave `tls` out, or write smtp://.", "smtps:// always uses TLS.")
	case how == "opportunistic":
		m.Policy = mail.TLSOpportunistic
	case how == "never":
		m.Policy = mail.NoTLS
	default:
		return fault.New(fault.Invalid, "Write always, opportunistic or never.",
			"The URL of the mail server says nothing known in `tls`.")
	}
	if m.User != "" && m.Policy != mail.TLSMandatory && !m.local() {
		return fault.New(fault.Invalid, "Leave `tls` out, or the user and the password.",
			"A password would be sent without TLS.")
	}
	return nil
}

// local reports whether the server is on this machine.
func (m *MailServer) local() bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, m.Host)
}
