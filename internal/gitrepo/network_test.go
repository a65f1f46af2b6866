package gitrepo_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

const secret = "tok-secret-4711"

// both runs Heads and Fetch, which must fail alike, and checks that no secret shows.
func both(t *testing.T, r remote.Remote, code fault.Code, words ...string) {
	t.Helper()
	m, dir := open(t, r)
	_, headsErr := m.Heads(t.Context())
	_, fetchErr := m.Fetch(t.Context())
	for _, err := range []error{headsErr, fetchErr} {
		wantFault(t, err, code, append(words, `"infra"`)...)
		for e := err; e != nil; e = errors.Unwrap(e) {
			if said := fmt.Sprintf("%v %+v %s", e, e, fault.Next(e)); strings.Contains(said, secret) {
				t.Errorf("the secret shows: %s", said)
			}
		}
	}
	if left, err := filepath.Glob(dir + "*"); err != nil || len(left) > 0 {
		t.Errorf("a failed fetch left %v, %v", left, err)
	}
}

func TestHTTPFailures(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"a": "a"})
	good := gittest.ServeHTTP(t, repo.Dir, "tfops", "right")
	status := func(code int, body string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			fmt.Fprintln(w, body)
		}))
		t.Cleanup(srv.Close)
		return srv.URL + "/x.git"
	}
	tlsServer := httptest.NewUnstartedServer(gittest.Handler(repo.Dir, "", ""))
	tlsServer.Config.ErrorLog = log.New(io.Discard, "", 0) // its complaint about our refusal is no news
	tlsServer.StartTLS()
	t.Cleanup(tlsServer.Close)
	closed := closedPort(t)
	auth := remote.Auth{Username: "tfops", Password: secret}

	for name, c := range map[string]struct {
		url   string
		auth  remote.Auth
		code  fault.Code
		words []string
	}{
		"wrong token": {good, auth, fault.Forbidden, []string{"credentials", "token"}},
		"wrong token in URL": {strings.Replace(good, "://", "://tfops:"+secret+"@", 1), remote.Auth{}, fault.Forbidden,
			[]string{"credentials"}},
		"no token":           {good, remote.Auth{}, fault.Forbidden, []string{"credentials"}},
		"forbidden":          {status(403, "no"), auth, fault.Forbidden, []string{"read access"}},
		"not found":          {status(404, "no"), auth, fault.Invalid, []string{"no such repository"}},
		"echo of the secret": {status(404, secret), auth, fault.Invalid, []string{"no such repository"}},
		"overloaded":         {status(503, "later"), auth, fault.Unavailable, []string{"503"}},
		"a web page": {status(200, "<html>Log in</html>"), auth, fault.Unavailable,
			[]string{"not answer as a Git server"}},
		"refused":           {"http://" + closed + "/x.git", auth, fault.Unavailable, []string{closed}},
		"unknown authority": {tlsServer.URL + "/repo.git", auth, fault.Invalid, []string{"TLS", "SSL_CERT_FILE"}},
		"plain http on TLS": {strings.Replace(good, "http:", "https:", 1), auth, fault.Invalid, []string{"TLS"}},
	} {
		t.Run(name, func(t *testing.T) { both(t, remote.Remote{URL: c.url, Auth: c.auth}, c.code, c.words...) })
	}
}

func TestLocalFailures(t *testing.T) {
	both(t, remote.Remote{URL: "/no/such/dir"}, fault.Invalid, "/no/such/dir")
	both(t, remote.Remote{URL: t.TempDir()}, fault.Invalid, "not a Git repository")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	both(t, remote.Remote{URL: file}, fault.Invalid, file)
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestRedirect: a redirect to another host is followed without the credential.
func TestRedirect(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"})
	inner := gittest.Handler(repo.Dir, "", "")
	leaked := make(chan string, 16)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "" {
			leaked <- got
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(other.Close)
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.RequestURI(), http.StatusFound)
	}))
	t.Cleanup(first.Close)
	m, _ := open(t, remote.Remote{URL: first.URL + "/repo.git", Auth: remote.Auth{Username: "u", Password: secret}})
	fetch(t, m)
	if !m.Has(sha) {
		t.Error("nothing was fetched")
	}
	if len(leaked) > 0 {
		t.Error("the credential went to another host")
	}
}

