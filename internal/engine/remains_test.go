package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/engine/remains"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/run/recovery"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/workspace"
)

const (
	planJob  = `{"format_version":1,"run":"R","workspace":"net","phase":"plan","lock_state":true,"plan_json":"/none"}`
	applyJob = `{"format_version":1,"run":"R","workspace":"net","phase":"apply","lock_state":true,"plan_digest":"sha256:1"}`
	times    = `"started_at":"2027-01-01T00:00:00Z","finished_at":"2027-01-01T00:00:01Z"`
	applied  = `{"format_version":1,"outcome":"succeeded","engine_name":"terraform","plan_digest":"sha256:1",` + times + `}`
	refused  = `{"format_version":1,"outcome":"failed","message":"no",` + times + `}`
	unsaved  = `{"format_version":1,"outcome":"failed","errored_state":"/e","engine_name":"terraform","plan_digest":"sha256:1",` + times + `}`
)

// What the files of a run tell, whatever of them is missing, empty or cut.
func TestRemains(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  run.Status // "": nothing tells
	}{
		"applied": {map[string]string{"plan/job.json": planJob, "apply/job.json": applyJob,
			"apply/started": "", "apply/result.json": applied}, run.Applied},
		"refused before it began": {map[string]string{"apply/job.json": applyJob, "apply/result.json": refused},
			run.Errored},
		"failed with no engine facts": {map[string]string{"apply/job.json": applyJob, "apply/started": "",
			"apply/result.json": refused}, run.Interrupted},
		"state not saved": {map[string]string{"apply/job.json": applyJob, "apply/started": "",
			"apply/result.json": unsaved}, run.Interrupted},
		"no result": {map[string]string{"apply/job.json": applyJob, "apply/started": ""},
			run.Interrupted},
		"empty result": {map[string]string{"apply/job.json": applyJob, "apply/result.json": "{}"},
			run.Interrupted},
		"cut result": {map[string]string{"apply/job.json": applyJob,
			"apply/result.json": applied[:40]}, run.Interrupted},
		"no job of the apply": {map[string]string{"plan/job.json": planJob, "apply/started": ""},
			run.Interrupted},
		"only planned": {map[string]string{"plan/job.json": planJob}, run.Planning},
		"plan refused": {map[string]string{"plan/job.json": planJob, "plan/result.json": refused},
			run.Errored},
		"another run's job": {map[string]string{"plan/job.json": `{"format_version":1,"run":"other","workspace":"net"}`}, ""},
		"nothing":           {map[string]string{"tree/main.tf": ""}, ""},
		"its record, cut job": {map[string]string{"run.json": `{"format_version":1,"run":{"id":"R","workspace":"net","kind":"destroy","status":"applying"}}`,
			"apply/job.json": "{"}, run.Interrupted},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, content := range c.files {
				path = filepath.Join(dir, "runs", "R", path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			found, unreadable, err := remains.Read(artifacts.Open(dir), &runner.Local{})
			switch {
			case err != nil:
				t.Fatal(err)
			case c.want == "" && (len(found) != 0 || len(unreadable) != 1):
				t.Errorf("%+v, %v", found, unreadable)
			case c.want != "" && (len(found) != 1 || found[0].Run.Status != c.want ||
				found[0].Run.Workspace != "net"):
				t.Errorf("got %+v, want %s", found, c.want)
			}
		})
	}
}

// A backup knows less than the directories: what they tell of applies counts, and
// nothing goes on before a person says so.
func TestRecoverHoldsEverything(t *testing.T) {
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	known := []run.Run{
		{ID: "1", Workspace: "a", Kind: run.Sync, Status: run.Applied, Commit: run.Commit{SHA: "old"}, FinishedAt: at},
		{ID: "2", Workspace: "a", Kind: run.Sync, Status: run.ApplyQueued, Commit: run.Commit{SHA: "new"}},
		{ID: "3", Workspace: "b", Kind: run.Sync, Status: run.AwaitingApproval},
	}
	remains := []recovery.Remains{
		{Run: run.Run{ID: "2", Workspace: "a", Kind: run.Sync, Status: run.Applied, Commit: run.Commit{SHA: "new"},
			ApplyStartedAt: at.Add(time.Hour), FinishedAt: at.Add(time.Hour)}, Begun: true},
		{Run: run.Run{ID: "4", Workspace: "c", Kind: run.Destroy, Status: run.Interrupted, State: "s3:c",
			ApplyStartedAt: at}, Begun: true},
	}
	r := recovery.Recover(recovery.Known{Runs: known, Remains: remains, Stands: map[string]bool{"d": true, "e": false},
		Records: map[string]workspace.Record{"a": {Applied: "old", AppliedAt: at, Head: "h", Desired: "new"}}}, "why",
		at)
	names := ""
	for _, rec := range r.Records {
		names += rec.Name
		if !rec.Suspended(at) || rec.Desired != "" || rec.Head != "" {
			t.Errorf("%s goes on: %+v", rec.Name, rec)
		}
	}
	if names != "abcde" || r.Records[0].Applied != "new" || !r.Records[3].MayStand() || r.Records[4].MayStand() {
		t.Errorf("records %+v", r.Records)
	}
	for i, want := range []run.Status{run.Applied, run.Applied, run.Discarded, run.Interrupted} {
		if r.Runs[i].Status != want {
			t.Errorf("run %s is %s, want %s", r.Runs[i].ID, r.Runs[i].Status, want)
		}
	}
	if len(r.Locks) != 1 || r.Locks[0].State != "s3:c" || r.Locks[0].Run != "4" {
		t.Errorf("locks %+v", r.Locks)
	}
}
