package delivery

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// Store is where the outbox is.
type Store interface {
	// Due lists what is due, oldest first, at most so many of each target, and
	// when the first of the rest becomes due.
	Due(ctx context.Context, now time.Time, perTarget int) (due []run.Delivery, next time.Time, err error)
	// Delivered takes a delivery out.
	Delivered(ctx context.Context, id string) error
	// Failed records an attempt, and returns dead letters that had to go.
	Failed(ctx context.Context, id, text string, nextAt time.Time, dead bool) (gone []run.Delivery, err error)
	// MakeDue makes due at once what waits for a target after a failed attempt.
	MakeDue(ctx context.Context, target string) (int, error)
}

// Options are what a Notifier is told.
type Options struct {
	// Targets are all that there are now; it is asked again each time.
	Targets func() []notify.Target
	// Reports reads a report in a format: md, html, json, csv, junit, sarif.
	Reports func(ctx context.Context, id, format string) ([]byte, error)
	// Tell is told what became of each attempt. It must be quick, and is called
	// by several goroutines at once.
	Tell func(Outcome)

	Now     func() time.Time // time.Now by default
	HTTP    *http.Client     // for webhooks; redirects are never followed
	RootCAs *x509.CertPool   // for mail; the system's by default
	Timeout time.Duration    // of one attempt; 30 s by default
	Grace   time.Duration    // how long an attempt may go on once the notifier is to stop; 10 s by default
	Poll    time.Duration    // the longest time between two looks at the outbox; 2 s by default
}

// Outcome is what became of an attempt.
type Outcome struct {
	Delivery run.Delivery // as it was before; without an id when the outbox itself failed
	Err      error        // nil: the target has it. Without secrets
	Dead     bool         // it is given up
	NextAt   time.Time    // of the next attempt
	Note     string       // what was amiss all the same: a template that failed, a report that is gone
	Gone     []run.Delivery
}

// Notifier empties the outbox. Make one with New.
type Notifier struct {
	store Store
	o     Options
	http  *http.Client

	wake  chan struct{}
	done  chan *lane
	lanes map[string]*lane // by target; only the loop touches it

	mu      sync.Mutex
	hurried map[string]bool // by target
}

// perLane is how many deliveries a lane takes at a time.
const perLane = 50

// maxHeader is how much of an answer's header is read, in bytes.
const maxHeader = 64 << 10

// storeRest is how long is waited when the outbox fails.
const storeRest = 10 * time.Second

// New makes a notifier; Run starts it.
func New(store Store, o Options) *Notifier {
	if o.Targets == nil {
		o.Targets = func() []notify.Target { return nil }
	}
	if o.Tell == nil {
		o.Tell = func(Outcome) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.HTTP == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxResponseHeaderBytes = maxHeader
		o.HTTP = &http.Client{Transport: transport}
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Poll == 0 {
		o.Poll = 2 * time.Second
	}
	client := *o.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Notifier{store: store, o: o, http: &client, wake: make(chan struct{}, 1), done: make(chan *lane),
		lanes: map[string]*lane{}, hurried: map[string]bool{}}
}

// Wake makes the notifier look at the outbox now. It never blocks.
func (n *Notifier) Wake() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Hurry makes the notifier look at the outbox now and try a target even if it
// has failed and is left alone: somebody asks for it. It never blocks.
func (n *Notifier) Hurry(target string) {
	n.mu.Lock()
	n.hurried[target] = true
	n.mu.Unlock()
	n.Wake()
}

// inHurry are the targets that were asked for since the last time.
func (n *Notifier) inHurry() map[string]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	asked := n.hurried
	n.hurried = map[string]bool{}
	return asked
}

// stillInHurry keeps a target asked for until its lane is free.
func (n *Notifier) stillInHurry(target string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hurried[target] = true
}

