package runner

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/testrig"
)

// stateServer is an http backend that asks for a password.
type stateServer struct {
	mu       sync.Mutex
	password string
	states   map[string]string
	denied   int
}

func newStateServer(t *testing.T, password string) (*stateServer, string) {
	s := &stateServer{password: password, states: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func (s *stateServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, password, _ := r.BasicAuth(); password != s.password {
		s.denied++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch r.Method {
	case http.MethodGet:
		if s.states[r.URL.Path] == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, s.states[r.URL.Path])
	case http.MethodPost:
		b, _ := io.ReadAll(r.Body)
		s.states[r.URL.Path] = string(b)
	}
}

func (s *stateServer) at(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[path]
}

const partialHTTP = "terraform {\n  backend \"http\" {}\n}\n" + simple

// Settings of a backend come from files and from values, and a secret among them
// is on no disk, neither during nor after a phase.
func TestBackendConfig(t *testing.T) { eachEngine(t, backendConfigOf) }

func backendConfigOf(t *testing.T, engine job.EngineSpec) {
	server, url := newStateServer(t, canary)
	r := newRig(t, map[string]string{"live/main.tf": partialHTTP + provisioned(`grep -rl "$NEEDLE" "$TOP" > "$TOP-given/found"; true`),
		"live/prod.tfbackend": fmt.Sprintf("address = %q\nusername = \"file\"\npassword = \"of the file\"\n",
			url+"/file")})
	r.engine = engine
	give := func(j *job.Job, s *job.Secrets) {
		j.Dir, j.BackendFiles = "live", []string{"prod.tfbackend"}
		s.Backend = fmt.Sprintf("address = %q\npassword = %q\n", url+"/prod", canary)
		s.Mask = []string{canary}
		s.Env["TOP"], s.Env["NEEDLE"] = r.base, "canary"
	}
	f := r.planned(give)
	apply := f.startApply(give)
	result := apply.wait()
	must(t, result, job.Succeeded, "", "")
	if server.at("/prod") == "" || server.at("/file") != "" || server.denied > 0 {
		t.Errorf("the states are %v, %d were denied", server.states, server.denied)
	}
	if result.Backend.Type != "http" || result.Backend.Config["address"] != url+"/prod" {
		t.Errorf("the state is named by %+v", result.Backend)
	}
	if b, err := os.ReadFile(filepath.Join(r.given(), "found")); err != nil || len(b) > 0 {
		t.Errorf("while the engine runs the secret lies in %s, %v", b, err)
	}
	r.nowhere("canary")
	if durable.Exists(f.wrote("live/.terraform/" + backend.BackendState)) {
		t.Error("the resolved backend is left behind")
	}
	_, again := r.plan(give)
	must(t, again, job.Succeeded, "", "")
	if again.Plan.HasChanges() {
		t.Error("the second plan found another state")
	}
}

// Files alone hold nothing but what the repository says: init is skipped as long
// as they stay as they are.
func TestBackendConfigFiles(t *testing.T) { eachEngine(t, backendConfigFilesOf) }

func backendConfigFilesOf(t *testing.T, engine job.EngineSpec) {
	_, url := newStateServer(t, "")
	r := newRig(t, map[string]string{"main.tf": partialHTTP, "a.tfbackend": fmt.Sprintf("address = %q\n", url+"/a"),
		"config/b.json": fmt.Sprintf(`{"address": %q}`, url+"/b")})
	r.engine = engine
	with := func(files ...string) option { return func(j *job.Job, _ *job.Secrets) { j.BackendFiles = files } }
	at := func(files ...string) (any, bool) {
		t.Helper()
		_, res := r.plan(with(files...))
		must(t, res, job.Succeeded, "", "")
		return res.Backend.Config["address"], res.InitReused
	}
	for _, c := range []struct {
		files  []string
		state  string
		reused bool
	}{{[]string{"a.tfbackend"}, "/a", false}, {[]string{"a.tfbackend"}, "/a", true},
		{[]string{"a.tfbackend", "config/b.json"}, "/b", false}} {
		if got, reused := at(c.files...); got != url+c.state || reused != c.reused {
			t.Errorf("%v: %v, reused %v", c.files, got, reused)
		}
	}
	r.write("config/b.json", fmt.Sprintf(`{"address": %q}`, url+"/moved"))
	if got, _ := at("a.tfbackend", "config/b.json"); got != url+"/moved" {
		t.Errorf("the file changed, and the state is still %v", got)
	}
}

// From values to none and back: what one phase left is never used by another.
func TestBackendConfigComesAndGoes(t *testing.T) { eachEngine(t, backendConfigComesAndGoesOf) }

func backendConfigComesAndGoesOf(t *testing.T, engine job.EngineSpec) {
	server, url := newStateServer(t, "p")
	r := newRig(t, map[string]string{"main.tf": partialHTTP})
	r.engine = engine
	values := func(path string) option {
		return func(_ *job.Job, s *job.Secrets) {
			s.Backend = fmt.Sprintf("address = %q\npassword = \"p\"\nusername = \"u\"\n", url+path)
		}
	}
	must(t, r.planned(values("/a")).startApply(values("/a")).wait(), job.Succeeded, "", "")
	r.write("main.tf", simple)
	_, managed := r.plan()
	must(t, managed, job.Succeeded, "", "")
	if managed.Backend.Type != "managed" {
		t.Errorf("%+v", managed.Backend)
	}
	r.write("main.tf", partialHTTP)
	_, other := r.plan(values("/b"))
	must(t, other, job.Succeeded, "", "")
	if !other.Plan.HasChanges() || server.at("/a") == "" {
		t.Error("another key is another state")
	}
}

// A secret that names a state stays out of what is stored, and tells states apart.
func TestBackendConfigSecretName(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": "terraform {\n  backend \"local\" {}\n}\n" + simple})
	state := func(name string) any {
		t.Helper()
		_, res := r.plan(func(_ *job.Job, s *job.Secrets) {
			s.Backend, s.Mask, s.Hashed = fmt.Sprintf("path = %q\n", filepath.Join(r.given(), "states", name)),
				[]string{name}, []string{"path"}
		})
		must(t, res, job.Succeeded, "", "")
		return res.Backend.Config["path"]
	}
	a, b := state("canary-a"), state("canary-b")
	if a == b || a != state("canary-a") || strings.Contains(fmt.Sprint(a, b), "canary") {
		t.Errorf("%v and %v", a, b)
	}
	r.nowhere("canary-a")
}

// What a plan happens to hide may stand in the name of a state, too: it stays the same state.
func TestStateKeepsItsName(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": "terraform {\n  backend \"local\" {}\n}\n" + simple})
	for _, give := range []option{
		func(j *job.Job, s *job.Secrets) {
			s.Backend = fmt.Sprintf("path = %q\n", filepath.Join(r.given(), "production", "x"))
		},
		func(j *job.Job, s *job.Secrets) {
			s.Backend = fmt.Sprintf("path = %q\n", filepath.Join(r.given(), "production", "x"))
			s.Mask = []string{"production"}
		},
	} {
		_, res := r.plan(give)
		must(t, res, job.Succeeded, "", "")
		if got, want := res.Backend.Config["path"], filepath.Join(r.given(), "production", "x"); got != want {
			t.Errorf("the state is named by %v, want %v", got, want)
		}
	}
}

