package runner

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/sandbox"
	"github.com/tfops/tfops/internal/testrig"
)

// newUsersRig is a rig whose engines run as other users.
func newUsersRig(t *testing.T, files map[string]string) *rig {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: it takes root to run engines as other users")
	}
	r := newRig(t, files)
	r.local.Most = sandbox.Users
	if state, err := r.local.Probe(filepath.Join(r.base, "cache")); err != nil || state.Level != sandbox.Users {
		t.Fatalf("%+v, %v", state, err)
	}
	return r
}

// told is what a script of the engine wrote into its tree.
func (f *flight) told(name string) string {
	f.t.Helper()
	b, err := os.ReadFile(f.wrote(name))
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// An engine is nobody whom others know, in no group, and has what its workspace was given: of the home directory, by
// a variable, and for writing. After it everything is this process's user's again.
func TestEngineOfAnotherUser(t *testing.T) {
	r := newUsersRig(t, nil)
	r.env["HOME"] = filepath.Join(r.t.TempDir(), "home")
	home, other := filepath.Join(r.env["HOME"], ".aws"), filepath.Join(r.t.TempDir(), "credentials")
	given := r.given()
	for path, text := range map[string]string{filepath.Join(home, "credentials"): "of-the-home",
		other: "of-a-variable"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600),
			os.Chmod(filepath.Dir(path), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	r.env["AWS_SHARED_CREDENTIALS_FILE"] = other
	r.write("main.tf", provisioned("id -u > uid; id -G > groups; cat ~/.aws/credentials > home; "+
		"cat $AWS_SHARED_CREDENTIALS_FILE > variable; echo mine > "+given+"/made; "+
		"(setsid sleep 1000 >/dev/null 2>&1 </dev/null &); "+
		"grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '[:space:]' > status"))
	give := func(j *job.Job, _ *job.Secrets) { j.Cell.Read, j.Cell.Write = []string{home}, []string{given} }
	f := r.planned(give)
	apply := f.startApply(give)
	result := apply.wait()
	must(t, result, job.Succeeded, "", "")
	if result.Sandbox != sandbox.Users {
		t.Fatalf("the level is %s", result.Sandbox)
	}
	uid := apply.told("uid")
	if uid == "0" || apply.told("groups") != uid {
		t.Errorf("it is user %s in the groups %s", uid, apply.told("groups"))
	}
	if s := apply.told("status"); s != "CapEff:0000000000000000CapBnd:0000000000000000NoNewPrivs:1Seccomp:2" {
		t.Errorf("it can do %s", s)
	}
	if home, variable := apply.told("home"), apply.told("variable"); home != "of-the-home" ||
		variable != "of-a-variable" {
		t.Errorf("it read %q and %q", home, variable)
	}
	if b, err := os.ReadFile(filepath.Join(given, "made")); err != nil || string(b) != "mine\n" {
		t.Errorf("it wrote %q, %v", b, err)
	}
	state := filepath.Join(r.workspaceDir(), "terraform.tfstate")
	for path, mode := range map[string]os.FileMode{state: 0o600, state + ".backup": 0o600, r.workspaceDir(): 0o700,
		f.dir: 0o700} {
		var st unix.Stat_t
		info, err := os.Stat(path)
		if err == nil {
			err = unix.Stat(path, &st)
		}
		if err != nil || info.Mode().Perm() != mode || st.Uid != 0 || st.Gid != 0 {
			t.Errorf("%s is left as %v of %d:%d, %v", path, info.Mode(), st.Uid, st.Gid, err)
		}
	}
	if copies, _ := filepath.Glob(filepath.Join(f.job.Ground, "scratch-*")); len(copies) > 0 {
		t.Errorf("copies of credentials stay: %v", copies)
	}
}

// What cannot be given is refused before the engine is started, with what to do.
func TestNotGivenToAnotherUser(t *testing.T) {
	r := newUsersRig(t, map[string]string{"main.tf": simple})
	closed := filepath.Join(r.t.TempDir(), "closed")
	if err := errors.Join(os.Mkdir(closed, 0o700), os.WriteFile(filepath.Join(closed, "f"), nil, 0o600),
		os.Chmod(filepath.Dir(closed), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why   string
		cause job.Cause
		with  func(*job.Job, *job.Secrets)
	}{
		{"which this workspace may read, cannot be read by user", job.CauseBadInput, func(j *job.Job, _ *job.Secrets) {
			j.Cell.Read = []string{closed}
		}},
		{"which this workspace may write to, cannot be given to user", job.CauseBadInput, func(j *job.Job,
			_ *job.Secrets) {
			j.Cell.Write = []string{closed}
		}},
		{"cannot be started by user", job.CauseNoEngine, func(j *job.Job, _ *job.Secrets) {
			j.Engine.Path = filepath.Join(closed, "terraform")
			if err := os.WriteFile(j.Engine.Path, []byte("#!/bin/sh\nexec terraform \"$@\"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		only := func(j *job.Job, s *job.Secrets) { j.Cell.Read, j.Cell.Write = nil, nil; c.with(j, s) }
		_, result := r.plan(only)
		must(t, result, job.Failed, c.cause, c.why)
		if result.Next == "" {
			t.Errorf("%s: there is no next step", result.Message)
		}
	}
}

// Workspaces have users of their own, and each keeps its own; what a runner that was killed left is ended, and taken
// back, before the next phase of its workspace.
func TestUsersOfWorkspaces(t *testing.T) {
	r := newUsersRig(t, nil)
	here := r.fifo("here")
	r.write("main.tf", provisioned("id -u > uid; echo here > "+here.path+"; sleep 1000"))
	in := func(name string) option {
		return func(j *job.Job, _ *job.Secrets) {
			j.Workspace, j.WorkspaceDir = name, filepath.Join(r.base, "workspaces", name)
		}
	}
	killed := r.planned(in("one")).startApply(in("one"))
	here.line()
	testrig.Kill(t, killed.pid())
	killed.vanish()
	r.write("main.tf", strings.Replace(provisioned("id -u > uid"), "{\n", "{\n  triggers_replace = timestamp()\n", 1))
	seen := map[string]string{}
	for _, name := range []string{"one", "two", "one"} {
		apply := r.planned(in(name)).startApply(in(name))
		must(t, apply.wait(), job.Succeeded, "", "")
		uid := apply.told("uid")
		if was := seen[name]; was != "" && was != uid {
			t.Errorf("%s was %s and is %s", name, was, uid)
		}
		seen[name] = uid
	}
	if seen["one"] == seen["two"] {
		t.Error("two workspaces have the same user")
	}
	left, err := (&Local{}).Survivors(killed.job.Run)
	if err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	b, err := os.ReadFile(filepath.Join(r.base, "users"))
	if err != nil || strings.Count(string(b), "\n") != 2 {
		t.Errorf("kept is %q, %v", b, err)
	}
}

// A plan of one level is applied at another one, in both directions, with the same tree and on the same state.
func TestApplyAtAnotherLevel(t *testing.T) {
	for _, levels := range [][2]sandbox.Level{{sandbox.Users, sandbox.Namespaces}, {sandbox.Namespaces, sandbox.Users},
		{sandbox.Users, sandbox.Filters}} {
		t.Run(string(levels[0]+" then "+levels[1]), func(t *testing.T) {
			r := newUsersRig(t, map[string]string{"main.tf": simple, "run.sh": "echo run"})
			first := r.planned().startApply() // there is a state by then
			must(t, first.wait(), job.Succeeded, "", "")
			for i, value := range []string{"two", "three"} {
				r.local = &Local{Exe: r.local.Exe, ExtraEnv: raceSettings, Most: levels[0]}
				with := func(_ *job.Job, s *job.Secrets) { s.Variables = "input = \"" + value + "\"\n" }
				f := r.planned(with)
				r.local = &Local{Exe: r.local.Exe, ExtraEnv: raceSettings, Most: levels[1]}
				result := f.startApply(with).wait()
				must(t, result, job.Succeeded, "", "")
				if result.Sandbox != levels[1] || result.Serial <= uint64(i) {
					t.Errorf("%+v", result)
				}
			}
			var state struct {
				Outputs map[string]struct{ Value string }
			}
			b, err := os.ReadFile(filepath.Join(r.workspaceDir(), "terraform.tfstate"))
			if err == nil {
				err = json.Unmarshal(b, &state)
			}
			if err != nil || state.Outputs["o"].Value != "three" {
				t.Errorf("%+v, %v", state, err)
			}
		})
	}
}
