package gitrepo_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
)

// fleet is a repository of some thousand files in directories of ten, as a
// fleet of root modules has them.
func fleet(files int) map[string]string {
	all := map[string]string{}
	for i := range files {
		body := strings.Repeat(fmt.Sprintf("resource \"terraform_data\" \"r%d\" {\n  input = %d\n}\n", i, i*7919),
			1+i%40)
		all[fmt.Sprintf("live/team%02d/module%03d/file%d.tf", i%20, i/10, i%10)] = body
	}
	return all
}

func BenchmarkExport(b *testing.B) {
	for _, files := range []int{250, 5000} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			repo := gittest.NewRepo(b)
			sha := repo.Commit("main", fleet(files))
			m, _ := open(b, remote.Remote{URL: repo.Dir})
			fetch(b, m)
			root := b.TempDir()
			n := 0
			for b.Loop() {
				n++
				if _, err := m.Export(b.Context(), sha, filepath.Join(root, fmt.Sprint(n)), trees.Base{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHeads(b *testing.B) {
	repo := gittest.NewRepo(b)
	repo.Commit("main", fleet(100))
	for i := range 20 {
		repo.Commit(fmt.Sprint("branch", i), map[string]string{"x": fmt.Sprint(i)}, gittest.On(""))
	}
	srv := gittest.ServeSSH(b, repo.Dir)
	for name, r := range map[string]remote.Remote{
		"http":  {URL: gittest.ServeHTTP(b, repo.Dir, "u", "p"), Auth: remote.Auth{Username: "u", Password: "p"}},
		"ssh":   {URL: srv.URL, Auth: remote.Auth{SSHKey: srv.Key, KnownHosts: srv.KnownHosts()}},
		"local": {URL: repo.Dir},
	} {
		b.Run(name, func(b *testing.B) {
			m, _ := open(b, r)
			for b.Loop() {
				if _, err := m.Heads(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFetchOfOneCommit(b *testing.B) {
	repo := gittest.NewRepo(b)
	repo.Commit("main", fleet(1000))
	for name, r := range map[string]remote.Remote{"http": {URL: gittest.ServeHTTP(b, repo.Dir, "", "")},
		"local": {URL: repo.Dir}} {
		b.Run(name, func(b *testing.B) {
			m, _ := open(b, r)
			fetch(b, m)
			n := 0
			for b.Loop() {
				b.StopTimer()
				n++
				repo.Commit("main", map[string]string{"live/team00/module000/file0.tf": fmt.Sprint(name, n)})
				if err := m.Maintain(b.Context(), nil); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				fetch(b, m)
			}
		})
	}
}

func BenchmarkChanged(b *testing.B) {
	repo := gittest.NewRepo(b)
	from := repo.Commit("main", fleet(5000))
	to := repo.Commit("main",
		map[string]string{"live/team00/module000/file0.tf": "x", "live/team19/module499/file9.tf": "y"})
	m, _ := open(b, remote.Remote{URL: repo.Dir})
	fetch(b, m)
	for b.Loop() {
		if paths, err := m.Changed(b.Context(), from, to); err != nil || len(paths) != 2 {
			b.Fatal(paths, err)
		}
	}
}
