package engines

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-version"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// probeTimeout is far above what a version takes (tens of milliseconds), so
// that a loaded machine is not mistaken for a broken binary.
const probeTimeout = 30 * time.Second

// switcherTimeout is that of a version switcher, which may download the engine
// first.
const switcherTimeout = 5 * time.Minute

// place is where and with what a version switcher is asked.
type place struct {
	path string            // PATH
	dir  string            // empty: the root directory
	env  map[string]string // nil: a small one
}

// An executable that was just written may be busy for a moment.
const (
	busyTries = 40
	busyWait  = 50 * time.Millisecond
)

// versionLine is how engines before 0.13, which know no -json, tell theirs.
var versionLine = lazyregexp.New(`(?m)^(?:Terraform|OpenTofu) v([0-9][0-9A-Za-z.+-]*)`)

// probe asks a binary for its version. hc-install's own way to ask runs it in
// the current directory, which may be a repository, with the whole
// environment, and lets it ask the maker's server whether it is outdated.
func probe(ctx context.Context, timeout time.Duration, path string, at place) (*version.Version, error) {
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	out, err := ask(asking, path, at)
	for tries := 0; errors.Is(err, syscall.ETXTBSY) && tries < busyTries; tries++ {
		// Another goroutine forked while the binary was being written: the
		// child has it open for writing until its own exec.
		select {
		case <-time.After(busyWait):
		case <-asking.Done():
		}
		out, err = ask(asking, path, at)
	}
	if asking.Err() != nil {
		return nil, fmt.Errorf("did not tell its version: %w", context.Cause(asking))
	}
	if err != nil {
		return nil, fmt.Errorf("did not tell its version: %w%s", err, complaint(err))
	}
	return parseVersion(out)
}

func ask(ctx context.Context, path string, at place) ([]byte, error) {
	cmd := exec.CommandContext(ctx, path, "version", "-json")
	cmd.Dir = cmp.Or(at.dir, "/")
	for name, value := range at.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if at.env["HOME"] == "" {
		cmd.Env = append(cmd.Env, "HOME="+os.Getenv("HOME")) // version switchers on PATH keep their choice there
	}
	// The last of a name counts.
	cmd.Env = append(cmd.Env, "PATH="+at.path, "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
	// A script may have started processes of its own: end the whole group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd.Output()
}

func parseVersion(out []byte) (*version.Version, error) {
	var told struct {
		Version string `json:"terraform_version"` // OpenTofu uses the same key
	}
	// A warning may stand before the JSON.
	if start := bytes.IndexByte(out, '{'); start >= 0 {
		_ = json.Unmarshal(out[start:], &told) // not JSON: the text below tells
	}
	if told.Version == "" {
		if m := versionLine().FindSubmatch(out); m != nil {
			told.Version = string(m[1])
		}
	}
	v, err := version.NewSemver(told.Version)
	if err != nil {
		return nil, fmt.Errorf("told no version but %q", clip(string(out), 120))
	}
	return v, nil
}

// complaint is what the failed command wrote on stderr, for the message.
func complaint(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || len(exit.Stderr) == 0 {
		return ""
	}
	return ": " + clip(string(exit.Stderr), 200)
}

// clip makes one short line of s.
func clip(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
