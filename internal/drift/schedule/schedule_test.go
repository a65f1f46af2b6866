package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func parse(t testing.TB, spec, timezone string) Schedule {
	t.Helper()
	s, err := Parse(spec, timezone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// due is the schedule's own times, without the spread, from one time to another.
func due(s Schedule, from, to time.Time) []time.Time {
	var all []time.Time
	for at := s.times.next(from); !at.IsZero() && !at.After(to); at = s.times.next(at) {
		all = append(all, at)
	}
	return all
}

func TestZeroScheduleIsNever(t *testing.T) {
	s := parse(t, "", "Europe/Paris")
	if !s.IsZero() || s.String() != "" || !s.Next("w", time.Now()).IsZero() {
		t.Errorf("the empty schedule is not never: %+v", s)
	}
	if never := parse(t, "0 0 30 2 *", ""); never.IsZero() || !never.Next("w", time.Now()).IsZero() {
		t.Error("30 February came round")
	}
}

func TestDueTimes(t *testing.T) {
	// 1 March 2027 is a Monday
	day := func(d, h, m int) time.Time { return time.Date(2027, 3, d, h, m, 0, 0, time.UTC) }
	for _, c := range []struct {
		spec, timezone string
		from           time.Time
		want           []time.Time
	}{
		{"0 2 * * *", "", day(1, 0, 0), []time.Time{day(1, 2, 0), day(2, 2, 0)}},
		{"0 2 * * *", "UTC", day(1, 2, 0), []time.Time{day(2, 2, 0)}},
		{"0 2 * * *", "Europe/Paris", day(1, 0, 0), []time.Time{day(1, 1, 0), day(2, 1, 0)}},
		{"0 2 * * *", "America/New_York", day(1, 0, 0), []time.Time{day(1, 7, 0), day(2, 7, 0)}},
		{"30 1 * * *", "Asia/Kolkata", day(1, 0, 0), []time.Time{day(1, 20, 0), day(2, 20, 0)}},
		{"TZ=Asia/Tokyo 0 2 * * *", "", day(1, 0, 0), []time.Time{day(1, 17, 0), day(2, 17, 0)}},
		{"CRON_TZ=Asia/Tokyo 0 2 * * *", "Europe/Paris", day(1, 0, 0), []time.Time{day(1, 17, 0), day(2, 17, 0)}},
		{"TZ=Asia/Tokyo @daily", "", day(1, 0, 0), []time.Time{day(1, 15, 0), day(2, 15, 0)}},
		{"@daily", "", day(1, 0, 0), []time.Time{day(2, 0, 0)}},
		{"@midnight", "Europe/Paris", day(1, 0, 0), []time.Time{day(1, 23, 0), day(2, 23, 0)}},
		{"@hourly", "", day(2, 21, 30), []time.Time{day(2, 22, 0), day(2, 23, 0)}},
		{"@weekly", "", day(2, 0, 0), []time.Time{day(7, 0, 0)}},
		{"@monthly", "", day(2, 0, 0), []time.Time{time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)}},
		{"0 6 * * 1-5", "", day(5, 0, 0), []time.Time{day(5, 6, 0), day(8, 6, 0)}},
		{"15,45 22 * * *", "", day(1, 0, 0), []time.Time{day(1, 22, 15), day(1, 22, 45), day(2, 22, 15)}},
		{"*/30 22 * * *", "", day(1, 22, 1), []time.Time{day(1, 22, 30), day(2, 22, 0), day(2, 22, 30)}},
		{"@every 12h", "", day(1, 0, 0), []time.Time{day(1, 12, 0), day(2, 0, 0), day(2, 12, 0)}},
		{"TZ=Asia/Tokyo @every 12h", "", day(1, 0, 0), []time.Time{day(1, 12, 0), day(2, 0, 0), day(2, 12, 0)}},
	} {
		t.Run(c.spec+" "+c.timezone, func(t *testing.T) {
			s := parse(t, c.spec, c.timezone)
			if s.IsZero() || s.String() != c.spec {
				t.Errorf("the schedule calls itself %q", s)
			}
			got := due(s, c.from, c.want[len(c.want)-1])
			if fmt.Sprint(utc(got)) != fmt.Sprint(c.want) {
				t.Errorf("due at %v, want %v", utc(got), c.want)
			}
		})
	}
}

func utc(ts []time.Time) []time.Time {
	var all []time.Time
	for _, t := range ts {
		all = append(all, t.UTC())
	}
	return all
}

func TestErrorsNameTheInput(t *testing.T) {
	for _, c := range []struct{ spec, timezone, names string }{
		{"nonsense", "", `"nonsense"`},
		{"0 2 * *", "", `"0 2 * *"`},
		{"0 2 * * * *", "", `"0 2 * * * *"`},
		{"61 2 * * *", "", `"61 2 * * *"`},
		{"0 24 * * *", "", `"0 24 * * *"`},
		{"@never", "", `"@never"`},
		{"@every", "", `"@every"`},
		{"@every soon", "", `"@every soon"`},
		{"@every 0s", "", `"@every 0s"`},
		{"@every -1h", "", `"@every -1h"`},
		{"   ", "", `"   "`},
		{", 2 * * *", "", `", 2 * * *"`},
		{"0 2 * * ,", "", `"0 2 * * ,"`},
		{"TZ=Asia/Tokyo", "", `"TZ=Asia/Tokyo"`}, // nothing follows the zone
		{"CRON_TZ=", "", `"CRON_TZ="`},
		{"TZ=Mars/Olympus 0 2 * * *", "", `"Mars/Olympus"`},
		{"0 2 * * *", "Mars/Olympus", `"Mars/Olympus"`},
		{"0 2 * * *", "../../etc/passwd", `"../../etc/passwd"`},
	} {
		s, err := Parse(c.spec, c.timezone)
		if err == nil {
			t.Errorf("%q in %q was taken: next is %v", c.spec, c.timezone, s.Next("w", time.Now()))
		} else if !strings.Contains(err.Error(), c.names) {
			t.Errorf("%q in %q: the error does not name %s: %v", c.spec, c.timezone, c.names, err)
		}
	}
}

// Every night of the year has exactly one check, whatever the clocks do, and
// it is made when the clock shows its time, or right after the gap in which
// that time fell.
func TestOncePerDayThroughTheYear(t *testing.T) {
	for _, timezone := range []string{"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo",
		"Asia/Kolkata", "UTC"} {
		loc := zone(t, timezone)
		for _, clock := range []string{"00:00", "00:30", "01:00", "01:30", "01:45", "02:00", "02:30", "03:00", "03:30",
			"23:45"} {
			t.Run(timezone+" "+clock, func(t *testing.T) {
				at, err := time.Parse("15:04", clock)
				if err != nil {
					t.Fatal(err)
				}
				s := parse(t, fmt.Sprintf("%d %d * * *", at.Minute(), at.Hour()), timezone)
				days := map[string]int{}
				for _, d := range due(s, time.Date(2026, 12, 31, 12, 0, 0, 0, loc),
					time.Date(2028, 1, 1, 12, 0, 0, 0, loc)) {
					d = d.In(loc)
					days[d.Format(time.DateOnly)]++
					if got := d.Format("15:04"); got != clock {
						// Only a time that this day does not have may move, and only forward.
						exists := time.Date(d.Year(), d.Month(), d.Day(), at.Hour(), at.Minute(), 0, 0,
							loc).Format("15:04") == clock
						if exists || got < clock ||
							d.Sub(time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, loc)) > 5*time.Hour {
							t.Errorf("due at %s for %s", d, clock)
						}
					}
				}
				for d := time.Date(2027, 1, 1, 12, 0, 0, 0, loc); d.Year() == 2027; d = d.AddDate(0, 0, 1) {
					if n := days[d.Format(time.DateOnly)]; n != 1 {
						t.Errorf("%d checks on %s", n, d.Format(time.DateOnly))
					}
				}
			})
		}
	}
}

