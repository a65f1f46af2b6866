package signatures

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
)

// repo is a repository of the real Git.
type repo struct {
	t   *testing.T
	dir string
	env []string
}

func newRepo(t *testing.T, env ...string) *repo {
	t.Helper()
	r := &repo{t: t, dir: t.TempDir(), env: append([]string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Ana", "GIT_AUTHOR_EMAIL=ana@example.com", "GIT_COMMITTER_NAME=Ana",
		"GIT_COMMITTER_EMAIL=ana@example.com"}, env...)}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) string { return r.with("", args...) }

func (r *repo) with(stdin string, args ...string) string {
	r.t.Helper()
	return gittest.Tool(r.t, r.env, stdin, "git", append([]string{"-C", r.dir}, args...)...)
}

// commit makes one, and returns the bytes of its object.
func (r *repo) commit(args ...string) []byte {
	r.t.Helper()
	r.git(append(args, "commit", "-q", "--allow-empty", "-m", "a change")...)
	return r.object("HEAD")
}

func (r *repo) object(name string) []byte {
	r.t.Helper()
	return []byte(r.git("cat-file", "commit", name))
}

// accepted reports whether Git itself accepts the signature of a commit, given by its bytes.
func (r *repo) accepted(raw []byte) bool {
	r.t.Helper()
	id := strings.TrimSpace(r.with(string(raw), "hash-object", "-t", "commit", "-w", "--literally", "--stdin"))
	cmd := exec.Command("git", "-C", r.dir, "verify-commit", id)
	cmd.Env = append(os.Environ(), r.env...)
	return cmd.Run() == nil
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func ringOf(t *testing.T, user, text string) *Ring {
	t.Helper()
	keys, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	r := &Ring{}
	r.Add(Owner{User: user, Emails: []string{user + "@example.com"}}, keys...)
	return r
}

// want asserts what a signature proves: nothing, because of a text, or who made it.
func want(t *testing.T, got Result, user, why string) {
	t.Helper()
	told := why == "" && got.Why == "" || why != "" && strings.Contains(got.Why, why) && got.Next != ""
	if got.User != user || !told {
		t.Errorf("user %q, why %q, next %q; want %q, %q", got.User, got.Why, got.Next, user, why)
	}
}

// signedBySSH is a repository whose commits are signed with a new key of SSH.
func signedBySSH(t *testing.T, args ...string) (r *repo, private, public string) {
	t.Helper()
	private, file := gittest.SSHKey(t, args...)
	public = read(t, file)
	r = newRepo(t)
	allowed := filepath.Join(t.TempDir(), "allowed")
	if err := os.WriteFile(allowed, []byte("ana@example.com "+public), 0o600); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"gpg.format": "ssh", "user.signingkey": private, "commit.gpgsign": "true",
		"gpg.ssh.allowedSignersFile": allowed} {
		r.git("config", k, v)
	}
	return r, private, public
}

