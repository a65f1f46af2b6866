package codify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tfops/tfops/internal/drift/codify"
	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/testrig"
)

// tree makes a repository of a txtar archive.
func tree(text string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(text)).Files {
		out[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	return out
}

// writeTree writes a repository to a new directory.
func writeTree(t *testing.T, repo fs.FS) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, repo); err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkPatch holds the proposal's three forms against each other: the files,
// the diff as applied by a reader of its own and by Git, and WriteTo.
func checkPatch(t *testing.T, repo fs.FS, p codify.Proposal) {
	t.Helper()
	if len(p.Files) == 0 {
		if p.Diff != "" {
			t.Errorf("no files, but a diff:\n%s", p.Diff)
		}
		return
	}
	byReader, err := applyDiff(repo, p.Diff)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.Diff)
	}
	if len(byReader) != len(p.Files) {
		t.Errorf("the diff has %d files, want %d:\n%s", len(byReader), len(p.Files), p.Diff)
	}
	byGit, byWrite := writeTree(t, repo), writeTree(t, repo)
	dirs := []string{byWrite}
	if gitApply(t, byGit, p.Diff) {
		dirs = append(dirs, byGit)
	}
	if err := p.WriteTo(byWrite, byWrite); err != nil {
		t.Fatal(err)
	}
	for name, edit := range p.Files {
		if got := byReader[name]; got != string(edit.After) {
			t.Errorf("%s: the diff gives\n%s\nwant\n%s", name, got, edit.After)
		}
		for _, dir := range dirs {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, edit.After) {
				t.Errorf("%s: %v, got\n%s\nwant\n%s\ndiff\n%s", name, err, got, edit.After, p.Diff)
			}
		}
	}
}

func gitApply(t *testing.T, dir, diff string) bool {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Log("NOT RUN: the patch as applied by Git: there is no git on PATH")
		return false
	}
	cmd := exec.CommandContext(t.Context(), git, "apply", "--whitespace=nowarn", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(diff)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES=" +
		filepath.Dir(dir)}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("git apply: %v\n%s\n%s", err, out, diff)
	}
	return true
}

