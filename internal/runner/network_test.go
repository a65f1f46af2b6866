package runner

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/workspace"
)

// resolverEnv names, for the runner of a test, the DNS server that it asks.
const resolverEnv = "TFOPS_TEST_RESOLVER"

// useResolver has this process ask the test's own DNS server.
func useResolver() {
	if at := os.Getenv(resolverEnv); at != "" {
		net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn,
			error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", at)
		}}
	}
}

// resolver is a DNS server for which every name below example.com is this machine, and metadata.example.com
// that of a cloud.
func (r *rig) resolver() {
	r.t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	r.local.ExtraEnv = append(slices.Clone(r.local.ExtraEnv), resolverEnv+"="+c.LocalAddr().String())
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := resolve(b[:n]); answer != nil {
				_, _ = c.WriteTo(answer, from)
			}
		}
	}()
}

func resolve(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	if name := q.Name.String(); !strings.HasSuffix(name, ".example.com.") {
		m.RCode = dnsmessage.RCodeNameError
	} else if q.Type == dnsmessage.TypeA {
		a := [4]byte{127, 0, 0, 1}
		if strings.HasPrefix(name, "metadata.") {
			a = [4]byte{169, 254, 169, 254}
		}
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
			Body: &dnsmessage.AResource{A: a}}}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

func listed(hosts ...string) option {
	return func(j *job.Job, _ *job.Secrets) { j.Network, j.Hosts = workspace.ListedNetwork, hosts }
}

func portOf(s *httptest.Server) string { return s.URL[strings.LastIndexByte(s.URL, ':')+1:] }

func contact(t *testing.T, dir, host string) job.Contact {
	t.Helper()
	all, err := job.LoadNetwork(dir)
	if err != nil || all == nil {
		t.Fatalf("no ledger: %v", err)
	}
	for _, c := range all {
		if c.Host == host {
			return c
		}
	}
	return job.Contact{}
}

// Modules of a registry over https, an archive, a repository over https and a state over http: all of that goes
// where the workspace lists it, and is written down.
func TestListedHosts(t *testing.T) {
	reg := newRegistry(t, moduleSecret)
	r := newRig(t, nil)
	r.resolver()
	reg.use(r, "m")
	state := newHTTPState(t)
	host := "registry.example.com:" + portOf(reg.Server)
	r.write("main.tf", fmt.Sprintf(`
terraform {
  backend "http" {
    address = "http://state.example.com:%s/state"
  }
}
`, portOf(state))+simple+fmt.Sprintf("module \"m\" {\n  source  = %q\n  version = \"1.0.0\"\n}\n", host+"/acme/m/test"))
	reg.archives.URL = strings.Replace(reg.archives.URL, "127.0.0.1", "archives.example.com", 1)
	open := listed("*.example.com:*", "127.0.0.1:*")
	f, result := r.plan(open, opens(t, credential(t, host, credentials.Credential{Token: moduleSecret})))
	must(t, result, job.Succeeded, "", "")
	want := []string{"archives.example.com:" + portOf(reg.archives), host, "state.example.com:" + portOf(state)}
	slices.Sort(want)
	if !slices.Equal(result.Hosts, want) {
		t.Errorf("the engine spoke to %q, want %q", result.Hosts, want)
	}
	if c := contact(t, f.dir, "registry.example.com"); c.In == 0 || c.Out == 0 || c.Count == 0 || c.First.IsZero() {
		t.Errorf("in the ledger: %+v", c)
	}
	a := f.startApply(open)
	must(t, a.wait(), job.Succeeded, "", "")
	if c := contact(t, a.dir, "state.example.com"); c.Out == 0 {
		t.Errorf("in the ledger of the apply: %+v", c)
	}
}

