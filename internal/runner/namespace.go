package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/given"
	"github.com/tfops/tfops/internal/runner/handover"
	"github.com/tfops/tfops/internal/sandbox"
)

// Sandbox is how well engines are shut in on this machine; the zero State as long as that was not
// found out, see Probe.
func (l *Local) Sandbox() sandbox.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sandbox
}

// Probe finds out how well engines can be shut in that work on files in dir.
func (l *Local) Probe(dir string) (sandbox.State, error) {
	_, err := l.namespaceFor(dir)
	return l.Sandbox(), err
}

// namespaceFor finds, once, in which namespaces runners can be started whose files lie
// in dir. Where there are none the reason is kept. An error says that it cannot be found out
// now, since the machine lacks something.
func (l *Local) namespaceFor(dir string) (cell.Namespace, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.probed {
		return l.namespace, nil
	}
	found, why := cell.NoNamespace, error(nil)
	tries := []cell.Namespace{cell.UserNamespace, cell.ViewNamespace}
	if os.Getuid() == 0 {
		tries = append([]cell.Namespace{cell.MountNamespace}, tries...)
	}
	for _, n := range tries {
		if l.Copy {
			break
		}
		err := l.probe(n, dir)
		if errors.Is(err, cell.ErrNotProbed) {
			return "", err
		}
		if why == nil || err == nil {
			why = err // of the best one
		}
		if _, roomless := errors.AsType[*cell.NoRoom](err); err == nil || roomless {
			found = n
			break
		}
	}
	l.sandbox = l.levelFor(dir, found, why)
	if l.sandbox.Level == sandbox.Users {
		found = cell.NoNamespace // in one of a runner's own its engine could be nobody else
	}
	l.namespace, l.probed = found, true
	return found, nil
}

// levelFor is the level that a probe found, and what it lacked for a better one.
func (l *Local) levelFor(dir string, found cell.Namespace, why error) sandbox.State {
	s := sandbox.State{Level: sandbox.Namespaces}
	if why != nil {
		s.Lacks = append(s.Lacks, cell.LackOf(why))
	}
	asked := l.Most.Known() && l.Most != sandbox.Namespaces
	if asked {
		s.Lacks = append(s.Lacks, sandbox.Lack{Kind: sandbox.LacksChoice, Detail: "TFOPS_SANDBOX"})
	}
	if why == nil && found != cell.NoNamespace && !asked {
		return s
	}
	if s.Level = sandbox.None; l.Most == sandbox.None {
		return s
	}
	if l.Most != sandbox.Filters {
		err := l.probeUsers(dir)
		if err == nil {
			s.Level = sandbox.Users
			return s
		}
		s.Lacks = append(s.Lacks, cell.LackOf(err))
	}
	if err := l.probeAs(cell.NoNamespace, dir, cell.ProbeFilters); err != nil {
		s.Lacks = append(s.Lacks, cell.LackOf(err))
		return s
	}
	s.Level = sandbox.Filters
	return s
}

// probeUsers tries to run a program as the first of the users that engines may run as.
func (l *Local) probeUsers(dir string) error {
	r, err := handover.Range(l.Users)
	if err != nil {
		return err
	}
	return l.probeAs(cell.NoNamespace, dir, cell.ProbeUsers, cell.UserEnvironment(r.First)...)
}

// user is whom the engine of a phase runs as; 0 for whom tfops does.
func (l *Local) user(ctx context.Context, j job.Job) (int, error) {
	if l.Sandbox().Level != sandbox.Users {
		return 0, nil
	}
	r, err := handover.Range(l.Users)
	if err != nil {
		return 0, err
	}
	data := given.DataDir(j)
	name, err := filepath.Rel(data, j.WorkspaceDir)
	if err != nil {
		return 0, err
	}
	return handover.Assign(ctx, data, name, r)
}

// probeAgain has the next runner find out anew in which namespaces it can be started, if that is
// why this one could not.
func (l *Local) probeAgain(n cell.Namespace, err error) {
	if n == cell.NoNamespace || !cell.RefusesNamespace(err) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probed = false
}

func (l *Local) probe(n cell.Namespace, in string) error { return l.probeAs(n, in, "1") }

// probeAs tries what a runner of this namespace can do; what says what of that.
func (l *Local) probeAs(n cell.Namespace, in, what string, env ...string) error {
	if err := os.MkdirAll(in, 0o700); err != nil {
		return fmt.Errorf("%w: %w", cell.ErrNotProbed, err)
	}
	dir, err := os.MkdirTemp(in, "probe-*")
	if err != nil {
		return fmt.Errorf("%w: %w", cell.ErrNotProbed, err)
	}
	defer func() {
		_ = os.Chmod(filepath.Join(dir, "work", "work"), 0o700)
		_ = os.RemoveAll(dir)
	}()
	cmd := exec.Command(l.Exe, "runner", dir)
	cmd.Env = slices.Concat(bareEnv(), n.Environment(), []string{cell.ProbeEnv + "=" + what}, env, l.ExtraEnv)
	cmd.SysProcAttr = n.Attributes()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	if err == nil {
		return nil
	}
	if out.Len() == 0 { // it did not come so far as to tell
		out = complaint
	}
	told := cell.ReadTold(out.Bytes())
	var exit *exec.ExitError
	switch ran := errors.As(err, &exit); {
	case ran && exit.ExitCode() == cell.ProbeLacks:
		return fmt.Errorf("%w: %w", cell.ErrNotProbed, told)
	case ran && exit.ExitCode() == cell.ProbeNoRoom:
		return &cell.NoRoom{Err: told}
	case ran:
		return fmt.Errorf("%s namespace: %w", n, told)
	case cell.RefusesNamespace(err) && unix.Access(l.Exe, unix.X_OK) == nil:
		return &sandbox.Missing{Kind: sandbox.LacksUserNamespaces, Err: fmt.Errorf("%s namespace: %w", n, err)}
	}
	return fmt.Errorf("%w: %w", cell.ErrNotProbed, l.launchFault(err))
}
