package api

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/tfops/tfops/internal/fault"
)

// unreachable says why nothing came back, and what to do about it.
func (c *Client) unreachable(ctx context.Context, method string, err error) error {
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !dialing:
		return c.broken(ctx, method, err)
	case c.socket == "":
		return fault.New(fault.Unavailable, "check the address (--server, TFOPS_SERVER) and that tfops serve runs "+
			"there", "%s cannot be reached: %w", c.base, op.Err)
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Unavailable, c.start(), "tfops serve is not running: there is no socket at %s", c.socket)
	case errors.Is(err, syscall.ECONNREFUSED) && !isSocket(c.socket):
		return fault.New(fault.Unavailable, "move it away: a tfops serve that runs makes its socket again within a "+
			"second; else start one",
			"%s is in the place of the socket of tfops serve, and is none", c.socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.New(fault.Unavailable, c.start(), "tfops serve is not running: nobody answers on the socket %s",
			c.socket)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Forbidden, c.admission(), "this user may not use the socket %s", c.socket)
	}
	return fault.New(fault.Unavailable, c.start(), "the socket %s cannot be used: %w", c.socket, op.Err)
}

func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().Type() == fs.ModeSocket
}

func (c *Client) start() string {
	if c.config == "" {
		return "start it: tfops serve"
	}
	return "start it: tfops serve --config " + c.config
}

// admission says how to be let through to the socket. Who is not sees no more
// than the first of the two, the directory: its group is the one that is let
// through, if any is.
func (c *Client) admission() string {
	for _, path := range []string{c.socket, filepath.Dir(c.socket)} {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			break
		}
		if info.Mode().Perm()&0o010 != 0 || !info.IsDir() && info.Mode().Perm()&0o020 != 0 {
			return "ask to be added to the group " + groupName(st.Gid) + ", then log in again"
		}
		return "run it as user " + userName(st.Uid) + `, or ask for the socket to be shared with a group: server { socket_group = "…" } in tfops.hcl`
	}
	return "ask for the socket to be shared with a group: server { socket_group = \"…\" } in tfops.hcl"
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
