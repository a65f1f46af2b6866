package gitrepo_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// issued is a certificate with its key, as files hold them.
type issued struct {
	cert, key []byte
	pair      tls.Certificate
}

// issue makes a certificate, of its own authority when by is nil.
func issue(t *testing.T, name string, by *issued) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		IsCA: by == nil}
	tmpl.Subject.CommonName = name
	parent, signer := tmpl, key
	if by != nil {
		if parent, err = x509.ParseCertificate(by.pair.Certificate[0]); err != nil {
			t.Fatal(err)
		}
		signer = by.pair.PrivateKey.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}),
		tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
}

// TestCertificates: a private authority and a client certificate, each of one
// repository alone.
func TestCertificates(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"})
	authority, other := issue(t, "authority", nil), issue(t, "other", nil)
	clients := issue(t, "clients", nil)
	me, stranger := issue(t, "tfops", clients), issue(t, "stranger", other)

	serve := func(handler http.Handler, client bool) string {
		srv := httptest.NewUnstartedServer(handler)
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{issue(t, "host", authority).pair}}
		if client {
			srv.TLS.ClientCAs = x509.NewCertPool()
			srv.TLS.ClientCAs.AppendCertsFromPEM(clients.cert)
			srv.TLS.ClientAuth = tls.RequireAndVerifyClientCert
		}
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv.URL + "/repo.git"
	}
	open1 := serve(gittest.Handler(repo.Dir, "", ""), false)
	closed := serve(gittest.Handler(repo.Dir, "", ""), true)
	full := remote.Auth{CA: authority.cert, ClientCert: me.cert, ClientKey: me.key}

	for name, c := range map[string]struct {
		url  string
		auth remote.Auth
	}{
		"authority":         {open1, remote.Auth{CA: authority.cert}},
		"one of several":    {open1, remote.Auth{CA: append(append([]byte{}, other.cert...), authority.cert...)}},
		"client":            {closed, full},
		"client, not asked": {open1, full},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := open(t, remote.Remote{URL: c.url, Auth: c.auth})
			fetch(t, m)
			if !m.Has(sha) {
				t.Error("nothing was fetched")
			}
		})
	}
	for name, c := range map[string]struct {
		url   string
		auth  remote.Auth
		code  fault.Code
		words []string
	}{
		"no authority":      {open1, remote.Auth{}, fault.Invalid, []string{"TLS", "ca = file"}},
		"another authority": {open1, remote.Auth{CA: other.cert}, fault.Invalid, []string{"TLS", "ca = file"}},
		"no client": {closed, remote.Auth{CA: authority.cert}, fault.Forbidden,
			[]string{"client certificate", "cert = file"}},
		"another's client": {closed, remote.Auth{CA: authority.cert, ClientCert: stranger.cert,
			ClientKey: stranger.key},
			fault.Forbidden, []string{"client certificate", "cert = file"}},
	} {
		t.Run(name, func(t *testing.T) { both(t, remote.Remote{URL: c.url, Auth: c.auth}, c.code, c.words...) })
	}
	for name, auth := range map[string]remote.Auth{
		"no PEM":          {CA: []byte("ca.pem")},
		"half":            {ClientCert: me.cert},
		"not its key":     {ClientCert: me.cert, ClientKey: stranger.key},
		"a key, no certs": {CA: me.key},
	} {
		_, err := gitrepo.Open(t.TempDir(), remote.Remote{Name: "infra", URL: open1, Auth: auth})
		wantFault(t, err, fault.Invalid, `"infra"`)
		if strings.Contains(err.Error()+fault.Next(err), "PRIVATE KEY") {
			t.Errorf("%s: a key shows: %v", name, err)
		}
	}

	t.Run("a redirect to another host", func(t *testing.T) {
		seen := make(chan int, 8)
		inner := gittest.Handler(repo.Dir, "", "")
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen <- len(r.TLS.PeerCertificates)
			inner.ServeHTTP(w, r)
		}))
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{trusted}, ClientAuth: tls.RequestClientCert}
		srv.StartTLS()
		t.Cleanup(srv.Close)
		first := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, srv.URL+r.URL.RequestURI(), http.StatusFound)
		}), true)
		m, _ := open(t, remote.Remote{URL: first, Auth: full})
		fetch(t, m)
		if n := <-seen; n > 0 {
			t.Error("the client certificate went to another host")
		}
	})
}

