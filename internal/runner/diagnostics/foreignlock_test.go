package diagnostics

import (
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/job"
)

// lockInfo is what an engine prints of a lock.
func lockInfo(message, id, who string, created time.Time) string {
	return "Error acquiring the state lock\nError message: " + message + "\nLock Info:\n  ID:        " + id +
		"\n  Path:      p\n  Operation: OperationTypeApply\n  Who:       " +
		who + "\n  Version:   1.11.4\n  Created:   " + created.UTC().String() + "\n  Info:      \n"
}

// The holder is the one in the lock. What a backend prints in its place, the
// attempt itself, is neither a holder nor has it an ID that breaks anything.
func TestHolderOfALock(t *testing.T) {
	const self = "tfops@here"
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	before, after := began.Add(-time.Hour), began.Add(time.Second)
	for name, tt := range map[string]struct {
		text string
		want job.BackendLock
		says string
		next string
	}{
		"s3, somebody else": {lockInfo("operation error S3: PutObject, PreconditionFailed", "held-1",
			"ana@laptop", before), job.BackendLock{ID: "held-1", Who: "ana@laptop", Operation: "apply",
			Created: before}, "by ana@laptop since 2026-01-02 02:04:05 UTC for apply (lock held-1)",
			"force-unlock held-1"},
		"s3, this user earlier": {lockInfo("PreconditionFailed", "held-1", self, before),
			job.BackendLock{ID: "held-1", Who: self, Operation: "apply", Created: before}, "by " + self,
			"force-unlock held-1"},
		"http with the lock's ID": {lockInfo("HTTP remote state already locked: ID=held-2", "mine", self, after),
			job.BackendLock{ID: "held-2"}, "does not say by whom (lock held-2)", "force-unlock held-2"},
		"http of another host": {lockInfo("HTTP remote state already locked: ID=held-2", "mine", "root@vm",
			before), job.BackendLock{ID: "held-2"}, "does not say by whom", "force-unlock held-2"},
		"http without an ID": {lockInfo("HTTP remote state already locked: ID=", "mine", self, after),
			job.BackendLock{}, "does not say by whom", "wait"},
		"http, unreadable": {lockInfo("HTTP remote state already locked, failed to unmarshal body", "mine",
			self, after), job.BackendLock{}, "does not say by whom", "wait"},
		"pg": {lockInfo("Workspace is already locked: default", "mine", self, after),
			job.BackendLock{Session: true}, "PostgreSQL does not say by whom", "pg_locks"},
		"pg, a new workspace": {lockInfo("Already locked for workspace creation: default", "mine", self, after),
			job.BackendLock{Session: true}, "PostgreSQL does not say by whom", "pg_locks"},
		"another backend's attempt": {lockInfo("it is taken", "mine", self, after), job.BackendLock{},
			"does not say by whom", "wait"},
		"another backend's ID": {lockInfo("state blob is locked (ID=held-3).", "mine", self, after),
			job.BackendLock{ID: "held-3"}, "(lock held-3)", "force-unlock held-3"},
	} {
		got := readLock(tt.text, self, began)
		if *got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, *got, tt.want)
		}
		f := Explain("terraform plan", []job.Diagnostic{{Severity: "error", Summary: "Error acquiring the state lock",
			Detail: tt.text}}, "")
		if f.Cause != job.CauseLocked || f.Lock == nil {
			t.Errorf("%s: %s %+v", name, f.Cause, f.Lock)
		}
		if !strings.Contains(got.String(), tt.says) || !strings.Contains(got.Next(), tt.next) ||
			strings.Contains(got.String()+got.Next(), "mine") {
			t.Errorf("%s: %q, %q", name, got.String(), got.Next())
		}
	}
}

// An engine that did everything and could not give its lock back says so, and how to go on.
func TestLockThatWasNotReleased(t *testing.T) {
	detail := "Error message: failed to unlock: Unexpected HTTP response code 500\n\nTerraform acquires a lock when " +
		"accessing your state to prevent others\n" +
		"running Terraform to potentially modify the state at the same time.\n"
	kept := job.Diagnostic{Severity: "error", Summary: "Error releasing the state lock", Detail: detail}
	f := Explain("terraform apply", []job.Diagnostic{kept}, "")
	if f.Cause != job.CauseLocked || f.Lock != nil ||
		!strings.HasSuffix(f.Message, "was not released: failed to unlock: Unexpected HTTP response code 500") ||
		!strings.Contains(f.Next, "force-unlock ID") {
		t.Errorf("%s: %q, %q", f.Cause, f.Message, f.Next)
	}
	f = Explain("terraform apply", []job.Diagnostic{kept,
		{Severity: "error", Summary: "Provider produced inconsistent result"}}, "")
	if strings.Contains(f.Message, "did its work") {
		t.Errorf("an apply that failed: %q", f.Message)
	}
}
