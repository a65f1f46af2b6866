package workdir

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/command"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
)

// maxProbes is how many providers are asked for what they are now.
const maxProbes = 4

// nameHashes tells of providers that are not what the lock file says which hashes it has, and which
// the provider has that is offered now. The engine names neither.
func (d *Dir) nameHashes(ctx context.Context, f *diagnostics.Failure, out *diagnostics.Output, env map[string]string) {
	locked := ground.LockedHashes(filepath.Join(d.Root, diagnostics.DependencyLock))
	var told []string
	for _, p := range diagnostics.OtherThanLocked(out.All()) {
		was := locked[p.Address]
		if len(told) == maxProbes || len(was) == 0 {
			continue
		}
		is, err := d.offered(ctx, p, env)
		if err != nil {
			is = "not known (" + err.Error() + ")"
		}
		told = append(told, fmt.Sprintf("%s %s: locked is %s, offered is %s", p.Address, p.Version, some(was), is))
	}
	if len(told) == 0 {
		return
	}
	text := strings.Join(told, "; ")
	f.Message += ". " + text
	d.Result.Diagnostics = append(d.Result.Diagnostics, job.Diagnostic{Severity: "error",
		Summary: "A provider is another one than was locked", Detail: text})
	d.Log.Say("error", "a provider is another one than was locked: %s", text)
}

// some names hashes: all of this kind that can be compared with what is offered, and how many others.
func some(all []string) string {
	var same []string
	for _, h := range all {
		if strings.HasPrefix(h, "h1:") {
			same = append(same, h)
		}
	}
	if len(same) == 0 {
		same = all[:1]
	}
	text := strings.Join(same[:min(len(same), 3)], " or ")
	if n := len(all) - min(len(same), 3); n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// offered has init choose the provider in a module of its own, which has no lock file, and reads
// which hash it wrote into one. No provider is run, and nothing gets into the cache.
func (d *Dir) offered(ctx context.Context, p diagnostics.LockedProvider, env map[string]string) (string, error) {
	if err := os.MkdirAll(ground.DataDir(d.Root), 0o755); err != nil {
		return "", err
	}
	root, err := os.MkdirTemp(ground.DataDir(d.Root), "offered-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	asks := fmt.Sprintf("terraform {\n  required_providers {\n    p = { source = %q, version = %q }\n  }\n}\n",
		p.Address, "= "+p.Version)
	if err := datafile.Write(filepath.Join(root, "main.tf"), []byte(asks), 0o644); err != nil {
		return "", err
	}
	probe := *d.Engine
	probe.Root, probe.Env = root, maps.Clone(inputs.WithoutProviders(env))
	with := command.Init{Home: d.homeCounts(), Cache: filepath.Join(root, "cache")}
	probe.Env["TF_PLUGIN_CACHE_DIR"] = with.Cache // also where a CLI configuration names another
	delete(probe.Env, mayBreak)
	if err := os.Mkdir(with.Cache, 0o700); err != nil {
		return "", err
	}
	init := func(ctx context.Context, tf *tfexec.Terraform, out *diagnostics.Output) error {
		tf.SetStdout(diagnostics.Stdout{Output: out})
		return tf.Init(ctx, tfexec.Backend(false))
	}
	_, err = probe.RunInit(ctx, with, init)
	if err != nil {
		return "", err
	}
	is := ground.LockedHashes(filepath.Join(root, diagnostics.DependencyLock))[p.Address]
	if len(is) == 0 {
		return "", fmt.Errorf("%s init names no hash", d.Name)
	}
	return some(is), nil
}
