package runner

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
)

// The engine's debug log is kept for a run that asks for it: encrypted, and what
// is known to be secret masked in it.
func TestDebugLog(t *testing.T) {
	server, url := newStateServer(t, "p")
	r := newRig(t, map[string]string{"main.tf": partialHTTP})
	give := func(j *job.Job, s *job.Secrets) {
		j.Debug = true
		s.Backend = fmt.Sprintf("address = %q\nusername = \"u\"\npassword = \"p\"\n", url+"/state?token=canary-token")
		s.Mask = []string{"canary-token"}
	}
	f := r.planned(give)
	apply := f.startApply(give)
	must(t, apply.wait(), job.Succeeded, "", "")
	if server.at("/state") == "" {
		t.Fatal("nothing was applied")
	}
	for what, dir := range map[string]string{"plan": f.dir, "apply": apply.dir} {
		log := string(r.decrypt(filepath.Join(dir, job.DebugFile)))
		for _, want := range []string{"[DEBUG]", "/state?token=(sensitive value)", `"` + what + `"`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log of the %s has no %s: %.2000s", what, want, log)
			}
		}
		if strings.Contains(log, "canary-token") {
			t.Errorf("the log of the %s has the secret", what)
		}
	}
	r.nowhere("canary-token")
	if plain := r.planned(func(j *job.Job, s *job.Secrets) { give(j, s); j.Debug = false }); durable.Exists(
		filepath.Join(plain.dir, job.DebugFile)) {
		t.Error("a run that did not ask for it has a debug log")
	}
	_, failed := r.plan(func(j *job.Job, s *job.Secrets) {
		give(j, s)
		s.Backend = "address = \"http://127.0.0.1:1/x\"\nretry_max = 0\n"
	})
	if failed.Outcome != job.Failed || !durable.Exists(filepath.Join(r.base, "runs", fmt.Sprintf("run-%03d", r.phases),
		job.DebugFile)) {
		t.Errorf("a plan that failed has none: %+v", failed)
	}
}
