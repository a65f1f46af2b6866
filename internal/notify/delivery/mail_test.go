package delivery

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	gomail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	mail "github.com/wneessen/go-mail"

	"github.com/tfops/tfops/internal/drift/report/documents"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
)

// letter is a mail that a server took.
type letter struct {
	user, from string
	to         []string
	data       []byte
}

// postOffice is a mail server that does as it is told.
type postOffice struct {
	letters  chan letter
	password string // it asks for one; "" to take from anybody

	mu   sync.Mutex
	does []func(data io.Reader) error // to the next letters; then it takes them
}

func (p *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{office: p, conn: c}, nil
}

type session struct {
	office *postOffice
	conn   *smtp.Conn
	letter letter
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != s.office.password {
			// A server that repeats what it was given.
			return fmt.Errorf("user %s does not have the password %s", user, password)
		}
		s.letter.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.office.password != "" && s.letter.user == "" {
		return smtp.ErrAuthRequired
	}
	s.letter.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.to = append(s.letter.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	s.office.mu.Lock()
	var do func(io.Reader) error
	if len(s.office.does) > 0 {
		do, s.office.does = s.office.does[0], s.office.does[1:]
	}
	s.office.mu.Unlock()
	if do != nil {
		if err := do(r); err != nil {
			if errors.Is(err, errHangUp) {
				s.conn.Conn().Close()
			}
			return err
		}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.letter.data = data
	s.office.letters <- s.letter
	return nil
}

func (s *session) Reset()        { s.letter.from, s.letter.to = "", nil }
func (s *session) Logout() error { return nil }

var errHangUp = errors.New("hang up")

// certificate is of 127.0.0.1, with the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// openOffice starts a mail server behind the gate: in the open, with STARTTLS,
// or with TLS from the beginning.
func openOffice(t *testing.T, door *gate, p *postOffice, how string) *x509.CertPool {
	t.Helper()
	server := smtp.NewServer(p)
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "localhost", how == "plain", silent{}
	cert, pool := certificate(t)
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if how == "starttls" {
		server.TLSConfig = config
	}
	door.open(t, func(ln net.Listener) {
		if how == "tls" {
			ln = tls.NewListener(ln, config)
		}
		server.Serve(ln)
	})
	t.Cleanup(func() { server.Close() })
	return pool
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

func newOffice(password string) *postOffice {
	return &postOffice{letters: make(chan letter, 100), password: password}
}

// part is a piece of a mail.
type part struct{ kind, name, text string }

// parts takes a mail apart.
func parts(t *testing.T, header func(string) string, body io.Reader) []part {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		switch header("Content-Transfer-Encoding") {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		_, disposition, _ := mime.ParseMediaType(header("Content-Disposition"))
		return []part{{kind, disposition["filename"], string(text)}}
	}
	var all []part
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, parts(t, p.Header.Get, p)...)
	}
}

func TestMail(t *testing.T) {
	for how, url := range map[string]string{
		"plain":    "smtp://%s/?from=tfops@example.com&to=ops@example.com,Li+%%3Cli@example.com%%3E&tls=never",
		"login":    "smtp://ana:s%%40cret@%s/?from=tfops@example.com&to=ops@example.com,li@example.com&tls=never",
		"starttls": "smtp://ana:s%%40cret@%s/?from=tfops@example.com&to=ops@example.com,li@example.com",
		"tls":      "smtps://ana:s%%40cret@%s/?from=tfops@example.com&to=ops@example.com&to=li@example.com",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			door, office := shutGate(t), newOffice("")
			if how != "plain" {
				office.password = "s@cret"
			}
			g := newRig(t, notify.Target{Name: "mail", URL: fmt.Sprintf(url, door.addr)})
			g.options.RootCAs = openOffice(t, door, office, strings.Replace(how, "login", "plain", 1))
			g.options.Reports = func(_ context.Context, id, format string) ([]byte, error) {
				return []byte("<p>" + id + " in " + format + "</p>"), nil
			}
			n := notifytest.Notice("Drift in 3 workspaces\r\nBcc: eve@example.com", "mail")
			n.Kind, n.Text, n.Report = run.NoticeReport, "Drift, é and a line that is very long: "+
				strings.Repeat("x", 2000), &run.ReportRef{ID: "r1", Formats: []string{"html", "csv", "junit"}}
			g.tell(n)
			id := g.waiting()[0].ID
			g.start(g.store)
			if o := g.outcome(); o.Err != nil || o.Note != "" {
				t.Fatalf("outcome: %+v", o)
			}
			l := receive(t, office.letters, "a mail")
			if l.from != "tfops@example.com" || !slices.Equal(l.to, []string{"ops@example.com", "li@example.com"}) ||
				(how != "plain") != (l.user == "ana") {
				t.Errorf("from %s to %q by %q", l.from, l.to, l.user)
			}
			m, err := gomail.ReadMessage(bytes.NewReader(l.data))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || subject != "Drift in 3 workspaces Bcc: eve@example.com" || m.Header.Get("Bcc") != "" {
				t.Errorf("subject %q, %v", subject, err)
			}
			for name, want := range map[string]string{"Message-Id": "<" + id + "@example.com>", "X-Tfops-Delivery": id,
				"Auto-Submitted": "auto-generated"} {
				if got := m.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if date, err := m.Header.Date(); err != nil || !date.Equal(g.clock.now()) {
				t.Errorf("of %v, %v", date, err)
			}
			got := parts(t, m.Header.Get, m.Body)
			want := []part{{"text/plain", "", n.Text + "\r\n\r\nNext: " + n.Command},
				{"text/html", "", "<p>r1 in mail</p>"}}
			if len(got) != 4 || got[0] != want[0] && strings.ReplaceAll(got[0].text, "\r\n",
				"\n") != strings.ReplaceAll(want[0].text, "\r\n", "\n") || got[1] != want[1] {
				t.Errorf("parts: %+v", got)
			}
			if len(got) == 4 && (got[2].name != "tfops-report.csv" || got[2].kind != "text/csv" ||
				got[3].name != "tfops-report.junit.xml") {
				t.Errorf("attached: %+v", got[2:])
			}
		})
	}
}

