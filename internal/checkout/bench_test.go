package checkout

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// BenchmarkEnsure is what the checkout of a commit costs that changes one file of
// 10,000: with no other one there, and beside that of the commit before; and a look at
// one that is there, right after another one was made beside it and otherwise.
func BenchmarkEnsure(b *testing.B) {
	repo := gittest.NewRepo(b)
	files := map[string]string{}
	for i := range 10_000 {
		files[fmt.Sprintf("live/%03d/%d.tf", i/10, i%10)] = strings.Repeat(fmt.Sprintf("# %d\n", i), 300)
	}
	first := repo.Commit("main", files)
	second := repo.Commit("main", map[string]string{"live/000/0.tf": "changed\n"})
	m, err := gitrepo.Open(filepath.Join(b.TempDir(), "infra.git"), remote.Remote{Name: "infra", URL: repo.Dir})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	if _, err := m.Fetch(b.Context()); err != nil {
		b.Fatal(err)
	}
	ensure := func(s *Store, sha string) string {
		c, err := s.Ensure(b.Context(), "infra", m, sha)
		if err != nil {
			b.Fatal(err)
		}
		return c.Dir
	}
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			s := Open(b.TempDir())
			ensure(s, first)
			b.StopTimer()
			_ = os.RemoveAll(s.dir)
			b.StartTimer()
		}
	})
	s := Open(b.TempDir())
	ensure(s, first)
	b.Run("beside", func(b *testing.B) {
		for b.Loop() {
			dir := ensure(s, second)
			b.StopTimer()
			_ = os.RemoveAll(dir)
			ensure(s, first)
			b.StartTimer()
		}
	})
	b.Run("touched", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			dir := ensure(s, second)
			b.StartTimer()
			ensure(s, first)
			b.StopTimer()
			_ = os.RemoveAll(dir)
			b.StartTimer()
		}
	})
	b.Run("there", func(b *testing.B) {
		for b.Loop() {
			ensure(s, first)
		}
	})
}
