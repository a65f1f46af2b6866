package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/launch"
	"github.com/tfops/tfops/internal/sandbox"
)

// victim is what an attacker is told: more than he would find out by himself.
type victim struct {
	Data, Config, Home string
	Socket, Abstract   string
	Daemon, Other      int    // processes: of the daemon, and of somebody else's run
	Secret             string // in the environment of Other, and in files
	Shm                string
	Pending            uint64 // how many signals may wait for the user
}

// attack is one thing that code of a repository tries. It fails unless it did harm.
type attack struct {
	name string
	do   func(v victim) error
	// alone says that nothing but the cell holds it: as root it does harm where engines are not shut in.
	alone bool
	// file is what it writes to: it did harm if that is seen from outside.
	file func(v victim) string
}

func reading(path func(v victim) string) func(victim) error {
	return func(v victim) error {
		b, err := os.ReadFile(path(v))
		if err == nil && !bytes.Contains(b, []byte(v.Secret)) {
			return errors.New("it is another file")
		}
		return err
	}
}

func planting(name string, path func(v victim) string) attack {
	return attack{name, func(v victim) error {
		f, err := os.OpenFile(path(v), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteString("planted\n")
		return errors.Join(err, f.Close())
	}, true, path}
}

func in(dir func(v victim) string, name string) func(victim) string {
	return func(v victim) string { return filepath.Join(dir(v), name) }
}

func data(v victim) string { return v.Data }
func home(v victim) string { return v.Home }

func calling(nr uintptr, args ...uintptr) func(victim) error {
	return func(victim) error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, no := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); no != 0 {
			return no
		}
		return nil
	}
}

func connecting(network string, to func(v victim) string) func(victim) error {
	return func(v victim) error {
		c, err := net.Dial(network, to(v))
		if err == nil {
			_, err = c.Write([]byte("approve"))
			c.Close()
		}
		return err
	}
}

