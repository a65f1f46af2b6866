package decode

import (
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a schedule's time zone is known in a minimal container, too

	"github.com/tfops/tfops/internal/drift/schedule"
)

// Schedule reads schedule and timezone. Each is checked by itself, so that a
// mistake is shown at the one that has it.
func (b Block) Schedule() (times, timezone Field[string]) {
	times, timezone = b.Text("schedule"), b.Text("timezone")
	if timezone.Set {
		if _, err := time.LoadLocation(timezone.Val); err != nil || timezone.Val == "" {
			b.r.Errorf(timezone.Range, "unknown time zone "+strconv.Quote(timezone.Val),
				"timezone is a name of the tz database, for example \"UTC\" or \"Europe/Paris\".")
		}
	}
	if times.Val == "" {
		return times, timezone
	}
	const forms = "has five fields: minute, hour, day of month, month, day of week, " +
		"for example \"0 2 * * *\"; or it is @hourly, @daily, @weekly, @monthly or @every 6h."
	if strings.HasPrefix(times.Val, "TZ=") || strings.HasPrefix(times.Val, "CRON_TZ=") {
		b.r.Errorf(times.Range, "time zone in a schedule", "Give it with timezone = \"…\" beside the schedule.")
		return times, timezone
	}
	if every, ok := strings.CutPrefix(times.Val, "@every "); ok {
		times.Val = "@every " + inHours(every)
	}
	s, err := schedule.Parse(times.Val, "UTC")
	if err != nil {
		b.r.Errorf(times.Range, "not a schedule", "schedule "+forms)
	} else if s.Next("", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		b.r.Errorf(times.Range, "a schedule that never comes", "No day fits it. Schedule "+forms)
	}
	return times, timezone
}
