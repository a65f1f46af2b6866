package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// The daemon's own log hides what lets somebody in, in both formats, whoever wrote it.
func TestLogIsScrubbed(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log, err := newLogger(&app{stderr: &out}, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		log.Error("fetch of https://bot:canary-1@h/x.git", "error",
			errors.New(`get "https://h/m.zip?access_token=canary-2&ref=v1": denied`), "header",
			"Authorization: Bearer canary-3", "token", "ghp_k7Qz2mXw9RtB4vLc8NfH3pJdG6sYxKqW5aVe", "conn",
			"host=db password=canary-4 user=app", "workspace", "network-production")
		got := out.String()
		for _, s := range []string{"canary", "ghp_"} {
			if strings.Contains(got, s) {
				t.Errorf("%s: %s", format, got)
			}
		}
		for _, s := range []string{"fetch of https://bot:", "ref=v1", "denied", "network-production", "host=db"} {
			if !strings.Contains(got, s) {
				t.Errorf("%s: no %q in %s", format, s, got)
			}
		}
	}
}
