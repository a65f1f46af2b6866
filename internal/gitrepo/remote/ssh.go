package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/tfops/tfops/internal/fault"
)

const dialTimeout = 30 * time.Second

// sshSession runs git-upload-pack on an SSH server. Its connection is closed
// when the context it was dialled with ends, which is the only way to stop a
// handshake or a read half way.
type sshSession struct {
	client *ssh.Client
	stop   func() bool // ends the watch over the context
	auth   io.Closer   // the connection to an agent; may be nil

	stdin  io.WriteCloser
	stdout io.Reader
	stderr *tail
	adv    *packp.AdvRefs
	asked  bool
}

func dialSSH(ctx context.Context, r Remote, at Address) (_ *sshSession, err error) {
	addr := at.hostPort(22)
	methods, agentConn, err := r.sshMethods(at)
	if err != nil {
		return nil, err
	}
	s := &sshSession{auth: agentConn, stderr: &tail{}, stop: func() bool { return true }}
	defer func() {
		if err != nil {
			s.hangUp()
		}
	}()
	config := &ssh.ClientConfig{User: at.User, Auth: methods}
	if err := r.trustHost(config, addr); err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", addr)
	if errors.As(err, new(*net.DNSError)) && ctx.Err() == nil {
		return nil, r.unknownHost(at, err)
	}
	if err != nil {
		return nil, err
	}
	s.stop = context.AfterFunc(ctx, func() {
		conn.Close()
		if agentConn != nil { // it may be waiting for a person
			agentConn.Close()
		}
	})
	c, chans, reqs, err := ssh.NewClientConn(conn, addr, config)
	if err != nil {
		conn.Close()
		return nil, err
	}
	s.client = ssh.NewClient(c, chans, reqs)
	return s, s.start(at.Path)
}

func (s *sshSession) start(path string) error {
	sess, err := s.client.NewSession()
	if err != nil {
		return err
	}
	if s.stdin, err = sess.StdinPipe(); err != nil {
		return err
	}
	if s.stdout, err = sess.StdoutPipe(); err != nil {
		return err
	}
	sess.Stderr = s.stderr
	if strings.HasPrefix(path, "/~") { // ssh://host/~user/repo means the home of that user
		path = path[1:]
	}
	quoted := strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path)
	if err := sess.Start("git-upload-pack '" + quoted + "'"); err != nil {
		return err
	}
	go func() { s.stderr.end(sess.Wait()) }()
	return nil
}

// hangUp closes every connection.
func (s *sshSession) hangUp() {
	s.stop()
	if s.client != nil {
		s.client.Close()
	}
	if s.auth != nil {
		s.auth.Close()
	}
}

func (s *sshSession) Close() error {
	if s.adv != nil && !s.asked {
		_, _ = s.stdin.Write(pktline.FlushPkt) // we want nothing; without it the server logs a broken conversation
	}
	s.hangUp()
	return nil
}

func (s *sshSession) AdvertisedReferencesContext(ctx context.Context) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(s.stdout)
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs), err == nil && adv.IsEmpty():
		s.adv = adv
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		return nil, s.explain(ctx, err)
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	s.adv = adv
	return adv, nil
}

func (s *sshSession) UploadPack(ctx context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	s.asked = true
	var buf bytes.Buffer
	if err := req.UploadRequest.Encode(&buf); err != nil {
		return nil, err
	}
	if err := req.UploadHaves.Encode(&buf, false); err != nil {
		return nil, err
	}
	if err := pktline.NewEncoder(&buf).EncodeString("done\n"); err != nil {
		return nil, err
	}
	if _, err := s.stdin.Write(buf.Bytes()); err != nil {
		return nil, s.explain(ctx, err)
	}
	resp := packp.NewUploadPackResponse(req)
	if err := resp.Decode(io.NopCloser(s.stdout)); err != nil {
		return nil, s.explain(ctx, err)
	}
	return resp, nil
}

// explain prefers what the server said to what we failed to read.
func (s *sshSession) explain(ctx context.Context, err error) error {
	var line *pktline.ErrorLine
	said := ""
	if errors.As(err, &line) {
		said = line.Text
	} else if errors.Is(err, packp.ErrEmptyInput) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		said = s.stderr.wait(ctx)
	}
	if said == "" {
		return err
	}
	for _, phrase := range []string{"not found", "does not exist", "not appear to be a git repository",
		"no such repository", "could not be found", "access denied"} {
		if strings.Contains(strings.ToLower(said), phrase) {
			return fmt.Errorf("%w: %s", transport.ErrRepositoryNotFound, FirstLine(said))
		}
	}
	return fmt.Errorf("the server said: %s", FirstLine(said))
}

// sshMethods are the ways to log in: the configured key, or the configured
// password, or the keys of an agent.
func (r Remote) sshMethods(at Address) ([]ssh.AuthMethod, io.Closer, error) {
	if len(r.Auth.SSHKey) > 0 {
		signer, err := r.sshKey()
		return []ssh.AuthMethod{ssh.PublicKeys(signer)}, nil, err
	}
	if pass := at.Pass; pass != "" {
		answer := func(_, _ string, questions []string, _ []bool) ([]string, error) {
			answers := make([]string, len(questions))
			for i := range answers {
				answers[i] = pass
			}
			return answers, nil
		}
		return []ssh.AuthMethod{ssh.Password(pass), ssh.KeyboardInteractive(answer)}, nil, nil
	}
	sock := os.Getenv("SSH_AUTH_SOCK")
	if sock == "" {
		return nil, nil, fault.New(fault.Invalid,
			"give the repository's auth block an SSH key, or start tfops with an agent at SSH_AUTH_SOCK",
			"repository %q: no SSH key is configured for %s", r.Name, at.Display())
	}
	conn, err := net.Dial("unix", sock)
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "give the repository's auth block an SSH key, or start the agent",
			"repository %q: no SSH key is configured, and the agent at SSH_AUTH_SOCK does not answer: %w", r.Name, err)
	}
	return []ssh.AuthMethod{ssh.PublicKeysCallback(agent.NewClient(conn).Signers)}, conn, nil
}

func (r Remote) sshKey() (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(r.Auth.SSHKey)
	if errors.As(err, new(*ssh.PassphraseMissingError)) {
		if r.Auth.SSHKeyPassphrase == "" {
			return nil, fault.New(fault.Invalid, "give the passphrase in the repository's auth block",
				"repository %q: its SSH key is locked with a passphrase", r.Name)
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(r.Auth.SSHKey, []byte(r.Auth.SSHKeyPassphrase))
	}
	if err != nil {
		return nil, fault.New(fault.Invalid,
			"give the private key as ssh-keygen writes it, and its right passphrase if it has one",
			"repository %q: its SSH key cannot be read: %w", r.Name, r.Redact(err))
	}
	return signer, nil
}

// tail keeps the beginning of what a server writes to stderr.
type tail struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	once  sync.Once
	ended chan struct{}
}

const maxTail = 4096

func (t *tail) done() chan struct{} {
	t.once.Do(func() { t.ended = make(chan struct{}) })
	return t.ended
}

func (t *tail) end(error) { close(t.done()) }

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p[:min(len(p), max(0, maxTail-t.buf.Len()))])
	return len(p), nil
}

// wait returns what was written once the server's program has ended.
func (t *tail) wait(ctx context.Context) string {
	select {
	case <-t.done():
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.buf.String())
}
