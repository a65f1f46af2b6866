package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/testrig"
)

// TestMain lets the test binary be a client too: started by asUser, it does
// one thing as the user that it runs as, and prints what came back.
func TestMain(m *testing.M) {
	if how := os.Getenv("TFOPS_TEST_CONFINED"); how != "" {
		fmt.Fprintln(os.Stderr, confineAndExec(how))
		os.Exit(1)
	}
	if socket := os.Getenv("TFOPS_TEST_CLIENT"); socket != "" {
		if err := json.NewEncoder(os.Stdout).Encode(beClient(socket, os.Args[1:])); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// said is what a client in another process got back.
type said struct {
	Run  api.Run
	Code fault.Code
	Text string
	Next string
}

func beClient(socket string, args []string) said {
	c, err := api.New(api.ClientOptions{Server: "unix://" + socket})
	var out said
	if err == nil {
		switch args[0] {
		case "health":
			_, err = c.Health(context.Background())
		case "waiting":
			var all []api.Run
			if all, err = c.Approvals(context.Background()); len(all) > 0 {
				out.Run = all[0]
			}
		case "approve":
			out.Run, err = c.Vote(context.Background(), args[1], api.Ballot{Yes: true, Digest: args[2]})
		case "peek":
			_, err = os.ReadFile(filepath.Join(filepath.Dir(socket), args[1]))
			if err == nil {
				out.Text = "it could be read"
				return out
			}
			err = fault.New(fault.Forbidden, "", "%w", err)
		}
	}
	if err != nil {
		out.Code, out.Text, out.Next = fault.CodeOf(err), err.Error(), fault.Next(err)
	}
	return out
}

// clients starts clients as other users. Their binary is a copy of this one
// in a place that everybody can reach.
type clients struct {
	t      *testing.T
	binary string
	socket string
}

func newClients(t *testing.T, socket string) *clients {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir), filepath.Dir(filepath.Dir(socket))} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	c := &clients{t: t, binary: filepath.Join(dir, "client"), socket: socket}
	copied, err := os.OpenFile(c.binary, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(copied, self); err != nil {
		t.Fatal(err)
	}
	if err := copied.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

// as does one thing as another user.
func (c *clients) as(cred syscall.Credential, args ...string) said {
	c.t.Helper()
	return c.with(syscall.SysProcAttr{Credential: &cred}, "", args...)
}

// with does one thing in a process that was started so, and is confined further.
func (c *clients) with(attr syscall.SysProcAttr, confined string, args ...string) said {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.binary, args...)
	cmd.Env = []string{"TFOPS_TEST_CLIENT=" + c.socket}
	if confined != "" {
		cmd.Env = append(cmd.Env, "TFOPS_TEST_CONFINED="+confined)
	}
	cmd.Dir = "/"
	cmd.SysProcAttr = &attr
	cmd.Stderr = os.Stderr
	b, err := cmd.Output()
	if err != nil {
		c.t.Fatal(err)
	}
	var out said
	if err := json.Unmarshal(b, &out); err != nil {
		c.t.Fatalf("the client printed %s", b)
	}
	return out
}

// others are users that are on every machine, and one that is on none.
func others(t *testing.T) (one, two, stranger uint32, names [2]string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return 0, 0, 0, names
	}
	for i, id := range []uint32{1, 2} {
		u, err := user.LookupId(strconv.Itoa(int(id)))
		if err != nil {
			t.Fatal(err)
		}
		names[i] = u.Username
	}
	return 1, 2, 3735928, names
}

const notRoot = "NOT RUN: clients of other users, which only root can start"

// TestTheActorIsTheKernelsWord approves under a rule of two people, by three
// users on one socket: who they are is nothing that they say.
func TestTheActorIsTheKernelsWord(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log(notRoot)
		return
	}
	one, two, stranger, names := others(t)
	group := testrig.Group(t)
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, []fleet.Definition{define("a", approvals.Rule{Name: "three", Require: 3})},
		func(r *rig, _ *Options) { r.group = group.Name })
	waiting := r.awaiting("a")
	c := newClients(t, r.socket)
	member := func(uid uint32) syscall.Credential {
		return syscall.Credential{Uid: uid, Gid: 65534, Groups: []uint32{uint32(gid)}}
	}
	if got := c.as(member(one), "approve", waiting.ID, waiting.Plan.Digest); got.Code != "" ||
		got.Run.Status != "awaiting_approval" {
		t.Fatalf("the first user got %+v", got)
	}
	if got := c.as(member(one), "approve", waiting.ID, waiting.Plan.Digest); got.Code != fault.Conflict ||
		!strings.Contains(got.Text, "one person counts once") {
		t.Errorf("the first user, again, got %+v", got)
	}
	if got := c.as(member(stranger), "approve", waiting.ID, waiting.Plan.Digest); got.Code != "" {
		t.Fatalf("a user without a name got %+v", got)
	}
	got := c.as(member(two), "approve", waiting.ID, waiting.Plan.Digest)
	if got.Code != "" {
		t.Fatalf("the second user got %+v", got)
	}
	var voters []string
	for _, v := range got.Run.Approvals {
		voters = append(voters, v.Voter)
	}
	if want := names[0] + " uid:" + strconv.Itoa(int(stranger)) + " " + names[1]; strings.Join(voters, " ") != want {
		t.Errorf("the voters are %q, want %s", voters, want)
	}
	r.until("a", "applied")
}

