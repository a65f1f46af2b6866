package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// NotifyTarget is where notices go; what is secret about it is left out.
type NotifyTarget struct {
	Name      string   `json:"name"`
	Place     string   `json:"place" doc:"Scheme, and host where that is no secret"`
	On        []string `json:"on" doc:"What it is told of; empty: of everything"`
	Waiting   int      `json:"waiting" doc:"Deliveries on their way"`
	Dead      int      `json:"dead" doc:"Deliveries that were given up"`
	Failing   bool     `json:"failing,omitempty" doc:"Whether something that waits was tried in vain"`
	Gone      bool     `json:"gone,omitempty" doc:"Whether the configuration has it no more"`
	LastError string   `json:"last_error,omitempty" doc:"Of the newest delivery that failed and waits, else of the newest that was given up"`
}

// Delivery is a notice that was given up.
type Delivery struct {
	ID        string     `json:"id"`
	Target    string     `json:"target"`
	Kind      string     `json:"kind"`
	Title     string     `json:"title"`
	Workspace string     `json:"workspace,omitempty"`
	Run       string     `json:"run,omitempty"`
	At        time.Time  `json:"at"`
	Attempts  int        `json:"attempts"`
	LastError string     `json:"last_error,omitempty"`
	DeadAt    *time.Time `json:"dead_at,omitempty"`
}

// Tested names the delivery of a test.
type Tested struct {
	Delivery string `json:"delivery"`
}

// NotifyTargets lists the notify blocks, and how their deliveries go.
func (c *Client) NotifyTargets(ctx context.Context) ([]NotifyTarget, error) {
	return get[[]NotifyTarget](ctx, c, prefix+"/notify")
}

// TestTarget sends a test to a notify block.
func (c *Client) TestTarget(ctx context.Context, name string) (Tested, error) {
	return ask[Tested](ctx, c, http.MethodPost, prefix+"/notify/"+url.PathEscape(name)+"/test", nil)
}

// DeadLetters lists the deliveries that were given up, oldest first.
func (c *Client) DeadLetters(ctx context.Context) ([]Delivery, error) {
	return get[[]Delivery](ctx, c, prefix+"/dead-letters")
}

// RetryDelivery sends a delivery again, at once.
func (c *Client) RetryDelivery(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, prefix+"/dead-letters/"+url.PathEscape(id)+"/retry", nil, nil)
}

// DropDelivery removes a delivery.
func (c *Client) DropDelivery(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, prefix+"/dead-letters/"+url.PathEscape(id), nil, nil)
}
