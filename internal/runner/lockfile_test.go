package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// lockOf is one for the test mirror's provider.
func lockOf(version, hash string) string {
	return "provider \"example.com/acme/acme\" {\n  version = \"" + version + "\"\n  hashes = [\n    \"h1:" + hash +
		"\",\n  ]\n}\n"
}

const otherHash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func nextHas(t *testing.T, r job.Result, parts ...string) {
	t.Helper()
	if r.Outcome != job.Failed {
		t.Errorf("it did not fail: %+v", r)
	}
	for _, part := range parts {
		if !strings.Contains(r.Next, part) {
			t.Errorf("next is %q, without %q (%s)\n%+v", r.Next, part, r.Message, r.Diagnostics)
		}
	}
}

// Each way in which a committed lock file does not fit has a next step that works.
func TestCommittedLockFileThatDoesNotFit(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, map[string]string{"main.tf": needsProvider, diagnostics.DependencyLock: lockOf("1.0.0", otherHash)})
	_, result := r.plan(m.use(r, "hash", "one"))
	nextHas(t, result, "terraform providers lock -net-mirror=https://", " -platform=", "example.com/acme/acme",
		diagnostics.DependencyLock)
	if b, _ := os.ReadFile(filepath.Join(r.tree, diagnostics.DependencyLock)); !strings.Contains(string(b), otherHash) {
		t.Errorf("the committed lock file was changed: %s", b)
	}

	r = newRig(t, map[string]string{"main.tf": strings.Replace(needsProvider, "acme/acme\"",
		"acme/acme\"\n      version = \"~> 2.0\"", 1), diagnostics.DependencyLock: lockOf("1.0.0", otherHash)})
	_, result = r.plan(m.use(r, "moved", "one"))
	nextHas(t, result, "terraform init -upgrade", "commit "+diagnostics.DependencyLock)
}

// A provider that the committed lock file does not name is used, and warned of.
func TestCommittedLockFileThatLacksAProvider(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, map[string]string{"main.tf": needsProvider,
		diagnostics.DependencyLock: "# terraform init made this\n"})
	_, result := r.plan(m.use(r, "lacks", "one"))
	for _, d := range result.Diagnostics {
		if d.Summary == diagnostics.LacksSummary && d.Severity == "warning" && strings.Contains(d.Detail,
			"example.com/acme/acme 2.0.0") && strings.Contains(d.Detail, "providers lock -net-mirror=https://") {
			if result.Providers["example.com/acme/acme"] != "2.0.0" {
				t.Errorf("used: %v", result.Providers)
			}
			return
		}
	}
	t.Errorf("nothing warns of it: %+v", result)
}

// What was locked for a workspace without a lock file of its own is chosen anew
// when the configuration moves on, and never because a provider is another one
// than it was.
func TestKeptLockFileIsNotDroppedForAChecksum(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, map[string]string{"main.tf": needsProvider})
	use := m.use(r, "kept", "one")
	r.plan(use)
	kept := filepath.Join(r.base, "kept", "engine", "terraform.lock.hcl")
	b, err := os.ReadFile(kept)
	if err != nil || !strings.Contains(string(b), `"2.0.0"`) {
		t.Fatalf("%s, %v", b, err)
	}
	if err := os.WriteFile(kept, []byte(lockOf("2.0.0", otherHash)), 0o600); err != nil {
		t.Fatal(err)
	}
	// The next run finds a cache without the provider.
	_, result := r.plan(m.use(r, "kept", "another"))
	nextHas(t, result, "providers lock")
	if b, _ := os.ReadFile(kept); !strings.Contains(string(b), otherHash) {
		t.Errorf("what was locked is forgotten: %s", b)
	}
}

// Without a committed lock file the versions that were used are shown and kept,
// and --upgrade chooses anew; a plan that is never applied keeps nothing.
func TestUpgrade(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, map[string]string{"main.tf": strings.Replace(needsProvider, "acme/acme\"",
		"acme/acme\"\n      version = \">= 1.0\"", 1)})
	kept := filepath.Join(r.base, "up", "engine", "terraform.lock.hcl")
	use := m.use(r, "up", "one")
	r.plan(use)
	// As if 1.0.0 had been the newest then.
	older := lockedWith(t, m, "1.0.0")
	plan := func(speculative, upgrade bool) string {
		t.Helper()
		if err := os.WriteFile(kept, []byte(older), 0o600); err != nil {
			t.Fatal(err)
		}
		_, result := r.plan(use, func(j *job.Job, _ *job.Secrets) { j.Upgrade, j.LockState = upgrade, !speculative })
		return result.Providers["example.com/acme/acme"]
	}
	if got := plan(false, false); got != "1.0.0" {
		t.Errorf("the kept version is 1.0.0, used was %s", got)
	}
	if got := plan(true, true); got != "2.0.0" {
		t.Errorf("a speculative upgrade used %s", got)
	}
	if b, _ := os.ReadFile(kept); string(b) != older {
		t.Errorf("a plan that is never applied changed what is kept: %s", b)
	}
	if got := plan(false, true); got != "2.0.0" {
		t.Errorf("the upgrade used %s", got)
	}
	if b, _ := os.ReadFile(kept); !strings.Contains(string(b), `"2.0.0"`) {
		t.Errorf("the upgrade is not kept: %s", b)
	}
	// A committed lock file is the repository's to change.
	r.write(diagnostics.DependencyLock, older)
	_, result := r.plan(use, func(j *job.Job, _ *job.Secrets) { j.Upgrade = true })
	nextHas(t, result, "terraform init -upgrade", "commit "+diagnostics.DependencyLock)
}

// lockedWith is the lock file that init makes for exactly this version.
func lockedWith(t *testing.T, m *mirror, version string) string {
	t.Helper()
	exact := newRig(t, map[string]string{"main.tf": strings.Replace(needsProvider, "acme/acme\"",
		"acme/acme\"\n      version = \""+version+"\"", 1)})
	f, _ := exact.plan(m.use(exact, "exact", "one"))
	b, err := os.ReadFile(filepath.Join(f.job.WorkspaceDir, "engine", "terraform.lock.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(b), "constraints = \""+version+"\"", "constraints = \">= 1.0.0\"", 1)
}
