package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/hosts"
	"github.com/tfops/tfops/internal/job"
)

// rig is a proxy, and servers that it may reach or not.
type rig struct {
	t     testing.TB
	proxy *Proxy
	at    string // of the proxy
	plain *httptest.Server
	tls   *httptest.Server
	names map[string][]netip.Addr
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// newRig has a proxy for these patterns; PLAIN and TLS in them stand for the ports of two servers. Each name
// below example.com is the machine's, unless the test says otherwise.
func newRig(t testing.TB, patterns ...string) *rig {
	t.Helper()
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Host, r.URL.Path, r.Header.Get("Proxy-Authorization"), body)
	})
	r := &rig{t: t, plain: httptest.NewServer(answer), tls: httptest.NewTLSServer(answer),
		names: map[string][]netip.Addr{}}
	t.Cleanup(r.plain.Close)
	t.Cleanup(r.tls.Close)
	for i, p := range patterns {
		patterns[i] = r.ports(p)
	}
	l, err := hosts.ParseAll(patterns)
	if err != nil {
		t.Fatal(err)
	}
	r.proxy = New(l)
	r.proxy.Lookup = func(_ context.Context, name string) ([]netip.Addr, error) {
		if a, ok := r.names[name]; ok {
			return a, nil
		}
		if strings.HasSuffix(name, "example.com") || name == "localhost" {
			return []netip.Addr{loopback}, nil
		}
		return nil, errors.New("no such host")
	}
	l2, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.at = l2.Addr().String()
	served := make(chan error, 1)
	go func() { served <- r.proxy.Serve(l2) }()
	t.Cleanup(func() {
		r.proxy.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return r
}

func port(s *httptest.Server) string { return s.URL[strings.LastIndexByte(s.URL, ':')+1:] }

func (r *rig) ports(text string) string {
	return strings.NewReplacer("PLAIN", port(r.plain), "TLS", port(r.tls)).Replace(text)
}

func (r *rig) client() *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(r.tls.Certificate())
	u := &url.URL{Scheme: "http", Host: r.at}
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{Proxy: http.ProxyURL(u),
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: pool}}}
}

// get gives the body, or the error.
func (r *rig) get(at string) string {
	resp, err := r.client().Get(r.ports(at))
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(resp.StatusCode, " ", string(b))
}

// raw sends bytes to the proxy and gives what comes back.
func (r *rig) raw(text string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", r.at)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, r.ports(text)); err != nil {
		return err.Error()
	}
	if strings.HasPrefix(text, "CONNECT") { // a tunnel stays open
		b, _ := bufio.NewReader(c).ReadString('\n')
		return b
	}
	b, _ := io.ReadAll(c)
	return string(b)
}

func (r *rig) contact(host string, refused bool) (found job.Contact, ok bool) {
	for _, c := range r.proxy.Ledger.Contacts() {
		if c.Host == host && (c.Refused != "") == refused {
			return c, true
		}
	}
	return found, false
}

func TestHonestTraffic(t *testing.T) {
	r := newRig(t, "*.example.com:*", "127.0.0.1:*")
	if got := r.get("http://a.example.com:PLAIN/x"); got != r.ports("200 a.example.com:PLAIN /x  ") {
		t.Errorf("plain: %s", got)
	}
	if got := r.get("https://b.example.com:TLS/y"); got != r.ports("200 b.example.com:TLS /y  ") {
		t.Errorf("encrypted: %s", got)
	}
	if got := r.get("https://127.0.0.1:TLS/z"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("by address: %s", got)
	}
	for _, host := range []string{"a.example.com", "b.example.com", "127.0.0.1"} {
		c, ok := r.contact(host, false)
		if !ok || c.In < 100 || c.Out < 50 || c.Count != 1 || c.First.IsZero() || c.Port == 0 {
			t.Errorf("%s: %+v", host, c)
		}
	}
	resp, err := r.client().Post(r.ports("http://a.example.com:PLAIN/post"), "text/plain",
		strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); len(b) < 1<<20 {
		t.Errorf("%d bytes came back", len(b))
	}
}

