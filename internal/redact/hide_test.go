package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/redact"
)

// written are the ways in which programs write a secret.
func written(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	twice, _ := json.Marshal(string(quoted))
	all := map[string]string{
		"plain": secret, "JSON": string(quoted), "JSON in JSON": string(twice), "Go": strconv.Quote(secret),
		"Go, ASCII": strconv.QuoteToASCII(secret), "HTML": html.EscapeString(secret),
		"URL query": url.QueryEscape(secret), "URL path": url.PathEscape(secret),
		"URL user":  "https://" + url.UserPassword("u", secret).String() + "@h",
		"lower URL": strings.ToLower(url.QueryEscape(secret)), "hex": hex.EncodeToString([]byte(secret)),
		"HEX": fmt.Sprintf("%X", secret), "shell": `'` + strings.ReplaceAll(secret, `'`, `'\''`) + `'`,
	}
	if strings.ToLower(secret) != secret {
		delete(all, "lower URL")
	}
	for before := range 3 {
		for after := range 3 {
			around := strings.Repeat("u", before) + secret + strings.Repeat(":", after)
			all[fmt.Sprintf("base64 %d %d", before, after)] = base64.StdEncoding.EncodeToString([]byte(around))
			all[fmt.Sprintf("URL base64 %d %d", before, after)] = base64.RawURLEncoding.EncodeToString([]byte(around))
		}
	}
	return all
}

// middle is what base64 has of a secret and of nothing beside it.
func middle(secret string, before int) string {
	text := base64.StdEncoding.EncodeToString(append(make([]byte, before), secret...))
	return text[(before*8+5)/6 : (before+len(secret))*8/6]
}

func TestHider(t *testing.T) {
	for _, secret := range []string{"hunter2-and-more", "s3cr3t", "p@ss/w+r d&\"x\\'", "käse-und-brot",
		"two\nlines of it", "${not} %{hcl}", "48151623", "<a&b>"} {
		h := redact.NewHider([]string{secret}, nil)
		for name, form := range written(secret) {
			got := h.Text("before " + form + " after")
			if strings.Contains(got, secret) || !strings.Contains(got, redact.Hidden) ||
				!strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Errorf("%q as %s (%s): %q", secret, name, form, got)
			}
			for before := range 3 {
				if m := middle(secret, before); strings.HasPrefix(name, "base64") && strings.Contains(got, m) {
					t.Errorf("%q as %s: %q has %s", secret, name, got, m)
				}
			}
		}
	}
}

// Whatever the secrets, none of them is in what is left, and what has none of them is as it was.
func TestHiderAtRandom(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/+=\"\\<&\n"
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		text := func(n int) string {
			b := make([]byte, n)
			for i := range b {
				b[i] = letters[r.IntN(len(letters))]
			}
			return string(b)
		}
		var secrets []string
		for range 1 + r.IntN(5) {
			secrets = append(secrets, "#"+text(7+r.IntN(20))) // "#" is nowhere else
		}
		h := redact.NewHider(secrets, nil)
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteString(text(r.IntN(10)))
			s := secrets[r.IntN(len(secrets))]
			forms := redact.Forms(s)
			b.WriteString(forms[r.IntN(len(forms))])
			if r.IntN(3) == 0 { // they overlap
				b.WriteString(s[1+r.IntN(len(s)-1):])
			}
		}
		got := h.Text(b.String())
		for _, s := range secrets {
			for _, f := range redact.Forms(s) {
				if strings.Contains(got, f) {
					t.Fatalf("seed %d: %q is still in %q, which was %q", seed, f, got, b.String())
				}
			}
		}
		if plain := text(200); h.Text(plain) != plain && !h.In(plain) {
			t.Fatalf("seed %d: %q was changed", seed, plain)
		}
	}
}

