package workdir

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/runner/module"
	"github.com/tfops/tfops/internal/sandbox"
)

// lend finds the packages of all modules from elsewhere that are in the store, beginning
// with the calls of the repository.
func (d *Dir) lend(now time.Time) ground.Lent {
	l := ground.Lent{Packages: map[string]string{}}
	for queue := d.Module.Calls; len(queue) > 0 && len(l.Entries) < ground.MaxModules; queue = queue[1:] {
		c := queue[0]
		f, ok := d.Store().Find(c, d.Job.ModuleAge, now)
		if !ok || d.Job.Upgrade { // init chooses anew of modules, too
			l.Missing = append(l.Missing, c)
			continue
		}
		l.Packages[c.Key] = f.Package
		d.meet(c, f)
		l.Entries = append(l.Entries,
			ground.ManifestEntry{Key: c.Key, Source: f.Source, Version: f.Version,
				Dir: path.Join(".terraform/modules", c.Key, f.Dir)})
		l.Unknown = l.Unknown || f.Unknown
		queue = append(queue, f.Under(c.Key)...)
	}
	return l
}

// lay gives an init the packages that it need not fetch, and a manifest that says so.
func (d *Dir) lay(of ground.Lent) error {
	if len(of.Entries) == 0 {
		return nil
	}
	b, err := json.Marshal(ground.Manifest{Modules: append([]ground.ManifestEntry{{Dir: "."}}, of.Entries...)})
	if err != nil {
		return err
	}
	if err := ground.WriteManifest(d.Root, b); err != nil {
		return err
	}
	return d.showPackages(of)
}

func (d *Dir) showPackages(of ground.Lent) error {
	for name, digest := range of.Packages {
		if err := d.showPackage(name, digest); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) showPackage(name, digest string) error {
	if d.Packages == nil {
		d.Packages = map[string]string{}
	}
	if err := d.View.Show(pinned.Files(d.Store().Content(digest)), cell.PackageName(name),
		ground.ModuleDir(d.Root, name)); err != nil {
		return err
	}
	d.Packages[name] = digest
	return nil
}

// absorb puts the packages that init fetched into the store, and shows them from there:
// what the run writes into them is kept apart, and a run that waits shares them with others.
func (d *Dir) absorb(ctx context.Context) error {
	m, err := ground.ReadManifest(d.Root)
	if err != nil {
		return err
	}
	fresh := maps.Clone(d.Packages)
	calls := d.Module.Calls
	for n := 0; len(calls) > 0 && n < ground.MaxModules; n++ {
		c := calls[0]
		calls = calls[1:]
		entry, ok := m.Find(c.Key)
		if !ok {
			continue
		}
		name, within, ok := ground.PackageOf(entry.Dir)
		if !ok || name != c.Key {
			continue // the engine laid it out in a way of its own: it stays with the run
		}
		f := ground.Fetched{Source: entry.Source, Version: entry.Version, Dir: within}
		if digest, lent := fresh[name]; lent {
			f.Package = digest
		}
		if err := d.absorbOne(ctx, c, &f); err != nil {
			return err
		}
		calls = append(calls, f.Under(c.Key)...)
	}
	return nil
}

func (d *Dir) absorbOne(ctx context.Context, c ground.ModuleCall, f *ground.Fetched) error {
	at := ground.ModuleDir(d.Root, c.Key)
	if err := d.ofTheTree(c, at); err != nil {
		return err
	}
	inner, err := module.Read(at, filepath.Join(at, filepath.FromSlash(f.Dir)), d.Job.Engine.Name == "tofu")
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	f.Calls, f.Unknown = inner.Calls, inner.Unknown
	if f.Package != "" { // taken from the store
		return nil
	}
	f.Commit = ground.HeadOf(at)
	d.meet(c, *f)
	if f.Package, err = d.Store().Keep(ctx, at); err != nil {
		return ground.TooMuch("what was fetched for the module "+c.Key, err)
	}
	f.FetchedAt = time.Now()
	if err := d.Store().Record(c, *f); err != nil {
		return err
	}
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	return d.showPackage(c.Key, f.Package)
}

// ofTheTree refuses a module that is a link to a directory which the engine was not given: in place of a package the
// engine links to what an absolute path names, and the runner, who copies it, sees more than the engine does.
func (d *Dir) ofTheTree(c ground.ModuleCall, at string) error {
	if err := datafile.Straight(d.Tree, filepath.Dir(at)); err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(at)
	if err != nil || inputs.Within(d.Tree, real) || !d.Level.AtLeast(sandbox.Filters) {
		return nil // what is not there the engine tells itself
	}
	for _, dir := range slices.Concat(d.Job.Cell.Read, d.Job.Cell.Write) {
		if given, err := filepath.EvalSymlinks(dir); err == nil && inputs.Within(given, real) {
			return nil
		}
	}
	return diagnostics.Refuse(job.CauseBadInput,
		"move it into the repository and name it by a relative path, or fetch it from a repository",
		"module %q is taken from a directory outside of the repository (%s)", c.Key, c.Source)
}