func TestNightsOfTheClockChange(t *testing.T) {
	for _, c := range []struct {
		name, timezone, spec, from string
		want                       []string
	}{
		{"Paris, 02:30 does not exist", "Europe/Paris", "30 2 * * *", "2027-03-27T12:00:00+01:00",
			[]string{"2027-03-28T03:30:00+02:00", "2027-03-29T02:30:00+02:00"}},
		{"Paris, 02:30 exists twice", "Europe/Paris", "30 2 * * *", "2027-10-30T12:00:00+02:00",
			[]string{"2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00"}},
		{"New York, 02:30 does not exist", "America/New_York", "30 2 * * *", "2027-03-13T12:00:00-05:00",
			[]string{"2027-03-14T03:30:00-04:00", "2027-03-15T02:30:00-04:00"}},
		{"New York, 01:30 exists twice", "America/New_York", "30 1 * * *", "2027-11-06T12:00:00-04:00",
			[]string{"2027-11-07T01:30:00-04:00", "2027-11-08T01:30:00-05:00"}},
		{"asked between the two 02:30", "Europe/Paris", "30 2 * * *", "2027-10-31T02:45:00+02:00",
			[]string{"2027-11-01T02:30:00+01:00"}},
		{"asked after the gap and before the make-up", "Europe/Paris", "30 2 * * *", "2027-03-28T03:10:00+02:00",
			[]string{"2027-03-28T03:30:00+02:00", "2027-03-29T02:30:00+02:00"}},
		{"two times that fall together are one", "Europe/Paris", "30 2,3 * * *", "2027-03-27T12:00:00+01:00",
			[]string{"2027-03-28T03:30:00+02:00", "2027-03-29T02:30:00+02:00", "2027-03-29T03:30:00+02:00"}},
		{"every quarter of the hour that does not exist", "Europe/Paris", "*/30 2-3 * * *", "2027-03-27T12:00:00+01:00",
			[]string{"2027-03-28T03:00:00+02:00", "2027-03-28T03:30:00+02:00", "2027-03-29T02:00:00+02:00"}},
		{"half an hour's gap, whose make-up comes after a time that exists", "Australia/Lord_Howe", "20,40 2 * * *",
			"2027-10-02T12:00:00+10:30",
			[]string{"2027-10-03T02:40:00+11:00", "2027-10-03T02:50:00+11:00", "2027-10-04T02:20:00+11:00"}},
		{"every hour goes by real time, in spring", "Europe/Paris", "0 * * * *", "2027-03-28T00:30:00+01:00",
			[]string{"2027-03-28T01:00:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-28T04:00:00+02:00"}},
		{"every hour goes by real time, in autumn", "Europe/Paris", "0 * * * *", "2027-10-31T01:30:00+02:00",
			[]string{"2027-10-31T02:00:00+02:00", "2027-10-31T02:00:00+01:00", "2027-10-31T03:00:00+01:00"}},
		{"a day of 25 hours has no second midnight", "Europe/Paris", "@daily", "2027-10-30T12:00:00+02:00",
			[]string{"2027-10-31T00:00:00+02:00", "2027-11-01T00:00:00+01:00"}},
		{"midnight does not exist in Cairo", "Africa/Cairo", "@daily", "2027-04-29T12:00:00+02:00",
			[]string{"2027-04-30T01:00:00+03:00", "2027-05-01T00:00:00+03:00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, err := time.Parse(time.RFC3339, c.from)
			if err != nil {
				t.Fatal(err)
			}
			s := parse(t, c.spec, c.timezone)
			at := from
			for _, want := range c.want {
				at = s.times.next(at)
				if got := at.In(zone(t, c.timezone)).Format(time.RFC3339); got != want {
					t.Errorf("due at %s, want %s", got, want)
				}
			}
		})
	}
}

