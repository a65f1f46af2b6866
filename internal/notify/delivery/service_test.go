package delivery

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
)

// TestChats: messages reach services through the library, in words that call
// nobody who is not meant.
func TestChats(t *testing.T) {
	for name, url := range map[string]string{
		"ntfy":       "ntfy://user:pass@%s/topic?scheme=http",
		"gotify":     "gotify://%s/AzyoeNS.D4iJLVa?disabletls=yes",
		"mattermost": "mattermost://tfops@%s/token/channel?disabletls=yes",
		"generic":    "generic://%s/hook?disabletls=yes",
		"custom":     "generic+http://%s/hook",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			ok := func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"id":1}`)
			}
			r.next(1, status(500))
			r.next(10, ok)
			g := newRig(t, notify.Target{Name: "chat", URL: fmt.Sprintf(url, strings.TrimPrefix(r.URL, "http://"))})
			first := notifytest.Notice("applied by @everyone", "chat")
			first.Text = "é " + strings.Repeat("x", 5000)
			g.tell(first, notifytest.Notice("second", "chat"))
			g.start(g.store)
			if o := g.outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "did not take the message") {
				t.Fatalf("outcome: %+v", o)
			}
			receive(t, r.posts, "a request")
			g.later()
			everyone := "@everyone"
			if name == "mattermost" { // which would call them
				everyone = "@\u200beveryone"
			}
			for i, want := range []string{"applied by " + everyone, "second"} {
				if o := g.outcome(); o.Err != nil {
					t.Fatalf("outcome: %+v", o)
				}
				body := strings.ReplaceAll(string(receive(t, r.posts, "a message").body), `\u200b`, "\u200b")
				if !strings.Contains(body, want) || len(body) > 2*maxChat {
					t.Errorf("message %d: %s", i, body)
				}
				if !strings.Contains(body, "Next: tfops show") {
					t.Errorf("no next step: %s", body)
				}
			}
			if len(r.posts) != 0 {
				t.Errorf("%d more requests", len(r.posts))
			}
		})
	}
}

// TestChatThatHangs: a library that cannot be told to give up holds no more
// than a few messages, and the end waits for none of them.
func TestChatThatHangs(t *testing.T) {
	mute := shutGate(t)
	accepted := make(chan net.Conn, 10)
	mute.open(t, func(ln net.Listener) {
		for {
			c, err := ln.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	})
	g := newRig(t, notify.Target{Name: "chat", URL: "generic://" + mute.addr + "/x?disabletls=yes"})
	g.options.Timeout = 50 * time.Millisecond
	g.tell(notifytest.Notice("first", "chat"))
	g.start(g.store)
	for i := range maxHanging {
		if o := g.outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "did not answer in time") {
			t.Fatalf("attempt %d: %+v", i, o)
		}
		g.later()
	}
	if o := g.outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "has not answered 3 earlier messages yet") {
		t.Fatalf("outcome: %+v", o)
	}
	for range maxHanging { // which end the waiting goroutines
		receive(t, accepted, "a connection").Close()
	}
	g.stop()
	if n := len(accepted); n != 0 {
		t.Errorf("%d more connections", n)
	}
}

// TestMentions: what would call people calls nobody; all else stays as it is.
func TestMentions(t *testing.T) {
	const z = "\u200b"
	text := "@here @everyone <!channel> <@U1> @room @ana bob@acme.io @**all** <users/1> <at id=1> @acme/dns"
	for service, calls := range map[string][]string{
		"slack":      {"<!", "<@"},
		"discord":    {"@here", "@everyone", "<@"},
		"mattermost": {"@here", "@everyone", "@room", "@ana", "@acme"},
		"rocketchat": {"@here", "@everyone", "@room", "@ana", "@acme"},
		"telegram":   {"@here", "@everyone", "@room", "@ana", "@acme"},
		"matrix":     {"@room"},
		"zulip":      {"@**all"},
		"googlechat": {"<users/"},
		"lark":       {"<at "},
		"teams":      nil, "ntfy": nil, "generic": nil, "pushover": nil,
	} {
		want := text
		for _, c := range calls {
			want = strings.ReplaceAll(want, " "+c, " "+c[:1]+z+c[1:])
			if strings.HasPrefix(want, c) {
				want = c[:1] + z + want[1:]
			}
		}
		if service == "mattermost" || service == "rocketchat" || service == "telegram" {
			want = strings.ReplaceAll(want, "<@U1", "<@"+z+"U1")
		}
		if got := withoutMentions(service, text); got != want {
			t.Errorf("%s: %q, want %q", service, got, want)
		}
	}
	if w := (notify.Target{}).Wording(run.Delivery{Notice: run.Notice{Title: "a"}}); w.Title != "a" {
		t.Errorf("%+v", w)
	}
}

// TestFit: whatever is cut, how many there are and what to do next stay.
func TestFit(t *testing.T) {
	var list []string
	for i := range 10 {
		list = append(list, fmt.Sprintf("critical  module.m[%d].aws_x.%s  changed", i, strings.Repeat("é", 80)))
	}
	long := strings.Join(list, "\n")
	for name, c := range map[string]struct {
		title, text, ends string
		most              int
	}{
		"all of it": {"t", "a\nb", "t\n\na\nb", 100},
		"a list": {"w drifted: 10 new findings", long + "\n\nNext: tfops drift findings w",
			"and 8 more lines\n\nNext: tfops drift findings w", 400},
		"a list cut before": {"w drifted: 25 new findings", long + "\nand 15 more\n\nNext: tfops drift findings w",
			"and 23 more\n\nNext: tfops drift findings w", 400},
		"nothing to do": {"w drifted", long, "more lines", 300},
		"one very long line": {"failed", strings.Repeat("x", 5000) + "\n\nNext: tfops show r1",
			"…\n\nNext: tfops show r1", 1000},
		"a very long title": {strings.Repeat("t", 5000), "a\n\nNext: tfops show r1",
			"\n\na\n\nNext: tfops show r1", 300},
		"all is very long": {strings.Repeat("t", 5000),
			strings.Repeat("x", 5000) + "\n\nNext: " + strings.Repeat("n", 5000), "n…", 300},
		"what follows the command": {"t", long + "\n\nNext: tfops show r1\nThe text was cut.",
			"Next: tfops show r1\nThe text was cut.", 400},
	} {
		got := fit(c.title, c.text, c.most)
		if n := utf8.RuneCountInString(got); n > c.most {
			t.Errorf("%s: %d characters", name, n)
		}
		if !strings.HasSuffix(got, c.ends) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
