package cell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/runner/handover"
	"github.com/tfops/tfops/internal/runner/launch"
	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/runner/mounts"
	"github.com/tfops/tfops/internal/sandbox"
)

const probeSecret = "secret"

// probeUsers starts this very program as another user, in a directory of which that user is given a part.
func probeUsers(dir string) error {
	if !launch.Supported {
		return errors.New("tfops can start no engine of another user on " + runtime.GOARCH)
	}
	missing, err := handover.Lacks()
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return lacks(sandbox.LacksCapabilities, errors.New(strings.Join(missing, ", ")))
	}
	exe, err := os.Open("/proc/self/exe") // whoever may pass to where it lies
	if err != nil {
		return err
	}
	defer exe.Close()
	given := filepath.Join(dir, "given")
	if err := errors.Join(os.Mkdir(given, 0o700), handover.Give(given, User()),
		os.WriteFile(filepath.Join(dir, probeSecret), []byte("x"), 0o600),
		handover.Way(filepath.Dir(filepath.Dir(dir)), given, User(), dir)); err != nil {
		return err
	}
	r, err := Prepare(sandbox.Users, memfile.Path(exe), mounts.Sight{Write: []string{given}})
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Run(context.Background(), func(context.Context) error {
		cmd := exec.Command(r.Path, "runner", dir)
		cmd.Env = append([]string{ProbeEnv + "=" + probeUser}, UserEnvironment(User())...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// probeWithin is what the other user tries.
func probeWithin(dir string) error {
	lacks, err := handover.Lacks()
	groups, gerr := os.Getgroups()
	switch {
	case err != nil || gerr != nil:
		return errors.Join(err, gerr)
	case os.Getuid() != User() || os.Getegid() != User() || len(groups) > 0 || !slices.Contains(lacks, "CAP_SETUID"):
		return fmt.Errorf("another user still is user %d, group %d, in groups %v, and lacks %v", os.Getuid(),
			os.Getegid(), groups, lacks)
	}
	if err := os.WriteFile(filepath.Join(dir, "given", "file"), nil, 0o600); err != nil {
		return fmt.Errorf("another user cannot write to what it is given: %w", err)
	}
	if _, err := os.ReadFile(filepath.Join(dir, probeSecret)); err == nil {
		return errors.New("another user can read what it is not given")
	}
	return nil
}