var attacks = []attack{
	{name: "read the key", do: reading(in(data, "key")), alone: true},
	{name: "read the store", do: reading(in(data, "tfops.db")), alone: true},
	planting("write the store", in(data, "tfops.db")),
	planting("plant a file in the data directory", in(data, "planted")),
	{name: "read another run", do: reading(in(data, "runs/other/plan/job.json")), alone: true},
	planting("plant a result of another run", in(data, "runs/other/plan/result.json")),
	{name: "read another workspace's state", do: reading(in(data, "workspaces/other/terraform.tfstate")), alone: true},
	planting("seed another init of the workspace", in(data, "workspaces/w/engine/init.json")),
	planting("plant a file in the workspace's directory", in(data, "workspaces/w/hidden-zz.json.age")),
	{name: "remove what the workspace hides", do: func(v victim) error {
		return os.Remove(filepath.Join(v.Data, "workspaces/w/hidden-a.json.age"))
	}, alone: true},
	planting("poison the provider cache", in(data, "cache/providers/planted")),
	planting("change a module in the cache", in(data, "cache/modules/planted")),
	{name: "read the configuration", do: reading(func(v victim) string { return v.Config }), alone: true},
	planting("change the configuration", func(v victim) string { return v.Config }),
	{name: "connect to the socket", do: connecting("unix", func(v victim) string { return v.Socket }), alone: true},
	{name: "connect to an abstract socket", do: connecting("unix", func(v victim) string { return v.Abstract }),
		alone: true},
	{name: "read a key in the home directory", do: reading(in(home, ".ssh/id")), alone: true},
	planting("be let in by ssh", in(home, ".ssh/authorized_keys")),
	{name: "link the key into the tree", do: func(v victim) error {
		if err := os.Link(filepath.Join(v.Data, "key"), "linked"); err != nil {
			return err
		}
		return reading(func(victim) string { return "linked" })(v)
	}},
	{name: "signal the daemon", do: func(v victim) error { return unix.Kill(v.Daemon, 0) }, alone: true},
	{name: "signal another run", do: func(v victim) error { return unix.Kill(v.Other, 0) }, alone: true},
	{name: "signal all", do: func(v victim) error { // what is left of it: nobody is there but oneself
		return unix.Kill(v.Other, unix.SIGCONT)
	}, alone: true},
	{name: "read the environment of another run", do: reading(func(v victim) string {
		return fmt.Sprintf("/proc/%d/environ", v.Other)
	}), alone: true},
	{name: "read memory of another run", do: func(v victim) error {
		_, err := os.Open(fmt.Sprintf("/proc/%d/mem", v.Other))
		return err
	}, alone: true},
	{name: "trace another run", do: func(v victim) error { return unix.PtraceAttach(v.Other) }, alone: true},
	{name: "read memory of another run by a call", do: func(v victim) error {
		var b [8]byte
		local := []unix.Iovec{{Base: &b[0], Len: 8}}
		remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&b)), Len: 1}}
		_, err := unix.ProcessVMReadv(v.Other, local, remote, 0)
		if errors.Is(err, unix.EFAULT) {
			return nil // it was let in, and nothing is at that address
		}
		return err
	}, alone: true},
	{name: "take an open file of another run", do: func(v victim) error {
		p, err := unix.PidfdOpen(v.Other, 0)
		if err != nil {
			return err
		}
		_, err = unix.PidfdGetfd(p, 0, 0)
		return err
	}, alone: true},
	{name: "reach the machine's root by a process", do: func(v victim) error {
		all, err := filepath.Glob("/proc/[0-9]*/root" + filepath.Join(v.Data, "key"))
		if err == nil && len(all) == 0 {
			return errors.New("by none")
		}
		return err
	}, alone: true},
	{name: "read the environment of the first process", do: func(v victim) error {
		b, err := os.ReadFile("/proc/1/environ")
		if err == nil && bytes.Contains(b, []byte(job.RunMark+"=")) {
			return errors.New("it is the engine itself")
		}
		return err
	}},
	{name: "read what others have in memory", do: reading(func(v victim) string { return v.Shm }), alone: true},
	{name: "leave something in memory for others", do: func(v victim) error {
		path := "/dev/shm/planted-" + filepath.Base(v.Shm)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		return told(v, path)
	}, alone: true},
	{name: "leave something in /tmp for others", do: func(v victim) error {
		path := "/tmp/planted-" + filepath.Base(v.Shm)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		return told(v, path)
	}, alone: true},
	{name: "make a user namespace", do: calling(unix.SYS_UNSHARE, unix.CLONE_NEWUSER)},
	{name: "mount", do: func(victim) error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") },
		alone: os.Getuid() == 0},
	{name: "enter another namespace", do: func(v victim) error {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", v.Other), unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		return unix.Setns(fd, 0)
	}},
	{name: "io_uring", do: func(victim) error {
		var params [120]byte
		_, _, no := unix.RawSyscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params[0])), 0)
		if no != 0 {
			return no
		}
		return nil
	}},
	{name: "speak to the hypervisor", do: calling(unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM, 0)},
	{name: "speak to the kernel's ciphers", do: calling(unix.SYS_SOCKET, unix.AF_ALG, unix.SOCK_SEQPACKET, 0)},
	{name: "listen to what the network brings", do: calling(unix.SYS_SOCKET, unix.AF_PACKET, unix.SOCK_RAW, 0)},
	{name: "listen to devices", do: calling(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW,
		unix.NETLINK_KOBJECT_UEVENT), alone: true},
	{name: "list sockets of the machine", do: calling(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW,
		unix.NETLINK_SOCK_DIAG), alone: true},
	{name: "make any other socket", do: func(victim) error {
		for family := range unix.AF_MAX {
			if slices.Contains([]int{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}, family) {
				if fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0); err != nil {
					return nil // engines need that
				} else if err = unix.Close(fd); err != nil {
					return nil
				}
				continue
			}
			for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_RAW, unix.SOCK_SEQPACKET} {
				if fd, err := unix.Socket(family, kind, 0); err == nil || !errors.Is(err, unix.EAFNOSUPPORT) {
					if err == nil {
						unix.Close(fd)
					}
					return nil
				}
			}
		}
		return errors.New("there is none")
	}},
	{name: "take all watches on files of the user", do: func(victim) error {
		b, err := os.ReadFile("/proc/sys/fs/inotify/max_user_instances")
		most, err2 := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil || err2 != nil || os.Getuid() == 0 { // those of root are not bounded
			return errors.New("it is not tried")
		}
		for range most / 2 {
			fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
		}
		return nil
	}},
	{name: "take memory for messages of the user", do: func(victim) error {
		name := []byte("planted\x00")
		fd, _, no := unix.RawSyscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&name[0])), unix.O_CREAT|unix.O_RDWR,
			0o600, 0, 0, 0)
		if no != 0 {
			return no
		}
		unix.Close(int(fd))
		_, _, _ = unix.RawSyscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(&name[0])), 0, 0)
		return nil
	}, alone: true},
	{name: "take the requests to disks of the machine", do: func(victim) error {
		var at uintptr
		if _, _, no := unix.RawSyscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&at)), 0); no != 0 {
			return no
		}
		_, _, _ = unix.RawSyscall(unix.SYS_IO_DESTROY, at, 0, 0)
		return nil
	}, alone: true},
	{name: "queue all signals of the user", do: func(v victim) error {
		var has unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_SIGPENDING, &has); err != nil {
			return err
		}
		if has.Max > v.Pending/2 {
			return nil
		}
		return fmt.Errorf("it may have %d", has.Max)
	}, alone: true},
	{name: "take the terminals of the machine", do: func(victim) error {
		for range 100 {
			fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
		}
		return nil
	}, alone: true},
	{name: "use a keyring", do: func(victim) error {
		_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
		return err
	}},
	{name: "run a program for the kernel", do: func(victim) error {
		f, err := os.OpenFile("/proc/sys/kernel/core_pattern", os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		return err
	}, alone: os.Getuid() == 0},
	{name: "run a program for cron", do: func(victim) error { return temporary("/etc/cron.d") }},
	{name: "change a program", do: func(victim) error { return temporary("/usr/bin") },
		alone: os.Getuid() == 0},
	{name: "read the machine's passwords", do: func(victim) error {
		b, err := os.ReadFile("/etc/shadow")
		if err == nil && len(b) == 0 {
			return errors.New("it is empty")
		}
		return err
	}, alone: os.Getuid() == 0},
	{name: "find services in /run", do: func(victim) error {
		all, err := filepath.Glob("/run/*")
		all = slices.DeleteFunc(all, func(p string) bool {
			return slices.Contains([]string{"/run/systemd", "/run/nscd", "/run/resolvconf", "/run/NetworkManager"}, p)
		})
		if err == nil && len(all) == 0 {
			return errors.New("there are none")
		}
		return err
	}, alone: true},
	{name: "use an open file of the runner", do: func(v victim) error { return openFiles(v) }},
	{name: "become somebody else", do: func(victim) error {
		if os.Getuid() != 0 {
			return errors.New("nobody is")
		}
		return exec.Command("/bin/sh", "-c", "chown 1 .").Run()
	}, alone: os.Getuid() == 0},
}

