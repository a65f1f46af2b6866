package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/authorship"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/journal"
	"github.com/tfops/tfops/internal/store/records"
	"github.com/tfops/tfops/internal/workspace"
)

var update = flag.Bool("update", false, "write the golden records anew, and the file of a schema version that has none")

var t0 = time.Date(2027, 3, 1, 12, 30, 45, 123456789, time.UTC)

// sample is a record of each kind with something in every field, so that a
// field that is renamed, retyped or added shows.
type sample struct {
	ended, active run.Run
	votes         []approvals.Vote
	events        []run.Event
	record        workspace.Record
	lock          locks.Lock
	audit         audit.Record
	finding       drift.Finding
	check         drift.Check
	report        run.Report
}

func fixture() sample {
	ended := endedRun()
	return sample{
		ended: ended,
		active: run.Run{ID: "01zgwseg1b4k", Workspace: "net", Kind: run.Drift, Status: run.Pending, CreatedAt: at(8),
			Attempt: 1},
		votes: []approvals.Vote{{Run: ended.ID, Digest: "sha256:0123", Commit: "c0ffee", Voter: "li", Yes: true,
			Comment: "fine", At: at(3), Daemon: true}},
		events: []run.Event{{Run: ended.ID, At: at(2), From: run.Pending, To: run.Planning, Actor: "ana",
			Text: "off it goes"}},
		record: fixtureRecord(),
		lock: locks.Lock{State: "s3:bucket=b,key=k#default", Workspace: "net", Run: "01zgwseg0v3j", Person: "ana",
			Reason: "applying", Since: at(5)},
		audit: audit.Record{At: at(3), Actor: "li", Via: "socket", Action: "approve", Workspace: "net", Run: ended.ID,
			Peer:   access.Peer{UID: "1000", PID: 7, LoginUID: "1001", Login: "ana"},
			Digest: "sha256:0123", Commit: "c0ffee", Reason: "fine", Refused: "no", Unrecorded: 3,
			Authors: "2 of 2 commits verified"},
		finding: drift.Finding{ID: "3f2a9c41d07b", Workspace: "net",
			Difference: drift.Difference{Address: "aws_vpc.main", Type: "aws_vpc", Module: "module.m",
				Provider: "registry.terraform.io/hashicorp/aws", Class: drift.Changed, Action: plan.Update,
				Problems: []string{"a problem"}, Follows: []string{"aws_vpc.other"},
				Written: &drift.Written{Run: "01r1", After: at(-7), Serial: 6, Was: 4},
				Attributes: []drift.Attribute{{Path: "tags.Name", Before: "a", After: "b", Wanted: "c", Sensitive: true,
					FirstSeen: at(-6), IgnoredBy: "tags"}}},
			Life: drift.Acknowledged, Severity: drift.Low, FirstSeen: at(-6), LastSeen: at(-5), Times: 2,
			Returned: at(-4), ResolvedAt: at(-3), ResolvedBy: ended.ID, Past: []drift.Stay{{From: at(-9), To: at(-8)}},
			Ack: &drift.Ack{By: "ana", Reason: "known", At: at(-2), Until: at(99), Attributes: []string{"tags.Name"},
				Values: map[string]string{"tags.Name": "0123456789abcdef"}},
			File: "net/main.tf", Line: 7, Owners: []string{"@acme/net"}, LastRun: ended.ID,
			LastApprovers: []string{"li"}, Heals: []time.Time{at(-1)}},
		check: drift.Check{Workspace: "net", Run: "01zgwseg1b4k", At: at(-5), Took: time.Minute, Commit: "beef",
			Head: "c0ffee", HeadPlanned: true, LastApply: ended.ID, LastApplyAt: at(-9),
			Outcome: drift.Drifted, Why: "why", Resources: 12,
			Blind: []drift.Blind{{Address: "aws_db.x", What: "write-only argument password_wo",
				Why: "it is in no state"}},
			Counts: map[drift.Class]int{drift.Changed: 1}, Open: map[drift.Severity]int{drift.Low: 1}},
		report: run.Report{ID: "01zgwseg2c5m", Name: "nightly", At: at(-4), Since: at(-1444), DueAt: at(-4),
			Text: "one workspace of one drifted", Clean: true},
	}
}

