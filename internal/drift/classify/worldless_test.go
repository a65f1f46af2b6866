package classify_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/drift/classify"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/testrig"
)

// timeVersion is of the provider that plans are made with; it is fetched only to make them anew.
const timeVersion = "0.14.2"

// useTime has the engine use the time provider as well.
func (l *lab) useTime() {
	l.t.Helper()
	mirror := l.t.TempDir()
	place := filepath.Join(mirror, "registry.terraform.io/hashicorp/time", timeVersion, runtime.GOOS+"_"+runtime.GOARCH)
	ctx, cancel := testrig.Deadline(l.t)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "install", "github.com/hashicorp/terraform-provider-time@v"+timeVersion)
	build.Dir, build.Env = mirror, append(os.Environ(), "GOBIN="+place, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		l.t.Fatalf("%v\n%s", err, out)
	}
	name := filepath.Join(place, "terraform-provider-time")
	if err := os.Rename(name, name+"_v"+timeVersion); err != nil {
		l.t.Fatal(err)
	}
	b, err := os.ReadFile(l.rc)
	if err != nil {
		l.t.Fatal(err)
	}
	l.rc = filepath.Join(mirror, "terraform.rc")
	const installation = "provider_installation {"
	more := fmt.Sprintf("\n  filesystem_mirror {\n    path    = %q\n    include = [\"hashicorp/time\"]\n  }", mirror)
	l.file(l.rc, strings.Replace(string(b), installation, installation+more, 1))
}

// What has no world is never gone from it, and never changed there.
func TestWorldless(t *testing.T) {
	gone := func(provider string, before map[string]any) *plan.Plan {
		c := plan.Change{Address: "x.a", Mode: "managed", Type: "x", Provider: provider, Action: plan.Delete,
			Before: before}
		made := c
		made.Action, made.Before, made.After = plan.Create, nil, before
		return &plan.Plan{Drift: []plan.Change{c}, Changes: []plan.Change{made}, Complete: true}
	}
	file := func(name string) map[string]any { return map[string]any{"filename": name} }
	const local, tree = "registry.opentofu.org/hashicorp/local", "/data/workspaces/a/tree"
	for _, c := range []struct {
		what   string
		p      *plan.Plan
		last   bool
		wanted string
	}{
		{"time", gone("registry.terraform.io/hashicorp/time", nil), false, "input x.a (create)"},
		{"random", gone("registry.opentofu.org/hashicorp/random", nil), false, "input x.a (create)"},
		{"null", gone("example.com/hashicorp/null", nil), true, "perpetual x.a (create)"},
		{"terraform_data", gone(plan.BuiltinProvider, nil), false, "input x.a (create)"},
		{"a world", gone("registry.terraform.io/hashicorp/aws", nil), true, "deleted x.a (create)"},
		{"another's time", gone("registry.terraform.io/acme/uptime", nil), false, "deleted x.a (create)"},
		{"a file of the commit", gone(local, file("./out.txt")), true, "perpetual x.a (create)"},
		{"a file there by its whole path", gone(local, file(tree+"/m/out.txt")), false, "input x.a (create)"},
		{"a file elsewhere", gone(local, file("/etc/motd")), true, "deleted x.a (create)"},
		{"a file beside the tree", gone(local, file(tree+"s/out.txt")), false, "deleted x.a (create)"},
	} {
		e := classify.Evidence{Applied: c.p, Tree: tree}
		if c.last {
			e.LastApply = &plan.Plan{Changes: c.p.Changes}
		}
		if got := sketch(classify.Differences(e)); !slices.Equal(got, []string{c.wanted}) {
			t.Errorf("%s: %v, want %s", c.what, got, c.wanted)
		}
	}
	changed := gone("registry.terraform.io/hashicorp/time", map[string]any{"a": "1"})
	changed.Drift[0].Action, changed.Drift[0].After, changed.Changes = plan.Update, map[string]any{"a": "2"}, nil
	if got := sketch(classify.Differences(classify.Evidence{Applied: changed})); got != nil {
		t.Errorf("what a provider without a world computes anew: %v", got)
	}
}
