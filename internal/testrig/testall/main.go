// Command testall runs every test of the project, with the race detector but for the
// end-to-end scripts, and ends with what was not run and why: a skipped test says
// why it was, and a test that could only do a part of its work logs a line that
// begins with "NOT RUN: ". With -short it runs what a person waits for: without the race
// detector, and without what takes long.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// report gathers what the events say.
type report struct {
	mu sync.Mutex

	passed, failed, skipped int
	output                  map[string][]string // by package and test
	notRun                  []string
	broken                  []string
}

const mark = "NOT RUN: "

// whole are tests that do less under the race detector, which would take
// minutes for them. They run once more without it, whole.
var whole = []struct{ pkg, tests string }{
	{"./internal/engine", "^TestNinetyNights$"},
	{"./internal/rootmodule", "^TestTooDeep$"},
	{"./internal/workspace/reach", "^TestAffectedIsWhatDiffers$"},
}

// scripts is the package that starts whole daemons, hundreds of them. They and their
// runners are built as they are shipped: with the race detector each start takes ten
// times as long, and `make test-soak` has it.
const scripts = "./test/e2e"

func main() {
	started := time.Now()
	r := &report{output: map[string][]string{}}
	flags := append([]string{"-timeout=40m"}, os.Args[1:]...)
	short := slices.Contains(os.Args[1:], "-short")
	others, later := append([]string{"-race"}, flags...), whole
	if short {
		flags = append(flags, "-vet=off") // make check has it
		others, later = flags, nil
		r.leftOut("the race detector; make test-long has it")
	}
	var units, daemons bool
	var suites sync.WaitGroup
	suites.Go(func() { units = r.suite(".", others, racing()...) })
	if !short { // else beside each other: what waits in one leaves the processors to the other
		suites.Wait()
	}
	suites.Go(func() { daemons = r.suite(".", flags, scripts) })
	suites.Wait()
	ok := units && daemons
	for _, w := range later {
		before := r.passed + r.failed
		ok = r.suite(".", []string{"-run=" + w.tests}, w.pkg) && ok
		if r.passed+r.failed == before {
			r.broken, ok = append(r.broken, w.pkg+" has no test "+w.tests), false
		}
	}
	ok = r.suite("test/provider", nil, "./...") && ok
	if len(r.notRun) > 0 {
		fmt.Println("\nNot run:")
		for _, n := range r.notRun {
			fmt.Println("  " + n)
		}
	}
	if len(r.broken) > 0 {
		fmt.Println("\nFailed:")
		for _, b := range r.broken {
			fmt.Println("  " + b)
		}
	}
	fmt.Printf("\n%s\n%d passed, %d failed, %d skipped\n", time.Since(started).Round(time.Second), r.passed, r.failed,
		r.skipped)
	if !ok || r.failed > 0 {
		os.Exit(1)
	}
}

// slowest are the packages whose tests take longest, one after the other: begun first, they
// run beside all others instead of after them.
var slowest = []string{"/internal/runner", "/internal/engine", "/internal/gitrepo", "/internal/drift/codify",
	"/internal/store"}

// racing are all packages but the scripts, the slowest first.
func racing() []string {
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		return []string{"./..."} // go test says what is wrong
	}
	pkgs := slices.DeleteFunc(strings.Fields(string(out)),
		func(p string) bool { return strings.HasSuffix(p, strings.TrimPrefix(scripts, ".")) })
	late := func(p string) int {
		if i := slices.IndexFunc(slowest, func(s string) bool { return strings.HasSuffix(p, s) }); i >= 0 {
			return i
		}
		return len(slowest)
	}
	slices.SortStableFunc(pkgs, func(a, b string) int { return late(a) - late(b) })
	return pkgs
}

// suite runs the tests of one module, or of some packages of it.
func (r *report) suite(dir string, flags []string, pkgs ...string) bool {
	cmd := exec.Command("go", append(append([]string{"test", "-json"}, flags...), pkgs...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return false
	}
	r.read(out)
	return cmd.Wait() == nil
}

func (r *report) read(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Print(line)
			} else {
				r.take(e)
			}
		}
		if err != nil {
			return
		}
	}
}

func (r *report) take(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := e.Package + "." + e.Test
	switch e.Action {
	case "output", "build-output":
		r.note(e, name)
	case "pass":
		if e.Test != "" {
			r.passed++
		} else {
			fmt.Printf("ok    %-60s %6.1fs\n", e.Package, e.Elapsed)
		}
		delete(r.output, name)
	case "skip":
		if e.Test != "" {
			r.skipped++
			r.leftOut(name + ": " + reason(r.output[name]))
		}
		delete(r.output, name)
	case "fail":
		fmt.Printf("FAIL  %s\n%s\n", name, strings.Join(r.output[name], ""))
		if e.Test != "" {
			r.failed++
			r.broken = append(r.broken, name)
		} else if !slices.ContainsFunc(r.broken, func(b string) bool { return strings.HasPrefix(b, e.Package+".") }) {
			r.failed++ // it did not build, or it ended outside of a test
			r.broken = append(r.broken, e.Package)
		}
	}
}

func (r *report) note(e event, name string) {
	r.output[name] = append(r.output[name], e.Output)
	if e.Action == "build-output" {
		fmt.Print(e.Output)
	}
	if _, what, found := strings.Cut(e.Output, mark); found {
		r.leftOut(name + ": " + strings.TrimSpace(what))
	}
}

// leftOut notes what was not run, once: a skipped test says it twice.
func (r *report) leftOut(what string) {
	if !slices.Contains(r.notRun, what) {
		r.notRun = append(r.notRun, what)
	}
}

// reason is what a skipped test said last.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		if _, what, found := strings.Cut(line, mark); found {
			return strings.TrimSpace(what)
		}
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "---") &&
			!strings.HasPrefix(text, "===") {
			return text
		}
	}
	return "it does not say why"
}
