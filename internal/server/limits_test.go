package server

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"
)

// Who is not served is told when to come again, and so is an old client, by the status.
func TestFullServer(t *testing.T) {
	r := newRig(t, nil)
	for { // plans are being served, as many as may
		if done, _ := r.server.limits.Take(0, "GET "+prefix+"/runs/{id}/plan"); done == nil {
			break
		}
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn,
		error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", r.socket)
	}}}
	defer client.CloseIdleConnections()
	get := func(path string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://tfops"+prefix+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	resp := get("/runs/x/plan")
	defer resp.Body.Close()
	var p problem
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || p.Next == "" ||
		p.Code != "unavailable" {
		t.Errorf("%s, %v, %+v", resp.Status, resp.Header, p)
	}
	if resp := get("/status"); resp.StatusCode != http.StatusOK {
		t.Errorf("status: %s", resp.Status)
	} else {
		resp.Body.Close()
	}
}
