package artifacts

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
)

// Workspace is the files of one workspace: its state, and what is kept between its
// runs.
//
// Some of them runs left for those that come after them: its outputs, and what it was
// applied with. Each lies under a name of the run that left it, and the record says
// which run's count. So they are written before the transaction that makes them count,
// which touches no file, and dropped after the one that names others; a crash in
// between leaves what the record names, and a file that nobody does.
type Workspace struct{ place }

// Workspace is where the files of a workspace are, whether or not there are any.
func (l *Local) Workspace(name string) Workspace {
	if byName := l.folders.Load(); byName != nil && (*byName)[name] != "" {
		name = (*byName)[name]
	}
	return Workspace{place{l.objects, path.Join("workspaces", name), filepath.Join(l.workspaces(), name)}}
}

// Dir is where all of it is.
func (w Workspace) Dir() string { return w.dir }

// Make makes the directory.
func (w Workspace) Make() error { return os.MkdirAll(w.dir, 0o700) }

// Tree is where the engine sees the files of a commit.
func (w Workspace) Tree() string { return filepath.Join(w.dir, "tree") }

// Path is where a file is that belongs to no run.
func (w Workspace) Path(f File) string { return filepath.Join(w.dir, string(f)) }

// Kept is where a file is that a run left. "" is an earlier tfops, whose runs wrote
// all the same one.
func (w Workspace) Kept(f File, run string) string { return filepath.Join(w.dir, keptName(f, run)) }

func keptName(f File, run string) string {
	if run == "" {
		return string(f)
	}
	base, rest, _ := strings.Cut(string(f), ".")
	return base + "-" + run + "." + rest
}

// ReadKept reads a file that a run left.
func (w Workspace) ReadKept(f File, run string) ([]byte, error) {
	return w.objects.Read(w.name(keptName(f, run)), ofRecords)
}

// Keep keeps a copy of a file of a run that is never written again, as one that the run left.
// Sync makes it last.
func (w Workspace) Keep(of Run, f File) error { return w.keep(of, string(f), f) }

// KeepOf is Keep of a file that the runner of a phase left.
func (w Workspace) KeepOf(of Run, p job.Phase, f File) error {
	return w.keep(of, path.Join(string(p), string(f)), f)
}

func (w Workspace) keep(of Run, from string, f File) error {
	return w.objects.Copy(of.name(from), w.name(keptName(f, of.ID)))
}

// Sync makes what was kept survive a power cut.
func (w Workspace) Sync() error { return w.objects.Sync(w.key) }

// Drop removes all copies of a file but those of some runs.
func (w Workspace) Drop(f File, but ...string) (err error) {
	for _, run := range append(w.keptBy(f), "") {
		if !slices.Contains(but, run) {
			err = errors.Join(err, w.objects.Remove(w.name(keptName(f, run))))
		}
	}
	return err
}

// Newest is the newest run that left such a file; "" for none. It is for a record that
// is made again.
func (w Workspace) Newest(f File) (run string) {
	for _, id := range w.keptBy(f) {
		run = max(run, id)
	}
	return run
}

// keptBy are the runs that left such a file.
func (w Workspace) keptBy(f File) (runs []string) {
	entries, _ := w.objects.List(w.key) // what cannot be read has none
	base, rest, _ := strings.Cut(string(f), ".")
	for _, name := range entries {
		if id, ok := strings.CutPrefix(name, base+"-"); ok {
			if id, ok := strings.CutSuffix(id, "."+rest); ok {
				runs = append(runs, id)
			}
		}
	}
	return runs
}

// Keeping is held from the writing of files that a workspace's record is to name until
// it does.
func (l *Local) Keeping(workspace string) *sync.Mutex {
	mu, _ := l.keeping.LoadOrStore(workspace, new(sync.Mutex))
	return mu.(*sync.Mutex)
}

// The copy of a state that somebody brought waits under a name of its own.
const (
	importPrefix = "import-"
	importSuffix = ".tfstate.age"
)

// WriteImport keeps the encrypted copy of a state that is to be imported, under a name
// that tells it from others.
func (w Workspace) WriteImport(unique string, sealed []byte) (name string, err error) {
	if err := w.Make(); err != nil {
		return "", err
	}
	name = importPrefix + unique + importSuffix
	return name, w.objects.Write(w.name(name), sealed, Lasting)
}

// Import is where one is.
func (w Workspace) Import(name string) string { return filepath.Join(w.dir, filepath.Base(name)) }

// RemoveImport removes one.
func (w Workspace) RemoveImport(name string) error {
	return w.objects.Remove(w.name(filepath.Base(name)))
}

// KeepImports removes the copies that no run is to import: the daemon ended before it
// could store the run.
func (l *Local) KeepImports(needed map[string]bool) error {
	found, err := datafile.Glob(l.workspaces(), "*/"+importPrefix+"*"+importSuffix+"*")
	for _, path := range found {
		if !needed[filepath.Base(path)] {
			err = errors.Join(err, durable.Remove(path))
		}
	}
	return err
}
