package credentials

import (
	"errors"
	"strings"
	"testing"
)

func TestPrefixesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "empty prefix",
		"git.example.com/acme/":            "prefix without a scheme",
		"git.example.com:acme/x":           "prefix without a scheme",
		"me@git.example.com/acme":          "prefix without a scheme",
		"ftp://git.example.com/acme":       "unknown kind of prefix",
		"git://git.example.com/acme":       "unknown kind of prefix",
		"file:///srv/git":                  "unknown kind of prefix",
		"https:///acme":                    "prefix without a host",
		"https://:443/acme":                "prefix without a host",
		"https://git.example.com:0/":       "invalid port",
		"https://git.example.com:99999/":   "invalid port",
		"https://git.example.com:/":        "invalid port",
		"https://me:hunter22@example.com/": "a password in the prefix",
		"ssh://me:hunter22@example.com/":   "a password in the prefix",
		"https://me@example.com/":          "a user in the prefix",
		"https://example.com/a?ref=v1":     "not a prefix",
		"https://example.com/a#x":          "not a prefix",
		"git::https://example.com/a":       "not a prefix",
		"https://example.com/a b":          "not a prefix",
		"https://example.com/%zz":          "not a prefix",
		"https://example.com/*":            "pattern instead of a prefix",
		"*.example.com":                    "pattern instead of a prefix",
		"registry_one.example.com":         "not the name of a registry",
		"registry.example.com:http":        "not the name of a registry",
		"-x":                               "not the name of a registry",
	} {
		_, err := Parse(text)
		var bad *Invalid
		if !errors.As(err, &bad) || bad.Summary != want || bad.Detail == "" {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if strings.Contains(text, "hunter22") && (!bad.Secret || strings.Contains(bad.Error(), "hunter22")) {
			t.Errorf("%q: the password is shown: %v", text, err)
		}
	}
}

func TestPrefixesAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]string{
		"https://Git.Example.com/acme":    "https://git.example.com/acme/",
		"https://git.example.com:443":     "https://git.example.com/",
		"https://git.example.com:8443/a/": "https://git.example.com:8443/a/",
		"http://127.0.0.1:80/a/../b":      "http://127.0.0.1/b/",
		"ssh://git@git.example.com:22/a":  "ssh://git@git.example.com/a/",
		"git@git.example.com:acme/":       "ssh://git@git.example.com/acme/",
		"git@git.example.com:":            "ssh://git@git.example.com/",
		"ssh://[::1]:2222/":               "ssh://[::1]:2222/",
		"App.Terraform.io":                "app.terraform.io",
		"localhost:8443":                  "localhost:8443",
		"registry.example.com:443":        "registry.example.com",
	} {
		p, err := Parse(text)
		if err != nil || p.Label() != want {
			t.Errorf("%q: %q, %v, want %q", text, p.Label(), err, want)
		}
	}
}

func TestTheLongestPrefixWins(t *testing.T) {
	of := func(text string, own bool) Credential {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		name := text
		if own {
			name += " own"
		}
		return Credential{Prefix: p, Own: own, Username: name}
	}
	all := []Credential{
		of("https://h/", true), of("https://h/acme/", false), of("https://h/acme/secret.git", true),
		of("https://h/both", false), of("https://h/both", true),
		of("ssh://h/", false), of("ssh://git@h/", false), of("ssh://git@h:2222/acme", false), of("h", false),
	}
	for at, want := range map[string]string{
		"https://h/other/x":             "https://h/ own",
		"https://h":                     "https://h/ own",
		"https://H:443/acme/x.git":      "https://h/acme/",
		"https://me@h/acme":             "https://h/acme/",
		"https://h/acme-labs/x":         "https://h/ own",
		"https://h/acme/secret":         "https://h/acme/secret.git own",
		"https://h/acme/secret.git":     "https://h/acme/secret.git own",
		"https://h/acme/secrets":        "https://h/acme/",
		"https://h/acme/../both/x":      "https://h/both own",
		"https://h/acme/%2e%2e/other":   "https://h/ own",
		"https://h/acme/x.git?ref=v1":   "https://h/acme/",
		"http://h/acme/x":               "",
		"https://h:8443/acme/x":         "",
		"https://h.evil.example/acme/x": "",
		"https://evil.example/h/acme":   "",
		"ssh://h/acme/x":                "ssh://h/",
		"ssh://me@h/acme/x":             "ssh://h/",
		"ssh://git@h/acme/x":            "ssh://git@h/",
		"ssh://git@h:2222/acme/x.git":   "ssh://git@h:2222/acme",
		"ssh://git@h:2222/other/x.git":  "",
	} {
		p, ok := Address(at)
		got, _ := Best(all, p)
		if !ok || got.Username != want {
			t.Errorf("%s: %q, want %q", at, got.Username, want)
		}
	}
	if got, _ := Best(all, HostPath("https", "", "h", "acme/x.git")); got.Username != "https://h/acme/" {
		t.Errorf("in parts: %q", got.Username)
	}
	if got, ok := Best(all, HostPath("ssh", "git", "[::1]", "acme")); ok {
		t.Errorf("another host: %q", got.Username)
	}
}
