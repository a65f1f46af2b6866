package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
)

// Keys are told where they are written, with what is wrong about them; private ones are shown to
// nobody, and what only time does to a key refuses no configuration.
func TestSigningKeys(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ana", "bo"} {
		private, public := gittest.SSHKey(t, "-t", "ed25519")
		for from, to := range map[string]string{private: name, public: name + ".pub"} {
			b, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			put(to, string(b))
		}
	}
	g := gittest.NewGPG(t)
	put("gpg.asc", g.Public(g.Key("gpg", "ed25519", "sign", "never")))
	put("mute.asc", g.Public(g.Key("mute", "ed25519", "cert", "never")))
	put("expired.asc", g.Public(g.Key("expired", "ed25519", "sign", "1d", "--faked-system-time",
		time.Now().Add(-50*time.Hour).UTC().Format("20060102T150405")+"!")))
	text, err := os.ReadFile(filepath.Join(dir, "ana.pub"))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSpace(string(text))
	const signed = "require_signed = true"
	user := func(keys string) string {
		return "user \"ana\" {\n  emails = [\"ana@example.com\"]\n  keys = [" + keys + "]\n}\n"
	}
	for name, c := range map[string]struct{ repo, users, mistake, warning string }{
		"a file":             {signed, user(`file("ana.pub")`), "", ""},
		"a text":             {signed, user(`"` + line + `"`), "", ""},
		"both, and OpenPGP":  {signed, user(`file("ana.pub"), "` + line + `", file("gpg.asc")`), "", ""},
		"the name of a file": {signed, user(`"ana.pub"`), "not a public key", ""},
		"a private key":      {signed, user(`file("ana")`), "a private key", ""},
		"not for signing":    {signed, user(`file("mute.asc")`), "not made for signing", ""},
		"expired":            {signed, user(`file("expired.asc")`), "", "has expired"},
		"a key of two":       {"", user(`file("ana.pub")`) + `user "bo" { keys = [file("ana.pub")] }`, "two owners", ""},
		"a merge key":        {signed + "\nmerge_keys = [file(\"bo.pub\")]", user(`file("ana.pub")`), "", ""},
		"a user's merge key": {signed + "\nmerge_keys = [file(\"ana.pub\")]", user(`file("ana.pub")`), "two owners", ""},
		"since a commit":     {signed + "\nsigned_since = \"" + strings.Repeat("a1", 20) + "\"", user(`file("ana.pub")`), "", ""},
		"since a branch":     {signed + "\nsigned_since = \"main\"", user(`file("ana.pub")`), "full id of a commit", ""},
		"since, of what need not be": {"signed_since = \"" + strings.Repeat("a1", 20) + "\"", user(`file("ana.pub")`), "",
			"signed_since has no effect"},
		"nobody has a key":    {signed, "", "", "nobody can sign"},
		"keys without emails": {signed, `user "ana" { keys = [file("ana.pub")] }`, "", "keys without emails"},
	} {
		path := filepath.Join(dir, "tfops.hcl")
		put("tfops.hcl", "repository \"infra\" {\n  url = \"https://git.example.com/a.git\"\n"+c.repo+"\n}\n"+c.users+
			"\nworkspace \"w\" {\n  repository = \"infra\"\n}\n")
		cfg, err := Load(path)
		var shown strings.Builder
		switch {
		case err != nil:
			if p, ok := err.(*Problems); !ok || p.Render(&shown, false, 0) != nil {
				t.Fatal(err)
			}
		default:
			if err := cfg.RenderWarnings(&shown, false, 0); err != nil {
				t.Fatal(err)
			}
		}
		if (err == nil) != (c.mistake == "") || !strings.Contains(shown.String(), c.mistake+c.warning) ||
			c.mistake+c.warning == "" && shown.Len() > 0 {
			t.Errorf("%s: %v\n%s\nwant %q %q", name, err, shown.String(), c.mistake, c.warning)
		}
		if c.mistake != "" && !strings.Contains(err.Error(), "tfops.hcl:") {
			t.Errorf("%s: no line in %v", name, err)
		}
		if strings.Contains(shown.String(), "OPENSSH") {
			t.Errorf("%s: the private key is shown:\n%s", name, shown.String())
		}
	}
}