// TestStyles: how a report goes along with a mail, and that one that cannot be
// had is said to be missing.
func TestStyles(t *testing.T) {
	for style, want := range map[notify.Style]string{
		"":                     "text/plain text/html text/csv=tfops-report.csv",
		notify.StyleBody:       "text/plain text/html text/csv=tfops-report.csv",
		notify.StyleAttachment: "text/plain text/html=tfops-report.html text/csv=tfops-report.csv",
		notify.StyleText:       "text/plain",
	} {
		n := New(nil, Options{Reports: func(_ context.Context, id, format string) ([]byte, error) {
			if format == "md" {
				return nil, errors.New("it is gone")
			}
			return []byte("x"), nil
		}})
		target := notify.Target{Name: "mail", URL: "smtp://h/?from=a@b&to=c@d", Style: style}
		m, err := notify.ParseMail(target.URL)
		if err != nil {
			t.Fatal(err)
		}
		d := run.Delivery{ID: "1-mail", Notice: run.Notice{Title: "a", Text: "b",
			Report: &run.ReportRef{ID: "r1", Formats: []string{"html", "csv", "md"}}}}
		msg, note, err := n.compose(t.Context(), m, target, d)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		all := sent(t, msg)
		for _, p := range all {
			got = append(got, strings.TrimSuffix(p.kind+"="+p.name, "="))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", style, got, want)
		}
		if missing := "The report r1 (md) is not attached: it is gone."; (style != notify.StyleText) !=
			(strings.Contains(note, missing) && strings.Contains(all[0].text, "is not attached")) {
			t.Errorf("%q: note %q, text %q", style, note, all[0].text)
		}
	}
}

// TestLargeReports: what is too large for the body of a mail goes along as a whole, too.
func TestLargeReports(t *testing.T) {
	for size, want := range map[int]string{
		documents.MailSize:     "text/plain text/html",
		documents.MailSize + 1: "text/plain text/html text/html=tfops-report.html",
		maxAttached + 1:        "text/plain text/html",
	} {
		n := New(nil, Options{Reports: func(_ context.Context, id, format string) ([]byte, error) {
			if format == "html" {
				return bytes.Repeat([]byte("x"), size), nil
			}
			return []byte(format), nil
		}})
		target := notify.Target{Name: "mail", URL: "smtp://h/?from=a@b&to=c@d"}
		m, err := notify.ParseMail(target.URL)
		if err != nil {
			t.Fatal(err)
		}
		d := run.Delivery{ID: "1-mail", Notice: run.Notice{Title: "a", Text: "b",
			Report: &run.ReportRef{ID: "r1", Formats: []string{"html"}}}}
		msg, note, err := n.compose(t.Context(), m, target, d)
		if err != nil || (note != "") != (size > maxAttached) {
			t.Fatal(note, err)
		}
		var got []string
		for _, p := range sent(t, msg) {
			got = append(got, strings.TrimSuffix(p.kind+"="+p.name, "="))
			if p.kind == "text/html" && p.name == "" && p.text != "mail" {
				t.Errorf("the body is %.20q", p.text)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d bytes: %q, want %q", size, got, want)
		}
	}
}

// sent is a message as it goes to the server.
func sent(t *testing.T, msg *mail.Msg) []part {
	t.Helper()
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	read, err := gomail.ReadMessage(&b)
	if err != nil {
		t.Fatal(err)
	}
	return parts(t, read.Header.Get, read.Body)
}

// TestEveryMailArrives: whatever the server does, mails arrive once it is well
// again, each under one Message-ID.
func TestEveryMailArrives(t *testing.T) {
	for name, c := range map[string]struct {
		does func(io.Reader) error
		says string
		mine bool
	}{
		"a while": {func(io.Reader) error { return &smtp.SMTPError{Code: 451, Message: "come again"} },
			"come again", false},
		"for good": {func(io.Reader) error { return &smtp.SMTPError{Code: 554, Message: "no such thing"} },
			"no such thing", true},
		"hangs up": {func(io.Reader) error { return errHangUp }, "did not take the mail", false},
		"in the middle": {func(r io.Reader) error { r.Read(make([]byte, 10)); return errHangUp },
			"did not take the mail", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			door, office := shutGate(t), newOffice("")
			g := newRig(t, notify.Target{Name: "mail", URL: "smtp://" + door.addr +
				"/?from=tfops@example.com&to=ops@example.com&tls=never"})
			g.tell(notifytest.Notice("first", "mail"))
			id := g.waiting()[0].ID
			g.start(g.store)
			if o := g.outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "cannot be reached") {
				t.Fatalf("while it is down: %+v", o)
			}
			office.does = []func(io.Reader) error{c.does, c.does}
			openOffice(t, door, office, "plain")
			for range 2 {
				g.later()
				o := g.outcome()
				if o.Err == nil || !strings.Contains(o.Err.Error(), c.says) || o.Dead {
					t.Fatalf("outcome: %+v", o)
				}
				var f *failure
				if !errors.As(o.Err, &f) || f.mine != c.mine {
					t.Errorf("whose fault: %+v", f)
				}
			}
			g.later()
			if o := g.outcome(); o.Err != nil {
				t.Fatalf("outcome: %+v", o)
			}
			l := receive(t, office.letters, "a mail")
			if !bytes.Contains(l.data, []byte("Message-ID: <"+id+"@example.com>\r\n")) || len(office.letters) != 0 {
				t.Errorf("%d more, and %s", len(office.letters), l.data)
			}
		})
	}
}

