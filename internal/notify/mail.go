package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	gomail "net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	mail "github.com/wneessen/go-mail"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// maxAttached is how much goes along with one mail, in bytes.
const maxAttached = 10 << 20

const mailURL = "Write it as smtps://user:password@host/?from=tfops@example.com&to=ops@example.com; characters such as @ and / in the password are written as %40 and %2F."

// mailServer is what the URL of a mail target says:
//
//	smtp://[user:password@]host[:587]/?from=ADDRESS&to=ADDRESS[,ADDRESS…][&tls=always|opportunistic|never]
//	smtps://[user:password@]host[:465]/?from=ADDRESS&to=ADDRESS[,ADDRESS…]
type mailServer struct {
	host, user, password string
	port                 int
	implicit             bool // TLS from the beginning
	policy               mail.TLSPolicy
	from                 *gomail.Address
	to                   []*gomail.Address
}

// parseMail reads the URL of a mail target; the error is a fault without secrets.
func parseMail(raw string) (m mailServer, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return m, fault.New(fault.Invalid, mailURL, "The URL of the mail server names no host.")
	}
	m = mailServer{host: u.Hostname(), user: u.User.Username(), implicit: u.Scheme == "smtps", port: 587, policy: mail.TLSMandatory}
	m.password, _ = u.User.Password()
	if m.implicit {
		m.port = 465
	}
	if p := u.Port(); p != "" {
		m.port, err = strconv.Atoi(p)
		if err != nil || m.port < 1 || m.port > 65535 {
			return m, fault.New(fault.Invalid, "Write a port between 1 and 65535.", "The port of the mail server is none.")
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return m, fault.New(fault.Invalid, mailURL, "What stands after ? in the URL of the mail server cannot be read.")
	}
	if m.from, err = gomail.ParseAddress(query.Get("from")); err != nil {
		return m, fault.New(fault.Invalid, mailURL, "The URL of the mail server says from whom mail comes in `from`: one address.")
	}
	if m.to, err = gomail.ParseAddressList(strings.Join(query["to"], ",")); err != nil {
		return m, fault.New(fault.Invalid, mailURL, "The URL of the mail server says to whom mail goes in `to`: one address or more, with commas between them.")
	}
	for key := range query {
		if !slices.Contains([]string{"from", "to", "tls"}, key) {
			return m, fault.New(fault.Invalid, "Leave it out, or write % in front of its characters where it is part of an address: & is %26.", "The URL of the mail server has a parameter that is not one of from, to and tls.")
		}
	}
	return m, m.secure(query.Get("tls"))
}

// secure reads the tls parameter. A password does not go over a network in the open.
func (m *mailServer) secure(how string) error {
	switch {
	case how == "" || how == "always":
	case m.implicit:
		return fault.New(fault.Invalid, "Leave `tls` out, or write smtp://.", "smtps:// always uses TLS.")
	case how == "opportunistic":
		m.policy = mail.TLSOpportunistic
	case how == "never":
		m.policy = mail.NoTLS
	default:
		return fault.New(fault.Invalid, "Write always, opportunistic or never.", "The URL of the mail server says nothing known in `tls`.")
	}
	if m.user != "" && m.policy != mail.TLSMandatory && !m.local() {
		return fault.New(fault.Invalid, "Leave `tls` out, or the user and the password.", "A password would be sent without TLS.")
	}
	return nil
}

// local reports whether the server is on this machine.
func (m *mailServer) local() bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, m.host)
}

