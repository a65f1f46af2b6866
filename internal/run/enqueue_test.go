package run

import (
	"testing"
	"time"

	"github.com/tfops/tfops/internal/workspace"
)

func TestWhatANewRunMeets(t *testing.T) {
	for _, c := range []struct {
		fresh, old Kind
		status     Status
		leftOut    bool
		supersedes bool
	}{
		{Sync, Sync, Pending, false, true},
		{Sync, Sync, AwaitingApproval, false, true},
		{Sync, Sync, ApplyQueued, false, true},
		{Sync, Sync, Applying, false, false},
		{Sync, Sync, Interrupted, false, false},
		{Sync, Drift, Planning, false, false},
		{Sync, Plan, Planning, false, false},
		{Sync, Refresh, AwaitingApproval, false, true},
		{Destroy, Sync, AwaitingApproval, false, true},
		{Plan, Plan, Planning, false, false},
		{Plan, Sync, Pending, false, false},
		{Drift, Drift, Pending, true, false},
		{Drift, Sync, Applying, false, false},
		{Move, Move, Planning, true, false},
		{Move, Drift, Planning, false, false},
		{Refresh, Sync, AwaitingApproval, true, true},
		{Refresh, Destroy, Applying, true, false},
		{Refresh, Refresh, AwaitingApproval, false, true},
	} {
		r, old := Run{Kind: c.fresh}, Run{Kind: c.old, Status: c.status}
		if got := r.LeftOut([]Run{{Kind: Plan}, old}); got != c.leftOut {
			t.Errorf("a %s beside a %s that is %s is left out: %v", c.fresh, c.old, c.status, got)
		}
		if got := r.Supersedes(old); got != c.supersedes {
			t.Errorf("a %s supersedes a %s that is %s: %v", c.fresh, c.old, c.status, got)
		}
	}
}

func TestWhatANewRunWants(t *testing.T) {
	now := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	old := workspace.Record{Name: "a", Desired: "c1", DesiredAt: now.Add(-time.Hour), Fingerprint: "f1",
		HeldBack: "net"}
	for kind, want := range map[Kind]workspace.Record{
		Sync:    {Name: "a", Desired: "c2", DesiredAt: now, Fingerprint: "f2"},
		Destroy: {Name: "a", Desired: "c1", DesiredAt: now.Add(-time.Hour), Fingerprint: "f2"},
		Plan:    old, Drift: old, Refresh: old, Move: old,
	} {
		rec := old
		r := Run{Kind: kind, Commit: Commit{SHA: "c2"}, Fingerprint: "f2", CreatedAt: now}
		if changed := r.Want(&rec); changed != (want.Fingerprint == "f2") || rec.Desired != want.Desired ||
			!rec.DesiredAt.Equal(want.DesiredAt) ||
			rec.Fingerprint != want.Fingerprint || rec.HeldBack != want.HeldBack {
			t.Errorf("a %s: %v, %+v, want %+v", kind, changed, rec, want)
		}
	}
}
