package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/job"
)

// lockOf is one for the test mirror's provider.
func lockOf(version, hash string) string {
	return "provider \"example.com/acme/acme\" {\n  version = \"" + version + "\"\n  hashes = [\n    \"h1:" + hash + "\",\n  ]\n}\n"
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
	r := newRig(t, map[string]string{"main.tf": needsProvider, dependencyLock: lockOf("1.0.0", otherHash)})
	_, result := r.plan(m.use(r, "hash", "one"))
	nextHas(t, result, "terraform providers lock -net-mirror=https://", " -platform=", "example.com/acme/acme", dependencyLock)
	if b, _ := os.ReadFile(filepath.Join(r.tree, dependencyLock)); !strings.Contains(string(b), otherHash) {
		t.Errorf("the committed lock file was changed: %s", b)
	}

	r = newRig(t, map[string]string{"main.tf": strings.Replace(needsProvider, "acme/acme\"", "acme/acme\"\n      version = \"~> 2.0\"", 1), dependencyLock: lockOf("1.0.0", otherHash)})
	_, result = r.plan(m.use(r, "moved", "one"))
	nextHas(t, result, "terraform init -upgrade", "commit "+dependencyLock)
}

// A provider that the committed lock file does not name is used, and warned of.
func TestCommittedLockFileThatLacksAProvider(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, map[string]string{"main.tf": needsProvider, dependencyLock: "# terraform init made this\n"})
	_, result := r.plan(m.use(r, "lacks", "one"))
	for _, d := range result.Diagnostics {
		if d.Summary == lacksSummary && d.Severity == "warning" && strings.Contains(d.Detail, "example.com/acme/acme 2.0.0") && strings.Contains(d.Detail, "providers lock -net-mirror=https://") {
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

func TestConstraintMoved(t *testing.T) {
	moved := job.Diagnostic{Severity: "error", Summary: "Failed to query available provider packages",
		Detail: "locked provider registry.terraform.io/hashicorp/aws 5.1.0 does not match configured version constraint ~> 6.0; must use tofu init -upgrade"}
	wrapped := job.Diagnostic{Severity: "error", Summary: "Failed to install provider",
		Detail: "the local\npackage for registry.terraform.io/tfops/lab 0.1.0 doesn't match any of the\nchecksums previously recorded"}
	checksum := job.Diagnostic{Severity: "error", Summary: "Failed to install provider",
		Detail: "the current package for x 1.0.0 doesn't match any of the checksums previously recorded in the dependency lock file; terraform init -upgrade"}
	for _, tt := range []struct {
		all  []job.Diagnostic
		want bool
	}{{nil, false}, {[]job.Diagnostic{moved}, true}, {[]job.Diagnostic{checksum}, false}, {[]job.Diagnostic{moved, checksum}, false}, {[]job.Diagnostic{moved, wrapped}, false}} {
		if got := constraintMoved(tt.all); got != tt.want {
			t.Errorf("%+v: %v", tt.all, got)
		}
	}
	for text, want := range map[string]string{moved.Detail: "tofu init -upgrade", checksum.Detail: "tofu providers lock -platform=", wrapped.Detail: " registry.terraform.io/tfops/lab",
		"Inconsistent dependency lock file\nprovider registry.opentofu.org/hashicorp/null: required by this configuration but no version is selected": "registry.opentofu.org/hashicorp/null"} {
		if got := lockFileNext("tofu init", text); !strings.Contains(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// Without a committed lock file the versions that were used are shown and kept,
// and --upgrade chooses anew; a plan that is never applied keeps nothing.
func TestUpgrade(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, map[string]string{"main.tf": strings.Replace(needsProvider, "acme/acme\"", "acme/acme\"\n      version = \">= 1.0\"", 1)})
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
	r.write(dependencyLock, older)
	_, result := r.plan(use, func(j *job.Job, _ *job.Secrets) { j.Upgrade = true })
	nextHas(t, result, "terraform init -upgrade", "commit "+dependencyLock)
}

// lockedWith is the lock file that init makes for exactly this version.
func lockedWith(t *testing.T, m *mirror, version string) string {
	t.Helper()
	exact := newRig(t, map[string]string{"main.tf": strings.Replace(needsProvider, "acme/acme\"", "acme/acme\"\n      version = \""+version+"\"", 1)})
	f, _ := exact.plan(m.use(exact, "exact", "one"))
	b, err := os.ReadFile(filepath.Join(f.job.WorkspaceDir, "engine", "terraform.lock.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(b), "constraints = \""+version+"\"", "constraints = \">= 1.0.0\"", 1)
}

func TestMirrorFlag(t *testing.T) {
	for config, want := range map[string]string{
		"": "", "provider_installation {\n": "", "plugin_cache_dir = \"/x\"\n": "",
		"provider_installation {\n  network_mirror {\n    url = \"https://mirror.example.com/p/\"\n  }\n}\n":                         "-net-mirror=https://mirror.example.com/p/",
		"provider_installation {\n  filesystem_mirror {\n    path = \"/usr/share/providers\"\n    include = [\"a/b\"]\n  }\n}\n":     "-fs-mirror=/usr/share/providers",
		"provider_installation {\n  filesystem_mirror {\n    path = \"/x\"\n  }\n  direct {}\n}\n":                                   "",
		"provider_installation {\n  filesystem_mirror {\n    path = \"/x\"\n  }\n  filesystem_mirror {\n    path = \"/y\"\n  }\n}\n": "",
		"provider_installation {\n  network_mirror {\n    url = \"https://me:secret@mirror.example.com/p/\"\n  }\n}\n":               "",
		"provider_installation {\n  dev_overrides {\n  }\n  network_mirror {\n    url = \"https://mirror.example.com/p/\"\n  }\n}\n": "",
	} {
		path := filepath.Join(t.TempDir(), "x.tfrc")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := mirrorFlag(path); got != want {
			t.Errorf("%s: %q, want %q", config, got, want)
		}
	}
	if got := mirrorFlag("/nowhere/x.tfrc"); got != "" {
		t.Errorf("without a file: %q", got)
	}
}

func TestProvidersIn(t *testing.T) {
	const text = "Error while installing registry.terraform.io/hashicorp/aws v5.1.0 from https://releases.example.com/aws/5.1.0/aws.zip: " +
		"provider localhost:8443/acme/x and registry.terraform.io/hashicorp/aws; https://developer.hashicorp.com/terraform/language/files"
	if got := strings.Join(providersIn(text), " "); got != "registry.terraform.io/hashicorp/aws localhost:8443/acme/x" {
		t.Errorf("%q", got)
	}
}
