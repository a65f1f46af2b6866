package jobs

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/redact"
	"github.com/tfops/tfops/internal/workspace"
)

// hider hides as a runner does that is given these masks.
func hider(m Masks) *redact.Hider { return redact.NewHider(m.Within(), m.Whole()) }

func secret(v cty.Value) cty.Value { return v.WithMarks(workspace.Secret) }

// from is a value that env or file returned.
func from(name, text string) cty.Value {
	return cty.StringVal(text).WithMarks(workspace.Secret,
		cty.NewValueMarks(&workspace.Source{Name: name, Text: text}))
}

// What a configuration makes of a secret on its way into a header, a URL or
// user data is masked as well.
func TestMasksKnowEncodedForms(t *testing.T) {
	const secret = `p&ss/wörd+1?`
	var m Masks
	m.known(secret, "abc", "short")
	all := hider(m)
	for _, text := range []string{
		secret, "https://u:" + url.QueryEscape(secret) + "@h",
		url.UserPassword("u", secret).String(),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("u:" + secret)),
		base64.StdEncoding.EncodeToString([]byte("usr:" + secret + "\n")),
		base64.URLEncoding.EncodeToString([]byte("user:" + secret + " and more")),
		"a short one", base64.StdEncoding.EncodeToString([]byte("short")),
		base64.StdEncoding.EncodeToString([]byte("u:short")),
	} {
		if got := all.Text(text); got == text {
			t.Errorf("not masked: %s", text)
		}
	}
	if got := all.Text("abc"); got != "abc" {
		t.Errorf("too short to be masked: %q", got)
	}
	if within := m.Within(); !slices.IsSortedFunc(within, func(a, b string) int { return len(b) - len(a) }) {
		t.Errorf("not longest first: %q", within)
	}
}

// A file ends with a new line, and code takes it away; a key has many lines, and a template
// writes one of them; a number is a secret, too; so is what env returned for a text that was
// made of it, a key of a map, and what stands in JSON.
func TestMasksKnowPartsOfASecret(t *testing.T) {
	all := hider(masksOf(workspace.Workspace{Variables: map[string]cty.Value{
		"token": secret(cty.StringVal("canary-token\n")),
		"key":   secret(cty.StringVal("-----BEGIN KEY-----\ncanaryline1\ncanaryline2\n-----END KEY-----\n")),
		"pin":   secret(cty.NumberIntVal(48151623)),
		"all":   secret(cty.ObjectVal(map[string]cty.Value{"id": cty.NumberFloatVal(0.4815162342)})),
		"made":  cty.StringVal("Bearer ").Mark("x").Equals(cty.NullVal(cty.String)), // no secret, and no text
		"login": mustJoin("deploy:", from("X", "canary-of-env")),
		"keyed": secret(cty.ObjectVal(map[string]cty.Value{"tk1x2y3z4": cty.StringVal("alice")})),
		"short": secret(cty.ObjectVal(map[string]cty.Value{"pin": cty.StringVal("ab12")})),
		"named": from("DEPLOY_TOKEN", "k3y"+"4"),
		"json":  from("CONFIG", `{"pin": 4815, "deep": {"password": "in-json"}, "n": 48151624}`),
		"byKey": cty.MapVal(map[string]cty.Value{"canary-map-key": cty.StringVal("v")}).WithMarks(workspace.Secret,
			cty.NewValueMarks(&workspace.Source{Name: "K", Text: "canary-map-key"})),
	}, Env: map[string]workspace.EnvVar{"X": {Value: "canary-env\r\n", Secret: true},
		"AUTH": {Value: "Basic canary-base", Secret: true, Of: "canary-base"}}}))
	for _, text := range []string{"canary-token", "canaryline1", "canaryline2", "48151623", "0.4815162342",
		"canary-env",
		base64.StdEncoding.EncodeToString([]byte("canary-token")), url.QueryEscape("-----BEGIN KEY-----"),
		"canary-of-env", "tk1x2y3z4", "ab12", "k3y4", "4815", "in-json", "48151624", "canary-map-key", "canary-base"} {
		if got := all.Text("it is " + text); got != "it is "+redact.Hidden {
			t.Errorf("not masked: %s", got)
		}
	}
}

func mustJoin(prefix string, v cty.Value) cty.Value {
	plain, marks := v.Unmark()
	return cty.StringVal(prefix + plain.AsString()).WithMarks(marks)
}

