package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
)

// withModules measures passes over root modules that need a provider and three
// modules from Git, each at a full commit hash: what most repositories have, and what
// an init is for.
func withModules(ctx context.Context, b *bench) error {
	const n = 10
	b.say("modules: %d rounds over %d workspaces with a provider and three modules from Git", b.rounds, n)
	cliConfig, err := b.provider(ctx)
	if err != nil {
		return err
	}
	s := setting{cliConfig: cliConfig, root: b.moduleRoots(), fresh: true}
	var first, apply, second, anew pairs
	for i := range b.rounds {
		r, err := b.round(ctx, n, s, i%2 == 0)
		if err != nil {
			return err
		}
		first, apply, second, anew = append(first, r.first), append(apply, r.apply), append(second, r.second),
			append(anew, r.anew)
		b.say("round %d: first pass %s, apply %s, second pass %s, beside fresh clones %s", i+1, r.first, r.apply,
			r.second, r.anew)
	}
	what := fmt.Sprintf("%d workspaces with a provider and three modules: ", n)
	b.compare(what+"first pass", first, 0)
	b.compare(what+"second pass, by hand in the same directories", second, 0.6)
	b.compare(what+"second pass, by hand in fresh clones, as CI does", anew, 0)
	b.compare(what+"applying the approved plans", apply, 0)
	return nil
}

// worldOf is where the provider keeps what it makes, for one side.
func worldOf(dir string) (string, error) {
	world := filepath.Join(dir, "world")
	return "LAB_WORLD=" + world, os.MkdirAll(world, 0o700)
}

// provider builds the provider of the tests, into a mirror of its own, and returns the
// CLI configuration that finds it there.
func (b *bench) provider(ctx context.Context) (string, error) {
	mirror := filepath.Join(b.dir, "mirror")
	place := filepath.Join(mirror, "registry.terraform.io", "tfops", "lab", "0.1.0", runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(place, 0o755); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(place, "terraform-provider-lab_v0.1.0"), ".")
	cmd.Dir = filepath.Join("test", "provider")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the provider of the tests cannot be built: %w\n%s", err, out)
	}
	config := filepath.Join(b.dir, "terraform.rc")
	text := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n "+
		" }\n}\n", mirror)
	return config, os.WriteFile(config, []byte(text), 0o644)
}

// moduleRoots makes a repository of modules, and root modules that use it.
func (b *bench) moduleRoots() func(text, name string) string {
	repo := gittest.NewRepoAt(fixture{b.dir}, filepath.Join(b.dir, "modules.git"))
	files := map[string]string{}
	for _, m := range []string{"one", "two", "three"} {
		files[m+"/main.tf"] = "variable \"text\" {}\n\nresource \"terraform_data\" \"this\" {\n  input = \"" + m +
			" ${var.text}\"\n}\n"
	}
	sha := repo.Commit("main", files)
	return func(text, name string) string {
		root := fmt.Sprintf("terraform {\n  required_providers {\n    lab = {\n      source = \"tfops/lab\"\n    "+
			"}\n  }\n}\n\n"+
			"resource \"lab_thing\" \"this\" {\n  name  = %q\n  value = %q\n}\n", name, text)
		for _, m := range sortedKeys(files) {
			m = filepath.Dir(m)
			root += fmt.Sprintf("\nmodule %q {\n  source = \"git::file://%s//%s?ref=%s\"\n  text   = %q\n}\n", m,
				repo.Dir, m, sha, text)
		}
		return root
	}
}