func TestSSH(t *testing.T) {
	_, other := gittest.SSHKey(t, "-t", "ed25519")
	for name, args := range map[string][]string{"ed25519": {"-t", "ed25519"}, "ecdsa": {"-t", "ecdsa", "-b", "384"},
		"rsa": {"-t", "rsa", "-b", "2048"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _, public := signedBySSH(t, args...)
			raw := r.commit()
			ring, now := ringOf(t, "ana", public), time.Now()
			want(t, ring.Verify(Of(raw), now), "ana", "")
			want(t, ringOf(t, "bo", read(t, other)).Verify(Of(raw), now), "", "no user block has")
			want(t, ring.Verify(Of([]byte(strings.Replace(string(raw), "a change", "A change", 1))), now), "", notOfIt)
			want(t, ring.Verify(Of(r.commit("-c", "commit.gpgsign=false")), now), "", "not signed")
			if !r.accepted(raw) {
				t.Error("Git does not accept what it signed")
			}
		})
	}
	t.Run("the advice for an unknown key can be pasted", func(t *testing.T) {
		r, _, public := signedBySSH(t, "-t", "ed25519")
		next := (&Ring{}).Verify(Of(r.commit()), time.Now()).Next
		_, key, _ := strings.Cut(next, `"`)
		key, _, _ = strings.Cut(key, `"`)
		if got, was := ringOf(t, "ana", key).keys[0].ID, ringOf(t, "ana", public).keys[0].ID; got != was {
			t.Errorf("%q names %s and not %s", next, got, was)
		}
	})
	t.Run("for another purpose", func(t *testing.T) {
		r, private, public := signedBySSH(t, "-t", "ed25519")
		payload := Of(r.commit()).Payload
		sig := gittest.Tool(t, nil, string(payload), "ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", private)
		raw := with(payload, "gpgsig", sig)
		want(t, ringOf(t, "ana", public).Verify(Of(raw), time.Now()), "", "something else than Git")
		if r.accepted(raw) {
			t.Error("Git accepts it")
		}
	})
	t.Run("a certificate", func(t *testing.T) {
		authority, _ := gittest.SSHKey(t, "-t", "ed25519")
		r, private, public := signedBySSH(t, "-t", "ed25519")
		gittest.Tool(t, nil, "", "ssh-keygen", "-q", "-s", authority, "-I", "ana", "-n", "ana", private+".pub")
		r.git("config", "user.signingkey", private+"-cert.pub")
		want(t, ringOf(t, "ana", public).Verify(Of(r.commit()), time.Now()), "", "certificate")
		if _, err := Parse(read(t, private+"-cert.pub")); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("a certificate as a key: %v", err)
		}
	})
}

// with puts a header behind the committer.
func with(payload []byte, header, value string) []byte {
	lines := strings.SplitAfter(string(payload), "\n")
	folded := header + " " + strings.ReplaceAll(strings.TrimSuffix(value, "\n"), "\n", "\n ") + "\n"
	for i, line := range lines {
		if strings.HasPrefix(line, "committer ") {
			return []byte(strings.Join(lines[:i+1], "") + folded + strings.Join(lines[i+1:], ""))
		}
	}
	panic("no committer")
}

// A security key signs what it shows that somebody touched it for. ssh-keygen holds the signature
// that this test makes to be good, so it is one.
func TestSecurityKeys(t *testing.T) {
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	blob := ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, pub, "ssh:"})
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		t.Fatal(err)
	}
	text := string(ssh.MarshalAuthorizedKey(key))
	payload := Of(newRepo(t).commit()).Payload
	for name, flags := range map[string]byte{"touched": 1, "not touched": 0} {
		hash := sha256.Sum256(payload)
		message := append([]byte("SSHSIG"), ssh.Marshal(struct{ Namespace, Reserved, Hash, Sum string }{
			"git", "", "sha256", string(hash[:])})...)
		app, sum := sha256.Sum256([]byte("ssh:")), sha256.Sum256(message)
		signed := append(append(app[:], flags), binary.BigEndian.AppendUint32(nil, 7)...)
		signed = append(signed, sum[:]...)
		sig := &sshsig.Signature{Version: 1, PublicKey: key, Namespace: "git", HashAlgorithm: sshsig.HashSHA256,
			Signature: &ssh.Signature{Format: key.Type(), Blob: ed25519.Sign(private, signed),
				Rest: append([]byte{flags}, binary.BigEndian.AppendUint32(nil, 7)...)}}
		armor := string(sshsig.Armor(sig))
		got := ringOf(t, "ana", text).Verify(Of(with(payload, "gpgsig", armor)), time.Now())
		if flags == 0 {
			want(t, got, "", notOfIt)
			continue
		}
		want(t, got, "ana", "")
		dir := t.TempDir()
		for file, content := range map[string]string{"sig": armor, "allowed": "ana@example.com " + text} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		t.Log(name, gittest.Tool(t, nil, string(payload), "ssh-keygen", "-Y", "verify", "-n", "git", "-I",
			"ana@example.com", "-f", filepath.Join(dir, "allowed"), "-s", filepath.Join(dir, "sig")))
	}
}

// gpgRepo is a repository whose commits are signed with GnuPG.
func gpgRepo(t *testing.T, g *gittest.GPG) *repo {
	t.Helper()
	r := newRepo(t, g.Env()...)
	r.git("config", "commit.gpgsign", "true")
	return r
}

