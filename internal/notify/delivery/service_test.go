package delivery

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

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
			for i, want := range []string{"applied by @\u200beveryone", "second"} {
				if o := g.outcome(); o.Err != nil {
					t.Fatalf("outcome: %+v", o)
				}
				body := strings.ReplaceAll(string(receive(t, r.posts, "a message").body), `\u200b`, "\u200b")
				if !strings.Contains(body, want) || strings.Contains(body, "@everyone") || len(body) > 2*maxChat {
					t.Errorf("message %d: %s", i, body)
				}
				if i == 1 && !strings.Contains(body, "Next: tfops show") {
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

func TestCalm(t *testing.T) {
	for in, want := range map[string]string{"plain": "plain",
		"@here <!channel> <@U1>": "@\u200bhere <\u200b!channel> <\u200b@U1>"} {
		if got := withoutMentions(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if w := (notify.Target{}).Wording(run.Delivery{Notice: run.Notice{Title: "a"}}); w.Title != "a" {
		t.Errorf("%+v", w)
	}
}