// Many requests at once, on connections that are kept.
func TestManyAtOnce(t *testing.T) {
	r := newRig(t, "*.example.com:*", "127.0.0.1:*")
	client := r.client()
	client.Transport.(*http.Transport).DisableKeepAlives = false
	failed := make(chan error, 100)
	for i := range 100 {
		go func() {
			at := r.ports([]string{"http://a.example.com:PLAIN/", "https://a.example.com:TLS/"}[i%2])
			resp, err := client.Get(at)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			failed <- err
		}()
	}
	for range 100 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestRefused(t *testing.T) {
	r := newRig(t, "*.example.com:*", "localhost:1")
	for _, c := range []struct{ at, want, host string }{
		{"https://evil.com/", "evil.com:443 is not in hosts of the workspace", "evil.com"},
		{"http://evil.com/", "evil.com:80 is not in hosts", "evil.com"},
		{"http://a.example.com:PLAIN/", "is this machine, which is reached only where hosts names the address",
			"a.example.com"},
		{"https://a.example.com:TLS/", "is this machine", "a.example.com"},
		{"http://127.0.0.1:PLAIN/", "is not in hosts", "127.0.0.1"},
		{"http://[::1]:PLAIN/", "is not in hosts", "::1"},
		{"http://[::ffff:127.0.0.1]:PLAIN/", "is not in hosts", "127.0.0.1"},
		{"http://169.254.169.254/latest/meta-data/", "is not in hosts", "169.254.169.254"},
		{"http://[fd00:ec2::254]/", "is not in hosts", "fd00:ec2::254"},
		{"http://metadata.example.com/", "a cloud's metadata", "metadata.example.com"},
		{"http://mapped.example.com/", "a cloud's metadata", "mapped.example.com"},
		{"http://2852039166/", "is not a host with a port", ""},
		{"http://0x7f.1:PLAIN/", "is not a host with a port", ""},
		{"http://localhost:PLAIN/", "is not in hosts", "localhost"},
		{"https://nobody.example.org/", "is not in hosts", "nobody.example.org"},
	} {
		r.names["metadata.example.com"] = []netip.Addr{netip.MustParseAddr("169.254.169.254")}
		r.names["mapped.example.com"] = []netip.Addr{netip.MustParseAddr("64:ff9b::a9fe:a9fe")}
		if got := r.get(c.at); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.at, got)
		}
		if c.host != "" {
			if _, ok := r.contact(c.host, true); !ok {
				t.Errorf("%s is not in the ledger: %+v", c.host, r.proxy.Ledger.Contacts())
			}
		}
	}
	for _, c := range r.proxy.Ledger.Contacts() {
		if c.Refused == "" || c.In+c.Out > 0 {
			t.Errorf("reached: %+v", c)
		}
	}
}

// Names in other forms are the same host, for the list and in the ledger.
func TestForms(t *testing.T) {
	r := newRig(t, "a.example.com:*", "127.0.0.1:*")
	for _, host := range []string{"a.example.com", "A.EXAMPLE.com", "a.example.com."} {
		got := r.raw("CONNECT " + host + ":TLS HTTP/1.1\r\nHost: x\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Errorf("%s: %s", host, got)
		}
	}
	for _, host := range []string{"a.example.com.evil.com", "xn--a.example.com", "a.example.com..", "a%2eexample.com",
		"a.example.com\u3002",
		"ａ.example.com", "[a.example.com]", "a.example.com:80"} {
		if got := r.raw("CONNECT " + host + ":TLS HTTP/1.1\r\nHost: x\r\n\r\n"); strings.HasPrefix(got,
			"HTTP/1.1 200 ") {
			t.Errorf("%s: %s", host, got)
		}
	}
}

func tunnel(r *rig, name, sni string, plain string) error {
	c, err := net.Dial("tcp", r.at)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", r.ports(name), name)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return errors.New(resp.Status)
	}
	if plain != "" {
		_, _ = io.WriteString(c, plain)
		b, err := io.ReadAll(c)
		if len(b) > 0 {
			return fmt.Errorf("answered: %s", b)
		}
		return err
	}
	return tls.Client(c, &tls.Config{ServerName: sni, InsecureSkipVerify: true}).Handshake()
}

