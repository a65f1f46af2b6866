package artifacts

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// The directory of a workspace that was renamed keeps its first name. Which
// workspace it belongs to is in the workspace's record, and, for the day on which
// the store is lost, in a file in the directory.

const noteFile = "workspace.json"

type folderNote struct {
	FormatVersion int          `json:"format_version"`
	Name          string       `json:"name"`   // of the workspace
	Former        []formerName `json:"former"` // its names before, oldest first
}

type formerName struct {
	Name  string    `json:"name"`
	Until time.Time `json:"until"`
}

// notes reads the notes of all directories that have one, by directory.
func (l *Local) notes() (map[string]folderNote, error) {
	folders, err := names(l.workspaces(), true)
	if err != nil {
		return nil, unlisted("workspaces", err)
	}
	notes := map[string]folderNote{}
	for _, folder := range folders {
		b, err := l.objects.Read(path.Join("workspaces", folder, noteFile), ofRecords)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var n folderNote
		if err == nil {
			err = json.Unmarshal(b, &n)
		}
		if err != nil || n.FormatVersion > 1 || !workspace.ValidName().MatchString(n.Name) {
			return nil, fault.New(fault.Conflict, "put it right by hand, or remove it: it says which workspace the "+
				"directory belongs to",
				"%s does not say which workspace it is of: %w", filepath.Join(l.workspaces(), folder, noteFile),
				cause(err))
		}
		notes[folder] = n
	}
	return notes, nil
}

func cause(err error) error {
	if err == nil {
		return errors.New("it is of another version of tfops, or damaged")
	}
	return err
}

// foldersOf tells the directory of each workspace that has another than its name
// says: by its record, and by the notes for one whose record was lost.
func (l *Local) foldersOf(records map[string]workspace.Record) (map[string]string, error) {
	notes, err := l.notes()
	if err != nil {
		return nil, err
	}
	taken, byName := map[string]bool{}, map[string]string{}
	for name, rec := range records {
		rec.Name = name
		taken[rec.Folder()] = true
		if rec.Dir != "" {
			byName[name] = rec.Dir
		}
	}
	for folder, n := range notes {
		if taken[folder] || byName[n.Name] != "" || folder == n.Name {
			continue
		}
		byName[n.Name] = folder
	}
	return byName, nil
}

// NoteRename writes into the directory of a workspace whose it is from now on. It is
// written before the store knows: what is in a record counts more.
func (l *Local) NoteRename(r run.Rename) error {
	of := l.Workspace(r.From)
	if err := of.Make(); err != nil {
		return err
	}
	notes, err := l.notes()
	if err != nil {
		return err
	}
	n := notes[filepath.Base(of.dir)]
	if n.Name == r.To {
		return nil
	}
	n.FormatVersion, n.Name = 1, r.To
	n.Former = append(slices.Clone(n.Former), formerName{r.From, time.Now().UTC()})
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	return of.objects.Write(of.name(noteFile), append(b, '\n'), Lasting)
}

// LearnFolders learns where the directories of renamed workspaces are.
func (l *Local) LearnFolders(records map[string]workspace.Record) error {
	byName, err := l.foldersOf(records)
	if err == nil {
		l.folders.Store(&byName)
	}
	return err
}

// Recollection is what a data directory without its store tells of renames.
type Recollection struct {
	Folders map[string]string // the directories of workspaces that are not called like these
	Renames []run.Rename      // in the order in which they were made
}

// Recollect reads it. records are those of a backup, if there is one.
func (l *Local) Recollect(records map[string]workspace.Record) (Recollection, error) {
	notes, err := l.notes()
	if err != nil {
		return Recollection{}, err
	}
	out := Recollection{Folders: map[string]string{}}
	for _, folder := range slices.Sorted(maps.Keys(notes)) {
		n := notes[folder]
		out.Folders[n.Name] = folder
		for i, f := range n.Former {
			to := n.Name
			if i+1 < len(n.Former) {
				to = n.Former[i+1].Name
			}
			if to == f.Name {
				continue // it was not carried out
			}
			if old, ok := records[f.Name]; ok && !old.Former() && records[to].RenamedFrom != f.Name &&
				old.Folder() == folder {
				out.Renames = append(out.Renames, run.Rename{From: f.Name, To: to, Stopped: true})
				old.Dir, old.RenamedFrom = folder, f.Name
				records[to] = old
			}
		}
	}
	return out, nil
}

// NamesNow tells, of a workspace that had a name at some time, what it is called now.
func (l *Local) NamesNow() (func(name string, at time.Time) string, error) {
	notes, err := l.notes()
	return func(name string, at time.Time) string {
		for _, n := range notes {
			for _, f := range n.Former {
				if f.Name == name && at.Before(f.Until) {
					return n.Name
				}
			}
		}
		return name
	}, err
}

// Standing names the workspaces that have a directory, and tells whether something of
// each may be in the world.
func (l *Local) Standing() (map[string]bool, error) {
	notes, err := l.notes()
	if err != nil {
		return nil, err
	}
	folders, err := names(l.workspaces(), true)
	if err != nil {
		return nil, unlisted("workspaces", err)
	}
	stands := map[string]bool{}
	for _, folder := range folders {
		name := folder
		if n, ok := notes[folder]; ok {
			name = n.Name
		}
		dir := filepath.Join(l.workspaces(), folder)
		if !workspace.ValidName().MatchString(name) {
			continue // it was set aside for a name that nobody has used again
		}
		states, _ := datafile.Glob(dir, "terraform.tfstate*")
		snapshots, _ := datafile.Glob(dir, "snapshots/*")
		stands[name] = stands[name] || len(slices.Concat(states, snapshots)) > 0
	}
	return stands, nil
}