// temporary makes a file in a directory that has no name there, and is gone with the process.
func temporary(dir string) error {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// told reports whether the one who looks from outside sees a file: an attacker cannot know.
func told(v victim, path string) error {
	c, err := net.Dial("unix", v.Socket)
	if err != nil { // nobody to ask; the test looks
		return os.WriteFile("planted", []byte(path), 0o600)
	}
	return c.Close()
}

// openFiles finds an open file by which more is reached than what was given.
func openFiles(v victim) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || strings.HasPrefix(to, "/proc/") || fd > 2 && strings.HasPrefix(to, "anon_inode:") {
			continue
		}
		if strings.HasPrefix(to, v.Data) && !strings.Contains(to, "/tree") {
			return nil
		}
		if d, err := unix.Openat(fd, "..", unix.O_PATH, 0); err == nil {
			unix.Close(d)
			return nil // a directory: from there it is not far
		}
	}
	return errors.New("there is none")
}

// attackAll is what the engine starts: it tries everything and writes down what did harm.
func attackAll(told string) {
	var v victim
	b, err := os.ReadFile(told)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	leave := exec.Command("/bin/sh", "-c", "setsid sleep 1000 </dev/null >/dev/null 2>&1 &") // nobody waits for it
	if err := leave.Run(); err != nil {
		fmt.Println(err)
	}
	var did []string
	for _, a := range attacks {
		if err := a.do(v); err == nil {
			did = append(did, a.name)
		}
	}
	b, err = json.Marshal(did)
	if err == nil {
		err = os.WriteFile("did.json", b, 0o600)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// attacked runs all attacks from inside an apply at a level, and returns which did harm.
func attacked(t *testing.T, most sandbox.Level) []string {
	r := newRig(t, nil)
	r.local.Most = most
	v := r.victim()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(r.given(), "victim.json")
	if err := os.WriteFile(note, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r.write("main.tf", provisioned(fmt.Sprintf("%s attack %s", r.local.Exe, note)))
	give := func(j *job.Job, s *job.Secrets) {
		j.Cell.Hide, s.Env["HOME"] = []string{filepath.Dir(v.Config)}, v.Home
		j.Cell.Read, j.Cell.Write = []string{r.local.Exe}, []string{r.given()}
	}
	f := r.planned(give)
	apply := f.startApply(give)
	result := apply.wait()
	must(t, result, job.Succeeded, "", "")
	if result.Sandbox != most {
		t.Skipf("NOT RUN: this machine gives the level %q alone", result.Sandbox)
	}
	did, err := os.ReadFile(apply.wrote("did.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := json.Unmarshal(did, &names); err != nil {
		t.Fatal(err)
	}
	if planted, err := os.ReadFile(apply.wrote("planted")); err == nil { // what it planted is seen by nobody else
		if _, err := os.Lstat(string(planted)); err != nil {
			names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "leave something") })
		}
	}
	for _, a := range attacks {
		if a.file == nil {
			continue
		}
		if b, err := os.ReadFile(a.file(v)); err != nil || !bytes.Contains(b, []byte("planted")) {
			names = slices.DeleteFunc(names, func(n string) bool { return n == a.name })
		}
	}
	for _, dir := range []string{"/dev/shm", "/tmp"} {
		_ = os.Remove(filepath.Join(dir, "planted-"+filepath.Base(v.Shm)))
	}
	return names
}

// victim lays out what there is to attack.
func (r *rig) victim() victim {
	r.t.Helper()
	const secret = "canary-of-others"
	outside := r.t.TempDir()
	v := victim{Data: r.base, Config: filepath.Join(outside, "etc", "tfops.hcl"), Home: filepath.Join(outside, "home"),
		Socket: filepath.Join(r.base, "tfops.sock"), Abstract: "@tfops-" + filepath.Base(r.given()) + r.mark +
			strconv.FormatInt(time.Now().UnixNano(), 36),
		Daemon: os.Getpid(), Secret: secret}
	for _, path := range []string{filepath.Join(r.base, "key"), filepath.Join(r.base, "tfops.db"),
		filepath.Join(r.base, "runs/other/plan/job.json"), filepath.Join(r.base, "workspaces/other/terraform.tfstate"),
		filepath.Join(r.workspaceDir(), "hidden-a.json.age"), v.Config, filepath.Join(v.Home, ".ssh/id"),
		filepath.Join(r.workspaceDir(), "engine", "x"), filepath.Join(r.base, "cache/providers/x"),
		filepath.Join(r.base, "cache/modules/x")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	var pending unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_SIGPENDING, &pending); err != nil {
		r.t.Fatal(err)
	}
	v.Pending = pending.Max
	shm, err := os.CreateTemp("/dev/shm", "tfops-test-")
	if err != nil {
		r.t.Fatal(err)
	}
	v.Shm = shm.Name()
	r.t.Cleanup(func() { _ = os.Remove(v.Shm) })
	if _, err := io.WriteString(shm, secret); err != nil || shm.Close() != nil {
		r.t.Fatal(err)
	}
	for _, at := range []string{v.Socket, v.Abstract} {
		l, err := net.Listen("unix", at)
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { l.Close() })
	}
	other := exec.Command("/bin/sleep", "1000")
	other.Env = []string{"SECRET=" + secret}
	other.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := other.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	v.Other = other.Process.Pid
	return v
}

