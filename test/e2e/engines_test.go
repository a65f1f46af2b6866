package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/tfops/tfops/internal/testrig"
)

// engineScripts are those that depend most on what the engine does: the loop,
// backends, and what is made of its plans in drift checks, findings and patches, and what is given to it.
var engineScripts = []string{"testdata/loop.txt", "testdata/drift.txt", "testdata/drift_classes.txt",
	"testdata/drift_codify.txt", "testdata/drift_life.txt",
	"testdata/backend_override.txt", "testdata/backend_remote.txt", "testdata/state_import.txt",
	"testdata/lockfile.txt", "testdata/values.txt"}

// TestScriptsWithTofu runs them with OpenTofu.
func TestScriptsWithTofu(t *testing.T) {
	t.Parallel()
	if !testrig.Long(t, "scripts with OpenTofu") {
		return
	}
	if tofu, ok := testrig.Tofu(t); ok {
		runScripts(t, script{files: engineScripts, engine: "tofu", program: tofu})
	}
}

// edgeScripts are what the oldest and the newest Terraform run: the loop, and what reads
// most of what engines write and say.
var edgeScripts = []string{"testdata/loop.txt", "testdata/backend_override.txt", "testdata/state_import.txt",
	"testdata/state_move.txt", "testdata/lockfile.txt"}

// TestLoopWithTheOldestTerraform runs the loop with the oldest Terraform that
// tfops is held against; the one on PATH is newer.
func TestLoopWithTheOldestTerraform(t *testing.T) {
	t.Parallel()
	if !testrig.Long(t, "scripts with the oldest Terraform") {
		return
	}
	if path, ok := testrig.Engine(t, testrig.OldestTerraform); ok {
		runScripts(t, script{files: edgeScripts, program: path})
	}
}

// TestLoopWithTheNewestTerraform runs it with the newest one that can be built; the one on
// PATH is older.
func TestLoopWithTheNewestTerraform(t *testing.T) {
	t.Parallel()
	if !testrig.Long(t, "scripts with the newest Terraform") {
		return
	}
	if path, ok := testrig.Engine(t, testrig.NewestTerraform); ok {
		runScripts(t, script{files: edgeScripts, program: path})
	}
}

// withEngines runs a test with the terraform on PATH and with OpenTofu.
func withEngines(t *testing.T, test func(t *testing.T, program string)) {
	t.Run("terraform", func(t *testing.T) { t.Parallel(); test(t, testrig.Terraform(t)) })
	t.Run("tofu", func(t *testing.T) {
		t.Parallel()
		if !testrig.Long(t, "the same with OpenTofu") {
			return
		}
		if tofu, ok := testrig.Tofu(t); ok {
			test(t, tofu)
		}
	})
}

// newLabWith is a lab whose PATH has this engine before all others.
func newLabWith(t *testing.T, program string) *lab {
	t.Helper()
	l := newLab(t)
	l.engine = filepath.Base(program)
	for i, v := range l.env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			l.env[i] = "PATH=" + filepath.Dir(program) + ":" + path
		}
	}
	return l
}

var workspaceHeader = regexp.MustCompile(`(?m)^(workspaces? "[^"]*" \{)$`)

// nameEngine has every workspace of a script's configurations use this engine.
func nameEngine(dir, engine string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".hcl" || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, workspaceHeader.ReplaceAll(text, []byte("${1}\n  engine = \""+engine+"\"")), 0o644)
	})
}

// replaceEngine puts another program in the place of the engine on the lab's
// PATH, whole: a waiting plan then has no engine that can apply it.
func (l *lab) replaceEngine(program string) {
	l.t.Helper()
	next := l.path("engine", "next")
	install(l.t, program, next)
	if err := os.Rename(next, l.path("engine", "terraform")); err != nil {
		l.t.Fatal(err)
	}
}

// TestEngineReplacedWhileAPlanWaits: the engine on PATH is upgraded while plans
// wait. Nobody's approval is burnt: the run is stale, and planned anew.
func TestEngineReplacedWhileAPlanWaits(t *testing.T) {
	if !testrig.Long(t, "an engine that is replaced") {
		return
	}
	t.Parallel()
	old, ok := testrig.Engine(t, testrig.OldestTerraform)
	if !ok {
		return
	}
	l := newLab(t)
	if err := os.Mkdir(l.path("engine"), 0o755); err != nil {
		t.Fatal(err)
	}
	l.replaceEngine(old)
	for i, v := range l.env {
		if strings.HasPrefix(v, "PATH=") {
			l.env[i] = "PATH=" + l.path("engine") + ":/usr/bin:/bin"
		}
	}
	l.repo.Commit("main", map[string]string{"a/main.tf": "resource \"terraform_data\" \"a\" {}\n",
		"b/main.tf": "resource \"terraform_data\" \"b\" {}\n"})
	config := "workspace \"a\" {\n  repository = \"infra\"\n  dir = \"a\"\n}\nworkspace \"b\" {\n  repository = " +
		"\"infra\"\n  dir = \"b\"\n}\n"
	l.configure(config)
	l.serve()
	a, b := l.latest("a", "awaiting_approval"), l.latest("b", "awaiting_approval")

	l.replaceEngine(testrig.Terraform(t))
	refused := l.tfops(1, "approve", a.ID)
	refused.says(t, "terraform 1.5.7, which made the plan, is not here any more", "a fresh plan is queued")
	if r := l.reaches(a.ID, "discarded"); r.Reason != "stale" || len(r.Approvals) > 0 {
		t.Errorf("run a is %s with %d votes", r.Reason, len(r.Approvals))
	}
	// Nobody votes on b: it is noticed all the same.
	if r := l.reaches(b.ID, "discarded"); r.Reason != "stale" {
		t.Errorf("run b is %s", r.Reason)
	}
	for name, old := range map[string]string{"a": a.ID, "b": b.ID} {
		fresh := l.latest(name, "awaiting_approval", old)
		l.tfops(0, "approve", fresh.ID)
		l.reaches(fresh.ID, "applied")
	}

	// The configuration may forbid the engine, too.
	l.repo.Commit("main", map[string]string{"a/main.tf": "resource \"terraform_data\" \"a2\" {}\n"})
	c := l.latest("a", "awaiting_approval")
	l.configure("engine \"terraform\" {\n  version = \"1.5.7\"\n  path = \"" + old + "\"\n}\n" + config)
	if err := l.daemon.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if r := l.reaches(c.ID, "discarded"); r.Reason != "stale" {
		t.Errorf("run c is %s", r.Reason)
	}
}
