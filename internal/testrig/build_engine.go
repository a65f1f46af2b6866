package testrig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Built is an engine that is built from its sources, which come through the Go
// module proxy, and kept in the test cache.
type Built struct {
	Name    string // "terraform" or "tofu"
	Version string
	module  string // directory of a module that builds it; empty: its own module does
	pkg     string
}

// The engines that tests run besides the terraform on PATH: the oldest and the newest
// Terraform that tfops is held against, and OpenTofu.
var (
	OldestTerraform = Built{Name: "terraform", Version: "1.5.7", pkg: "github.com/hashicorp/terraform"}
	// Newer Terraforms have replace directives for backends that are modules of their own;
	// the module in terraform has stubs in their place.
	NewestTerraform = Built{Name: "terraform", Version: "1.13.3", module: "internal/testrig/terraform",
		pkg: "github.com/hashicorp/terraform"}
	// OpenTofu's go.mod has a replace directive, so `go install` refuses it: the
	// module in opentofu repeats that directive.
	OpenTofu = Built{Name: "tofu", Version: "1.12.6", module: "internal/testrig/opentofu",
		pkg: "github.com/opentofu/opentofu/cmd/tofu"}
)

// BuiltEngines are all of them, the one that takes longest first.
func BuiltEngines() []Built { return []Built{OpenTofu, NewestTerraform, OldestTerraform} }

func (b Built) String() string { return b.Name + " " + b.Version }

// Cached returns the path of the built engine if it was built before.
func (b Built) Cached() (string, bool) {
	base, err := cacheDir()
	if err != nil {
		return "", false
	}
	path := filepath.Join(base, b.cacheName()+"-"+b.key(), b.Name)
	info, err := os.Stat(path)
	return path, err == nil && info.Mode().IsRegular()
}

func (b Built) cacheName() string { return "engine-" + b.Name + "-" + b.Version }
func (b Built) key() string       { return runtime.GOOS + "-" + runtime.GOARCH }

// Build builds the engine, once for all processes, and returns its path. That
// takes one to four minutes; root is the root directory of the repository.
func (b Built) Build(ctx context.Context, root string) (string, error) {
	base, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir, err := filled(base, b.cacheName(), b.key(), func(dir, _ string) error { return b.compile(ctx, root, dir) })
	return filepath.Join(dir, b.Name), err
}

// asReleased leaves out debug information, which is a third of the binary, and
// has the engine call itself by its release's number, not "-dev".
const asReleased = "-s -w -X github.com/hashicorp/terraform/version.dev=no -X " +
	"github.com/opentofu/opentofu/version.dev=no"

func (b Built) compile(ctx context.Context, root, into string) error {
	args := []string{"install", "-ldflags", asReleased, b.pkg + "@v" + b.Version}
	if b.module != "" {
		args = []string{"build", "-mod=readonly", "-ldflags", asReleased, "-o", filepath.Join(into, b.Name), b.pkg}
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(root, filepath.FromSlash(b.module))
	cmd.Env = append(os.Environ(), "GOBIN="+into, "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("building %s was stopped: %w", b, context.Cause(ctx))
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s cannot be built: %w: %s", b, err, lines[len(lines)-1])
	}
	return nil
}

var builds sync.Map // of func() (string, error), by name and version

// Engine returns the path of a built engine, and whether there is one. Where it
// cannot be built the test goes on without it and says so; `make test` repeats
// that at its end.
func Engine(t testing.TB, b Built) (string, bool) {
	t.Helper()
	once, _ := builds.LoadOrStore(b.String(), sync.OnceValues(func() (string, error) {
		// Not the test's context: what it began is for those that come after it, too.
		return b.Build(context.Background(), Root(t))
	}))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Logf("NOT RUN: what follows with the real %s: %v", b, err)
		return "", false
	}
	return path, true
}
