package engine

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

func stateText(lineage string, serial, resources int) string {
	return fmt.Sprintf(`{"version": 4, "serial": %d, "lineage": %q, "resources": [{"mode": "managed", "instances": [%s]}]}`,
		serial, lineage, strings.TrimSuffix(strings.Repeat("{},", resources), ","))
}

func TestStateTrouble(t *testing.T) {
	whole := stateText("L", 7, 2)
	head, err := backend.ReadState([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	applied := workspace.AppliedState{StateRef: ref("m", workspace.Managed, 2), StateMark: outcome.MarkOf(head)}
	nothing := applied
	nothing.Resources = 0
	// of a version that kept no marks
	older := workspace.AppliedState{StateRef: workspace.StateRef{Identity: "managed:x"}}
	for _, c := range []struct {
		name  string
		want  workspace.AppliedState
		text  string
		err   error
		says  string
		ahead bool
	}{
		{name: "what was applied", want: applied, text: whole},
		{name: "gone", want: applied, err: fs.ErrNotExist, says: "gone"},
		{name: "unreadable", want: applied, err: fs.ErrPermission, says: "cannot be read"},
		{name: "empty", want: applied, says: "empty"},
		{name: "blank", want: applied, text: " \n", says: "empty"},
		{name: "cut", want: applied, text: whole[:30], says: "cut or damaged"},
		{name: "cut by one", want: applied, text: whole[:len(whole)-1], says: "cut or damaged"},
		{name: "no state", want: applied, text: "{}", says: "no lineage"},
		{name: "older", want: applied, text: stateText("L", 6, 2), says: "older"},
		{name: "of another lineage", want: applied, text: stateText("K", 9, 2), says: "another state"},
		{name: "changed under the same serial", want: applied, text: stateText("L", 7, 1),
			says: "without a new serial"},
		{name: "written by hand", want: applied, text: stateText("L", 8, 1), ahead: true},
		{name: "gone, and it held nothing", want: nothing, err: fs.ErrNotExist},
		{name: "empty, and it held nothing", want: nothing},
		{name: "cut, and it held nothing", want: nothing, text: whole[:30], says: "cut or damaged"},
		{name: "an older record: there", want: older, text: whole},
		{name: "an older record: gone", want: older, err: fs.ErrNotExist, says: "gone"},
		{name: "an older record: cut", want: older, text: whole[:30], says: "cut or damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			trouble, ahead := managed.TroubleOf(c.want, []byte(c.text), c.err)
			if ahead != c.ahead || (trouble == "") != (c.says == "") || !strings.Contains(trouble, c.says) {
				t.Errorf("%q, ahead %v; want %q, %v", trouble, ahead, c.says, c.ahead)
			}
		})
	}
}

// The newest snapshot may be as damaged as the state.
func TestNewestWholeSnapshot(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(backend.SnapshotsDir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{stateText("L", 1, 1), stateText("L", 2, 2), stateText("K", 9, 1),
		stateText("L", 3, 3)[:40], ""} {
		path := filepath.Join(backend.SnapshotsDir(dir), fmt.Sprintf("%08d-run.tfstate.age", i))
		at := time.Unix(int64(1000*i), 0)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for lineage, want := range map[string]uint64{"L": 2, "": 9, "K": 9, "M": 0} {
		s, ok := managed.NewestWhole(openVault{}, dir, lineage)
		if s.Head.Serial != want || ok != (want != 0) {
			t.Errorf("lineage %q: serial %d, %v; want %d", lineage, s.Head.Serial, ok, want)
		}
	}
}

// A data directory may be called as a pattern is written, and the snapshots in it are found.
func TestSnapshotsInAnyDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[a]*?")
	path := filepath.Join(backend.SnapshotsDir(dir), "00000001-r.tfstate.age")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := managed.Snapshots(dir); len(got) != 1 {
		t.Errorf("snapshots: %q", got)
	}
}
