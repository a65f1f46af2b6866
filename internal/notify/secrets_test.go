package notify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/tfops/tfops/internal/run"
)

// canaries stand in every part of the URLs of these tests.
var canaries = []string{"CANARYuser", "CANARYpass", "CANARYpath", "CANARYquery", "CANARYkey", "CANARYsign"}

func sing(t *testing.T, where, text string) {
	t.Helper()
	low := strings.ToLower(text)
	for _, c := range canaries {
		for _, form := range []string{c, base64.StdEncoding.EncodeToString([]byte(c))} {
			if strings.Contains(low, strings.ToLower(form)) {
				t.Errorf("%s shows %s: %s", where, form, text)
			}
		}
	}
	if b := "CANARYuser:CANARY pass/1"; strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(b))) {
		t.Errorf("%s shows how it logs in: %s", where, text)
	}
}

// echo is a receiver that repeats what it was sent in every part of its answer.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	all := r.URL.String() + " " + r.Header.Get("Authorization") + " " + string(body)
	w.Header().Set("Location", "http://"+r.Host+r.URL.String())
	w.Header().Set("X-Echo", strings.ReplaceAll(all, "\n", " "))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	json.NewEncoder(w).Encode(map[string]string{"error": all, "errorDescription": all, "message": all, "id": all, "detailed_error": all})
}

// TestSecretsOfURLsNeverShow: libraries and servers repeat what is in URLs.
// Nothing of that is stored, told or printed.
func TestSecretsOfURLsNeverShow(t *testing.T) {
	closed := shutGate(t).addr
	r := newReceiver(t)
	r.Config.Handler = http.HandlerFunc(echo)
	well := strings.TrimPrefix(r.URL, "http://")
	door, office := shutGate(t), newOffice("another")
	office.does = []func(io.Reader) error{func(io.Reader) error { return &smtp.SMTPError{Code: 554, Message: "no"} }}
	openOffice(t, door, office, "plain")
	garbage := shutGate(t)
	garbage.open(t, func(ln net.Listener) {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { // repeats the request as its answer
				c.SetDeadline(time.Now().Add(time.Second))
				b := make([]byte, 4096)
				n, _ := c.Read(b)
				fmt.Fprintf(c, "HTTP/1.1 %s\r\n\r\n", bytes.ReplaceAll(b[:n], []byte("\r\n"), []byte(" ")))
				c.Close()
			}()
		}
	})
	const user = "CANARYuser:CANARY%20pass%2F1"
	for _, url := range []string{
		"http://" + user + "@%s/CANARYpath/CANARYpath-2?CANARYkey=CANARYquery",
		"smtp://" + user + "@%s/CANARYpath?from=CANARYquery@example.com&to=CANARYquery@example.com&tls=never",
		"generic://%s/CANARYpath?disabletls=yes&@X-CANARYkey=CANARYquery&$CANARYkey=CANARYquery&template=json",
		"ntfy://" + user + "@%s/CANARYpath?scheme=http&title=CANARYquery",
		"gotify://%s/CANARYpath/ACANARYpath12345?disabletls=yes&title=CANARYquery",
		"mattermost://CANARYuser@%s/CANARYpath/CANARYpath2?disabletls=yes",
		"rocketchat://CANARYuser@%s/CANARYpath/CANARYpath2?disabletls=yes",
		"matrix://" + user + "@%s/?rooms=CANARYquery&disableTLS=yes",
		"bark://:CANARYpass@%s/CANARYpath?scheme=http&title=CANARYquery",
		"zulip://CANARYuser:CANARYpass@%s/?stream=CANARYquery&topic=CANARYquery",
		"signal://" + user + "@%s/+CANARYpath/+CANARYpath2?disabletls=yes",
		"slack://CANARYuser:%s-CANARYpath@CANARYquery",
		"opsgenie://%s/CANARYpath?CANARYkey=CANARYquery",
		"CANARYkey://%s/CANARYpath",
		"http://" + user + "@%s/CANARY%%zzpath",
		"http://CANARYuser:CANARYpass@%s:CANARYquery/",
	} {
		for _, host := range []string{closed, well, door.addr, garbage.addr} {
			target := Target{Name: "ops", URL: fmt.Sprintf(url, host), Secret: "CANARYsign"}
			for _, text := range []string{target.String(), fmt.Sprintf("%v %+v %#v", target, target, []Target{target}), fmt.Sprint(target.checkURL())} {
				if scheme, _, _ := strings.Cut(url, "://"); scheme != canaries[4] { // which is no scheme, and the mistake to name
					sing(t, url, text)
				}
			}
			if b, err := json.Marshal(target); err != nil || bytes.Contains(b, []byte("CANARY")) {
				t.Errorf("%s as JSON: %s, %v", url, b, err)
			}
			n := New(nil, Options{Timeout: 2 * time.Second})
			l := &lane{target: target, chat: newChat()}
			_, err := n.attempt(t.Context(), l, run.Delivery{ID: "1-ops", Notice: notice("first")})
			var f *failure
			if !errors.As(err, &f) {
				t.Errorf("%s: %v", target, err)
				continue
			}
			if !strings.HasPrefix(url, canaries[4]) {
				sing(t, url, f.text())
			}
		}
	}
}

// TestScrubOddSecrets: with characters that libraries write in another way, or
// too short to be found within words.
func TestScrubOddSecrets(t *testing.T) {
	for url, in := range map[string]string{
		"https://u:pa'ssCANARY@h/x":         "Post \"https://u:pa'ssCANARY@h/x\": no",
		"https://u:pa%22ssCANARY@h/x":       "user \"pa\\\"ssCANARY\" and pa\"ssCANARY and pa%22ssCANARY",
		"https://u:a%20b+CANARY@h/x":        "a b+CANARY, a%20b+CANARY, a+b%2BCANARY",
		"https://u:p@h/ab-CANARY?tls=no":    "there is no p in /ab-CANARY, p.",
		"smtp://u:xy@h/?from=CANARY@b&to=c": "xy: CANARY@b is refused (xy)",
	} {
		got := Target{URL: url}.scrub(errors.New(in))
		for _, bad := range []string{"CANARY", "pa'", "ab-", " p ", "xy"} {
			if strings.Contains(got, bad) {
				t.Errorf("%q shows %q: %q", url, bad, got)
			}
		}
	}
	if got := (Target{URL: "https://u:p@h/"}).scrub(errors.New("a plain problem")); got != "a plain problem" {
		t.Errorf("hidden within words: %q", got)
	}
}

func TestScrub(t *testing.T) {
	target := Target{URL: "http://us%65r:p%ffw0rd@example.com/a-token/two?key=v%20alue", Secret: "signing"}
	for in, want := range map[string]string{
		`Post "http://user:xx@example.com/a-token": refused`: `Post "http://[hidden]": refused`,
		"A-TOKEN, and v alue, v%20alue or v+alue":            "[hidden], and [hidden], [hidden] or [hidden]",
		"user \xffw0rd p\xffw0rd signing":                    "[hidden] \xffw0rd [hidden] [hidden]",
		"two\r\nlines\x1b[31m and\u202e more.":               "two lines [31m and more",
		"dial tcp 127.0.0.1:80: connection refused":          "dial tcp 127.0.0.1:80: connection refused",
		"see HTTPS+unix://x/y?z, <ftp://a>":                  "see HTTPS+unix://[hidden] <ftp://[hidden]>",
		strings.Repeat("é", 1000):                            strings.Repeat("é", maxError-1) + "…",
	} {
		if got := target.scrub(errors.New(in)); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
}
