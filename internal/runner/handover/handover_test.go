package handover

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/sandbox"
)

// somebody is a user that no machine has, one for each process that runs these tests.
var somebody = 0x70008000 + os.Getpid()%1000

func asRoot(t *testing.T) {
	t.Helper()
	if lacks, err := Lacks(); err != nil || len(lacks) > 0 {
		t.Skip("NOT RUN: it takes ", lacks, err)
	}
}

func open(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; strings.HasPrefix(at, os.TempDir()+"/"); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Each workspace has a user that no other one has, or had; the same one for as long as the range has it.
func TestAssign(t *testing.T) {
	dir := t.TempDir()
	r := sandbox.IDs{First: 0x70000000, Last: 0x7000000f}
	is := func(name string, r sandbox.IDs) int {
		t.Helper()
		uid, err := Assign(t.Context(), dir, name, r)
		if err != nil {
			t.Fatal(err)
		}
		if uid <= r.First || uid > r.Last {
			t.Errorf("%s is %d, which is not in %s, or for trials", name, uid, r)
		}
		return uid
	}
	seen := map[int]string{}
	for i := range r.Last - r.First {
		name := fmt.Sprintf("workspaces/w \"%d\"\n", i)
		uid := is(name, r)
		if other, ok := seen[uid]; ok {
			t.Errorf("%q and %q are both %d", name, other, uid)
		}
		if seen[uid] = name; is(name, r) != uid {
			t.Errorf("%q is not always %d", name, uid)
		}
	}
	// Whoever had one is remembered, though nothing else of it may be there.
	_, err := Assign(t.Context(), dir, "workspaces/more", r)
	if f, ok := errors.AsType[*fault.Error](err); !ok || !strings.Contains(f.Error(), "have been given") ||
		!strings.Contains(fault.Next(err), "uids") {
		t.Errorf("more than there are: %v", err)
	}
	other := sandbox.IDs{First: 0x70100000, Last: 0x7010ffff}
	if first := is("workspaces/more", other); first == is("workspaces/again", other) {
		t.Error("another range gives two the same")
	}
	if seen[is(seen[r.First+3], r)] != seen[r.First+3] {
		t.Error("another range takes away what one had")
	}
	elsewhere := t.TempDir()
	uid, err := Assign(t.Context(), elsewhere, "workspaces/more", other)
	if err != nil || uid == is("workspaces/more", other) {
		t.Errorf("two data directories begin with %d: %v", uid, err)
	}
	if err := os.WriteFile(filepath.Join(dir, UsersFile), []byte("7 torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Assign(t.Context(), dir, "workspaces/w", r); err == nil {
		t.Error("a file that cannot be read gives users")
	}
}

func TestRange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "map")
	for text, want := range map[string][2]bool{ // the wide one, that of containers
		"         0          0 4294967295\n": {true, true},
		"0 100000 65536\n":                   {false, true},
		"0 1000 1\n1 100000 65535\n":         {false, true},
		"0 1000 1\n":                         {false, false},
		"":                                   {false, false},
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for i, r := range usual {
			if got := mapped(file, r); got != want[i] {
				t.Errorf("%q has %s: %t", text, r, got)
			}
		}
	}
	mine := sandbox.IDs{First: 40000, Last: 40100}
	if r, err := Range(mine); err == nil && r != mine {
		t.Errorf("configured is %s, taken %s", mine, r)
	}
}

