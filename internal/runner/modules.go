package runner

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/tfops/tfops/internal/pinned"
	"github.com/tfops/tfops/internal/runner/cell"
)

// lent is what of the modules from elsewhere need not be fetched.
type lent struct {
	packages map[string]string // digest, by key of the call, which names the package's directory
	entries  []manifestEntry
	missing  []moduleCall
	unknown  bool // a package calls something whose source is not plain text
}

// complete reports whether nothing has to be fetched.
func (l lent) complete() bool { return len(l.missing) == 0 && !l.unknown }

// maxModules bounds how many calls of modules are followed: packages can call each other
// without end.
const maxModules = 10_000

// lend finds the packages of all modules from elsewhere that are in the store, beginning
// with the calls of the repository.
func (p *phase) lend(now time.Time) lent {
	l := lent{packages: map[string]string{}}
	for queue := p.module.calls; len(queue) > 0 && len(l.entries) < maxModules; queue = queue[1:] {
		c := queue[0]
		f, ok := p.store().find(c, p.job.ModuleAge, now)
		if !ok || p.job.Upgrade { // init chooses anew of modules, too
			l.missing = append(l.missing, c)
			continue
		}
		l.packages[c.Key] = f.Package
		p.met(c, f)
		l.entries = append(l.entries, manifestEntry{Key: c.Key, Source: f.Source, Version: f.Version, Dir: path.Join(".terraform/modules", c.Key, f.Dir)})
		l.unknown = l.unknown || f.Unknown
		queue = append(queue, f.under(c.Key)...)
	}
	return l
}

// under are the calls of a fetched module, with their keys below its own.
func (f fetched) under(key string) []moduleCall {
	calls := make([]moduleCall, len(f.Calls))
	for i, c := range f.Calls {
		calls[i] = moduleCall{Key: key + "." + c.Key, Source: c.Source, Version: c.Version}
	}
	return calls
}

// lay gives an init the packages that it need not fetch, and a manifest that says so.
func (p *phase) lay(of lent) error {
	if len(of.entries) == 0 {
		return nil
	}
	b, err := json.Marshal(manifest{append([]manifestEntry{{Dir: "."}}, of.entries...)})
	if err != nil {
		return err
	}
	if err := writeManifest(p.root, b); err != nil {
		return err
	}
	return p.showPackages(of)
}

func (p *phase) showPackages(of lent) error {
	for name, digest := range of.packages {
		if err := p.showPackage(name, digest); err != nil {
			return err
		}
	}
	return nil
}

func (p *phase) showPackage(name, digest string) error {
	if p.packages == nil {
		p.packages = map[string]string{}
	}
	if err := p.view.Show(pinned.Files(p.store().content(digest)), cell.PackageName(name), moduleDir(p.root, name)); err != nil {
		return err
	}
	p.packages[name] = digest
	return nil
}

// absorb puts the packages that init fetched into the store, and shows them from there:
// what the run writes into them is kept apart, and a run that waits shares them with others.
func (p *phase) absorb() error {
	m, err := readManifest(p.root)
	if err != nil {
		return err
	}
	fresh := maps.Clone(p.packages)
	calls := p.module.calls
	for n := 0; len(calls) > 0 && n < maxModules; n++ {
		c := calls[0]
		calls = calls[1:]
		entry, ok := m.find(c.Key)
		if !ok {
			continue
		}
		name, within, ok := packageOf(entry.Dir)
		if !ok || name != c.Key {
			continue // the engine laid it out in a way of its own: it stays with the run
		}
		f := fetched{Source: entry.Source, Version: entry.Version, Dir: within}
		if digest, lent := fresh[name]; lent {
			f.Package = digest
		}
		if err := p.absorbOne(c, &f); err != nil {
			return err
		}
		calls = append(calls, f.under(c.Key)...)
	}
	return nil
}

func (p *phase) absorbOne(c moduleCall, f *fetched) error {
	at := moduleDir(p.root, c.Key)
	inner, err := readModule(at, filepath.Join(at, filepath.FromSlash(f.Dir)), p.job.Engine.Name == "tofu")
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	f.Calls, f.Unknown = inner.calls, inner.unknown
	if f.Package != "" { // taken from the store
		return nil
	}
	f.Commit = headOf(at)
	p.met(c, *f)
	if f.Package, err = p.store().keep(at); err != nil {
		return err
	}
	f.FetchedAt = time.Now()
	if err := p.store().record(c, *f); err != nil {
		return err
	}
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	return p.showPackage(c.Key, f.Package)
}
