// Package links follows the symbolic links of a tree that is not on a disk as
// Linux follows those of one that is (path_resolution(7)). There is one rule for
// all who read a tree: what one finds by a path, an engine finds in the checkout.
//
// The tree is the whole world: ".." at its root and an absolute target lead out
// of it, and no link that leads out is in a checkout.
package links

import (
	"io/fs"
	"strings"
)

// Max is how many symbolic links a path may lead through.
const Max = 40

// maxTarget is how long a target may be, in bytes.
const maxTarget = 4095

// Faults of a link that is in no checkout; the link is their subject. The first two are fs.ErrNotExist:
// for whoever reads the tree there is nothing, as for an engine.
var (
	ErrOutside error = &nowhere{"leads out of the repository"}
	ErrTooMany error = &nowhere{"leads through too many symbolic links"}
	ErrTarget  error = &noPath{}
)

type nowhere struct{ text string }

func (e *nowhere) Error() string        { return e.text }
func (e *nowhere) Is(target error) bool { return target == fs.ErrNotExist }

type noPath struct{}

func (*noPath) Error() string        { return "has a target that is no path" }
func (*noPath) Is(target error) bool { return target == fs.ErrInvalid }

// Check says why a target leads nowhere, whatever there is in the tree.
func Check(target string) error {
	switch {
	case strings.HasPrefix(target, "/"):
		return ErrOutside
	case target == "" || len(target) > maxTarget || strings.ContainsRune(target, 0):
		return ErrTarget
	}
	return nil
}

// Place is where a walk has got to: a directory or something else in a tree.
type Place interface {
	// Enter goes to a name in the directory. Of a symbolic link it stays where it
	// is and returns the target, if it is to be followed.
	Enter(name string, follow bool) (target string, link bool, err error)
	// Stay is a step to ".", which what is no directory does not have.
	Stay() error
	// Up goes to the directory above; false at the root.
	Up() bool
}

// Walk goes to a path, slash-separated, through the symbolic links on the way.
// The last name is followed, too, if asked to.
func Walk(at Place, p string, follow bool) error {
	rest := strings.Split(p, "/")
	for followed := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." || name == ".." {
			if err := at.Stay(); err != nil {
				return err
			}
			if name == ".." && !at.Up() {
				return ErrOutside
			}
			continue
		}
		target, link, err := at.Enter(name, follow || len(rest) > 0)
		if err != nil {
			return err
		}
		if !link {
			continue
		}
		if followed++; followed > Max {
			return ErrTooMany
		}
		if err := Check(target); err != nil {
			return err
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return nil
}
