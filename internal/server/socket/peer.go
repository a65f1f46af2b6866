package socket

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os/user"
	"strconv"
	"sync"
	"syscall"

	"github.com/tfops/tfops/internal/fault"
)

// Peer is the user at the other end of a connection, as the kernel knows it.
type Peer struct {
	UID  uint32
	Name func() (string, error) // looked up when it is asked for
}

type peerKey struct{}

// PeerOf is who asks in a request; false where the kernel does not tell.
func PeerOf(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// WithPeer asks the kernel once for each connection. A connection for which it
// has no answer gets no peer, and its requests are refused.
func WithPeer(ctx context.Context, c net.Conn) context.Context {
	uid, err := peerUID(c)
	if err != nil {
		return ctx
	}
	// The name is looked up when a request needs it: this runs in the loop
	// that accepts connections, and a directory service may be slow.
	p := Peer{UID: uid, Name: sync.OnceValues(func() (string, error) { return userName(uid) })}
	return context.WithValue(ctx, peerKey{}, p)
}

func peerUID(c net.Conn) (uint32, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return 0, fmt.Errorf("%T is no socket", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	if cred.Uid == math.MaxUint32 { // what the kernel answers for a socket that is no Unix socket
		return 0, errors.New("the kernel does not know the peer")
	}
	return cred.Uid, nil
}

// knownNames are those that were looked up before, by uid.
var knownNames sync.Map

// userName is the user's name, or uid:NUMBER for one that has none. A failing
// lookup is an error and not a number: the same person must not count twice
// under two names.
func userName(uid uint32) (string, error) {
	id := strconv.FormatUint(uint64(uid), 10)
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
