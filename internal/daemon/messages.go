package daemon

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/drift/report/formats"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/notify/delivery"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/server"
)

// What the daemon tells people, and how it went.

// notified are the targets of the configuration in force.
func (d *Daemon) notified() []notify.Target {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.targets
}

// renderReport writes a report that was made by schedule. It takes much memory for
// a large fleet, and each target asks for itself: one is written at a time.
func (d *Daemon) renderReport(ctx context.Context, id, format string) ([]byte, error) {
	select {
	case d.rendering <- struct{}{}:
		defer func() { <-d.rendering }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := d.engine.KeptReport(ctx, id)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = formats.Render(&b, r, format)
	return b.Bytes(), err
}

// tellDelivery logs what became of a delivery.
func (d *Daemon) tellDelivery(o delivery.Outcome) {
	log := d.Log.With("delivery", o.Delivery.ID, "target", o.Delivery.Target, "kind", o.Delivery.Notice.Kind)
	switch {
	case o.Dead:
		log.Error("a delivery was given up", "error", o.Err, "next", "tfops notify dead")
	case o.Err != nil:
		log.Warn("a delivery failed and is tried again", "error", o.Err, "at", o.NextAt)
	default:
		log.Info("delivered")
	}
	if o.Note != "" {
		log.Warn("delivered with a flaw", "note", o.Note)
	}
	for _, gone := range o.Gone {
		log.Warn("an old dead letter went to make room", "gone", gone.ID)
	}
}

// tellRefused tells that the configuration on disk is not in force. What is wrong
// with it may repeat lines of the file, so only the place is named. It is called
// with mu held.
func (d *Daemon) tellRefused(ctx context.Context) {
	n := run.Notice{Kind: run.NoticeConfigInvalid,
		Title:   "the configuration on disk is not in force; the last good one is",
		Text:    "What is wrong with " + d.cfg.Path + " stands in the log and in: tfops status",
		Command: "tfops validate"}
	if n.Targets = notify.Wants(d.targets, n); len(n.Targets) == 0 {
		return
	}
	if _, err := d.store.Tell(ctx, n); err != nil && ctx.Err() == nil {
		d.Log.Error("nobody can be told that the configuration is not in force", "error", err)
	}
}

// keepTelling has the notifier look at the outbox whenever something was put into
// it, so that nobody waits for its next look.
func (d *Daemon) keepTelling(ctx context.Context) {
	for {
		told := d.store.Told() // before looking, so that nothing is missed
		d.notifier.Wake()
		select {
		case <-ctx.Done():
			return
		case <-told:
		}
	}
}

// slowStore is how long a transaction of the store may take before the log says so.
const slowStore = 100 * time.Millisecond

// timeStore logs the longest transaction of each minute, if it was long: everybody who
// writes waited for it.
func (d *Daemon) timeStore(ctx context.Context) {
	every := time.NewTicker(time.Minute)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if l := d.store.Longest(); l.Took > slowStore {
				d.Log.Warn("a transaction of the store took long; a slow disk is the usual cause", "took", l.Took,
					"writes", l.Writes, "begun", l.Begun)
			}
		}
	}
}

// outbox is what the API shows of notifications.
func (d *Daemon) outbox() server.Outbox { return outbox{d} }

type outbox struct{ *Daemon }

// Waiting lists what is on its way.
func (o outbox) Waiting(ctx context.Context) ([]run.Delivery, error) { return o.store.Waiting(ctx) }

// Dead lists what was given up.
func (o outbox) Dead(ctx context.Context) ([]run.Delivery, error) { return o.store.Dead(ctx) }

// Retry sends a delivery again, at once.
func (o outbox) Retry(ctx context.Context, id string, by audit.Record) error {
	if err := o.store.Retry(ctx, id, by); err != nil {
		return err
	}
	o.notifier.Hurry(run.DeliveryTarget(id))
	return nil
}

// Drop removes a delivery.
func (o outbox) Drop(ctx context.Context, id string, by audit.Record) error {
	return o.store.Drop(ctx, id, by)
}

// Test sends a test to a target and returns the id of its delivery.
func (o outbox) Test(ctx context.Context, target string, by audit.Record) (string, error) {
	names := []string{}
	for _, t := range o.notified() {
		names = append(names, t.Name)
	}
	if !slices.Contains(names, target) {
		return "", unknownTarget(target, names)
	}
	ids, err := o.store.TellAsked(ctx, run.Notice{Kind: run.NoticeTest, Title: "a test of " + target, Text: by.Actor +
		" asked tfops to try whether this arrives.", Targets: []string{target}}, by)
	if err != nil {
		return "", err
	}
	o.notifier.Hurry(target)
	return ids[0], nil
}

// Targets lists those that can be told.
func (o outbox) Targets() []api.NotifyTarget {
	var all []api.NotifyTarget
	for _, t := range o.notified() {
		one := api.NotifyTarget{Name: t.Name, Place: t.String(), On: []string{}}
		for _, k := range t.On {
			one.On = append(one.On, string(k))
		}
		all = append(all, one)
	}
	return all
}

func unknownTarget(target string, names []string) error {
	if len(names) == 0 {
		return fault.New(fault.NotFound, "add a notify block to tfops.hcl",
			"there is no notify block %q: the configuration has none", target)
	}
	return fault.New(fault.NotFound, "tfops notify", "there is no notify block %q", target)
}