func TestPartsOfStructures(t *testing.T) {
	for secret, parts := range map[string][]string{
		`{"user":"app","pin":48151623,"deep":[{"api_token":"abcd1"}]}`:                {"48151623", "abcd1"},
		`{"tokens":{"tk9x8w7v6u5":"alice"}}`:                                          {"tk9x8w7v6u5"},
		"host=db.example.com port=5432 password=s3cr3t user=app":                      {"s3cr3t"},
		"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abcDEF0123==;Suffix": {"abcDEF0123=="},
		"[default]\naws_secret_access_key = wJalrXUtnFEMI\nregion = eu-central-1\n":   {"wJalrXUtnFEMI"},
		"export TOKEN='abc-def-ghi'\n# a comment\n":                                   {"abc-def-ghi"},
		"deploy:hunter2hunter2":                                                       {"hunter2hunter2"},
		"password: >-\n  first-line\n  second-line\n":                                 {"first-line", "second-line"},
	} {
		h := redact.NewHider([]string{secret}, nil)
		for _, part := range parts {
			if got := h.Text("it is " + part + "."); strings.Contains(got, part) {
				t.Errorf("%q is not hidden of %q", part, secret)
			}
		}
	}
	h := redact.NewHider([]string{`{"type":"service_account","project_id":"acme-prod-1234",` +
		`"client_email":"ci@acme.example",` +
		`"private_key":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n",` +
		`"token_uri":"https://oauth2.example.com/token","universe_domain":"example.com","port":5432}`,
		"-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgI\n-----END CERTIFICATE-----\n",
		"region: eu-central-1\nname: network-production\n"}, nil)
	for _, text := range []string{"acme-prod-1234", "ci@acme.example", "service_account", "example.com", "5432",
		"eu-central-1", "network-production", "-----BEGIN CERTIFICATE-----", "client_email", "private_key"} {
		if got := h.Text(text); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
	if got := h.Text("key MIIEvQIBADANBgkq"); strings.Contains(got, "MIIEv") {
		t.Errorf("a line of a key in JSON: %s", got)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        redact.Way
	}{
		{"", "hunter2hunter2", redact.Within}, {"stage", "correct-horse-battery", redact.Within},
		{"password", "abcd", redact.Within}, {"db_pin", "4815", redact.Within}, {"pin", "4815", redact.Within},
		{"token", "abc", redact.Not}, {"", "48151623", redact.Within}, {"port", "5432", redact.Not},
		{"stage", "prod", redact.Not}, {"", "production", redact.Not}, {"password", "password", redact.Whole},
		{"", "eu-central-1", redact.Not}, {"", "europe-west1-b", redact.Not}, {"", "westeurope", redact.Not},
		{"", "hunter-west1", redact.Within}, {"", "127.0.0.1", redact.Not}, {"", "xxxxxxxx", redact.Not},
		{"x", "dev7", redact.Whole}, {"opinion", "abcd", redact.Whole}, {"", "", redact.Not},
	} {
		if got := redact.Judge(c.name, c.value); got != c.want {
			t.Errorf("%s = %s: %d, want %d", c.name, c.value, got, c.want)
		}
	}
}

func TestPublicSetting(t *testing.T) {
	for setting, want := range map[string]bool{
		"AWS_REGION=eu-central-1": true, "AWS_PROFILE=acme-production": true, "AWS_CONFIG_FILE=/etc/tfops/aws": true,
		"TF_CLI_CONFIG_FILE=/tmp/x/cli.tfrc": true, "ARM_SUBSCRIPTION_ID=0b1f6471-1bf0-4dda-aec3-cb9272f09590": true,
		"AWS_ROLE_ARN=arn:aws:iam::123456789012:role/deploy": true, "VAULT_ADDR=https://vault.example.com:8200": true,
		"HTTPS_PROXY=http://proxy.example.com:3128": true, "NO_PROXY=localhost,.example.com": true,
		"PGHOST=db.example.com": false, "DB_HOST=db.example.com": true, "GOOGLE_PROJECT=acme-prod": true,
		"GOOGLE_APPLICATION_CREDENTIALS=/etc/sa.json": false, "TOKEN_FILE=/run/secrets/token": true,
		"TOKEN_FILE=hunter2hunter2": false, "ACME=hunter2hunter2": false, "LICENSE=A1B2-C3D4-E5F6": false,
		"SLACK_URL=https://hooks.example.com/s/T01ABCDEF/B01ABCDEF/x7K2m9Q4w8R1t5Y3u6I0": false,

		"PROXY_URL=http://me:pw@proxy:3128": false, "API_URL=https://api.example.com/v1?key=1": false,
		"USER_NAME=a1b2c3d4e5f6": false, "AWS_SECRET_ACCESS_KEY=production-name": false,
	} {
		name, value, _ := strings.Cut(setting, "=")
		if got := redact.PublicSetting(name, value); got != want {
			t.Errorf("%s: %t, want %t", setting, got, want)
		}
	}
}

// shown are texts, each with how it is shown: (sensitive value) is written HIDDEN.
const shown = `
git::http://bot:TOKEN@git.example.com/x.git?ref=v1 -> git::http://bot:HIDDEN@git.example.com/x.git?ref=v1
https://ghp_0123456789abcdefABCD@github.com/a/b -> https://HIDDEN@github.com/a/b
https://ghp_0123456789abcdef:x-oauth-basic@h/a -> https://HIDDEN:HIDDEN@h/a
https://oauth2:glpat-x@gitlab.example.com/a.git -> https://oauth2:HIDDEN@gitlab.example.com/a.git
https://a:p@ss@h/x and postgres://u:p@db/x -> https://a:HIDDEN@h/x and postgres://u:HIDDEN@db/x
https://h/m.zip?access_token=abc&archive=zip -> https://h/m.zip?access_token=HIDDEN&archive=zip
https://h/m.zip?archive=zip\u0026sig=abcdef0 -> https://h/m.zip?archive=zip\u0026sig=HIDDEN
s3::https://h/m.zip?X-Amz-Signature=ab12ab12&X-Amz-Date=20261130 -> s3::https://h/m.zip?X-Amz-Signature=HIDDEN&X-Amz-Date=20261130
https://h/cb#access_token=abcdef -> https://h/cb#access_token=HIDDEN
git::ssh://git@h/x?sshkey=LS0tLS1CRUdJTg&ref=v1.2.3 -> git::ssh://git@h/x?sshkey=HIDDEN&ref=v1.2.3
ssh://git@example.com/a.git -> ssh://git@example.com/a.git
https://alice@bitbucket.org/a/b.git -> https://alice@bitbucket.org/a/b.git
https://h/x?ref=main&depth=1&checksum=sha256:ab12 -> https://h/x?ref=main&depth=1&checksum=sha256:ab12
https://u:${var.token}@h/x and https://u:***@h -> https://u:${var.token}@h/x and https://u:***@h
https://registry.terraform.io/v1/modules?limit=10 -> https://registry.terraform.io/v1/modules?limit=10
mail me@example.com, module a//b?ref=1 at 10:00@work -> mail me@example.com, module a//b?ref=1 at 10:00@work
https://h/path@v1.2.3/x:y@z -> https://h/path@v1.2.3/x:y@z`

func TestURLs(t *testing.T) {
	for line := range strings.SplitSeq(strings.TrimSpace(shown), "\n") {
		text, want, _ := strings.Cut(line, " -> ")
		want = strings.ReplaceAll(want, "HIDDEN", redact.Hidden)
		got := redact.URLs(text)
		if got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", text, got, want)
		}
		if again := redact.URLs(got); again != got {
			t.Errorf("hidden twice: %s", again)
		}
	}
}

