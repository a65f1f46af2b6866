package main

import (
	"slices"
	"strings"
	"testing"
)

// What was left out is told, with its reason and once, whether a test was
// skipped or did a part of its work.
func TestLeftOutIsTold(t *testing.T) {
	r := &report{output: map[string][]string{}}
	r.read(strings.NewReader(`
{"Action":"output","Package":"p","Test":"TestPart","Output":"    x_test.go:1: NOT RUN: with tofu: there is none\n"}
{"Action":"pass","Package":"p","Test":"TestPart"}
{"Action":"output","Package":"p","Test":"TestSkip","Output":"    x_test.go:2: NOT RUN: it takes root\n"}
{"Action":"output","Package":"p","Test":"TestSkip","Output":"--- SKIP: TestSkip (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestSkip"}
{"Action":"output","Package":"p","Test":"TestBare","Output":"    x_test.go:3: no network here\n"}
{"Action":"skip","Package":"p","Test":"TestBare"}
`))
	want := []string{"p.TestPart: with tofu: there is none", "p.TestSkip: it takes root",
		"p.TestBare: x_test.go:3: no network here"}
	if !slices.Equal(r.notRun, want) {
		t.Errorf("not run: %q", r.notRun)
	}
	if r.passed != 1 || r.skipped != 2 || r.failed != 0 {
		t.Errorf("%d passed, %d skipped, %d failed", r.passed, r.skipped, r.failed)
	}
}