// at is so many minutes after the fixture's time.
func at(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func endedRun() run.Run {
	return run.Run{ID: "01zgwseg0v3j", Workspace: "net", Kind: run.Sync, Status: run.Errored,
		Reason: run.Superseded, Comment: "said",
		Authors: &authorship.Authors{Since: "beef", Until: "c0ffee", Commits: 2, Unknown: "why", Next: "what to do",
			People: []authorship.Person{{Name: "Ana", Email: "ana@example.com", Commit: "c0ffee", Commits: 2,
				Verified: true, Signer: "ana"}},
			Keys: "sha256:4567", Verified: 1, Exempt: 1,
			Signers:    []authorship.Signer{{User: "ana", Commit: "c0ffee", Commits: 1}},
			Unverified: []authorship.Unverified{{Commit: "beef", Why: "not signed", Next: "sign it"}}},
		Commit: run.Commit{SHA: "c0ffee", Author: run.Person{Name: "Ana", Email: "ana@example.com"},
			Committer: run.Person{Name: "Li", Email: "li@example.com"},
			CoAuthors: []run.Person{{Name: "Bo", Email: "bo@example.com"}},
			Message:   "a change\n\nof \"all\" <that> & \u00fc", Time: at(-10)},
		Tag: "v1.2.0",
		Ref: "feature", Sandbox: "namespaces",
		Trigger:     run.Trigger{Cause: run.ByPerson, Actor: "ana", Run: "01zgwseg0aaa"},
		Fingerprint: "f1", State: "s3:bucket=b,key=k#default",
		Moving: &run.StateMove{From: stateRef("s3:bucket=a"), To: stateRef("s3:bucket=b,key=k#default"), Done: true,
			Already: true, Resources: 3, Serial: 7, Lineage: "8a7c",
			Import: &run.StateImport{File: "import.age", Digest: "sha256:abc", Serial: 7, Lineage: "8a7c",
				Resources: 3, Replace: true, Reason: "the other one is gone", Replaced: "00000006-x.tfstate.age"}},
		NewState: &run.NewState{From: stateRef("s3:bucket=a"), To: stateRef("s3:bucket=b,key=k#default"),
			Was: "net-old", Why: "it holds nothing"},
		Plan: &run.PlanSummary{Digest: "sha256:0123", Counts: plan.Counts{Add: 1, Change: 2, Delete: 3, Replace: 4,
			Import: 5, Move: 6, Forget: 7, Read: 8, Outputs: 9},
			Types: []string{"aws_vpc"}, Addresses: []string{"aws_vpc.main"}, Drifted: 10, Changes: true,
			Complete: true, Engine: "terraform 1.11.4",
			Hosts: []string{"api.example.com"}, NewHosts: []string{"api.example.com"}},
		Failure: &run.Failure{Message: "it failed", Detail: "the engine said so", Next: "tfops logs"},
		Codify:  "3f2a9c41d07b", Found: &run.Found{Drift: workspace.Drifted, Addresses: []string{"aws_vpc.main"},
			Why: "why"}, Upstream: []string{"dns"},
		Inputs:  map[string]run.InputUsed{"workspace.dns.outputs.zone": {Digest: "d1", Sensitive: true}},
		Attempt: 2, Restarts: 3, NotBefore: at(1), Delayed: "the network was down",
		Unconfirmed: "the remote is not there", Canceling: "li", Debug: true, Upgrade: true,
		Warnings: []string{"a file is not there"}, Confirm: []string{"the state moved"}, ImportFirst: true,
		ErroredState: "/data/errored.tfstate.age", SupersededBy: "01zgwseg0bbb",
		CreatedAt: at(0), AppliesSeen: at(1), StartedAt: at(2), PlannedAt: at(3), QueuedAt: at(4),
		ApplyStartedAt: at(5), FinishedAt: at(6), ExpiresAt: at(7)}
}

func fixtureRecord() workspace.Record {
	return workspace.Record{Name: "net", PeakMemory: 1 << 30, Hosts: []string{"api.example.com"}, Head: "h1",
		Desired: "c0ffee", DesiredAt: at(0), Fingerprint: "f1",
		Applied: "beef", AppliedAt: at(-1),
		AppliedFingerprint: "f0", ApplyStartedAt: at(5), Destroyed: true, StartedAt: at(2),
		State:      "s3:bucket=b,key=k#default",
		StatePlace: `backend "s3"`, StateTrouble: &workspace.StateTrouble{Why: "it is gone",
			Snapshot: "00000007-r.tfstate.age", Holds: "serial 7", Since: at(6)},
		AppliedState: &workspace.AppliedState{StateRef: stateRef("s3:bucket=a"),
			StateMark: workspace.StateMark{Serial: 7, Lineage: "8a7c", Digest: "sha256:4567"},
			Behind:    "restored", Commit: "beef", At: workspace.Place{Repository: "infra", Branch: "main",
				Dir: "net", TerraformWorkspace: "default"}},
		Origin:   &workspace.Origin{Generator: "live", Branch: "main", Dir: "live/net", VarFile: "a.tfvars"},
		Orphan:   &workspace.Orphan{Since: at(-3), Why: "gone", Asked: true, Head: "feed"},
		Ended:    "run 01zgwseg0v3j is errored",
		EndedRun: "01zgwseg0v3j",
		HeldBack: "dns", HalfDone: "01zgwseg0v3j",
		Outputs: map[string]workspace.Output{"vpc": {Digest: "d2", Sensitive: true}},
		Inputs:  map[string]string{"workspace.dns.outputs.zone": "d1"}, OutputsOf: "01r0", AppliedOf: "01r1",
		LeftOf: "01r1", LeftHalf: "01r2",
		Tag: &workspace.FollowedTag{Tag: workspace.Tag{Name: "v1.2.0", Commit: "c0ffee"},
			Wanted: "tag >= 1", MovedFrom: "beef", After: "v1.3.0"},
		MetLock: &workspace.MetLock{Run: "01zgwseg0v3j", At: at(5), ID: "4f2c", Who: "li@laptop",
			Operation: "OperationTypeApply", Created: at(4), Next: "wait for it"},
		Suspension: &workspace.Suspension{By: "ana", Reason: "a freeze", At: at(1), Until: at(99)},
		Obstacle:   &workspace.Obstacle{Message: "no branch main", Next: "push it", Code: fault.NotFound, Held: true},
		Dir:        "lan", RenamedFrom: "lan", Renamed: &workspace.Renamed{To: "wan", At: at(7)},
		Drift: workspace.DriftRecord{Status: workspace.Drifted, CheckedAt: at(-5), Since: at(-6),
			Addresses: []string{"aws_vpc.main"}, Why: "why", DueAt: at(-7), HealStopped: "healed three times",
			NotHealed: "a commit waits"}}
}

func stateRef(identity string) workspace.StateRef {
	return workspace.StateRef{Identity: identity, Backend: "s3", Place: `backend "s3"`, Resources: 3, Counted: true}
}

// write stores the fixture under the keys that the package comment names.
func (f sample) write(tx *records.Tx) error {
	for _, r := range []run.Run{f.ended, f.active} {
		if err := tx.PutRun(r); err != nil {
			return err
		}
		if err := tx.Index(records.ByWorkspace, records.Owned(r.Workspace)+r.ID); err != nil {
			return err
		}
	}
	if err := saveVotes(tx, f.ended.ID, f.votes); err != nil {
		return err
	}
	for _, e := range f.events {
		if err := tx.Add(records.Events, records.Owned(e.Run), e); err != nil {
			return err
		}
	}
	if err := tx.Put(records.Workspaces, f.record.Name, f.record); err != nil {
		return err
	}
	if err := saveLocks(tx, []string{f.lock.State}, []locks.Lock{f.lock}); err != nil {
		return err
	}
	if tx.Bucket(records.Findings) != nil { // a file of an older schema, when that was new
		l := run.FindingsTx{Checks: []drift.Check{f.check}}
		l.SetFindings([]drift.Finding{f.finding})
		if err := errors.Join(journal.Save(tx, "net", l), journal.AddReports(tx, []run.Report{f.report})); err != nil {
			return err
		}
	}
	return tx.AddAudits([]audit.Record{f.audit})
}

// zeros lists the fields that are zero at any depth.
func zeros(path string, v reflect.Value) []string {
	if v.Type() == reflect.TypeFor[time.Time]() || v.Kind() != reflect.Struct && v.Kind() != reflect.Pointer &&
		v.Kind() != reflect.Slice {
		if v.IsZero() {
			return []string{path}
		}
		return nil
	}
	var found []string
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return []string{path}
		}
		return zeros(path, v.Elem())
	case reflect.Slice:
		if v.Len() == 0 {
			return []string{path}
		}
		for i := range v.Len() {
			found = append(found, zeros(fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
		return found
	}
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") == "-" {
			continue // the key has it
		}
		found = append(found, zeros(path+"."+v.Type().Field(i).Name, v.Field(i))...)
	}
	return found
}

