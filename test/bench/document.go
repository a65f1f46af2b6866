package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The part of the document that -write replaces lies between these lines.
const (
	document = "BENCHMARKS.md"
	opening  = "<!-- results: written by `go run ./test/bench -write` -->"
	closing  = "<!-- end of results -->"
)

// writeDocument puts the results into docs/BENCHMARKS.md.
func (b *bench) writeDocument() error {
	path := filepath.Join("docs", document)
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("-write is for the root of the repository: %w", err)
	}
	before, rest, begins := strings.Cut(string(old), opening)
	_, after, ends := strings.Cut(rest, closing)
	if !begins || !ends {
		return fmt.Errorf("%s has no place for results: a line %q, and a line %q after it", path, opening, closing)
	}
	return os.WriteFile(path, []byte(before+opening+"\n\n"+b.results()+"\n"+closing+after), 0o644)
}

// results are what was measured, as Markdown.
func (b *bench) results() string {
	var s strings.Builder
	fmt.Fprintf(&s, "Measured on %s by `%s`: %s. Load average at the end: %s.\n\n",
		time.Now().UTC().Format(time.DateOnly), b.command(), b.machine, loadAverage())
	for i, r := range append([]row{header, {"---", "---:", "---:", "---:", "---:", "---"}}, b.table...) {
		cells := r.cells()
		if i == 0 {
			cells[0] = ""
		}
		fmt.Fprintf(&s, "| %s |\n", strings.Join(cells, " | "))
	}
	return s.String()
}

// command is what a person would type to measure the same.
func (b *bench) command() string {
	return strings.TrimSpace("make build && go run ./test/bench " + strings.Join(os.Args[1:], " "))
}