// What a type of backend takes as a block is given as one, nested values as values.
func TestBackendConfigOfBlocks(t *testing.T) {
	for _, tt := range []struct{ kind, text, want string }{
		{"kubernetes", "exec = { command = \"x\", args = [\"a\"], env = { A = \"b\" } }\nhost = \"h\"\n",
			"exec {\n  args    = [\"a\"]\n  command = \"x\"\n  env = {\n    A = \"b\"\n  }\n}\nhost = \"h\"\n"},
		{"oss", "assume_role = [{ role_arn = \"a\" }]\n", "assume_role {\n  role_arn = \"a\"\n}\n"},
		{"s3", "assume_role = { role_arn = \"a\" }\n", "assume_role = { role_arn = \"a\" }\n"},
		{"oss", "assume_role = null\nbucket = 7\n", "assume_role = null\nbucket      = 7\n"},
		{"oss", "assume_role = \"wrong\"\n", "assume_role = \"wrong\"\n"},
		{"oss", "assume_role = [\"wrong\"]\n", "assume_role = \"wrong\"\n"},
	} {
		got, err := backend.AsBlocks(tt.kind, tt.text)
		if err != nil || string(hclwrite.Format(got)) != tt.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.text, err, hclwrite.Format(got), tt.want)
		}
	}
	// The engine gets as far as the cluster and the role.
	for kind, c := range map[string]struct{ settings, want string }{
		"kubernetes": {"secret_suffix = \"x\"\nhost = \"http://127.0.0.1:1\"\nexec = { api_version = " +
			"\"client.authentication.k8s.io/v1beta1\", command = \"/bin/false\" }\n", "exec"},
		"s3": {"bucket = \"b\"\nkey = \"k\"\nregion = \"us-east-1\"\nassume_role = { role_arn = \"no-arn\" " +
			"}\nendpoints = { s3 = \"http://127.0.0.1:1\" }\n", "ARN"},
	} {
		r := newRig(t, map[string]string{"main.tf": "terraform {\n  backend \"" + kind + "\" {}\n}\n" + simple})
		_, result := r.plan(func(_ *job.Job, s *job.Secrets) { s.Backend = c.settings })
		text := fmt.Sprint(result.Message, result.Diagnostics)
		if result.Outcome != job.Failed || strings.Contains(text, "not expected here") ||
			!strings.Contains(text, c.want) {
			t.Errorf("%s: %s", kind, text)
		}
	}
}

