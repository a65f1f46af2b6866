package gitrepo_test

import (
	"context"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/local"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/testrig"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// Eleven small trees stand for ten billion files, or for as many directories with none, and a directory lies
// in itself thousands
// of times: whoever may push can do that. Nothing walks over it to its end, whatever was
// there before is told from it, and what is beside it is read.
func TestTreesWithoutEnd(t *testing.T) {
	if !testrig.Long(t, "trees without end") {
		return
	}
	git, root := realGit(t), t.TempDir()
	dir := filepath.Join(root, "infra")
	git(root, "init", "-q", "-b", "main", dir)
	piped := func(in string, args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	blob := piped("x\n", "hash-object", "-w", "--stdin")
	app := piped("100644 blob "+piped("resource \"terraform_data\" \"a\" {}\n", "hash-object", "-w", "--stdin")+
		"\tmain.tf\n", "mktree")
	file := piped("100644 blob "+blob+"\tf\n", "mktree")
	wide, hollow, deep := file, piped("", "mktree"), file
	for range 10 {
		for _, tree := range []*string{&wide, &hollow} {
			var lines strings.Builder
			for name := range strings.FieldsSeq("d0 d1 d2 d3 d4 d5 d6 d7 d8 d9") {
				lines.WriteString("040000 tree " + *tree + "\t" + name + "\n")
			}
			*tree = piped(lines.String(), "mktree")
		}
	}
	for range 2500 { // two bytes of a path each
		deep = piped("040000 tree "+deep+"\tn\n", "mktree")
	}
	commit := func(trees, parent string) string {
		args := []string{"commit-tree", piped("040000 tree "+app+"\tapp\n"+trees, "mktree"), "-m", "x"}
		if parent != "" {
			args = append(args, "-p", parent)
		}
		return git(dir, args...)
	}
	plain := commit("", "")
	for name, c := range map[string]struct {
		trees    string
		tooLarge bool
	}{"wide": {"040000 tree " + wide + "\tbomb\n", true}, "hollow": {"040000 tree " + hollow + "\tbomb\n", true},
		"deep": {"040000 tree " + deep + "\tbomb\n", false}} {
		t.Run(name, func(t *testing.T) {
			sha := commit(c.trees, plain)
			git(dir, "update-ref", "refs/heads/main", sha)
			m, _ := open(t, remote.Remote{URL: dir})
			fetch(t, m)
			checkout, err := local.OpenCheckout(dir)
			if err != nil {
				t.Fatal(err)
			}
			mirrored, err := m.Tree(sha)
			if err != nil {
				t.Fatal(err)
			}
			local, err := checkout.Tree(sha)
			if err != nil {
				t.Fatal(err)
			}
			gen := workspace.Generator{Name: "gen", Dirs: []string{"**"}, Branches: []string{"main"}}
			ws := []workspace.Workspace{{Name: "app", Dir: "app", Engine: "terraform"}}
			for _, tree := range []fs.FS{mirrored, local} {
				g := reach.NewIndex().Graph(tree, ws)
				origins, problems := reach.Matches(gen, "main", tree, g.Roots())
				if c.tooLarge {
					if g.Err() == nil || len(origins) > 0 || len(problems) != 1 ||
						!strings.Contains(problems[0].Message, "more than") {
						t.Errorf("%v; %v, %v", g.Err(), origins, problems)
					}
				} else if reach, ok := g.Reach("app"); g.Err() != nil || !ok || len(reach.Items) == 0 ||
					len(origins) != 1 {
					t.Errorf("%v, %+v; %v, %v", g.Err(), reach, origins, problems)
				}
			}
			for _, r := range []interface {
				Changed(ctx context.Context, from, to string) ([]string, error)
			}{m, checkout} {
				if none, err := r.Changed(t.Context(), plain, plain); err != nil || none == nil || len(none) > 0 {
					t.Errorf("%T: nothing changed: %#v, %v", r, none, err)
				}
				changed, err := r.Changed(t.Context(), plain, sha)
				if c.tooLarge && !fault.Is(err, fault.Invalid) || !c.tooLarge && (err != nil || len(changed) > 0) {
					t.Errorf("%T: changed: %d paths, %v", r, len(changed), err)
				}
				if back, err := r.Changed(t.Context(), sha, plain); c.tooLarge && !fault.Is(err, fault.Invalid) ||
					!c.tooLarge && err != nil {
					t.Errorf("%T: and back: %d paths, %v", r, len(back), err)
				}
			}
			x, err := m.Export(t.Context(), sha, filepath.Join(t.TempDir(), "out"), trees.Base{})
			if c.tooLarge && err == nil || !c.tooLarge && (err != nil || len(x.LeftOut()) == 0) {
				t.Errorf("exported: %+v, %v", x, err)
			}
		})
	}
}
