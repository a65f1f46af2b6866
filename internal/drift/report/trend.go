package report

import (
	"math"
	"time"

	"github.com/tfops/tfops/internal/drift"
)

// periods are the lengths over which is summed up, in days.
var periods = []int{7, 30, days}

// span is a time for which a finding was there.
type span struct {
	checks   history
	began    time.Time // when it appeared
	resolved time.Time // zero: it is there
}

// spans are those of the findings that a trend counts, every time that each was
// there: not what rules leave out, nor that a check failed, nor a commit that waits.
func (b *builder) spans() []span {
	var out []span
	for i := range b.in.Findings {
		f := &b.in.Findings[i]
		if f.Class == drift.Unchecked || f.Class == drift.PendingCommit || leftOut(f) {
			continue
		}
		for _, p := range f.Past {
			out = append(out, span{b.checks[f.Workspace], p.From, p.To})
		}
		s := span{checks: b.checks[f.Workspace], began: f.Since()}
		if f.Life == drift.Resolved {
			s.resolved = f.ResolvedAt
		}
		out = append(out, s)
	}
	return out
}

// trend takes what was open on a day from the checks, which counted it then.
// The last day is as the summary has it.
func (b *builder) trend(now Summary) Trend {
	t := Trend{Days: make([]Day, days)}
	ends := b.ends()
	for i, end := range ends {
		t.Days[i].Date = end.Add(-time.Second).In(b.in.Location).Format(time.DateOnly)
	}
	last := &t.Days[days-1]
	last.Date = b.in.At.In(b.in.Location).Format(time.DateOnly)
	for _, w := range b.in.Workspaces {
		b.days(w, t.Days[:days-1], ends)
		last.Known = last.Known || !w.NeverApplied && b.checks[w.Name].until(b.in.At).last() != nil
	}
	last.Open, last.Unchecked = now.Severity, now.Workspaces.Unchecked
	all := b.spans()
	for _, n := range periods {
		t.Periods = append(t.Periods, b.period(n, all, now.Open))
	}
	return t
}

// ends are the ends of the last 90 days, the report's time as the last.
func (b *builder) ends() []time.Time {
	at := b.in.At.In(b.in.Location)
	out := make([]time.Time, days)
	for i := range out {
		out[i] = time.Date(at.Year(), at.Month(), at.Day()-(days-1-i)+1, 0, 0, 0, 0, b.in.Location)
	}
	out[days-1] = b.in.At
	return out
}

// days adds a workspace to the days of the trend. One of which no check is
// remembered until then does not count: it may not have been there.
func (b *builder) days(w Workspace, list []Day, ends []time.Time) {
	if w.NeverApplied {
		return
	}
	h, n := b.checks[w.Name], 0
	for i := range list {
		for n < len(h) && !h[n].At.After(ends[i]) {
			n++
		}
		if n == 0 {
			continue
		}
		list[i].Known = true
		for v, count := range h[n-1].Open {
			list[i].Open.add(v, count)
		}
		if b.lost(w, h[n-1], ends[i]) {
			list[i].Unchecked++
		}
	}
}

// lost reports whether nothing was known at a time, of which c was the last
// check.
func (b *builder) lost(w Workspace, c *drift.Check, at time.Time) bool {
	switch {
	case c.Outcome == drift.NothingYet:
		return false
	case !looked(c):
		return true
	case w.Schedule == "":
		return at.Sub(c.At) > unscheduledAge
	}
	return b.overdue(w, c.At, at)
}

// period sums up the days before the report.
func (b *builder) period(n int, all []span, open int) Period {
	p := Period{Days: n, Now: open}
	start := b.in.At.AddDate(0, 0, -n)
	for _, w := range b.in.Workspaces {
		if c := b.checks[w.Name].until(start).last(); c != nil && !w.NeverApplied {
			for _, count := range c.Open {
				p.Before += count
			}
		}
	}
	within := func(t time.Time) bool { return t.After(start) && !t.After(b.in.At) }
	var detect, repair total
	for _, s := range all {
		if within(s.began) {
			p.New++
			if gap, ok := s.unseen(); ok {
				detect.add(gap)
			}
		}
		if within(s.resolved) {
			p.Resolved++
			repair.add(s.resolved.Sub(s.began))
		}
	}
	p.Detect, p.Repair = detect.mean(), repair.mean()
	return p
}

// unseen is the longest that a finding can have been there before a check found
// it; false when no check before is known that looked.
func (s span) unseen() (time.Duration, bool) {
	var found *drift.Check
	h := s.checks.until(s.began)
	for i := len(h) - 1; i >= 0; i-- {
		switch {
		case !looked(h[i]):
		case found == nil:
			found = h[i]
		default:
			return found.At.Sub(h[i].At), true
		}
	}
	return 0, false
}

// total adds durations up, in milliseconds: the years of ten thousand findings
// do not fit into nanoseconds.
type total struct {
	sum int64
	n   int
}

func (t *total) add(d time.Duration) { t.sum, t.n = t.sum+d.Milliseconds(), t.n+1 }

func (t *total) mean() Mean {
	if t.n == 0 {
		return Mean{}
	}
	return Mean{Mean: Seconds(math.Round(float64(t.sum) / float64(t.n) / 1000)), Count: t.n}
}
