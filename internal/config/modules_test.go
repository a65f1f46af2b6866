package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
)

const hosts = "git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"

// modulesFile writes a configuration beside a key and known hosts, and reads it.
func modulesFile(t *testing.T, src string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	_, key := gittest.NewKey(t)
	for name, f := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"tfops.hcl": {"data_dir = \"d\"\n" + src, 0o600}, "key": {string(key), 0o600},
		"open_key": {string(key), 0o644}, "hosts": {hosts, 0o644},
		"no_key": {"x", 0o600}, "mine.tfrc": {"", 0o600}, "token": {"hunter22-token\r\n", 0o600},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(f.text), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	return Load(filepath.Join(dir, "tfops.hcl"))
}

func TestModuleCredentials(t *testing.T) {
	c, err := modulesFile(t, `
module_credentials "https://git.example.com/acme" {
  username = "me"
  password = file("token")
}
module_credentials "App.Terraform.io" { token = file("token") }
repository "infra" {
  url     = "https://git.example.com:8443/acme/infra.git"
  modules = "same_access"
  auth {
    username = "robot"
    password = file("token")
  }
  module_credentials "git@git.example.com:acme/" {
    private_key_file = "key"
    known_hosts_file = "hosts"
  }
}
engine "terraform" { cli_config = "mine.tfrc" }
`)
	if err != nil {
		t.Fatal(err)
	}
	show := func(all []credentials.Credential) string {
		var out []string
		for _, c := range all {
			text := c.Prefix.Label() + " " + c.Username + c.Password + c.Token
			if len(c.SSHKey) > 0 {
				text += "key " + string(c.KnownHosts)
			}
			if c.Own {
				text += " own"
			}
			out = append(out, strings.ReplaceAll(text, hosts, "hosts"))
		}
		return strings.Join(out, "\n")
	}
	if got, want := show(c.Modules), "https://git.example.com/acme/ mehunter22-token\n"+
		"app.terraform.io hunter22-token"; got != want {
		t.Errorf("for all:\n%s\nwant\n%s", got, want)
	}
	want := "ssh://git@git.example.com/acme/ key hosts own\nhttps://git.example.com:8443/ robothunter22-token own"
	if got := show(c.Repositories[0].Modules); got != want {
		t.Errorf("of the repository:\n%s\nwant\n%s", got, want)
	}
	if filepath.Base(c.Engines["terraform"].CLIConfig) != "mine.tfrc" || c.Engines["tofu"].CLIConfig != "" {
		t.Errorf("%+v", c.Engines)
	}
	for _, name := range []string{"key", "hosts"} {
		if !strings.Contains(strings.Join(c.Files, " ")+" ", "/"+name+" ") {
			t.Errorf("a change of %s goes unseen: %s", name, c.Files)
		}
	}
}

func TestSameAccess(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "/run/agent")
	repository := func(url, body string) string {
		return "repository \"infra\" {\n  url = \"" + url + "\"\n  modules = \"same_access\"\n" + body + "\n}\n"
	}
	for src, want := range map[string]string{
		repository("git@git.example.com:acme/infra.git",
			""): "ssh://git@git.example.com/",
		repository("ssh://me@git.example.com:2222/acme/infra.git",
			"auth { ssh_key = file(\"key\") }"): "ssh://me@git.example.com:2222/",
		repository("git.example.com:acme/infra.git",
			""): "ssh://git.example.com/",
		repository("https://me:hunter22@Git.Example.com/acme/infra.git",
			""): "https://git.example.com/",
		repository("http://git.example.com:8080/acme/infra.git",
			"auth { password = file(\"token\") }"): "http://git.example.com:8080/",
	} {
		c, err := modulesFile(t, src)
		if err != nil || len(c.Repositories[0].Modules) != 1 {
			t.Errorf("%s: %v %v", src, c, err)
			continue
		}
		got := c.Repositories[0].Modules[0]
		if got.Prefix.Label() != want || !got.Own ||
			(got.Agent == "/run/agent") != (got.Prefix.Kind == credentials.SSH && len(got.SSHKey) == 0) ||
			got.Prefix.Kind == credentials.HTTP && (got.Username == "" || got.Password == "") {
			t.Errorf("%s: %+v, want %s", src, got, want)
		}
	}
	for src, says := range map[string]string{
		repository("/tmp", ""): "The repository is a local path",
		repository("https://git.example.com/acme/infra.git", ""): "without an auth or tls block",
	} {
		c, err := modulesFile(t, src)
		if err != nil || len(c.Repositories[0].Modules) != 0 || !warned(c.Warnings, says) {
			t.Errorf("%s: %v %v", src, c.Warnings, err)
		}
	}
	_, err := modulesFile(t, repository("git@git.example.com:acme/infra.git", "auth { password = file(\"token\") }"))
	if err == nil || !strings.Contains(err.Error(), "no key for modules") {
		t.Error(err)
	}
	_, err = modulesFile(t, strings.Replace(repository("git@git.example.com:acme/infra.git", ""), "same_access",
		"same", 1))
	if err == nil || !strings.Contains(err.Error(), "same_access") {
		t.Error(err)
	}
}

