package store

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store/records"
)

// letters are deliveries with something in every field: one on its way, one dead.
func letters() (waiting, dead run.Delivery) {
	at := func(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }
	n := run.Notice{ID: "01zgwseg2c5m", Kind: run.NoticeReport, At: at(9), Severity: "high", Workspace: "net",
		Repository: "infra", Run: "01zgwseg0v3j", Title: "a title",
		Text: "a text", Command: "tfops drift report", Labels: map[string]string{"team": "network"},
		Report: &run.ReportRef{ID: "r1", Formats: []string{"html"}}}
	waiting = run.Delivery{ID: "01zgwseg2c5m-ops", Target: "ops", Notice: n, Attempts: 1, NextAt: at(10),
		LastError: "it failed"}
	dead = run.Delivery{ID: "01zgwseg2c5m-mail", Target: "mail", Notice: n, Attempts: 12, NextAt: at(10),
		LastError: "it failed", Dead: true, DeadAt: at(11)}
	return waiting, dead
}

// The JSON form of deliveries is a promise to files that exist, as that of the
// other records.
func TestGoldenDeliveries(t *testing.T) {
	waiting, dead := letters()
	for _, field := range zeros("dead", reflect.ValueOf(dead)) {
		if field != "dead.Notice.Targets" { // which is not kept
			t.Errorf("%s is empty in the golden record: give it a value and run go test -update", field)
		}
	}
	path := filepath.Join(t.TempDir(), "tfops.db")
	s := open(t, path, Options{})
	err := s.db.Update(t.Context(), func(tx *records.Tx) error {
		return errors.Join(tx.Put(records.Outbox, waiting.ID, waiting), tx.Put(records.Dead, dead.ID, dead))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{"outbox", "dead"} {
		got, golden := dump(t, s, bucket), filepath.Join("testdata", bucket+".json")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || got != string(want) {
			t.Errorf("%s has changed, %v.\n got %s\nwant %s", bucket, err, got, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Options{ReadOnly: true})
	due, next, err := s.Due(t.Context(), waiting.NextAt, 0)
	if err != nil || !next.IsZero() || !reflect.DeepEqual(due, []run.Delivery{waiting}) {
		t.Errorf("due: %+v, %v, %v", due, next, err)
	}
	if got, err := s.Dead(t.Context()); err != nil || !reflect.DeepEqual(got, []run.Delivery{dead}) {
		t.Errorf("dead: %+v, %v", got, err)
	}
}

// TestNoOutboxYet: a file that only older programs wrote to has none, and can
// be looked at.
func TestNoOutboxYet(t *testing.T) {
	s := open(t, oldFile(t, 2), Options{ReadOnly: true})
	due, next, err := s.Due(t.Context(), t0, 0)
	waiting, err2 := s.Waiting(t.Context())
	dead, err3 := s.Dead(t.Context())
	if err := errors.Join(err, err2, err3); err != nil || len(due)+len(waiting)+len(dead) != 0 || !next.IsZero() {
		t.Errorf("due %v, next %v, waiting %v, dead %v, %v", due, next, waiting, dead, err)
	}
}

func BenchmarkDue(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "tfops.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	n, _ := letters()
	var many []run.Notice
	for range 5000 {
		one := n.Notice
		one.ID, one.Targets = "", []string{"ops"}
		many = append(many, one)
	}
	if _, err := s.Tell(b.Context(), many...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if due, _, err := s.Due(b.Context(), time.Now(), 50); err != nil || len(due) != 50 {
			b.Fatal(len(due), err)
		}
	}
}