// A tunnel is for TLS with the host that it is to.
func TestTunnels(t *testing.T) {
	r := newRig(t, "*.example.com:*", "127.0.0.1:*")
	if err := tunnel(r, "a.example.com:TLS", "a.example.com", ""); err != nil {
		t.Errorf("honest: %v", err)
	}
	if err := tunnel(r, "127.0.0.1:TLS", "", ""); err != nil {
		t.Errorf("by address: %v", err)
	}
	for what, try := range map[string]func() error{
		"another name":            func() error { return tunnel(r, "a.example.com:TLS", "b.example.com", "") },
		"no name":                 func() error { return tunnel(r, "a.example.com:TLS", "", "") },
		"a name for an address":   func() error { return tunnel(r, "127.0.0.1:TLS", "a.example.com", "") },
		"another one, not listed": func() error { return tunnel(r, "a.example.com:TLS", "evil.com", "") },
	} {
		if err := try(); err == nil {
			t.Errorf("%s: a tunnel was made", what)
		}
	}
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "SSH-2.0-x\r\n", "\x16\x03\x01\x00\x05hello",
		"\x00\x00\x00\x08\x04\xd2\x16\x2f"} {
		if err := tunnel(r, "a.example.com:PLAIN", "", text); err != nil && strings.HasPrefix(err.Error(), "answered") {
			t.Errorf("%q: %v", text, err)
		}
	}
	c, ok := r.contact("a.example.com", true)
	if !ok {
		t.Errorf("not in the ledger: %+v", r.proxy.Ledger.Contacts())
	}
	if c.Out > 0 {
		t.Errorf("sent: %+v", c)
	}
	for _, c := range r.proxy.Ledger.Contacts() {
		if fmt.Sprint(c.Port) == port(r.plain) && c.Out > 0 {
			t.Errorf("sent in plain text: %+v", c)
		}
	}
}

// What is sent is what was asked for, whatever the headers say.
func TestSmuggling(t *testing.T) {
	r := newRig(t, "a.example.com:*", "127.0.0.1:*")
	got := r.raw("GET http://a.example.com:PLAIN/x HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n" +
		"Proxy-Authorization: Basic eDp5\r\n\r\n")
	if !strings.Contains(got, r.ports("a.example.com:PLAIN /x  ")) {
		t.Errorf("another host in the header: %s", got)
	}
	for what, text := range map[string]string{
		"the proxy itself": "GET /x HTTP/1.1\r\nHost: a.example.com\r\n\r\n",
		"another scheme":   "GET https://a.example.com:TLS/ HTTP/1.1\r\nHost: a.example.com\r\n\r\n",
		"a file":           "GET file:///etc/passwd HTTP/1.1\r\nHost: a.example.com\r\n\r\n",
		"a user":           "GET http://a.example.com:PLAIN@evil.com/ HTTP/1.1\r\nHost: a.example.com\r\n\r\n",
		"two lengths": "POST http://a.example.com:PLAIN/ HTTP/1.1\r\n" +
			"Host: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"a line in a name":  "CONNECT a.example.com\r\nX: :TLS HTTP/1.1\r\n\r\n",
		"no port":           "CONNECT a.example.com HTTP/1.1\r\nHost: x\r\n\r\n",
		"an address no one": "CONNECT 0:TLS HTTP/1.1\r\nHost: x\r\n\r\n",
		"nothing":           "CONNECT :TLS HTTP/1.1\r\nHost: x\r\n\r\n",
		"HTTP/2":            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		if got := r.raw(text); strings.HasPrefix(got, "HTTP/1.1 200") || strings.Contains(got, "a.example.com:") &&
			strings.Contains(got, "200 OK") {
			t.Errorf("%s: %s", what, got)
		}
	}
	// A tunnel by upgrade would carry anything.
	up := r.raw("GET http://a.example.com:PLAIN/ HTTP/1.1\r\nHost: x\r\n" +
		"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n")
	if strings.Contains(up, "101") {
		t.Errorf("upgraded: %s", up)
	}
	// Two requests at once: the second is looked at as well.
	got = r.raw("POST http://a.example.com:PLAIN/1 HTTP/1.1\r\nHost: x\r\n" +
		"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" +
		"0\r\n\r\nGET http://evil.com/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if strings.Count(got, "200 OK") != 1 || !strings.Contains(got, "evil.com:80 is not in hosts") {
		t.Errorf("both: %s", got)
	}
}

