package runner

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/limits"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/testrig"
)

// Whatever code has an engine print, or writes in its stead, the runner holds no more of it than it may, says so, and
// ends the phase; short lines and what is dropped cost nothing.
func TestWhatARunnerHolds(t *testing.T) {
	const endless = "head -c 4000000000 /dev/zero | tr '\\0' x"
	for name, c := range map[string]struct{ command, script, want string }{
		"a line without end":   {"plan", endless, "more than the runner can hold"},
		"an error without end": {"plan", endless + " >&2", "the runner"},
		"errors without end":   {"plan", endless + " | fold -w 4000 >&2", "more than the runner can hold"},
		"a plan without end":   {"show", endless, "more than the runner can hold"},
		"a plan in many lines": {"show", endless + " | fold -w 4000", "more than the runner can hold"},
		"a long plan":          {"show", "head -c 20000000 /dev/zero | tr '\\0' x", "the plan as JSON has more than"},
		"a saved plan of nothing": {"plan",
			"for a; do case $a in -out=*) truncate -s 1T ${a#-out=}; esac; done; exit 0",
			"the saved plan has more than"},
		"a small plan that is large": {"show", "echo '{\"format_version\":\"1.2\",\"x\":['; " +
			"head -c 15000000 /dev/zero | tr '\\0' x | sed 's/x/[{}],/g'; echo '0]}'; exit 0", "takes more memory"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"main.tf": simple})
			r.local.ExtraEnv = append([]string{limits.HeldEnv + "=100000000"}, r.local.ExtraEnv...)
			f, result := r.plan(r.withEngine("#!/bin/sh\ncase \" $* \" in *\" " + c.command + " \"*) " + c.script +
				";; esac\nexec %[1]s \"$@\"\n"))
			want := c.want
			// The race detector takes several times the memory, so what is read goes above its bound first.
			if testrig.Race && strings.Contains(result.Message, "takes more memory") {
				want = "takes more memory"
			}
			must(t, result, job.Failed, job.CauseLimit, want)
			if result.Next == "" {
				t.Errorf("it does not say what to do: %+v", result)
			}
			if log, err := filepath.Glob(filepath.Join(f.dir, "*.age")); err != nil || len(log) > 0 &&
				!strings.Contains(name, "plan") {
				t.Errorf("it left %q", log)
			}
		})
	}
}

// Code that an apply runs prints in the engine's stead, as it can: the runner lives on, and says what became of it.
func TestWhatARunnerHoldsOfAnApply(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": provisioned("head -c 4000000000 /dev/zero | tr '\\0' x " +
		"> /proc/$PPID/fd/1")})
	r.local.Most = sandbox.Namespaces // another user cannot open what the engine has open
	r.local.ExtraEnv = append([]string{limits.HeldEnv + "=100000000"}, r.local.ExtraEnv...)
	apply := r.planned().startApply()
	result := apply.wait()
	if result.Cause != job.CauseLimit || !strings.Contains(result.Message, "more than the runner can hold") ||
		result.Outcome != job.KilledOutcome && result.Outcome != job.Failed {
		t.Errorf("%+v\n%s", result, apply.read(job.EventsFile))
	}
}