func TestSSHHostKeys(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"})
	srv := gittest.ServeSSH(t, repo.Dir)
	other := gittest.ServeSSH(t, repo.Dir)
	t.Setenv("HOME", t.TempDir())

	// the server has both: the known one must be asked for
	for _, kind := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256} {
		m, _ := open(t, remote.Remote{URL: srv.URL,
			Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: srv.KnownHosts(kind)}})
		fetch(t, m)
		if !m.Has(sha) {
			t.Errorf("%s: nothing was fetched", kind)
		}
	}

	changed := strings.ReplaceAll(string(other.KnownHosts()), knownhosts.Normalize(other.Addr),
		knownhosts.Normalize(srv.Addr))
	revoked := string(srv.KnownHosts())
	for line := range strings.Lines(string(srv.KnownHosts())) {
		revoked += "@revoked " + line
	}
	port := srv.Addr[strings.LastIndex(srv.Addr, ":"):]
	for name, c := range map[string]struct {
		known string
		code  fault.Code
		words []string
	}{
		"changed": {changed, fault.Forbidden,
			[]string{"has changed", port, "SHA256:", ssh.FingerprintSHA256(other.HostKeys[0]), "in between"}},
		"unknown": {string(other.KnownHosts()), fault.Invalid, []string{"not known", port, "SHA256:", "add this line"}},
		"revoked": {revoked, fault.Forbidden, []string{"revoked", "SHA256:"}},
		"garbage": {"what is this\n", fault.Invalid, []string{"known hosts"}},
		"no file": {"", fault.Invalid, []string{"not known", "~/.ssh/known_hosts", "SHA256:"}},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: []byte(c.known)}},
				c.code,
				c.words...)
		})
	}
	t.Run("the line that the fault shows makes the host known", func(t *testing.T) {
		m, _ := open(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: other.KnownHosts()}})
		_, err := m.Fetch(t.Context())
		_, line, ok := strings.Cut(fault.Next(err), "hosts: ")
		if !ok {
			t.Fatalf("no line in: %s", fault.Next(err))
		}
		m, _ = open(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: []byte(line)}})
		fetch(t, m)
	})
	t.Run("the user's own file", func(t *testing.T) {
		home := t.TempDir()
		t.Setenv("HOME", home)
		if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), srv.KnownHosts(), 0o600); err != nil {
			t.Fatal(err)
		}
		m, _ := open(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key}})
		fetch(t, m)
	})
}

func TestSSHLogin(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"})
	srv := gittest.ServeSSH(t, repo.Dir)
	t.Setenv("SSH_AUTH_SOCK", "")
	_, wrong := gittest.NewKey(t)
	raw, err := ssh.ParseRawPrivateKey(srv.Key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(raw, "", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	locked := pem.EncodeToMemory(block)
	known := srv.KnownHosts()
	host := strings.TrimPrefix(srv.URL, "ssh://git@")

	both(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: wrong, KnownHosts: known}}, fault.Forbidden,
		"credentials")
	both(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{Password: secret, KnownHosts: known}}, fault.Forbidden,
		"credentials")
	both(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{KnownHosts: known}}, fault.Invalid, "no SSH key")
	both(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: locked, KnownHosts: known}}, fault.Invalid,
		"passphrase")
	both(t, remote.Remote{URL: srv.URL,
		Auth: remote.Auth{SSHKey: locked, SSHKeyPassphrase: "x" + secret, KnownHosts: known}}, fault.Invalid,
		"passphrase")
	both(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{SSHKey: []byte("no key"), KnownHosts: known}}, fault.Invalid,
		"cannot be read")
	both(t, remote.Remote{URL: "ssh://" + host + "/../other.git",
		Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: known}},
		fault.Invalid, "no such repository")
	both(t, remote.Remote{URL: "ssh://" + closedPort(t) + "/repo.git",
		Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: known}}, fault.Unavailable)

	m, _ := open(t, remote.Remote{URL: srv.URL,
		Auth: remote.Auth{SSHKey: locked, SSHKeyPassphrase: secret, KnownHosts: known}})
	fetch(t, m)
	if !m.Has(sha) {
		t.Error("with a passphrase: nothing was fetched")
	}

	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: raw}); err != nil {
		t.Fatal(err)
	}
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
			go func() { _ = agent.ServeAgent(ring, conn) }()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", sock)
	m, _ = open(t, remote.Remote{URL: srv.URL, Auth: remote.Auth{KnownHosts: known}})
	fetch(t, m)
	if !m.Has(sha) {
		t.Error("with an agent: nothing was fetched")
	}
}