// TestWhoMayApproveIsTheKernelsWord asks as three users whose approvals would count, before
// and after one of them has approved.
func TestWhoMayApproveIsTheKernelsWord(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log(notRoot)
		return
	}
	one, two, stranger, names := others(t)
	group := testrig.Group(t)
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		t.Fatal(err)
	}
	rule := approvals.Rule{Name: "both", Require: 2, From: names[:]}
	r := newRig(t, []fleet.Definition{define("a", rule)}, func(r *rig, o *Options) {
		r.group, o.MayApprove = group.Name, r.engine.MayApprove
	})
	waiting := r.awaiting("a")
	c := newClients(t, r.socket)
	member := func(uid uint32) syscall.Credential {
		return syscall.Credential{Uid: uid, Gid: 65534, Groups: []uint32{uint32(gid)}}
	}
	says := func(uid uint32, why string) {
		t.Helper()
		got := c.as(member(uid), "waiting")
		if can := got.Run.CanApprove; got.Code != "" || got.Run.ID != waiting.ID || can == nil || *can != (why == "") ||
			got.Run.CannotApproveBecause != why {
			t.Errorf("user %d got %+v, want %q", uid, got, why)
		}
	}
	outside := `uid:` + strconv.Itoa(int(stranger)) + ` cannot approve this plan: rule "both" takes approvals of ` +
		names[0] + ` or ` + names[1] + ` only`
	says(one, "")
	says(two, "")
	says(stranger, outside)
	if got := c.as(member(stranger), "approve", waiting.ID, waiting.Plan.Digest); got.Code != fault.Forbidden ||
		got.Text != outside || got.Next != "tfops show "+waiting.ID {
		t.Errorf("a vote that was said not to count got %+v", got)
	}
	if got := c.as(member(one), "approve", waiting.ID, waiting.Plan.Digest); got.Code != "" {
		t.Fatalf("a vote that was said to count got %+v", got)
	}
	says(one, names[0]+" has approved this plan already: one person counts once")
	says(two, "")
}

// TestOnlyOwnerRootAndGroupConnect tries the socket from outside.
func TestOnlyOwnerRootAndGroupConnect(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log(notRoot)
		return
	}
	one, _, _, _ := others(t)
	group := testrig.Group(t)
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		t.Fatal(err)
	}
	outsider := syscall.Credential{Uid: one, Gid: 65534}
	member := syscall.Credential{Uid: one, Gid: 65534, Groups: []uint32{uint32(gid)}}

	alone := newRig(t, nil)
	for name, cred := range map[string]syscall.Credential{"outsider": outsider, "member": member} {
		got := newClients(t, alone.socket).as(cred, "health")
		if got.Code != fault.Forbidden || !strings.Contains(got.Next, "run it as user root") ||
			!strings.Contains(got.Next, "socket_group") {
			t.Errorf("%s at the owner's socket: %+v", name, got)
		}
	}
	shared := newRig(t, nil, func(r *rig, _ *Options) { r.group = group.Name })
	c := newClients(t, shared.socket)
	if got := c.as(outsider, "health"); got.Code != fault.Forbidden ||
		!strings.Contains(got.Next, "the group "+group.Name) {
		t.Errorf("an outsider at the shared socket: %+v", got)
	}
	if got := c.as(member, "health"); got.Code != "" {
		t.Errorf("a member at the shared socket: %+v", got)
	}
	for _, name := range []string{"tfops.db", "."} {
		if got := c.as(member, "peek", name); got.Code != fault.Forbidden {
			t.Errorf("a member looks into %s: %+v", name, got)
		}
	}
}
