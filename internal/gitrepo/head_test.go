package gitrepo_test

import (
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
)

// TestHead: the remote is asked for one branch, and the mirror whether a commit
// is still part of it: after a push, a merge of nothing, a force-push.
func TestHead(t *testing.T) {
	repo := gittest.NewRepo(t)
	first := repo.Commit("main", map[string]string{"a": "1"})
	gone := repo.Commit("main", map[string]string{"a": "2"})
	for name, r := range ways(t, repo) {
		t.Run(name, func(t *testing.T) {
			repo.SetBranch("main", gone)
			m, _ := open(t, r)
			m.Follow(only("main"))
			fetch(t, m)
			head := repo.Commit("main", map[string]string{"a": name}, gittest.On(first))
			if got, err := m.Head(t.Context(), "main"); err != nil || got != head || m.Has(head) {
				t.Errorf("%s, %v; fetched: %t", got, err, m.Has(head))
			}
			wantFault(t, second(m.Head(t.Context(), "nowhere")), fault.NotFound, "nowhere")
			wantFault(t, second(m.Contains(t.Context(), head, first)), fault.NotFound)
			fetch(t, m)
			for sha, want := range map[string]bool{head: true, first: true, gone: false} {
				if got, err := m.Contains(t.Context(), head, sha); err != nil || got != want {
					t.Errorf("%s: %t, %v", sha, got, err)
				}
			}
		})
	}
}
