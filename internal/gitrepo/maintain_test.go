package gitrepo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/remote"
)

// random is text that does not compress, the same in every run.
func random(n int) string {
	src := rand.NewChaCha8([32]byte{7})
	raw := make([]byte, n)
	_, _ = src.Read(raw) // never fails
	return string(raw)
}

func TestMaintain(t *testing.T) {
	repo := gittest.NewRepo(t)
	via := remote.Remote{URL: repo.Dir}
	m, dir := open(t, via)
	var heads []string
	for i := range 25 {
		heads = append(heads, repo.Commit("main", map[string]string{"a": fmt.Sprint(i)}, gittest.On("")))
		fetch(t, m)
		if i == 10 {
			if err := m.Maintain(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if n := len(packs(t, dir, ".pack")); n != 11 {
				t.Fatalf("few packs were touched: %d", n)
			}
		}
	}
	repo.AnnotatedTag("v1", "commit", heads[24])
	fetch(t, m)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Maintain(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("canceled: %v", err)
	}
	if n := len(packs(t, dir, ".pack")); n != 26 {
		t.Fatalf("a canceled maintenance changed the packs: %d", n)
	}

	// heads 0 to 4 were last seen two days ago
	change(t, filepath.Join(dir, "tfops.json"), func(raw []byte) []byte {
		var st map[string]any
		if err := json.Unmarshal(raw, &st); err != nil {
			t.Fatal(err)
		}
		for _, h := range heads[:5] {
			st["seen"].(map[string]any)[h] = time.Now().Add(-48 * time.Hour).UTC().Format(time.RFC3339)
		}
		raw, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	})
	m = reopen(t, dir, via)
	if err := m.Maintain(t.Context(), []string{heads[3], strings.Repeat("1", 40), "nonsense"}); err != nil {
		t.Fatal(err)
	}
	if n := len(packs(t, dir, ".pack")); n != 1 {
		t.Errorf("%d packs are left", n)
	}
	check := func(m *gitrepo.Mirror) {
		t.Helper()
		for i, h := range heads {
			dropped := i < 5 && i != 3
			if m.Has(h) == dropped {
				t.Errorf("head %d: Has is %t", i, m.Has(h))
			}
			if !dropped && exported(t, m, h)["a"] != fmt.Sprint(i) {
				t.Errorf("head %d is not whole", i)
			}
		}
		if got, err := m.Resolve(t.Context(), "v1"); err != nil || got != heads[24] {
			t.Errorf("the tag: %s, %v", got, err)
		}
	}
	check(m)
	m = reopen(t, dir, via)
	check(m)
	if got := fetch(t, m); got.Repaired != "" {
		t.Errorf("not sound: %+v", got)
	}
	check(m)
}

// TestInterruptedWork: what a crash may leave is swept, and disturbs nothing.
func TestInterruptedWork(t *testing.T) {
	repo := gittest.NewRepo(t)
	sha := repo.Commit("main", map[string]string{"a": "a"})
	via := remote.Remote{URL: repo.Dir}
	m, dir := open(t, via)
	fetch(t, m)
	stray := []string{"objects/pack/tmp_pack_123", "objects/pack/pack-" + strings.Repeat("1", 40) + ".idx",
		"objects/pack/pack-" + strings.Repeat("2", 40) + ".pack", ".tmp-5"}
	for _, s := range stray {
		change2(t, filepath.Join(dir, s))
	}
	m = reopen(t, dir, via)
	if exported(t, m, sha)["a"] != "a" {
		t.Error("not readable")
	}
	if got := fetch(t, m); got.Repaired != "" {
		t.Errorf("taken for damage: %+v", got)
	}
	for _, s := range stray {
		if left, err := filepath.Glob(filepath.Join(dir, s)); err != nil || len(left) > 0 {
			t.Errorf("%s was left: %v", s, err)
		}
	}
}