// signed is a commit with a signature that gpg makes with some arguments.
func signed(r *repo, g *gittest.GPG, args ...string) []byte {
	payload := r.commit("-c", "commit.gpgsign=false")
	return with(payload, "gpgsig", g.RunWith(string(payload), append(args, "--armor", "--detach-sign")...))
}

func TestOpenPGP(t *testing.T) {
	g := gittest.NewGPG(t)
	for _, algorithm := range []string{"ed25519", "rsa3072", "nistp256"} {
		t.Run(algorithm, func(t *testing.T) {
			id := g.Key("ana-"+algorithm, algorithm, "sign", "never")
			r := gpgRepo(t, g)
			r.git("config", "user.signingkey", id)
			raw, now := r.commit(), time.Now()
			ring := ringOf(t, "ana", g.Public(id))
			got := ring.Verify(Of(raw), now)
			want(t, got, "ana", "")
			if got.Key != id || !r.accepted(raw) {
				t.Errorf("%+v, and Git: %t", got, r.accepted(raw))
			}
			want(t, ring.Verify(Of([]byte(strings.Replace(string(raw), "a change", "A change", 1))), now), "", notOfIt)
			want(t, (&Ring{}).Verify(Of(raw), now), "", id+", which no user block has")
			want(t, ring.Verify(Of(signed(r, g, "--local-user", id, "--textmode")), now), "", "not of bytes")
			if algorithm != "nistp256" { // whose maker refuses it
				weak := signed(r, g, "--local-user", id, "--digest-algo", "SHA1")
				want(t, ring.Verify(Of(weak), now), "", "SHA-1")
			}
		})
	}
	ana := g.Key("ana", "ed25519", "sign", "never")
	bo := g.Key("bo", "ed25519", "sign", "never")
	r, now := gpgRepo(t, g), time.Now()
	t.Run("two signatures in one", func(t *testing.T) {
		raw := signed(r, g, "--local-user", ana, "--local-user", bo)
		want(t, ringOf(t, "ana", g.Public(ana)).Verify(Of(raw), now), "", "more than one signature")
	})
	t.Run("a signature that expires", func(t *testing.T) {
		raw := signed(r, g, "--local-user", ana, "--default-sig-expire", "1")
		ring := ringOf(t, "ana", g.Public(ana))
		want(t, ring.Verify(Of(raw), now), "ana", "")
		want(t, ring.Verify(Of(raw), now.Add(25*time.Hour)), "ana", "its signature has expired")
	})
	t.Run("a clock that is ahead", func(t *testing.T) {
		raw := signed(r, g, "--local-user", ana)
		ring := ringOf(t, "ana", g.Public(ana))
		want(t, ring.Verify(Of(raw), time.Now().Add(-time.Minute)), "ana", "")
		late := signed(r, g, "--local-user", ana, "--faked-system-time", stamp(time.Now().Add(time.Hour)))
		want(t, ring.Verify(Of(late), time.Now()), "ana", "which is to come")
		soon := signed(r, g, "--local-user", ana, "--faked-system-time", stamp(time.Now().Add(2*time.Minute)))
		want(t, ring.Verify(Of(soon), time.Now()), "ana", "")
	})
	t.Run("what it asks to be known", func(t *testing.T) {
		note := "note@example.com=x"
		raw := signed(r, g, "--local-user", ana, "--set-notation", note)
		want(t, ringOf(t, "ana", g.Public(ana)).Verify(Of(raw), time.Now()), "ana", "")
		raw = signed(r, g, "--local-user", ana, "--set-notation", "!"+note)
		want(t, ringOf(t, "ana", g.Public(ana)).Verify(Of(raw), time.Now()), "ana", "note@example.com")
	})
	t.Run("older than its key", func(t *testing.T) {
		raw := signed(r, g, "--local-user", ana, "--ignore-time-conflict", "--faked-system-time",
			stamp(time.Now().Add(-time.Hour)))
		want(t, ringOf(t, "ana", g.Public(ana)).Verify(Of(raw), time.Now()), "ana", "older than its key")
	})
	t.Run("several keys in one text", func(t *testing.T) {
		ring := ringOf(t, "ana", g.Public(ana)+"\n"+g.Public(bo))
		want(t, ring.Verify(Of(signed(r, g, "--local-user", bo)), now), "ana", "")
		want(t, ring.Verify(Of(signed(r, g, "--local-user", ana)), now), "ana", "")
	})
	t.Run("X.509", func(t *testing.T) {
		raw := with(r.commit("-c", "commit.gpgsign=false"), "gpgsig",
			"-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n")
		want(t, (&Ring{}).Verify(Of(raw), now), "", "X.509")
	})
}

