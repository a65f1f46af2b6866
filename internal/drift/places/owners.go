package places

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hmarr/codeowners"

	"github.com/tfops/tfops/internal/fault"
)

// ownersFiles are where a CODEOWNERS file may lie; the first that is there
// counts, and no other. The order is that of GitHub:
// https://docs.github.com/articles/about-code-owners
var ownersFiles = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

// maxOwners is the size in bytes from which on GitHub does not load the file.
const maxOwners = 3 << 20

// Owners is who answers for which file of a repository. The zero Owners is
// nobody for any.
type Owners struct {
	File     string   // the CODEOWNERS file; empty when there is none
	Problems []string // lines that cannot be read, which count for nothing
	rules    codeowners.Ruleset
}

// ReadOwners reads the CODEOWNERS file of a repository's tree. A line that
// cannot be read is left out, as GitHub does, and told in Problems. The error
// is a fault: the file is there and cannot be read, or is too large.
func ReadOwners(tree fs.FS) (Owners, error) {
	for _, name := range ownersFiles {
		info, err := fs.Stat(tree, name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue
		}
		if err == nil && info.Size() > maxOwners {
			return Owners{}, fault.New(fault.Invalid, "make it smaller than 3 MB, as GitHub wants it, too",
				"%s is too large to read", name)
		}
		var src []byte
		if err == nil {
			src, err = fs.ReadFile(tree, name)
		}
		if err != nil {
			return Owners{}, fault.New(fault.Unavailable, "check the repository's mirror", "%s cannot be read: %w",
				name, err)
		}
		return parseOwners(name, string(src)), nil
	}
	return Owners{}, nil
}

// OwnerProblems says what cannot be read of the CODEOWNERS file of a tree, by line.
func OwnerProblems(tree fs.FS) []string {
	o, err := ReadOwners(tree)
	if err != nil {
		return []string{err.Error()}
	}
	return o.Problems
}

func parseOwners(name, src string) Owners {
	o := Owners{File: name}
	tell := func(line int, format string, args ...any) {
		o.Problems = append(o.Problems, fmt.Sprintf("%s:%d: ", name, line)+fmt.Sprintf(format, args...))
	}
	if strings.HasPrefix(src, "\xff\xfe") || strings.HasPrefix(src, "\xfe\xff") {
		tell(1, "the file is UTF-16; save it as UTF-8")
		return o
	}
	if text, found := strings.CutPrefix(src, "\ufeff"); found {
		tell(1, "the file begins with a byte order mark, which GitHub takes for a part of the first pattern; save it "+
			"without one")
		src = text
	}
	n := 0
	for line := range strings.Lines(src) {
		n++
		rules, err := parseLine(line)
		if err != nil {
			tell(n, "%s", err)
			continue
		}
		o.rules = append(o.rules, rules...)
	}
	return o
}

// matches reports whether a rule is about a file. One that the library fails with is not.
func matches(rule *codeowners.Rule, file string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	ok, err := rule.Match(encodedPath(file))
	return ok && err == nil
}

// Of lists who answers for a file, given relative to the repository's root, as
// CODEOWNERS names them: the last line that matches counts. Nobody is an empty
// list.
func (o Owners) Of(file string) []string {
	if file == "" {
		return nil
	}
	for _, rule := range slices.Backward(o.rules) {
		if !matches(&rule, file) {
			continue
		}
		var out []string
		for _, w := range rule.Owners {
			out = append(out, w.String())
		}
		return out
	}
	return nil
}
