package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/redact"
)

// redacted is a cause whose text was cleared of secrets. It answers errors.Is
// for what it hides, and does not unwrap, so that no printer can reach it.
type redacted struct {
	text string
	err  error
}

func (r redacted) Error() string        { return r.text }
func (r redacted) Is(target error) bool { return errors.Is(r.err, target) }

// Redact clears err of every secret of the remote.
func (r Remote) Redact(err error) error {
	text := err.Error()
	var status *githttp.Err
	if inner := openUp(err); errors.As(inner, &status) && !strings.HasPrefix(strings.TrimSpace(status.Reason), "<") {
		text = strings.TrimSuffix(text+": "+FirstLine(status.Reason), ": ")
	}
	return redacted{FirstLine(redact.Text(text, "***", r.secrets()...)), err}
}

// secrets are what no answer of the remote may show: also as they are sent to log in.
func (r Remote) secrets() []string {
	secrets := []string{r.Auth.SSHKeyPassphrase}
	login := func(user, password string) {
		if password != "" {
			secrets = append(secrets, user+":"+password, password)
		}
	}
	login(r.Auth.Username, r.Auth.Password)
	if u, err := url.Parse(r.URL); err == nil && u.User != nil {
		password, _ := u.User.Password()
		login(u.User.Username(), password)
	}
	return secrets
}

// FirstLine keeps what a server answered from filling a screen, or from
// steering the terminal.
func FirstLine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return strings.TrimSpace(text)
}

// Fault says what kept us from talking to the remote, and what to do.
func (r Remote) Fault(ctx context.Context, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	at := r.String()
	if cause := ctx.Err(); cause != nil {
		if errors.Is(cause, context.DeadlineExceeded) {
			return fault.New(fault.Unavailable,
				"check that the host can be reached from here; it is tried again at the next poll",
				"repository %q: %s did not answer in time: %w", r.Name, at, cause)
		}
		return fault.New(fault.Unavailable, "", "repository %q: talking to %s was canceled: %w", r.Name, at, cause)
	}
	cause := r.Redact(err)
	if l, ok := fault.LackOf(err); ok {
		return fault.New(fault.Unavailable, l.Next, "repository %q: %s (%w)", r.Name, l.What, cause)
	}
	code, what, next := classify(err)
	if what == "" {
		return fault.New(code, next, "repository %q: %s: %w", r.Name, at, cause)
	}
	return fault.New(code, next, "repository %q: %s %s (%w)", r.Name, at, what, cause)
}

// classify turns an error of a transport into a code, what it means, and what to do.
func classify(err error) (fault.Code, string, string) {
	err = openUp(err)
	var (
		dns    *net.DNSError
		status *githttp.Err
	)
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired),
		strings.Contains(err.Error(), "ssh: unable to authenticate"):
		return fault.Forbidden, "does not accept these credentials, or needs some",
			"check the user, token or key of the repository's auth block, and that the token has not expired"
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return fault.Forbidden, "forbids reading this repository",
			"give the user or token of the auth block read access to the repository"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fault.Invalid, "has no such repository",
			"check the URL; some hosts answer so too when the credentials may not see the repository"
	case wantsCertificate(err):
		return fault.Forbidden, "asks for a client certificate, or does not accept the one it got",
			`give both in the repository's tls block: cert = file("client.pem"), key = file("client-key.pem"); ` +
				"a certificate that is there may have expired"
	case isTLS(err):
		return fault.Invalid, "has no trustworthy TLS connection",
			"check the host name; for a private authority name its certificate in the repository's tls block, " +
				`ca = file("ca.pem"), in SSL_CERT_FILE, or in the system's trust store`
	case errors.As(err, &dns):
		return fault.Unavailable, "has a host name that cannot be resolved",
			"check the host name in the URL and the name server of this machine"
	case errors.As(err, &status):
		return fault.Unavailable, "refused the request",
			"it is tried again at the next poll; if it stays, check the URL and the host's own status"
	case strings.Contains(err.Error(), "object-format=sha256"):
		return fault.Invalid, "has a repository with SHA-256 object ids, which cannot be read",
			"use a repository with SHA-1 object ids, as git makes it by default"
	case isGarbled(err):
		return fault.Unavailable, "does not answer as a Git server does",
			"check that the URL is that of a repository and not of a web page or a login proxy"
	}
	return fault.Unavailable, "", "check that the host can be reached from here; it is tried again at the next poll"
}

// openUp undoes go-git's wrappers that do not unwrap.
func openUp(err error) error {
	for {
		var unexpected *plumbing.UnexpectedError
		var permanent *plumbing.PermanentError
		switch {
		case errors.As(err, &unexpected):
			err = unexpected.Err
		case errors.As(err, &permanent):
			err = permanent.Err
		default:
			return err
		}
	}
}

// wantsCertificate reports whether the host ended the connection because of the
// client's certificate. crypto/tls has only a text for that.
func wantsCertificate(err error) bool {
	_, alert, ok := strings.Cut(err.Error(), "remote error: tls: ")
	return ok && strings.Contains(alert, "certificate")
}

func isTLS(err error) bool {
	var (
		verify *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
		author x509.UnknownAuthorityError
		host   x509.HostnameError
		cert   x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &author) || errors.As(err, &host) || errors.As(err, &cert) ||
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

func isGarbled(err error) bool {
	var data *packp.ErrUnexpectedData
	return errors.As(err, &data) || errors.Is(err, pktline.ErrInvalidPktLen) || errors.Is(err, packp.ErrEmptyInput)
}
