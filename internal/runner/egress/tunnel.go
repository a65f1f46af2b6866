package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tfops/tfops/internal/hosts"
)

// connect makes a tunnel to a host, for TLS with that host and nothing else.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	t, err := p.target(r.Host)
	if err != nil {
		refuse(w, err)
		return
	}
	out, err := p.reach(r.Context(), t)
	if err != nil {
		refuse(w, err)
		return
	}
	defer out.Close()
	in, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer in.Close()
	stop := context.AfterFunc(p.ctx, func() { _ = in.Close() })
	defer stop()
	_ = in.SetDeadline(time.Now().Add(helloTime))
	if _, err := io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	hello, name, err := readHello(in, buffered)
	if err == nil {
		err = t.begins(name)
	}
	if err != nil {
		p.Ledger.add(t.String(), t.port, err.Error())
		return
	}
	if _, err := out.Write(hello); err != nil {
		return
	}
	_ = in.SetDeadline(time.Time{})
	p.join(rest{in, buffered}, out)
}

// rest is a connection of which a part was read ahead.
type rest struct {
	net.Conn
	ahead io.Reader
}

func (r rest) Read(b []byte) (int, error) { return r.ahead.Read(b) }

func (r rest) CloseWrite() error {
	if half, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return r.Conn.Close()
}

// begins refuses TLS with anybody but the host that the tunnel is to.
func (t target) begins(name string) error {
	if t.name == "" {
		if name != "" {
			return fmt.Errorf("TLS was begun with %q", clean(name))
		}
		return nil
	}
	one, err := hosts.Name(name)
	switch {
	case name == "":
		return errors.New("TLS was begun with no name")
	case err != nil || one != t.name:
		return fmt.Errorf("TLS was begun with %q", clean(name))
	}
	return nil
}

var errHello = errors.New("read")

// readHello reads the first message of TLS, and the name in it.
func readHello(in net.Conn, from io.Reader) (hello []byte, name string, err error) {
	read := &recorded{Conn: in, from: from}
	server := tls.Server(read, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name = h.ServerName
		return nil, errHello
	}})
	if err := server.HandshakeContext(context.Background()); !errors.Is(err, errHello) {
		return nil, "", errors.New("what was sent is not TLS")
	}
	return read.bytes.Bytes(), name, nil
}

// recorded is a connection that keeps what is read of it, and sends nothing.
type recorded struct {
	net.Conn
	from  io.Reader
	bytes bytes.Buffer
}

func (r *recorded) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	r.bytes.Write(b[:n])
	return n, err
}

func (r *recorded) Write(b []byte) (int, error) { return len(b), nil }

// join passes on what either side sends, until both have ended or one is broken.
func (p *Proxy) join(a, b net.Conn) {
	stop := context.AfterFunc(p.ctx, func() { _ = a.Close(); _ = b.Close() })
	defer stop()
	done := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		_, err := io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); err == nil && ok {
			_ = half.CloseWrite()
		} else {
			_ = a.Close()
			_ = b.Close()
		}
		done <- struct{}{}
	}
	go pass(a, b)
	go pass(b, a)
	<-done
	<-done
}

// Forward passes connections on to an address that the list names itself, whatever they speak.
func (p *Proxy) Forward(l net.Listener, to hosts.Endpoint) error {
	p.prepare()
	stop := context.AfterFunc(p.ctx, func() { _ = l.Close() })
	defer stop()
	places := bounded{l, p.places}
	for {
		in, err := places.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer in.Close()
			out, err := p.dial(p.ctx, target{addr: to.Addr, port: to.Port})
			if err != nil {
				return
			}
			defer out.Close()
			p.join(in, out)
		}()
	}
}

// Environment are the variables by which programs find the proxy.
func Environment(port int) map[string]string {
	at := "http://127.0.0.1:" + strconv.Itoa(port)
	env := map[string]string{"NO_PROXY": "", "no_proxy": ""}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		env[name] = at
	}
	return env
}
