// Package artifacts owns the files of runs, workspaces and reports: it alone knows
// where they lie in the data directory and what they are called. What is in them
// belongs to whoever writes it. Records say which of them count: a file is written
// before the transaction that makes it count, and dropped after the one that does
// not name it any more.
//
// What the daemon makes, and what runs leave to their workspaces, goes by Objects, by key. The paths are
// for runners, who work in directories, and for what is opened where they left it: logs that grow, and
// sealed files.
package artifacts

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/fault"
)

// Local keeps them in the data directory. Every process that uses the directory has
// one of its own; see LearnFolders.
type Local struct {
	dir     string
	objects Objects
	folders atomic.Pointer[map[string]string] // of renamed workspaces: see foldersOf
	keeping sync.Map                          // by workspace: see Keep
}

// Open returns the artifacts of a data directory.
func Open(dataDir string) *Local {
	datafile.Beneath(dataDir)
	return &Local{dir: dataDir, objects: disk(dataDir)}
}

// Dir is the data directory.
func (l *Local) Dir() string { return l.dir }

// Cache is where everything is that can be fetched again.
func (l *Local) Cache() string { return filepath.Join(l.dir, "cache") }

func (l *Local) runs() string       { return filepath.Join(l.dir, "runs") }
func (l *Local) workspaces() string { return filepath.Join(l.dir, "workspaces") }

// Roots are the directories that are written to while a run is at work.
func (l *Local) Roots() []string { return []string{l.dir, l.runs()} }

// Holds names the directories, of those of runs and workspaces, that have something in them.
func (l *Local) Holds() (names []string) {
	for _, dir := range []string{l.runs(), l.workspaces()} {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			names = append(names, filepath.Base(dir))
		}
	}
	return names
}

// Run is where the files of a run are, whether or not there are any.
func (l *Local) Run(id string) Run {
	return Run{ID: id, place: place{l.objects, path.Join("runs", id), filepath.Join(l.runs(), id)}}
}

// place is where the files of a run or a workspace are: by key, and in a directory.
type place struct {
	objects Objects
	key     string
	dir     string
}

func (p place) name(file string) string { return path.Join(p.key, file) }

// Runs lists the runs that have files, oldest first.
func (l *Local) Runs() ([]string, error) {
	all, err := l.objects.List("runs")
	if err != nil {
		return nil, unlisted("runs", err)
	}
	return all, nil
}

// names are the entries of a directory, or those that are directories; none where it
// is not there.
func names(dir string, dirs bool) (all []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if e.IsDir() || !dirs {
			all = append(all, e.Name())
		}
	}
	return all, err
}

// ReadReport reads a report that was made by schedule.
func (l *Local) ReadReport(id string) ([]byte, error) {
	return l.objects.Read(reportKey(id), ofReports)
}

// WriteReport keeps a report. It is a file that nobody names until it is remembered.
func (l *Local) WriteReport(id string, content []byte) error {
	if err := os.MkdirAll(filepath.Join(l.dir, reports), 0o700); err != nil {
		return err
	}
	return l.objects.Write(reportKey(id), content, Lasting)
}

// RemoveReport removes one, if it is there.
func (l *Local) RemoveReport(id string) error { return l.objects.Remove(reportKey(id)) }

// KeepReports removes all reports but those with some ids.
func (l *Local) KeepReports(ids []string) error {
	all, err := l.objects.List(reports)
	for _, name := range all {
		if !slices.Contains(ids, strings.TrimSuffix(name, ".json")) {
			err = errors.Join(err, l.objects.Remove(path.Join(reports, name)))
		}
	}
	return err
}

const reports = "reports"

func reportKey(id string) string { return path.Join(reports, id+".json") }

// unlisted says that a directory of the data directory cannot be listed.
func unlisted(what string, err error) error {
	return fault.New(fault.Unavailable, "look at the data directory's disk", "the %s cannot be listed: %w", what, err)
}
