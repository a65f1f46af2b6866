package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/config/reporting"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

func TestReportsAndNotify(t *testing.T) {
	t.Setenv("TFOPS_TEST_URL", "https://hooks.example.com/tfops\n")
	t.Setenv("TFOPS_TEST_SECRET", "signed with this\r\n")
	c := load(t, oneWorkspace+`
report "nightly" {
  schedule   = "0 6 * * *"
  timezone   = "Europe/Paris"
  formats    = ["html", "json"]
  to         = ["ops"]
  since      = "90d"
  workspaces = ["prod-*"]
  labels     = { tier = "prod" }
}
report "kept" { schedule = "@every 2d" }
notify "ops" {
  url    = env("TFOPS_TEST_URL")
  secret = env("TFOPS_TEST_SECRET")
  on     = ["applied", "drift_new"]
  filter {
    workspaces = ["prod-*"]
    labels     = { tier = "pr*" }
    severity   = "high"
  }
  template "applied" { title = "T {{.Workspace}}" }
  template "any" { text = "X" }
}
notify "plain" { url = "http://localhost:9093/tfops" }
`, nil)
	for i := range c.Reports {
		c.Reports[i].Range.Filename = ""
	}
	want := []Report{
		{Name: "nightly", Schedule: "0 6 * * *", Timezone: "Europe/Paris", Formats: []string{"html", "json"},
			To: []string{"ops"}, Since: 90 * 24 * time.Hour,
			Workspaces: []string{"prod-*"}, Labels: map[string]string{"tier": "prod"}, Range: c.Reports[0].Range},
		{Name: "kept", Schedule: "@every 48h", Timezone: "UTC", Labels: map[string]string{}, Range: c.Reports[1].Range},
	}
	if !reflect.DeepEqual(c.Reports, want) {
		t.Errorf("got  %+v\nwant %+v", c.Reports, want)
	}
	if len(c.Notify) != 2 || len(c.Warnings) != 0 {
		t.Fatal(c.Notify, c.Warnings)
	}
	ops := c.Notify[0]
	if ops.Name != "ops" || ops.URL != "https://hooks.example.com/tfops" || ops.Secret != "signed with this" ||
		!slices.Equal(ops.On, []run.NoticeKind{run.NoticeApplied, run.NoticeDriftNew}) ||
		!reflect.DeepEqual(ops.Filter, notify.Filter{Workspaces: []string{"prod-*"},
			Labels: map[string]string{"tier": "pr*"}, Severity: drift.High}) || ops.Templates == nil {
		t.Errorf("%q %q %+v", ops.URL, ops.Secret, ops)
	}
	if plain := c.Notify[1]; !slices.Equal(plain.On, reporting.DefaultKinds) || plain.Templates != nil ||
		plain.Secret != "" {
		t.Errorf("%+v", plain)
	}
}

