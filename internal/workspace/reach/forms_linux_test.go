package reach

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/testrig"
	"github.com/tfops/tfops/internal/workspace"
)

// The expressions of TestEveryFormAtEveryPlace do read their files: the real
// engine is asked, and the kernel tells which files it opens. What the engine
// opens is in the reach.
func TestTheEngineOpensWhatIsSeen(t *testing.T) {
	for _, native := range []bool{true, false} {
		// Every form at some places, and some of the forms at every place.
		n := 0
		all := slicesOf(samples(native), func(r reading) bool {
			n++
			return !r.lazy && (r.at == 0 && n%2 == 0 == native || n%70 == 0)
		})
		dir := t.TempDir()
		tree := program(all, native)
		for p, content := range tree {
			file := filepath.Join(dir, p)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755),
				os.WriteFile(file, []byte(content), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		opened := opens(t, filepath.Join(dir, "f"), func() {
			engine(t, dir, "init", "-no-color")
			engine(t, dir, "apply", "-auto-approve", "-no-color")
		})
		g := NewIndex().Graph(os.DirFS(dir).(fs.ReadLinkFS), []workspace.Workspace{{Name: "w", Dir: "."}})
		for i, p := range all {
			if !opened[strings.TrimPrefix(p.file, "f/")] {
				t.Errorf("native %v: the engine does not open the file of sample %d: %s", native, i,
					p.block.put(p.expr, i).native())
			}
		}
		for name := range opened {
			if g.reaches[0].touch("f/"+name) == nil {
				t.Errorf("native %v: the engine opens f/%s, which is not seen", native, name)
			}
		}
		t.Logf("native %v: %d samples, %d files opened", native, len(all), len(opened))
	}
}

func engine(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(testrig.Terraform(t), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("terraform %v: %v\n%s", args, err, out)
	}
}

// opens are the names in a directory that are opened while f runs.
func opens(t *testing.T, dir string, f func()) map[string]bool {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	f()
	names := map[string]bool{}
	for buf := make([]byte, 1<<20); ; {
		n, err := unix.Read(fd, buf)
		if errors.Is(err, unix.EAGAIN) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			mask, size := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
			if mask&unix.IN_Q_OVERFLOW != 0 {
				t.Fatal("the kernel has lost events")
			}
			if name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:][:size], []byte{0}); len(name) > 0 {
				names[string(name)] = true
			}
			b = b[unix.SizeofInotifyEvent+size:]
		}
	}
}
