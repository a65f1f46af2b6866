package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/fault"
)

// ClientOptions say where the daemon is.
type ClientOptions struct {
	// Server is "unix:///path/to/tfops.sock", "https://host", or
	// "http://host" for a loopback address only: a token must not travel in
	// the clear.
	Server string
	// Token is sent as a bearer token; a socket needs none.
	Token string
	// Config is the path of the tfops.hcl that the server was found by; it is
	// named in what to do when nobody answers. May be empty.
	Config string
}

// Client talks to a daemon. Its methods are the routes of docs/api.md. What
// fails comes back as a *fault.Error, with code, message and next step as the
// daemon made them; only the end of ctx comes back as ctx's own error. Nothing
// is sent twice.
type Client struct {
	base   string // before every path
	socket string // path of the Unix socket; empty for TCP
	token  string
	config string
	http   *http.Client
}

// dialTimeout bounds connecting; what is asked then takes what it takes.
const dialTimeout = 5 * time.Second

// New returns a client. It connects when it is asked something.
func New(o ClientOptions) (*Client, error) {
	u, err := url.Parse(o.Server)
	if err != nil {
		return nil, fault.New(fault.Invalid, serverForms, "the server %q is no URL: %w", o.Server, err)
	}
	c := &Client{token: o.Token, config: o.Config}
	transport := &http.Transport{MaxIdleConns: 4, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: dialTimeout,
		DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext}
	switch {
	case u.Scheme == "unix" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		c.socket, c.base = u.Path, "http://tfops"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", c.socket)
		}
	case (u.Scheme == "https" || u.Scheme == "http") && u.Host != "":
		if u.Scheme == "http" && !loopback(u.Hostname()) {
			return nil, fault.New(fault.Invalid, "use https://"+u.Host,
				"%s is not this machine, and http would send everything in the clear", u.Host)
		}
		c.base = strings.TrimSuffix(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
		transport.Proxy = http.ProxyFromEnvironment
	default:
		return nil, fault.New(fault.Invalid, serverForms, "the server %q cannot be reached that way", o.Server)
	}
	c.http = &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

const serverForms = "name it as unix:///path/to/tfops.sock or https://host"

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call asks and decodes the answer into out, unless that is nil.
func (c *Client) call(ctx context.Context, method, route string, in, out any) error {
	resp, err := c.send(ctx, method, route, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return c.broken(ctx, method, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fault.New(fault.Internal, "use the tfops of the daemon's version: tfops version",
			"the answer of %s to %s %s cannot be read: %w", c.place(), method, route, err)
	}
	return nil
}

// send asks and returns an answer that is a success; its body must be closed.
func (c *Client) send(ctx context.Context, method, route string, in any) (*http.Response, error) {
	if unclean(route) {
		return nil, fault.New(fault.NotFound, "name a workspace as in tfops status, a run as in tfops runs",
			"a name is missing, or is none")
	}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+route, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "%s %s cannot be asked: %w", method, route, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, method, err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, c.refusal(resp)
	}
	return resp, nil
}

// unclean reports whether a name in the path is empty, "." or "..": it would
// be another path.
func unclean(p string) bool {
	p, _, _ = strings.Cut(p, "?")
	return path.Clean(p) != p
}

// maxProblem bounds what is read of an answer that is not a success.
const maxProblem = 1 << 20

// refusal is the fault that the daemon answered with.
func (c *Client) refusal(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	var p Error
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.Detail == "" {
		return fault.New(CodeOf(resp.StatusCode), "check that "+c.place()+" is tfops",
			"%s answered %s, which tfops does not say", c.place(), resp.Status)
	}
	code := fault.Code(p.Code)
	if _, known := statuses[code]; !known {
		code = CodeOf(resp.StatusCode)
	}
	return &fault.Error{Code: code, Message: p.Detail, Next: p.Next}
}

// place names the server for a person.
func (c *Client) place() string {
	if c.socket != "" {
		return "the daemon at " + c.socket
	}
	return c.base
}

// broken is an answer that ended in the middle.
func (c *Client) broken(ctx context.Context, method string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	next := "try again: tfops status"
	if method != http.MethodGet {
		next = "see whether it was done before trying again: tfops status"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Unavailable, next, "%s closed the connection before its answer was whole: it "+
			"stopped, or its log says why", c.place())
	}
	return fault.New(fault.Unavailable, next, "the connection to %s broke: %w", c.place(), err)
}
