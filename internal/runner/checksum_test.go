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
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// offers are providers of example.com/acme, which can be installed and not run, from some kind of
// source. What a version is can change.
type offers struct {
	t    *testing.T
	kind string
	dir  string
	env  map[string]string

	mu      sync.Mutex
	content map[string]string // by "name/version"
}

// offerKinds are the sources that an engine knows, but for registries, which sign.
var offerKinds = []string{"network_mirror", "packed filesystem_mirror", "unpacked filesystem_mirror"}

func newOffers(t *testing.T, kind string) *offers {
	t.Helper()
	o := &offers{t: t, kind: kind, dir: t.TempDir(), env: map[string]string{}, content: map[string]string{}}
	config := fmt.Sprintf("filesystem_mirror {\n    path = %q\n  }", filepath.Join(o.dir, "mirror"))
	if kind == "network_mirror" {
		server := httptest.NewTLSServer(http.HandlerFunc(o.serve))
		t.Cleanup(server.Close)
		o.env["SSL_CERT_FILE"] = o.put("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
			Bytes: server.Certificate().Raw})))
		config = fmt.Sprintf("network_mirror {\n    url = %q\n  }", server.URL+"/")
	}
	o.env["TF_CLI_CONFIG_FILE"] = o.put("cli.tfrc", "provider_installation {\n  "+config+"\n}\n")
	return o
}

func (o *offers) put(name, text string) string {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		o.t.Fatal(err)
	}
	return path
}

const offerPlatform = runtime.GOOS + "_" + runtime.GOARCH

func (o *offers) archive(name, content string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "terraform-provider-" + name, Method: zip.Store})
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err != nil || z.Close() != nil {
		o.t.Error(err)
	}
	return b.String()
}

// offer has a version be of some content from now on.
func (o *offers) offer(name, version, content string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.content[name+"/"+version] = content
	at := filepath.Join("mirror", "example.com", "acme", name)
	switch o.kind {
	case "packed filesystem_mirror":
		file := fmt.Sprintf("terraform-provider-%s_%s_%s.zip", name, version, offerPlatform)
		o.put(filepath.Join(at, file), o.archive(name, content))
	case "unpacked filesystem_mirror":
		o.put(filepath.Join(at, version, offerPlatform, "terraform-provider-"+name), content)
	}
}

func (o *offers) serve(w http.ResponseWriter, req *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	part := strings.Split(strings.TrimPrefix(req.URL.Path, "/example.com/acme/"), "/")
	name, file := part[0], part[len(part)-1]
	version := strings.TrimSuffix(strings.TrimSuffix(file, ".json"), ".zip")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case file == "index.json":
		var versions []string
		for id := range o.content {
			if of, v, _ := strings.Cut(id, "/"); of == name {
				versions = append(versions, fmt.Sprintf("%q: {}", v))
			}
		}
		fmt.Fprintf(w, `{"versions": {%s}}`, strings.Join(versions, ", "))
	case strings.HasSuffix(file, ".json"):
		fmt.Fprintf(w, `{"archives": {%q: {"url": "%s.zip"}}}`, offerPlatform, version)
	default:
		w.Header().Set("Content-Type", "application/zip")
		fmt.Fprint(w, o.archive(name, o.content[name+"/"+version]))
	}
}

// use gives a phase these providers, a workspace of a name, and a cache.
func (o *offers) use(r *rig, workspace, cache string) option {
	return func(j *job.Job, s *job.Secrets) {
		for name, value := range o.env {
			s.Env[name] = value
		}
		j.WorkspaceDir, j.CacheDir = filepath.Join(r.base, workspace), filepath.Join(r.base, cache)
	}
}

// asks is a root module that asks for providers: "NAME" or "NAME CONSTRAINT".
func asks(providers ...string) string {
	text := "terraform {\n  required_providers {\n"
	for _, p := range providers {
		name, constraint, _ := strings.Cut(p, " ")
		text += fmt.Sprintf("    %s = {\n      source  = \"example.com/acme/%[1]s\"\n      version = %q\n    }\n", name,
			constraint)
	}
	text += "  }\n}\n"
	for _, p := range providers {
		name, _, _ := strings.Cut(p, " ")
		text += fmt.Sprintf("resource \"%s_thing\" \"t\" {}\n", name)
	}
	return text
}

var h1 = regexp.MustCompile(`h1:[A-Za-z0-9+/=]{44}`)

