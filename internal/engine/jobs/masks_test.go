package jobs

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/workspace"
)

// What a configuration makes of a secret on its way into a header, a URL or
// user data is masked as well.
func TestMasksKnowEncodedForms(t *testing.T) {
	const secret = `p&ss/wörd+1?`
	all := masks(workspace.Workspace{}, []string{secret, "abc", "short"}, []string{"hidden by a plan"})
	for _, text := range []string{
		secret, "hidden by a plan", "https://u:" + url.QueryEscape(secret) + "@h",
		url.UserPassword("u", secret).String(),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("u:" + secret)),
		base64.StdEncoding.EncodeToString([]byte("usr:" + secret + "\n")),
		base64.URLEncoding.EncodeToString([]byte("user:" + secret + " and more")),
	} {
		if !slices.ContainsFunc(all, func(m string) bool { return strings.Contains(text, m) }) {
			t.Errorf("not masked: %s, by %q", text, all)
		}
	}
	if slices.Contains(all, "abc") || slices.Contains(all, base64.StdEncoding.EncodeToString([]byte("short"))) {
		t.Errorf("too short to be masked: %q", all)
	}
	if !slices.IsSortedFunc(all, func(a, b string) int { return len(b) - len(a) }) {
		t.Errorf("not longest first: %q", all)
	}
}

// A file ends with a new line, and code takes it away; a key has many lines, and a template
// writes one of them; a number is a secret, too.
func TestMasksKnowPartsOfASecret(t *testing.T) {
	secret := func(v cty.Value) cty.Value { return v.WithMarks(workspace.Secret) }
	all := masks(workspace.Workspace{Variables: map[string]cty.Value{
		"token": secret(cty.StringVal("canary-token\n")),
		"key":   secret(cty.StringVal("-----BEGIN KEY-----\ncanaryline1\ncanaryline2\n-----END KEY-----\n")),
		"pin":   secret(cty.NumberIntVal(48151623)),
		"all":   secret(cty.ObjectVal(map[string]cty.Value{"id": cty.NumberFloatVal(0.4815)})),
	}, Env: map[string]workspace.EnvVar{"X": {Value: "canary-env\r\n", Secret: true}}}, nil, nil)
	for _, text := range []string{"canary-token", "canaryline1", "canaryline2", "48151623", "0.4815", "canary-env",
		base64.StdEncoding.EncodeToString([]byte("canary-token")), url.QueryEscape("-----BEGIN KEY-----")} {
		if !slices.Contains(all, text) {
			t.Errorf("not masked: %s", text)
		}
	}
}

func TestPasswordOfAURLIsMasked(t *testing.T) {
	s := &settings.Settings{PassEnv: []string{"HTTPS_PROXY", "DATABASE"}}
	_, mask := Environment(s, []string{"HTTPS_PROXY=http://me:p%40ss@proxy:3128", "DATABASE=postgres://me@db/x",
		"HOME=/root"}, workspace.Workspace{})
	if !slices.Equal(mask, []string{"p@ss", "p%40ss"}) {
		t.Errorf("masked: %q", mask)
	}
}

// Settings of a backend are masked by their names, too: people write them out.
func TestBackendSettingsAreMasked(t *testing.T) {
	mask := backendMasks(workspace.Workspace{BackendConfig: map[string]cty.Value{
		"conn_str": cty.StringVal("postgres://me:p%40ss@db/x"), "secret_key": cty.StringVal("written-out"),
		"key": cty.StringVal("prod.tfstate"),
		"assume_role": cty.ObjectVal(map[string]cty.Value{"url": cty.StringVal("https://u:inner@h"),
			"n": cty.NumberIntVal(1), "null": cty.NullVal(cty.String)}),
	}})
	slices.Sort(mask)
	if want := []string{"inner", "inner", "p%40ss", "p@ss", "postgres://me:p%40ss@db/x",
		"written-out"}; !slices.Equal(mask, want) {
		t.Errorf("masked: %q", mask)
	}
}
