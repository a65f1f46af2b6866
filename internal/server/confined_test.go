package server

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/testrig"
)

// confineAndExec takes something from this process for good and starts its program once more, which
// is confined from its first thread on.
func confineAndExec(how string) error {
	runtime.LockOSThread()
	if strings.Contains(how, "nnp") {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	if strings.Contains(how, "filter") { // one that allows everything
		filter := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}}
		prog := unix.SockFprog{Len: 1, Filter: &filter[0]}
		if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER,
			uintptr(unsafe.Pointer(&prog)), 0, 0); err != nil { //nolint:gosec // the kernel's interface
			return err
		}
	}
	return syscall.Exec("/proc/self/exe", os.Args, []string{"TFOPS_TEST_CLIENT=" + os.Getenv("TFOPS_TEST_CLIENT")})
}

// TestConfinedPeersAreRefused has processes of the daemon's own user ask for things that are shut in as
// engines are, and others that are not.
func TestConfinedPeersAreRefused(t *testing.T) {
	group := testrig.Group(t)
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, []fleet.Definition{define("a")}, func(r *rig, _ *Options) { r.group = group.Name })
	waiting := r.awaiting("a")
	c := newClients(t, r.socket)
	own := []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	type attempt struct {
		name     string
		attr     syscall.SysProcAttr
		confined string
		why      string
	}
	user := syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: own}
	both := syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID, UidMappings: own}
	attempts := []attempt{
		{"as a person", syscall.SysProcAttr{}, "", ""},
		{"without new privileges", syscall.SysProcAttr{}, "nnp", "no_new_privs"},
		{"filtered, without new privileges", syscall.SysProcAttr{}, "nnp filter", "no_new_privs"},
		{"in a user namespace", user, "", "another user namespace"},
		{"in a pid namespace", both, "", "another pid namespace"},
	}
	if os.Geteuid() == 0 {
		other := syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1, Gid: 65534, Groups: []uint32{uint32(gid)}}}
		attempts = append(attempts,
			attempt{"filtered", syscall.SysProcAttr{}, "filter", "more filters"},
			attempt{"in a pid namespace alone", syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}, "",
				"another pid namespace"},
			attempt{"as another user without new privileges", other, "nnp filter", ""})
	} else {
		t.Log(notRoot)
	}
	refused := 0
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			got := c.with(a.attr, a.confined, "waiting")
			if a.why == "" {
				if got.Code != "" || got.Run.ID != waiting.ID {
					t.Errorf("%+v", got)
				}
				return
			}
			for _, args := range [][]string{{"waiting"}, {"approve", waiting.ID, waiting.Plan.Digest}} {
				refused++
				got := c.with(a.attr, a.confined, args...)
				if got.Code != fault.Forbidden || !strings.Contains(got.Text, a.why) ||
					!strings.Contains(got.Next, "socket_group") {
					t.Errorf("%s: %+v", args[0], got)
				}
			}
			refused++
			if got.Code != fault.Forbidden {
				t.Errorf("%+v", got)
			}
		})
	}
	if got, err := r.client.Run(t.Context(), waiting.ID); err != nil || len(got.Approvals) != 0 ||
		got.Status != "awaiting_approval" {
		t.Errorf("the run has %d approvals and is %s, %v", len(got.Approvals), got.Status, err)
	}
	records, err := r.client.AuditLog(t.Context(), api.AuditQuery{Verb: "connect", Limit: 100})
	if err != nil || len(records) != refused {
		t.Fatalf("%d records of %d refusals, %v", len(records), refused, err)
	}
	for _, rec := range records {
		if rec.Allowed || rec.Refused == "" || rec.PID == 0 || rec.UID != strconv.Itoa(os.Geteuid()) {
			t.Errorf("%+v", rec)
		}
	}
}

// TestTheDaemonsUserCountsUnderNoRule votes as the user of the daemon itself.
func TestTheDaemonsUserCountsUnderNoRule(t *testing.T) {
	r := newRig(t, []fleet.Definition{define("a", approvals.Rule{Name: "one"}), define("b")},
		func(r *rig, o *Options) { o.MayApprove = r.engine.MayApprove })
	waiting := r.awaiting("a")
	const why = `runs tfops serve, and code that a plan runs may act as`
	_, err := r.client.Vote(t.Context(), waiting.ID, api.Ballot{Yes: true, Digest: waiting.Plan.Digest})
	testrig.WantFault(t, err, fault.Forbidden, why, "socket_group")
	all, err := r.client.Approvals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.ID == waiting.ID && (*a.CanApprove || !strings.Contains(a.CannotApproveBecause, why)) {
			t.Errorf("%v, %q", *a.CanApprove, a.CannotApproveBecause)
		}
	}
	free := r.awaiting("b")
	if _, err := r.client.Vote(t.Context(), free.ID, api.Ballot{Yes: true, Digest: free.Plan.Digest}); err != nil {
		t.Errorf("the confirmation: %v", err)
	}
	// A no of anybody counts.
	got, err := r.client.Vote(t.Context(), waiting.ID, api.Ballot{Digest: waiting.Plan.Digest, Comment: "not now"})
	if err != nil || got.Status != "discarded" {
		t.Errorf("a rejection: %s, %v", got.Status, err)
	}
}
