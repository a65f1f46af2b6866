package gittest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSH is a running SSH server that serves one repository to one key, and to one
// password.
type SSH struct {
	URL      string // ssh://git@127.0.0.1:PORT/repo.git
	Addr     string
	HostKeys []ssh.PublicKey // an Ed25519 and an ECDSA one
	Key      []byte          // the client's private key, PEM
	Password string          // accepted as well

	// Run makes the program that serves a repository; nil serves it in process.
	// Set it before the first client comes.
	Run func(dir string) *exec.Cmd

	hostSigners []ssh.Signer
	talkTo      func(r io.Reader, w, stderr io.Writer) error // holds the conversation; nil for the usual one

	dir     string
	client  ssh.PublicKey
	signers []ssh.Signer // what the server shows; guarded by mu
	stalled atomic.Bool
	mu      sync.Mutex
	conns   map[net.Conn]bool
	closed  bool
	wg      sync.WaitGroup
}

// KnownHosts are the lines of a known_hosts file for the server, with those of
// its keys that have the given type, or all.
func (s *SSH) KnownHosts(types ...string) []byte {
	var b strings.Builder
	for _, k := range s.HostKeys {
		if len(types) == 0 || strings.Contains(strings.Join(types, " "), k.Type()) {
			fmt.Fprintln(&b, knownhosts.Line([]string{s.Addr}, k))
		}
	}
	return []byte(b.String())
}

// Certify has the server show a certificate for its first key, valid for the
// names, and returns the authority's key. Call it before the first client comes.
func (s *SSH) Certify(t T, names ...string) ssh.PublicKey {
	t.Helper()
	_, raw := NewKey(t)
	authority, err := ssh.ParsePrivateKey(raw)
	if err != nil {
		t.Fatalf("gittest: authority: %v", err)
	}
	cert := &ssh.Certificate{Key: s.HostKeys[0], CertType: ssh.HostCert, KeyId: "gittest", ValidPrincipals: names,
		ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatalf("gittest: certificate: %v", err)
	}
	signer, err := ssh.NewCertSigner(cert, s.hostSigners[0])
	if err != nil {
		t.Fatalf("gittest: certificate: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers = append(slices.Clone(s.hostSigners), signer)
	return authority.PublicKey()
}

// Stall makes the server fall silent once a client is logged in.
func (s *SSH) Stall() { s.stalled.Store(true) }

// ServeSSH serves the repository in dir until the test ends.
func ServeSSH(t T, dir string) *SSH {
	t.Helper()
	s := &SSH{dir: dir, Password: "ssh-pass-4711", conns: map[net.Conn]bool{}}
	clientKey, clientPEM := NewKey(t)
	s.Key = clientPEM
	s.client = clientKey
	for _, priv := range hostKeys(t) {
		signer, err := ssh.NewSignerFromKey(priv)
		s.hostSigners = append(s.hostSigners, signer)
		if err != nil {
			t.Fatalf("gittest: host key: %v", err)
		}
		s.signers = append(s.signers, signer)
		s.HostKeys = append(s.HostKeys, signer.PublicKey())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("gittest: listen: %v", err)
	}
	s.Addr = l.Addr().String()
	s.URL = "ssh://git@" + s.Addr + "/repo.git"
	s.wg.Go(func() { s.accept(l) })
	t.Cleanup(func() {
		l.Close()
		s.hangUp()
		s.wg.Wait()
	})
	return s
}

// config is what one connection is served with: its server may be certified meanwhile.
func (s *SSH) config() *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if string(key.Marshal()) != string(s.client.Marshal()) {
				return nil, fmt.Errorf("unknown key")
			}
			return nil, nil
		},
		PasswordCallback: func(_ ssh.ConnMetadata, pass []byte) (*ssh.Permissions, error) {
			if string(pass) != s.Password {
				return nil, fmt.Errorf("wrong password")
			}
			return nil, nil
		},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, signer := range s.signers {
		c.AddHostKey(signer)
	}
	return c
}

// NewKey makes a key pair: the public key, and the private one as PEM.
func NewKey(t T) (ssh.PublicKey, []byte) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("gittest: key: %v", err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "gittest")
	if err != nil {
		t.Fatalf("gittest: key: %v", err)
	}
	sshPub, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatalf("gittest: key: %v", err)
	}
	return sshPub, pem.EncodeToMemory(block)
}

func hostKeys(t T) []crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("gittest: host key: %v", err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("gittest: host key: %v", err)
	}
	return []crypto.Signer{ed, ec}
}

func (s *SSH) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			conn.Close()
		}
		s.conns[conn] = true
		s.mu.Unlock()
		s.wg.Go(func() { s.talk(conn) })
	}
}

func (s *SSH) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
}

func (s *SSH) talk(conn net.Conn) {
	defer conn.Close()
	_, chans, reqs, err := ssh.NewServerConn(conn, s.config())
	if err != nil {
		return
	}
	s.wg.Go(func() { ssh.DiscardRequests(reqs) })
	for ask := range chans {
		if ask.ChannelType() != "session" {
			_ = ask.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		ch, reqs, err := ask.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() { s.session(ch, reqs) })
	}
}

func (s *SSH) session(ch ssh.Channel, reqs <-chan *ssh.Request) {
	defer ch.Close()
	for req := range reqs {
		if req.Type != "exec" {
			_ = req.Reply(false, nil)
			continue
		}
		var cmd struct{ Command string }
		err := ssh.Unmarshal(req.Payload, &cmd)
		_ = req.Reply(err == nil, nil)
		status := byte(0)
		if err != nil || s.run(ch, cmd.Command) != nil {
			status = 1
		}
		_, _ = ch.SendRequest("exit-status", false, []byte{0, 0, 0, status})
		return
	}
}

func (s *SSH) run(ch ssh.Channel, command string) error {
	if s.stalled.Load() {
		_, err := io.Copy(io.Discard, ch)
		return err
	}
	if command != "git-upload-pack '/repo.git'" && command != "git-upload-pack 'repo.git'" {
		fmt.Fprintf(ch.Stderr(), "fatal: %s does not appear to be a git repository\n",
			strings.TrimPrefix(command, "git-upload-pack "))
		return fmt.Errorf("unknown repository")
	}
	if s.Run != nil {
		cmd := s.Run(s.dir)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = ch, ch, ch.Stderr()
		cmd.WaitDelay = time.Second // the client's half may stay open
		return cmd.Run()
	}
	if s.talkTo != nil {
		return s.talkTo(ch, ch, ch.Stderr())
	}
	sess, err := open(s.dir)
	if err != nil {
		return err
	}
	defer sess.Close()
	ctx := context.Background() // a closed connection ends every read and write
	if err := advertise(ctx, s.dir, sess, false, ch); err != nil {
		return err
	}
	return answer(ctx, sess, ch, ch)
}