// Run sends what is due until ctx ends. It begins no attempt after that, lets
// those under way finish within Options.Grace, and stores what became of them:
// what a target has taken is not sent again. An attempt that takes longer is
// cut off and its delivery stays in the outbox. A notifier runs once at a time.
func (n *Notifier) Run(ctx context.Context) {
	for {
		timer := time.NewTimer(n.round(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			n.settle()
			n.http.CloseIdleConnections()
			return
		case l := <-n.done:
			l.busy = false
		case <-n.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// settle waits for the lanes that are at work.
func (n *Notifier) settle() {
	for slices.ContainsFunc(slices.Collect(maps.Values(n.lanes)), func(l *lane) bool { return l.busy }) {
		(<-n.done).busy = false
	}
}

// round looks at the outbox, starts lanes, and returns when to look again.
func (n *Notifier) round(ctx context.Context) time.Duration {
	now := n.o.Now()
	hurried := n.inHurry() // before looking, so that what was put there for it is seen
	due, next, err := n.store.Due(ctx, now, perLane)
	if err != nil {
		n.broken(ctx, run.Delivery{}, err)
		return storeRest
	}
	wait := n.o.Poll
	until := func(at time.Time) {
		if !at.IsZero() {
			wait = min(wait, max(at.Sub(now), 0))
		}
	}
	until(next)
	targets := map[string]notify.Target{}
	for _, t := range n.o.Targets() {
		targets[t.Name] = t
	}
	work := map[string][]run.Delivery{}
	for _, d := range due {
		if _, ok := targets[d.Target]; ok {
			work[d.Target] = append(work[d.Target], d)
			continue
		}
		n.failed(ctx, d, &failure{final: true, fault: fault.New(fault.NotFound,
			"write the block again and send the dead letter again, or drop it", "there is no notify block %q any more",
			d.Target)}, "")
	}
	for name, list := range work {
		l := n.lane(targets[name])
		switch {
		case l.busy && hurried[name]:
			n.stillInHurry(name)
		case l.busy:
		case l.rest.After(now) && !hurried[name]:
			until(l.rest)
		default:
			l.busy, l.rest = true, time.Time{}
			go func() {
				n.drain(ctx, l, list)
				n.done <- l
			}()
		}
	}
	return wait
}

// lane is the way to one target. While it is busy its goroutine owns it, else
// the loop does.
type lane struct {
	target   notify.Target
	busy     bool
	rest     time.Time // nothing is sent before
	failures int       // of the target since it last took something
	fresh    bool      // it took nothing yet: what failed before may wait
	chat     *chat
	sent     map[string]bool // what the target has and the outbox does not know of
}

// lane is the target's, a fresh one when its URL is another.
func (n *Notifier) lane(t notify.Target) *lane {
	l, ok := n.lanes[t.Name]
	if !ok {
		l = &lane{fresh: true, sent: map[string]bool{}}
		n.lanes[t.Name] = l
	}
	if !l.busy {
		if l.target.URL != t.URL || l.target.Secret != t.Secret {
			l.rest, l.failures, l.chat = time.Time{}, 0, newChat()
		}
		l.target = t
	}
	return l
}

// drain sends deliveries one after the other, until the target fails.
func (n *Notifier) drain(ctx context.Context, l *lane, list []run.Delivery) {
	for i, d := range list {
		if ctx.Err() != nil {
			return
		}
		if !n.deliver(ctx, l, d) {
			n.expire(ctx, l, list[i+1:])
			return
		}
	}
}

// expire gives up what has waited too long for a target that takes nothing at
// all. Only one delivery is tried at a time, so the others would pile up for as
// long as the target is down.
func (n *Notifier) expire(ctx context.Context, l *lane, rest []run.Delivery) {
	for _, d := range rest {
		if l.failures < maxAttempts || ctx.Err() != nil || n.o.Now().Sub(d.Notice.At) < maxAge {
			return
		}
		f := down("See why with `tfops notify`, then send the dead letter again.",
			"%s has taken nothing for so long that this was not tried any more", l.target)
		f.final = true
		if !n.failed(context.WithoutCancel(ctx), d, f, "") {
			return
		}
	}
}

// deliver makes one attempt, and reports whether to go on with the next.
func (n *Notifier) deliver(ctx context.Context, l *lane, d run.Delivery) bool {
	// What is decided is written down also while everything stops.
	keep := context.WithoutCancel(ctx)
	var note string
	if !l.sent[d.ID] {
		var err error
		attempt, cancel := n.attemptContext(ctx)
		defer cancel()
		if note, err = n.attempt(attempt, l, d); err != nil {
			if errors.Is(context.Cause(attempt), errCutOff) {
				return false // no failure of the target
			}
			return n.missed(keep, l, d, err, note)
		}
		l.sent[d.ID] = true
		n.recovered(keep, l)
	}
	if err := n.store.Delivered(keep, d.ID); err != nil {
		l.rest = n.o.Now().Add(storeRest)
		n.broken(keep, d, err)
		return false
	}
	delete(l.sent, d.ID)
	n.o.Tell(Outcome{Delivery: d, Note: note})
	return true
}

// recovered takes account of a target that took something. What it did not take
// before goes out now and need not wait any longer.
func (n *Notifier) recovered(ctx context.Context, l *lane) {
	was := l.failures > 0 || l.fresh
	l.failures, l.fresh = 0, false
	if !was {
		return
	}
	if _, err := n.store.MakeDue(ctx, l.target.Name); err != nil {
		n.broken(ctx, run.Delivery{}, err)
	}
}

// missed takes account of an attempt that failed.
func (n *Notifier) missed(ctx context.Context, l *lane, d run.Delivery, err error, note string) bool {
	var f *failure
	if !errors.As(err, &f) {
		f = down("", "%s", l.target.Scrub(err))
	}
	now := n.o.Now() // before anybody is told of it
	if !f.mine {
		l.failures++
		l.rest = now.Add(max(doubled(l.failures, maxRest), f.after))
	}
	if !n.failed(ctx, d, f, note) {
		l.rest = now.Add(max(doubled(l.failures, maxRest), storeRest))
		return false
	}
	return f.mine
}

// errCutOff ends an attempt that took longer than Options.Grace after the stop.
var errCutOff = errors.New("the notifier stopped before the target answered")

// attemptContext is the context of one attempt. It outlives stop by Options.Grace.
func (n *Notifier) attemptContext(stop context.Context) (context.Context, context.CancelFunc) {
	ctx, cut := context.WithCancelCause(context.WithoutCancel(stop))
	ctx, cancel := context.WithTimeout(ctx, n.o.Timeout)
	release := context.AfterFunc(stop, func() {
		grace := time.NewTimer(n.o.Grace)
		defer grace.Stop()
		select {
		case <-ctx.Done():
		case <-grace.C:
			cut(errCutOff)
		}
	})
	return ctx, func() { release(); cancel(); cut(nil) }
}

// attempt sends a delivery once.
func (n *Notifier) attempt(ctx context.Context, l *lane, d run.Delivery) (note string, err error) {
	switch l.target.Way() {
	case notify.Webhook:
		return n.post(ctx, l.target, d)
	case notify.Mailbox:
		return n.mail(ctx, l.target, d)
	}
	return l.chat.send(ctx, l.target, d)
}

// failed writes down that an attempt failed, and reports whether it could.
func (n *Notifier) failed(ctx context.Context, d run.Delivery, f *failure, note string) bool {
	now := n.o.Now()
	failures := d.Attempts + 1
	o := Outcome{Delivery: d, Err: f, Note: note, Dead: f.final || hopeless(failures, now.Sub(d.Notice.At)),
		NextAt: now.Add(max(backoff(failures), f.after))}
	gone, err := n.store.Failed(ctx, d.ID, f.text(), o.NextAt, o.Dead)
	if err != nil {
		n.broken(ctx, d, err)
		return false
	}
	o.Gone = gone
	n.o.Tell(o)
	return true
}

// broken tells that the outbox itself failed.
func (n *Notifier) broken(ctx context.Context, d run.Delivery, err error) {
	if ctx.Err() == nil {
		n.o.Tell(Outcome{Delivery: d, Err: fmt.Errorf("the outbox cannot be used: %w", err)})
	}
}

// report reads a report that goes along, at most so many bytes of it; why says
// that it cannot be had.
func (n *Notifier) report(ctx context.Context, id, format string, most int) (doc []byte, why string) {
	if n.o.Reports == nil {
		return nil, fmt.Sprintf("The report %s (%s) is not attached: there are no reports here.", id, format)
	}
	doc, err := n.o.Reports(ctx, id, format)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("The report %s (%s) is not attached: %s. See `tfops drift report`.", id, format,
			notify.OneLine(err.Error()))
	case len(doc) > most:
		return nil, fmt.Sprintf("The report %s (%s) is not attached: it has %d bytes, which is too many. See `tfops "+
			"drift report`.", id, format, len(doc))
	}
	return doc, ""
}
