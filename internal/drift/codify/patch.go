package codify

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/tfops/tfops/internal/fault"
)

// unified is the difference as git apply takes it, in the order of names.
func unified(files map[string]Edit) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.WriteString(udiff.Unified(label("a/"+name), label("b/"+name), string(files[name].Before),
			string(files[name].After)))
	}
	return b.String()
}

// label is a name as Git writes it: a tab ends one that has a space, one that
// has a quote, a backslash or a control character is quoted.
func label(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }) {
		return strconv.QuoteToASCII(name)
	}
	if strings.Contains(name, " ") {
		return name + "\t"
	}
	return name
}

// WriteTo writes the edited files of tree, a copy of the repository's, below into. It
// writes nothing when a file of tree is not as it was when the proposal was made.
func (p Proposal) WriteTo(tree, into string) error {
	root, err := os.OpenRoot(tree)
	if err != nil {
		return fault.New(fault.Invalid, "name a directory with a copy of the repository", "%s cannot be opened: %w",
			tree, err)
	}
	defer root.Close()
	names := slices.Sorted(maps.Keys(p.Files))
	for _, name := range names {
		text, err := root.ReadFile(filepath.FromSlash(name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Equal(text, p.Files[name].Before) {
			return fault.New(fault.Conflict, "make the proposal again, for what is there now",
				"%s in %s is not as it was when the proposal was made", name, tree)
		}
		if err != nil {
			return fault.New(fault.Unavailable, "make it readable", "%s in %s cannot be read: %w", name, tree, err)
		}
	}
	for _, name := range names {
		if err := writeBelow(into, filepath.FromSlash(name), p.Files[name].After); err != nil {
			return fault.New(fault.Unavailable, "make room, or make it writable, and try again",
				"%s in %s cannot be written: %w", name, into, err)
		}
	}
	return nil
}

func writeBelow(dir, name string, text []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return root.WriteFile(name, text, 0o644)
}
