package engines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// place is with what a program is asked.
type place struct {
	path string            // PATH
	env  map[string]string // nil: a small one
	ask  Asking            // nil: as it is, in the root directory
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

// mostTold bounds what a program says of its version, in bytes.
const mostTold = 1 << 20

// told takes in what a program says, up to a bound.
type told struct{ text []byte }

func (t *told) Write(b []byte) (int, error) {
	if len(t.text)+len(b) > mostTold {
		return 0, fmt.Errorf("it says more than %d MiB", mostTold>>20)
	}
	t.text = append(t.text, b...)
	return len(b), nil
}

// Arguments are with what an engine tells its version.
var Arguments = []string{"version", "-json"}

func ask(ctx context.Context, path string, at place) ([]byte, error) {
	env := map[string]string{}
	maps.Copy(env, at.env)
	if env["HOME"] == "" {
		env["HOME"] = os.Getenv("HOME") // version switchers on PATH keep their choice there
	}
	env["PATH"], env["CHECKPOINT_DISABLE"], env["TF_CLI_CONFIG_FILE"] = at.path, "1", os.DevNull
	if at.ask != nil {
		return at.ask(ctx, path, env)
	}
	cmd := exec.CommandContext(ctx, path, Arguments...)
	cmd.Dir = "/"
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return Told(cmd)
}

// Told runs a command that tells a version. It ends with all that it has started.
func Told(cmd *exec.Cmd) ([]byte, error) {
	var out, complaint told
	cmd.Stdout, cmd.Stderr = &out, &complaint
	// A script may have started processes of its own: end the whole group.
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		exit.Stderr = complaint.text
	}
	return out.text, err
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