// mail sends a delivery by mail. Whether it arrived is known once the server
// took the message; what fails after that is of no interest.
func (n *Notifier) mail(ctx context.Context, t Target, d run.Delivery) (note string, err error) {
	m, err := parseMail(t.URL)
	if err != nil {
		return "", down("Correct the URL in the notify block.", "%s", t.scrub(err))
	}
	msg, note, err := n.compose(ctx, m, t, d)
	if err != nil {
		return note, &failure{mine: true, fault: fault.New(fault.Invalid, "", "The mail cannot be written: %s", t.scrub(err))}
	}
	client, err := mail.NewClient(m.host, m.options(n, ctx)...)
	if err != nil {
		return note, down("Correct the URL in the notify block.", "%s cannot be used: %s", t, t.scrub(err))
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return note, down("It is tried again by itself; see whether the server can be reached from here, and takes this user.", "%s cannot be reached or logged in to: %s", t, t.scrub(err))
	}
	err = client.SendWithSMTPClient(conn, msg)
	if msg.IsDelivered() {
		client.CloseWithSMTPClient(conn)
		return note, nil
	}
	conn.Close()
	if err == nil {
		err = errors.New("it said nothing about it")
	}
	f := down("It is tried again by itself; ask who runs the server if it stays so.", "%s did not take the mail: %s", t, t.scrub(err))
	var refused *mail.SendError
	if errors.As(err, &refused) {
		f.mine = !refused.IsTemp() && refused.ErrorCode() >= 500
	}
	return note, f
}

// options lead to the server. The connection is closed when ctx ends: the
// library looks at it while it connects and not any more after that.
func (m mailServer) options(n *Notifier, ctx context.Context) []mail.Option {
	config := &tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12, RootCAs: n.o.RootCAs}
	dial := func(dialing context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(dialing, network, addr)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		if !m.implicit {
			return conn, nil
		}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(dialing); err != nil {
			conn.Close()
			return nil, err
		}
		return secured, nil
	}
	all := []mail.Option{mail.WithPort(m.port), mail.WithTimeout(n.o.Timeout), mail.WithDialContextFunc(dial), mail.WithoutNoop(), mail.WithTLSConfig(config)}
	if m.implicit {
		all = append(all, mail.WithSSL())
	} else {
		all = append(all, mail.WithTLSPolicy(m.policy))
	}
	if m.user == "" {
		return all
	}
	return append(all, mail.WithOpportunisticSMTPAuth(logins...), mail.WithUsername(m.user), mail.WithPassword(m.password))
}

// logins are the ways to log in, the best first. The library takes those that
// send the password itself only over TLS or on this machine.
var logins = []mail.SMTPAuthType{mail.SMTPAuthSCRAMSHA256PLUS, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1PLUS, mail.SMTPAuthSCRAMSHA1,
	mail.SMTPAuthCramMD5, mail.SMTPAuthPlain, mail.SMTPAuthLogin}

// compose writes the mail. The Message-ID comes from the delivery's id, so
// that a mail that is sent twice can be told.
func (n *Notifier) compose(ctx context.Context, m mailServer, t Target, d run.Delivery) (msg *mail.Msg, note string, err error) {
	msg = mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	msg.ToMailAddress(m.to...)
	w := t.word(d)
	_, domain, _ := strings.Cut(m.from.Address, "@")
	msg.SetMessageIDWithValue(d.ID + "@" + domain)
	msg.SetDateWithValue(d.Notice.At)
	msg.Subject(cut(w.title, 250))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Tfops-Delivery", d.ID)
	text, note := w.text, w.note
	var html []byte
	left := maxAttached
	if r := d.Notice.Report; r != nil && t.Style != StyleText {
		for _, format := range t.formats(r) {
			doc, why := n.report(ctx, r.ID, format, left)
			if why != "" {
				text, note = text+"\n\n"+why, why
				continue
			}
			left -= len(doc)
			if format == "html" && t.Style != StyleAttachment {
				html = doc
				continue
			}
			if err := msg.AttachReader("tfops-report."+extension(format), bytes.NewReader(doc), mail.WithFileContentType(contentType(format))); err != nil {
				return nil, note, err
			}
		}
	}
	msg.SetBodyString(mail.TypeTextPlain, text)
	if html != nil {
		msg.AddAlternativeString(mail.TypeTextHTML, string(html))
	}
	return msg, note, nil
}

// extension is how the name of a file in a format ends.
func extension(format string) string {
	switch format {
	case "junit":
		return "junit.xml"
	case "sarif":
		return "sarif.json"
	}
	return format
}

func contentType(format string) mail.ContentType {
	switch format {
	case "html":
		return "text/html"
	case "md":
		return "text/markdown"
	case "csv":
		return "text/csv"
	case "json", "sarif":
		return "application/json"
	case "junit":
		return "application/xml"
	}
	return mail.TypeAppOctetStream
}
