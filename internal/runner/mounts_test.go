package runner

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/sandbox"
)

// What is hidden is hidden at every path of the machine at which it can be seen, and so is what the kernel shows where
// nobody expects it. The mounts are made in a namespace of the test's own.
func TestAttacksByOtherMounts(t *testing.T) {
	const mark = "TEST_OTHER_MOUNTS"
	if os.Getenv(mark) != "" {
		for _, level := range []sandbox.Level{sandbox.Namespaces, sandbox.Filters} {
			t.Run(string(level), func(t *testing.T) { attackByMounts(t, level) })
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: mounting takes root")
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestAttacksByOtherMounts$", "-test.v", "-test.timeout", "2m")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS: TestAttacksByOtherMounts/") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
}

func attackByMounts(t *testing.T, level sandbox.Level) {
	mount := func(kind, source, at string, flags uintptr, options string) {
		t.Helper()
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(source, at, kind, flags, options); err != nil {
			t.Fatalf("%s at %s: %v", kind, at, err)
		}
		t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil)
	r.local.Most = level
	v := r.victim()
	const at = "/mnt"
	mount("tmpfs", "tmpfs", at, 0, "")
	part := filepath.Join(v.Data, "part")
	mount("tmpfs", "tmpfs", part, 0, "")
	if err := os.WriteFile(filepath.Join(part, "secret"), []byte(v.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.local.Probe(filepath.Join(r.base, "cache")); err != nil { // what comes now, the daemon did not see
		t.Fatal(err)
	}
	bind := func(from, name string, flags uintptr) { mount("", from, at+"/"+name, unix.MS_BIND|flags, "") }
	bind(v.Data, "data", 0)
	bind(filepath.Dir(filepath.Dir(v.Data)), "above", 0)
	bind("/tmp", "all", unix.MS_REC)
	bind(part, "part", 0)
	bind(filepath.Join(v.Data, "runs"), "runs", 0)
	bind(filepath.Dir(v.Config), "etc", 0)
	bind(v.Home, "with space", 0)
	mount("overlay", "overlay", at+"/overlay", 0, "lowerdir="+v.Data+":"+v.Home)
	mount("proc", "proc", at+"/proc", 0, "")
	mount("sysfs", "sysfs", at+"/sysfs", 0, "")
	mount("devpts", "devpts", at+"/pts", 0, "")
	mount("devtmpfs", "devtmpfs", at+"/devices", 0, "")
	for _, kind := range []string{"debugfs", "tracefs", "securityfs", "bpf", "cgroup2"} {
		if err := os.MkdirAll(at+"/"+kind, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(kind, at+"/"+kind, kind, 0, ""); err != nil {
			t.Logf("this kernel has no %s: %v", kind, err)
			continue
		}
		t.Cleanup(func() { _ = unix.Unmount(at+"/"+kind, unix.MNT_DETACH) })
	}
	base := filepath.Base(filepath.Dir(v.Data)) + "/" + filepath.Base(v.Data)
	home := filepath.Base(filepath.Dir(filepath.Dir(v.Home))) + "/" + filepath.Base(filepath.Dir(v.Home)) + "/home"
	secrets := []string{"data/key", "above/" + base + "/key", "all/" + base + "/key", "all/" + base + "/part/secret",
		"part/secret", "runs/other/plan/job.json", "etc/tfops.hcl", "with space/.ssh/id", "overlay/key",
		"overlay/.ssh/id", "all/" + home + "/.ssh/id", fmt.Sprintf("proc/%d/environ", v.Other)}
	dirs := []string{"sysfs", "pts", "devices", "debugfs", "tracefs", "securityfs", "bpf", "cgroup2", "proc"}
	if level == sandbox.Filters { // there it is what lies at /dev
		dirs = slices.DeleteFunc(dirs, func(name string) bool { return name == "devices" })
	}
	script := ""
	for _, name := range secrets {
		if _, err := os.Stat(at + "/" + name); err != nil {
			t.Errorf("it is no attack: %v", err)
		}
		script += fmt.Sprintf("grep -q %s '%s' 2>/dev/null && echo read '%s'\n", v.Secret, at+"/"+name, name)
	}
	for _, name := range dirs {
		script += fmt.Sprintf("ls '%s' 2>/dev/null | grep -q . && echo read '%s'\n", at+"/"+name, name)
	}
	for _, name := range []string{"service.sock", "given.sock", "data/tfops.sock"} {
		if !strings.Contains(name, "/") {
			l, err := net.Listen("unix", at+"/"+name)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
		}
		if level == sandbox.Namespaces { // rules know nothing of connecting
			script += fmt.Sprintf("%s reach 'read %s' unix %s/%[2]s | grep YES | sed s/read.given/was.given/\n",
				r.local.Exe, name, at)
		}
	}
	r.write("main.tf", provisioned(script+"ls /sys/devices >/dev/null && echo it came to its end"))
	give := func(j *job.Job, s *job.Secrets) {
		j.Cell.Hide, s.Env["HOME"] = []string{filepath.Dir(v.Config)}, v.Home
		j.Cell.Read = append(j.Cell.Read, at+"/given.sock")
	}
	apply := r.planned(give).startApply(give)
	result := apply.wait()
	must(t, result, job.Succeeded, "", "")
	events := apply.read(job.EventsFile)
	if result.Sandbox != level || !strings.Contains(events, "(local-exec): it came to its end") {
		t.Fatalf("at the level %q: %s", result.Sandbox, events)
	}
	if level == sandbox.Namespaces && !strings.Contains(events, "(local-exec): was.given.sock: YES") {
		t.Error("what it was given it could not connect to")
	}
	for line := range strings.Lines(events) {
		if _, name, found := strings.Cut(line, "(local-exec): read "); found {
			name, _, _ = strings.Cut(name, `"`)
			t.Errorf("it read %s", name)
		}
	}
}
