package notify

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
)

func TestParse(t *testing.T) {
	got, err := Parse(Settings{Name: "ops", URL: "https://example.com/hook", Secret: "s",
		On: []string{"applied", "drift_new"}, Workspaces: []string{"net-*"},
		Labels: map[string]string{"team": "network"}, Severity: "high",
		Templates: map[string]Template{"any": {Title: "T {{.Title}}"}, "applied": {Text: "A"}}})
	if err != nil {
		t.Fatal(err)
	}
	w := got.Wording(run.Delivery{Notice: run.Notice{Kind: run.NoticeApplied, Title: "a"}})
	if got.Name != "ops" || len(got.On) != 2 || got.On[1] != run.NoticeDriftNew || got.Filter.Severity != drift.High ||
		w.Title != "T a" || w.Text != "A" {
		t.Errorf("%+v %+v %+v", got.On, got.Filter, w)
	}
	if got, err := Parse(Settings{Name: "x", URL: "smtps://h/?from=a@b&to=c@d", Style: "text"}); err != nil ||
		got.Templates != nil || got.Style != StyleText {
		t.Errorf("%+v, %v", got.Style, err)
	}
}

// TestAllMistakesAtOnce: each with the attribute that it is of, a fault with a
// next step, and no secret.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Parse(Settings{Name: "no name", URL: "smtp://CANARYuser:CANARYpass@h/?from=a@b", Secret: "CANARYsign",
		On:         []string{"aplied", "applied", "test", "tests"},
		Workspaces: []string{"[", "ok"}, Labels: map[string]string{"tier": "[", "team": "*"}, Severity: "hihg",
		Style: "boddy",
		Templates: map[string]Template{"erored": {Text: "x"}, "errored": {Text: "{{.Nope}}"},
			"applied": {Title: "{{.Report.ID}}"}, "report": {Title: "{{.Report.ID}}"}}})
	var all Mistakes
	if !errors.As(err, &all) || !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, fmt.Sprintf("%s/%s: %s", m.Attribute, m.Key, m.Fault.Next))
		if m.Fault.Code != fault.Invalid || m.Fault.Next == "" {
			t.Errorf("%+v", m)
		}
	}
	notifytest.ShowsNone(t, "the mistakes", err.Error()+strings.Join(got, " "))
	want := []string{"name/: Write letters", "url/: Write it as smtps://", "secret/: Leave `secret`", `style/: Did you mean "body"?`, `on/aplied: Did you mean "applied"?`,
		"on/test: Remove it.", "on/tests: Write one of: awaiting_approval, ", "workspaces/[: In a pattern",
		"labels/tier: In a pattern", `severity/: Did you mean "high"?`,
		"template/applied: Templates are", `template/erored: Did you mean "errored"?`, "template/errored: Templates are"}
	if len(got) != len(want) {
		t.Fatalf("mistakes:\n%s", strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("mistake %d: %q, want %q", i, got[i], want[i])
		}
	}
}

func TestURLs(t *testing.T) {
	for url, want := range map[string]string{
		"http://127.0.0.1:8080/x": "", "https://[::1]/": "",
		"slack://hook:AAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook": "",
		"ntfy://ntfy.sh/alerts": "", "discord://token@123456": "", "generic+https://example.com/x": "",
		"matrix://user:pw@127.0.0.1:1/?rooms=x": "",
		"":                                      "The URL is empty.",
		"://":                                   "cannot be read",
		"http://%zz/":                           "cannot be read",
		"just words":                            "cannot be read",
		"http:///path":                          "names no host",
		"logger://":                             "sends nothing",
		"sms://token@123":                       "There is no service",
		"slack://":                              "The URL of slack is not complete",
		"telegram://":                           "The URL of telegram is not complete",
		"ntfy+https://x":                        "The URL of ntfy is not complete",
		"generic+://":                           "The URL of generic is not complete",
		"teams://CANARYpath/x":                  "The URL of teams is not complete",
		"discord://CANARYpass":                  "The URL of discord is not complete",
	} {
		err := Target{URL: url}.CheckURL()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) ||
			fault.Next(err) == "") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		notifytest.ShowsNone(t, url, fmt.Sprint(err))
	}
}

// FuzzParse: whatever a URL is, reading it ends, does not fail the program, and
// shows no secret of it.
func FuzzParse(f *testing.F) {
	for _, url := range []string{"https://u:pass1234@h/token", "smtp://u:pw12@h/?from=a@b&to=c@d",
		"slack://hook:AAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook",
		"teams+https://x", "telegram://t@telegram?chats=1", "ntfy://h/x", "zulip://a:b@c/?stream=x", "bark://:k@h",
		"opsgenie://h/k", "://"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		const secret = "CANARYpass"
		for _, raw := range []string{url, strings.Replace(url, "://", "://u:"+secret+"@", 1), url + "/" + secret,
			url + "?x=" + secret} {
			target, err := Parse(Settings{Name: "ops", URL: raw})
			if shown := fmt.Sprint(target, err); strings.Contains(shown, secret) && raw != url && err != nil {
				t.Errorf("%q shows %s", raw, shown)
			}
		}
	})
}
