package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/testrig"
)

// httpBackend is a real server for the http backend, with the locking that its protocol
// has: 423 with the lock that is there.
type httpBackend struct {
	*httptest.Server
	mu    sync.Mutex
	state []byte
	lock  []byte

	locking func(n int) // called, with mu held, before the lock is asked for, the n-th time
	asked   int
}

func newHTTPBackend(t *testing.T) *httpBackend {
	t.Helper()
	b := &httpBackend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		body, _ := io.ReadAll(r.Body) // of a request that is cut nothing is kept
		switch r.Method {
		case "LOCK":
			if b.asked++; b.locking != nil {
				b.locking(b.asked)
			}
			if b.lock != nil {
				w.WriteHeader(http.StatusLocked)
				_, _ = w.Write(b.lock)
				return
			}
			b.lock = body
		case "UNLOCK":
			b.lock = nil
		case http.MethodPost:
			b.state = body
		case http.MethodGet:
			if b.state == nil {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write(b.state)
		}
	}))
	t.Cleanup(b.Close)
	return b
}

// held is the lock that lies in the backend.
func (b *httpBackend) held(t *testing.T) (info struct{ ID, Who string }) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := json.Unmarshal(b.lock, &info); err != nil {
		t.Fatalf("no lock lies there: %s", b.lock)
	}
	return info
}

func (b *httpBackend) block() string {
	return fmt.Sprintf("terraform {\n  backend \"http\" {\n    address = %q\n    lock_address = %q\n    "+
		"unlock_address = %q\n  }\n}\n", b.URL, b.URL, b.URL)
}

// occupied has an apply hold the state's lock while fn works, and sees that it ends well.
func (r *rig) occupied(backend string, fn func()) {
	r.t.Helper()
	r.besides()
	holds, let := r.fifo("holds"), r.fifo("let")
	r.write("main.tf", backend+provisioned("echo held > "+holds.path+"; read go < "+let.path))
	apply := r.planned().startApply()
	holds.line()
	fn()
	let.say("go")
	must(r.t, apply.wait(), job.Succeeded, "", "")
}

// The holder of a lock is the one in the lock, and never the one who met it.
func TestALockInARealBackend(t *testing.T) {
	t.Run("http", func(t *testing.T) {
		b := newHTTPBackend(t)
		r := newRig(t, nil)
		r.occupied(b.block(), func() {
			_, result := r.plan()
			must(t, result, job.Failed, job.CauseLocked, "(lock "+b.held(t).ID+")")
			if l := result.Lock; l == nil || l.ID != b.held(t).ID || l.Who != "" || !l.Created.IsZero() ||
				!strings.Contains(result.Next, "force-unlock "+l.ID) {
				t.Errorf("%+v, next %q; there lies %+v", l, result.Next, b.held(t))
			}
		})
		// Somebody else's, who is gone: nothing of ours is named.
		b.lock = []byte(`{"ID": "f6b5b4a0-0000-1111-2222-333344445555", "Operation": "OperationTypeApply", "Who": "ana@laptop", "Created": "2026-01-02T03:04:05Z"}`)
		_, result := r.plan()
		must(t, result, job.Failed, job.CauseLocked, "f6b5b4a0-0000-1111-2222-333344445555")
		if strings.Contains(result.Message, diagnostics.SelfName()) {
			t.Errorf("who tried is named: %q", result.Message)
		}
	})
	t.Run("pg", func(t *testing.T) {
		url, ok := testrig.Postgres(t)
		if !ok {
			return
		}
		r := newRig(t, nil)
		r.occupied(fmt.Sprintf("terraform {\n  backend \"pg\" {\n    conn_str = %q\n  }\n}\n", url), func() {
			_, result := r.plan()
			must(t, result, job.Failed, job.CauseLocked, "PostgreSQL does not say by whom")
			if l := result.Lock; l == nil || !l.Session || l.ID != "" || l.Who != "" ||
				strings.Contains(result.Message+result.Next, "force-unlock") ||
				strings.Contains(result.Message, diagnostics.SelfName()) {
				t.Errorf("%+v, %q, next %q", l, result.Message, result.Next)
			}
		})
		_, result := r.plan() // the holder is gone, and so is the lock
		must(t, result, job.Succeeded, "", "")
	})
}

