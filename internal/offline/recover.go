package offline

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/engine/remains"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/run/recovery"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/store"
)

// Recovered is what was recovered.
type Recovered struct {
	Store       string   `json:"store"`
	Runs        int      `json:"runs"`
	Workspaces  []string `json:"workspaces"`
	Interrupted []string `json:"interrupted"`
	Unreadable  []string `json:"unreadable"`
	Kept        string   `json:"kept,omitempty"` // where the damaged store is
}

// Recovery says what a store is recovered of.
type Recovery struct {
	Dir        string   // the data directory
	Backup     string   // a copy of its store to begin with; "" for none
	Configured []string // workspaces that are held, whether anything of theirs is left or not
	Now        func() time.Time
}

// Recover makes a new store in a data directory whose own is lost or damaged. Whoever
// calls it holds the directory's lock.
func Recover(ctx context.Context, o Recovery) (Recovered, error) {
	at := filepath.Join(o.Dir, "tfops.db")
	fresh := at + ".recovered"
	done, err := o.rebuild(ctx, fresh)
	if err == nil {
		done.Store = at
		done.Kept, err = takePlace(fresh, at, o.Now())
	}
	if err != nil {
		os.Remove(fresh)
	}
	return done, err
}

// MayReplace refuses to take the place of a store that can be used.
func MayReplace(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s, err := store.Open(path, store.Options{ReadOnly: true})
	switch {
	case err == nil:
		s.Close()
		return fault.New(fault.Conflict, "tfops serve; to go back to a backup all the same, stop the daemon and move "+
			"tfops.db away first",
			"the store %s is whole: there is nothing to recover", path)
	case errors.Is(err, store.ErrDamaged):
		return nil
	}
	return err
}

// rebuild makes the new store at path.
func (o Recovery) rebuild(ctx context.Context, path string) (done Recovered, err error) {
	if err := beginWith(path, o.Backup); err != nil {
		return done, err
	}
	s, err := store.Open(path, store.Options{Now: o.Now})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, unreadable, err := o.read(ctx, s)
	if err != nil {
		return done, err
	}
	if err := s.Rebuild(ctx, r); err != nil {
		return done, err
	}
	done = Recovered{Runs: len(r.Runs), Workspaces: []string{}, Interrupted: []string{},
		Unreadable: append([]string{}, unreadable...)}
	for _, rec := range r.Records {
		done.Workspaces = append(done.Workspaces, rec.Name)
	}
	for _, k := range r.Interrupted() {
		done.Interrupted = append(done.Interrupted, k.ID)
	}
	return done, nil
}

// read makes records of what lies in the data directory and what the store begins with.
func (o Recovery) read(ctx context.Context, s *store.Store) (r recovery.Contents, unreadable []string, err error) {
	folders, err := renamedSince(ctx, s, o.Dir)
	if err != nil {
		return r, nil, err
	}
	files := artifacts.Open(o.Dir)
	runs, err := s.Runs(ctx, run.Query{})
	if err != nil {
		return r, nil, err
	}
	records, err := s.Records(ctx)
	if err != nil {
		return r, nil, err
	}
	found, unreadable, err := remains.Read(files, &runner.Local{})
	if err != nil {
		return r, nil, err
	}
	stands, err := files.Standing()
	if err != nil {
		return r, nil, err
	}
	for _, name := range o.Configured {
		if _, known := stands[name]; !known {
			stands[name] = false // held, though nothing of it may be there
		}
	}
	now := o.Now().UTC()
	why := "the store was recovered on " + now.Format("2006-01-02 15:04 MST") +
		"; compare what is applied with its state first"
	r = recovery.Recover(recovery.Known{Runs: runs, Records: records, Remains: found, Stands: stands}, why, now)
	for i := range r.Records {
		rec := &r.Records[i]
		if folder := folders[rec.Name]; folder != rec.Name {
			rec.Dir = cmp.Or(rec.Dir, folder)
		}
		kept := files.Workspace(rec.Folder())
		rec.OutputsOf, rec.AppliedOf = kept.Newest(artifacts.Outputs), kept.Newest(artifacts.Applied)
	}
	return r, unreadable, nil
}

// renamedSince has a backup know what workspaces have been renamed since, and
// tells the directories of those whose name is another.
func renamedSince(ctx context.Context, s *store.Store, dir string) (map[string]string, error) {
	records, err := s.Records(ctx)
	if err != nil {
		return nil, err
	}
	told, err := artifacts.Open(dir).Recollect(records)
	if err != nil {
		return nil, err
	}
	for _, r := range told.Renames {
		if _, _, err := s.Enqueue(ctx, run.Batch{Renames: []run.Rename{r}}); err != nil {
			return nil, err
		}
	}
	return told.Folders, nil
}

// beginWith lays down what the new store begins with: the backup, or nothing.
func beginWith(path, backup string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a recovery that was cut short
		return cannotRecover(path, err)
	}
	if backup == "" {
		return nil
	}
	if err := LooksLikeStore(backup); err != nil {
		return err
	}
	if err := CheckStore(backup); err != nil {
		return fault.New(fault.Invalid, "name another backup, or recover without one",
			"the backup cannot be used: %w", err)
	}
	from, err := os.Open(backup)
	if err != nil {
		return cannotRecover(backup, err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return cannotRecover(path, err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return cannotRecover(path, err)
	}
	return nil
}

// takePlace puts the new store where the daemon looks for it, and keeps what was
// there.
func takePlace(fresh, path string, now time.Time) (kept string, err error) {
	if _, err := os.Lstat(path); err == nil {
		kept = filepath.Join(filepath.Dir(path), "lost", "tfops.db-"+now.UTC().Format("20060102-150405.000"))
		if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
			return "", cannotRecover(kept, err)
		}
		if err := os.Rename(path, kept); err != nil {
			return "", cannotRecover(kept, err)
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", cannotRecover(path, err)
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", cannotRecover(path, err)
	}
	defer d.Close()
	_ = d.Sync() // a file system that cannot keeps the name in its own time
	return kept, nil
}

func cannotRecover(path string, err error) error {
	return fault.New(fault.Unavailable, "look at the path, its permissions and the space on its disk, and run tfops "+
		"recover again",
		"%s cannot be read or written: %w", path, err)
}
