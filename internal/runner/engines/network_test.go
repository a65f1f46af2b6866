package engines_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/testrig"
)

// A release server behind a company's own certificate is trusted when
// SSL_CERT_FILE or SSL_CERT_DIR names it, as Git trusts it.
func TestCertificatesOfTheEnvironment(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	file := filepath.Join(dir, "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, env := range []map[string]string{{"SSL_CERT_FILE": file}, {"SSL_CERT_DIR": t.TempDir() + ":" + dir}} {
		req := request(t, r)
		req.ReleaseURL = server.URL
		missing(t, req, fault.Unavailable, "certificate")
		req.Env = env
		found(t, req, "1.11.4")
	}
	req := request(t, r)
	req.ReleaseURL = server.URL
	req.Env = map[string]string{"SSL_CERT_FILE": filepath.Join(dir, "README")}
	missing(t, req, fault.Invalid, "SSL_CERT_FILE", "holds no certificate")
	req.Env = map[string]string{"SSL_CERT_FILE": filepath.Join(dir, "gone.pem")}
	missing(t, req, fault.Invalid, "SSL_CERT_FILE", "no such file")
	req.Env = map[string]string{"SSL_CERT_DIR": filepath.Join(dir, "gone")}
	missing(t, req, fault.Invalid, "SSL_CERT_DIR")
}

// A proxy is used in either spelling of its variable, but not for hosts of NO_PROXY.
func TestProxyOfTheEnvironment(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	asked := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked++
		if req.URL.Host != "releases.example.com" {
			t.Errorf("the proxy was asked for %s", req.URL)
		}
		r.ServeHTTP(w, req)
	}))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		asked = 0
		req := request(t, r)
		req.ReleaseURL, req.Env = "http://releases.example.com", map[string]string{name: proxy.URL}
		found(t, req, "1.11.4")
		if asked == 0 {
			t.Errorf("%s was not used", name)
		}
		req = request(t, r)
		req.ReleaseURL = "http://releases.example.com"
		req.Env = map[string]string{name: proxy.URL, strings.Replace(name, "http", "no", 1): "example.com",
			"NO_PROXY": "example.com"}
		asked = 0
		missing(t, req, fault.Unavailable)
		if asked > 0 {
			t.Error("NO_PROXY does not count")
		}
	}
}
