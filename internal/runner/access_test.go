package runner

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/testrig"
)

const moduleSecret = "canary-module-secret"

// privateModule makes a bare repository with a module at dir.
func privateModule(t *testing.T, dir string) {
	t.Helper()
	work := t.TempDir()
	if err := os.WriteFile(filepath.Join(work, "main.tf"), []byte("output \"from\" { value = \"a private module\" }\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", work}, {"-C", work, "add", "."}, {"-C", work, "commit", "-q", "-m", "A module"},
		{"clone", "-q", "--bare", work, dir},
	} {
		cmd := exec.Command("git", args...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + work, "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a",
			"GIT_COMMITTER_EMAIL=a@example.com"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v %s", args, err, out)
		}
	}
}

// gitHost is Git's own server over http. It asks for a user and a password below /acme
// and /secret, sends /moved elsewhere, and remembers what it was told.
type gitHost struct {
	*httptest.Server
	mu   sync.Mutex
	told map[string][]string // "user:password", by the first part of the path
	away string              // where /moved is now
}

func newGitHost(t *testing.T) *gitHost {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"acme/m.git", "secret/m.git", "open/m.git"} {
		privateModule(t, filepath.Join(root, name))
	}
	backend := gittest.Backend(t, root)
	h := &gitHost{told: map[string][]string{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := strings.Split(r.URL.Path, "/")[1]
		user, pass, ok := r.BasicAuth()
		h.mu.Lock()
		if ok {
			h.told[first] = append(h.told[first], user+":"+pass)
		}
		away := h.away
		h.mu.Unlock()
		want := map[string]string{"acme": "me:" + moduleSecret, "secret": "other:" + moduleSecret + "-2",
			"moved": "me:" + moduleSecret}[first]
		switch {
		case want != "" && user+":"+pass != want:
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
		case first == "moved":
			http.Redirect(w, r, away+strings.Replace(r.URL.Path, "/moved", "/acme", 1)+"?"+r.URL.RawQuery,
				http.StatusFound)
		default:
			backend.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

// heard is what the host was told below a part of its path, each once.
func (h *gitHost) heard(first string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, s := range h.told[first] {
		if len(all) == 0 || all[len(all)-1] != s {
			all = append(all, s)
		}
	}
	return strings.Join(all, " ")
}

func called(sources ...string) string {
	text := simple
	for i, s := range sources {
		text += fmt.Sprintf("module \"m%d\" {\n  source = %q\n}\n", i, s)
	}
	return text
}

// opens gives a phase credentials for modules.
func opens(t *testing.T, all ...credentials.Credential) option {
	t.Helper()
	return func(_ *job.Job, s *job.Secrets) {
		s.Modules.Credentials = all
		for _, c := range all {
			s.Mask = append(s.Mask, c.Secrets()...)
		}
	}
}

func credential(t *testing.T, prefix string, c credentials.Credential) credentials.Credential {
	t.Helper()
	p, err := credentials.Parse(prefix)
	if err != nil {
		t.Fatal(err)
	}
	c.Prefix = p
	return c
}

// spied has every command of the engine write its environment, and that of what it
// starts, into the rig's directory given/spied.
func (r *rig) spied() {
	r.t.Helper()
	real := filepath.Join(filepath.SplitList(r.env["PATH"])[0], "terraform")
	bin, log := filepath.Join(r.given(), "bin"), filepath.Join(r.given(), "spied")
	script := fmt.Sprintf("#!/bin/sh\ncat /proc/self/environ > %q/$1-$$\nexec %q \"$@\"\n", log, real)
	for _, dir := range []string{bin, log} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(bin, "terraform"), []byte(script), 0o700); err != nil {
		r.t.Fatal(err)
	}
	r.env["PATH"] = bin + ":" + r.env["PATH"]
}

// noTrace searches all that a rig has on the disk for secrets, but for what a person put
// into the home directory.
func (r *rig) noTrace(secrets ...string) {
	r.t.Helper()
	seen := 0
	err := filepath.Walk(r.base, func(path string, info os.FileInfo, err error) error {
		if os.IsPermission(err) { // the kernel's own, below an overlay
			return nil
		}
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(path, r.env["HOME"]+"/") {
			return err
		}
		seen++
		b, err := os.ReadFile(path)
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) {
				r.t.Errorf("%s holds a secret", path)
			}
		}
		return err
	})
	if err != nil || seen < 5 {
		r.t.Fatalf("%v, %d files", err, seen)
	}
}

