package runner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// What a process that was killed left of files that it was about to put in
// place. Nothing reads them, and no later write takes them away.

// tempName knows a file that was being written: of package durable (".name.123"), of
// the daemon ("name.tmp"), and space that was kept.
var tempName = lazyregexp.New(`^\..+\.\d+$|^[^.].*\.tmp$`)

// halfName knows a directory in the cache, or a file of it, that was being made.
var halfName = lazyregexp.New(`^\.half-|^\.installing-|^probe-\d+$|^\..+-\d+$`)

// SweepRun removes them from the directory of a run that no runner works in.
func SweepRun(runDir string) error {
	var failed error
	for _, dir := range []string{runDir, filepath.Join(runDir, string(job.PlanPhase)),
		filepath.Join(runDir, string(job.ApplyPhase))} {
		failed = errors.Join(failed,
			sweep(dir, time.Now(), func(e fs.DirEntry) bool {
				return e.Type().IsRegular() && tempName().MatchString(e.Name())
			}))
	}
	return failed
}

// SweepShared removes them from the directories of workspaces and from the cache,
// where others may be at work: what is older than any write takes.
func SweepShared(dataDir string, before time.Time) error {
	temp := func(e fs.DirEntry) bool { return e.Type().IsRegular() && tempName().MatchString(e.Name()) }
	half := func(e fs.DirEntry) bool { return halfName().MatchString(e.Name()) }
	var failed error
	for pattern, is := range map[string]func(fs.DirEntry) bool{
		"workspaces/*": temp, "workspaces/*/engine": temp, "workspaces/*/snapshots": temp,
		"cache": half, "cache/*": half, "cache/modules/content": half, "cache/modules/source": temp,
	} {
		dirs, err := datafile.Glob(dataDir, pattern)
		failed = errors.Join(failed, err)
		for _, dir := range dirs {
			if strings.HasPrefix(filepath.Base(dir), ".") {
				continue
			}
			failed = errors.Join(failed, sweep(dir, before, is))
		}
	}
	return failed
}

func sweep(dir string, before time.Time, is func(fs.DirEntry) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err != nil && !isDir(dir) {
		return nil
	}
	for _, e := range entries {
		info, ierr := e.Info()
		if ierr != nil || !is(e) || info.ModTime().After(before) {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
