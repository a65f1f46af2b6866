package testrig

import (
	"os"
	"os/user"
	"strconv"
	"testing"
)

// Group is a group that this process may give a file to.
func Group(t testing.TB) *user.Group {
	t.Helper()
	gids, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		gids = []int{1, 2, 100} // daemon, bin, users
	}
	for _, gid := range append(gids, os.Getegid()) {
		if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
			return g
		}
	}
	t.Fatal("this process is in no group that has a name")
	return nil
}
