package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/engine/remains"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/run/recovery"
	"github.com/tfops/tfops/internal/runner"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
)

func newRecoverCommand(a *app) *cobra.Command {
	var backup string
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Make a new store where tfops.db is lost or damaged",
		Long: `Make a new tfops.db in the data directory, of what lies there: the directories of
runs, managed states and their snapshots. With --backup, begin with a copy that
"tfops backup" made, and bring it up to what the directories tell. The daemon
must not run.

Nothing is applied afterwards until a person says so: applies of every workspace
are suspended, and "tfops resume WORKSPACE" lets one go. An apply of which nobody
knows how it ended is interrupted and keeps its lock; "tfops resolve RUN" closes
it. Plans that waited for an approval are made again. A damaged tfops.db is kept
in "lost" in the data directory, and nothing else is touched. Locks and
suspensions of people, findings, and the audit log are not in the directories:
without a backup they are gone.`,
		Example: `  tfops recover
  tfops recover --backup /mnt/backup/tfops.db`,
		Args: usage.Takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.recover(cmd.Context(), backup) },
	}
	cmd.Flags().StringVar(&backup, "backup", "", "begin with the records of this `FILE`, which tfops backup wrote")
	return cmd
}

// recovered is the result of recover.
type recovered struct {
	Store       string   `json:"store"`
	Runs        int      `json:"runs"`
	Workspaces  []string `json:"workspaces"`
	Interrupted []string `json:"interrupted"`
	Unreadable  []string `json:"unreadable"`
	Kept        string   `json:"kept,omitempty"` // where the damaged store is
}

func (a *app) recover(ctx context.Context, backup string) error {
	path, err := a.configPath()
	if err != nil {
		return err
	}
	dir, err := dataDirOf(path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil {
		return fault.New(fault.NotFound, "check data_dir in "+path, "the data directory cannot be read: %w", err)
	}
	lock, err := lockDataDir(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	at := filepath.Join(dir, "tfops.db")
	if err := mayReplace(at); err != nil {
		return err
	}
	known, err := configuredIn(path)
	if err != nil {
		a.term().Warning("the configuration cannot be read, so only workspaces that left something are held: "+
			err.Error(), "")
	}
	fresh := at + ".recovered"
	done, err := a.rebuild(ctx, dir, fresh, backup, known)
	if err == nil {
		done.Store = at
		done.Kept, err = takePlace(fresh, at, a.now())
	}
	if err != nil {
		os.Remove(fresh)
		return err
	}
	return a.print(done, func() { a.tellRecovered(done) })
}

// mayReplace refuses to take the place of a store that can be used.
func mayReplace(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s, err := store.Open(path, store.Options{ReadOnly: true})
	switch {
	case err == nil:
		s.Close()
		return fault.New(fault.Conflict, "tfops serve; to go back to a backup all the same, stop the daemon and "+
			"move tfops.db away first",
			"the store %s is whole: there is nothing to recover", path)
	case errors.Is(err, store.ErrDamaged):
		return nil
	}
	return err
}

// configuredIn names the workspaces that stand in the configuration.
func configuredIn(path string) ([]string, error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range cfg.Workspaces {
		names = append(names, w.Name)
	}
	return names, nil
}

// rebuild makes the new store at path.
func (a *app) rebuild(ctx context.Context, dir, path, backup string, configured []string) (done recovered, err error) {
	if err := beginWith(path, backup); err != nil {
		return done, err
	}
	s, err := store.Open(path, store.Options{Now: a.now})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	folders, err := renamedSince(ctx, s, dir)
	if err != nil {
		return done, err
	}
	runs, err := s.Runs(ctx, run.Query{})
	if err != nil {
		return done, err
	}
	records, err := s.Records(ctx)
	if err != nil {
		return done, err
	}
	files := artifacts.Open(dir)
	found, unreadable, err := remains.Read(files, &runner.Local{})
	if err != nil {
		return done, err
	}
	stands, err := files.Standing()
	if err != nil {
		return done, err
	}
	for _, name := range configured {
		if _, known := stands[name]; !known {
			stands[name] = false // held, though nothing of it may be there
		}
	}
	now := a.now().UTC()
	why := "the store was recovered on " + now.Format("2006-01-02 15:04 MST") +
		"; compare what is applied with its state first"
	r := recovery.Recover(recovery.Known{Runs: runs, Records: records, Remains: found, Stands: stands}, why, now)
	for i := range r.Records {
		if folder := folders[r.Records[i].Name]; folder != r.Records[i].Name {
			r.Records[i].Dir = cmp.Or(r.Records[i].Dir, folder)
		}
		rec := &r.Records[i]
		kept := files.Workspace(rec.Folder())
		rec.OutputsOf, rec.AppliedOf = kept.Newest(artifacts.Outputs), kept.Newest(artifacts.Applied)
	}
	if err := s.Rebuild(ctx, r); err != nil {
		return done, err
	}
	done = recovered{Runs: len(r.Runs), Workspaces: []string{}, Interrupted: []string{},
		Unreadable: append([]string{}, unreadable...)}
	for _, rec := range r.Records {
		done.Workspaces = append(done.Workspaces, rec.Name)
	}
	for _, k := range r.Interrupted() {
		done.Interrupted = append(done.Interrupted, k.ID)
	}
	return done, nil
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
	if err := looksLikeStore(backup); err != nil {
		return err
	}
	if err := check(backup); err != nil {
		return fault.New(fault.Invalid, "name another backup, or recover without one", "the backup cannot be used: %w",
			err)
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

func (a *app) tellRecovered(r recovered) {
	p := a.term()
	for _, dir := range r.Unreadable {
		p.Warning("nothing tells what run the directory "+dir+" is of; it is kept", "look into it")
	}
	for _, id := range r.Interrupted {
		p.Warning("nobody knows how the apply of run "+id+" ended; the lock on its state is kept", "tfops show "+id+
			", once tfops serve runs")
	}
	if r.Kept != "" {
		p.Notef("The damaged store is kept: %s", r.Kept)
	}
	p.Notef("Made %s: %s of %s.", r.Store, show.Counted(r.Runs, "run"), show.Counted(len(r.Workspaces), "workspace"))
	for _, name := range r.Workspaces {
		p.Printf("%s is suspended: tfops resume %s", name, name)
	}
	p.Notef("Start tfops serve, look at each workspace, and resume it.")
}
