package main

import (
	"strings"
	"testing"
)

// TestWarningsStandAboveThePlan: in show, at the question of approve, and in JSON.
func TestWarningsStandAboveThePlan(t *testing.T) {
	s := newShell(t)
	d := s.fake()
	r := exampleRun()
	r.Warnings, r.Confirm = []string{"assets/logo.png is a Git LFS pointer, not the file"},
		[]string{"it reads what is not there"}
	d.on("GET /runs/0k1v8m3pq4rs", r)
	d.on("GET /runs/0k1v8m3pq4rs/plan", []byte(examplePlan))
	inOrder := func(where, out string) {
		t.Helper()
		for _, part := range []string{r.Warnings[0], r.Confirm[0], "aws_subnet.a"} {
			_, rest, found := strings.Cut(out, part)
			if !found {
				t.Fatalf("%s: %q is not there, or not in order:\n%s", where, part, out)
			}
			out = rest
		}
	}
	inOrder("show", s.ok("show", "0k1v8m3pq4rs"))
	out, _ := s.onTerminal("no\n", "approve", "0k1v8m3pq4rs")
	inOrder("approve", out)
	json := s.ok("show", "0k1v8m3pq4rs", "-o", "json")
	for _, part := range []string{`"warnings": [`, `"confirm": [`} {
		if !strings.Contains(json, part) {
			t.Errorf("JSON is without %s:\n%s", part, json)
		}
	}
}
