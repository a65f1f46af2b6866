package engines

import (
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/hashicorp/hc-install/product"
	"golang.org/x/net/http/httpproxy"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/runner/certificates"
)

const (
	terraform = "terraform"
	tofu      = "tofu"
)

// hashicorpURL and hashicorpKey are where Terraform's maker keeps its
// releases, and the key that signs them (hashicorp.com/security, fingerprint
// C874 011F 0AB4 0511 0D02 1055 3436 5D94 72D7 468F).
const hashicorpURL = "https://releases.hashicorp.com"

//go:embed hashicorp.asc
var hashicorpKey string

// source is a release server, laid out like releases.hashicorp.com:
// <name>/index.json and <name>/<version>/ with archive, checksums, signature.
type source struct {
	base    string        // without credentials and trailing slash
	user    *url.Userinfo // credentials; may be nil
	key     string        // armored
	keys    openpgp.EntityList
	product product.Product
	proxy   func(*url.URL) (*url.URL, error)
	roots   *x509.CertPool // nil: the system's
}

// newSource tells where the engine's releases are. hc-install knows no
// OpenTofu, and OpenTofu's own server has another layout, so its releases can
// only come from a mirror that the configuration names.
func newSource(req Request) (*source, error) {
	roots, err := certificates.Of(req.Env)
	if err != nil {
		return nil, err
	}
	s := &source{base: req.ReleaseURL, key: req.PublicKey, proxy: proxies(req.Env), roots: roots}
	s.product = product.Product{Name: req.Name, BinaryName: func() string { return req.Name }}
	if req.Name == terraform {
		if s.base == "" {
			s.base = hashicorpURL
		}
		if s.key == "" {
			s.key = hashicorpKey
		}
	}
	if s.base == "" {
		return nil, nil
	}
	u, err := url.Parse(s.base)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fault.New(fault.Invalid, "write release_url of the engine block like "+hashicorpURL,
			"the release server's address of %s is not an http or https URL", req.Name)
	}
	s.user, u.User = u.User, nil
	s.base = strings.TrimRight(u.String(), "/")
	if s.key == "" {
		return nil, fault.New(fault.Invalid,
			"set public_key in the engine block to the armored key that signs the releases there",
			"the releases of %s at %s cannot be verified without a key", req.Name, s.base)
	}
	s.keys, err = openpgp.ReadArmoredKeyRing(strings.NewReader(s.key))
	if err != nil {
		return nil, fault.New(fault.Invalid,
			"public_key holds the text from -----BEGIN PGP PUBLIC KEY BLOCK----- to its END line",
			"public_key of the engine %s cannot be read: %w", req.Name, err)
	}
	return s, nil
}

// proxies reads the proxy settings from env; without env, from this process.
func proxies(env map[string]string) func(*url.URL) (*url.URL, error) {
	if env == nil {
		return httpproxy.FromEnvironment().ProxyFunc()
	}
	get := func(name string) string {
		if v, ok := env[name]; ok {
			return v
		}
		return env[strings.ToLower(name)]
	}
	c := httpproxy.Config{HTTPProxy: get("HTTP_PROXY"), HTTPSProxy: get("HTTPS_PROXY"), NoProxy: get("NO_PROXY")}
	return c.ProxyFunc()
}

// transport retries what may pass, but gives up within seconds where
// hc-install's own client takes half a minute: a run waits for it. release
// frees its connections.
func (s *source) transport() (rt http.RoundTripper, release func()) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = func(r *http.Request) (*url.URL, error) { return s.proxy(r.URL) }
	if s.roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: s.roots}
	}
	t.ResponseHeaderTimeout = time.Minute
	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: t}
	c.Logger = nil
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer says more than that it gave up
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = 2, 200*time.Millisecond, 2*time.Second
	return &retryablehttp.RoundTripper{Client: c}, t.CloseIdleConnections
}
