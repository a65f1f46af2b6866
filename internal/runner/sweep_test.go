package runner

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestSweepTakesOnlyWhatWasBeingWritten(t *testing.T) {
	data := t.TempDir()
	run := filepath.Join(data, "runs", "r")
	leftInRun := []string{"run.json.tmp", ".ground.json.1234", "inputs.json.age.tmp", "plan/result.json.tmp",
		"plan/.job.json.99", "apply/errored.tfstate.age.tmp", "apply/result.json.tmp"}
	kept := []string{"run.json", "plan.json", "plan/result.json", "plan/events.jsonl", "plan/runner.lock",
		"apply/errored.tfstate.age", "apply/started"}
	for _, name := range append(leftInRun, kept...) {
		put(t, filepath.Join(run, name))
	}
	if err := SweepRun(run); err != nil {
		t.Fatal(err)
	}
	only(t, run, kept)
	if err := SweepRun(filepath.Join(data, "runs", "none")); err != nil {
		t.Errorf("a run without a directory: %v", err)
	}

	leftShared := []string{"workspaces/w/.hidden.json.age.12", "workspaces/w/footing.json.age.tmp",
		"workspaces/w/engine/.init.json.3", "workspaces/w/snapshots/.00000001-r.tfstate.age.7",
		"cache/modules/content/.half-1/files/main.tf", "cache/modules/source/.abc.json.5",
		"cache/terraform/.installing-1.11.4-77/terraform", "cache/probe-123/x"}
	keptShared := []string{"workspaces/w/terraform.tfstate", "workspaces/w/terraform.tfstate.backup",
		"workspaces/w/.terraform.tfstate.lock.info", "workspaces/w/tree/mine.tmp",
		"workspaces/w/snapshots/00000001-r.tfstate.age",
		"cache/modules/content/abc/files/x.tmp", "cache/modules/source/abc.json", "cache/terraform/1.11.4/terraform",
		"cache/terraform/.1.11.4.lock"}
	for _, name := range append(leftShared, keptShared...) {
		put(t, filepath.Join(data, name))
	}
	if err := SweepShared(data, time.Now().Add(-time.Hour)); err != nil { // somebody is at work
		t.Fatal(err)
	}
	only(t, filepath.Join(data, "workspaces"), nil, "workspaces/", leftShared, keptShared)
	if err := SweepShared(data, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	only(t, filepath.Join(data, "workspaces"), nil, "workspaces/", keptShared)
	only(t, filepath.Join(data, "cache"), nil, "cache/", keptShared)
}

func put(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// only holds that below dir are these files and no other; more is lists of names of
// which those with the prefix count.
func only(t *testing.T, dir string, want []string, more ...any) {
	t.Helper()
	if len(more) > 0 {
		prefix := more[0].(string)
		for _, list := range more[1:] {
			for _, name := range list.([]string) {
				if len(name) > len(prefix) && name[:len(prefix)] == prefix {
					want = append(want, name[len(prefix):])
				}
			}
		}
	}
	var got []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			got = append(got, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want = slices.Clone(want)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("below %s are %q, want %q", dir, got, want)
	}
}
