package cell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/runner/launch"
	"github.com/tfops/tfops/internal/runner/mounts"
	"github.com/tfops/tfops/internal/sandbox"
)

// Probe tries in dir, as a runner would, what showing a tree takes, and then what a room takes.
func Probe(dir string) error {
	switch os.Getenv(ProbeEnv) {
	case probeInside:
		return nil
	case ProbeFilters:
		return probeFilters(dir)
	case ProbeUsers:
		return probeUsers(dir)
	case probeUser:
		return probeWithin(dir)
	case probeHidden:
		if _, err := os.ReadDir(dir); err == nil {
			return errors.New("what is hidden can be read")
		}
		return nil
	}
	if err := Enter(Namespace(os.Getenv(NamespaceEnv))); err != nil {
		return err
	}
	for _, name := range []string{"lower", "upper", "work", "at"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lower", "seen"), []byte("x"), 0o600); err != nil {
		return err
	}
	at := filepath.Join(dir, "at")
	if err := mountOverlay(filepath.Join(dir, "lower"), filepath.Join(dir, "upper"), filepath.Join(dir, "work"),
		at); err != nil {
		return err
	}
	defer func() { _ = unmount(at) }()
	// Written, then removed: both have to be possible on the file system of dir.
	if err := os.WriteFile(filepath.Join(at, "seen"), []byte("y"), 0o600); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(at, "seen")); err != nil {
		return err
	}
	_, err := os.Lstat(filepath.Join(at, "seen"))
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a removed file is still there: %w", err)
	}
	if err := probeRoom(dir); err != nil {
		return &NoRoom{err}
	}
	return nil
}

// probeFilters starts this very program where dir cannot be read. Nothing else is tried: a runner at that level
// shows its trees as it can.
func probeFilters(dir string) error {
	if !launch.Supported {
		return errors.New("tfops can filter no engine on " + runtime.GOARCH)
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	r, err := Prepare(sandbox.Filters, exe, mounts.Sight{Hide: []string{dir}, Read: []string{exe}})
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Run(context.Background(), func(context.Context) error {
		cmd := exec.Command(r.Path, "runner", dir)
		cmd.Env = []string{ProbeEnv + "=" + probeHidden}
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// Values of ProbeEnv.
const (
	ProbeFilters = "filters" // only what filters can do is tried
	probeHidden  = "hidden"  // within
	ProbeUsers   = "users"   // what it takes to run an engine as another user
	probeUser    = "user"    // as that user
)

// probeInside is the value of ProbeEnv in the room that a probe makes.
const probeInside = "inside"

// NoRoom says that a tree can be shown to an engine, and that it cannot be shut in by namespaces.
type NoRoom struct{ Err error }

func (e *NoRoom) Error() string { return e.Err.Error() }
func (e *NoRoom) Unwrap() error { return e.Err }

// probeRoom starts this very program where dir is hidden.
func probeRoom(dir string) error {
	if Namespace(os.Getenv(NamespaceEnv)) == ViewNamespace {
		return lacks(sandbox.LacksFreshProc, &fs.PathError{Op: opProc, Path: "/proc", Err: unix.EPERM})
	}
	if !launch.Supported {
		return errors.New("tfops can start no engine in namespaces on " + runtime.GOARCH)
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	r, err := Prepare(sandbox.Namespaces, exe, mounts.Sight{Hide: []string{dir, "/tmp", "/run"}, Read: []string{exe}})
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Run(context.Background(), func(context.Context) error {
		cmd := exec.Command(r.Path, "runner", dir)
		cmd.Env = []string{ProbeEnv + "=" + probeInside}
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// ErrNotProbed says that it was not found out whether runners can be started in a namespace.
var ErrNotProbed = errors.New("it cannot be found out how runners are isolated")

// Exit statuses of a probe.
const (
	ProbeLacks  = 3 // the machine lacked something for it
	ProbeNoRoom = 4 // see NoRoom
)

// Told is how a probe that failed did so. It tells it on its standard output, as JSON.
type Told struct {
	Kind sandbox.LackKind `json:"kind,omitempty"` // what the machine lacks, where that is known
	Text string           `json:"text"`
}

// Fail tells how a probe failed, and gives its exit status. What a mount fails for is a rule of the kernel, or a limit
// of its own.
func Fail(err error, to io.Writer) int {
	told := Told{Text: err.Error()}
	if m, ok := errors.AsType[*sandbox.Missing](err); ok {
		told.Kind = m.Kind
	}
	if err := json.NewEncoder(to).Encode(told); err != nil {
		return 1
	}
	_, lacks := fault.LackOf(err)
	switch _, roomless := errors.AsType[*NoRoom](err); {
	case roomless:
		return ProbeNoRoom
	case lacks && told.Kind != sandbox.LacksOverlay:
		return ProbeLacks
	}
	return 1
}

// ReadTold is the error that a probe told of. What is not what a probe tells is a text.
func ReadTold(out []byte) error {
	var told Told
	if json.Unmarshal(out, &told) != nil || told.Text == "" {
		return errors.New(strings.TrimSpace(string(out)))
	}
	if told.Kind == "" {
		return errors.New(told.Text)
	}
	return lacks(told.Kind, errors.New(told.Text))
}