func stamp(at time.Time) string { return at.UTC().Format("20060102T150405") + "!" }

// What a key may not do any more it may not have done before either: any date can be written.
func TestKeysThatMayNotSign(t *testing.T) {
	g := gittest.NewGPG(t)
	r := gpgRepo(t, g)
	long := time.Now().Add(-90 * 24 * time.Hour)
	then := []string{"--faked-system-time", stamp(long)}
	t.Run("expired", func(t *testing.T) {
		id := g.Key("expired", "ed25519", "sign", "7d", then...)
		raw := signed(r, g, append(then, "--local-user", id)...)
		ring := ringOf(t, "ana", g.Public(id))
		want(t, ring.Verify(Of(raw), long.Add(time.Hour)), "ana", "")
		want(t, ring.Verify(Of(raw), time.Now()), "ana", "has expired")
		if keys, err := Parse(g.Public(id)); err != nil || !strings.Contains(keys[0].Trouble(time.Now()), "expired") {
			t.Errorf("%v", err)
		}
		g.Run("--quick-set-expire", id, "never")
		want(t, ringOf(t, "ana", g.Public(id)).Verify(Of(raw), time.Now()), "ana", "")
	})
	t.Run("revoked", func(t *testing.T) {
		id := g.Key("revoked", "ed25519", "sign", "never", then...)
		raw := signed(r, g, append(then, "--local-user", id)...)
		want(t, ringOf(t, "ana", g.Public(id)).Verify(Of(raw), time.Now()), "ana", "")
		cert := read(t, filepath.Join(g.Home, "openpgp-revocs.d", id+".rev"))
		g.RunWith(strings.Replace(cert, ":-----BEGIN", "-----BEGIN", 1), "--import")
		want(t, ringOf(t, "ana", g.Public(id)).Verify(Of(raw), time.Now()), "ana", "is revoked")
	})
	t.Run("sub-keys", func(t *testing.T) {
		id := g.Key("subkeys", "ed25519", "cert", "never", then...)
		for _, usage := range []string{"sign", "auth"} {
			g.Run(append(then, "--quick-add-key", id, "ed25519", usage, "30d")...)
		}
		all := g.Fingerprints(id)
		sub := all[1]
		raw := signed(r, g, append(then, "--local-user", sub+"!")...)
		want(t, ringOf(t, "ana", g.Public(id)).Verify(Of(raw), long.Add(time.Hour)), "ana", "")
		want(t, ringOf(t, "ana", g.Public(id)).Verify(Of(raw), time.Now()), "ana", "has expired")
		g.Run("--quick-set-expire", id, "never", sub)
		got := ringOf(t, "ana", g.Public(id)).Verify(Of(raw), time.Now())
		want(t, got, "ana", "")
		if got.Key != sub {
			t.Errorf("made by %s, not by the sub-key %s", got.Key, sub)
		}
		g.RunWith("key 1\nrevkey\ny\n0\n\ny\nsave\n", "--command-fd", "0", "--no-batch", "--edit-key", id)
		want(t, ringOf(t, "ana", g.Public(id)).Verify(Of(raw), time.Now()), "ana", "is revoked")
	})
}

