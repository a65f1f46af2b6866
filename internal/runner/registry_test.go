package runner

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/testrig"
)

// registry is a module registry that asks for a token. Archives are on a host of their own.
type registry struct {
	*httptest.Server
	archives *httptest.Server
	mu       sync.Mutex
	told     []string // what the registry was told
	leaked   []string // what the host of the archives was told
}

func newRegistry(t *testing.T, token string) *registry {
	t.Helper()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("main.tf")
	if err == nil {
		_, err = w.Write([]byte("output \"from\" { value = \"a private registry\" }\n"))
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	r := &registry{}
	r.archives = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.note(&r.leaked, req)
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write(archive.Bytes())
	}))
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/terraform.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"modules.v1": "/v1/modules/"}`)
	})
	mux.HandleFunc("/v1/modules/acme/m/test/{rest...}", func(w http.ResponseWriter, req *http.Request) {
		r.note(&r.told, req)
		switch {
		case req.Header.Get("Authorization") != "Bearer "+token:
			http.Error(w, "who are you?", http.StatusUnauthorized)
		case req.PathValue("rest") == "versions":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"modules": [{"versions": [{"version": "1.0.0"}]}]}`)
		default:
			w.Header().Set("X-Terraform-Get", r.archives.URL+"/m.zip")
			w.WriteHeader(http.StatusNoContent)
		}
	})
	r.Server = httptest.NewTLSServer(mux)
	t.Cleanup(r.Close)
	t.Cleanup(r.archives.Close)
	return r
}

func (r *registry) note(where *[]string, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*where = append(*where, req.Header.Get("Authorization"))
}

// use has a phase trust the registry, and a root module call what it has.
func (r *registry) use(rig *rig, name string) string {
	rig.env["SSL_CERT_FILE"] = filepath.Join(rig.base, "registry.pem")
	if err := os.WriteFile(rig.env["SSL_CERT_FILE"],
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), 0o600); err != nil {
		rig.t.Fatal(err)
	}
	host := strings.TrimPrefix(r.URL, "https://")
	rig.write("main.tf", simple+fmt.Sprintf("module %q {\n  source  = %q\n  version = \"1.0.0\"\n}\n", name,
		host+"/acme/m/test"))
	return host
}

func TestModulesOfARegistry(t *testing.T) {
	reg := newRegistry(t, moduleSecret)
	r := newRig(t, nil)
	r.spied()
	host := reg.use(r, "m")
	_, result := r.plan()
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	if !strings.Contains(result.Next, `module_credentials "`+host+`" { token`) || !strings.Contains(result.Next, inputs.PrivateModules) {
		t.Errorf("next is %q", result.Next)
	}
	_, result = r.plan(opens(t, credential(t, host, credentials.Credential{Token: "expired-token"})))
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	if !strings.Contains(result.Next, `check the token of module_credentials "`+host+`"`) {
		t.Errorf("next is %q", result.Next)
	}
	open := opens(t, credential(t, host, credentials.Credential{Token: moduleSecret}))
	f, result := r.plan(open)
	must(t, result, job.Succeeded, "", "")
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	if strings.Join(reg.leaked, "") != "" {
		t.Errorf("the host of the archives was told %q", reg.leaked)
	}
	r.noTrace(moduleSecret, "expired-token")
}

