package daemon

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/config"
)

// What the configuration has of secrets is hidden in the daemon's log by its value, however it is
// spelled; that of a configuration that is not in force any more, too.
func TestLogHidesTheConfigurationsSecrets(t *testing.T) {
	t.Setenv("LOG_GIT", "canary \"git\" <&> x")
	t.Setenv("LOG_MODULES", "canary-modules-x")
	t.Setenv("LOG_VARIABLE", "canary-variable-x")
	t.Setenv("LOG_OLD", "canary-old-x")
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("token", "canary-file-x\n")
	put("ca.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== somebody")
	text := `repository "infra" {
  url = "https://git.example.com/a.git"
  auth {
    username = "bot"
    password = env("LOG_GIT")
  }
  module_credentials "https://modules.example.com/" {
    username = "bot"
    password = "canary-literal-x"
  }
}
workspace "w" {
  repository = "infra"
  variables  = { a = env("LOG_VARIABLE"), b = file("token"), c = file("ca.pub"), d = "shown-constant" }
}
`
	load := func(text string) *config.Config {
		cfg, err := config.Load(put("tfops.hcl", text))
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	known := &Secrets{}
	environ := []string{"AWS_SECRET_ACCESS_KEY=canary-passed-x", "AWS_REGION=eu-central-1", "OTHER=not-passed-on"}
	old := strings.Replace(text, "LOG_VARIABLE", "LOG_OLD", 1)
	known.learn(load("runner { pass_env = [\"AWS_*\"] }\n"+old), environ)
	known.learn(load(text), environ)
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log, err := Log(&out, known, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{os.Getenv("LOG_GIT"), "canary-variable-x", "canary-file-x", "canary-literal-x",
			"canary-passed-x", "canary-old-x"} {
			log.Error("it said "+secret+".", "error", errors.New("refused: "+secret), "base64",
				base64.StdEncoding.EncodeToString([]byte("bot:"+secret)))
			if base := base64.StdEncoding.EncodeToString([]byte(secret)); strings.Contains(out.String(), base[:12]) {
				t.Errorf("%s: base64 of %q in %s", format, secret, out.String())
			}
		}
		log.Info("fine", "key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== somebody", "region", "eu-central-1", "value",
			"shown-constant", "host", "git.example.com", "other", "not-passed-on")
		if strings.Contains(out.String(), "canary") {
			t.Errorf("%s: %s", format, out.String())
		}
		for _, s := range []string{"AAAAC3NzaC1lZDI1NTE5AAAAIA==", "eu-central-1", "shown-constant", "git.example.com",
			"not-passed-on", "refused"} {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%s: no %q in %s", format, s, out.String())
			}
		}
	}
}

// The daemon's own log hides what lets somebody in, in both formats, whoever wrote it.
func TestLogIsScrubbed(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log, err := Log(&out, &Secrets{}, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		log.Error("fetch of https://bot:canary-1@h/x.git", "error",
			errors.New(`get "https://h/m.zip?access_token=canary-2&ref=v1": denied`), "header",
			"Authorization: Bearer canary-3", "token", "ghp_k7Qz2mXw9RtB4vLc8NfH3pJdG6sYxKqW5aVe", "conn",
			"host=db password=canary-4 user=app", "workspace", "network-production")
		got := out.String()
		for _, s := range []string{"canary", "ghp_"} {
			if strings.Contains(got, s) {
				t.Errorf("%s: %s", format, got)
			}
		}
		for _, s := range []string{"fetch of https://bot:", "ref=v1", "denied", "network-production", "host=db"} {
			if !strings.Contains(got, s) {
				t.Errorf("%s: no %q in %s", format, s, got)
			}
		}
	}
}