// Modules are fetched with what their prefix says; nobody else is told, and nothing of it
// stays: not on the disk, not in a log, not in any environment.
func TestModulesByHTTP(t *testing.T) {
	h, elsewhere := newGitHost(t), newGitHost(t)
	h.away = elsewhere.URL
	r := newRig(t, nil)
	r.spied()
	open := opens(t,
		credential(t, h.URL+"/", credentials.Credential{Username: "me", Password: moduleSecret}),
		credential(t, h.URL+"/secret/m.git", credentials.Credential{Username: "other", Password: moduleSecret + "-2"}),
		credential(t, elsewhere.URL+"/never", credentials.Credential{Username: "never", Password: moduleSecret + "-3"}),
	)
	// /open asks for nothing and is told nothing.
	r.write("main.tf", called("git::"+h.URL+"/acme/m.git", "git::"+h.URL+"/secret/m.git?ref=main", "git::"+h.URL+
		"/open/m.git")+
		"output \"from\" { value = module.m0.from }\n"+provisioned("cat /proc/self/environ /proc/$PPID/environ > "+
		r.given()+"/spied/provisioner"))
	f, result := r.plan(open)
	must(t, result, job.Succeeded, "", "")
	must(t, f.startApply().wait(), job.Succeeded, "", "")
	if h.heard("acme") != "me:"+moduleSecret || h.heard("secret") != "other:"+moduleSecret+"-2" ||
		h.heard("open") != "" {
		t.Errorf("told %v", h.told)
	}
	if strings.Contains(f.read(job.JobFile), "module_credentials") ||
		!durable.Exists(filepath.Join(r.given(), "spied", "provisioner")) {
		t.Error("the job names credentials, or nothing was spied out")
	}
	for _, command := range []string{"init", "plan", "apply"} {
		if found, _ := filepath.Glob(filepath.Join(r.given(), "spied", command+"-*")); len(found) == 0 {
			t.Errorf("no %s was spied out", command)
		}
	}

	// A host that sends Git on to another one does not send the password along.
	r.write("main.tf", called("git::"+h.URL+"/moved/m.git"))
	_, result = r.plan(open)
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	if elsewhere.heard("acme") != "" || h.heard("moved") != "me:"+moduleSecret {
		t.Errorf("told %v, and elsewhere %v", h.told, elsewhere.told)
	}
	r.noTrace(moduleSecret)
}

// An init that is not let in says what would let it in.
func TestAnInitThatIsNotLetIn(t *testing.T) {
	h := newGitHost(t)
	r := newRig(t, map[string]string{"main.tf": called("git::" + h.URL + "/acme/m.git")})
	_, result := r.plan()
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	for _, want := range []string{`module_credentials "` + h.URL + `/acme/m.git/"`, "password", "docs/private-modules.md"} {
		if !strings.Contains(result.Next, want) {
			t.Errorf("%q is missing in %q", want, result.Next)
		}
	}
	if strings.Contains(result.Next, "home directory") {
		t.Errorf("there is nothing at home: %q", result.Next)
	}
	wrong := credential(t, h.URL+"/acme", credentials.Credential{Username: "me", Password: "no-longer-right"})
	f, result := r.plan(opens(t, wrong))
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	if !strings.Contains(result.Next, `check the user and password of module_credentials "`+h.URL+`/acme/"`) {
		t.Errorf("next is %q", result.Next)
	}
	if events := f.read(job.EventsFile); strings.Contains(events, "/proc/") ||
		strings.Contains(events, "no-longer-right") {
		t.Errorf("a path of ours or the password is in the log: %s", events)
	}
}