func TestBackendConfigRefused(t *testing.T) {
	for name, c := range map[string]struct {
		module string
		give   option
		want   string
	}{
		"no backend": {simple, func(_ *job.Job, s *job.Secrets) { s.Backend = "key = 1\n" },
			"the root module . declares none"},
		"no backend for files": {simple, func(j *job.Job, _ *job.Secrets) { j.BackendFiles = []string{"main.tf"} },
			"the root module . declares none"},
		"a cloud block": {"terraform {\n  cloud {}\n}\n",
			func(_ *job.Job, s *job.Secrets) { s.Backend = "key = 1\n" }, "cloud block"},
		"no such file": {partialHTTP,
			func(j *job.Job, _ *job.Secrets) { j.BackendFiles = []string{"prod.tfbackend"} },
			"there is no file prod.tfbackend"},
		"a directory": {partialHTTP, func(j *job.Job, _ *job.Secrets) { j.BackendFiles = []string{"."} },
			"is not a file"},
		"outside": {partialHTTP,
			func(j *job.Job, _ *job.Secrets) { j.BackendFiles = []string{"../outside"} },
			"leads out of the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"main.tf": c.module, "../outside": ""})
			_, result := r.plan(c.give)
			must(t, result, job.Failed, job.CauseBadInput, c.want)
			if result.Next == "" {
				t.Error("what to do next is not said")
			}
		})
	}
	t.Run("an unknown setting", func(t *testing.T) {
		r := newRig(t, map[string]string{"main.tf": partialHTTP})
		f, result := r.plan(func(_ *job.Job, s *job.Secrets) { s.Backend = "adress = \"http://127.0.0.1\"\n" })
		must(t, result, job.Failed, job.CauseEngine, "")
		if text := fmt.Sprint(result.Message, result.Diagnostics, f.read(job.EventsFile)); strings.Contains(text,
			"/proc/") {
			t.Errorf("a path of ours: %s", text)
		}
	})
}

