package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/job"
)

// Whoever may push to a branch cannot keep a runner busy before its engine is started, and is
// told which file it is.
func TestBombsAreRefused(t *testing.T) {
	many := func(before, again, after string, size int) string {
		return before + strings.Repeat(again, size/len(again)) + after
	}
	for name, c := range map[string]struct {
		files map[string]string
		named string
	}{
		"heredocs that do not end": {map[string]string{
			"a.tf": many("", "a = <<A\n", "", 3_200_000), "b.tf": many("", "b = <<B\n", "", 3_200_000)}, "a.tf"},
		"a text of many pieces": {map[string]string{
			"a.tf": many("locals {\n  a = \"", "$", "\"\n}\n", 1_000_000)}, "a.tf"},
		"JSON of brackets": {map[string]string{"a.tf.json": many(`{"locals": `, "[", "", 1_000_000)}, "a.tf.json"},
		"a local module": {map[string]string{"main.tf": "module \"m\" {\n  source = \"./m\"\n}\n",
			"m/deep.tf": many("locals {\n  a = ", "!", "", 1_000_000)}, "m/deep.tf"},
	} {
		r := newRig(t, c.files)
		started := time.Now()
		_, result := r.plan()
		if result.Outcome != job.Failed || result.Cause != job.CauseBadInput || result.Next == "" ||
			!strings.Contains(result.Message, c.named) {
			t.Errorf("%s: %+v", name, result)
		}
		if d := time.Since(started); d > 30*time.Second {
			t.Errorf("%s: it took %s", name, d)
		}
	}
}

// What is long and plain is planned.
func TestLongFilesArePlanned(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": "output \"o\" {\n  value = length(<<EOT\n" +
		strings.Repeat("a line of a document\n", 3000) + "EOT\n  )\n}\n",
		"more.tf.json": `{"locals": {"a": "${1}` + strings.Repeat("x", 2<<20) + `"}}`})
	if _, result := r.plan(); result.Outcome != job.Succeeded {
		t.Errorf("%+v", result)
	}
}
