package given

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/handover"
	"github.com/tfops/tfops/internal/runner/mounts"
	"github.com/tfops/tfops/internal/runner/treecopy"
)

// home is the engine's home directory where nothing can be shown in the place of another one.
func (c Command) home() string { return filepath.Join(c.Scratch, "home") }

// Environment is what the command gets of the engine's. Where nothing can be put in the place of the home directory
// and of /tmp it is told of others, and of copies of files that it cannot read where they are.
func (c Command) Environment(env map[string]string) map[string]string {
	if !c.InPlace {
		return env
	}
	env = maps.Clone(env)
	for _, name := range naming {
		paths := filepath.SplitList(env[name])
		for i, path := range paths {
			if at := c.copyOf(path); at != "" {
				if _, err := os.Lstat(at); err == nil {
					paths[i] = at
				}
			}
		}
		if len(paths) > 0 {
			env[name] = strings.Join(paths, string(filepath.ListSeparator))
		}
	}
	env["TMPDIR"], env["HOME"] = filepath.Join(c.Scratch, "tmp"), c.home()
	return env
}

// copyOf is where the copy of a file is that the engine's user cannot read: in its home directory where the file is
// in that of tfops, so that programs look for it there.
func (c Command) copyOf(path string) string {
	if !filepath.IsAbs(path) || strings.HasPrefix(path, "/proc/") {
		return ""
	}
	if at := c.inHome(path); at != "" {
		return at
	}
	return filepath.Join(c.Scratch, "given", path)
}

// inHome is the place in the engine's home directory of what lies in that of tfops; "" for what does not.
func (c Command) inHome(path string) string {
	for _, h := range c.homes() {
		if rel, err := filepath.Rel(h, path); h != "" && err == nil && filepath.IsLocal(rel) && rel != "." {
			return filepath.Join(c.home(), rel)
		}
	}
	return ""
}

// files are what the command is given to read besides the machine's programs and what tfops keeps.
func (c Command) files() []string {
	all := slices.Concat(c.named(), c.outside(c.Job.Cell.Read))
	if c.Init {
		all = append(all, c.fetching()...)
	}
	return all
}

// furnishHome puts what the command is given of a home directory into the engine's: as links, or as copies where its
// user cannot read it.
func (c Command) furnishHome() error {
	if err := os.RemoveAll(filepath.Join(c.Scratch, "given")); err != nil {
		return err
	}
	for _, path := range slices.Concat(c.files(), c.outside(c.Job.Cell.Write)) {
		at := c.inHome(path)
		if _, err := os.Stat(path); err != nil || at == "" || within(path, DataDir(c.Job)) {
			continue
		}
		if err := errors.Join(removeAll(at), os.MkdirAll(filepath.Dir(at), 0o700)); err != nil {
			return err
		}
		if err := os.Symlink(path, at); err != nil {
			return err
		}
	}
	return nil
}

func removeAll(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.RemoveAll(path)
}

// Own are the directories that belong to the workspace, or to the run, as a whole: its user may pass through them.
func Own(j job.Job) []string {
	return []string{j.WorkspaceDir, filepath.Dir(j.PlanFile)}
}

// handOver gives the engine's user what the command sees and may change. back ends all that the user has started,
// and takes back what others use.
func (c Command) handOver(s mounts.Sight) (back func() error, err error) {
	data := DataDir(c.Job)
	var lent, given []string
	back = func() error {
		failed := handover.End(c.User)
		for _, path := range lent {
			failed = errors.Join(failed, handover.Return(path))
		}
		for _, path := range given {
			failed = errors.Join(failed, handover.Take(path))
		}
		return failed
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, back())
		}
	}()
	way := func(path string) { err = errors.Join(err, handover.Way(data, path, c.User, Own(c.Job)...)) }
	for _, path := range s.Write {
		switch {
		case !within(path, data):
			err = errors.Join(err, c.mayWrite(path))
			continue
		case !within(path, c.Tree) && !within(path, c.Scratch):
			given = append(given, path)
		}
		way(path)
		err = errors.Join(err, handover.Give(path, c.User))
	}
	for _, shown := range s.Shown {
		way(shown.From)
		if filepath.Dir(shown.From) == c.Job.WorkspaceDir || within(shown.From, c.listed()) {
			lent = append(lent, shown.From)
			err = errors.Join(err, handover.Lend(shown.From, c.User, shown.Write))
			continue
		}
		err = errors.Join(err, handover.Give(shown.From, c.User))
	}
	for _, path := range s.Read {
		if within(path, c.Job.CacheDir) {
			way(path)
			err = errors.Join(err, openToAll(path))
		}
	}
	return back, errors.Join(err, c.mayList(), c.copyUnreadable(), c.mayStart())
}

