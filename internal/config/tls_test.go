package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certFiles are a certificate and its key.
func certFiles(t *testing.T, name string) map[string]string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		name + ".pem":     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		name + "-key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})),
	}
}

// TestTLS: what a tls block may say, and what is told of its mistakes.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		for file, text := range certFiles(t, name) {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for block, want := range map[string]string{
		`tls { ca = file("a.pem") }`:                                    "",
		"tls {\n cert = file(\"a.pem\")\n key = file(\"a-key.pem\")\n}": "",
		"tls {\n cert = file(\"a.pem\")\n key = file(\"b-key.pem\")\n}": "certificate and key do not fit",
		`tls { cert = file("a.pem") }`:                                  "half of a client certificate",
		`tls { key = file("a-key.pem") }`:                               "half of a client certificate",
		`tls { ca = "a.pem" }`:                                          "not in PEM",
		`tls { ca = file("a-key.pem") }`:                                "no certificate",
		`tls { ca_file = "a.pem" }`:                                     `ca = file(`,
		`tls { insecure = true }`:                                       "There is no way to trust any host",
		`fetch = "some"`:                                                `"followed" or "all"`,
		`fetch = "all"`:                                                 "",
		"tls { ca = file(\"a.pem\") }\n tls { ca = file(\"b.pem\") }":   "tls",
	} {
		path := filepath.Join(dir, "tfops.hcl")
		if err := os.WriteFile(path, []byte("data_dir = \"data\"\nrepository \"infra\" {\n"+
			"  url = \"https://git.example.com/infra.git\"\n  "+block+"\n}\n"+
			"workspace \"app\" { repository = \"infra\" }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		var p *Problems
		var out bytes.Buffer
		if errors.As(err, &p) {
			if err := p.Render(&out, false, 0); err != nil {
				t.Fatal(err)
			}
		}
		said := strings.Join(strings.Fields(out.String()), " ")
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %s", block, said)
		case want != "" && (err == nil || !strings.Contains(said, want)):
			t.Errorf("%s: %q is not in: %s", block, want, said)
		}
		if strings.Contains(out.String(), "PRIVATE KEY") {
			t.Errorf("%s: a key shows: %s", block, said)
		}
		if c != nil && strings.Contains(block, "cert =") &&
			(len(c.Repositories[0].TLS.Cert) == 0 || len(c.Repositories[0].TLS.Key) == 0) {
			t.Errorf("%s: %+v", block, c.Repositories[0])
		}
	}
}

// TestApplyOffline: it follows from whether there are rules, also those of the
// defaults, unless it is said.
func TestApplyOffline(t *testing.T) {
	const rule = "approval \"four-eyes\" {\n  require = 1\n}\n"
	for name, c := range map[string]struct {
		defaults, workspace string
		want                bool
	}{
		"no rule":               {"", "", true},
		"a rule":                {"", rule, false},
		"a rule of the others":  {rule, "", false},
		"a rule, and said":      {"", rule + "apply_offline = true\n", true},
		"no rule, and said":     {"", "apply_offline = false\n", false},
		"said for all":          {"apply_offline = false\n", "", false},
		"said for all, but not": {"apply_offline = false\n", "apply_offline = true\n", true},
	} {
		got := load(t, "data_dir = \"data\"\nrepository \"infra\" {\n  url = \"https://git.example.com/infra.git\"\n"+
			"}\ndefaults {\n"+c.defaults+"}\nworkspace \"app\" {\n  repository = \"infra\"\n"+c.workspace+"}\n", nil)
		if w := got.Workspaces[0]; w.ApplyOffline != c.want {
			t.Errorf("%s: %t", name, w.ApplyOffline)
		}
	}
}
