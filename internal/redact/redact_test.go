package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/redact"
)

func TestParts(t *testing.T) {
	for secret, want := range map[string][]string{
		"":        nil,
		"token":   {"token"},
		"token\n": {"token\n", "token"},
		" \n":     {" \n"},
		"{\n  \"key\": \"canary\"\n}\n": {"{\n  \"key\": \"canary\"\n}\n", "{\n  \"key\": \"canary\"\n}",
			"\"key\": \"canary\""},
		"first-line-a\r\nsecond-line-b\r\n": {"first-line-a\r\nsecond-line-b\r\n", "first-line-a\r\nsecond-line-b",
			"first-line-a", "second-line-b"},
	} {
		if got := redact.Parts(secret); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", secret, got, want)
		}
	}
}

// What a remote answers does not show a secret, in whatever usual form it repeats it.
func TestText(t *testing.T) {
	for _, secret := range []string{"canary", "p@ss/w+r d&\"x\\'", "käse-und-brot", "s3cr3t\n", "\xff\xfebytes",
		"a.*b(c"} {
		quoted, _ := json.Marshal(secret)
		trimmed := strings.TrimSpace(secret)
		mixed := strings.Replace(url.PathEscape(trimmed), "%40", "@", 1)
		for name, form := range map[string]string{
			"as it is":         secret,
			"trimmed":          trimmed,
			"as a query":       url.QueryEscape(trimmed),
			"as a path":        url.PathEscape(trimmed),
			"in small letters": strings.ToLower(url.QueryEscape(strings.ToLower(trimmed))),
			"mixed":            mixed,
			"as JSON":          string(quoted[1 : len(quoted)-1]),
			"as hex":           hex.EncodeToString([]byte(trimmed)),
			"as base64":        base64.StdEncoding.EncodeToString([]byte(trimmed)),
			"to log in":        base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
			"all escaped":      escaped(trimmed),
		} {
			if name == "in small letters" && trimmed != strings.ToLower(trimmed) || strings.Contains(secret, "\xff") &&
				name == "as JSON" {
				continue
			}
			text := redact.Text("denied: "+form+" is wrong", "***", secret, "user:"+secret)
			if strings.Contains(text, form) || !strings.Contains(text, "***") || !strings.HasPrefix(text, "denied: ") ||
				!strings.HasSuffix(text, " is wrong") {
				t.Errorf("%q %s (%q): %q", secret, name, form, text)
			}
		}
	}
	if got := redact.Text("nothing to hide", "***", "", "canary"); got != "nothing to hide" {
		t.Errorf("%q", got)
	}
}

func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("%" + hex.EncodeToString([]byte{s[i]}))
	}
	return b.String()
}

// Names of settings and variables, in whatever way they are written.
func TestSecretName(t *testing.T) {
	for name, want := range map[string]bool{"AWS_SECRET_ACCESS_KEY": true, "client_secret": true, "GITHUB_TOKEN": true,
		"PGPASSWORD": true, "passphrase": true, "ApiKey": true, "private_key": true, "access_key": true,
		"AWS_SESSION_TOKEN": true, "AWS_REGION": false, "bucket": false, "key": false, "PATH": false} {
		if got := redact.SecretName(name); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
}