// Clients that never come to the point hold a place, and no more than there are; closing ends all of them.
func TestSlowClients(t *testing.T) {
	r := newRig(t, "*.example.com:*", "127.0.0.1:*")
	for range 50 {
		c, err := net.Dial("tcp", r.at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "CONNECT a.exa")
	}
	if got := r.get("http://a.example.com:PLAIN/x"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("an honest client: %s", got)
	}
	c, err := net.Dial("tcp", r.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\n\r\n", r.ports("a.example.com:TLS"))
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
		r.proxy.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		var timeout net.Error
		if _, err := c.Read(make([]byte, 1)); errors.As(err, &timeout) && timeout.Timeout() {
			t.Error("a tunnel outlives the proxy")
		}
	}
}

// The ledger does not grow with what an engine asks for.
func TestLedgerIsBounded(t *testing.T) {
	l := &Ledger{}
	for i := range 3 * most {
		l.add(strings.Repeat("x", 10_000)+fmt.Sprint(i), 443, NotListed)
		l.add(fmt.Sprint(i, ".example.com"), 443, NotListed)
	}
	all := l.Contacts()
	if len(all) != most+1 || all[most].Count != 3*most*2-(most-1)-3*most || len(all[0].Host) > 2*mostText {
		t.Errorf("%d entries, the last one %+v", len(all), all[len(all)-1])
	}
}

// An address that is named itself is reached without the proxy's words.
func TestForward(t *testing.T) {
	r := newRig(t, "localhost:PLAIN")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	direct := r.proxy.Hosts.Direct()
	if len(direct) != 2 {
		t.Fatalf("direct: %v", direct)
	}
	served := make(chan error, 1)
	go func() { served <- r.proxy.Forward(l, direct[0]) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/direct")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !strings.Contains(string(b), "/direct") {
		t.Errorf("%s", b)
	}
	if c, ok := r.contact("127.0.0.1", false); !ok || c.In == 0 {
		t.Errorf("ledger: %+v", r.proxy.Ledger.Contacts())
	}
	r.proxy.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// Where the machine itself reaches the network by a proxy, what is listed goes by it, and nothing else does.
func TestUpstream(t *testing.T) {
	upper := newRig(t, "*.example.com:*", "127.0.0.1:*")
	r := newRig(t, "a.example.com:*")
	r.plain, r.tls = upper.plain, upper.tls
	r.proxy.Upstream = Upstream(map[string]string{"HTTPS_PROXY": "http://" + upper.at, "http_proxy": "http://" +
		upper.at,
		"NO_PROXY": "direct.example.com"})
	r.names["a.example.com"] = nil // it knows no names
	if got := r.get("https://a.example.com:TLS/x"); got != r.ports("200 a.example.com:TLS /x  ") {
		t.Errorf("encrypted: %s", got)
	}
	if got := r.get("http://a.example.com:PLAIN/x"); got != r.ports("200 a.example.com:PLAIN /x  ") {
		t.Errorf("plain: %s", got)
	}
	if c, ok := r.contact("a.example.com", false); !ok || c.In == 0 {
		t.Errorf("ledger: %+v", r.proxy.Ledger.Contacts())
	}
	for _, at := range []string{"https://b.example.com:TLS/", "http://b.example.com:PLAIN/",
		"http://127.0.0.1:PLAIN/"} {
		if got := r.get(at); !strings.Contains(got, "is not in hosts") {
			t.Errorf("%s: %s", at, got)
		}
	}
	if err := tunnel(r, "a.example.com:TLS", "b.example.com", ""); err == nil {
		t.Error("a tunnel with another name")
	}
	upper.proxy.Hosts = nil
	if got := r.get("https://a.example.com:TLS/x"); !strings.Contains(got,
		"the proxy of this machine does not connect") {
		t.Errorf("refused above: %s", got)
	}
	if Upstream(map[string]string{"NO_PROXY": "*"}) != nil {
		t.Error("no proxy is one")
	}
}
