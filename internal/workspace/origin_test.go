package workspace

import "testing"

func TestMatchesBranch(t *testing.T) {
	g := Generator{Branches: []string{"main", "env/*", "release-[0-9]"}}
	for branch, want := range map[string]bool{"main": true, "env/prod": true, "env/a/b": false, "release-1": true,
		"release-x": false, "maintenance": false} {
		if g.MatchesBranch(branch) != want {
			t.Errorf("%s: %t", branch, !want)
		}
	}
}

func TestOutputRef(t *testing.T) {
	for _, ref := range []OutputRef{{"network", "vpc_id"}, {"net.prod", "x"}, {"a.outputs.b", "c"}} {
		if got := ParseOutputRef(ref.String()); got != ref {
			t.Errorf("%+v becomes %+v", ref, got)
		}
	}
}
