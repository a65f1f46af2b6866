package socket

import (
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The process that connects is known, and who logged in to its session if anybody did.
func TestPeerIsKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, ok := PeerOf(WithPeer(t.Context(), conn))
	if !ok || int(p.PID) != os.Getpid() || int(p.UID) != os.Getuid() {
		t.Fatalf("%+v, %v", p, ok)
	}
	want := ""
	if b, err := os.ReadFile("/proc/self/loginuid"); err == nil {
		if want = strings.TrimSpace(string(b)); want == strconv.Itoa(math.MaxUint32) {
			want = "" // nobody logged in
		}
	}
	if a := p.Access(); a.LoginUID != want || a.UID != strconv.Itoa(os.Getuid()) {
		t.Errorf("%+v, want the login %q", a, want)
	}
	// A process that is none is not believed in.
	if login := loginOf(int32(os.Getpid()), -1); login != nil {
		t.Errorf("without a descriptor: %d", *login)
	}
}
