package server

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/drift/report"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/server/asked"
	"github.com/tfops/tfops/internal/testrig"
)

// slow is an engine whose reports take until the test lets them go.
type slow struct {
	asked.DriftReports
	begun, end chan struct{}
}

func (s slow) DriftReport(ctx context.Context, since time.Time) (*report.Report, error) {
	s.begun <- struct{}{}
	<-s.end
	return s.DriftReports.DriftReport(ctx, since)
}

// A report of a large fleet takes much memory while it is made: however many
// ask for one, they are made one after the other.
func TestReportsAreMadeOneAtATime(t *testing.T) {
	asked := make(chan struct{}, 8)
	var s slow
	r := newRig(t, nil, func(r *rig, o *Options) {
		r.asked = asked
		s = slow{o.Engine.DriftReports, make(chan struct{}), make(chan struct{})}
		o.Engine.DriftReports = s
	})
	const clients = 3
	answers := make(chan error, clients)
	for range clients {
		go func() {
			var b bytes.Buffer
			err := r.client.DriftReport(context.Background(), api.ReportQuery{Format: "md"}, &b)
			if err == nil && !strings.Contains(b.String(), "# ") {
				t.Errorf("a report is %q", b.String())
			}
			answers <- err
		}()
	}
	for range clients {
		<-asked
	}
	for range clients {
		<-s.begun
		// Nothing else may begin now; who waits for the place needs no engine.
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := r.server.rendered(gone, "md",
			func() (*report.Report, error) { t.Error("a second report is made"); return nil, nil }); err == nil {
			t.Error("a second report was made")
		}
		s.end <- struct{}{}
	}
	for range clients {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

// Who waits for a report is told that the daemon stops.
func TestAReportThatWaitsEndsWithTheServer(t *testing.T) {
	r := newRig(t, nil)
	r.server.reporting <- struct{}{} // somebody's
	r.server.stop()
	_, err := r.server.rendered(t.Context(), "md",
		func() (*report.Report, error) { t.Error("a report is made"); return nil, nil })
	testrig.WantFault(t, err, fault.Unavailable, "tfops serve is stopping", "ask again once tfops serve runs")
	if _, err := r.server.rendered(t.Context(), "nonsense", nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("a format that is none: %v", err)
	}
}
