package drift

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Follow brings the findings of a workspace up to date with a check, and tells
// what that changed. known may hold those of other workspaces: they are
// returned as they are. No finding is ever dropped; what is not found any more
// is resolved, and only by a check that looked. found is what Classify said;
// of a check that could not look it may hold the class unchecked alone.
//
// Rules are not asked: an attribute that one left out stays left out, and
// Apply settles the rest.
func Follow(known []Finding, check Check, found []Difference, now time.Time) ([]Finding, []Event) {
	w := &walk{check: check, now: now}
	byID := map[string]Difference{}
	for _, d := range found {
		byID[ID(check.Workspace, d.Address, d.Class)] = d
	}
	for _, f := range known {
		d, ok := byID[f.ID]
		switch {
		case f.Workspace != check.Workspace:
		case ok:
			f = w.again(f, d)
			delete(byID, f.ID)
		case f.Open() && w.looked(f):
			f = w.resolve(f)
		}
		f.Heals = recent(f.Heals, now)
		w.out = append(w.out, f)
	}
	for _, id := range slices.SortedFunc(maps.Keys(byID), func(a, b string) int {
		return strings.Compare(byID[a].Address+"\x00"+string(byID[a].Class),
			byID[b].Address+"\x00"+string(byID[b].Class))
	}) {
		w.first(id, byID[id])
	}
	return w.out, w.events
}

// walk is one pass over the findings of a workspace.
type walk struct {
	check  Check
	now    time.Time
	out    []Finding
	events []Event
}

// looked reports whether the check would have found f if it were still there.
func (w *walk) looked(f Finding) bool {
	switch w.check.Outcome {
	case Clean, Drifted:
		return f.Class != PendingCommit || w.check.Head == "" || w.check.HeadPlanned
	case NothingYet: // nothing is applied: what was found went with the state
		return w.check.LastApplyAt.After(f.LastSeen)
	}
	return false
}

// first adds a finding that was not known.
func (w *walk) first(id string, d Difference) {
	f := Finding{ID: id, Workspace: w.check.Workspace, Difference: d, Life: New, FirstSeen: w.now, LastSeen: w.now,
		Times: 1}
	f.Attributes = slices.Clone(d.Attributes)
	for i := range f.Attributes {
		f.Attributes[i].FirstSeen, f.Attributes[i].IgnoredBy = w.now, ""
	}
	w.out = append(w.out, f)
	w.events = append(w.events, moved(f, "", w.now, "found for the first time"))
}

// again brings a known finding up to date with what was found.
func (w *walk) again(f Finding, d Difference) Finding {
	from, old := f.Life, map[string]Attribute{}
	for _, a := range f.Attributes {
		old[a.Path] = a
	}
	back := from == Resolved
	f.Difference = d
	f.Attributes = slices.Clone(d.Attributes)
	var news, others []string
	for i := range f.Attributes {
		a := &f.Attributes[i]
		a.FirstSeen, a.IgnoredBy = w.now, ""
		if was, ok := old[a.Path]; ok {
			a.IgnoredBy = was.IgnoredBy
			if !back && !was.FirstSeen.IsZero() {
				a.FirstSeen = was.FirstSeen
			}
			if f.valued() && digest(was.After) != digest(a.After) && a.IgnoredBy == "" && !f.Ack.known(*a, w.now) {
				others = append(others, a.Path)
			}
		} else if !f.Ack.known(*a, w.now) {
			news = append(news, a.Path)
		}
	}
	f.LastSeen, f.Times = w.now, f.Times+1
	text := ""
	switch {
	case back:
		f.Past = remembered(append(slices.Clone(f.Past), Stay{f.Since(), f.ResolvedAt}), w.now)
		f.Returned, f.ResolvedAt, f.ResolvedBy = w.now, time.Time{}, ""
		f.Life, text = from.take(seen), "back after it was resolved"
	case len(news) > 0:
		f.Life, text = from.take(joined), "another attribute differs: "+names(news)
	case len(others) > 0:
		f.Life, text = from.take(joined), "it has another value: "+names(others)
	default:
		f.Life = from.take(seen)
	}
	f, text = f.settle(w.now, text)
	if f.Life != from || len(news)+len(others) > 0 && f.Life == New {
		w.events = append(w.events, moved(f, from, w.now, cmp.Or(text, "found again")))
	}
	return f
}

const (
	// pastFor is for how long the past of a finding is remembered: as long as
	// the longest trend of a report, and a day.
	pastFor = 91 * 24 * time.Hour
	// mostPast is how many stays of a finding are remembered, so that one that
	// comes and goes with every check does not grow for ever.
	mostPast = 100
)

// remembered are the stays that are still told of.
func remembered(past []Stay, now time.Time) []Stay {
	past = slices.DeleteFunc(past, func(s Stay) bool { return s.To.Before(now.Add(-pastFor)) })
	return past[max(len(past)-mostPast, 0):]
}

// resolve ends a finding that the check did not find.
func (w *walk) resolve(f Finding) Finding {
	from := f.Life
	f.Life, f.ResolvedAt = from.take(gone), w.now
	text := "the world changed back"
	if f.ResolvedBy = ""; w.check.LastApply != "" && !w.check.LastApplyAt.Before(f.LastSeen) {
		f.ResolvedBy = w.check.LastApply
		text = "run " + f.ResolvedBy + " applied since"
	}
	if f.Ack != nil && f.Ack.Until.IsZero() {
		f.Ack = nil
	}
	w.events = append(w.events, moved(f, from, w.now, text))
	return f
}

// settle makes the life of an open finding fit its acknowledgement.
func (f Finding) settle(now time.Time, text string) (Finding, string) {
	if f.Ack != nil && f.Ack.over(now) {
		f.Ack = nil
		if f.Life == Acknowledged {
			f.Life = f.Life.take(ackEnded)
			text = "the acknowledgement ended"
		}
	}
	if f.Ack == nil || f.Life == Ignored || !f.Open() {
		return f, text
	}
	covered := !slices.ContainsFunc(f.Attributes,
		func(a Attribute) bool { return a.IgnoredBy == "" && !f.Ack.known(a, now) })
	switch {
	case covered && f.Life != Acknowledged:
		f.Life = f.Life.take(acked)
		text = "acknowledged by " + f.Ack.By
	case !covered && f.Life == Acknowledged:
		f.Life = f.Life.take(joined)
	}
	return f, text
}

// names lists paths for a person; the empty path is the whole.
func names(paths []string) string {
	out := make([]string, len(paths))
	for i, p := range paths {
		if out[i] = p; p == "" {
			out[i] = "the resource as a whole"
		}
	}
	return strings.Join(out, ", ")
}