// openAtFilters is what rules of Landlock do not hold. At the socket the daemon refuses who is shut in.
var openAtFilters = []string{"connect to the socket", "read what others have in memory",
	"leave something in memory for others", "leave something in /tmp for others", "take the terminals of the machine"}

// openAtUsers is what the user of a workspace may do as everybody may, or to himself alone.
var openAtUsers = []string{"leave something in memory for others", "leave something in /tmp for others",
	"take the terminals of the machine", "take all watches on files of the user"}

// openWithoutLandlock is what it may do besides where the kernel has no Landlock: look at what everybody may look at.
// That a key is there is seen, as its name is known; it cannot be read.
var openWithoutLandlock = []string{"connect to an abstract socket", "reach the machine's root by a process",
	"find services in /run"}

// In namespaces nothing that code of a repository tries does harm. Where nothing shuts it in everything does
// that a cell alone holds: the attacks are real ones.
func TestAttacks(t *testing.T) {
	for _, level := range []sandbox.Level{sandbox.Namespaces, sandbox.Users, sandbox.Filters, sandbox.None} {
		t.Run(string(level), func(t *testing.T) {
			did := attacked(t, level)
			for _, a := range attacks {
				switch harm := slices.Contains(did, a.name); {
				case level == sandbox.Users && slices.Contains(openAtUsers, a.name):
				case level == sandbox.Users && launch.LandlockVersion() == 0 &&
					slices.Contains(openWithoutLandlock, a.name):
				case level == sandbox.Filters && slices.Contains(openAtFilters, a.name):
				case level != sandbox.None && harm:
					t.Errorf("it could %s", a.name)
				case level == sandbox.None && os.Getuid() == 0 && !harm && a.alone:
					t.Errorf("nothing kept it from this, and it could not %s", a.name)
				}
			}
		})
	}
}

// The same as somebody who is not root.
func TestAttacksAsAnybody(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: TestAttacks did it")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "attacks-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	exe := filepath.Join(dir, "runner.test")
	if err := errors.Join(os.Chmod(dir, 0o711), copyProgram(os.Args[0], exe),
		os.Mkdir(filepath.Join(dir, "tmp"), 0o700), os.Chown(filepath.Join(dir, "tmp"), nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run", "^TestAttacks$", "-test.v", "-test.timeout", "2m")
	cmd.Dir = filepath.Join(dir, "tmp")
	cmd.Env = append(os.Environ(), "TMPDIR="+cmd.Dir, "HOME=/nonexistent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestAttacks/namespaces")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func copyProgram(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}
