package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Upstream reads, of variables, by which proxy this machine reaches the network.
func Upstream(env map[string]string) func(*url.URL) (*url.URL, error) {
	either := func(name, lower string) string {
		if v := env[name]; v != "" {
			return v
		}
		return env[lower]
	}
	c := httpproxy.Config{HTTPProxy: either("HTTP_PROXY", "http_proxy"), HTTPSProxy: either("HTTPS_PROXY",
		"https_proxy"),
		NoProxy: either("NO_PROXY", "no_proxy")}
	if c.HTTPProxy == "" && c.HTTPSProxy == "" {
		return nil
	}
	return c.ProxyFunc()
}

func (p *Proxy) upstream(u *url.URL) (*url.URL, error) {
	if p.Upstream == nil {
		return nil, nil
	}
	return p.Upstream(u)
}

// RoundTrip carries out a request that is allowed.
func (p *Proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	via, err := p.upstream(r.URL)
	if err != nil {
		return nil, err
	}
	if via == nil {
		return p.outgoing.RoundTrip(r)
	}
	at := r.URL.Host
	if r.URL.Port() == "" {
		at += ":80"
	}
	t, err := p.target(at)
	if err != nil {
		return nil, err
	}
	return p.relayed.RoundTrip(r.WithContext(context.WithValue(r.Context(), relayedTo{}, t)))
}

// relayedTo is the key of the target of a request that goes by another proxy.
type relayedTo struct{}

// relayDial connects to the machine's own proxy. What goes there is of the target.
func (p *Proxy) relayDial(ctx context.Context, network, proxy string) (net.Conn, error) {
	t, _ := ctx.Value(relayedTo{}).(target)
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, proxy)
	if err != nil {
		p.Ledger.add(t.String(), t.port, "no connection")
		return nil, fmt.Errorf("no connection to the proxy of this machine: %s", reason(err))
	}
	return counted{conn, p.Ledger.add(t.String(), t.port, "")}, nil
}

// reach connects to a target, by the machine's own proxy where it has one.
func (p *Proxy) reach(ctx context.Context, t target) (net.Conn, error) {
	at := net.JoinHostPort(t.String(), strconv.Itoa(t.port))
	via, err := p.upstream(&url.URL{Scheme: "https", Host: at})
	if err != nil || via == nil {
		if err != nil {
			return nil, err
		}
		return p.dial(ctx, t)
	}
	to := via.Host
	if via.Port() == "" {
		to += map[string]string{"http": ":80", "https": ":443"}[via.Scheme]
	}
	conn, err := p.relayDial(context.WithValue(ctx, relayedTo{}, t), "tcp", to)
	if err != nil {
		return nil, &refusal{http.StatusBadGateway, "tfops: " + err.Error()}
	}
	if via.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{ServerName: via.Hostname()})
	}
	head := http.Header{}
	if via.User != nil {
		password, _ := via.User.Password()
		head.Set("Proxy-Authorization", "Basic "+
			base64.StdEncoding.EncodeToString([]byte(via.User.Username()+":"+password)))
	}
	_ = conn.SetDeadline(time.Now().Add(dialTime))
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: at}, Host: at, Header: head}
	if err = ask.Write(conn); err == nil {
		read := bufio.NewReader(conn)
		var answer *http.Response
		if answer, err = http.ReadResponse(read, ask); err == nil && answer.StatusCode == http.StatusOK {
			_ = conn.SetDeadline(time.Time{})
			return rest{conn, read}, nil
		}
		if err == nil {
			err = fmt.Errorf("it answers %s", clean(answer.Status))
		}
	}
	_ = conn.Close()
	return nil, &refusal{http.StatusBadGateway,
		fmt.Sprintf("tfops: the proxy of this machine does not connect to %s: %s",
			t, reason(err))}
}