// s3 serves store, and is the block of a backend in its bucket "states".
func (r *rig) s3(store gofakes3.Backend) string {
	server := httptest.NewServer(gofakes3.New(store).Server())
	r.t.Cleanup(server.Close)
	r.env["AWS_ACCESS_KEY_ID"], r.env["AWS_SECRET_ACCESS_KEY"] = "me", "secret-access"
	return fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket = \"states\"\n    key = \"app.tfstate\"\n    "+
		"region = \"us-east-1\"\n    use_lockfile = true\n"+
		"    use_path_style = true\n    skip_credentials_validation = true\n    skip_requesting_account_id = true\n "+
		"   skip_metadata_api_check = true\n    skip_region_validation = true\n"+
		"    endpoints = { s3 = %q }\n  }\n}\n", server.URL)
}

// In S3 the lock is an object that names its holder.
func TestALockInS3(t *testing.T) {
	store := s3mem.New()
	if err := store.CreateBucket("states"); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil)
	backend := r.s3(store)
	lies := func() (info struct{ ID, Who, Operation string }) {
		t.Helper()
		o, err := store.GetObject("states", "app.tfstate.tflock", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Contents.Close()
		if err := json.NewDecoder(o.Contents).Decode(&info); err != nil {
			t.Fatal(err)
		}
		return info
	}
	r.occupied(backend, func() {
		_, result := r.plan()
		info := lies()
		must(t, result, job.Failed, job.CauseLocked, "by "+info.Who)
		if l := result.Lock; l == nil || l.ID != info.ID || l.Operation != "apply" || l.Created.IsZero() ||
			!strings.Contains(result.Next, "force-unlock "+info.ID) {
			t.Errorf("%+v, next %q; there lies %+v", l, result.Next, info)
		}
	})
	lock := `{"ID": "f6b5b4a0-0000-1111-2222-333344445555", "Operation": "OperationTypePlan", "Who": "ana@laptop", "Created": "2026-01-02T03:04:05Z"}`
	if _, err := store.PutObject("states", "app.tfstate.tflock", nil, strings.NewReader(lock), int64(len(lock)),
		nil); err != nil {
		t.Fatal(err)
	}
	_, result := r.plan()
	must(t, result, job.Failed, job.CauseLocked, "by ana@laptop since 2026-01-02 03:04:05 UTC for plan (lock "+
		"f6b5b4a0-0000-1111-2222-333344445555)")
}

// First inits of one PostgreSQL, which make its schema and tables, at once.
func TestFirstInitsOfOnePostgres(t *testing.T) {
	if !testrig.Long(t, "first inits of one PostgreSQL") {
		return
	}
	url, ok := testrig.Postgres(t)
	if !ok {
		return
	}
	r := newRig(t, nil)
	r.write("main.tf", fmt.Sprintf("terraform {\n  backend \"pg\" {\n    conn_str = %q\n  }\n}\n", url)+simple)
	var flights []*flight
	for i := range 16 {
		dir, job, secrets := r.planJob(func(j *job.Job, _ *job.Secrets) {
			j.WorkspaceDir = filepath.Join(r.base, "workspaces", fmt.Sprint("w", i))
			j.TerraformWorkspace, j.LockTimeout, j.Timeout = fmt.Sprint("w", i), time.Minute, 3*time.Minute
		})
		flights = append(flights, r.start(dir, job, secrets))
	}
	for _, f := range flights {
		must(t, f.wait(), job.Succeeded, "", "")
	}
}
