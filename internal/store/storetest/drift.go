package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
)

// Journal is what the engine, and who shows drift, ask of a store besides.
type Journal interface {
	Findings(ctx context.Context, workspace string) ([]drift.Finding, error)
	Finding(ctx context.Context, id string) (drift.Finding, error)
	Checks(ctx context.Context, since time.Time) ([]drift.Check, error)
	ChecksOf(ctx context.Context, workspace string, since time.Time) ([]drift.Check, error)
	Reports(context.Context) ([]run.Report, error)
	PruneDrift(ctx context.Context, before time.Time, configured map[string]bool) ([]string, error)
}

// found is a finding as a store keeps it.
func found(workspace, id string, change ...func(*drift.Finding)) drift.Finding {
	f := drift.Finding{ID: id, Workspace: workspace, Difference: drift.Difference{Address: "box." + id,
		Class: drift.Changed, Attributes: []drift.Attribute{{Path: "size", Before: "small", After: "large"}}},
		Life: drift.New, Severity: drift.Medium, FirstSeen: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC),
		LastSeen: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC), Times: 1}
	for _, fn := range change {
		fn(&f)
	}
	return f
}

// observe stores findings and a check with a change of a drift run.
func (b *bench) observe(id string, at time.Time, findings ...drift.Finding) {
	b.t.Helper()
	_, err := b.Change(b.t.Context(), id, func(d *run.Tx) error {
		d.SetFindings(findings)
		d.Checks = append(d.Checks, drift.Check{Workspace: d.Run.Workspace, Run: id, At: at, Outcome: drift.Drifted,
			Blind: []drift.Blind{{What: "what nobody sees"}}})
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) wantFindings(workspace string, want ...drift.Finding) {
	b.t.Helper()
	got, err := b.Findings(b.t.Context(), workspace)
	if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		b.t.Errorf("%v: findings of %q:\n got %+v\nwant %+v", err, workspace, got, want)
	}
}

func findingsAreKept(t *testing.T, b *bench) {
	r := b.enqueue(want("net", run.Drift))[0]
	other := b.enqueue(want("net2", run.Drift))[0] // whose name begins alike
	one, two, three := found("net", "a1"), found("net", "b2"), found("net2", "c3")
	b.observe(r.ID, b.now(), one, two)
	b.observe(other.ID, b.now(), three)
	b.wantFindings("net", one, two)
	b.wantFindings("net2", three)
	b.wantFindings("", one, two, three)
	b.wantFindings("ne")

	// What is left out stays as it was: findings are resolved, never dropped.
	two.Life, two.Times = drift.Ongoing, 2
	b.observe(r.ID, b.now(), two)
	b.wantFindings("net", one, two)

	// A decision sees what is there, and one that fails changes nothing.
	seen := 0
	if err := b.ChangeWorkspace(t.Context(), "net", func(h *run.WorkspaceTx) error {
		known, err := h.Findings()
		seen = len(known)
		h.SetFindings([]drift.Finding{found("net", "d4")})
		return errors.Join(err, errRefused)
	}); !errors.Is(err, errRefused) || seen != 2 {
		t.Errorf("%v: a decision saw %d findings", err, seen)
	}
	b.wantFindings("net", one, two)
	if err := b.ChangeWorkspace(t.Context(), "net", func(h *run.WorkspaceTx) error {
		one.Life = drift.Acknowledged
		h.SetFindings([]drift.Finding{one})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.wantFindings("net", one, two)
	if f, err := b.Finding(t.Context(), "b2"); err != nil || !reflect.DeepEqual(f, two) {
		t.Errorf("%v: %+v", err, f)
	}
	for _, id := range []string{"", "b", "2", "net\x00b2", "x"} {
		if _, err := b.Finding(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("finding %q: %v", id, err)
		}
	}
	if d, _, err := b.Load(t.Context(), r.ID); err != nil || d.Read != nil || d.Others != nil {
		t.Errorf("%v: a Tx that is only read could read after its transaction", err)
	}
}

func checksAreKeptInTime(t *testing.T, b *bench) {
	start := b.now()
	net, db := b.enqueue(want("net", run.Drift))[0], b.enqueue(want("db", run.Drift))[0]
	for day := range 5 {
		b.observe(net.ID, start.AddDate(0, 0, day))
	}
	b.observe(db.ID, start)
	list := func(since time.Time) (got []string) {
		t.Helper()
		checks, err := b.Checks(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range checks {
			got = append(got, fmt.Sprintf("%s %d", c.Workspace, int(c.At.Sub(start).Hours()/24)))
			newest := i == len(checks)-1 || checks[i+1].Workspace != c.Workspace
			if (c.Blind != nil) != newest {
				t.Errorf("%s: %d blind spots are kept", got[i], len(c.Blind))
			}
		}
		return got
	}
	of := func(name string, since time.Time) (days []int) {
		t.Helper()
		checks, err := b.ChecksOf(t.Context(), name, since)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checks {
			if c.Workspace != name {
				t.Errorf("asked for checks of %s, got one of %s", name, c.Workspace)
			}
			days = append(days, int(c.At.Sub(start).Hours()/24))
		}
		return days
	}
	if got := of("net", start.AddDate(0, 0, 3)); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("checks of net since day 3: %v", got)
	}
	if got := of("net", time.Time{}); len(got) != 5 {
		t.Errorf("all checks of net: %v", got)
	}
	if got := slices.Concat(of("db", time.Time{}), of("ne", time.Time{}),
		of("db", start.AddDate(0, 0, 1))); !slices.Equal(got, []int{0}) {
		t.Errorf("checks of db and of a workspace that is none: %v", got)
	}
	for since, want := range map[int][]string{0: {"db 0", "net 0", "net 1", "net 2", "net 3", "net 4"},
		3: {"db 0", "net 3", "net 4"}, 9: {"db 0", "net 4"}} {
		if got := list(start.AddDate(0, 0, since)); !slices.Equal(got, want) {
			t.Errorf("since day %d: %q, want %q", since, got, want)
		}
	}
}

func reportsAreKept(t *testing.T, b *bench) {
	start := b.now()
	made := []run.Report{{Name: "nightly", At: start}} // waited for since then
	for i, name := range []string{"nightly", "nightly", "weekly"} {
		made = append(made, run.Report{ID: fmt.Sprintf("r%d", i), Name: name, At: start.AddDate(0, 0, i),
			Since: start, Text: "a report"})
	}
	if _, _, err := b.Enqueue(t.Context(), run.Batch{Reports: made}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Reports(t.Context()); err != nil || !reflect.DeepEqual(got, made) {
		t.Errorf("%v: %+v", err, got)
	}
}

func driftIsPruned(t *testing.T, b *bench) {
	start := b.now()
	net, gone := b.enqueue(want("net", run.Drift))[0], b.enqueue(want("gone", run.Drift))[0]
	old, late := start.AddDate(0, 0, -100), start.AddDate(0, 0, -10)
	standing := found("net", "a1", func(f *drift.Finding) { f.LastSeen = old }) // its checks fail since
	resolved := found("net", "b2", func(f *drift.Finding) { f.Life, f.ResolvedAt = drift.Resolved, late })
	past := found("net", "c3", func(f *drift.Finding) { f.Life, f.ResolvedAt = drift.Resolved, old })
	lost := found("gone", "d4", func(f *drift.Finding) { f.LastSeen = old })
	b.observe(net.ID, old, standing, resolved, past)
	b.observe(net.ID, old.AddDate(0, 0, 1), standing)
	b.observe(gone.ID, old, lost)
	if _, _, err := b.Enqueue(t.Context(),
		run.Batch{Reports: []run.Report{{Name: "nightly", At: old}, {ID: "r1", Name: "nightly", At: old},
			{ID: "r2", Name: "nightly", At: late}, {ID: "r3", Name: "weekly", At: old}}}); err != nil {
		t.Fatal(err)
	}
	ids, err := b.PruneDrift(t.Context(), start.AddDate(0, 0, -90), map[string]bool{"net": true})
	if err != nil || !slices.Equal(ids, []string{"", "r1"}) {
		t.Errorf("%v: reports %q went, want r1", err, ids)
	}
	b.wantFindings("", standing, resolved)
	checks, err := b.Checks(t.Context(), time.Time{})
	if err != nil || len(checks) != 1 || !checks[0].At.Equal(old.AddDate(0, 0, 1)) {
		t.Errorf("%v: of the checks the newest of a workspace stays: %+v", err, checks)
	}
	if ids, err := b.PruneDrift(t.Context(), start.AddDate(0, 0, -90), map[string]bool{"net": true}); err != nil ||
		len(ids) > 0 {
		t.Errorf("pruned twice: %v %q", err, ids)
	}
}

func othersAreSeen(t *testing.T, b *bench) {
	first := b.enqueue(want("net", run.Plan))[0]
	b.enqueue(want("db", run.Sync))
	second := b.enqueue(want("net", run.Sync))[0]
	_, err := b.Change(t.Context(), first.ID, func(d *run.Tx) error {
		others, err := d.Others()
		if len(others) != 1 || others[0].ID != second.ID {
			t.Errorf("the other runs of its workspace: %+v", others)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
