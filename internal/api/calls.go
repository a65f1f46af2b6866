package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

const prefix = "/api/v1"

func workspacePath(name string, more string) string {
	return prefix + "/workspaces/" + url.PathEscape(name) + more
}

func runPath(id string, more string) string { return prefix + "/runs/" + url.PathEscape(id) + more }

// limited adds a limit to a path; 0 leaves it to the daemon.
func limited(path string, limit int) string {
	if limit == 0 {
		return path
	}
	return path + "?limit=" + strconv.Itoa(limit)
}

func get[T any](ctx context.Context, c *Client, path string) (out T, err error) {
	err = c.call(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

func ask[T any](ctx context.Context, c *Client, method, path string, in any) (out T, err error) {
	err = c.call(ctx, method, path, in, &out)
	return out, err
}

// Health asks whether the daemon is well.
func (c *Client) Health(ctx context.Context) (Health, error) { return get[Health](ctx, c, "/healthz") }

// Version asks what runs.
func (c *Client) Version(ctx context.Context) (Version, error) {
	return get[Version](ctx, c, prefix+"/version")
}

// Status is the fleet.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, prefix+"/status")
}

// Workspaces lists all workspaces, in the order of the configuration.
func (c *Client) Workspaces(ctx context.Context) ([]Workspace, error) {
	return get[[]Workspace](ctx, c, prefix+"/workspaces")
}

// Workspace shows one workspace.
func (c *Client) Workspace(ctx context.Context, name string) (Workspace, error) {
	return get[Workspace](ctx, c, workspacePath(name, ""))
}

// History lists the runs that changed a workspace, newest first; limit 0 is
// the daemon's own.
func (c *Client) History(ctx context.Context, workspace string, limit int) ([]Run, error) {
	return get[[]Run](ctx, c, limited(workspacePath(workspace, "/history"), limit))
}

// StartRun asks for a run.
func (c *Client) StartRun(ctx context.Context, workspace string, in StartRun) (Run, error) {
	return ask[Run](ctx, c, http.MethodPost, workspacePath(workspace, "/runs"), in)
}

// MoveState copies the state of a workspace to where its configuration wants it.
func (c *Client) MoveState(ctx context.Context, workspace string) (Run, error) {
	return ask[Run](ctx, c, http.MethodPost, workspacePath(workspace, "/state/move"), nil)
}

// ImportState puts a state where the configuration of a workspace wants it.
func (c *Client) ImportState(ctx context.Context, workspace string, in ImportState) (Run, error) {
	return ask[Run](ctx, c, http.MethodPost, workspacePath(workspace, "/state/import"), in)
}

// RestoreState puts a snapshot in the place of a workspace's managed state.
func (c *Client) RestoreState(ctx context.Context, workspace string, in RestoreState) (RestoredState, error) {
	return ask[RestoredState](ctx, c, http.MethodPost, workspacePath(workspace, "/state/restore"), in)
}

// Lock holds a workspace's state.
func (c *Client) Lock(ctx context.Context, workspace, reason string) (Workspace, error) {
	return ask[Workspace](ctx, c, http.MethodPut, workspacePath(workspace, "/lock"), Reason{reason})
}

// Unlock gives a hold up; another person's takes a reason.
func (c *Client) Unlock(ctx context.Context, workspace, reason string) (Workspace, error) {
	return ask[Workspace](ctx, c, http.MethodDelete, workspacePath(workspace, "/lock"), Reason{reason})
}

// Suspend pauses applies.
func (c *Client) Suspend(ctx context.Context, workspace string, in Suspend) (Workspace, error) {
	return ask[Workspace](ctx, c, http.MethodPut, workspacePath(workspace, "/suspension"), in)
}

// Resume lets applies go on.
func (c *Client) Resume(ctx context.Context, workspace string) (Workspace, error) {
	return ask[Workspace](ctx, c, http.MethodDelete, workspacePath(workspace, "/suspension"), nil)
}

// RunsQuery selects runs; what is empty selects all.
type RunsQuery struct {
	Workspace string
	Statuses  []string
	Kinds     []string
	Limit     int    // 0 is the daemon's own, 1000 the most
	Before    string // only runs older than this one
}

// Runs lists runs, newest first.
func (c *Client) Runs(ctx context.Context, q RunsQuery) ([]Run, error) {
	v := url.Values{"status": q.Statuses, "kind": q.Kinds}
	if q.Workspace != "" {
		v.Set("workspace", q.Workspace)
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Before != "" {
		v.Set("before", q.Before)
	}
	return get[[]Run](ctx, c, prefix+"/runs?"+v.Encode())
}

// Run shows one run, with what happened to it.
func (c *Client) Run(ctx context.Context, id string) (Run, error) {
	return get[Run](ctx, c, runPath(id, ""))
}

// Plan is the whole plan of a run: the JSON of package plan's Plan.
func (c *Client) Plan(ctx context.Context, id string) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, c, runPath(id, "/plan"))
}

// Vote approves or rejects a run's plan.
func (c *Client) Vote(ctx context.Context, id string, b Ballot) (Run, error) {
	return ask[Run](ctx, c, http.MethodPut, runPath(id, "/vote"), b)
}

// Withdraw takes an approval back.
func (c *Client) Withdraw(ctx context.Context, id string) (Run, error) {
	return ask[Run](ctx, c, http.MethodDelete, runPath(id, "/vote"), nil)
}

// Cancel ends a run; with force, a running apply is killed.
func (c *Client) Cancel(ctx context.Context, id string, force bool) (Run, error) {
	return ask[Run](ctx, c, http.MethodPost, runPath(id, "/cancel"), Cancel{force})
}

// Resolve closes an interrupted run; found says what was found.
func (c *Client) Resolve(ctx context.Context, id, found string) (Run, error) {
	return ask[Run](ctx, c, http.MethodPost, runPath(id, "/resolve"), Reason{found})
}

// Approvals lists what awaits approval.
func (c *Client) Approvals(ctx context.Context) ([]Run, error) {
	return get[[]Run](ctx, c, prefix+"/approvals")
}

// Locks lists holds on states.
func (c *Client) Locks(ctx context.Context) ([]Lock, error) {
	return get[[]Lock](ctx, c, prefix+"/locks")
}

// Repositories lists repositories and how their polls went.
func (c *Client) Repositories(ctx context.Context) ([]Repository, error) {
	return get[[]Repository](ctx, c, prefix+"/repositories")
}

// Poll asks for a look at a repository now; it does not wait for it.
func (c *Client) Poll(ctx context.Context, repository string) error {
	return c.call(ctx, http.MethodPost, prefix+"/repositories/"+url.PathEscape(repository)+"/poll", nil, nil)
}
