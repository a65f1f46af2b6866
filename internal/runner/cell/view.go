package cell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
)

// View shows the engine directories that many runs share, each at a path that is the
// same for every run of the workspace, and keeps what is written there apart:
//
//	<ground>/written/<name>   what was written, in the form of an overlay's upper directory
//	<ground>/work/<name>      an overlay's own
//
// A path that a plan stores, be it by path.module, path.cwd or abspath, is then the same
// in each run, and whatever one run writes no other one sees.
type View interface {
	// Show makes shared visible at a path, with what was written under this name before.
	Show(shared, name, at string) error
	// Hide takes away what was shown at a path, with all that was written there.
	Hide(name, at string) error
	// Collect completes written: nothing is shown or written after it.
	Collect(context.Context) error
	Close()
}

// checkShown refuses a name that leads elsewhere than to a directory of its own: what
// is there is removed, and written.
func checkShown(name string) error {
	if name == TreeName {
		return nil
	}
	if of, ok := strings.CutPrefix(name, PackageName("")); ok && of != "" && of != "." && of != ".." &&
		!strings.ContainsAny(of, "/\x00") {
		return nil
	}
	return fmt.Errorf("nothing can be shown by the name %q", name)
}

func WrittenDir(ground, name string) string {
	return filepath.Join(ground, "written", filepath.FromSlash(name))
}

func workDir(ground, name string) string {
	return filepath.Join(ground, "work", filepath.FromSlash(name))
}

// OpenView gives the view that the runner's namespaces allow, and whether it is one of copies.
// waiting is called where another phase of the workspace has to end first.
func OpenView(ctx context.Context, tree, ground string, waiting func()) (v View, copied bool, err error) {
	if Namespace(os.Getenv(NamespaceEnv)) == NoNamespace || os.Getenv(NamespaceEnv) == "" {
		v, err = newCopies(ctx, tree, ground, waiting)
		return v, true, err
	}
	return &overlays{ground: ground}, false, nil
}

// overlays shows directories through overlay mounts in the runner's own mount
// namespace: they end with it, whatever kills it.
type overlays struct {
	ground  string
	mounted []string
}

func (o *overlays) Show(shared, name, at string) error {
	if err := checkShown(name); err != nil {
		return err
	}
	if err := o.straight(at); err != nil {
		return err
	}
	upper, work := WrittenDir(o.ground, name), workDir(o.ground, name)
	if err := removeWork(work); err != nil {
		return err
	}
	for _, dir := range []string{at, upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := mountOverlay(shared, upper, work, at); err != nil {
		return err
	}
	o.mounted = append(o.mounted, at)
	return nil
}

func (o *overlays) Hide(name, at string) error {
	if err := checkShown(name); err != nil {
		return err
	}
	if err := o.straight(at); err != nil {
		return err
	}
	if err := unmount(at); err != nil {
		return err
	}
	o.mounted = slices.DeleteFunc(o.mounted, func(m string) bool { return m == at })
	return errors.Join(os.RemoveAll(WrittenDir(o.ground, name)), removeWork(workDir(o.ground, name)))
}

// straight refuses a place below the tree that a symbolic link leads to: code that ran there may have put one, and
// what is mounted through it is seen by the runner, too.
func (o *overlays) straight(at string) error {
	if len(o.mounted) == 0 || o.mounted[0] == at {
		return nil
	}
	return datafile.Straight(o.mounted[0], at)
}

func (o *overlays) Collect(context.Context) error { return nil }

func (o *overlays) Close() {
	for _, at := range slices.Backward(o.mounted) {
		_ = unmount(at) // the namespace ends with the runner anyway
	}
}

// removeWork removes an overlay's own directory. The kernel makes one in it that nobody
// may enter.
func removeWork(dir string) error {
	if err := os.Chmod(filepath.Join(dir, "work"), 0o700); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(dir)
}

// TreeName is the name by which a commit's files are shown.
const TreeName = "tree"

// PackageName is the name by which the package of a module is shown.
func PackageName(name string) string { return "modules/" + name }