// What lies in the home directory of the daemon's user does not count, and is named,
// unless the configuration names the engine's CLI configuration.
func TestTheHomeDirectoryDoesNotCount(t *testing.T) {
	if !testrig.Long(t, "home directories with settings") {
		return
	}
	h := newGitHost(t)
	host := strings.TrimPrefix(h.URL, "http://")
	for name, files := range map[string]map[string]string{
		"netrc": {".netrc": "machine 127.0.0.1\nlogin me\npassword " + moduleSecret + "\n"},
		"helper": {".gitconfig": "[credential]\n\thelper = store\n", ".git-credentials": "http://me:" +
			moduleSecret + "@" + host + "\n"},
		"insteadOf": {".gitconfig": "[url \"http://me:" + moduleSecret + "@" + host + "/\"]\n\tinsteadOf = http://" +
			host + "/\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"main.tf": called("git::" + h.URL + "/acme/m.git")})
			files[".terraformrc"] = "# mine\n"
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(r.env["HOME"], name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, result := r.plan()
			must(t, result, job.Failed, job.CauseEngine, "init failed")
			for file := range files {
				if !strings.Contains(result.Next, "~/"+file) {
					t.Errorf("%s is not named in %q", file, result.Next)
				}
			}
			if !strings.Contains(result.Next, "cli_config") {
				t.Errorf("next is %q", result.Next)
			}
			home := func(j *job.Job, s *job.Secrets) {
				j.Engine.CLIConfig = filepath.Join(r.env["HOME"], ".terraformrc")
				s.Mask = []string{moduleSecret}
			}
			_, result = r.plan(home)
			must(t, result, job.Succeeded, "", "")
			// Credentials of the configuration win over those at home.
			r.write("main.tf", called("git::"+h.URL+"/secret/m.git"))
			_, result = r.plan(home, opens(t,
				credential(t, h.URL, credentials.Credential{Username: "other", Password: moduleSecret + "-2"})))
			if name != "insteadOf" { // that one changes the address itself
				must(t, result, job.Succeeded, "", "")
			}
		})
	}
	r := newRig(t, map[string]string{"main.tf": simple})
	_, result := r.plan(func(j *job.Job, _ *job.Secrets) { j.Engine.CLIConfig = filepath.Join(r.base, "gone.tfrc") })
	must(t, result, job.Failed, job.CauseBadInput, "gone.tfrc")
}

// What somebody's own credentials opened is not kept for others, nor what the other engine
// would look up elsewhere.
func TestFetchedModulesStayInTheirScope(t *testing.T) {
	h := newGitHost(t)
	commit, err := exec.Command("git", "ls-remote", strings.Replace(h.URL, "http://", "http://me:"+moduleSecret+"@", 1)+
		"/acme/m.git", "main").Output()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, map[string]string{"main.tf": called("git::" + h.URL + "/acme/m.git?ref=" +
		strings.Fields(string(commit))[0])})
	c := credential(t, h.URL, credentials.Credential{Username: "me", Password: moduleSecret, Own: true})
	open := opens(t, c)
	own := func(j *job.Job, s *job.Secrets) {
		open(j, s)
		s.Modules.Scope = "infra"
	}
	in := func(name string) option {
		return func(j *job.Job, _ *job.Secrets) { j.WorkspaceDir = filepath.Join(r.base, name) }
	}
	_, result := r.plan(in("a"), own)
	must(t, result, job.Succeeded, "", "")
	h.told = map[string][]string{}
	_, result = r.plan(in("b"), own)
	must(t, result, job.Succeeded, "", "")
	if h.heard("acme") != "" {
		t.Error("a commit was fetched twice for one repository")
	}
	_, result = r.plan(in("c"))
	must(t, result, job.Failed, job.CauseEngine, "init failed")
}

// By ssh a key is chosen by the repository that is asked for; a host whose key is not
// known, or another one, is refused.
func TestModulesBySSH(t *testing.T) {
	t.Run("as tfops", func(t *testing.T) { modulesBySSH(t, newRig) })
	t.Run("as another user", func(t *testing.T) { // for whom OpenSSH does not start
		modulesBySSH(t, func(t testing.TB, files map[string]string) *rig {
			r := newRig(t, files)
			if r.local.Most = sandbox.Users; os.Getuid() != 0 {
				t.Skip("NOT RUN: it takes root to run engines as other users")
			}
			return r
		})
	})
}

