package reach_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// mirror is a mirror of a repository, up to date.
func mirror(t testing.TB, repo *gittest.Repo) *gitrepo.Mirror {
	t.Helper()
	m, err := gitrepo.Open(filepath.Join(t.TempDir(), "mirror.git"), remote.Remote{Name: "infra", URL: repo.Dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	fetch(t, m)
	return m
}

func fetch(t testing.TB, m *gitrepo.Mirror) {
	t.Helper()
	if _, err := m.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func graph(t testing.TB, x *reach.Index, m *gitrepo.Mirror, sha string, ws []workspace.Workspace) *reach.Graph {
	t.Helper()
	tree, err := m.Tree(sha)
	if err != nil {
		t.Fatal(err)
	}
	g := x.Graph(tree, ws)
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	return g
}

func root(calls ...string) string {
	s := "resource \"terraform_data\" \"x\" {}\n"
	for _, c := range calls {
		s += fmt.Sprintf("module %q {\n  source = \"../../modules/%s\"\n}\n", c, c)
	}
	return s
}

// What a move of a branch touches is told from the two trees alone: whichever
// way leads from one commit to the other.
func TestMovesOfABranch(t *testing.T) {
	repo := gittest.NewRepo(t)
	start := repo.Commit("main", map[string]string{
		"live/app/main.tf": root("net"), "live/web/main.tf": root("dns"), "live/db/main.tf": root(),
		"live/link":           gittest.Symlink("db"),
		"modules/net/main.tf": root(), "modules/dns/main.tf": root(), "README.md": "x",
	})
	changed := repo.Commit("main", map[string]string{"modules/net/main.tf": root() + "# new\n"})
	reverted := repo.Commit("main", map[string]string{"modules/net/main.tf": root()}, gittest.Message("Revert"))
	side := repo.Commit("side", map[string]string{"modules/dns/main.tf": root() + "# side\n"}, gittest.On(start))
	merged := merge(t, repo, "main", map[string]string{"modules/dns/main.tf": root() + "# side\n"}, reverted, side)
	renamed := repo.Commit("main", map[string]string{
		"modules/net/main.tf": gittest.Delete, "modules/network/main.tf": root(), "live/app/main.tf": root("network"),
		"modules/dns/main.tf": root() + "# side\n",
	}, gittest.On(start))
	relinked := repo.Commit("main", map[string]string{"live/link": gittest.Symlink("app")})
	unrelated := repo.Commit("main", map[string]string{
		"live/app/main.tf": root("net"), "live/web/main.tf": root("dns"), "live/db/main.tf": root() + "# other\n",
		"modules/net/main.tf": root(), "modules/dns/main.tf": root(), "live/link": gittest.Symlink("db"),
	}, gittest.On(""))
	for i, sha := range []string{start, changed, reverted, side, merged, renamed, relinked, unrelated} {
		repo.SetBranch(fmt.Sprint("keep", i), sha) // a mirror fetches what a branch leads to
	}
	m := mirror(t, repo)
	ws := []workspace.Workspace{{Name: "app", Dir: "live/app"}, {Name: "web", Dir: "live/web"},
		{Name: "db", Dir: "live/db"}, {Name: "link", Dir: "live/link"}}
	x := reach.NewIndex()
	for _, c := range []struct{ name, from, to, want string }{
		{"a change of a module", start, changed, "app"},
		{"its revert", changed, reverted, "app"},
		{"both together", start, reverted, ""},
		{"a merge commit, against its first parent", reverted, merged, "web"},
		{"a merge commit, against its second parent", side, merged, ""},
		{"a renamed module, by a force-push to before", merged, renamed, "app"},
		{"a link that leads elsewhere", renamed, relinked, "link"},
		{"a force-push to an unrelated history", start, unrelated, "db link"},
		{"and back", unrelated, start, "db link"},
		{"to what the link is to another directory", relinked, unrelated, "app web db link"},
	} {
		paths, err := m.Changed(t.Context(), c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, touched := range graph(t, x, m, c.to, ws).Affected(append([]string{}, paths...)) {
			got = append(got, touched.Workspace)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q touches %q, want %q", c.name, paths, got, c.want)
		}
	}
}

// merge commits with two parents: the files of the first, and what is given.
func merge(t *testing.T, repo *gittest.Repo, branch string, files map[string]string, parents ...string) string {
	t.Helper()
	plain := repo.Commit(branch, files, gittest.On(parents[0]))
	r, err := git.PlainOpen(repo.Dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.CommitObject(plumbing.NewHash(plain))
	if err != nil {
		t.Fatal(err)
	}
	who := "Ana Test <ana@example.com> 1767323045 +0000"
	return repo.RawCommit(branch, fmt.Sprintf("tree %s\nparent %s\nparent %s\nauthor %s\ncommitter %s\n\nMerge\n",
		c.TreeHash, parents[0], parents[1], who, who))
}

// estate is a repository of root modules and as many files as a large one has:
// per root module 12 files, and modules with 40, each with code of some size.
func estate(roots, modules int) (map[string]string, []workspace.Workspace) {
	all := map[string]string{"README.md": "x"}
	var ws []workspace.Workspace
	code := func(seed, blocks int) string {
		var s strings.Builder
		for i := range blocks {
			fmt.Fprintf(&s, "resource \"aws_instance\" \"r%d_%d\" {\n  ami           = data.aws_ami.a%d.id\n  "+
				"instance_type = var.type_%d\n  tags = merge(local.tags, { Name = \"${var.name}-%d\" })\n  "+
				"user_data = templatefile(\"${path.module}/files/user_data.tpl\", { name = var.name })\n}\n\n", seed, i,
				i, i, seed)
		}
		return s.String()
	}
	vars := func(seed int) string {
		var s strings.Builder
		for i := range 10 {
			fmt.Fprintf(&s, "variable \"v%d_%d\" {\n  type        = string\n  description = \"What number %d "+
				"is.\"\n  default     = \"value-%d\"\n}\n\n", seed, i, i, seed)
		}
		return s.String()
	}
	for i := range modules {
		dir := fmt.Sprintf("modules/m%03d/", i)
		for f := range 8 {
			all[fmt.Sprintf("%sresources%d.tf", dir, f)] = code(i*10+f, 3)
		}
		all[dir+"variables.tf"] = vars(i)
		if i%10 != 0 {
			all[dir+"nested.tf"] = fmt.Sprintf("module \"base\" {\n  source = \"../m%03d\"\n  name = var.name\n}\n",
				i-i%10)
		}
		for f := range 30 {
			all[fmt.Sprintf("%sfiles/f%02d.tpl", dir, f)] = fmt.Sprint(i, f)
		}
	}
	for i := range roots {
		dir := fmt.Sprintf("live/team%02d/r%04d", i%25, i)
		ws = append(ws, workspace.Workspace{Name: fmt.Sprintf("w%04d", i), Dir: dir, VarFiles: []string{"prod.tfvars"}})
		var s strings.Builder
		for c, m := range callsOf(i, modules) {
			fmt.Fprintf(&s, "module \"m%d\" {\n  source = \"../../../modules/m%03d\"\n  name = \"root-%d\"\n}\n", c,
				m, i)
		}
		all[dir+"/main.tf"] = s.String() + code(i+100000, 2)
		all[dir+"/variables.tf"] = vars(i + 100000)
		all[dir+"/backend.tf"] = fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket = \"states\"\n    key    "+
			"= \"r%d\"\n  }\n}\n", i)
		all[dir+"/prod.tfvars"] = fmt.Sprintf("name = \"r%d\"\n", i)
		for f := range 4 {
			all[fmt.Sprintf("%s/part%d.tf", dir, f)] = code(i*10+f+200000, 1)
		}
		for _, f := range []string{".terraform.lock.hcl", "README.md", "files/user_data.tpl", "policy.json"} {
			all[dir+"/"+f] = fmt.Sprint(f, i)
		}
	}
	return all, ws
}

// callsOf are the modules that a root module calls. The last but one of all is
// called by ten, however many there are.
func callsOf(root, modules int) []int {
	var out []int
	for c := range 3 {
		out = append(out, (root*3+c*7)%(modules-modules/100))
	}
	if root < 10 && modules >= 200 {
		out = append(out, modules-2)
	}
	return out
}

// BenchmarkGraph: a graph of a whole repository, and one after a commit.
func BenchmarkGraph(b *testing.B) {
	for _, size := range []struct{ roots, modules int }{{100, 200}, {1000, 200}} {
		all, ws := estate(size.roots, size.modules)
		name := fmt.Sprintf("roots=%d/files=%d", size.roots, len(all))
		repo := gittest.NewRepo(b)
		first := repo.Commit("main", all)
		var heads []string
		for i := range 40 {
			heads = append(heads, repo.Commit("main",
				map[string]string{"modules/m198/resources0.tf": fmt.Sprintf("resource \"terraform_data\" \"x%d\" {}\n",
					i)}))
		}
		clear(all)
		m := mirror(b, repo)
		b.Run(name+"/cold", func(b *testing.B) {
			for b.Loop() {
				graph(b, reach.NewIndex(), m, first, ws)
			}
		})
		b.Run(name+"/commit", func(b *testing.B) {
			x := reach.NewIndex()
			before := live()
			g := graph(b, x, m, first, ws)
			held := live() - before
			users := len(g.Affected([]string{"modules/m198/x.tf"}))
			for i := 0; b.Loop(); i++ {
				g = graph(b, x, m, heads[i%len(heads)], ws)
				if got := g.Affected([]string{"modules/m198/resources0.tf"}); len(got) != users || users == 0 {
					b.Fatalf("%d touched, want %d", len(got), users)
				}
			}
			b.ReportMetric(float64(users), "users")
			b.ReportMetric(float64(held)/1e6, "held-MB")
			runtime.KeepAlive(x)
		})
	}
}

func live() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// The graph that a mirror's trees make says the same as those of plain files.
func TestRealTree(t *testing.T) {
	all, ws := estate(20, 20)
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", all)
	g := graph(t, reach.NewIndex(), mirror(t, repo), sha, ws)
	if roots := g.Roots(); len(roots) != 20 { // every module is called
		t.Errorf("%d root modules: %q", len(roots), roots)
	}
	users := 0
	for i := range 20 {
		if slices.ContainsFunc(callsOf(i, 20), func(m int) bool { return m == 3 }) {
			users++
		}
	}
	if got := g.Affected([]string{"modules/m003/main.tf"}); len(got) != users || users == 0 || users == 20 {
		t.Errorf("%d touched, want %d", len(got), users)
	}
	b, ok := g.Backend(ws[3].Dir)
	if !ok || b.Type != "s3" || b.Config["key"] != "r3" || b.Partial || !strings.HasSuffix(b.File, "/backend.tf") {
		t.Errorf("backend %+v", b)
	}
	if !slices.ContainsFunc(g.Modules(), func(m reach.Module) bool {
		return m.Dir == ws[3].Dir && m.Root && slices.Equal(m.Workspaces, []string{ws[3].Name})
	}) {
		t.Errorf("no root module with its workspace in %+v", g.Modules())
	}
}
