package gitrepo_test

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// graphRoots is a repository of root modules in directories of twenty files,
// each of which calls one of the shared modules. The commit afterwards changes
// the first of these, which five of them call whatever their number.
func graphRoots(roots, shared int) (map[string]string, []workspace.Workspace) {
	all, ws := map[string]string{}, []workspace.Workspace{}
	for i := range shared {
		all[fmt.Sprintf("modules/m%03d/main.tf",
			i)] = "variable \"n\" {}\nresource \"terraform_data\" \"x\" {\n  input = var.n\n}\n"
	}
	for i := range roots {
		dir := fmt.Sprintf("live/team%02d/root%04d", i%20, i)
		m := i % shared
		if m == 0 && i >= 5*shared {
			m = 1
		}
		all[dir+"/main.tf"] = fmt.Sprintf("terraform {\n  backend \"s3\" {\n    key = \"%d\"\n  }\n}\nmodule \"m\" "+
			"{\n  "+
			"source = \"../../../modules/m%03d\"\n  n = %d\n}\n", i, m, i)
		for f := range 19 {
			name, body := fmt.Sprintf("%s/file%02d.tf", dir,
				f), fmt.Sprintf("resource \"terraform_data\" \"r%d\" {\n  input = %d\n}\n", f, i*f)
			if f >= 6 {
				name, body = fmt.Sprintf("%s/data/file%02d.json", dir, f), fmt.Sprint(i*f)
			}
			all[name] = body
		}
		ws = append(ws, workspace.Workspace{Name: fmt.Sprintf("w%04d", i), Dir: dir, Engine: "terraform"})
	}
	return all, ws
}

func graphOf(b testing.TB, x *reach.Index, m *gitrepo.Mirror, sha string, ws []workspace.Workspace) *reach.Graph {
	b.Helper()
	tree, err := m.Tree(sha)
	if err != nil {
		b.Fatal(err)
	}
	g := x.Graph(tree, ws)
	if g.Err() != nil {
		b.Fatal(g.Err())
	}
	return g
}

func BenchmarkGraph(b *testing.B) {
	for _, size := range []struct{ roots, shared int }{{100, 20}, {1000, 200}} {
		files, ws := graphRoots(size.roots, size.shared)
		repo := gittest.NewRepo(b)
		from := repo.Commit("main", files)
		to := repo.Commit("main", map[string]string{"modules/m000/main.tf": "variable \"n\" {}\n"})
		m, _ := open(b, remote.Remote{URL: repo.Dir})
		fetch(b, m)
		b.Run(fmt.Sprintf("cold/%d", size.roots), func(b *testing.B) {
			for b.Loop() {
				graphOf(b, reach.NewIndex(), m, from, ws)
			}
		})
		b.Run(fmt.Sprintf("commit/%d", size.roots), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				x := reach.NewIndex()
				graphOf(b, x, m, from, ws)
				b.StartTimer()
				g := graphOf(b, x, m, to, ws)
				if got := g.Affected([]string{"modules/m000/main.tf"}); len(got) != 5 {
					b.Fatalf("%d are affected", len(got))
				}
			}
		})
		b.Run(fmt.Sprintf("memory/%d", size.roots), func(b *testing.B) {
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				x := reach.NewIndex()
				g := graphOf(b, x, m, from, ws)
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(g)
				b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB-kept")
			}
		})
	}
}

// What a revert, a merge and a push of an unrelated history touch, with real Git.
func TestAffectedByHistory(t *testing.T) {
	call := func(m string) string { return "module \"m\" {\n  source = \"../../modules/" + m + "\"\n}\n" }
	start := map[string]string{
		"live/a/main.tf": call("one"), "live/b/main.tf": call("two"),
		"live/c/main.tf":      "resource \"terraform_data\" \"x\" {}\n",
		"modules/one/main.tf": "output \"n\" {\n  value = 1\n}\n",
		"modules/two/main.tf": "output \"n\" {\n  value = 1\n}\n",
	}
	ws := []workspace.Workspace{{Name: "a", Dir: "live/a"}, {Name: "b", Dir: "live/b"}, {Name: "c", Dir: "live/c"}}
	repo := gittest.NewRepo(t)
	base := repo.Commit("main", start)
	one := repo.Commit("main", map[string]string{"modules/one/main.tf": "output \"n\" {\n  value = 2\n}\n"})
	reverted := repo.Commit("main", map[string]string{"modules/one/main.tf": start["modules/one/main.tf"]})
	side := repo.Commit("side", map[string]string{"live/c/main.tf": "resource \"terraform_data\" \"y\" {}\n"},
		gittest.On(one))
	unrelated := repo.Commit("other", map[string]string{
		"live/a/main.tf": call("one"), "live/b/main.tf": call("two"), "live/c/main.tf": start["live/c/main.tf"],
		"modules/one/main.tf": start["modules/one/main.tf"], "modules/two/main.tf": "output \"n\" {\n  value = 3\n}\n",
	}, gittest.On(""))
	m, _ := open(t, remote.Remote{URL: repo.Dir})
	fetch(t, m)
	merged := merge(t, repo, m, reverted, side)
	fetch(t, m)
	x := reach.NewIndex()
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"a change of a module", base, one, []string{"a"}},
		{"its revert", one, reverted, []string{"a"}},
		{"both at once", base, reverted, []string{}},
		{"a branch beside it", reverted, side, []string{"a", "c"}},
		{"their merge, seen from the branch that was merged into", reverted, merged, []string{"a", "c"}},
		{"their merge, seen from the other", side, merged, []string{}},
		{"an unrelated history", base, unrelated, []string{"b"}},
	} {
		paths, err := m.Changed(t.Context(), c.from, c.to)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if paths == nil {
			paths = []string{}
		}
		got := []string{}
		for _, a := range graphOf(t, x, m, c.to, ws).Affected(paths) {
			got = append(got, a.Workspace)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v touches %v, want %v", c.name, paths, got, c.want)
		}
	}
}

// merge commits the tree of theirs to main, with both as parents.
func merge(t *testing.T, repo *gittest.Repo, m *gitrepo.Mirror, ours, theirs string) string {
	t.Helper()
	tree, err := m.Tree(theirs)
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := tree.(interface{ TreeHash(string) (string, bool) }).TreeHash(".")
	if !ok {
		t.Fatal("the tree has no hash")
	}
	who := "Ana Test <ana@example.com> 1700000000 +0000"
	return repo.RawCommit("main",
		fmt.Sprintf("tree %s\nparent %s\nparent %s\nauthor %s\ncommitter %s\n\nMerge\n",
			hex.EncodeToString([]byte(raw)),
			ours, theirs, who, who))
}