func warned(all hcl.Diagnostics, says string) bool {
	for _, d := range all {
		if strings.Contains(d.Summary+" "+d.Detail, says) {
			return true
		}
	}
	return false
}

// Each mistake is named where it is, and no message repeats a secret.
func TestMistakesOfModuleCredentials(t *testing.T) {
	const secret = "hunter22-token"
	block := func(prefix, body string) string {
		return "module_credentials \"" + prefix + "\" {\n" + body + "\n}\n"
	}
	for _, c := range []struct{ src, says string }{
		{block("git.example.com/acme/", `token = file("token")`), "prefix without a scheme"},
		{block("https://me:hunter22-token@git.example.com/", `password = file("token")`), "a password in the prefix"},
		{block("https://me@git.example.com/", `password = file("token")`), "a user in the prefix"},
		{block("https://git.example.com/*", `password = file("token")`), "pattern instead of a prefix"},
		{block("https://git.example.com/", ""), "no user and password"},
		{block("https://git.example.com/", `password = file("token")`), "password without a username"},
		{block("https://git.example.com/", `username = "me"`), "username without a password"},
		{block("https://git.example.com/", "username = \"me\"\npassword = \"\""), "empty password"},
		{block("https://git.example.com/", "username = \"\"\npassword = \"hunter22-token\""), "empty username"},
		{block("https://git.example.com/", "username = \"a\\nb\"\npassword = \"hunter22-token\""),
			"more than one line"},
		{block("https://git.example.com/", `token = "hunter22-token"`), "token has no meaning here"},
		{block("https://git.example.com/", `private_key_file = "key"`), "private_key_file has no meaning here"},
		{block("app.terraform.io", ""), "no token"},
		{block("app.terraform.io", `token = ""`), "empty token"},
		{block("app.terraform.io", "username = \"me\"\npassword = \"hunter22-token\""), "username has no meaning here"},
		{block("ssh://git@git.example.com/", ""), "no key"},
		{block("ssh://git@git.example.com/", `password = "hunter22-token"`), "password has no meaning here"},
		{block("ssh://git@git.example.com/", `private_key_file = "open_key"`), "a private key that everybody can read"},
		{block("ssh://git@git.example.com/", `private_key_file = "gone"`), "cannot read the file"},
		{block("ssh://git@git.example.com/", `private_key_file = "no_key"`), "not a private key"},
		{block("ssh://git@git.example.com/", "private_key_file = \"key\"\nssh_key = file(\"key\")"),
			"two ways to say one thing"},
		{block("ssh://git@git.example.com/", "private_key_file = \"key\"\nknown_hosts_file = \"no_key\""),
			"not a list of known hosts"},
		{block("ssh://git@git.example.com/", "private_key_file = \"key\"\nknown_hosts_file = \"gone\""),
			"cannot read the file"},
		{block("ssh://git@git.example.com/", `ssh_key_passphrase = "hunter22-token"`), "passphrase without a key"},
		{block("https://git.example.com/", `token_file = "hunter22-token"`), "unknown attribute"},
		{strings.Repeat(block("app.terraform.io", `token = file("token")`), 2), "duplicate module_credentials"},
		{"module_credentials {\n  token = \"hunter22-token\"\n}\n", "without a prefix"},
		{"credentials \"app.terraform.io\" {\n  token = \"hunter22-token\"\n}\n", "module_credentials"},
		{"engine \"terraform\" { cli_config = \"\" }", "empty path"},
		{"engine \"terraform\" { cli_config = \".\" }", "not a file"},
		{"engine \"terraform\" { terraformrc = \"~/.terraformrc\" }", "cli_config"},
	} {
		src, says := c.src, c.says
		_, err := modulesFile(t, src)
		p, ok := err.(*Problems)
		if !ok {
			t.Errorf("%s: %v", src, err)
			continue
		}
		var out strings.Builder
		if err := p.Render(&out, false, 0); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), says) {
			t.Errorf("%s\n%s\nwant %q", src, out.String(), says)
		}
		if strings.Contains(out.String(), secret) {
			t.Errorf("a secret is shown:\n%s", out.String())
		}
	}
	for src, says := range map[string]string{
		block("http://git.example.com/", "username = \"me\"\npassword = file(\"token\")"): "password over plain http",
		block("app.terraform.io", `token = "hunter22-token"`):                             "secret in plain text",
		"engine \"terraform\" { cli_config = \"gone.tfrc\" }":                             "no CLI configuration there",
	} {
		c, err := modulesFile(t, src)
		if err != nil || !warned(c.Warnings, says) {
			t.Errorf("%s: %v", src, err)
		}
	}
}
