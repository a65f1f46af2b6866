package run

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// diagram is the state diagram of docs/ARCHITECTURE.md, written out once more.
var diagram = map[Status][]Status{
	"pending": {"planning", "discarded", "canceled", "errored"},
	"planning": {"pending", "planned_and_finished", "policy_failed", "awaiting_approval", "apply_queued",
		"discarded", "canceled", "errored"},
	"planned_and_finished": {},
	"policy_failed":        {},
	"awaiting_approval":    {"apply_queued", "discarded", "canceled", "errored"},
	"apply_queued":         {"awaiting_approval", "applying", "discarded", "canceled", "errored"},
	"applying":             {"apply_queued", "applied", "errored", "interrupted"},
	"applied":              {},
	"errored":              {},
	"interrupted":          {"errored"},
	"discarded":            {},
	"canceled":             {},
}

var t0 = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func TestEveryMove(t *testing.T) {
	if len(Statuses) != len(diagram) {
		t.Errorf("there are %d statuses, and %d in the diagram", len(Statuses), len(diagram))
	}
	for from, next := range diagram {
		if !slices.Contains(Statuses, from) {
			t.Errorf("%s is not a status", from)
		}
		if from.Terminal() != (len(next) == 0) {
			t.Errorf("%s: terminal is %v", from, from.Terminal())
		}
		if unapplied := !from.Terminal() && from != "applying" && from != "interrupted"; from.Unapplied() != unapplied {
			t.Errorf("%s: unapplied is %v", from, from.Unapplied())
		}
		for to := range diagram {
			want := slices.Contains(next, to)
			if CanMove(from, to) != want {
				t.Errorf("CanMove(%s, %s) is %v", from, to, !want)
			}
			for _, kind := range []Kind{Sync, Destroy, Refresh, Plan, Drift, "other", ""} {
				applies := kind == Sync || kind == Destroy || kind == Refresh
				if kind.Applies() != applies {
					t.Errorf("kind %q: applies is %v", kind, kind.Applies())
				}
				if ofApplied := kind == Drift || kind == Destroy || kind == Refresh; kind.OfApplied() != ofApplied {
					t.Errorf("kind %q: of what is applied is %v", kind, kind.OfApplied())
				}
				towards := to == "awaiting_approval" || to == "apply_queued" || to == "applying"
				checkMove(t, kind, from, to, want && (applies || !towards))
			}
		}
	}
	for _, s := range []Status{"", "done", "PENDING"} {
		if CanMove(s, Pending) || CanMove(Pending, s) {
			t.Errorf("%q counts as a status", s)
		}
	}
}

// checkMove makes one move and compares every field with what it may change.
func checkMove(t *testing.T, kind Kind, from, to Status, want bool) {
	t.Helper()
	before := t0.Add(-time.Hour)
	r := Run{ID: "r1", Kind: kind, Status: from, Canceling: "ana", Plan: &PlanSummary{Digest: "sha256:x"},
		CreatedAt: before, StartedAt: before, PlannedAt: before, QueuedAt: before, ApplyStartedAt: before}
	expect := r
	err := r.Move(to, t0)
	if (err == nil) != want {
		t.Errorf("%s run: move from %s to %s: %v", kind, from, to, err)
	}
	if want {
		expect.Status = to
		switch to {
		case "pending":
			expect.StartedAt = time.Time{}
		case "planning":
			expect.StartedAt = t0
		case "apply_queued":
			if expect.QueuedAt = t0; from == "applying" {
				expect.QueuedAt, expect.ApplyStartedAt = before, time.Time{}
			}
		case "applying":
			expect.ApplyStartedAt = t0
		}
		if len(diagram[to]) == 0 {
			expect.FinishedAt, expect.Canceling = t0, ""
		}
	}
	if !reflect.DeepEqual(r, expect) {
		t.Errorf("%s run from %s to %s: got %+v, want %+v", kind, from, to, r, expect)
	}
}

// Whatever path a run takes, it can end, and nothing leads out of its end.
func TestEveryRunCanEnd(t *testing.T) {
	for _, s := range Statuses {
		seen := map[Status]bool{}
		for at := []Status{s}; len(at) > 0; at = at[1:] {
			if seen[at[0]] {
				continue
			}
			seen[at[0]] = true
			at = append(at, moves[at[0]]...)
		}
		ends := false
		for at := range seen {
			ends = ends || at.Terminal()
		}
		if !ends {
			t.Errorf("from %s no end can be reached", s)
		}
		if reached := seen[Applied]; reached != (s.Unapplied() || s == Applying || s == Applied) {
			t.Errorf("from %s applied can be reached: %v", s, reached)
		}
	}
}
