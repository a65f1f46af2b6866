package runner

import (
	"archive/zip"
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/testrig"
)

// mirror is a provider registry with one provider, which can be installed but
// not run: init does no more than that.
type mirror struct {
	downloads atomic.Int64
	env       map[string]string
}

const needsProvider = `
terraform {
  required_providers {
    acme = {
      source = "example.com/acme/acme"
    }
  }
}
resource "acme_thing" "t" {}
`

func newMirror(t *testing.T) *mirror {
	t.Helper()
	m := &mirror{env: map[string]string{}}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "terraform-provider-acme", Method: zip.Store})
	if err == nil {
		_, err = w.Write(bytes.Repeat([]byte("#"), 4<<20))
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/example.com/acme/acme/index.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"versions": {"1.0.0": {}, "2.0.0": {}}}`)
	})
	mux.HandleFunc("/example.com/acme/acme/{version}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"archives": {%q: {"url": "acme.zip"}}}`, platform)
	})
	mux.HandleFunc("/example.com/acme/acme/acme.zip", func(w http.ResponseWriter, _ *http.Request) {
		m.downloads.Add(1)
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write(archive.Bytes())
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	m.env["SSL_CERT_FILE"] = filepath.Join(dir, "cert.pem")
	m.env["TF_CLI_CONFIG_FILE"] = filepath.Join(dir, "cli.tfrc")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	config := fmt.Sprintf("provider_installation {\n  network_mirror {\n    url = %q\n  }\n}\n", server.URL+"/")
	for path, content := range map[string]string{m.env["SSL_CERT_FILE"]: string(cert),
		m.env["TF_CLI_CONFIG_FILE"]: config} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// use points a phase at the mirror and gives it a workspace and a cache of a name.
func (m *mirror) use(r *rig, workspace, cache string) option {
	return func(j *job.Job, s *job.Secrets) {
		for name, value := range m.env {
			s.Env[name] = value
		}
		j.WorkspaceDir = filepath.Join(r.base, workspace)
		j.CacheDir = filepath.Join(r.base, cache)
	}
}

// initialised checks that init went well; the plan after it cannot.
func initialised(t *testing.T, f *flight, result job.Result) {
	t.Helper()
	if !durable.Exists(ground.KeptInitFile(f.job.WorkspaceDir)) {
		t.Fatalf("init failed: %+v\n%s", result, f.read(job.EventsFile))
	}
}

func TestProviderCache(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, map[string]string{"main.tf": needsProvider})
	cold := int64(0)                                   // how often one init with an empty cache downloads
	for _, workspace := range []string{"one", "two"} { // neither has a lock file
		f, result := r.plan(m.use(r, workspace, "cache"))
		initialised(t, f, result)
		if workspace == "one" {
			cold = m.downloads.Load()
		}
	}
	if n := m.downloads.Load(); cold == 0 || n != cold {
		t.Fatalf("downloaded %d times, then %d", cold, n)
	}
	// The lock file that init made comes back into the next run's tree.
	f, result := r.plan(m.use(r, "two", "cache"))
	initialised(t, f, result)
	if !result.InitReused || !durable.Exists(f.wrote(diagnostics.DependencyLock)) {
		t.Fatalf("%+v", result)
	}
	// A repository's own lock file is left as it is.
	own, err := os.ReadFile(f.wrote(diagnostics.DependencyLock))
	if err != nil {
		t.Fatal(err)
	}
	r.write(diagnostics.DependencyLock, string(own))
	f, result = r.plan(m.use(r, "three", "cache"))
	initialised(t, f, result)
	if durable.Exists(f.wrote(diagnostics.DependencyLock)) || m.downloads.Load() != cold {
		t.Fatalf("%d downloads", m.downloads.Load())
	}
	if strings.Contains(f.read(job.EventsFile), "Incomplete lock file") {
		t.Error("init complains of the lock file")
	}
}

// Cold cache, many inits at once: each must end well, and the first fills the cache for all.
func TestProviderCacheIsSafeInParallel(t *testing.T) {
	if !testrig.Long(t, "inits side by side") {
		return
	}
	m := newMirror(t)
	alone := newRig(t, map[string]string{"main.tf": needsProvider})
	f, result := alone.plan(m.use(alone, "w", "c"))
	initialised(t, f, result)
	cold := m.downloads.Swap(0)
	var flights []*flight
	for i := range 6 {
		r := newRig(t, map[string]string{"main.tf": needsProvider})
		dir, job, secrets := r.planJob(m.use(r, "w", "c"))
		job.Run = fmt.Sprintf("%s-%d", job.Run, i)
		job.CacheDir = filepath.Join(filepath.Dir(m.env["SSL_CERT_FILE"]), "cache")
		flights = append(flights, r.start(dir, job, secrets))
	}
	for _, f := range flights {
		initialised(t, f, f.wait())
	}
	if n := m.downloads.Load(); cold == 0 || n != cold {
		t.Fatalf("downloaded %d times, %d for one alone", n, cold)
	}
}

// Without a lock file of its own, a repository may ask for other versions
// than the ones that were kept.
func TestKeptLockFileGivesWay(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, nil)
	for _, version := range []string{"1.0.0", "2.0.0"} {
		if err := os.RemoveAll(r.tree); err != nil { // a fresh checkout
			t.Fatal(err)
		}
		r.write("main.tf", strings.Replace(needsProvider, "acme\"\n", "acme\"\n      version = \""+version+"\"\n", 1))
		f, result := r.plan(m.use(r, "w", "c"))
		initialised(t, f, result)
		if b, _ := os.ReadFile(f.wrote(diagnostics.DependencyLock)); !strings.Contains(string(b), `"`+version+`"`) {
			t.Fatalf("%s: %s", version, b)
		}
	}
}

// The cache that a CLI configuration names is filled as ours is: by the runner, with what the lock file says.
func TestCacheOfTheCLIConfiguration(t *testing.T) {
	m := newMirror(t)
	r := newRig(t, map[string]string{"main.tf": needsProvider})
	cache := filepath.Join(t.TempDir(), "plugins")
	config, err := os.ReadFile(m.env["TF_CLI_CONFIG_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	r.env["CACHE_HOME"] = filepath.Dir(cache)
	if err := os.WriteFile(m.env["TF_CLI_CONFIG_FILE"],
		append([]byte("plugin_cache_dir = \"$CACHE_HOME/plugins\"\n"), config...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(cache, 0o700); err != nil { // the engine wants it to be there
		t.Fatal(err)
	}
	downloads := int64(0)
	for _, workspace := range []string{"one", "two"} {
		f, result := r.plan(m.use(r, workspace, "cache"))
		initialised(t, f, result)
		found, err := filepath.Glob(filepath.Join(cache, "example.com/acme/acme/*/*/terraform-provider-acme"))
		if err != nil || len(found) != 1 {
			t.Fatalf("in the cache: %q, %v", found, err)
		}
		links, err := filepath.Glob(f.wrote(".terraform/providers/example.com/acme/acme/*/*"))
		if err != nil || len(links) != 1 {
			t.Fatalf("links: %q, %v", links, err)
		}
		if to, err := os.Readlink(links[0]); err != nil || to != filepath.Dir(found[0]) {
			t.Errorf("it leads to %q, %v", to, err)
		}
		if n := m.downloads.Swap(0); workspace == "one" {
			downloads = n
		} else if n != 0 || downloads == 0 {
			t.Errorf("downloaded %d times, then %d", downloads, n)
		}
	}
	if left, err := filepath.Glob(filepath.Join(r.base, "cache", ".half-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
