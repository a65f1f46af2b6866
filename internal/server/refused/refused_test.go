package refused

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/access"
)

func TestRecord(t *testing.T) {
	ana := access.Actor{Name: "ana", Via: "socket", Peer: access.Peer{UID: "7"}}
	for name, c := range map[string]struct {
		method, pattern, path, route string
		act                          Act
		status                       int
		action, workspace, run, why  string
		none                         bool
	}{
		"a vote": {"PUT", "/runs/{id}/vote", "/runs/r1/vote", "vote", Act{"approve", "you wrote it"}, 403,
			"approve", "", "r1", "you wrote it", false},
		"a lock": {"PUT", "/workspaces/{name}/lock", "/workspaces/net/lock", "lock-workspace",
			Act{"", "no reason"}, 422, "lock", "net", "", "no reason", false},
		"a poll": {"POST", "/repositories/{name}/poll", "/repositories/infra/poll", "poll-repository", Act{}, 404,
			"poll infra", "", "", "Not Found", false},
		"a delivery": {"DELETE", "/dead-letters/{delivery}", "/dead-letters/d1", "drop-delivery", Act{"", "none"}, 404,
			"drop delivery d1", "", "", "none", false},
		"a backup": {"GET", "/backup", "/backup", "backup", Act{"", "no disk"}, 503,
			"backup", "", "", "no disk", false},
		"what is only read":  {"GET", "/runs/{id}", "/runs/r1", "get-run", Act{"", "none"}, 404, "", "", "", "", true},
		"what was done":      {"PUT", "/runs/{id}/vote", "/runs/r1/vote", "vote", Act{}, 200, "", "", "", "", true},
		"no route of theirs": {"PUT", "/x", "/x", "", Act{}, 404, "", "", "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			var r *http.Request
			mux.HandleFunc(c.method+" "+c.pattern, func(_ http.ResponseWriter, in *http.Request) { r = in })
			mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(c.method, c.path, nil))
			rec, ok := c.act.Record(r, c.route, c.status, ana)
			if ok == c.none {
				t.Fatalf("recorded is %v: %+v", ok, rec)
			}
			if rec.Action != c.action || rec.Workspace != c.workspace || rec.Run != c.run || rec.Refused != c.why ||
				ok && (rec.Actor != "ana" || rec.Peer != ana.Peer) {
				t.Errorf("%+v", rec)
			}
		})
	}
}

// Nobody fills the disk with refusals, and none is lost without a word.
func TestBound(t *testing.T) {
	var b Bound
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	recorded := 0
	for range 1000 {
		if _, ok := b.Admit("eve", now); ok {
			recorded++
		}
	}
	if recorded != most {
		t.Errorf("%d of 1000 in a minute are recorded, want %d", recorded, most)
	}
	if _, ok := b.Admit("ana", now); !ok {
		t.Error("eve's refusals keep ana's out")
	}
	if n, ok := b.Admit("eve", now.Add(per)); !ok || n != 1000-most {
		t.Errorf("the next minute: %d, %v", n, ok)
	}
	if n, ok := b.Admit("eve", now.Add(-time.Hour)); !ok || n != 0 {
		t.Errorf("a clock that was set back: %d, %v", n, ok)
	}
}
