package diagnostics

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/plan"
)

// Numbers, keys and what is wrapped in JSON are hidden in an event as texts are; what lets
// somebody in is hidden although nobody knows it.
func TestEventsHideWhatIsNoText(t *testing.T) {
	m := NewMasker([]string{"48151623", "canary-value"}, "ab12")
	for line, secrets := range map[string][]string{
		`{"type":"outputs","outputs":{"pin":{"sensitive":false,"type":"number","value":48151623}}}`:                           {"48151623"},
		`{"type":"outputs","outputs":{"m":{"value":{"canary-value":1}}}}`:                                                     {"canary-value"},
		`{"type":"log","@message":"x","change":{"resource":{"addr":"a.b[\"canary-value\"]"}}}`:                                {"canary-value"},
		`{"type":"log","@message":"ab12"}`:                                                                                    {"ab12"},
		`{"type":"log","@message":"get git::http://bot:TOKEN@h/x.git?access_token=qqq&ref=v1"}`:                               {"TOKEN", "qqq"},
		`{"type":"log","@message":"said: password=hunter2 and ghp_k7Qz2mXw9RtB4vLc8NfH3pJdG6sYxKqW5aVe"}`:                     {"hunter2", "ghp_"},
		`{"type":"diagnostic","diagnostic":{"snippet":{"values":[{"traversal":"var.x","statement":"is \"canary-value\""}]}}}`: {"canary-value"},
	} {
		got := string(m.Event([]byte(line)))
		if !json.Valid([]byte(got)) || !strings.Contains(got, plan.Sensitive) {
			t.Errorf("%s became %s", line, got)
		}
		for _, s := range secrets {
			if strings.Contains(got, s) {
				t.Errorf("%s still has %s: %s", line, s, got)
			}
		}
	}
	for _, line := range []string{
		`{"type":"log","@message":"aws_instance.a: Refreshing state... [id=i-0123456789abcdef0]","n":1e999}`,
		`{"type":"log","@message":"slab12x and https://registry.terraform.io/v1?limit=10","b":"<&>"}`,
		`{"type":"resource_drift","change":{"resource":{"addr":"module.a[\"eu-central-1\"].b.c"}},"n":12345678901234567890}`,
	} {
		if got := string(m.Event([]byte(line))); got != line {
			t.Errorf("%s\nbecame %s", line, got)
		}
	}
}