// A backend takes the place of what the module declares, and nothing of its settings
// is on the disk, neither during nor after a phase.
func TestOtherBackend(t *testing.T) {
	if !testrig.Long(t, "every backend of a workspace in the place of every one of the code") {
		return
	}
	server, at := newStateServer(t, canary)
	settings := map[string]string{"http": fmt.Sprintf("address = %q\nusername = \"x\"\npassword = %q\n", at+"/x",
		canary)}
	if pg, ok := testrig.Postgres(t); ok {
		settings["pg"] = fmt.Sprintf("conn_str = %q\n",
			strings.Replace(pg, "postgres@", url.UserPassword("postgres", canary).String()+"@", 1))
	}
	for kind, text := range settings {
		for name, code := range map[string]string{"none": "",
			"cloud":  "terraform {\n  cloud {\n    organization = \"acme\"\n  }\n}\n",
			"remote": "terraform {\n  backend \"remote\" {}\n}\n",
			"s3":     "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key = \"k\"\n  }\n}\n", "json": ""} {
			t.Run(kind+" for "+name, func(t *testing.T) {
				files := map[string]string{"main.tf": code + simple + provisioned(`grep -rl "$NEEDLE" "$TOP" > "$TOP-given/found"; true`)}
				if name == "json" {
					files["override.tf.json"] = `{"terraform": {"backend": {"local": {"path": "/nowhere/x"}}}}`
				}
				r := newRig(t, files)
				give := func(j *job.Job, s *job.Secrets) {
					j.Backend, s.Backend, s.Mask = kind, text, []string{canary}
					if kind == "pg" {
						s.Backend += fmt.Sprintf("schema_name = %q\n", "for_"+name)
					}
					s.Env["TOP"], s.Env["NEEDLE"] = r.base, "canary"
				}
				f := r.planned(give)
				apply := f.startApply(give)
				result := apply.wait()
				must(t, result, job.Succeeded, "", "")
				if result.Backend.Type != kind {
					t.Errorf("the state is named by %+v", result.Backend)
				}
				if b, err := os.ReadFile(filepath.Join(r.given(), "found")); err != nil || len(b) > 0 {
					t.Errorf("while the engine runs the secret lies in %s, %v", b, err)
				}
				r.nowhere("canary")
				if b, err := os.ReadFile(f.wrote(backend.OverrideFile)); err != nil ||
					!strings.Contains(string(b), backend.OtherBackendMark) {
					t.Errorf("the override file is\n%s (%v)", b, err)
				}
				_, again := r.plan(give)
				must(t, again, job.Succeeded, "", "")
				if again.Plan.HasChanges() {
					t.Error("the second plan found another state")
				}
				if want := map[string]string{"none": "", "json": "local"}; again.Overridden != name &&
					again.Overridden != want[name] {
					t.Errorf("in the place of %q", again.Overridden)
				}
				delete(server.states, "/x") // of the next one
			})
		}
	}
}

// Of several override files the last one counts: ours is the last.
func TestTheOverrideFileIsTheLast(t *testing.T) {
	const theirs = "terraform {\n  backend \"local\" {\n    path = \"/nowhere/x\"\n  }\n}\n"
	server, at := newStateServer(t, "")
	r := newRig(t, map[string]string{"main.tf": simple, "override.tf": theirs, "zzz_override.tf": theirs,
		"zzzz_tfops_override.tf": theirs, "zzzzz.tf": ""})
	f := r.planned(func(j *job.Job, s *job.Secrets) {
		j.Backend, s.Backend = "http", fmt.Sprintf("address = %q\n", at+"/x")
	})
	if _, err := os.Stat(f.wrote("zzzz_tfops_override.tf.json")); err != nil {
		t.Error(err)
	}
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	if server.at("/x") == "" {
		t.Error("the state is elsewhere")
	}
	// The managed one, too.
	_, res := r.plan(func(j *job.Job, _ *job.Secrets) { j.Backend = backend.ManagedBackend })
	must(t, res, job.Succeeded, "", "")
	if res.Backend.Type != backend.ManagedBackend || res.Overridden != "local" {
		t.Errorf("%+v", res.Backend)
	}

	r = newRig(t, map[string]string{"main.tf": simple, "~_override.tf": theirs})
	_, res = r.plan(func(j *job.Job, _ *job.Secrets) { j.Backend = backend.ManagedBackend })
	must(t, res, job.Failed, job.CauseBadInput, "comes after any")
}

// A setting that the backend does not have is shown where it was written.
func TestOtherBackendWithAWrongSetting(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": simple})
	_, res := r.plan(func(j *job.Job, s *job.Secrets) { j.Backend, s.Backend = "http", "adress = \"x\"\n" })
	must(t, res, job.Failed, job.CauseEngine, "(the workspace's backend block line 1)")
}