// Keys that can never prove anything are refused where they are read.
func TestKeysThatAreRefused(t *testing.T) {
	g := gittest.NewGPG(t)
	_, weak := gittest.SSHKey(t, "-t", "rsa", "-b", "1024")
	private, public := gittest.SSHKey(t, "-t", "ed25519")
	good := read(t, public)
	weakRSA := g.Key("weak", "rsa1024", "sign", "never")
	dsa := g.Key("dsa", "dsa2048", "sign", "never")
	mute := g.Key("mute", "ed25519", "cert", "never")
	old := g.Key("sha1", "rsa2048", "sign", "never", "--cert-digest-algo", "SHA1")
	whole := g.Key("whole", "ed25519", "sign", "never")
	for name, c := range map[string]struct{ text, why string }{
		"nothing":              {"", "no key"},
		"the name of a file":   {"ana.pub", "not a public key"},
		"a cut key":            {good[:40], "not a public key"},
		"a private key":        {read(t, private), "a private key"},
		"an OpenPGP one":       {g.Run("--armor", "--export-secret-keys", whole), "a private key"},
		"options":              {`cert-authority ` + good, "options"},
		"no touch":             {`no-touch-required ` + good, "options"},
		"RSA of SSH":           {read(t, weak), "1024 bits"},
		"RSA of OpenPGP":       {g.Public(weakRSA), "1024 bits"},
		"DSA":                  {g.Public(dsa), "DSA"},
		"no signing":           {g.Public(mute), "not made for signing"},
		"SHA-1":                {g.Public(old), "SHA-1"},
		"a block that is cut":  {g.Public(whole)[:200], "cannot be read"},
		"too long":             {"# " + strings.Repeat("x", maxKeys) + "\n" + good, "1 MiB"},
		"one good and one not": {good + "ssh-ed25519 AAAA\n", "not a public key"},
	} {
		if _, err := Parse(c.text); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
	}
	keys, err := Parse("# from a web page\n\n" + good + "\n" + good)
	if err != nil || len(keys) != 2 || keys[0].ID != keys[1].ID {
		t.Errorf("%v: %v", keys, err)
	}
}

// Commits that Git does not write prove nothing, although the signature is good, and what this
// package accepts Git accepts.
func TestOddCommits(t *testing.T) {
	r, private, public := signedBySSH(t, "-t", "ed25519")
	ring := ringOf(t, "ana", public)
	sign := func(payload string) string {
		return gittest.Tool(t, nil, payload, "ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", private)
	}
	base := string(Of(r.commit()).Payload)
	id := func(header string) string { return header + " 1111111111111111111111111111111111111111\n" }
	after := func(header, text string) string { return string(with([]byte(base), header, text)) }
	for name, c := range map[string]struct{ payload, why string }{
		"as Git writes it":       {base, ""},
		"CRLF in the message":    {base + "one\r\ntwo\r\n", ""},
		"no end of line":         {strings.TrimSuffix(base, "\n"), ""},
		"an encoding":            {after("encoding", "ISO-8859-1") + "\xe9\n", ""},
		"another header":         {after("HG:rename", "x"), ""},
		"merged tags":            {after("mergetag", "object 1\ngpgsig x\n y") + "", ""},
		"a message like headers": {base + "gpgsig x\n y\n", ""},
		"a long message":         {base + strings.Repeat("long ", 1<<18), ""},
		"no message":             {strings.SplitAfter(base, "\n\n")[0], ""},
		"a zero byte":            {base + "a\x00b", "zero byte"},
		"CR in a name":           {strings.Replace(base, "Ana", "Ana\r", 1), "carriage return"},
		"two committers": {strings.Replace(base, "committer Ana",
			"committer Bo <bo@example.com> 1 +0000\ncommitter Ana", 1), "committer is not where"},
		"committer before author": {swapped(base), "not where"},
		"a parent too late":       {after("parent", "1111111111111111111111111111111111111111"), "parent is not where"},
		"two trees":               {id("tree") + base, "tree is not where"},
		"no tree":                 {strings.SplitAfterN(base, "\n", 2)[1], "not where"},
		"a blank first":           {" x\n" + base, "begins with a blank"},
		"two encodings":           {string(with([]byte(after("encoding", "UTF-8")), "encoding", "latin1")), "twice"},
		"a header of no value":    {strings.Replace(after("lonely", "x"), "lonely x", "lonely", 1), "no value"},
		"another signature":       {after("gpgsig-sha3", "x"), "gpgsig-sha3"},
		"an early header":         {strings.Replace(base, "author ", "note x\nauthor ", 1), "before the committer"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := with([]byte(strings.Replace(c.payload, "committer", "committer", 1)), "gpgsig", sign(c.payload))
			if s := Of(raw); string(s.Payload) != c.payload {
				t.Errorf("what was signed is\n%q, want\n%q", s.Payload, c.payload)
			}
			got := ring.Verify(Of(raw), time.Now())
			user := ""
			if c.why == "" {
				user = "ana"
			}
			want(t, got, user, c.why)
			if got.Good() && !r.accepted(raw) {
				t.Error("Git does not accept it")
			}
		})
	}
	good := with([]byte(base), "gpgsig", sign(base))
	for name, c := range map[string]struct {
		raw []byte
		why string
	}{
		"two gpgsig headers": {with(good, "gpgsig", sign(base)), "gpgsig twice"},
		"SHA-256 besides":    {with(good, "gpgsig-sha256", "anything\nat all"), ""},
		"SHA-256 alone":      {with([]byte(base), "gpgsig-sha256", sign(base)), "not signed"},
		"junk before it":     {with([]byte(base), "gpgsig", "junk\n"+sign(base)), "neither"},
		"junk after it":      {with([]byte(base), "gpgsig", sign(base)+"junk"), "neither"},
		"two blocks":         {with([]byte(base), "gpgsig", sign(base)+sign(base)), "neither"},
		"CRLF in it":         {with([]byte(base), "gpgsig", strings.ReplaceAll(sign(base), "\n", "\r\n")), "carriage"},
		"a huge one":         {with([]byte(base), "gpgsig", strings.Repeat("x", maxSignature)), "64 KiB"},
		"torn":               {with([]byte(base), "gpgsig", sign(base)[:120]), "neither"},
		"of OpenPGP, no text": {with([]byte(base), "gpgsig",
			"-----BEGIN PGP SIGNATURE-----\n\n\n-----END PGP SIGNATURE-----"), "cannot be read"},
	} {
		got := ring.Verify(Of(c.raw), time.Now())
		if c.why == "" != got.Good() || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %q, want %q", name, got.Why, c.why)
		}
		if got.Good() && !r.accepted(c.raw) {
			t.Errorf("%s: Git does not accept it", name)
		}
	}
}

