package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"

	mail "github.com/wneessen/go-mail"

	"github.com/tfops/tfops/internal/drift/report/documents"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// maxAttached is how much goes along with one mail, in bytes.
const maxAttached = 10 << 20

// mail sends a delivery by mail. Whether it arrived is known once the server
// took the message; what fails after that is of no interest.
func (n *Notifier) mail(ctx context.Context, t notify.Target, d run.Delivery) (note string, err error) {
	m, err := notify.ParseMail(t.URL)
	if err != nil {
		return "", down("Correct the URL in the notify block.", "%s", t.Scrub(err))
	}
	msg, note, err := n.compose(ctx, m, t, d)
	if err != nil {
		return note, &failure{mine: true, fault: fault.New(fault.Invalid, "", "the mail cannot be written: %s",
			t.Scrub(err))}
	}
	client, err := mail.NewClient(m.Host, n.mailOptions(ctx, m)...)
	if err != nil {
		return note, down("Correct the URL in the notify block.", "%s cannot be used: %s", t, t.Scrub(err))
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return note, down("It is tried again by itself; see whether the server can be reached from here, and takes "+
			"this user.", "%s cannot be reached or logged in to: %s", t, t.Scrub(err))
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
	f := down("It is tried again by itself; ask who runs the server if it stays so.", "%s did not take the mail: %s", t,
		t.Scrub(err))
	var refused *mail.SendError
	if errors.As(err, &refused) {
		f.mine = !refused.IsTemp() && refused.ErrorCode() >= 500
	}
	return note, f
}

// mailOptions lead to the server. The connection is closed when ctx ends: the
// library looks at it while it connects and not any more after that.
func (n *Notifier) mailOptions(ctx context.Context, m notify.MailServer) []mail.Option {
	config := &tls.Config{ServerName: m.Host, MinVersion: tls.VersionTLS12, RootCAs: n.o.RootCAs}
	dial := func(dialing context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(dialing, network, addr)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		if !m.Implicit {
			return conn, nil
		}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(dialing); err != nil {
			conn.Close()
			return nil, err
		}
		return secured, nil
	}
	all := []mail.Option{mail.WithPort(m.Port), mail.WithTimeout(n.o.Timeout), mail.WithDialContextFunc(dial),
		mail.WithoutNoop(), mail.WithTLSConfig(config)}
	if m.Implicit {
		all = append(all, mail.WithSSL())
	} else {
		all = append(all, mail.WithTLSPolicy(m.Policy))
	}
	if m.User == "" {
		return all
	}
	return append(all, mail.WithOpportunisticSMTPAuth(logins...), mail.WithUsername(m.User),
		mail.WithPassword(m.Password))
}

// logins are the ways to log in, the best first. The library takes those that
// send the password itself only over TLS or on this machine.
var logins = []mail.SMTPAuthType{mail.SMTPAuthSCRAMSHA256PLUS, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1PLUS,
	mail.SMTPAuthSCRAMSHA1,
	mail.SMTPAuthCramMD5, mail.SMTPAuthPlain, mail.SMTPAuthLogin}

// compose writes the mail. The Message-ID comes from the delivery's id, so
// that a mail that is sent twice can be told.
func (n *Notifier) compose(ctx context.Context, m notify.MailServer, t notify.Target, d run.Delivery) (msg *mail.Msg,
	note string, err error) {
	msg = mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.From)
	msg.ToMailAddress(m.To...)
	w := t.Wording(d)
	_, domain, _ := strings.Cut(m.From.Address, "@")
	msg.SetMessageIDWithValue(d.ID + "@" + domain)
	msg.SetDateWithValue(d.Notice.At)
	msg.Subject(notify.Cut(w.Title, 250))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Tfops-Delivery", d.ID)
	text, note := w.Text, w.Note
	var html []byte
	left := maxAttached
	if r := d.Notice.Report; r != nil && t.Style != notify.StyleText {
		for _, format := range t.Formats(r) {
			body := format == "html" && t.Style != notify.StyleAttachment
			if body {
				html, _ = n.report(ctx, r.ID, formats.Mail, left)
			}
			doc, why := n.report(ctx, r.ID, format, left)
			if why != "" {
				text, note = text+"\n\n"+why, why
				continue
			}
			if body && len(doc) <= documents.MailSize { // the mail has all of it
				continue
			}
			left -= len(doc)
			if err := msg.AttachReader("tfops-report."+extension(format), bytes.NewReader(doc),
				mail.WithFileContentType(contentType(format))); err != nil {
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
