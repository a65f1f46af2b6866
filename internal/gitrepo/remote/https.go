package remote

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"

	"github.com/tfops/tfops/internal/fault"
)

// httpTransport is shared by all mirrors that have no certificates of their
// own, so that a poll reuses the connection of the one before.
var httpTransport = bounded{newTransport(nil)}

func newTransport(config *tls.Config) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 4
	t.TLSClientConfig = config
	return t
}

// maxRefusal is how much is read, in bytes, of what a host says with an error.
const maxRefusal = 64 << 10

// bounded cuts what a host says with an error: go-git reads it whole.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil && resp.StatusCode >= http.StatusMultipleChoices {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxRefusal), resp.Body}
	}
	return resp, err
}

// ownHost uses a repository's certificates with its host alone: a redirect to
// another one is told nothing of who asks, and gains no trust.
type ownHost struct {
	host string // with the port
	own  http.RoundTripper
}

func (o ownHost) RoundTrip(req *http.Request) (*http.Response, error) {
	at := Address{Scheme: req.URL.Scheme, Host: req.URL.Host}
	if req.URL.Scheme == "https" && strings.EqualFold(at.hostPort(443), o.host) {
		return o.own.RoundTrip(req)
	}
	return httpTransport.RoundTrip(req)
}

// Transport is the shared one, or one with the repository's certificates.
func (r Remote) Transport(at Address) (http.RoundTripper, error) {
	if at.Scheme != "https" || len(r.Auth.CA)+len(r.Auth.ClientCert)+len(r.Auth.ClientKey) == 0 {
		return httpTransport, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(r.Auth.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // a machine without any: what is configured counts all the same
		}
		if !pool.AppendCertsFromPEM(r.Auth.CA) {
			return nil, fault.New(fault.Invalid, `give the text of a file of certificates in PEM: ca = file("ca.pem")`,
				"repository %q: its tls block has a ca that holds no certificate", r.Name)
		}
		config.RootCAs = pool
	}
	if len(r.Auth.ClientCert)+len(r.Auth.ClientKey) > 0 {
		pair, err := tls.X509KeyPair(r.Auth.ClientCert, r.Auth.ClientKey)
		if err != nil {
			return nil, fault.New(fault.Invalid,
				"give a certificate and the private key that belongs to it, both in PEM, the key without a passphrase",
				"repository %q: its client certificate cannot be used: %w", r.Name, r.Redact(err))
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return ownHost{at.hostPort(443), bounded{newTransport(config)}}, nil
}
