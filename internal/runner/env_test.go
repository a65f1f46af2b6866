package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/ground"
)

// An engine that starts no provider collects less garbage, unless the
// workspace says otherwise.
func TestEnvironmentWithoutProviders(t *testing.T) {
	for want, opts := range map[string][]option{
		"gogc is 400.": nil,
		"gogc is 50.":  {func(_ *job.Job, s *job.Secrets) { s.Env["GOGC"] = "50" }},
	} {
		r := newRig(t, map[string]string{"main.tf": provisioned("echo gogc is $GOGC.")})
		f := r.planned(opts...).startApply(opts...)
		must(t, f.wait(), job.Succeeded, "", "")
		if events := f.read(job.EventsFile); !strings.Contains(events, want) {
			t.Errorf("not %q:\n%s", want, events)
		}
	}
}

// A provider would inherit the setting.
func TestMoreGarbageOnlyWithoutProviders(t *testing.T) {
	root := t.TempDir()
	providers := filepath.Join(ground.DataDir(root), "providers")
	if !ground.NoProviders(root) {
		t.Error("no directory of providers, and yet there are some")
	}
	if err := os.MkdirAll(providers, 0o700); err != nil {
		t.Fatal(err)
	}
	if !ground.NoProviders(root) {
		t.Error("an empty directory of providers, and yet there are some")
	}
	if err := os.Mkdir(filepath.Join(providers, "registry.terraform.io"), 0o700); err != nil {
		t.Fatal(err)
	}
	if ground.NoProviders(root) {
		t.Error("the providers are not seen")
	}
}
