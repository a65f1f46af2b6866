package drift

import (
	"slices"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

// Acknowledge records that somebody knows of an open finding: ack gives who,
// why and until when (the zero time: until it is resolved). It covers the
// attributes that differ now, and replaces an acknowledgement that was there.
// The errors are faults: Invalid without a person, a reason or a time to come,
// Conflict for a finding that is resolved or ignored, and for unchecked, which
// nobody can know away.
func Acknowledge(f Finding, ack Ack, now time.Time) (Finding, Event, error) {
	_, may := lives[f.Life][acked]
	switch {
	case strings.TrimSpace(ack.Reason) == "":
		return f, Event{}, fault.New(fault.Invalid, "tfops drift ack "+f.ID+" -m REASON",
			"acknowledging finding %s needs a reason that others can read", f.ID)
	case ack.By == "":
		return f, Event{}, fault.New(fault.Invalid, "name who acknowledges it",
			"acknowledging finding %s needs a person", f.ID)
	case ack.over(now):
		return f, Event{}, fault.New(fault.Invalid, "give a time that is yet to come with --until, or leave it out",
			"the acknowledgement of finding %s would be over since %s", f.ID, ack.Until.Format(time.RFC3339))
	case f.Class == Unchecked:
		return f, Event{}, fault.New(fault.Conflict, "make the check work, or take the schedule away",
			"finding %s says that %s could not be checked, which cannot be acknowledged", f.ID, f.Workspace)
	case f.Life == Ignored:
		return f, Event{}, fault.New(fault.Conflict, "change the rule in tfops.hcl if it should show",
			"finding %s is ignored by the rule %q already", f.ID, f.ignoredBy())
	case !may:
		return f, Event{}, fault.New(fault.Conflict, "tfops drift findings "+ShellWord(f.Workspace),
			"finding %s is %s, so there is nothing to acknowledge", f.ID, f.Life)
	}
	from := f.Life
	ack.At, ack.Attributes, ack.Values = now, f.showing(), map[string]string{}
	for _, a := range f.Attributes {
		if a.IgnoredBy == "" && f.valued() {
			ack.Values[a.Path] = digest(a.After)
		}
	}
	f.Ack, f.Life = &ack, from.take(acked)
	return f, moved(f, from, now, "acknowledged by "+ack.By), nil
}

// Unacknowledge takes an acknowledgement back. The error is a fault, Conflict
// for a finding that has none.
func Unacknowledge(f Finding, now time.Time) (Finding, Event, error) {
	if f.Ack == nil {
		return f, Event{}, fault.New(fault.Conflict,
			"tfops drift findings "+ShellWord(f.Workspace)+" --life acknowledged", "finding %s is not acknowledged",
			f.ID)
	}
	from := f.Life
	f.Ack, f.Life = nil, from.take(ackEnded)
	return f, moved(f, from, now, "the acknowledgement was taken back"), nil
}

// over reports whether the acknowledgement has ended.
func (a Ack) over(now time.Time) bool { return !a.Until.IsZero() && !now.Before(a.Until) }

// Covers reports whether a, which may be nil, covers an attribute.
func (a *Ack) Covers(path string, now time.Time) bool {
	return a != nil && !a.over(now) && slices.Contains(a.Attributes, path)
}

// known reports whether a, which may be nil, covers an attribute with the value that it has now.
func (a *Ack) known(at Attribute, now time.Time) bool {
	if !a.Covers(at.Path, now) {
		return false
	}
	value, ok := a.Values[at.Path]
	return !ok || value == digest(at.After)
}

func (f Finding) ignoredBy() string {
	for _, a := range f.Attributes {
		if a.IgnoredBy != "" {
			return a.IgnoredBy
		}
	}
	return ""
}
