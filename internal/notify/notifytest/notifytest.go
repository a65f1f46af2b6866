// Package notifytest has what the tests of notify and of its parts share.
package notifytest

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/run"
)

// Canaries stand in every part of the URLs of these tests.
var Canaries = []string{"CANARYuser", "CANARYpass", "CANARYpath", "CANARYquery", "CANARYkey", "CANARYsign"}

// ShowsNone fails the test where a text shows one of the canaries.
func ShowsNone(t *testing.T, where, text string) {
	t.Helper()
	low := strings.ToLower(text)
	for _, c := range Canaries {
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

// Notice is a notice for these targets.
func Notice(title string, targets ...string) run.Notice {
	return run.Notice{Kind: run.NoticeApplied, Workspace: "network-prod", Repository: "infra", Run: "01zgwseg0v3j",
		Title: title, Text: "Applied 3 changes.",
		Command: "tfops show 01zgwseg0v3j", Labels: map[string]string{"team": "network"}, Targets: targets}
}
