package limits

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/workspace"
)

// GroupsEnv names, in the runner's own environment, the directory in which it makes the control group of its
// engine.
const GroupsEnv = "TFOPS_RUNNER_GROUPS"

// Delegated is the directory in which this process may make control groups beside its own: systemd gives one
// with Delegate=yes and DelegateSubgroup=. A process that lives in the delegated group itself could not make
// any without moving itself, and systemd could not start it again there while an engine is at work.
func Delegated() (string, error) { return delegated("/") }

// delegated reads /proc below root.
func delegated(root string) (string, error) {
	mount, err := mountOf(root)
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return "", err
	}
	var own string
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			own = rest
		}
	}
	if own == "" || own == "/" {
		return "", errors.New("this process is in no control group of its own")
	}
	above := filepath.Dir(filepath.Join(mount, own))
	for _, name := range []string{"cgroup.procs", "cgroup.subtree_control"} {
		if err := unix.Access(filepath.Join(above, name), unix.W_OK); err != nil {
			return "", fmt.Errorf("the control group above that of this process is not its own: %s: %w", name, err)
		}
	}
	if inside, err := os.ReadFile(filepath.Join(above, "cgroup.procs")); err != nil || len(inside) > 0 {
		return "", fmt.Errorf("there are processes in %s itself: DelegateSubgroup= puts that of a service below it",
			above)
	}
	return above, enable(above)
}

// mountOf is where control groups of the second version are mounted.
func mountOf(root string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash > 4 && len(fields) > dash+1 && fields[dash+1] == "cgroup2" && fields[3] == "/" {
			return filepath.Join(root, fields[4]), nil
		}
	}
	return "", errors.New("no control groups of the second version are mounted")
}

// controllers are those that limits take.
var controllers = []string{"memory", "pids", "cpu"}

// enable has groups below one have the controllers.
func enable(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, c := range controllers {
		if !slices.Contains(strings.Fields(string(b)), c) {
			return fmt.Errorf("%s has no controller for %s", dir, c)
		}
	}
	return write(dir, "cgroup.subtree_control", "+"+strings.Join(controllers, " +"))
}

func write(dir, name, text string) error {
	// Such files are there or not; none is made.
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// Group is the control group of one engine, with all that it starts.
type Group struct{ dir string }

// period is the kernel's unit of a share of processors, in microseconds.
const period = 100_000

// NewGroup makes one. whole has the kernel end all in it where memory runs out, and not the largest alone.
func NewGroup(in, name string, l workspace.Limits, whole bool) (*Group, error) {
	g := &Group{filepath.Join(in, name)}
	if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	var err error
	if l.Memory > 0 {
		err = errors.Join(write(g.dir, "memory.max", strconv.FormatInt(l.Memory, 10)), g.mayLack("memory.swap.max",
			"0"))
		if whole {
			err = errors.Join(err, g.mayLack("memory.oom.group", "1"))
		}
	}
	if l.Tasks > 0 {
		err = errors.Join(err, write(g.dir, "pids.max", strconv.Itoa(l.Tasks)))
	}
	if l.CPU > 0 {
		err = errors.Join(err, write(g.dir, "cpu.max", fmt.Sprintf("%d %d", int(l.CPU*period), period)))
	}
	if err != nil {
		g.Remove()
		return nil, err
	}
	return g, nil
}

// mayLack writes to a file that not every kernel has.
func (g *Group) mayLack(name, text string) error {
	if err := write(g.dir, name, text); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// take moves processes into the group; what they start is in it as well.
func (g *Group) take(all []process) {
	inside := g.holds()
	for _, p := range all {
		if slices.Contains(inside, p.pid) {
			continue
		}
		_ = write(g.dir, "cgroup.procs", strconv.Itoa(p.pid)) // gone already is as good
	}
}

// holds are the processes in it.
func (g *Group) holds() (pids []int) {
	b, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return nil
	}
	for field := range strings.FieldsSeq(string(b)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// broken is the limit that the kernel had to hold something to.
func (g *Group) broken() string {
	if n, _ := field(filepath.Join(g.dir, "memory.events"), "oom_kill"); n > 0 {
		return "memory"
	}
	if n, _ := field(filepath.Join(g.dir, "pids.events"), "max"); n > 0 {
		return "tasks"
	}
	return ""
}

// Kill ends all that is in it at once.
func (g *Group) Kill() {
	if write(g.dir, "cgroup.kill", "1") == nil {
		return
	}
	for _, pid := range g.holds() { // a kernel before 5.14
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// Remove ends what is left in it, and takes it away.
func (g *Group) Remove() {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if err := unix.Rmdir(g.dir); err == nil || errors.Is(err, unix.ENOENT) {
			return
		}
		g.Kill()
	}
}

// Sweep takes away groups that runners which vanished have left, once nothing is in them.
func Sweep(in string) {
	entries, err := os.ReadDir(in)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), groupPrefix) {
			_ = unix.Rmdir(filepath.Join(in, e.Name())) // one that is in use stays
		}
	}
}

const groupPrefix = "engine-"

// GroupName is what the group of a phase is called.
func GroupName(run string, phase string) string { return groupPrefix + run + "-" + phase }
