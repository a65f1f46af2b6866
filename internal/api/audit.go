package api

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// Audit is the record of one act.
type Audit struct {
	Number     uint64    `json:"number" doc:"Its place in the log: each has 1 more than the one before"`
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"`
	Via        string    `json:"via"`
	UID        string    `json:"uid,omitempty" doc:"Of the actor, by the kernel"`
	LoginUID   string    `json:"login_uid,omitempty" doc:"Who logged in to the session, whatever sudo made of them"`
	Login      string    `json:"login,omitempty" doc:"That user's name"`
	PID        int32     `json:"pid,omitempty" doc:"The process that asked"`
	Action     string    `json:"action" doc:"A verb, and what it is done to where that is neither workspace nor run"`
	Workspace  string    `json:"workspace,omitempty"`
	Run        string    `json:"run,omitempty"`
	Digest     string    `json:"digest,omitempty" doc:"Of the run's plan; of a configuration: of its rules"`
	Commit     string    `json:"commit,omitempty" doc:"Of the run"`
	Reason     string    `json:"reason,omitempty"`
	Allowed    bool      `json:"allowed"`
	Refused    string    `json:"refused,omitempty" doc:"Why it was not done"`
	Authors    string    `json:"authors,omitempty" doc:"Of a vote: how far signatures prove who wrote what was voted on"`
	Unrecorded int       `json:"unrecorded,omitempty" doc:"How many more of the actor's acts were refused before it, and not recorded"`
}

// AuditQuery selects records; what is empty selects all.
type AuditQuery struct {
	Workspace, Actor string
	Verb             string    // the first word of the action, or all of it
	Since            time.Time // not before
	Before           uint64    // numbers less than this one
	Limit            int       // 0 is the daemon's own
}

// Audit lists what was done, newest first; limit 0 is the daemon's own.
func (c *Client) Audit(ctx context.Context, limit int) ([]Audit, error) {
	return c.AuditLog(ctx, AuditQuery{Limit: limit})
}

// AuditLog lists what is selected of what was done, newest first.
func (c *Client) AuditLog(ctx context.Context, q AuditQuery) ([]Audit, error) {
	v := url.Values{}
	for name, text := range map[string]string{"workspace": q.Workspace, "actor": q.Actor, "verb": q.Verb} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	if q.Before > 0 {
		v.Set("before", strconv.FormatUint(q.Before, 10))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	path := prefix + "/audit"
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	return get[[]Audit](ctx, c, path)
}
