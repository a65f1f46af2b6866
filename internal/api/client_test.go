package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tfops/tfops/internal/fault"
)

// serve starts a server that the test plays and a client of it.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return client(t, ClientOptions{Server: s.URL, Token: "t0ken"})
}

func client(t *testing.T, o ClientOptions) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func wantFault(t *testing.T, err error, code fault.Code, parts ...string) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("got %v (%s), want a fault %s", err, fault.CodeOf(err), code)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error()+"\n"+fault.Next(err), p) {
			t.Errorf("%q (next %q) does not say %q", err, fault.Next(err), p)
		}
	}
}

func TestCodesAndStatusesAgree(t *testing.T) {
	codes := []fault.Code{fault.Invalid, fault.NotFound, fault.Conflict, fault.Forbidden, fault.Unavailable,
		fault.Internal}
	if len(codes) != len(statuses) {
		t.Errorf("the table has %d codes, want %d", len(statuses), len(codes))
	}
	for _, c := range codes {
		if got := CodeOf(StatusOf(c)); got != c {
			t.Errorf("%s becomes %d becomes %s", c, StatusOf(c), got)
		}
	}
	for status, want := range map[int]fault.Code{400: fault.Invalid, 401: fault.Forbidden, 405: fault.Invalid,
		413: fault.Invalid,
		502: fault.Unavailable, 504: fault.Unavailable, 302: fault.Internal, 700: fault.Internal} {
		if got := CodeOf(status); got != want {
			t.Errorf("%d reads as %s, want %s", status, got, want)
		}
	}
	if got := StatusOf("something new"); got != 500 {
		t.Errorf("an unknown code becomes %d", got)
	}
}

func TestNewKnowsWhereItMayConnect(t *testing.T) {
	for _, server := range []string{"unix:///run/tfops.sock", "http://127.0.0.1:1", "http://[::1]:1",
		"http://localhost:1/x", "https://example.com"} {
		if _, err := New(ClientOptions{Server: server}); err != nil {
			t.Errorf("%s: %v", server, err)
		}
	}
	for _, server := range []string{"", "tfops.sock", "/run/tfops.sock", "unix://run/tfops.sock", "unix:tfops.sock",
		"ftp://x", "https://", "http://[x"} {
		_, err := New(ClientOptions{Server: server})
		if !fault.Is(err, fault.Invalid) || fault.Next(err) == "" {
			t.Errorf("%q: %v", server, err)
		}
	}
	_, err := New(ClientOptions{Server: "http://example.com", Token: "t0ken"})
	wantFault(t, err, fault.Invalid, "in the clear", "https://example.com")
}

func TestNobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	gone := client(t, ClientOptions{Server: "unix://" + filepath.Join(dir, "gone.sock")})
	_, err := gone.Status(t.Context())
	wantFault(t, err, fault.Unavailable, "there is no socket at "+filepath.Join(dir, "gone.sock"),
		"start it: tfops serve")

	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	_, err = client(t, ClientOptions{Server: "unix://" + stale, Config: "/etc/tfops/tfops.hcl"}).Status(t.Context())
	wantFault(t, err, fault.Unavailable, "nobody answers on the socket",
		"start it: tfops serve --config /etc/tfops/tfops.hcl")

	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp.Close()
	_, err = client(t, ClientOptions{Server: "http://" + tcp.Addr().String()}).Status(t.Context())
	wantFault(t, err, fault.Unavailable, tcp.Addr().String(), "--server")
}

func TestTheTokenIsSent(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(Version{Tfops: r.Header.Get("Authorization")})
	})
	v, err := c.Version(t.Context())
	if err != nil || v.Tfops != "Bearer t0ken" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAnswersThatAreNotTfopss(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		code       fault.Code
		says       string
	}{
		{"a gateway", "<html>", 502, fault.Unavailable, "502 Bad Gateway, which tfops does not say"},
		{"a redirect", "", 301, fault.Internal, "301"},
		{"an empty problem", "{}", 404, fault.NotFound, "404"},
		{"a code of a newer daemon", `{"status":409,"detail":"wait","code":"busy","next":"later"}`, 409, fault.Conflict, "wait\nlater"},
		{"a success that is no JSON", "hello", 200, fault.Internal, "tfops version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})
			_, err := c.Status(t.Context())
			wantFault(t, err, tt.code, tt.says)
		})
	}
}

// TestNothingIsSentTwice hangs up on a vote without an answer.
func TestNothingIsSentTwice(t *testing.T) {
	var asked atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1); r.Method == http.MethodGet {
			fmt.Fprint(w, "{}") // a connection that will be used again
			return
		}
		panic(http.ErrAbortHandler)
	})
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Vote(t.Context(), "x", Ballot{Yes: true})
	wantFault(t, err, fault.Unavailable, "see whether it was done before trying again")
	if n := asked.Load(); n != 2 {
		t.Errorf("the server was asked %d times, want 2", n)
	}
}

func TestTheEndOfTheContextIsItsOwnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := c.Run(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNamesThatAreNone(t *testing.T) {
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("it was asked for %s", r.URL) })
	for _, id := range []string{"", ".", ".."} { // one with a slash is escaped, and is a name that nobody has
		_, err := c.Run(t.Context(), id)
		wantFault(t, err, fault.NotFound)
		_, err = c.Plan(t.Context(), id)
		wantFault(t, err, fault.NotFound)
	}
}

func TestWaitGoesOnUntilSettled(t *testing.T) {
	answers := []string{"planning", "apply_queued", "applied"}
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(Run{Status: answers[0]})
		answers = answers[1:]
	})
	r, err := c.Wait(t.Context(), "x")
	if err != nil || r.Status != "applied" || len(answers) != 0 {
		t.Errorf("%s, %v, not asked for: %v", r.Status, err, answers)
	}
}

// TestALogThatIsCutOffIsNoWholeLog ends streams at every bad place.
func TestALogThatIsCutOffIsNoWholeLog(t *testing.T) {
	long := `"` + strings.Repeat("x", 1<<20) + `"`
	tests := []struct {
		name, body string
		cut        bool
		lines      int
	}{
		{"whole", "{}\n" + long + "\n", false, 2},
		{"empty", "", false, 0},
		{"cut between lines", "{}\n", true, 1},
		{"cut in a line", "{}\n{", true, 1},
		{"ends in a line", "{}\n{", false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, tt.body)
				if tt.cut {
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				}
			})
			lines, last := 0, error(nil)
			for line, err := range c.Log(t.Context(), "x", false) {
				if last = err; err == nil {
					lines++
					if !json.Valid(line) {
						t.Errorf("line %.20q", line)
					}
				}
			}
			if lines != tt.lines {
				t.Errorf("got %d lines, want %d", lines, tt.lines)
			}
			if bad := tt.cut || tt.name == "ends in a line"; bad {
				wantFault(t, last, fault.Unavailable, "before its answer was whole")
			} else if last != nil {
				t.Error(last)
			}
		})
	}
}

func TestAReaderMayLeaveALog(t *testing.T) {
	left := make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "{}")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(left)
	})
	for _, err := range c.Log(t.Context(), "x", true) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	<-left
}

func TestABackupThatIsNotWhole(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	var b bytes.Buffer
	wantFault(t, c.Backup(t.Context(), &b), fault.Unavailable, "before its answer was whole")

	c = serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "whole") })
	if err := c.Backup(t.Context(), &b); err != nil || b.String() != "halfwhole" {
		t.Errorf("%q, %v", b.String(), err)
	}
	full := errors.New("no space left")
	if err := c.Backup(t.Context(), failingWriter{full}); !errors.Is(err, full) ||
		!strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("got %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
