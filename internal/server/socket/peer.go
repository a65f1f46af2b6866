package socket

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/fault"
)

// Peer is the user at the other end of a connection, as the kernel knows it.
type Peer struct {
	UID   uint32
	Name  func() (string, error) // looked up when it is asked for
	PID   int32                  // 0: not known
	Login *uint32                // the uid that logged in; nil: nobody did, or it is not known
	Own   bool                   // it is the user of this process

	// Refused says why nothing is done for the process, whatever its user may; nil if that is not so.
	Refused error
}

// Access is the peer as it is recorded.
func (p Peer) Access() access.Peer {
	out := access.Peer{UID: decimal(p.UID), PID: p.PID}
	if p.Login != nil {
		out.LoginUID = decimal(*p.Login)
		out.Login, _ = userName(*p.Login) // a directory that is down leaves the number
	}
	return out
}

func decimal(uid uint32) string { return strconv.FormatUint(uint64(uid), 10) }

type peerKey struct{}

// PeerOf is who asks in a request; false where the kernel does not tell.
func PeerOf(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// WithPeer asks the kernel once for each connection. A connection for which it
// has no answer gets no peer, and its requests are refused.
func WithPeer(ctx context.Context, c net.Conn) context.Context {
	cred, err := peerOf(c)
	if err != nil {
		return ctx
	}
	uid := cred.Uid
	// The name is looked up when a request needs it: this runs in the loop
	// that accepts connections, and a directory service may be slow.
	p := Peer{UID: uid, PID: cred.Pid, Login: cred.login, Refused: cred.refused,
		Own:  uid == own(),
		Name: sync.OnceValues(func() (string, error) { return userName(uid) })}
	return context.WithValue(ctx, peerKey{}, p)
}

// credentials are those of a peer when it connected.
type credentials struct {
	syscall.Ucred
	login   *uint32
	refused error
}

// credentialsOf asks the kernel who is at the other end of a socket.
func credentialsOf(fd int) (out credentials, err error) {
	cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return out, err
	}
	if cred.Uid == math.MaxUint32 { // what the kernel answers for a socket that is no Unix socket
		return out, errors.New("the kernel does not know the peer")
	}
	out.Ucred = *cred
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	switch {
	case err == nil:
		defer func() { _ = unix.Close(pidfd) }()
	case errors.Is(err, unix.ENOPROTOOPT):
		pidfd = notTold
	default:
		pidfd = ended
	}
	out.login = loginOf(cred.Pid, pidfd)
	if cred.Uid == own() {
		out.refused = refusedPeer(cred.Pid, pidfd)
	}
	return out, nil
}

func peerOf(c net.Conn) (out credentials, err error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return out, fmt.Errorf("%T is no socket", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return out, err
	}
	var credErr error
	err = raw.Control(func(fd uintptr) { out, credErr = credentialsOf(int(fd)) })
	return out, errors.Join(err, credErr)
}

func own() uint32 { return uint32(os.Geteuid()) } //nolint:gosec // a uid is one

// OwnName is the name of the user of this process, as that of a peer is told.
func OwnName() string {
	name, err := userName(own())
	if err != nil {
		return "uid:" + decimal(own())
	}
	return name
}

// knownNames are those that were looked up before, by uid.
var knownNames sync.Map

// userName is the user's name, or uid:NUMBER for one that has none. A failing
// lookup is an error and not a number: the same person must not count twice
// under two names.
func userName(uid uint32) (string, error) {
	id := decimal(uid)
	u, err := user.LookupId(id)
	var unknown user.UnknownUserIdError
	switch {
	case err == nil:
		knownNames.Store(uid, u.Username)
		return u.Username, nil
	case errors.As(err, &unknown):
		return "uid:" + id, nil
	}
	if name, ok := knownNames.Load(uid); ok { // a directory that is down, or too many open files
		return name.(string), nil
	}
	return "", fault.New(fault.Unavailable, "look at the machine's user database, then try again",
		"the name of user id %s cannot be looked up: %w", id, err)
}
