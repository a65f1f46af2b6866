package gittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// SSHKey makes a key with ssh-keygen, and returns the paths of the private and the public one.
func SSHKey(t testing.TB, args ...string) (private, public string) {
	t.Helper()
	private = filepath.Join(t.TempDir(), "id")
	Tool(t, nil, "", "ssh-keygen", append([]string{"-q", "-N", "", "-C", "test", "-f", private}, args...)...)
	return private, private + ".pub"
}

// Tool runs a program that a test needs, and returns what it prints.
func Tool(t testing.TB, env []string, stdin, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("this test needs %s on PATH (Debian: git, openssh-client, gnupg)", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, said.String())
	}
	return string(out)
}

// GPG is a key ring of GnuPG.
type GPG struct {
	t    testing.TB
	Home string
}

// NewGPG makes an empty ring. Its agent ends with the test.
func NewGPG(t testing.TB) *GPG {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // t.TempDir is too long for the agent's socket
	if err != nil {
		t.Fatal(err)
	}
	g := &GPG{t: t, Home: home}
	t.Cleanup(func() {
		Tool(t, g.Env(), "", "gpgconf", "--kill", "all")
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	return g
}

// Env has programs use the ring.
func (g *GPG) Env() []string { return []string{"GNUPGHOME=" + g.Home} }

// Run runs gpg.
func (g *GPG) Run(args ...string) string { return g.RunWith("", args...) }

// RunWith runs gpg with an input.
func (g *GPG) RunWith(stdin string, args ...string) string {
	g.t.Helper()
	return Tool(g.t, g.Env(), stdin, "gpg", append([]string{"--batch", "--no-tty", "--quiet", "--pinentry-mode",
		"loopback", "--passphrase", "", "--yes", "--trust-model", "always"}, args...)...)
}

var madeKey = lazyregexp.New(`(?m)^fpr:+([0-9A-F]{40}):`)

// Key makes a key and returns its fingerprint. More arguments go before the command.
func (g *GPG) Key(name, algorithm, usage, expires string, more ...string) string {
	g.t.Helper()
	g.Run(append(more, "--quick-gen-key", name+" <"+name+"@example.com>", algorithm, usage, expires)...)
	return g.Fingerprints(name)[0]
}

// Fingerprints are those of a key and its sub-keys.
func (g *GPG) Fingerprints(id string) (all []string) {
	g.t.Helper()
	for _, m := range madeKey().FindAllStringSubmatch(g.Run("--with-colons", "--list-keys", id), -1) {
		all = append(all, m[1])
	}
	if len(all) == 0 {
		g.t.Fatalf("gpg has no key %s", id)
	}
	return all
}

// Public is a key's text.
func (g *GPG) Public(id string) string {
	g.t.Helper()
	return g.Run("--armor", "--export", id)
}
