// Package e2e drives the built binary: real daemons, real Git repositories,
// the real engine, real processes.
//
// Each script of testdata is a person's session at a terminal, in a directory,
// with a data directory and daemons of its own; commands_test.go lists the
// commands that scripts have beside testscript's own.
// Nothing waits for a time to pass: `await` asks the daemon until what is
// expected is so, and a script that ends leaves no process behind.
package e2e

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/testrig"
)

// TestMain lets more scripts run at once than there are CPUs: most of the time
// each waits for an engine, a poll or a clock.
func TestMain(m *testing.M) {
	flag.Parse()
	parallel := flag.Lookup("test.parallel")
	if parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set("6")
	}
	os.Exit(m.Run())
}

// TestScripts runs every script of testdata.
func TestScripts(t *testing.T) {
	t.Parallel()
	which := script{dir: "testdata"}
	if !testrig.Long(t, "the scripts that are not in core") {
		for name := range strings.FieldsSeq(core) {
			which.files = append(which.files, filepath.Join(which.dir, name+".txt"))
		}
		which.dir = ""
	}
	runScripts(t, which)
}

// core are the scripts of the promises, and of what every fleet does.
const core = `affected apply_fails cancel_applying config_reload config_wrong destroy drift drift_heal
	engine_tampered force_push generators graceful_stop inputs lock loop recover refresh rename rules
	shared_state state_lost submodules suspend two_daemons votes`

// TestSlowScripts runs the scripts that wait for a clock. Beside the others
// they cost no time; among them they might come last.
func TestSlowScripts(t *testing.T) {
	if !testrig.Long(t, "the scripts that wait for a clock") {
		return
	}
	t.Parallel()
	runScripts(t, script{dir: "testdata/slow"})
}

// script says which scripts to run, and with which engine.
type script struct {
	dir     string
	files   []string // in the place of dir
	engine  string   // "tofu"; empty: terraform
	program string   // path of the engine; empty: the terraform on PATH
}

func runScripts(t *testing.T, s script) {
	root := publicDir(t)
	bin := filepath.Join(root, "bin")
	install(t, testrig.Binary(t), filepath.Join(bin, "tfops"))
	cliConfig := testrig.Provider(t)
	terraform := testrig.Terraform(t)
	engineDir := filepath.Dir(terraform)
	if s.program != "" { // alone, so that no other engine can take its place
		engineDir = filepath.Join(root, "engine")
		install(t, s.program, filepath.Join(engineDir, filepath.Base(s.program)))
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:         s.dir,
		Files:       s.files,
		WorkdirRoot: root,
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{"TFOPS_SANDBOX": level,
				"BIN": bin, "TERRAFORM": terraform, "ROOT": testrig.Root(t), "ME": me.Username,
				"PATH":               bin + ":" + engineDir + ":/usr/bin:/bin",
				"HOME":               filepath.Join(env.WorkDir, "home"),
				"TFOPS_CONFIG":       filepath.Join(env.WorkDir, "tfops.hcl"),
				"TF_CLI_CONFIG_FILE": cliConfig, // of the engine, where pass_env lets it through
				"LAB_WORLD":          filepath.Join(env.WorkDir, "world"),
				"GORACE":             "atexit_sleep_ms=0",
			} {
				env.Setenv(name, value)
			}
			if err := os.MkdirAll(filepath.Join(env.WorkDir, "world"), 0o777); err != nil {
				return err
			}
			if err := newSession(env); err != nil || s.engine == "" {
				return err
			}
			return nameEngine(env.WorkDir, s.engine)
		},
		Cmds:      commands,
		Condition: condition,
	})
}

// publicDir is a short path, since sockets lie below it, that other users of
// the machine can pass through.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// install copies a program to where every user can run it.
func install(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(out, in)
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// level is the best level of the sandbox that daemons of these tests use; empty: the best one of the machine. See make
// test-levels.
var level = os.Getenv("TFOPS_SANDBOX")

// condition knows [root]: whether the test may become another user; [namespaces]: whether engines are in namespaces of
// their own; and [users]: whether they run as users of their workspaces.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "users":
		return level == string(sandbox.Users), nil
	case "namespaces":
		return level == "" || level == string(sandbox.Namespaces), nil
	}
	return false, fmt.Errorf("there is no condition %q", name)
}

// fill puts what a script cannot know in advance into its files: @WORK@ is its
// directory, @ME@ the user who runs it, @LAB@ what a root module needs in order
// to use the test provider.
func fill(dir, me string) error {
	with := strings.NewReplacer("@WORK@", dir, "@ME@", me, "@LAB@", testrig.RequiredProviders)
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		old, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if text := with.Replace(string(old)); text != string(old) {
			return os.WriteFile(path, []byte(text), 0o666)
		}
		return nil
	})
}