// Looking again and again, as the daemon does, with the time of the last check
// or with none, finds every check once and in order.
func TestNextIsStrictlyIncreasing(t *testing.T) {
	paris := zone(t, "Europe/Paris")
	for _, spec := range []string{"0 2 * * *", "30 2 * * *", "*/5 * * * *", "*/7 2-4 * * *", "0 0 1 * *", "0 9 * * 1-5",
		"@hourly", "@daily",
		"@every 10m", "@every 1h", "@every 90m", "@every 24h", "@every 1s"} {
		for _, start := range []time.Time{
			time.Date(2027, 3, 27, 20, 0, 0, 0, paris), time.Date(2027, 10, 30, 20, 0, 0, 0, paris),
			time.Date(2027, 6, 1, 3, 4, 5, 678, time.UTC),
		} {
			s := parse(t, spec, "Europe/Paris")
			at := start
			for range 200 {
				next := s.Next("network-prod", at)
				if !next.After(at) {
					t.Fatalf("%s: next after %s is %s", spec, at, next)
				}
				if again := s.Next("network-prod", next.Add(-time.Nanosecond)); !again.Equal(next) {
					t.Fatalf("%s: a moment before %s the next is %s", spec, next, again)
				}
				at = next
			}
		}
	}
}

func TestIntervalsKeepTheirDistance(t *testing.T) {
	for _, d := range []time.Duration{10 * time.Second, 10 * time.Minute, time.Hour, 90 * time.Minute, 25 * time.Hour} {
		s := parse(t, "@every "+d.String(), "")
		at := s.Next("w", time.Date(2027, 6, 1, 3, 4, 5, 0, time.UTC))
		for range 50 {
			next := s.Next("w", at)
			if next.Sub(at) != d {
				t.Fatalf("@every %s: %s between two checks", d, next.Sub(at))
			}
			at = next
		}
	}
}

