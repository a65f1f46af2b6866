package limits

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A process, what it started, and what these left behind are all counted, and nobody else.
func TestLook(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command("sh", "-c", "sleep 60 & sh -c 'sleep 60 & echo ready; wait' & cat > /dev/null; kill 0")
	cmd.Stdout, cmd.SysProcAttr = in, &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	defer func() {
		stdin.Close()
		_ = cmd.Wait() // it kills its group, itself too
	}()
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	u := Look(os.Getpid())
	if u.Tasks < 4 || u.Tasks > 5 || len(u.processes) != u.Tasks || u.Resident == 0 || u.Own > u.Resident {
		t.Errorf("seen: %+v", u)
	}
	if other := Look(1 << 22); other.Tasks != 0 {
		t.Errorf("a process that is not there has %+v", other)
	}
}

// Files count once, with what they take on the disk, whatever they are called and however often.
func TestWritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/", filepath.Join(dir, "all")); err != nil {
		t.Fatal(err)
	}
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	if err == nil {
		err = sparse.Truncate(1 << 40)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer sparse.Close()
	if n := written([]string{dir}); n < 1<<20 || n > 1<<20+64<<10 {
		t.Errorf("%d bytes", n)
	}
}