// Words that many things share stay readable, and so does what only tells where something is.
func TestMasksLeaveWords(t *testing.T) {
	s := &settings.Settings{PassEnv: []string{"*"}}
	_, passed := Environment(s, []string{"AWS_REGION=eu-central-1", "AWS_PROFILE=acme-network", "STAGE=prod",
		"PORT=5432",
		"TF_CLI_CONFIG_FILE=/etc/tfops/cli.tfrc", "PWD=/srv/tfops/work", "SHLVL=1",
		"VAULT_ADDR=https://vault.example.com",
		"GOOGLE_PROJECT=acme-shared", "USER=deploy"}, workspace.Workspace{})
	all := hider(passed.and(masksOf(workspace.Workspace{Variables: map[string]cty.Value{
		"stage": secret(cty.StringVal("production")), "region": from("REGION", "eu-west-1"),
		"port": secret(cty.NumberIntVal(8443)), "on": secret(cty.True), "env": from("STAGE", "prod"),
		"token_ttl": cty.StringVal("3600 seconds"), "bucket": cty.StringVal("acme-terraform-state"),
	}})))
	for _, text := range []string{"eu-central-1", "acme-network", "prod", "production", "5432", "8443",
		"/etc/tfops/cli.tfrc", "/srv/tfops/work", "https://vault.example.com", "acme-shared", "deploy", "true",
		"3600 seconds", "acme-terraform-state", "module.network-prod.aws_vpc.production", "eu-west-1"} {
		if got := all.Text(text); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// A variable that pass_env names is a secret, however it is called.
func TestPassedVariablesAreMasked(t *testing.T) {
	s := &settings.Settings{PassEnv: []string{"ACME_*", "SLACK_URL", "PIN"}}
	_, m := Environment(s, []string{"ACME_LICENSE=l1c-2345-6789", "ACME_THING=correct-horse-battery",
		"SLACK_URL=https://hooks.example.com/services/T01AB/B01AB/x7K2m9Q4w8R1t5Y3u6I0", "PIN=ab12",
		"OTHER=not-passed-at-all"}, workspace.Workspace{})
	got := hider(m).Text("l1c-2345-6789 correct-horse-battery ab12 not-passed-at-all " +
		"https://hooks.example.com/services/T01AB/B01AB/x7K2m9Q4w8R1t5Y3u6I0")
	if want := strings.Join([]string{redact.Hidden, redact.Hidden, redact.Hidden, "not-passed-at-all",
		redact.Hidden}, " "); got != want {
		t.Errorf("%s", got)
	}
}

func TestPasswordOfAURLIsMasked(t *testing.T) {
	s := &settings.Settings{PassEnv: []string{"HTTPS_PROXY", "DATABASE"}}
	_, m := Environment(s, []string{"HTTPS_PROXY=http://me:p%40ss@proxy:3128", "DATABASE=postgres://me@db/x",
		"HOME=/root"}, workspace.Workspace{})
	all := hider(m.and(masksOf(workspace.Workspace{Variables: map[string]cty.Value{
		"db":  cty.StringVal("postgres://app:in-variable@db.example.com/app"),
		"get": cty.StringVal("https://example.com/m.zip?access_token=in-query"),
		"all": cty.TupleVal([]cty.Value{cty.StringVal("https://glpat_0123456789abcdef@example.com")}),
		"out": secret(cty.StringVal("amqp://u:in%2Fsecret@mq/")),
	}})))
	for _, text := range []string{"p@ss", "p%40ss", "in-variable", "in-query", "glpat_0123456789abcdef", "in/secret"} {
		if got := all.Text("it is " + text); got != "it is "+redact.Hidden {
			t.Errorf("not masked: %s", got)
		}
	}
	for _, text := range []string{"db.example.com", "app", "https://example.com/m.zip", "/root"} {
		if got := all.Text(text); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// Settings of a backend are masked by their names, too: people write them out.
func TestBackendSettingsAreMasked(t *testing.T) {
	all := hider(backendMasks(workspace.Workspace{BackendConfig: map[string]cty.Value{
		"conn_str": cty.StringVal("postgres://me:p%40ss@db/x"), "secret_key": cty.StringVal("written-out"),
		"key": cty.StringVal("prod.tfstate"),
		"assume_role": cty.ObjectVal(map[string]cty.Value{"url": cty.StringVal("https://u:inner@h"),
			"n": cty.NumberIntVal(1), "null": cty.NullVal(cty.String)}),
	}}))
	for _, text := range []string{"inner", "p%40ss", "p@ss", "postgres://me:p%40ss@db/x", "written-out"} {
		if got := all.Text(text); got != redact.Hidden {
			t.Errorf("not masked: %q", got)
		}
	}
	if got := all.Text("prod.tfstate"); got != "prod.tfstate" {
		t.Errorf("%q", got)
	}
}