// swapped has the committer before the author.
func swapped(raw string) string {
	lines := strings.SplitAfter(raw, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "author ") {
			lines[i], lines[i+1] = lines[i+1], lines[i]
			break
		}
	}
	return strings.Join(lines, "")
}

func TestDigestOfARing(t *testing.T) {
	_, one := gittest.SSHKey(t, "-t", "ed25519")
	_, two := gittest.SSHKey(t, "-t", "ed25519")
	a, b := ringOf(t, "ana", read(t, one)), ringOf(t, "bo", read(t, two))
	seen := map[string]string{}
	both := a.With(Owner{User: "bo"}, b.keys[0].Key)
	for name, r := range map[string]*Ring{"none": {}, "ana": a, "bo": b, "both": both,
		"a forge": a.With(Owner{}, b.keys[0].Key)} {
		if other, twice := seen[r.Digest()]; twice {
			t.Errorf("%s is as %s", name, other)
		}
		seen[r.Digest()] = name
	}
	other := (&Ring{}).With(Owner{User: "bo"}, b.keys[0].Key).With(a.keys[0].Owner, a.keys[0].Key)
	if other.Digest() != both.Digest() {
		t.Error("the order of users counts")
	}
	if !a.Owns("ana", " Ana@EXAMPLE.com") || a.Owns("ana", "bo@example.com") || a.Owns("", "") {
		t.Error("emails")
	}
}

// Whatever a remote sends in the place of a commit, nothing fails but the proof.
func FuzzSigned(f *testing.F) {
	f.Add([]byte("tree 1\nauthor a <a> 1 +0\ncommitter a <a> 1 +0\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iQE=\n " +
		"-----END PGP SIGNATURE-----\n\nx"))
	f.Add([]byte("tree 1\nauthor a <a> 1 +0\ncommitter a <a> 1 +0\ngpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n " +
		"-----END SSH SIGNATURE-----\n\nx"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := Of(raw)
		if r := (&Ring{}).Verify(s, time.Unix(1_700_000_000, 0)); r.Good() || r.User != "" {
			t.Errorf("%q is good: %+v", raw, r)
		}
		if s.Odd == "" && string(s.Payload) != string(raw) && !strings.Contains(string(raw), "\ngpgsig") {
			t.Errorf("%q became %q", raw, s.Payload)
		}
	})
}