func TestFixtureHasEveryField(t *testing.T) {
	f := fixture()
	for name, v := range map[string]any{"run": f.ended, "votes": f.votes, "events": f.events, "record": f.record,
		"lock": f.lock, "audit": f.audit,
		"finding": f.finding, "check": f.check, "report": f.report} {
		for _, field := range zeros(name, reflect.ValueOf(v)) {
			t.Errorf("%s is empty in the golden record: give it a value and run go test -update", field)
		}
	}
}

// dump is a bucket as readable text: a line per key, then its record indented.
func dump(t *testing.T, s *Store, bucket string) string {
	t.Helper()
	var text strings.Builder
	err := s.db.View(t.Context(), func(tx *records.Tx) error {
		return tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error {
			fmt.Fprintf(&text, "// %q\n", k)
			if clean, _, err := records.Verify([]byte(bucket), k, v); err != nil {
				return err
			} else {
				v = clean
			}
			if !json.Valid(v) {
				fmt.Fprintf(&text, "%q\n", v)
				return nil
			}
			var doc any
			if err := json.Unmarshal(v, &doc); err != nil {
				return err
			}
			b, err := json.MarshalIndent(doc, "", "  ")
			text.Write(append(b, '\n'))
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// The JSON form of every record is a promise to files that exist. Where one
// must change, a migration comes with it.
func TestGoldenRecords(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	if err := s.db.Update(t.Context(), fixture().write); err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{"meta", "runs", "active", "by_workspace", "votes", "events", "records", "locks",
		"audit", "findings", "checks", "reports"} {
		got := dump(t, s, bucket)
		path := filepath.Join("testdata", bucket+".json")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s has changed.\n got %s\nwant %s", bucket, got, want)
		}
	}
	n := 0
	if err := s.db.View(t.Context(), func(tx *records.Tx) error {
		return tx.ForEach(func([]byte,
			*bolt.Bucket) error {
			n++
			return nil
		})
	}); err != nil || n != 16 {
		t.Errorf("there are %d buckets, and 16 golden files (%v)", n, err)
	}
}

// oldFile copies the file of a schema version that was written when that
// version was new, and is never written again.
func oldFile(t *testing.T, version int) string {
	t.Helper()
	kept := filepath.Join("testdata", fmt.Sprintf("schema%d.db", version))
	if _, err := os.Stat(kept); os.IsNotExist(err) && *update && version == records.Schema {
		s := open(t, filepath.Join(t.TempDir(), "new.db"), Options{})
		if err := s.db.Update(t.Context(), fixture().write); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := s.Backup(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(kept, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tfops.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// before takes out what a file of a schema does not have.
func (f *sample) before(version int) {
	// which schema 4 has since after its file was made
	f.record.Dir, f.record.RenamedFrom, f.record.Renamed = "", "", nil
	f.record.OutputsOf, f.record.AppliedOf, f.record.Obstacle, f.record.EndedRun = "", "", nil, ""
	f.ended.Authors, f.record.Orphan.Head = nil, ""
	f.audit.Peer, f.audit.Digest, f.audit.Commit = access.Peer{}, "", ""
	f.audit.Refused, f.audit.Unrecorded, f.audit.Authors = "", 0, ""
	f.ended.Plan.Hosts, f.ended.Plan.NewHosts, f.ended.Sandbox, f.ended.Ref = nil, nil, "", ""
	f.record.PeakMemory, f.record.Hosts, f.votes[0].Daemon = 0, nil, false
	f.finding.Follows, f.finding.Ack.Values, f.finding.Written = nil, nil, nil
	f.record.LeftOf, f.record.LeftHalf = "", ""
	if version < 2 { // knows nothing of generators, order and inputs
		f.ended.Upstream, f.ended.Inputs = nil, nil
		f.record.Origin, f.record.Orphan, f.record.Ended, f.record.HeldBack, f.record.Outputs,
			f.record.Inputs = nil, nil, "", "", nil, nil
	}
	if version < 3 { // nor of findings and patches
		f.ended.Codify, f.ended.Found, f.record.Drift.HealStopped = "", nil, ""
	}
	// nor why nothing was healed, and of warnings and debug logs, which schema 3 has since after its file was made
	if version < 4 {
		f.record.Drift.NotHealed = ""
		f.ended.Warnings, f.ended.Confirm, f.ended.Debug, f.ended.Upgrade, f.ended.Unconfirmed = nil, nil, false,
			false, ""
		// nor which state was applied to
		f.ended.NewState, f.ended.Moving, f.record.AppliedState, f.record.StatePlace,
			f.record.StateTrouble = nil, nil, nil, "", nil
	}
	if f.ended.Moving != nil {
		f.ended.Moving.Import = nil
	}
	if f.ended.NewState != nil {
		f.ended.NewState.Why = ""
	}
	f.ended.ImportFirst, f.ended.Delayed, f.ended.ErroredState = false, "", ""
	// which schema 4 has since after its file was made
	f.ended.Tag, f.record.Tag, f.record.MetLock, f.record.HalfDone = "", nil, nil, ""
}

func TestOldFilesOpen(t *testing.T) {
	for version := 1; version <= records.Schema; version++ {
		for _, readOnly := range []bool{true, false} {
			t.Run(fmt.Sprintf("schema %d, read-only %v", version, readOnly), func(t *testing.T) {
				path, f := oldFile(t, version), fixture()
				f.before(version)
				before, _ := os.ReadFile(path)
				s := open(t, path, Options{ReadOnly: readOnly})
				d, events, err := s.Load(t.Context(), f.ended.ID)
				if err != nil {
					t.Fatal(err)
				}
				for what, pair := range map[string][2]any{"run": {d.Run, f.ended}, "votes": {d.Votes, f.votes},
					"events": {events, f.events},
					"record": {d.Record, f.record}, "locks": {d.Locks, []locks.Lock{f.lock}}} {
					if !reflect.DeepEqual(pair[0], pair[1]) {
						t.Errorf("%s:\n got %+v\nwant %+v", what, pair[0], pair[1])
					}
				}
				if audits, err := s.Audits(t.Context(), 0); err != nil || len(audits) != 1 || audits[0] != f.audit {
					t.Errorf("audits: %+v, %v", audits, err)
				}
				wantDrift(t, s, f, version >= 3)
				if q, err := s.Queue(t.Context()); err != nil || q.Len() != 1 || q.List().Active[0].ID != f.active.ID {
					t.Errorf("queue: %+v, %v", q.List().Active, err)
				}
				if readOnly {
					if after, _ := os.ReadFile(path); string(after) != string(before) {
						t.Error("reading changed the file")
					}
					return
				}
				if _, _, err := s.Enqueue(t.Context(),
					run.Batch{Runs: []run.Run{{Workspace: "net", Kind: run.Sync}}}); err != nil {
					t.Errorf("an old file cannot be written: %v", err)
				}
			})
		}
	}
}

// wantDrift compares what is remembered of drift; a file of an older schema has
// nothing of it.
func wantDrift(t *testing.T, s *Store, f sample, any bool) {
	t.Helper()
	findings, err1 := s.Findings(t.Context(), "net")
	checks, err2 := s.Checks(t.Context(), time.Time{})
	reports, err3 := s.Reports(t.Context())
	own, err4 := s.ChecksOf(t.Context(), "net", time.Time{})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	if !any {
		if len(findings)+len(checks)+len(reports) > 0 || len(own) > 0 {
			t.Errorf("%+v, %+v, %+v", findings, checks, reports)
		}
		return
	}
	if !reflect.DeepEqual(findings, []drift.Finding{f.finding}) ||
		!reflect.DeepEqual(checks, []drift.Check{f.check}) || !reflect.DeepEqual(reports, []run.Report{f.report}) ||
		!reflect.DeepEqual(own, checks) {
		t.Errorf("%+v, %+v, %+v", findings, checks, reports)
	}
}

// The keys of votes and events end in a number that sorts as bytes.
func TestSequenceKeysSort(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tfops.db"), Options{})
	err := s.db.Update(t.Context(), func(tx *records.Tx) error {
		r := run.Run{ID: "r", Workspace: "net", Status: run.Applied}
		if err := errors.Join(tx.PutRun(r), tx.Index(records.ByWorkspace, "net\x00r"),
			tx.Bucket(records.Events).SetSequence(250)); err != nil {
			return err
		}
		for i := range 20 {
			if err := tx.Add(records.Events, records.Owned("r"), run.Event{Run: "r", Text: fmt.Sprint(i)}); err != nil {
				return err
			}
		}
		events, err := records.List[run.Event](tx, records.Events, records.Owned("r"))
		for i, e := range events {
			if e.Text != fmt.Sprint(i) {
				t.Errorf("event %d is the %s. to be added", i, e.Text)
			}
		}
		k, _ := tx.Bucket(records.Events).Cursor().First()
		if want := "r\x00" + string(binary.BigEndian.AppendUint64(nil, 251)); string(k) != want {
			t.Errorf("the key is %q, want %q", k, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