// The CLI configuration that is in force stays so; of two tokens for a host the one of
// module_credentials counts.
func TestTokensBesideACLIConfiguration(t *testing.T) {
	if !testrig.Long(t, "tokens beside a CLI configuration") {
		return
	}
	reg := newRegistry(t, moduleSecret)
	for name, config := range map[string]string{
		"none of its own":   "disable_checkpoint = true\n",
		"another's":         "credentials \"other.example.com\" {\n  token = \"theirs\"\n}\n",
		"the same host's":   "credentials \"HOST\" {\n  token = \"theirs-and-old\"\n}\n",
		"JSON":              `{"credentials": {"HOST": {"token": "theirs-and-old"}}}`,
		"JSON, and no more": `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			host := reg.use(r, "m")
			r.env["TF_CLI_CONFIG_FILE"] = filepath.Join(r.base, "mine.tfrc")
			if err := os.WriteFile(r.env["TF_CLI_CONFIG_FILE"], []byte(strings.ReplaceAll(config, "HOST", host)),
				0o600); err != nil {
				t.Fatal(err)
			}
			_, result := r.plan(opens(t, credential(t, host, credentials.Credential{Token: moduleSecret})))
			must(t, result, job.Succeeded, "", "")
		})
	}
	// By itself it goes on working.
	r := newRig(t, nil)
	host := reg.use(r, "m")
	r.env["TF_CLI_CONFIG_FILE"] = filepath.Join(r.base, "mine.tfrc")
	if err := os.WriteFile(r.env["TF_CLI_CONFIG_FILE"], fmt.Appendf(nil, "credentials %q {\n  token = %q\n}\n", host,
		moduleSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	_, result := r.plan()
	must(t, result, job.Succeeded, "", "")
	if b, err := inputs.WithTokens([]byte("{ not json"), map[string]string{"h": "t"}); err == nil {
		t.Errorf("it was taken for JSON: %s", b)
	}
	b, err := inputs.WithTokens([]byte(`{"plugin_cache_dir": "/x", "credentials": {"H": {"token": "a"}, "i": {"token": "b"}}}`), map[string]string{"h": "t"})
	var got struct {
		Dir         string `json:"plugin_cache_dir"`
		Credentials map[string]struct{ Token string }
	}
	if err != nil || json.Unmarshal(b, &got) != nil || got.Dir != "/x" || len(got.Credentials) != 2 ||
		got.Credentials["h"].Token != "t" || got.Credentials["i"].Token != "b" {
		t.Errorf("%s %v", b, err)
	}
}

// What engines say of a registry that lets nobody in is told from what a backend says.
func TestWhoIsNotLetIn(t *testing.T) {
	advice := inputs.Advice{Credentials: []credentials.Credential{credential(t, "known.example.com",
		credentials.Credential{Token: "x"})}}
	for text, want := range map[string]string{
		"Error accessing remote module registry\nFailed to retrieve available versions for module \"m\" (main.tf:1) " +
			"from app.terraform.io: error looking up module versions: 401 Unauthorized.": `module_credentials "app.terraform.io" { token`,
		"Failed to query available provider packages\nCould not retrieve the list of available versions for " +
			"provider acme/x: host registry.example.com rejected the given authentication credentials": `module_credentials "registry.example.com" { token`,
		"Failed to query available provider packages\nCould not retrieve the list of available versions for " +
			"provider acme/x: the host known.example.com requires credentials": `check the token of module_credentials "known.example.com"`,
		"Failed to install provider\nError while installing registry.example.com:8443/acme/x v1.0.0: 403 Forbidden": `module_credentials "registry.example.com:8443" { token`,
		"Error: Failed to get existing workspaces: S3: status code: 403 Forbidden":                                  "",
		"Error refreshing state: HTTP remote state endpoint invalid auth: 401 Unauthorized":                         "",
		"fatal: could not read Username for 'https://git.example.com': terminal prompts disabled":                   `module_credentials "https://git.example.com/" { username`,
		"fatal: Authentication failed for 'https://git.example.com/acme/m.git/'":                                    `module_credentials "https://git.example.com/acme/m.git/"`,
		"error downloading 'ssh://git@git.example.com/acme/m.git': git@git.example.com: Permission denied " +
			"(publickey).": `module_credentials "ssh://git@git.example.com/acme/m.git/" { private_key_file`,
		"git@git.example.com: Permission denied (publickey,password).": `module_credentials "ssh://git@git.example.com/" { private_key_file`,
		"No ED25519 host key is known for git.example.com and you have requested strict checking.\nHost key " +
			"verification failed.": "known_hosts_file",
		"fatal: unable to access 'https://git.example.com/x/': server certificate verification failed. CAfile: none " +
			"CRLfile: none": "same_access",
		"Error: Unsupported argument": "",
	} {
		got := advice.For(text)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s\n%q, want %q", text, got, want)
		}
	}
}

// An init that cannot fetch something for another reason names what it did not use, too.
func TestAMirrorAtHomeIsNotUsed(t *testing.T) {
	r := newRig(t, map[string]string{"main.tf": "module \"m\" {\n  source  = \"127.0.0.1:1/acme/m/test\"\n  version " +
		"= \"1.0.0\"\n}\n"})
	_, result := r.plan()
	must(t, result, job.Failed, job.CauseNetwork, "init failed")
	if strings.Contains(result.Next, "~/") {
		t.Errorf("next is %q", result.Next)
	}
	for _, name := range []string{".terraformrc", ".gitconfig"} { // no registry is asked by what Git reads
		if err := os.WriteFile(filepath.Join(r.env["HOME"], name), []byte("# a mirror\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, result = r.plan()
	must(t, result, job.Failed, job.CauseNetwork, "init failed")
	if !strings.Contains(result.Next, "~/.terraformrc is there and was not used") ||
		!strings.Contains(result.Next, "can be reached") || !strings.Contains(result.Next, "cli_config") {
		t.Errorf("next is %q", result.Next)
	}
}

// OpenTofu is given the same, and prints its errors for people, broken into lines.
func TestModulesWithOpenTofu(t *testing.T) {
	path, ok := testrig.Tofu(t)
	if !ok {
		return // it says so
	}
	reg, h := newRegistry(t, moduleSecret), newGitHost(t)
	r := newRig(t, nil)
	r.env["PATH"] = filepath.Dir(path) + ":" + r.env["PATH"]
	tofu := func(j *job.Job, _ *job.Secrets) { j.Engine.Name = "tofu" }
	host := reg.use(r, "m")
	_, result := r.plan(tofu)
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	if !strings.Contains(result.Next, `module_credentials "`+host+`" { token`) {
		t.Errorf("next is %q", result.Next)
	}
	_, result = r.plan(tofu, opens(t, credential(t, host, credentials.Credential{Token: moduleSecret})))
	must(t, result, job.Succeeded, "", "")
	r.write("main.tf", called("git::"+h.URL+"/acme/m.git"))
	_, result = r.plan(tofu)
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	if !strings.Contains(result.Next, `module_credentials "`+h.URL+`/acme/m.git/"`) {
		t.Errorf("next is %q", result.Next)
	}
	_, result = r.plan(tofu, opens(t, credential(t, h.URL,
		credentials.Credential{Username: "me", Password: moduleSecret})))
	must(t, result, job.Succeeded, "", "")
	r.noTrace(moduleSecret)
}