func modulesBySSH(t *testing.T, rigOf func(testing.TB, map[string]string) *rig) {
	dir := filepath.Join(t.TempDir(), "repo.git")
	privateModule(t, dir)
	server := gittest.ServeSSH(t, dir)
	server.Run = func(dir string) *exec.Cmd {
		cmd := exec.Command("git", "upload-pack", dir)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1"}
		return cmd
	}
	_, wrongKey := gittest.NewKey(t)
	good := credential(t, server.URL, credentials.Credential{SSHKey: server.Key, KnownHosts: server.KnownHosts()})
	other := credential(t, "ssh://git@"+server.Addr+"/",
		credentials.Credential{SSHKey: wrongKey, KnownHosts: server.KnownHosts()})
	for _, source := range []string{"git::" + server.URL, "git::" + server.URL + "?ref=main"} {
		r := rigOf(t, map[string]string{"main.tf": called(source)})
		r.spied()
		f, result := r.plan(opens(t, other, good))
		must(t, result, job.Succeeded, "", "")
		if left, _ := filepath.Glob(filepath.Join(f.dir, "access-*")); len(left) > 0 {
			t.Errorf("sockets stayed: %s", left)
		}
		for line := range strings.Lines(string(server.Key)) {
			if !strings.HasPrefix(line, "-----") {
				r.noTrace(strings.TrimSpace(line))
			}
		}
	}
	r := rigOf(t, map[string]string{"main.tf": called("git::" + server.URL)})
	unknown, strange := good, good
	unknown.KnownHosts = nil
	strange.KnownHosts = []byte("[127.0.0.1]:1 " + strings.SplitN(string(server.KnownHosts("ssh-ed25519")), " ", 2)[1])
	for name, tt := range map[string]struct {
		with []credentials.Credential
		says []string
	}{
		"nothing given": {nil, []string{"known_hosts_file"}},
		"unknown host":  {[]credentials.Credential{unknown}, []string{"known_hosts_file", "ssh-keyscan"}},
		"strange host":  {[]credentials.Credential{strange}, []string{"known_hosts_file"}},
		"wrong key":     {[]credentials.Credential{other}, []string{`check the key of module_credentials "ssh://git@` + server.Addr + `/"`}},
	} {
		_, result := r.plan(opens(t, tt.with...))
		must(t, result, job.Failed, job.CauseEngine, "init failed")
		for _, want := range append(tt.says, "docs/private-modules.md") {
			if !strings.Contains(result.Next, want) {
				t.Errorf("%s: %q is missing in %q", name, want, result.Next)
			}
		}
	}
}

// A private authority and a client certificate count for the host that they are for.
func TestModulesWithCertificates(t *testing.T) {
	root := t.TempDir()
	privateModule(t, filepath.Join(root, "acme/m.git"))
	backend := gittest.Backend(t, root)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			http.Error(w, "who are you?", http.StatusForbidden)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a refusal is no news
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	raw, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	r := newRig(t, map[string]string{"main.tf": called("git::" + server.URL + "/acme/m.git")})
	_, result := r.plan()
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	if !strings.Contains(result.Next, "same_access") {
		t.Errorf("next is %q", result.Next)
	}
	_, result = r.plan(opens(t, credential(t, server.URL, credentials.Credential{CA: ca})))
	must(t, result, job.Failed, job.CauseEngine, "init failed")
	_, result = r.plan(opens(t, credential(t, server.URL, credentials.Credential{CA: ca, ClientCert: ca,
		ClientKey: key})))
	must(t, result, job.Succeeded, "", "")
	r.noTrace(strings.Split(string(key), "\n")[1])
}

func TestSSHOptions(t *testing.T) {
	k := inputs.Known{Own: "/home/my user/.ssh/known_hosts", Hosts: map[string]string{}}
	for prefix, socket := range map[string]string{"ssh://git@h/acme/": "acme", "ssh://git@h:2222/": "port",
		"git@h:acme/secret.git": "secret"} {
		k.SSH = append(k.SSH, credential(t, prefix, credentials.Credential{Agent: socket}))
	}
	t.Setenv("SSH_AUTH_SOCK", "given")
	for command, want := range map[string]string{
		"git@h git-upload-pack '/acme/x.git'":                          "acme",
		"-o SendEnv=GIT_PROTOCOL git@h git-upload-pack '/acme/secret'": "secret",
		"-p 2222 git@h git-upload-pack '/acme/x.git'":                  "port",
		"-4 -p 22 git@h git-upload-pack 'acme/x.git'":                  "acme",
		"git@h git-upload-pack '/acme/../other/x.git'":                 "given",
		"git@h git-upload-pack '/~acme/x.git'":                         "given",
		"me@h git-upload-pack '/acme/x.git'":                           "given",
		"git@evil git-upload-pack '/acme/x.git'":                       "given",
		"git@h":                                                        "given",
		"-p":                                                           "given",
	} {
		args := strings.SplitN(command, " git-upload", 2)
		words := strings.Fields(args[0])
		if len(args) == 2 {
			words = append(words, "git-upload"+args[1])
		}
		options := strings.Join(k.SshOptions(words), " ")
		if !strings.Contains(options, "IdentityAgent="+want+" ") || !strings.Contains(options,
			"StrictHostKeyChecking=yes") || !strings.Contains(options, `UserKnownHostsFile="/home/my user/.ssh/known_hosts"`) {
			t.Errorf("%s: %s, want %s", command, options, want)
		}
	}
	k.Home = true
	if options := k.SshOptions([]string{"me@elsewhere", "git-upload-pack '/x'"}); options != nil {
		t.Errorf("the user's own settings do not count: %s", options)
	}
}