// TestMailServerSpeaksGarbage: not SMTP, or nothing at all.
func TestMailServerSpeaksGarbage(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"garbage": func(c net.Conn) { io.WriteString(c, "\x00\xff\x01 what\r\n\r\n"); c.Close() },
		"closes":  func(c net.Conn) { c.Close() },
		"silence": func(c net.Conn) { io.Copy(io.Discard, c); c.Close() },
		"endless": func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "220-more\r\n"); err != nil {
					c.Close()
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			door := shutGate(t)
			door.open(t, func(ln net.Listener) {
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					go serve(c)
				}
			})
			g := newRig(t, notify.Target{Name: "mail", URL: "smtp://" + door.addr +
				"/?from=tfops@example.com&to=ops@example.com&tls=never"})
			g.options.Timeout = 300 * time.Millisecond
			g.tell(notifytest.Notice("first", "mail"))
			g.start(g.store)
			if o := g.outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "cannot be reached") {
				t.Errorf("outcome: %+v", o)
			}
		})
	}
}

func TestMailURLs(t *testing.T) {
	good := "smtps://ana:pw@mail.example.com/?from=a@example.com&to=b@example.com"
	for url, want := range map[string]string{
		good: "", strings.Replace(good, "smtps", "smtp", 1): "", good + "&to=c@example.com": "",
		"smtp://localhost/?from=a@b&to=c@d&tls=never": "", "smtp://u:p@127.0.0.1:25/?from=a@b&to=c@d&tls=never": "",
		"smtp://h/?from=a@b&to=c@d&tls=opportunistic":     "",
		"smtps:///?from=a@b&to=c@d":                       "names no host",
		"smtp://h:0/?from=a@b&to=c@d":                     "The port",
		"smtp://h/?to=c@d":                                "in `from`",
		"smtp://h/?from=a@b":                              "in `to`",
		"smtp://h/?from=a@b&to=c@d,nobody":                "in `to`",
		"smtp://h/?from=a@b&to=c@d&subject=x":             "a parameter",
		"smtp://h/?from=a@b&to=c@d&tls=no":                "nothing known in `tls`",
		"smtp://u:p@h/?from=a@b&to=c@d&tls=never":         "without TLS",
		"smtp://u:p@h/?from=a@b&to=c@d&tls=opportunistic": "without TLS",
		"smtps://h/?from=a@b&to=c@d&tls=never":            "always uses TLS",
		"smtp://h/?from=a@b&to=c@d;e=%zz":                 "cannot be read",
	} {
		err := notify.Target{Name: "mail", URL: url}.CheckURL()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

// TestNoTLS: a server that does not offer TLS is told nothing.
func TestNoTLS(t *testing.T) {
	door, office := shutGate(t), newOffice("s@cret")
	openOffice(t, door, office, "plain")
	g := newRig(t, notify.Target{Name: "mail", URL: "smtp://ana:s%40cret@" + door.addr +
		"/?from=tfops@example.com&to=ops@example.com"})
	g.tell(notifytest.Notice("first", "mail"))
	g.start(g.store)
	if o := g.outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "STARTTLS") || len(office.letters) != 0 {
		t.Errorf("outcome: %+v", o)
	}
}
