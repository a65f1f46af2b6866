package documents

import (
	"fmt"
	"strings"

	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/report"
)

// chart is the trend as bars, a unit wide for each day. Its shapes are
// stretched to the width of the page, so its words stand beside it.
type chart struct {
	Known       bool
	Drawn       bool // not only as sums
	Bars        []bar
	Blanks      []bar // days of which nothing is known
	Lost        []bar // unchecked workspaces, in a strip of their own
	Top         int   // open findings at the upper edge
	TopLost     int
	First, Last string       // days
	Says        string       // the chart in a sentence
	Table       []report.Day // every seventh day, the last one last
}

// bar is a part of a day's column; sizes are in the units of the drawing.
type bar struct {
	X        int
	Y, H     string
	Severity drift.Severity
}

// Heights of the drawing.
const (
	chartHeight = 100
	stripHeight = 16
)

func chartOf(t report.Trend) chart {
	c := chart{Known: known(t), Drawn: true, Top: 1, TopLost: 1}
	if !c.Known {
		return c
	}
	for i, d := range t.Days {
		c.Top, c.TopLost = max(c.Top, d.Open.Total()), max(c.TopLost, d.Unchecked)
		if (len(t.Days)-1-i)%7 == 0 && d.Known {
			c.Table = append(c.Table, d)
		}
	}
	for x, d := range t.Days {
		if !d.Known {
			c.Blanks = append(c.Blanks, bar{X: x})
			continue
		}
		y := 0.0 // from below
		for _, v := range drift.Severities() {
			if n := d.Open.Of(v); n > 0 {
				h := float64(n) * chartHeight / float64(c.Top)
				y += h
				c.Bars = append(c.Bars, bar{X: x, Y: size(chartHeight - y), H: size(h), Severity: v})
			}
		}
		if d.Unchecked > 0 {
			h := float64(d.Unchecked) * stripHeight / float64(c.TopLost)
			c.Lost = append(c.Lost, bar{X: x, Y: size(stripHeight - h), H: size(h)})
		}
	}
	first, last := t.Days[0], t.Days[len(t.Days)-1]
	c.First, c.Last = first.Date, last.Date
	c.Says = fmt.Sprintf("Open findings from %s to %s: %d at most, %d at the end. "+
		"Unchecked workspaces: %d at most, %d at the end.",
		first.Date, last.Date, most(t.Days, func(d report.Day) int { return d.Open.Total() }), last.Open.Total(),
		most(t.Days, func(d report.Day) int { return d.Unchecked }), last.Unchecked)
	return c
}

func size(v float64) string { return fmt.Sprintf("%.2f", v) }

func most(list []report.Day, of func(report.Day) int) int {
	n := 0
	for _, d := range list {
		n = max(n, of(d))
	}
	return n
}

// sparks draws the open findings of 90 days in 30 characters, each the most of
// its three days; a space is where nothing is known.
func sparks(list []report.Day) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	most := 1
	for _, d := range list {
		most = max(most, d.Open.Total())
	}
	var b strings.Builder
	for i := 0; i < len(list); i += 3 {
		n, known := 0, false
		for _, d := range list[i:min(i+3, len(list))] {
			n, known = max(n, d.Open.Total()), known || d.Known
		}
		if !known {
			b.WriteRune(' ')
			continue
		}
		b.WriteRune(bars[(n*(len(bars)-1)+most-1)/most])
	}
	return b.String()
}

// known reports whether there was any check in the time of the trend.
func known(t report.Trend) bool { return len(t.Days) > 0 && t.Days[len(t.Days)-1].Known }