// Git and curl know the way out, too.
func TestToolsReachListedHosts(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", map[string]string{"main.tf": "output \"from\" { value = \"git\" }\n"})
	git := httptest.NewTLSServer(gittest.Handler(repo.Dir, "", ""))
	t.Cleanup(git.Close)
	answers := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w,
			"answer")
	}))
	t.Cleanup(answers.Close)
	r := newRig(t, nil)
	r.resolver()
	pemFile := filepath.Join(r.base, "ca.pem")
	if err := os.WriteFile(pemFile, slices.Concat(certificate(git), certificate(answers)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.env["SSL_CERT_FILE"], r.env["GIT_SSL_CAINFO"] = pemFile, pemFile
	fetch := "curl -sS --cacert " + pemFile + " https://answers.example.com:" + portOf(answers) + "/ > made"
	r.write("main.tf", simple+fmt.Sprintf(`module "m" {
  source = "git::https://git.example.com:%s/repo.git?ref=main"
}
`,
		portOf(git))+provisioned(fetch))
	open := listed("*.example.com:*", "127.0.0.1:*")
	f, result := r.plan(open)
	must(t, result, job.Succeeded, "", "")
	if want := []string{"git.example.com:" + portOf(git)}; !slices.Equal(result.Hosts, want) {
		t.Errorf("the plan spoke to %q, want %q", result.Hosts, want)
	}
	a := f.startApply(open)
	must(t, a.wait(), job.Succeeded, "", "")
	if b, err := os.ReadFile(a.wrote("made")); err != nil || string(b) != "answer" {
		t.Errorf("curl got %q %v", b, err)
	}
}

func certificate(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// A host that is not listed is not reached: the error says so, and what to do.
func TestHostThatIsNotListed(t *testing.T) {
	reg := newRegistry(t, moduleSecret)
	r := newRig(t, nil)
	r.resolver()
	reg.use(r, "m")
	r.write("main.tf", simple+fmt.Sprintf("module \"m\" {\n  source  = %q\n  version = \"1.0.0\"\n}\n",
		"registry.example.com:"+portOf(reg.Server)+"/acme/m/test"))
	f, result := r.plan(listed("other.example.com"))
	host := "registry.example.com:" + portOf(reg.Server)
	must(t, result, job.Failed, job.CauseEngine, "it may not reach "+host)
	if !strings.Contains(result.Next, "add to hosts of the workspace: "+host) {
		t.Errorf("next: %s", result.Next)
	}
	if c := contact(t, f.dir, "registry.example.com"); c.Refused == "" || c.In+c.Out > 0 {
		t.Errorf("in the ledger: %+v", c)
	}
	if len(reg.told) > 0 || len(result.Hosts) > 0 {
		t.Errorf("it was reached: %q %q", reg.told, result.Hosts)
	}
}

// A service of this machine that the workspace names itself is reached without a proxy, which clients
// do not use for it.
func TestNamedLocalService(t *testing.T) {
	state := newHTTPState(t)
	r := newRig(t, map[string]string{"main.tf": fmt.Sprintf(`
terraform {
  backend "http" {
    address = "http://localhost:%s/state"
  }
}
`, portOf(state)) + simple})
	f, result := r.plan(listed("localhost:" + portOf(state)))
	must(t, result, job.Succeeded, "", "")
	if c := contact(t, f.dir, "127.0.0.1"); c.In == 0 {
		t.Errorf("in the ledger: %+v", c)
	}
	_, result = r.plan(listed("localhost:1"))
	must(t, result, job.Failed, job.CauseEngine, "connection refused")
	if !strings.Contains(result.Next, "hosts that are listed") {
		t.Errorf("next: %s", result.Next)
	}
}

// With no network there is nobody, and what needs nobody goes on.
func TestNoNetwork(t *testing.T) {
	state := newHTTPState(t)
	r := newRig(t, map[string]string{"main.tf": simple + provisioned("env | grep -ci _proxy > proxies; "+
		"(exec 3<>/dev/tcp/127.0.0.1/"+portOf(state)+") 2> refused || true")})
	none := func(j *job.Job, _ *job.Secrets) { j.Network = workspace.NoNetwork }
	f := r.planned(none)
	must(t, f.startApply(none).wait(), job.Succeeded, "", "")
	if all, err := job.LoadNetwork(f.dir); err != nil || all != nil {
		t.Errorf("a ledger of nothing: %v %v", all, err)
	}
}

// newHTTPState is a backend of the type http.
func newHTTPState(t *testing.T) *httptest.Server {
	t.Helper()
	var state []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			if state == nil {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = w.Write(state)
		case http.MethodPost:
			state, _ = io.ReadAll(r.Body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// What code of a plan or an apply can try to get out, or to reach the machine that it runs on.
func TestAttacksOnTheNetwork(t *testing.T) {
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "reached")
	}))
	t.Cleanup(answers.Close)
	encrypted := httptest.NewTLSServer(answers.Config.Handler)
	t.Cleanup(encrypted.Close)
	abstract, err := net.Listen("unix", "@tfops-test-"+filepath.Base(t.TempDir())+fmt.Sprint(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer abstract.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()

	r := newRig(t, nil)
	r.resolver()
	own := "192.0.2.1:80"
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() && p.Addr().Is4() {
				own = p.Addr().String() + ":" + portOf(answers)
			}
		}
	}
	attacks := map[string]string{
		"raw socket to the metadata":          "tcp 169.254.169.254:80",
		"raw socket to a service":             "tcp 127.0.0.1:" + portOf(answers),
		"raw socket to the machine":           "tcp " + own,
		"raw socket by IPv6":                  "tcp [fd00:ec2::254]:80",
		"abstract socket of the machine":      "unix " + abstract.Addr().String(),
		"DNS of the world":                    "udp 8.8.8.8:53",
		"DNS of systemd":                      "udp 127.0.0.53:53",
		"UDP to a service":                    "udp " + udp.LocalAddr().String(),
		"look a name up":                      "lookup tunnel.attacker.example.org",
		"metadata by the proxy":               "get http://169.254.169.254/latest/",
		"metadata by a name":                  "get http://metadata.example.com/latest/",
		"a service by the proxy":              "get http://127.0.0.1:" + portOf(answers) + "/",
		"a service by a name":                 "get http://a.example.com:" + portOf(answers) + "/",
		"a service by a mapped address":       "get http://[::ffff:127.0.0.1]:" + portOf(answers) + "/",
		"a service by a number":               "get http://2130706433:" + portOf(answers) + "/",
		"a service by a short address":        "get http://127.1:" + portOf(answers) + "/",
		"a service by localhost":              "get http://localhost:" + portOf(answers) + "/",
		"the machine by its address":          "get http://" + own + "/",
		"a tunnel to a service":               "tunnel 127.0.0.1:" + portOf(encrypted) + " 127.0.0.1",
		"a tunnel by an allowed name":         "tunnel a.example.com:" + portOf(encrypted) + " a.example.com",
		"a host that is not listed":           "tunnel evil.example.org:443 evil.example.org",
		"a trailing dot":                      "tunnel evil.example.org.:443 evil.example.org",
		"upper case":                          "tunnel EVIL.EXAMPLE.ORG:443 evil.example.org",
		"another alphabet":                    "tunnel ехаmple.com:443 x",
		"the way of the proxy to its network": "tunnel 0.0.0.0:" + portOf(answers) + " x",
	}
	var script strings.Builder
	for what, try := range attacks {
		fmt.Fprintf(&script, "%s reach '%s' %s >> told\n", r.local.Exe, what, try)
	}
	r.write("main.tf", provisioned(script.String()))
	l := listed("*.example.com:*")
	f := r.planned(l)
	a := f.startApply(l)
	must(t, a.wait(), job.Succeeded, "", "")
	b, err := os.ReadFile(a.wrote("told"))
	if err != nil {
		t.Fatal(err)
	}
	for what := range attacks {
		if !strings.Contains(string(b), what+": no ") {
			t.Errorf("%s: not refused", what)
		}
	}
	if t.Failed() {
		t.Logf("%s", b)
	}
	all, err := job.LoadNetwork(a.dir)
	if err != nil || len(all) < 8 {
		t.Errorf("ledger: %v %+v", err, all)
	}
	for _, c := range all {
		if c.Refused == "" || c.In+c.Out > 0 {
			t.Errorf("reached: %+v", c)
		}
	}
}

// reach tries one attack and says how it went: `reach WHAT HOW WHERE …`.
func reach(args []string) {
	how, to := args[1], args[2]
	err := func() error {
		switch how {
		case "tcp", "unix":
			c, err := net.Dial(how, to)
			if err == nil {
				c.Close()
			}
			return err
		case "udp":
			c, err := net.Dial("udp", to)
			if err != nil {
				return err
			}
			defer c.Close()
			for range 2 { // the refusal of the first one is told to the second
				if _, err = c.Write([]byte("x")); err != nil {
					return err
				}
			}
			_, err = c.Read(make([]byte, 1))
			return err
		case "memory": // a file in memory, which no process has mapped
			most, err := strconv.Atoi(to)
			if err != nil {
				return err
			}
			fd, err := unix.MemfdCreate("x", 0)
			for size, block := 0, make([]byte, 1<<20); err == nil && size < most; size += len(block) {
				_, err = unix.Write(fd, block)
			}
			if err == nil {
				err = unix.Pause() // until it is killed
			}
			return err
		case "lookup":
			_, err := net.LookupHost(to)
			return err
		case "get":
			return ask("GET " + to + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		default:
			return ask("CONNECT " + to + " HTTP/1.1\r\nHost: x\r\n\r\n")
		}
	}()
	if err != nil {
		fmt.Printf("%s: no (%v)\n", args[0], err)
		return
	}
	fmt.Printf("%s: YES\n", args[0])
}

// ask sends a request to the proxy.
func ask(request string) error {
	c, err := net.Dial("tcp", strings.TrimPrefix(os.Getenv("HTTPS_PROXY"), "http://"))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}

// Who is not root has the same network, by a user namespace.
func TestNetworkOfSomebody(t *testing.T) {
	if os.Getuid() != 0 {
		return // it was tried by the others
	}
	dir := somebodys(t)
	exe := filepath.Join(dir, "runner.test")
	if err := copyTo(exe, os.Args[0]); err != nil {
		t.Fatal(err)
	}
	const these = "TestListedHosts|TestNamedLocalService|" +
		"TestNoNetwork|TestAttacksOnTheNetwork|TestFileSize|TestForkBomb"
	cmd := exec.Command(exe, "-test.short", "-test.v", "-test.run=^("+these+")$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "TESTRIG_CACHE="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS") != 6 {
		t.Errorf("%v\n%s", err, out)
	}
}

const somebody = 64123 // whom no system has

// somebodys is a directory of somebody.
func somebodys(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tfops-somebody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyTo(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}