// applyDiff is a second reader of unified diffs.
func applyDiff(repo fs.FS, diff string) (map[string]string, error) {
	out := map[string]string{}
	var name string
	var old, now []string
	next := 0
	finish := func() {
		if name != "" {
			out[name] = strings.Join(append(now, old[next:]...), "")
		}
	}
	for _, line := range strings.SplitAfter(diff, "\n") {
		switch {
		case strings.HasPrefix(line, "--- "):
			finish()
			name = ""
		case strings.HasPrefix(line, "+++ "):
			label := strings.TrimRight(strings.TrimPrefix(line, "+++ "), "\t\n")
			if strings.HasPrefix(label, `"`) {
				var err error
				if label, err = strconv.Unquote(label); err != nil {
					return nil, err
				}
			}
			name = strings.TrimPrefix(label, "b/")
			text, err := fs.ReadFile(repo, name)
			if err != nil {
				return nil, err
			}
			old, now, next = strings.SplitAfter(string(text), "\n"), nil, 0
		case strings.HasPrefix(line, "@@ "):
			var from int
			if _, err := fmt.Sscanf(line, "@@ -%d", &from); err != nil {
				return nil, err
			}
			for ; next < from-1; next++ {
				now = append(now, old[next])
			}
		case strings.HasPrefix(line, `\`): // the line before has no end
			now[len(now)-1] = strings.TrimSuffix(now[len(now)-1], "\n")
		case strings.HasPrefix(line, "+"):
			now = append(now, line[1:])
		case strings.HasPrefix(line, "-") || strings.HasPrefix(line, " "):
			if next >= len(old) || strings.TrimSuffix(old[next], "\n") != strings.TrimSuffix(line[1:], "\n") {
				return nil, fmt.Errorf("%s:%d is not %q", name, next+1, line[1:])
			}
			if line[0] == ' ' {
				now = append(now, old[next])
			}
			next++
		}
	}
	finish()
	return out, nil
}

// world is a repository that is applied for real.
type world struct {
	t     *testing.T
	dir   string // of the root module
	repo  string
	place string // where the provider keeps what it made
	rc    string
	args  []string
}

// build applies the repository's root module in dir.
func build(t *testing.T, repo fs.FS, s hclsource.Source) *world {
	t.Helper()
	w := &world{t: t, repo: writeTree(t, repo), place: t.TempDir(), rc: testrig.Provider(t)}
	w.dir = filepath.Join(w.repo, s.Dir)
	for _, f := range s.VarFiles {
		w.args = append(w.args, "-var-file="+f)
	}
	w.run("init", "-input=false")
	w.run(append([]string{"apply", "-auto-approve", "-input=false"}, w.args...)...)
	return w
}

func (w *world) run(args ...string) string {
	w.t.Helper()
	ctx, cancel := testrig.Deadline(w.t)
	defer cancel()
	cmd := exec.CommandContext(ctx, testrig.Terraform(w.t), args...)
	cmd.Dir = w.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.place, "TF_CLI_CONFIG_FILE=" + w.rc,
		"CHECKPOINT_DISABLE=1", "TF_VAR_world=" + w.place}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("terraform %v: %v\n%s%s", args, err, out, &stderr)
	}
	return string(out)
}

// drift changes a thing behind the engine's back.
func (w *world) drift(name string, change func(map[string]any)) {
	w.t.Helper()
	file := filepath.Join(w.place, name+".json")
	text, err := os.ReadFile(file)
	object := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	if err == nil {
		change(object)
		text, err = json.Marshal(object)
	}
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// planned is what the engine's plan says of one resource.
type planned struct {
	Address string `json:"address"`
	Change  struct {
		Actions       []string        `json:"actions"`
		Before, After map[string]any  `json:"-"`
		RawBefore     json.RawMessage `json:"before"`
		RawAfter      json.RawMessage `json:"after"`
	} `json:"change"`
}

// changes are the resources that a plan would touch.
func (w *world) changes() []planned {
	w.t.Helper()
	w.run(append([]string{"plan", "-input=false", "-out=plan.tfplan"}, w.args...)...)
	var p struct {
		Changes []planned `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(w.run("show", "-json", "plan.tfplan")), &p); err != nil {
		w.t.Fatal(err)
	}
	var out []planned
	for _, c := range p.Changes {
		if c.Change.Actions[0] == "no-op" {
			continue
		}
		for raw, to := range map[*json.RawMessage]*map[string]any{&c.Change.RawBefore: &c.Change.Before,
			&c.Change.RawAfter: &c.Change.After} {
			if len(*raw) > 0 {
				if err := json.Unmarshal(*raw, to); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		out = append(out, c)
	}
	return out
}

// found is the finding that a plan tells of: what the world has is the plan's
// before, what was applied is its after.
func (c planned) found() []codify.Change {
	var out []codify.Change
	for k, now := range c.Change.Before {
		was, known := c.Change.After[k]
		if k == "revision" || k == "id" || !known || fmt.Sprint(was) == fmt.Sprint(now) {
			continue
		}
		nowMap, ok1 := now.(map[string]any)
		wasMap, ok2 := was.(map[string]any)
		if !ok1 || !ok2 {
			out = append(out, codify.Change{Path: k, Was: was, Want: now})
			continue
		}
		keys := map[string]bool{}
		for _, m := range []map[string]any{nowMap, wasMap} {
			for key := range m {
				keys[key] = true
			}
		}
		for key := range keys {
			if nowMap[key] != wasMap[key] {
				out = append(out, codify.Change{Path: fmt.Sprintf("%s[%q]", k, key), Was: wasMap[key],
					Want: nowMap[key]})
			}
		}
	}
	return out
}
