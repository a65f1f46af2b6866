package notify

import (
	"errors"
	"strings"
	"testing"
)

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
		got := Target{URL: url}.Scrub(errors.New(in))
		for _, bad := range []string{"CANARY", "pa'", "ab-", " p ", "xy"} {
			if strings.Contains(got, bad) {
				t.Errorf("%q shows %q: %q", url, bad, got)
			}
		}
	}
	if got := (Target{URL: "https://u:p@h/"}).Scrub(errors.New("a plain problem")); got != "a plain problem" {
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
		if got := target.Scrub(errors.New(in)); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
}
