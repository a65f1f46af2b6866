package leaks

import (
	"strings"
	"testing"
)

// Every rule can be compiled and has words, and the data is whole.
func TestRules(t *testing.T) {
	c := all()
	if len(c.rules) < 200 {
		t.Fatalf("%d rules", len(c.rules))
	}
	for _, r := range append(c.rules, c.always) {
		if r != c.always && (r.expr == nil || r.expr() == nil || len(r.words) == 0) {
			t.Errorf("%s has no expression or no words", r.id)
		}
		for _, a := range r.allowed {
			if a.expr() == nil || a.over != "secret" && a.over != "match" && a.over != "line" {
				t.Errorf("%s allows over %q", r.id, a.over)
			}
		}
	}
}

// mixed is a text of n characters that no dictionary has.
func mixed(n int) string {
	const letters = "k7Qz2mXw9RtB4vLc8NfH3pJdG6sYxKqW5aVe1ZuT"
	return strings.Repeat(letters, n/len(letters)+1)[:n]
}

func TestHide(t *testing.T) {
	for what, secret := range map[string]string{
		"AWS":         "AKIA" + "Q3EGRK2T7MZ4BXWL",
		"GitHub":      "ghp_" + mixed(36),
		"fine grain":  "github_pat_" + mixed(82),
		"GitLab":      "glpat-" + mixed(20),
		"Slack":       "xoxb-" + "123456789012-123456789012-" + mixed(24),
		"private key": "-----BEGIN RSA PRIVATE KEY-----\n" + mixed(200) + "\n-----END RSA PRIVATE KEY-----",
		"JWT": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvZSJ9." +
			"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		"HCP":     mixed(14) + ".atlasv1." + mixed(64),
		"age":     "AGE-SECRET-KEY-1" + strings.Repeat("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 2)[:58],
		"generic": `api_key = "` + mixed(32) + `"`,
	} {
		got := Hide("before "+secret+" after", "***")
		bare := strings.TrimSuffix(strings.TrimPrefix(secret, `api_key = "`), `"`)
		if strings.Contains(got, bare) || !strings.Contains(got, "***") || !strings.HasPrefix(got, "before ") ||
			!strings.HasSuffix(got, " after") {
			t.Errorf("%s: %s", what, got)
		}
		if again := Hide(got, "***"); again != got {
			t.Errorf("%s hidden twice: %s, then %s", what, got, again)
		}
	}
}

// What people need of a log stays readable.
func TestKeeps(t *testing.T) {
	for _, text := range []string{
		"aws_api_gateway_rest_api.main: Refreshing state... [id=a1b2c3d4e5]",
		"aws_iam_access_key.deploy: Creation complete after 1s",
		"aws_secretsmanager_secret.database_password: Modifications complete after 0s " +
			"[id=arn:aws:secretsmanager:eu-central-1:123456789012:secret:database-AbCdEf]",
		`module.vpc["production"].aws_subnet.private[2]: Still creating... [10s elapsed]`,
		"aws_kms_key.state: Refreshing state... [id=1234abcd-12ab-34cd-56ef-1234567890ab]",
		"random_password.db: Creating...",
		"azurerm_key_vault_secret.token: Destroying... [id=https://vault.example.net/secrets/token/0123]",
		"commit 3f2a1b4c5d6e7f8091a2b3c4d5e6f708192a3b4c",
		"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		`Error: Invalid value for variable "token_validity"`,
		"- Installing hashicorp/aws v5.100.0... Installed hashicorp/aws v5.100.0 (signed by HashiCorp)",
		"",
	} {
		if got := Hide(text, "***"); got != text {
			t.Errorf("%s\nbecame %s", text, got)
		}
	}
}

// A long text is looked at in pieces, and nothing of it is lost.
func TestLongText(t *testing.T) {
	line := strings.Repeat("nothing to see here ", 50) + "\n"
	text := strings.Repeat(line, 100) + "ghp_" + mixed(36) + "\n" + strings.Repeat(line, 100)
	got := Hide(text, "***")
	if want := strings.Replace(text, "ghp_"+mixed(36), "***", 1); got != want {
		t.Errorf("%d bytes became %d", len(text), len(got))
	}
}

func BenchmarkHide(b *testing.B) {
	line := `aws_security_group.web["production"]: Refreshing state... [id=sg-0123456789abcdef0]`
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		Hide(line, "***")
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		parse(data)
	}
}