// listed is the directory of the states of Terraform workspaces, where there are any.
func (c Command) listed() string { return filepath.Join(c.Job.WorkspaceDir, "terraform.tfstate.d") }

// mayList has the engine's user see the names of Terraform workspaces, of which the engine looks for its own.
func (c Command) mayList() error {
	dir := c.listed()
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(os.Lchown(dir, -1, c.User), os.Chmod(dir, 0o750))
}

// openToAll lets everybody read a file or a directory of the cache, which holds no secrets.
func openToAll(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mode := info.Mode().Perm() | 0o044
	if info.IsDir() || mode&0o100 != 0 {
		mode |= 0o011
	}
	if mode == info.Mode().Perm() {
		return nil
	}
	return os.Chmod(path, mode)
}

// may reports whether the engine's user may do something with a file.
func (c Command) may(path string, what uint32) bool {
	return handover.As(c.User, func() error { return unix.Access(path, what) }) == nil
}

// mayStart refuses an engine that its user cannot start.
func (c Command) mayStart() error {
	if c.may(c.Engine, unix.X_OK|unix.R_OK) {
		return nil
	}
	return diagnostics.Refuse(job.CauseBadInput,
		"put it where every user may read and start it, such as /usr/local/bin",
		"the engine %s cannot be started by user %d, whom this workspace's engine runs as", c.Engine, c.User)
}

// mayWrite has the engine's user write to what the configuration gives the workspace: also to what other workspaces,
// which write there, too, have made meanwhile.
func (c Command) mayWrite(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // there is nothing to write to
	}
	may := c.may(path, unix.W_OK) && (!info.IsDir() || c.may(path, unix.X_OK))
	if may && !handover.Granted(path, c.User) {
		return nil
	}
	err = handover.Grant(path, c.User, DataDir(c.Job))
	if err == nil && c.may(path, unix.W_OK) {
		return nil
	}
	if err == nil {
		err = errors.New("the user cannot pass through the directories above it")
	}
	return diagnostics.Refuse(job.CauseBadInput,
		fmt.Sprintf("let user %d write there (setfacl, chown), or name another directory", c.User),
		"%s, which this workspace may write to, cannot be given to user %d, whom its engine runs as: %w", path, c.User,
		err)
}

// copyMost bounds what is copied for one command, in bytes.
const copyMost = 64 << 20

// copyUnreadable copies what the command is given and its user cannot read.
func (c Command) copyUnreadable() error {
	left := int64(copyMost)
	for _, path := range c.files() {
		info, err := os.Stat(path)
		if err != nil || within(path, c.Job.CacheDir) || info.Mode()&fs.ModeSocket != 0 {
			continue
		}
		if c.may(path, unix.R_OK) && (!info.IsDir() || c.may(path, unix.X_OK)) {
			continue
		}
		at := c.copyOf(path)
		if slices.Contains(c.quoted(), path) || c.inHome(path) == "" && !c.isNamed(path) {
			return diagnostics.Refuse(job.CauseBadInput,
				fmt.Sprintf("let user %d read it (setfacl, chmod), or name it by a variable of programs, such as "+
					"AWS_SHARED_CREDENTIALS_FILE: then the engine gets a copy", c.User),
				"%s, which this workspace may read, cannot be read by user %d, whom its engine runs as", path, c.User)
		}
		if left -= size(path); left < 0 {
			return diagnostics.Refuse(job.CauseBadInput, fmt.Sprintf("let user %d read it: setfacl, chmod", c.User),
				"%s is too large to be copied for user %d, whom this workspace's engine runs as and who cannot read it",
				path, c.User)
		}
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			err = errors.Join(removeAll(at), os.MkdirAll(filepath.Dir(at), 0o700))
		}
		if err == nil {
			err = treecopy.Tree(real, at, nil)
		}
		if err != nil {
			return err
		}
	}
	for _, dir := range []string{c.home(), filepath.Join(c.Scratch, "given")} {
		err := errors.Join(handover.Way(DataDir(c.Job), dir, c.User, Own(c.Job)...), handover.Give(dir, c.User))
		if err != nil {
			return err
		}
	}
	return nil
}

// isNamed reports whether a variable of the engine's environment names a file.
func (c Command) isNamed(path string) bool {
	return slices.ContainsFunc(naming, func(name string) bool {
		return slices.Contains(filepath.SplitList(c.Env[name]), path)
	})
}

func size(path string) (n int64) {
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error { // what cannot be read is not copied
		if info, ierr := d.Info(); err == nil && ierr == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}
