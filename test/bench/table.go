package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// row is one line of the results.
type row struct {
	what    string
	value   string // of tfops
	hand    string // of the loop by hand
	ratio   string
	target  string
	verdict string // ok or over; empty without a target
}

const none = "–"

var header = row{"what", "tfops", "by hand", "ratio", "target", ""}

func (b *bench) add(r row) { b.table = append(b.table, r) }

func verdict(ok bool) string {
	if ok {
		return "ok"
	}
	return "over"
}

// pair is what both sides took in one round.
type pair struct{ tfops, hand cost }

func (p pair) String() string {
	return fmt.Sprintf("%.2f (%s, by hand %s)", p.ratio(), duration(p.tfops.wall), duration(p.hand.wall))
}

func (p pair) ratio() float64 { return float64(p.tfops.wall) / float64(p.hand.wall) }

type pairs []pair

func (ps pairs) each(f func(pair) time.Duration) []time.Duration {
	var all []time.Duration
	for _, p := range ps {
		all = append(all, f(p))
	}
	return all
}

func (ps pairs) ratios(f func(pair) float64) []float64 {
	var all []float64
	for _, p := range ps {
		all = append(all, f(p))
	}
	slices.Sort(all)
	return all
}

// compare adds the rows of a comparison: wall time, which has a target unless
// it is 0, and CPU time.
func (b *bench) compare(what string, ps pairs, target float64) {
	wall := ps.ratios(pair.ratio)
	cpu := ps.ratios(func(p pair) float64 { return float64(p.tfops.cpu.sum()) / float64(p.hand.cpu.sum()) })
	r := row{what: what, value: duration(median(ps.each(func(p pair) time.Duration { return p.tfops.wall }))),
		hand: duration(median(ps.each(func(p pair) time.Duration { return p.hand.wall }))), ratio: spread(wall),
		target: none}
	if target > 0 {
		r.target, r.verdict = fmt.Sprintf("≤ %.2f", target), verdict(median(wall) <= target)
	}
	b.add(r)
	b.add(row{what: "– its CPU time",
		value: duration(median(ps.each(func(p pair) time.Duration { return p.tfops.cpu.sum() }))),
		hand:  duration(median(ps.each(func(p pair) time.Duration { return p.hand.cpu.sum() }))), ratio: spread(cpu),
		target: none})
	b.add(row{what: "– of it the daemon itself",
		value: duration(median(ps.each(func(p pair) time.Duration { return p.tfops.cpu.own }))), target: none})
}

// median is that of any number of values; of an even number, the upper one of
// the middle two, so that it is one that was measured.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func spread(sorted []float64) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(sorted), sorted[0], sorted[len(sorted)-1])
}

func durations(all []time.Duration) string {
	return fmt.Sprintf("%s (at most %s)", duration(median(all)), duration(slices.Max(all)))
}

func duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func (r row) cells() []string { return []string{r.what, r.value, r.hand, r.ratio, r.target, r.verdict} }

// printTable writes rows in columns.
func printTable(w io.Writer, rows []row) {
	widths := make([]int, len(header.cells()))
	all := append([]row{header}, rows...)
	for _, r := range all {
		for i, c := range r.cells() {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range all {
		var line strings.Builder
		for i, c := range r.cells() {
			line.WriteString(c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2))
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