func TestSpreadIsStableAndBounded(t *testing.T) {
	from := time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		spec  string
		bound time.Duration
	}{
		{"0 2 * * *", 30 * time.Minute}, // a tenth of a day is more than half an hour
		{"0 * * * *", 6 * time.Minute},
		{"*/10 * * * *", time.Minute},
		{"* * * * *", 6 * time.Second},
		{"@every 2h", 12 * time.Minute},
		{"@every 1s", 100 * time.Millisecond},
	} {
		s := parse(t, c.spec, "")
		most := time.Duration(0)
		for i := range 1000 {
			name := fmt.Sprintf("workspace-%d", i)
			at := s.Next(name, from)
			if again := s.Next(name, from); !again.Equal(at) {
				t.Fatalf("%s: %s is due at %s and at %s", c.spec, name, at, again)
			}
			if other := parse(t, c.spec, "").Next(name, from.Add(time.Nanosecond)); !other.Equal(at) &&
				at.After(from.Add(time.Nanosecond)) {
				t.Fatalf("%s: after a restart %s is due at %s instead of %s", c.spec, name, other, at)
			}
			base := s.times.next(at.Add(-c.bound))
			if late := at.Sub(base); late < 0 || late >= c.bound {
				t.Fatalf("%s: %s is due %s after its time", c.spec, name, late)
			} else {
				most = max(most, late)
			}
		}
		if most < c.bound/2 {
			t.Errorf("%s: a thousand names use only %s of %s", c.spec, most, c.bound)
		}
	}
}

// A thousand nightly checks over half an hour are one in two seconds; the
// names are as alike as generated ones are.
func TestThousandNamesDoNotStartTogether(t *testing.T) {
	s := parse(t, "0 2 * * *", "Europe/Paris")
	from := time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, form := range []string{"workspace-%d", "live-prod-%03d", "team%d", "%d-network", "prod-%d-eu-west-1"} {
		second, minute := map[time.Time]int{}, map[time.Time]int{}
		for i := range 1000 {
			at := s.Next(fmt.Sprintf(form, i), from)
			second[at.Truncate(time.Second)]++
			minute[at.Truncate(time.Minute)]++
		}
		for at, n := range second {
			if n > 8 {
				t.Errorf("%s: %d checks start at %s", form, n, at)
			}
		}
		for at, n := range minute {
			if n > 70 { // 33 on average
				t.Errorf("%s: %d checks start in the minute of %s", form, n, at)
			}
		}
		if len(minute) < 28 {
			t.Errorf("%s: the checks use %d minutes of 30", form, len(minute))
		}
	}
}

// The zone of the time that is asked with must not matter: the daemon asks
// with its own, and with UTC from the store.
func TestZoneOfTheQuestionDoesNotMatter(t *testing.T) {
	at := time.Date(2027, 6, 1, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct{ spec, timezone string }{
		{"0 2 * * *", ""}, {"0 2 * * *", "Europe/Paris"}, {"0 2 * * *", "Local"},
		{"TZ=Local 0 2 * * *", "Europe/Paris"}, {"@hourly", "Asia/Kolkata"}, {"@every 7h", ""},
	} {
		s := parse(t, c.spec, c.timezone)
		want := s.Next("w", at)
		for _, asked := range []string{"Asia/Tokyo", "America/New_York"} {
			loc := zone(t, asked)
			got := s.Next("w", at.In(loc))
			if !got.Equal(want) {
				t.Errorf("%s in %q: %s, and %s when asked from %s", c.spec, c.timezone, want, got, asked)
			}
			if got.Location() != loc {
				t.Errorf("%s in %q: the answer is in %s, and the question was in %s", c.spec, c.timezone,
					got.Location(), loc)
			}
		}
	}
}

func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"0 2 * * *", "@every 1h", "TZ=Asia/Tokyo 0 2 * * *", "*/7 1-3 * */2 1", "TZ=", "@daily",
		"? ? ? ? ?", ", , , , ,"} {
		f.Add(s, "Europe/Paris", int64(1_800_000_000))
	}
	f.Fuzz(func(t *testing.T, spec, timezone string, unix int64) {
		s, err := Parse(spec, timezone)
		if err != nil {
			return
		}
		at := time.Unix(unix%4_000_000_000, 0)
		for range 5 {
			next := s.Next("w", at)
			if next.IsZero() {
				return
			}
			if !next.After(at) {
				t.Fatalf("%q: next after %s is %s", spec, at, next)
			}
			at = next
		}
	})
}