// As has the rights of somebody else on one thread, and nothing of this process has them afterwards.
func TestAs(t *testing.T) {
	asRoot(t)
	dir := open(t)
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		err := As(somebody, func() error {
			var st unix.Stat_t
			if err := unix.Mkdir(filepath.Join(dir, "x"), 0o700); !errors.Is(err, unix.EACCES) {
				t.Errorf("somebody writes to a directory of root: %v", err)
			}
			groups, err := unix.Getgroups()
			if err != nil || len(groups) > 0 {
				t.Errorf("somebody is in groups %v, %v", groups, err)
			}
			_, err = os.Open(secret)
			return errors.Join(err, unix.Stat(dir, &st))
		})
		if !errors.Is(err, os.ErrPermission) {
			t.Fatalf("somebody opens a secret: %v", err)
		}
		if _, err := os.Stat(secret); err != nil || os.Getuid() != 0 {
			t.Fatalf("this process is somebody else now: %d, %v", os.Getuid(), err)
		}
		done := make(chan error)
		go func() { _, err := os.ReadFile(secret); done <- err }()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// What a user has started is killed, whatever it did to stay, and nobody else.
func TestEnd(t *testing.T) {
	asRoot(t)
	start := func(uid int, script string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true,
			Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	other := start(somebody+1, "sleep 100")
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	mine := start(somebody, "trap '' TERM; (setsid sleep 100 &); sleep 100 & sleep 100")
	if err := End(somebody); err != nil {
		t.Error(err)
	}
	if left, err := living(somebody); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	_ = mine.Wait()
	if left, err := living(somebody + 1); err != nil || !slices.Contains(left, other.Process.Pid) {
		t.Errorf("of another user are left %v, %v", left, err)
	}
	if b, err := Environ(other.Process.Pid); err != nil || !strings.Contains(string(b), "PATH=") {
		t.Errorf("the environment of another user's process: %q, %v", b, err)
	}
	if err := End(somebody); err != nil {
		t.Errorf("of nobody: %v", err)
	}
}

// Nobody is given a file that has another name: it may be anything.
func TestGive(t *testing.T) {
	asRoot(t)
	dir := open(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{os.MkdirAll(at("tree/sub"), 0o700), os.WriteFile(at("tree/sub/file"), nil, 0o600),
		os.WriteFile(at("secret"), []byte("s"), 0o600), os.Link(at("secret"), at("tree/linked")),
		os.Symlink(at("secret"), at("tree/link")), Give(at("tree"), somebody), Give(at("nothing"), somebody)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	owner := func(name string) int {
		var st unix.Stat_t
		if err := unix.Lstat(at(name), &st); err != nil {
			t.Fatal(err)
		}
		return int(st.Uid)
	}
	for name, want := range map[string]int{"tree": somebody, "tree/sub/file": somebody, "tree/link": somebody,
		"secret": 0, "tree/linked": 0} {
		if got := owner(name); got != want {
			t.Errorf("%s belongs to %d, want %d", name, got, want)
		}
	}
	if err := Take(at("tree")); err != nil || owner("tree/sub/file") != 0 || owner("tree") != 0 {
		t.Errorf("taken back: %v, %d", err, owner("tree/sub/file"))
	}
}

// A workspace passes to what is its own, and others pass no further than to where it begins.
func TestWay(t *testing.T) {
	asRoot(t)
	dir := open(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{os.MkdirAll(at("data/workspaces/w/tree/a"), 0o700), os.Chmod(at("data"), 0o700),
		os.WriteFile(at("data/key"), []byte("k"), 0o600),
		os.WriteFile(at("data/workspaces/w/tree/state"), []byte("state"), 0o600),
		Way(at("data"), at("data/workspaces/w/tree/state"), somebody, at("data/workspaces/w")),
		Lend(at("data/workspaces/w/tree/state"), somebody, true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	reads := func(uid int, name string) error {
		return As(uid, func() error { _, err := os.ReadFile(at(name)); return err })
	}
	if err := reads(somebody, "data/workspaces/w/tree/state"); err != nil {
		t.Errorf("its own: %v", err)
	}
	if err := As(somebody, func() error {
		f, err := os.OpenFile(at("data/workspaces/w/tree/state"), os.O_RDWR, 0)
		return errors.Join(err, f.Close())
	}); err != nil {
		t.Errorf("written: %v", err)
	}
	if err := os.Chmod(at("data/workspaces/w/tree/state"), 0o644); err != nil { // as an engine would leave it
		t.Fatal(err)
	}
	if err := reads(somebody+1, "data/workspaces/w/tree/state"); !errors.Is(err, os.ErrPermission) {
		t.Errorf("another one's: %v", err)
	}
	if err := reads(somebody, "data/key"); !errors.Is(err, os.ErrPermission) {
		t.Errorf("the key: %v", err)
	}
	for _, name := range []string{"data", "data/workspaces", "data/workspaces/w"} {
		err := As(somebody, func() error { _, err := os.ReadDir(at(name)); return err })
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s is listed: %v", name, err)
		}
	}
	if err := errors.Join(Return(at("data/workspaces/w/tree/state")), Close(at("data/workspaces/w"))); err != nil {
		t.Error(err)
	}
	if err := reads(somebody, "data/workspaces/w/tree/state"); !errors.Is(err, os.ErrPermission) {
		t.Errorf("after it was closed: %v", err)
	}
}

// Two workspaces write to one directory of somebody else's, what is there and what is made there, and nothing that
// it leads to is given to them; nor is what lies in it that tfops keeps.
func TestGrant(t *testing.T) {
	asRoot(t)
	dir := open(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{os.MkdirAll(at("given/data"), 0o700), os.WriteFile(at("given/file"), nil, 0o600),
		os.WriteFile(at("secret"), []byte("s"), 0o600), os.Symlink(at("secret"), at("given/link")),
		os.Link(at("secret"), at("given/second")), os.Chmod(at("given"), 0o700),
		Grant(at("given"), somebody, at("given/data")), Grant(at("given"), somebody+1, at("given/data"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	opens := func(uid int, name string) error {
		return As(uid, func() error {
			f, err := os.OpenFile(at(name), os.O_RDWR|os.O_CREATE, 0o666)
			return errors.Join(err, f.Close())
		})
	}
	for _, name := range []string{"given/file", "given/made"} {
		for _, uid := range []int{somebody, somebody + 1} {
			if err := opens(uid, name); err != nil {
				t.Errorf("%d writes to %s: %v", uid, name, err)
			}
		}
		if err := opens(somebody+2, name); !errors.Is(err, os.ErrPermission) {
			t.Errorf("a third one writes to %s: %v", name, err)
		}
	}
	// What one of them made for itself alone is given to the other with the next phase.
	if err := As(somebody, func() error { return os.WriteFile(at("given/own"), nil, 0o600) }); err != nil {
		t.Fatal(err)
	}
	if !Granted(at("given"), somebody+1) || Granted(at("given"), somebody+2) || Granted(at("secret"), somebody) {
		t.Error("it is not told to whom it was granted")
	}
	if err := Grant(at("given"), somebody+1, at("given/data")); err != nil || opens(somebody+1, "given/own") != nil {
		t.Errorf("what another one made: %v, %v", err, opens(somebody+1, "given/own"))
	}
	for _, name := range []string{"given/link", "given/second", "secret", "given/data/x"} {
		if err := opens(somebody, name); !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info, err := os.Stat(at("given")); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("everybody may use it: %v, %v", info.Mode(), err)
	}
	// A list that bounded the group by its mask does so still.
	l := append(ofMode(0o640), entry{tagMask, 0, nobodyAt}).with(7, mayWrite)
	back, err := parseList(l.bytes())
	if err != nil || len(back) != 5 {
		t.Fatalf("%v, %v", back, err)
	}
	for _, e := range back {
		if e.tag == tagGroup && e.may != 0 {
			t.Errorf("the group may %d now", e.may)
		}
	}
	if _, err := parseList([]byte{1, 0, 0, 0}); err == nil {
		t.Error("another version is read")
	}
}
