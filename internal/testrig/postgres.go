package testrig

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Postgres starts a real PostgreSQL with a cluster of its own, until the test ends, and
// returns the URL of a database in it. Where none is installed the test goes on without
// it and says so.
func Postgres(t testing.TB) (url string, ok bool) {
	t.Helper()
	bin := postgresBin()
	if bin == "" {
		t.Logf("NOT RUN: %s: PostgreSQL is not installed (apt-get install postgresql)", t.Name())
		return "", false
	}
	// Below the system's own directory for such things: its server, which runs as
	// another user, must be able to reach it.
	dir, err := os.MkdirTemp("", "tfops-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the cluster cannot be removed: %v", err)
		}
	})
	attr := postgresUser(t, dir)
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = dir, attr
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir}
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := FreePort(t)
	server := run("postgres", "-D", data, "-k", dir, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-c", "fsync=off")
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = server.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // at once, without a checkpoint
		<-ended
	})
	awaitPostgres(t, port, ended, &log)
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port), true
}

// awaitPostgres waits until the server takes connections.
func awaitPostgres(t testing.TB, port int, ended chan struct{}, log *bytes.Buffer) {
	t.Helper()
	ctx, cancel := Deadline(t)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("PostgreSQL ended:\n%s", log)
		case <-ctx.Done():
			t.Fatal("PostgreSQL does not take connections")
		case <-tick.C:
		}
	}
}

// postgresBin is where the server's programs are: Debian has them on no PATH.
func postgresBin() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil &&
			exists(filepath.Join(filepath.Dir(real), "postgres")) {
			return filepath.Dir(real)
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"} {
		found, _ := filepath.Glob(filepath.Join(pattern, "initdb"))
		for _, path := range found {
			if exists(filepath.Join(filepath.Dir(path), "postgres")) {
				return filepath.Dir(path)
			}
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// postgresUser is who the server runs as, to whom the directory belongs: it refuses root.
func postgresUser(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, uerr := strconv.Atoi(u.Uid)
	gid, gerr := strconv.Atoi(u.Gid)
	if uerr != nil || gerr != nil {
		t.Fatalf("the user %s has odd numbers", u.Username)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