func TestOnlyInURL(t *testing.T) {
	for value, want := range map[string]bool{"http://me:s3cret-word@proxy.example.com:3128": true, "https://h/x": false,
		"https://me:secret@h/services/x7K2m9Q4w8R1t5Y3u6I0": false, "https://h/x?token=abcdef": true,
		"hunter2": false} {
		if got := redact.OnlyInURL(value); got != want {
			t.Errorf("%s: %t", value, got)
		}
	}
}

func TestInURLs(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://me:p%40ss@db/x": "[p%40ss p@ss]", "http://h/x?token=a%2Bb1": "[a%2Bb1 a+b1]",
		"me:secret-word@proxy.example.com:3128": "[secret-word secret-word]", "https://h/": "[]", "ssh://git@h/x": "[]",
		"https://tok_0123456789abcdef@h/x": "[tok_0123456789abcdef tok_0123456789abcdef]",
	} {
		if got := fmt.Sprint(redact.InURLs(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestSettings(t *testing.T) {
	const h = redact.Hidden
	for text, want := range map[string]string{
		"connect host=db password=hunter2 user=x":           "connect host=db password=" + h + " user=x",
		"AccountName=x;AccountKey=abcd==;EndpointSuffix":    "AccountName=x;AccountKey=" + h + ";EndpointSuffix",
		`Authorization: Bearer abcd.efgh`:                   `Authorization: Bearer ` + h,
		`"Authorization":["Basic dTpw"]`:                    `"Authorization":["Basic ` + h + `"]`,
		`X-Vault-Token: hvs.abc`:                            `X-Vault-Token: ` + h,
		`  password = var.password`:                         `  password = var.password`,
		"aws_secretsmanager_secret.token: Creating...":      "aws_secretsmanager_secret.token: Creating...",
		`  password = "hunter 2" + 1`:                       `  password = "` + h + `" + 1`,
		`"code":"  db_password  = \"hunter2\" + 1"`:         `"code":"  db_password  = \"` + h + `\" + 1"`,
		`{"password": "hunter2", "name": "x"}`:              `{"password": "` + h + `", "name": "x"}`,
		`"{\"auth_token\":\"hunter2\"}"`:                    `"{\"auth_token\":\"` + h + `\"}"`,
		`conn_str = "host=db password=x user=y"`:            `conn_str = "` + h + `"`,
		`  password = "${var.password}"`:                    `  password = "${var.password}"`,
		`  token_ttl = "20m"`:                               `  token_ttl = "20m"`,
		`token = ""`:                                        `token = ""`,
		`{"secret": null, "password": "(sensitive value)"}`: `{"secret": null, "password": "(sensitive value)"}`,
		`resource "random_password" "token" {`:              `resource "random_password" "token" {`,
		"token=$TOKEN and secret=(sensitive value)":         "token=$TOKEN and secret=(sensitive value)",
	} {
		if got := redact.Settings(text); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", text, got, want)
		}
	}
}

func BenchmarkHider(b *testing.B) {
	var secrets []string
	for i := range 2000 {
		secrets = append(secrets, fmt.Sprintf("secret-number-%06d", i))
	}
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			redact.NewHider(secrets, nil)
		}
	})
	b.Run("settings", func(b *testing.B) {
		line := `{"@level":"info","@message":"aws_security_group.web: Refreshing state... [id=sg-0123456789]"}`
		b.SetBytes(int64(len(line)))
		for b.Loop() {
			redact.Settings(line)
		}
	})
	h := redact.NewHider(secrets, nil)
	line := `{"@level":"info","@message":"aws_security_group.web[\"production\"]: Refreshing state... [id=sg-0123456789]"}`
	b.Run("line", func(b *testing.B) {
		b.SetBytes(int64(len(line)))
		for b.Loop() {
			h.Text(line)
		}
	})
}