// locked is what a workspace's kept lock file, or that of a tree, says.
func locked(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func keptLock(r *rig, workspace string) string {
	return filepath.Join(r.base, workspace, "engine", "terraform.lock.hcl")
}

// wantMismatch asserts that a plan failed for a provider that is another one, and that both hashes
// are named in one sentence.
func wantMismatch(t *testing.T, result job.Result, f *flight, provider, was string) (is string) {
	t.Helper()
	text := result.Message
	i := strings.Index(text, "example.com/acme/"+provider)
	if result.Outcome != job.Failed || i < 0 || !strings.Contains(text, ": locked is "+was) {
		t.Fatalf("%+v\n%s", result, f.read(job.EventsFile))
	}
	_, offered, found := strings.Cut(text, "offered is ")
	if is = h1.FindString(offered); !found || is == "" || is == was {
		t.Fatalf("the offered hash is %q: %s", is, text)
	}
	for _, d := range result.Diagnostics {
		if strings.Contains(d.Detail, was) && strings.Contains(d.Detail, is) {
			return is
		}
	}
	t.Fatalf("no diagnostic names both: %+v", result.Diagnostics)
	return ""
}

// A version whose bytes change is used by nobody who locked it, in whatever way it is offered, and
// what was locked stays so: with the honest one back all goes on.
func TestAnotherProviderOfTheSameVersion(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine job.EngineSpec) {
		for _, kind := range offerKinds {
			for _, committed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, committed %t", kind, committed), func(t *testing.T) {
					anotherProvider(t, engine, kind, committed)
				})
			}
		}
	})
}

func anotherProvider(t *testing.T, engine job.EngineSpec, kind string, committed bool) {
	with := func(j *job.Job, _ *job.Secrets) { j.Engine = engine }
	o := newOffers(t, kind)
	o.offer("lab", "1.0.0", "honest")
	r := newRig(t, map[string]string{"main.tf": asks("lab >= 1.0")})
	for _, w := range []string{"one", "two"} {
		f, result := r.plan(o.use(r, w, "cache"), with)
		initialised(t, f, result)
	}
	text := locked(t, keptLock(r, "one"))
	was := h1.FindString(text)
	if committed {
		r.write(diagnostics.DependencyLock, text)
	}
	o.offer("lab", "1.0.0", "evil")
	if err := os.RemoveAll(filepath.Join(r.base, "cache")); err != nil {
		t.Fatal(err)
	}
	evil := ""
	for i, w := range []string{"one", "two", "one"} {
		cold := fmt.Sprintf("cold-%d", i)
		f, result := r.plan(o.use(r, w, cold), with)
		evil = wantMismatch(t, result, f, "lab 1.0.0", was)
		if got := locked(t, keptLock(r, w)); got != text {
			t.Fatalf("what %s had locked is now\n%s", w, got)
		}
		in, _ := filepath.Glob(filepath.Join(r.base, cold, "providers", "example.com", "acme", "lab", "*", "*",
			"terraform-provider-lab"))
		if len(in) > 0 {
			t.Errorf("it is in the cache: %q", in)
		}
	}
	o.offer("lab", "1.0.0", "honest")
	f, result := r.plan(o.use(r, "one", "cold-0"), with)
	initialised(t, f, result)
	if strings.Contains(result.Message, evil) || strings.Contains(locked(t, keptLock(r, "one")), evil) {
		t.Errorf("%+v", result)
	}
}

// Where a constraint moves away from one provider, only its version is chosen anew. What was locked of
// another one holds on.
func TestOnlyWhatMovedIsLockedAnew(t *testing.T) {
	o := newOffers(t, "network_mirror")
	for _, p := range []string{"lab", "other"} {
		o.offer(p, "1.0.0", "honest")
		o.offer(p, "2.0.0", "honest 2")
	}
	r := newRig(t, map[string]string{"main.tf": asks("lab 1.0.0", "other 1.0.0")})
	f, result := r.plan(o.use(r, "w", "cache"))
	initialised(t, f, result)
	text := locked(t, keptLock(r, "w"))
	r.write("main.tf", asks("lab 2.0.0", "other >= 1.0"))
	o.offer("other", "1.0.0", "evil")
	f, result = r.plan(o.use(r, "w", "cold"))
	_, of, _ := strings.Cut(text, `"example.com/acme/other"`)
	wantMismatch(t, result, f, "other 1.0.0", h1.FindString(of))
	if got := locked(t, keptLock(r, "w")); got != text {
		t.Errorf("what was locked is now\n%s", got)
	}
	o.offer("other", "1.0.0", "honest")
	f, result = r.plan(o.use(r, "w", "cold"))
	initialised(t, f, result)
	got := locked(t, keptLock(r, "w"))
	if !strings.Contains(got, `"2.0.0"`) || !strings.Contains(got, h1.FindString(of)) {
		t.Errorf("what is locked now is\n%s", got)
	}
	// Both may move at once.
	r.write("main.tf", asks("lab 1.0.0", "other 2.0.0"))
	f, result = r.plan(o.use(r, "w", "cold"))
	initialised(t, f, result)
	if got := locked(t, keptLock(r, "w")); strings.Count(got, `= "1.0.0"`) == 0 || strings.Count(got, `"2.0.0"`) == 0 {
		t.Errorf("what is locked now is\n%s", got)
	}
}

