// Package egress is the one way out of a network that has nothing but itself: a proxy of the runner, which
// reaches the hosts that the workspace lists and writes down whom the engine spoke to.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tfops/tfops/internal/hosts"
)

// Proxy speaks HTTP: CONNECT for whatever is encrypted, and requests in absolute form for what is not.
type Proxy struct {
	Hosts  hosts.List
	Ledger *Ledger

	// Lookup resolves a name. The engine has no DNS: what it looks up could tell anybody anything.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	// Own are the addresses of this machine.
	Own func() []netip.Addr
	// Upstream is the proxy by which the machine itself reaches a URL; nil, or a nil URL, for none. It then
	// resolves the names, in its own network.
	Upstream func(*url.URL) (*url.URL, error)

	once     sync.Once
	places   chan struct{}
	ctx      context.Context // of all that it serves
	end      context.CancelFunc
	forward  *httputil.ReverseProxy
	outgoing *http.Transport
	relayed  *http.Transport // by the machine's own proxy
}

// Bounds on what an engine can have the runner hold.
const (
	connections  = 512
	headerTime   = 10 * time.Second
	helloTime    = 10 * time.Second
	dialTime     = 20 * time.Second
	headerBytes  = 64 << 10
	refusedBytes = 200
)

// New is a proxy that asks the machine's resolver.
func New(allowed hosts.List) *Proxy {
	return &Proxy{Hosts: allowed, Ledger: &Ledger{},
		Lookup: func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		},
		Own: ownAddresses}
}

func ownAddresses() (own []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr())
		}
	}
	return own
}

func (p *Proxy) prepare() {
	p.once.Do(func() {
		p.places = make(chan struct{}, connections)
		p.ctx, p.end = context.WithCancel(context.Background())
		p.outgoing = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 2,
			IdleConnTimeout: 30 * time.Second,
			DialContext: func(ctx context.Context, _, to string) (net.Conn, error) {
				t, err := p.target(to)
				if err != nil {
					return nil, err
				}
				return p.dial(ctx, t)
			}}
		p.relayed = p.outgoing.Clone()
		p.relayed.DialContext, p.relayed.DisableKeepAlives = p.relayDial, true
		p.relayed.Proxy = func(r *http.Request) (*url.URL, error) { return p.upstream(r.URL) }
		p.forward = &httputil.ReverseProxy{Transport: p, FlushInterval: -1, ErrorLog: log.New(io.Discard, "",
			0),
			Rewrite: func(r *httputil.ProxyRequest) {
				r.Out.URL.User = nil
				r.Out.Host = r.In.URL.Host
			},
			ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, err) }}
	})
}

// Serve takes what comes on a listener until that is closed.
func (p *Proxy) Serve(l net.Listener) error {
	p.prepare()
	s := &http.Server{Handler: p, ReadHeaderTimeout: headerTime, IdleTimeout: time.Minute, MaxHeaderBytes: headerBytes,
		ErrorLog: log.New(io.Discard, "", 0), BaseContext: func(net.Listener) context.Context { return p.ctx }}
	defer s.Close()
	stop := context.AfterFunc(p.ctx, func() { _ = s.Close() })
	defer stop()
	err := s.Serve(bounded{l, p.places})
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Close ends all that is served.
func (p *Proxy) Close() {
	p.prepare()
	p.end()
	p.outgoing.CloseIdleConnections()
}

// refusal is why a host is not reached; it is what the engine's error says.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// target is a host that is allowed.
type target struct {
	name string     // in its one form; "" of an address
	addr netip.Addr // valid for an address
	port int
}

func (t target) String() string {
	if t.name != "" {
		return t.name
	}
	return t.addr.String()
}

// target reads host:port, and refuses what the list does not have.
func (p *Proxy) target(text string) (target, error) {
	var t target
	host, port := text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, port = text[:i], text[i+1:]
	}
	var err error
	if t.port, err = hosts.Port(port); err == nil {
		if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
			err = errors.New("an address of IPv6 stands in brackets")
		} else {
			t.name, t.addr, err = hosts.Host(host)
		}
	}
	if err != nil {
		p.Ledger.add(clean(text), 0, "not a host with a port")
		return t, &refusal{http.StatusBadRequest, fmt.Sprintf("tfops: %q is not a host with a port", clean(text))}
	}
	if t.name != "" && p.Hosts.AllowsName(t.name, t.port) || t.addr.IsValid() && p.Hosts.Names(t.addr, t.port) {
		return t, nil
	}
	p.Ledger.add(t.String(), t.port, NotListed)
	return t, &refusal{http.StatusForbidden, fmt.Sprintf("tfops: %s is not in hosts of the workspace",
		net.JoinHostPort(t.String(), fmt.Sprint(t.port)))}
}