// TestHostCertificate: a host that shows a certificate whose authority is not
// known is refused with the line that makes it known.
func TestHostCertificate(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"})
	srv := gittest.ServeSSH(t, repo.Dir)
	srv.Certify(t, "127.0.0.1")
	elsewhere := gittest.ServeSSH(t, repo.Dir)
	for name, known := range map[string]string{"nothing known": "", "another host": string(elsewhere.KnownHosts())} {
		r := remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: []byte(known)}}
		both(t, r, fault.Invalid, "certificate", "@cert-authority [127.0.0.1]:", "SHA256:")
		m, _ := open(t, r)
		_, err := m.Heads(t.Context())
		_, line, _ := strings.Cut(fault.Next(err), ": @cert")
		r.Auth.KnownHosts = []byte("@cert" + line)
		m, _ = open(t, r)
		fetch(t, m)
		if !m.Has(sha) {
			t.Errorf("%s: nothing was fetched", name)
		}
	}
	m, _ := open(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: srv.KnownHosts()}})
	fetch(t, m) // its plain key is known: no certificate is needed

	wrong := gittest.ServeSSH(t, repo.Dir)
	authority := wrong.Certify(t, "git.example.com")
	line := "@cert-authority " + knownhosts.Line([]string{wrong.Addr}, authority)
	both(t, remote.Remote{URL: wrong.URL, Auth: remote.Auth{SSHKey: wrong.Key, KnownHosts: []byte(line)}},
		fault.Forbidden, "certificate")
}

// TestAliases: an alias of ~/.ssh/config is not followed, and the fault says
// what to write instead.
func TestAliases(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	_, key := gittest.NewKey(t)
	config := `
Host gh-work
  HostName github.com
  User git
  IdentityFile ~/.ssh/id_work

Host internal
  HostName git.corp.example.com
  User tfops
  Port 2222
  ProxyJump bastion.corp.example.com

Host *.corp
  HostName %h.example.com
`
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".ssh"), map[string]string{"config": config})
	for url, words := range map[string][]string{
		"git@gh-work:acme/infra.git": {"alias of ~/.ssh/config", `url = "ssh://git@github.com/acme/infra.git"`,
			`ssh_key = file("~/.ssh/id_work")`},
		"gh-work:acme/infra.git":            {`url = "ssh://git@github.com/acme/infra.git"`},
		"internal:infra.git":                {`url = "ssh://tfops@git.corp.example.com:2222/infra.git"`, "ProxyJump"},
		"ssh://git@internal:22/x/infra.git": {`url = "ssh://git@git.corp.example.com/x/infra.git"`},
		"git@git.corp:infra.git":            {`url = "ssh://git@git.corp.example.com/infra.git"`},
		"git@nowhere:infra.git":             {"there is no host nowhere", "HostName", "ssh_key"},
	} {
		t.Run(url, func(t *testing.T) {
			auth := remote.Auth{SSHKey: key,
				KnownHosts: []byte("x ssh-ed25519 " +
					"AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS\n")}
			if !strings.Contains(url, "id_work") && strings.Contains(strings.Join(words, " "), "id_work") {
				auth.SSHKey = nil
				t.Setenv("SSH_AUTH_SOCK", agentSocket(t))
			}
			both(t, remote.Remote{URL: url, Auth: auth}, fault.Invalid, words...)
		})
	}
	// A file that is no such configuration tells nothing, and harms nothing.
	write(t, filepath.Join(home, ".ssh"),
		map[string]string{"config": "\x00\x01 Host =\n{{{\n" + strings.Repeat("Include ~/.ssh/config\n", 20)})
	both(t, remote.Remote{URL: "git@gh-work:x.git",
		Auth: remote.Auth{SSHKey: key,
			KnownHosts: []byte(
				"x ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS\n")}},
		fault.Invalid, "there is no host gh-work")
}

// agentSocket is where an agent without keys answers.
func agentSocket(t *testing.T) string {
	t.Helper()
	sock := filepath.Join(t.TempDir(), "agent.sock")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(agent.NewKeyring(), conn) }()
		}
	}()
	return sock
}
