// Package netns gives commands of the engine a network of their own, in which there is nothing but itself,
// and the runner listeners in it: what the engine connects to there, the runner accepts.
package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/hosts"
)

// Network is a network namespace.
type Network struct {
	// Proxy listens at a port that nobody else has; nil where the network is to have no way out.
	Proxy net.Listener
	// Direct listen at the addresses that the engine reaches without a proxy.
	Direct []Listener

	id unix.Stat_t // of the namespace
}

// own is the network namespace of the calling thread.
const own = "/proc/thread-self/ns/net"

// Here reports whether the calling thread lives in it.
func (n *Network) Here() (bool, error) {
	var id unix.Stat_t
	if err := unix.Stat(own, &id); err != nil {
		return false, &os.PathError{Op: "stat", Path: own, Err: err}
	}
	return id.Dev == n.id.Dev && id.Ino == n.id.Ino, nil
}

// Listener listens at an address for which the runner stands.
type Listener struct {
	net.Listener
	Endpoint hosts.Endpoint
}

// Open has the thread that starts the engine live in one from now on; the rest of the process stays where it
// is. There is no way back for that thread: who is not root may leave the machine's network and not
// join it. capable calls a function on that thread.
func Open(capable func(func() error) error, out bool, direct []hosts.Endpoint) (*Network, error) {
	n := &Network{}
	err := capable(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare(CLONE_NEWNET)", err)
		}
		return n.furnish(out, direct)
	})
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// furnish makes ready the network that the calling thread is in.
func (n *Network) furnish(out bool, direct []hosts.Endpoint) error {
	if err := unix.Stat(own, &n.id); err != nil {
		return &os.PathError{Op: "stat", Path: own, Err: err}
	}
	if err := begin(); err != nil {
		return fmt.Errorf("the loopback of a new network cannot be used: %w", err)
	}
	if out {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		n.Proxy = l
	}
	for i, e := range direct {
		if !e.Addr.IsLoopback() {
			if err := address(i, e.Addr); err != nil {
				return fmt.Errorf("no address %s in a new network: %w", e.Addr, err)
			}
		}
		l, err := net.Listen("tcp", netip.AddrPortFrom(e.Addr, uint16(e.Port)).String())
		if err != nil {
			if e.Addr == netip.IPv6Loopback() { // the machine has no IPv6
				continue
			}
			return err
		}
		n.Direct = append(n.Direct, Listener{l, e})
	}
	return nil
}

// request is the kernel's struct ifreq.
type request struct {
	name [unix.IFNAMSIZ]byte
	data [24]byte
}

func interfaceCall(call uintptr, r *request) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(s)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), call, uintptr(unsafe.Pointer(r))); errno != 0 {
		return os.NewSyscallError("ioctl", errno)
	}
	return nil
}

// begin switches the loopback on.
func begin() error {
	var r request
	copy(r.name[:], "lo")
	binary.NativeEndian.PutUint16(r.data[:], unix.IFF_UP|unix.IFF_RUNNING)
	return interfaceCall(unix.SIOCSIFFLAGS, &r)
}

// address gives the loopback one more address, which is reached from within alone.
func address(i int, a netip.Addr) error {
	if !a.Is4() {
		return errors.New("only addresses of IPv4 can stand there")
	}
	var r request
	copy(r.name[:], fmt.Sprintf("lo:%d", i+1))
	binary.NativeEndian.PutUint16(r.data[:], unix.AF_INET)
	four := a.As4()
	copy(r.data[4:], four[:])
	if err := interfaceCall(unix.SIOCSIFADDR, &r); err != nil {
		return err
	}
	copy(r.data[4:], []byte{255, 255, 255, 255})
	return interfaceCall(unix.SIOCSIFNETMASK, &r)
}

// Port is the proxy's.
func (n *Network) Port() int { return n.Proxy.Addr().(*net.TCPAddr).Port }

// Close ends the listeners. The network goes with the last one that is in it.
func (n *Network) Close() {
	if n.Proxy != nil {
		_ = n.Proxy.Close()
	}
	for _, l := range n.Direct {
		_ = l.Close()
	}
}