// NotListed is why most hosts are refused.
const NotListed = "not in hosts"

// dial connects to a target, at none of the addresses that are nobody's to reach.
func (p *Proxy) dial(ctx context.Context, t target) (net.Conn, error) {
	addrs := []netip.Addr{t.addr}
	if t.name != "" {
		var err error
		if addrs, err = p.Lookup(ctx, t.name); err != nil {
			p.Ledger.add(t.String(), t.port, "its name is not known")
			return nil, &refusal{http.StatusBadGateway, "tfops: the name " + t.name + " is not known"}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	own, what, failed := p.Own(), "", error(nil)
	for _, a := range addrs {
		a = a.Unmap()
		if why := hosts.Reserved(a, own); why != "" && !p.Hosts.Names(a, t.port) {
			what = why
			continue
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", netip.AddrPortFrom(a, uint16(t.port)).String())
		if err == nil {
			return counted{conn, p.Ledger.add(t.String(), t.port, "")}, nil
		}
		failed = err
	}
	if failed == nil {
		p.Ledger.add(t.String(), t.port, what)
		return nil, &refusal{http.StatusForbidden, fmt.Sprintf("tfops: %s is %s, which is reached only where hosts "+
			"names the address", t, what)}
	}
	p.Ledger.add(t.String(), t.port, "no connection")
	return nil, &refusal{http.StatusBadGateway, fmt.Sprintf("tfops: no connection to %s: %s", t, reason(failed))}
}

func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		p.connect(w, r)
		return
	}
	if r.URL.Host == "" || r.URL.Scheme != "http" {
		refuse(w, &refusal{http.StatusBadRequest,
			"tfops: this is a proxy, for requests in absolute form with http, and CONNECT"})
		return
	}
	at := r.URL.Host
	if r.URL.Port() == "" {
		at = strings.TrimSuffix(at, ":") + ":80"
	}
	if _, err := p.target(at); err != nil {
		refuse(w, err)
		return
	}
	r.Header.Del("Upgrade") // it would be a tunnel for anything
	p.forward.ServeHTTP(w, r)
}

// refuse answers with the reason in the first line, which is all that most clients tell of it.
func refuse(w http.ResponseWriter, err error) {
	status, text := http.StatusBadGateway, "tfops: "+reason(err)
	var r *refusal
	if errors.As(err, &r) {
		status, text = r.status, r.text
	}
	text = clean(text)
	conn, buffered, hijackErr := http.NewResponseController(w).Hijack()
	if hijackErr != nil {
		http.Error(w, text, status)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(headerTime))
	fmt.Fprintf(buffered, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"+
		"Connection: close\r\n\r\n%s\n", status, text, len(text)+1, text)
	_ = buffered.Flush()
}

// clean is a text that can stand in a line, and is short.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	if len(text) > refusedBytes {
		text = text[:refusedBytes] + "..."
	}
	return text
}

// bounded lets only so many connections be open at once; others wait until one ends.
type bounded struct {
	net.Listener
	places chan struct{}
}

func (b bounded) Accept() (net.Conn, error) {
	b.places <- struct{}{}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.places
		return nil, err
	}
	return &placed{Conn: c, leave: sync.OnceFunc(func() { <-b.places })}, nil
}

type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	c.leave()
	return c.Conn.Close()
}

func (c *placed) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
