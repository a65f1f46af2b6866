package netns

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/hosts"
)

// The test's own binary tries, from within, to reach what its arguments name.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "reach" {
		for _, at := range os.Args[2:] {
			network, address, _ := strings.Cut(at, "/")
			c, err := net.Dial(network, address)
			if err == nil && network == "udp" {
				_, err = c.Write([]byte("x"))
			}
			if err != nil {
				fmt.Printf("%s no: %v\n", at, err)
				continue
			}
			b := make([]byte, 100)
			n := 0
			if network == "tcp" {
				n, _ = c.Read(b)
			}
			fmt.Printf("%s yes: %s\n", at, b[:n])
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && os.Args[1] == "inside" { // as somebody who may in a user namespace of its own alone
		runtime.LockOSThread()
		if err := try(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func here(fn func() error) error { return fn() }

// try makes a network, and looks from within.
func try() error {
	host, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer host.Close()
	metadata := hosts.Endpoint{Addr: netip.MustParseAddr("169.254.169.254"), Port: 80}
	local := hosts.Endpoint{Addr: netip.MustParseAddr("127.0.0.1"), Port: 8080}
	n, err := Open(here, true, []hosts.Endpoint{metadata, local})
	if err != nil {
		return err
	}
	defer n.Close()
	for _, l := range append([]Listener{{Listener: n.Proxy}}, n.Direct...) {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "runner")
				_ = c.Close()
			}
		}()
	}
	proxy := fmt.Sprint("tcp/127.0.0.1:", n.Port())
	yes := []string{proxy, "tcp/169.254.169.254:80", "tcp/127.0.0.1:8080"}
	no := []string{"tcp/" + host.Addr().String(), "tcp/169.254.170.2:80", "udp/8.8.8.8:53", "tcp/8.8.8.8:53",
		"tcp/169.254.169.254:81", "tcp/[fd00:ec2::254]:80", "udp/192.0.2.1:53"}
	cmd := exec.Command("/proc/self/exe", append([]string{"reach"}, append(yes, no...)...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	for _, at := range yes {
		if !strings.Contains(string(out), at+" yes: runner\n") {
			return fmt.Errorf("%s is not reached: %s", at, out)
		}
	}
	for _, at := range no {
		if !strings.Contains(string(out), at+" no: ") {
			return fmt.Errorf("%s is reached: %s", at, out)
		}
	}
	if here, err := n.Here(); err != nil || !here {
		return fmt.Errorf("this thread is not in the network: %w", err)
	}
	reached := make(chan error)
	go func() { // the rest of the process is where it was
		c, err := net.Dial("tcp", host.Addr().String())
		if err == nil {
			err = c.Close()
		}
		if here, hereErr := n.Here(); here || hereErr != nil {
			err = fmt.Errorf("another thread is in the network, too: %w", hereErr)
		}
		reached <- err
	}()
	return <-reached
}

// Within, there is what the runner listens at, and nothing else: not the machine, not its network.
func TestNetwork(t *testing.T) {
	if os.Getuid() == 0 {
		tried := make(chan error)
		go func() {
			runtime.LockOSThread() // for good: the thread ends with this function
			tried <- try()
		}()
		if err := <-tried; err != nil {
			t.Error(err)
		}
	}
	cmd := exec.Command("/proc/self/exe", "inside")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a user namespace: %v %s", err, out)
	}
}

// Who may not is told, and stays where it is.
func TestNotAllowed(t *testing.T) {
	if _, err := Open(func(func() error) error { return os.NewSyscallError("unshare", unix.EPERM) }, true,
		nil); err == nil {
		t.Error("a network was made")
	}
}
