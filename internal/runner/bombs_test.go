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

// A file that is far longer than what is in it, and files without end, are neither read nor copied.
func TestBombsOfFiles(t *testing.T) {
	eachView(t, map[string]string{"main.tf": simple}, func(t *testing.T, r *rig) {
		for name, script := range map[string]string{
			"a file of nothing": "truncate -s 1T large",
			"many of them":      "for n in 1 2 3 4 5 6 7 8 9; do truncate -s 1G large-$n; done",
		} {
			began := time.Now()
			_, result := r.plan(r.withEngine("#!/bin/sh\ncase \" $* \" in *\" plan \"*) " + script +
				";; esac\nexec %[1]s \"$@\"\n"))
			must(t, result, job.Failed, job.CauseLimit, "large")
			if d := time.Since(began); d > 30*time.Second || result.Next == "" {
				t.Errorf("%s: it took %s: %+v", name, d, result)
			}
		}
		// Less is kept, and compared before the apply.
		shim := r.withEngine("#!/bin/sh\ncase \" $* \" in *\" plan \"*) truncate -s 1M l;; esac\nexec %[1]s \"$@\"\n")
		must(t, r.planned(shim).startApply().wait(), job.Succeeded, "", "")
	})
}

// A module that holds such files is not kept for others.
func TestBombsInModules(t *testing.T) {
	m := newGitModule(t, "one")
	r := newRig(t, map[string]string{"main.tf": m.calledAt("main")})
	_, result := r.plan(r.withEngine("#!/bin/sh\n%[1]s \"$@\"; s=$?\ncase \" $* \" in *\" init \"*) " +
		"truncate -s 1T .terraform/modules/m/large;; esac\nexit $s\n"))
	must(t, result, job.Failed, job.CauseLimit, "the module m cannot be kept")
}