// TestHangingServers: at each stage of a conversation, a server that goes silent
// holds nobody longer than the context says.
func TestHangingServers(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"a": "a"})
	sshd := gittest.ServeSSH(t, repo.Dir)
	inner := gittest.Handler(repo.Dir, "", "")
	hang := func(at string) string { // an HTTP server that goes silent at a request
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, at) {
				inner.ServeHTTP(w, r)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
		t.Cleanup(srv.Close)
		return srv.URL + "/repo.git"
	}
	known := func(addr string) remote.Auth {
		return remote.Auth{SSHKey: sshd.Key, KnownHosts: []byte(knownhosts.Line([]string{addr}, sshd.HostKeys[0]))}
	}
	silent := silentPort(t, "", 0)
	half := silentPort(t, sshd.Addr, 1500) // dies in the middle of the handshake
	late := gittest.ServeSSH(t, repo.Dir)  // goes silent after it
	late.Stall()
	for name, r := range map[string]remote.Remote{
		"http, references": {URL: hang("/info/refs")},
		"http, pack":       {URL: hang("/git-upload-pack")},
		"http, nothing":    {URL: "http://" + silent + "/repo.git"},
		"ssh, nothing":     {URL: "ssh://git@" + silent + "/repo.git", Auth: known(silent)},
		"ssh, half":        {URL: "ssh://git@" + half + "/repo.git", Auth: known(half)},
		"ssh, late":        {URL: late.URL, Auth: remote.Auth{SSHKey: late.Key, KnownHosts: late.KnownHosts()}},
	} {
		t.Run(name, func(t *testing.T) {
			m, dir := open(t, r)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := m.Fetch(ctx)
			wantFault(t, err, fault.Unavailable, "in time")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("not a deadline: %v", err)
			}
			if !strings.HasSuffix(name, "pack") {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				wantFault(t, second(m.Heads(ctx)), fault.Unavailable, "in time")
			}
			ctx, cancel = context.WithCancel(t.Context())
			cancel()
			if _, err = m.Heads(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("not a cancellation: %v", err)
			}
			if left, err := filepath.Glob(dir + "*"); err != nil || len(left) > 0 {
				t.Errorf("a stopped fetch left %v, %v", left, err)
			}
		})
	}
}

// silentPort forwards to an address that many bytes of what the server says,
// then nothing more; without an address it never says anything.
func silentPort(t *testing.T, to string, bytesBack int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { close(done); l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if to != "" {
					back, err := net.Dial("tcp", to)
					if err != nil {
						return
					}
					defer back.Close()
					go func() { _, _ = io.Copy(back, conn) }()
					_, _ = io.CopyN(conn, back, bytesBack)
				}
				<-done
			}()
		}
	}()
	return l.Addr().String()
}

// TestFetchWaitsItsTurn: a fetch that waits for another can be canceled, and
// reads are not held up.
func TestFetchWaitsItsTurn(t *testing.T) {
	repo := gittest.NewRepo(t)
	one := repo.Commit("main", map[string]string{"a": "a"})
	inner := gittest.Handler(repo.Dir, "", "")
	slow := make(chan struct{}, 1)
	arrived := make(chan struct{}, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-slow:
			arrived <- struct{}{}
			<-r.Context().Done()
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	m, _ := open(t, remote.Remote{URL: srv.URL + "/repo.git"})
	fetch(t, m)
	slow <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- second(m.Fetch(ctx)) }()
	<-arrived
	short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := m.Fetch(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the waiting fetch: %v", err)
	}
	if got := exported(t, m, one); got["a"] != "a" {
		t.Errorf("export beside a hanging fetch: %v", got)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the hanging fetch: %v", err)
	}
	fetch(t, m)
}

// TestCutConnection: a pack that breaks off leaves the mirror as it was.
func TestCutConnection(t *testing.T) {
	repo := gittest.NewRepo(t)
	one := repo.Commit("main", map[string]string{"a": "a"})
	inner := gittest.Handler(repo.Dir, "", "")
	limit := -1
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		inner.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		if r.Method == http.MethodPost && limit >= 0 {
			body = body[:min(limit, len(body))]
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	m, dir := open(t, remote.Remote{URL: srv.URL + "/repo.git"})
	fetch(t, m)
	two := repo.Commit("main", map[string]string{"b": strings.Repeat("b", 5000)})
	for _, limit = range []int{0, 4, 8, 9, 20, 21, 40, 100, 150, 250} {
		if _, err := m.Fetch(t.Context()); err == nil {
			t.Fatalf("a pack cut after %d bytes was taken", limit)
		}
		if got, err := m.Resolve(t.Context(), "main"); err != nil || got != one {
			t.Fatalf("after a cut at %d: %s, %v", limit, got, err)
		}
	}
	limit = -1
	if got := fetch(t, m); got.Repaired != "" {
		t.Errorf("repaired: %+v", got)
	}
	if !m.Has(two) {
		t.Error("the commit did not arrive in the end")
	}
	stray, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "tmp_*"))
	if err != nil || len(stray) > 0 {
		t.Errorf("left over: %v, %v", stray, err)
	}
}
