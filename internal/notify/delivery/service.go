package delivery

import (
	"context"
	"fmt"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// maxChat is how many characters a message to a chat may have: the least of
// what the services take in one piece. Some take less.
const maxChat = 1900

var lessChat = map[string]int{"pushover": 1000}

// maxHanging is how many messages to one target may be without an answer. The
// library cannot be told to give up, so each of them holds a goroutine.
const maxHanging = 3

// chat is a service of shoutrrr as one lane uses it.
type chat struct {
	slots   chan struct{}
	service types.Service // ready for the next message; nil when it has to be opened
}

func newChat() *chat { return &chat{slots: make(chan struct{}, maxHanging)} }

type answer struct {
	service types.Service
	err     error
}

// send sends a delivery, and gives up waiting when ctx ends. A message that was
// given up may still arrive, as well as its repetition.
func (c *chat) send(ctx context.Context, t notify.Target, d run.Delivery) (note string, err error) {
	select {
	case c.slots <- struct{}{}:
	default:
		return "", down("See whether it can be reached from here; restart tfops if it stays so.",
			"%s has not answered %d earlier messages yet", t, maxHanging)
	}
	w := t.Wording(d)
	answers := make(chan answer, 1)
	ready := c.service
	c.service = nil
	go func() {
		defer func() { <-c.slots }()
		answers <- hand(t, ready, w)
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return w.Note, down("It is tried again by itself; look at the URL in the notify block if it stays so.",
				"%s did not take the message: %s", t, t.Scrub(a.err))
		}
		c.service = a.service
		return w.Note, nil
	case <-ctx.Done():
		return w.Note, down("It is tried again by itself; see whether it can be reached from here.",
			"%s did not answer in time", t)
	}
}

// hand gives a message to a service; a defect of the library is an error like
// any other.
func hand(t notify.Target, s types.Service, w notify.Wording) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a.err = fmt.Errorf("the library failed: %v", p)
		}
	}()
	if s == nil {
		var err error
		if s, err = notify.OpenService(t.URL); err != nil {
			return answer{err: err}
		}
	}
	most := maxChat
	if n, ok := lessChat[s.GetID()]; ok {
		most = n
	}
	spoken := func(text string) string { return withoutMentions(s.GetID(), text) }
	return answer{s, s.Send(fit(spoken(w.Title), spoken(w.Text), most), &types.Params{})}
}
