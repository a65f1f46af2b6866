package delivery

import (
	"bytes"
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

	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/notifytest"
	"github.com/tfops/tfops/internal/run"
)

// echo is a receiver that repeats what it was sent in every part of its answer.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	all := r.URL.String() + " " + r.Header.Get("Authorization") + " " + string(body)
	w.Header().Set("Location", "http://"+r.Host+r.URL.String())
	w.Header().Set("X-Echo", strings.ReplaceAll(all, "\n", " "))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	json.NewEncoder(w).Encode(map[string]string{"error": all, "errorDescription": all, "message": all, "id": all,
		"detailed_error": all})
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
			target := notify.Target{Name: "ops", URL: fmt.Sprintf(url, host), Secret: "CANARYsign"}
			for _, text := range []string{target.String(),
				fmt.Sprintf("%v %+v %#v", target, target, []notify.Target{target}), fmt.Sprint(target.CheckURL())} {
				// which is no scheme, and the mistake to name
				if scheme, _, _ := strings.Cut(url, "://"); scheme != notifytest.Canaries[4] {
					notifytest.ShowsNone(t, url, text)
				}
			}
			if b, err := json.Marshal(target); err != nil || bytes.Contains(b, []byte("CANARY")) {
				t.Errorf("%s as JSON: %s, %v", url, b, err)
			}
			n := New(nil, Options{Timeout: 2 * time.Second})
			l := &lane{target: target, chat: newChat()}
			_, err := n.attempt(t.Context(), l, run.Delivery{ID: "1-ops", Notice: notifytest.Notice("first")})
			var f *failure
			if !errors.As(err, &f) {
				t.Errorf("%s: %v", target, err)
				continue
			}
			if !strings.HasPrefix(url, notifytest.Canaries[4]) {
				notifytest.ShowsNone(t, url, f.text())
			}
		}
	}
}
