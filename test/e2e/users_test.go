package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/testrig"
)

// person is a Unix user that commands are run as.
type person struct {
	name   string
	uid    uint32
	groups []uint32
}

// strangers finds users of this system other than root, and a group for some
// of them. Nothing is added to the system.
func strangers(t *testing.T, n int) (people []person, group string, gid uint32) {
	t.Helper()
	for _, name := range []string{"games", "users", "staff", "mail", "daemon", "bin"} {
		if g, err := user.LookupGroup(name); err == nil {
			id, err := strconv.ParseUint(g.Gid, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			group, gid = name, uint32(id)
			break
		}
	}
	for _, name := range []string{"nobody", "daemon", "bin", "sys", "sync", "mail", "news", "man", "lp"} {
		u, err := user.Lookup(name)
		if err != nil || u.Uid == "0" || len(people) == n {
			continue
		}
		id, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		people = append(people, person{name: name, uid: uint32(id)})
	}
	return people, group, gid
}

// as runs a command of tfops as another user, who may claim to be anybody.
func (l *lab) as(p person, args ...string) answer {
	l.t.Helper()
	ctx, cancel := testrig.Deadline(l.t)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.bin, args...)
	var out, errout bytes.Buffer
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "USER=root", "LOGNAME=root", "USERNAME=root",
		"SUDO_USER=root",
		"TFOPS_ACTOR=root", "TFOPS_USER=root", "TFOPS_SERVER=" + l.path("data", "tfops.sock"), "NO_COLOR=1"}
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", &out, &errout
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: 65534, Groups: p.groups}}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatalf("tfops %v as %s: %v", args, p.name, err)
	}
	return answer{cmd.ProcessState.ExitCode(), out.String(), errout.String()}
}

// must runs a command as another user, with an exit status that it must have.
func (l *lab) must(want int, p person, args ...string) answer {
	l.t.Helper()
	a := l.as(p, args...)
	if a.code != want {
		l.t.Fatalf("tfops %v as %s: exit status %d, want %d\n%s%s", args, p.name, a.code, want, a.out, a.errout)
	}
	return a
}

// TestTwoPersons has rules kept among Unix users on one socket. Who they are
// is the kernel's word, whatever their environment says.
func TestTwoPersons(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Log("NOT RUN: rules among several Unix users on one socket: it takes root to become other users")
		return
	}
	people, group, gid := strangers(t, 4)
	if len(people) < 4 || group == "" {
		t.Logf("NOT RUN: rules among several Unix users on one socket: this system has only %d of the usual users",
			len(people))
		return
	}
	author, second, third, outsider := people[0], people[1], people[2], people[3]
	for _, p := range []*person{&author, &second, &third} {
		p.groups = []uint32{gid}
	}
	l := newLab(t)
	l.bin = l.copyOf(l.bin, "tfops") // where others can run it
	l.configure(passCLIConfig + `
server {
  socket_group = "` + group + `"
}
user "` + author.name + `" {
  emails = ["author@example.com"]
}
user "` + second.name + `" {
  emails = ["second@example.com"]
}
user "` + third.name + `" {
  emails = ["third@example.com"]
}
workspace "w" {
  repository = "infra"
  approval "two" {
    require = 2
  }
}
`)
	l.repo.Commit("main", map[string]string{"main.tf": l.module("resource \"lab_thing\" \"a\" {\n  name = \"a\"\n}\n")},
		gittest.Author("Somebody", "author@example.com"))
	l.serve()
	r := l.latest("w", "awaiting_approval")

	if a := l.as(outsider, "status"); a.code != 1 || a.out != "" {
		t.Errorf("%s, who is not in group %s, got through: %+v", outsider.name, group, a)
	}
	l.as(outsider, "status").says(t, "may not use the socket", "group "+group)
	for _, file := range []string{"tfops.db", "key", "runs", "workspaces"} {
		if _, err := os.Stat(l.path("data", file)); err != nil {
			t.Fatal(err)
		}
		cat := exec.Command("/bin/ls", l.path("data", file))
		cat.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: second.uid, Gid: gid}}
		if out, err := cat.CombinedOutput(); err == nil && file != "tfops.db" && file != "key" {
			t.Errorf("a member of the group lists %s: %s", file, out)
		}
		read := exec.Command("/bin/cat", l.path("data", file))
		read.SysProcAttr = cat.SysProcAttr
		if out, err := read.CombinedOutput(); err == nil {
			t.Errorf("a member of the group reads %s: %.80q", file, out)
		}
	}

	l.must(1, author, "approve", r.ID, "-m", "I am root").says(t, "wrote the commit (rule")
	l.must(0, second, "approve", r.ID, "-m", "looks right")
	l.must(1, second, "approve", r.ID, "-m", "once more")
	if now := l.run(r.ID); now.Status != "awaiting_approval" || len(now.Approvals) != 1 ||
		now.Approvals[0].Voter != second.name {
		t.Fatalf("after one vote and two refusals: %s, %+v", now.Status, now.Approvals)
	}
	l.crash() // what was voted counts, whoever serves
	l.serve()
	l.must(0, second, "withdraw", r.ID)
	l.must(0, second, "approve", r.ID)
	l.must(0, third, "approve", r.ID, "-m", "and so do I")
	done := l.reaches(r.ID, "applied")
	if len(done.Approvals) != 2 {
		t.Errorf("the votes: %+v", done.Approvals)
	}

	// Who asks for a run cannot approve it either.
	l.write("world/a.json", `{"name":"a","value":"by hand","note":"none","revision":1}`)
	l.must(10, third, "sync", "w", "--wait")
	asked := l.latest("w", "awaiting_approval", r.ID)
	l.must(1, third, "approve", asked.ID)
	l.must(2, author, "reject", asked.ID) // without a reason
	l.must(0, author, "reject", asked.ID, "-m", "not on a Friday")
	l.must(0, author, "lock", "w", "-m", "mine")
	l.must(2, second, "unlock", "w")
	l.must(0, second, "unlock", "w", "-m", "it is Monday")

	audit, err := l.client.Audit(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range audit {
		if a.Via == "socket" && a.Allowed {
			got = append(got, a.Actor+" "+a.Action)
		}
	}
	want := []string{second.name + " unlock", author.name + " lock", author.name + " reject", third.name + " sync",
		third.name + " approve", second.name + " approve",
		second.name + " withdraw", second.name + " approve"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("the audit log, newest first:\n %v, want\n %v", got, want)
	}
}
