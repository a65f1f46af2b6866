// Command bench measures what tfops costs and prints it beside what the same
// work costs by hand. `make bench` runs it.
//
// By hand means a loop over root modules with two workers, each of which
// starts `terraform init`, `terraform plan -out` and `terraform show -json`,
// or `terraform apply` of the saved plan, and waits for it. No shell is
// between them, so the loop has no overhead but the engine's own.
//
// Machines are noisy. So everything is measured in rounds in which tfops and
// the loop take turns at going first, each round gives one ratio, and what is
// printed is the median of the rounds. A ratio of one run may be compared with
// a ratio of another; seconds may not.
//
// Nothing is downloaded, everything happens in one temporary directory, and
// the exit status says only whether the measurements could be made: a number
// above its target is stated, never a failure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	parts  []string
	rounds int
	n      int // workspaces of the passes
	fleet  int // workspaces of the idle daemon
	large  int // workspaces of the large fleet
	idle   time.Duration
	tfops  string
	// Of the heavy repository.
	gigabytes int
	logMB     int
	env       string // for the engine, of tfops alone
	write     bool
	keep      bool
}

// workers is the parallelism of both sides.
const workers = 2

// part is one group of measurements.
type part struct {
	name string
	run  func(context.Context, *bench) error
}

var parts = []part{{"passes", passes}, {"modules", withModules}, {"large", largeFleet}, {"one", oneWorkspace},
	{"processes", processes}, {"idle", idle}, {"heavy", heavy}}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	var chosen string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&chosen, "part", strings.Join(names, ","), "which parts to run")
	f.IntVar(&o.rounds, "rounds", 5, "rounds of the passes; their median counts")
	f.IntVar(&o.n, "n", 50, "workspaces of the passes")
	f.IntVar(&o.fleet, "fleet", 200, "workspaces of the idle daemon")
	f.IntVar(&o.large, "large", 1000, "workspaces of the large fleet")
	f.DurationVar(&o.idle, "idle", time.Minute, "how long to watch the idle daemon")
	f.IntVar(&o.gigabytes, "gigabytes", 5, "size of the heavy repository; the disk takes three times that")
	f.IntVar(&o.logMB, "log", 500, "megabytes that its apply prints")
	f.StringVar(&o.tfops, "tfops", filepath.Join("bin", "tfops"), "the binary to measure")
	f.StringVar(&o.env, "env", "", "`NAME=value` in the environment of the engine, of tfops alone: to see what a "+
		"setting brings")
	f.BoolVar(&o.write, "write", false, "put the results into docs/BENCHMARKS.md; takes all parts")
	f.BoolVar(&o.keep, "keep", false, "leave the temporary directory, for a look")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.parts = strings.Split(chosen, ",")
	for _, p := range o.parts {
		if !slices.Contains(names, p) {
			return o, fmt.Errorf("there is no part %q: use %s", p, strings.Join(names, ", "))
		}
	}
	if f.NArg() > 0 || o.rounds < 1 || o.n < 1 || o.fleet < 1 || o.large < 1 || o.gigabytes < 1 || o.logMB < 1 ||
		o.idle < time.Second {
		return o, errors.New("rounds, workspaces and sizes are counted from 1, an idle daemon is watched for a " +
			"second at least, and there are no arguments")
	}
	if o.write && len(o.parts) != len(parts) {
		return o, errors.New("-write wants the results of all parts: leave -part out")
	}
	var err error
	o.tfops, err = filepath.Abs(o.tfops)
	return o, err
}

// bench is one run of the program.
type bench struct {
	options
	machine machine
	dir     string // holds everything
	table   []row
}

func run(ctx context.Context, o options) (err error) {
	if _, err := os.Stat(o.tfops); err != nil {
		return fmt.Errorf("%s is not there: run `make build`, or name another with -tfops", o.tfops)
	}
	dir, err := os.MkdirTemp("", "tfops-bench-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("everything is in", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	b := &bench{options: o, dir: dir}
	if b.machine, err = thisMachine(ctx, o.tfops); err != nil {
		return err
	}
	fmt.Println(b.machine)
	for _, p := range parts {
		if !slices.Contains(o.parts, p.name) {
			continue
		}
		if err := p.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	b.add(row{what: "the binary", value: megabytes(b.machine.binary), target: none})
	fmt.Println()
	printTable(os.Stdout, b.table)
	if o.write {
		return b.writeDocument()
	}
	return nil
}

// say tells of progress.
func (b *bench) say(format string, args ...any) {
	fmt.Printf("%s  load %s  "+format+"\n", append([]any{time.Now().Format("15:04:05"), loadAverage()}, args...)...)
}
