package report_test

import (
	"fmt"
	"io"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/plan"
)

// large is a fleet of 1,000 workspaces with 90 nights of checks and 10,000
// findings: most open, one in five resolved, one in ten ignored.
func large() report.Input {
	in := emptyFleet()
	in.Ignore = []drift.Ignore{{Name: "quiet", Address: "module.app.aws_quiet.*", Reason: "known"}}
	for w := range 1000 {
		name := fmt.Sprintf("team-%d-workspace-%04d", w%40, w)
		in.Workspaces = append(in.Workspaces, workspaceNamed(name))
		in.Checks = append(in.Checks, every(name, 180, 90, drift.Drifted, drift.Drifted, drift.Drifted)...)
		for i := range 10 {
			f := found(name, fmt.Sprintf(`module.app["%s"].aws_thing.n[%d]`, name, i), drift.Classes()[i%6],
				drift.Severities()[i%4], time.Duration(1+i*9)*day,
				drift.Attribute{Path: "policy", Before: repeat(`{"Action":"s3:Get%d"},`, 8),
					After: repeat(`{"Action":"s3:Put%d"},`, 8)},
				drift.Attribute{Path: "tags.Name", Before: "before", After: "after"},
				drift.Attribute{Path: "password", Before: plan.Sensitive, After: plan.Sensitive, Sensitive: true})
			f.File, f.Line, f.Owners, f.LastRun, f.LastApprovers = "modules/app/main.tf", 10+i,
				[]string{fmt.Sprintf("@acme/team-%d", w%40)}, "run-1", []string{"ana"}
			switch i {
			case 7, 8:
				f.Life, f.ResolvedAt = drift.Resolved, ago(time.Duration(i%2*20+1)*12*time.Hour)
			case 9:
				f.Life = drift.Ignored
				for j := range f.Attributes {
					f.Attributes[j].IgnoredBy = "quiet"
				}
			}
			in.Findings = append(in.Findings, f)
		}
	}
	for i := range in.Checks {
		in.Checks[i].Open = map[drift.Severity]int{drift.Critical: 2, drift.High: 2, drift.Low: i % 3}
	}
	return in
}

// BenchmarkReport makes the report of a large fleet and writes it in all
// formats. peak-MB is the most that the heap held meanwhile, garbage included,
// of which the input is input-MB.
func BenchmarkReport(b *testing.B) {
	runtime.GC()
	empty := heap()
	in := large()
	runtime.GC()
	input := heap() - empty
	stop := make(chan struct{})
	peak := watchHeap(stop)
	b.ReportAllocs()
	for b.Loop() {
		r := report.Build(in)
		for _, f := range formats.All() {
			if err := formats.Render(io.Discard, r, f.Name); err != nil {
				b.Fatal(err)
			}
		}
	}
	close(stop)
	b.ReportMetric(float64(<-peak-empty)/1e6, "peak-MB")
	b.ReportMetric(float64(input)/1e6, "input-MB")
	runtime.KeepAlive(in)
}

// BenchmarkFormats tells what each part of it costs.
func BenchmarkFormats(b *testing.B) {
	in := large()
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
			report.Build(in)
		}
	})
	r := report.Build(in)
	for _, f := range formats.All() {
		b.Run(f.Name, func(b *testing.B) {
			n := &counter{}
			for b.Loop() {
				n.written = 0
				if err := formats.Render(n, r, f.Name); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n.written)/1e6, "MB")
		})
	}
}

type counter struct{ written int }

func (c *counter) Write(p []byte) (int, error) { c.written += len(p); return len(p), nil }

// heap is what objects take, dead ones that are not swept yet included.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// watchHeap looks at the heap a thousand times a second until stop, and then
// gives the most that it saw.
func watchHeap(stop <-chan struct{}) <-chan uint64 {
	out := make(chan uint64, 1)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		most := heap()
		for {
			select {
			case <-tick.C:
				most = max(most, heap())
			case <-stop:
				out <- most
				return
			}
		}
	}()
	return out
}