// A plan of a branch, which is never applied, locks nothing for its workspace: neither the versions that
// the branch asks for, nor what lies in its terraform.d.
func TestABranchLocksNothing(t *testing.T) {
	o := newOffers(t, "network_mirror")
	o.offer("lab", "1.0.0", "old")
	o.offer("lab", "1.1.0", "honest")
	r := newRig(t, map[string]string{"main.tf": asks("lab 1.0.0"),
		"terraform.d/plugins/example.com/acme/extra/9.9.9/" + offerPlatform + "/terraform-provider-extra": "evil"})
	_, result := r.plan(o.use(r, "w", "cache"), speculative)
	if !strings.Contains(result.Message, "plan failed") { // none of these providers can be run
		t.Fatalf("%+v", result)
	}
	if b, err := os.ReadFile(keptLock(r, "w")); err == nil {
		t.Fatalf("it locked\n%s", b)
	}
	r.write("main.tf", asks("lab >= 1.0"))
	if err := os.RemoveAll(filepath.Join(r.tree, "terraform.d")); err != nil {
		t.Fatal(err)
	}
	f, result := r.plan(o.use(r, "w", "cache"))
	initialised(t, f, result)
	text := locked(t, keptLock(r, "w"))
	if !strings.Contains(text, `"1.1.0"`) {
		t.Fatalf("locked is\n%s", text)
	}
	r.write("main.tf", asks("lab 1.0.0"))
	r.plan(o.use(r, "w", "cache"), speculative)
	if got := locked(t, keptLock(r, "w")); got != text {
		t.Errorf("a branch locked\n%s", got)
	}
}

// A cache that has another provider of the version that was locked is in nobody's way: what was locked is
// fetched apart, and nobody's provider is taken away.
func TestACacheWithAnotherProvider(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine job.EngineSpec) {
		t.Run("our cache", func(t *testing.T) { cacheWithAnother(t, engine, false) })
		t.Run("a cache of the environment", func(t *testing.T) { cacheWithAnother(t, engine, true) })
	})
}

func cacheWithAnother(t *testing.T, engine job.EngineSpec, alien bool) {
	with := func(j *job.Job, _ *job.Secrets) { j.Engine = engine }
	o := newOffers(t, "network_mirror")
	r := newRig(t, map[string]string{"main.tf": asks("lab >= 1.0")})
	cache := filepath.Join(r.base, "cache", "providers")
	if alien {
		cache = filepath.Dir(o.put("alien/.keep", ""))
		o.env["TF_PLUGIN_CACHE_DIR"] = cache
	}
	o.offer("lab", "1.0.0", "honest")
	f, result := r.plan(o.use(r, "old", "cache"), with)
	initialised(t, f, result)
	text := locked(t, keptLock(r, "old"))
	was := h1.FindString(text)
	file := filepath.Join("example.com", "acme", "lab", "1.0.0", offerPlatform, "terraform-provider-lab")
	if err := os.WriteFile(filepath.Join(cache, file), []byte("evil"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f, result = r.plan(o.use(r, "old", "cache"), with)
		initialised(t, f, result)
		if got := locked(t, keptLock(r, "old")); got != text || strings.Contains(result.Message, "init failed") {
			t.Fatalf("locked is\n%s\n%+v", got, result)
		}
		if b := locked(t, filepath.Join(f.wrote(".terraform"), "providers", file)); b != "honest" {
			t.Fatalf("the engine is given %q", b)
		}
	}
	if b := locked(t, filepath.Join(cache, file)); b != "evil" {
		t.Errorf("what another workspace may be using became %q", b)
	}
	// Where the source gives the other one, too, nobody uses it who has locked this one.
	o.offer("lab", "1.0.0", "evil")
	if err := os.RemoveAll(filepath.Join(r.base, "cache", "providers", ".apart")); err != nil {
		t.Fatal(err)
	}
	f, result = r.plan(o.use(r, "old", "cache"), with)
	wantMismatch(t, result, f, "lab 1.0.0", was)
	if locked(t, keptLock(r, "old")) != text {
		t.Errorf("locked is\n%s", locked(t, keptLock(r, "old")))
	}
}
