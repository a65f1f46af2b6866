package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/testrig"
)

// strange puts in the place of a file what nobody should open: it is waited for, or read,
// for ever.
var strange = map[string]func(path string) error{
	"a pipe":             func(path string) error { return syscall.Mkfifo(path, 0o600) },
	"a link to a device": func(path string) error { return os.Symlink("/dev/zero", path) },
	"a terabyte": func(path string) error {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Truncate(1 << 40)
	},
}

// TestStrangeFiles: whatever lies in the place of a waiting run's file, other workspaces
// are applied, now and after a restart, and the daemon takes no memory for it.
func TestStrangeFiles(t *testing.T) {
	if !testrig.Long(t, "files of other kinds in the data directory") {
		return
	}
	names := []string{"ground.json", "plan.tfplan.age", "plan.json", "footing.json.age", "hidden.json.age", "run.json"}
	for kind, put := range strange {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.configure("workspace \"good\" {\n  repository = \"infra\"\n  dir = \"good\"\n}\nworkspace \"bad\" {\n " +
				" repository = \"infra\"\n  dir = \"bad\"\n}\n")
			n := 0
			commit := func() {
				n++
				text := fmt.Sprintf("resource \"terraform_data\" \"a\" {\n  input = %d\n}\n", n)
				l.repo.Commit("main", map[string]string{"good/main.tf": text, "bad/main.tf": text})
			}
			commit()
			l.serve()
			known := map[string]string{}
			waits := func(w string) string {
				id := l.latest(w, "awaiting_approval", known[w]).ID
				known[w] = id
				return id
			}
			if os.Getenv("TFOPS_LONG") != "" {
				names = l.filesOf(waits("bad"))
				known["bad"] = ""
			}
			for _, name := range names {
				bad, good := waits("bad"), waits("good")
				path := filepath.Join(l.data, "runs", bad, name)
				if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				if err := put(path); err != nil {
					t.Fatal(err)
				}
				l.command("show", bad) // may say what it likes, soon
				l.command("approve", bad, "-m", "a look")
				l.tfops(0, "approve", good)
				l.reaches(good, "applied")
				l.light(name)
				l.crash()
				l.serve()
				commit()
				l.until(name+": the run is not stuck", func() bool { return l.run(bad).FinishedAt != nil })
			}
			good := waits("good")
			l.tfops(0, "approve", good)
			l.reaches(good, "applied")
			l.light("a restart")
			l.inspected()
		})
	}
}

// filesOf are the files of a run, but for what its runner alone reads.
func (l *lab) filesOf(id string) (names []string) {
	l.t.Helper()
	top := filepath.Join(l.data, "runs", id)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(top, path)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return names
}

// light holds that the daemon takes no more memory than a small one does.
func (l *lab) light(after string) {
	l.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.daemon.pid()))
	if err != nil {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kb int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil && kb > 300<<10 {
			l.t.Errorf("after %s the daemon took %d MB", after, kb>>10)
		}
	}
}