// secretPlaces are files in which somebody wrote the secret out, rightly or
// wrongly. Some are valid.
var secretPlaces = []string{
	`notify "a" { url = "slack://hook:Canary-Value-7f3a@webhook" }`,
	`notify "a" { url = "https://hooks.example.com/services/Canary-Value-7f3a" }`,
	`notify "a" { url = "http://ana:Canary-Value-7f3a@hooks.example.com/" }`,
	`notify "a" { url = "smtps://ana:Canary-Value-7f3a@mail.example.com/?from=a@example.com&to=b@example.com" }`,
	`notify "a" { url = "smtp://ana:Canary-Value-7f3a@mail.example.com/?from=a@example.com" }`,
	`notify "a" { url = "Canary-Value-7f3a" }`,
	`notify "a" { url = "Canary-Value-7f3a://" }`,
	`notify "a" { url = "https://ana:Canary-Value-7f3a%zz@x" }`,
	`notify "a" { url = "https://x:Canary-Value-7f3a/" }`,
	`notify "a" { url = "teams://Canary-Value-7f3a" }`,
	`notify "a" { url = "discord://Canary-Value-7f3a@x" }`,
	`notify "a" { url = "telegram://Canary-Value-7f3a@telegram?chats=" }`,
	`notify "a" { url = ["Canary-Value-7f3a"] }`,
	`notify "a" { url = { x = "Canary-Value-7f3a" } }`,
	`notify "a" { url = Canary-Value-7f3a }`,
	`notify "a" { url = CanaryValue7f3a.x }`,
	`notify "a" { url = "${Canary-Value-7f3a}" }`,
	`notify "a" { url = 1 + "Canary-Value-7f3a" }`,
	`notify "a" { url = tonumber("Canary-Value-7f3a") }`,
	`notify "a" { url = regex("(", "Canary-Value-7f3a") }`,
	`notify "a" { url = { a = 1 }["Canary-Value-7f3a"] }`,
	`notify "a" { url = env("https://hooks.example.com/Canary-Value-7f3a") }`,
	`notify "a" { url = env("xoxb-Canary-Value-7f3a") }`,
	`notify "a" { url = env("TFOPS_TEST_NONE", "nosuch://Canary-Value-7f3a") }`,
	`notify "a" { url = env("TFOPS_TEST_NONE", "x", "Canary-Value-7f3a") }`,
	`notify "a" { url = file("https://hooks.example.com/Canary-Value-7f3a") }`,
	`notify "a" { url = env(env("TFOPS_TEST_SECRET")) }`,
	`notify "a" { url = file(env("TFOPS_TEST_SECRET")) }`,
	`notify "a" { url = nosuch("Canary-Value-7f3a") }`,
	`notify "a" { url = join(",", "Canary-Value-7f3a") }`,
	"notify \"a\" {\n url = <<-E\n  slack://Canary-Value-7f3a\n E\n}",
	"notify \"a\" {\n url = <<-E\n  slack://Canary-Value-7f3a\n",
	"notify \"a\" {\n url = \"slack://Canary-Value-7f3a\n}",
	"notify \"a\" {\n url = slack://Canary-Value-7f3a\n}",
	"notify \"a\" {\n url \"slack://Canary-Value-7f3a\"\n}",
	"notify \"a\" {\n url: \"slack://Canary-Value-7f3a\"\n}",
	"notify \"a\" {\n url = env(\"X\") \"Canary-Value-7f3a\"\n}",
	"notify \"a\" {\n url = \"x\"\n url = \"Canary-Value-7f3a\"\n}",
	"notify \"a\" {\n secret = \"Canary-Value-7f3a\"\n}",
	"notify \"a\" {\n url = \"https://x\"\n secret = [\"Canary-Value-7f3a\"]\n}",
	"notify \"a\" {\n url = \"slack://x\"\n secret = \"Canary-Value-7f3a\"\n}",
	"notify \"a\" {\n hmac = \"Canary-Value-7f3a\"\n webhook = \"https://Canary-Value-7f3a\"\n}",
	"notify \"a\" {\n urll = \"Canary-Value-7f3a\"\n endpoint = \"Canary-Value-7f3a\"\n" +
		" room = \"Canary-Value-7f3a\"\n}",
	"notify \"a\" {\n filter {\n url = \"https://Canary-Value-7f3a\"\n }\n}",
	"notify \"a\" {\n template \"any\" {\n secret = \"Canary-Value-7f3a\"\n }\n}",
	"notify \"a\" {\n slack \"Canary-Value-7f3a\" {}\n}",
	"notify \"a\" {\n webhook { url = \"Canary-Value-7f3a\" }\n}",
	"notify \"a\" {\n url { value = \"Canary-Value-7f3a\" }\n}",
	`notify "https://hooks.example.com/Canary-Value-7f3a" {}`,
	"notify \"slack://Canary-Value-7f3a\" {}\nnotify \"slack://Canary-Value-7f3a\" {}",
	`notify "a" "slack://Canary-Value-7f3a" {}`,
	`notfy "a" { url = "Canary-Value-7f3a" }`,
	`slack "https://hooks.example.com/Canary-Value-7f3a" {}`,
	`notify = "slack://Canary-Value-7f3a"`,
	`slack_url = "Canary-Value-7f3a"`,
	"report \"r\" {\n schedule = \"@daily\"\n to = [\"slack://Canary-Value-7f3a\", \"slack://Canary-Value-7f3a\"]\n}",
	"report \"r\" {\n schedule = \"@daily\"\n to = \"slack://Canary-Value-7f3a\"\n}",
	"report \"r\" {\n schedule = \"@daily\"\n url = \"slack://Canary-Value-7f3a\"\n}",
	"report \"r\" {\n schedule = \"@daily\"\n notify = \"slack://Canary-Value-7f3a\"\n}",
	"defaults {\n drift {\n to = \"slack://Canary-Value-7f3a\"\n notify { url = \"slack://Canary-Value-7f3a\" }\n }\n}",
}

// Neither what a person sees, nor what goes into a log or a result, nor the
// configuration when it is printed shows where notices go and what signs them.
func TestNoPlaceShowsWhereNoticesGo(t *testing.T) {
	t.Setenv("TFOPS_TEST_SECRET", "slack://"+canary)
	shows := func(s string) bool {
		low := strings.ToLower(strings.ReplaceAll(s, "-", ""))
		return strings.Contains(low, "canaryvalue") || strings.Contains(low, "7f3a")
	}
	for _, src := range secretPlaces {
		var out strings.Builder
		c, err := Load(write(t, src, nil))
		var p *Problems
		switch {
		case errors.As(err, &p):
			if err := p.Render(&out, true, 0); err != nil {
				t.Fatal(err)
			}
			if err := p.Render(&out, false, 72); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(&out, p.Error(), fmt.Sprintf("%v %+v %s", err, p.Unwrap(), p))
			for _, d := range p.Diagnostics { // as tfops validate -o json has them
				fmt.Fprint(&out, d.Summary, d.Detail)
			}
		case err == nil:
			if err := c.RenderWarnings(&out, false, 0); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(c.Notify)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s %v %+v %#v %q", b, c.Notify, c.Notify, c.Notify, c.Notify)
			fmt.Fprintf(&out, "%v %+v", c.Notify[0], &c.Notify[0])
		default:
			t.Fatal(err)
		}
		if shows(out.String()) {
			t.Errorf("%s\nis shown as\n%s", src, out.String())
		}
	}
}
