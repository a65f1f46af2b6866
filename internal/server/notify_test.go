package server

import (
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
)

// TestWhatDoesNotArriveIsShown follows deliveries from a test that somebody
// asks for to a dead letter that is sent again, and one that is dropped.
func TestWhatDoesNotArriveIsShown(t *testing.T) {
	var box mailbox
	r := newRig(t, []fleet.Definition{define("a")}, func(_ *rig, o *Options) { box = o.Outbox.(mailbox) })
	sent, err := r.client.TestTarget(t.Context(), "ops")
	if err != nil {
		t.Fatal(err)
	}
	targets := func() []api.NotifyTarget {
		t.Helper()
		s, err := r.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.Notify
	}
	if got := targets(); len(got) != 1 || got[0].Name != "ops" || got[0].Waiting != 1 || got[0].Failing ||
		got[0].Dead != 0 {
		t.Fatalf("after a test was asked for: %+v", got)
	}
	if _, err := box.Failed(t.Context(), sent.Delivery, "answered 500", time.Now().Add(time.Hour), false); err != nil {
		t.Fatal(err)
	}
	if got := targets()[0]; got.Waiting != 1 || !got.Failing || got.LastError != "answered 500" {
		t.Fatalf("after an attempt failed: %+v", got)
	}
	if _, err := box.Failed(t.Context(), sent.Delivery, "answered 410", time.Now(), true); err != nil {
		t.Fatal(err)
	}
	if got := targets()[0]; got.Waiting != 0 || got.Failing || got.Dead != 1 || got.LastError != "answered 410" {
		t.Fatalf("after it was given up: %+v", got)
	}
	dead, err := r.client.DeadLetters(t.Context())
	if err != nil || len(dead) != 1 || dead[0].ID != sent.Delivery || dead[0].DeadAt == nil ||
		dead[0].LastError != "answered 410" {
		t.Fatalf("dead letters: %+v, %v", dead, err)
	}
	if err := r.client.RetryDelivery(t.Context(), sent.Delivery); err != nil {
		t.Fatal(err)
	}
	if got := targets()[0]; got.Waiting != 1 || got.Dead != 0 {
		t.Fatalf("after it was sent again: %+v", got)
	}
	if err := r.client.DropDelivery(t.Context(), sent.Delivery); err != nil {
		t.Fatal(err)
	}
	if got := targets()[0]; got.Waiting != 0 || got.Dead != 0 {
		t.Fatalf("after it was dropped: %+v", got)
	}
	if err := r.client.DropDelivery(t.Context(), sent.Delivery); err == nil {
		t.Fatal("a delivery was dropped twice")
	}
	audits, err := r.client.Audit(t.Context(), 10)
	if err != nil || len(audits) != 4 || audits[0].Action != "drop delivery "+sent.Delivery ||
		audits[0].Allowed || audits[0].Refused == "" {
		t.Fatalf("the refusal is not recorded: %+v, %v", audits, err)
	}
	audits = audits[1:]
	if audits[0].Action != "drop delivery "+sent.Delivery ||
		audits[0].Actor == "" || audits[1].Action != "retry delivery "+sent.Delivery ||
		audits[2].Action != "test notify ops" || audits[2].Actor == "" {
		t.Fatalf("the audit log does not say who did what: %+v, %v", audits, err)
	}
}

// TestWhatIsLeftOfABlockThatWasRemoved: dead letters do not vanish from sight
// with the block of the configuration that they were for.
func TestWhatIsLeftOfABlockThatWasRemoved(t *testing.T) {
	var box mailbox
	r := newRig(t, []fleet.Definition{define("a")}, func(_ *rig, o *Options) { box = o.Outbox.(mailbox) })
	if _, err := box.Tell(t.Context(), run.Notice{Kind: run.NoticeTest, Title: "x",
		Targets: []string{"old"}}); err != nil {
		t.Fatal(err)
	}
	got, err := r.client.NotifyTargets(t.Context())
	if err != nil || len(got) != 2 || got[1].Name != "old" || !got[1].Gone || got[1].Waiting != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := r.client.TestTarget(t.Context(), "old"); err == nil {
		t.Fatal("a test was sent to a block that is not in the configuration")
	}
}
