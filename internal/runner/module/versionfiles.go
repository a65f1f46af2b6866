package module

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// maxVersionFile bounds what is read of a version file, in bytes.
const maxVersionFile = 64 << 10

// ChosenVersions are the constraints of the version files that count for the
// root module: of each kind the nearest, in its directory or above it within
// the tree. from names the file of each.
func ChosenVersions(tree, root, engine string) (constraints, from []string, err error) {
	for _, file := range reach.VersionFiles(engine) {
		for dir := root; inputs.Within(tree, dir); dir = filepath.Dir(dir) {
			text, ok := readWithin(tree, filepath.Join(dir, file.Name))
			word := versionWord(text, file.Tool)
			if !ok || word == "" {
				continue
			}
			name, _ := filepath.Rel(tree, filepath.Join(dir, file.Name)) // both are absolute
			constraint, known := versionConstraint(word)
			if !known {
				return nil, nil, diagnostics.Refuse(job.CauseBadInput,
					"write an exact version there, e.g. 1.11.4, or \"latest:^1.11\" for the newest of 1.11",
					"%s asks for %q, which tfops cannot tell a version from", name, word[:min(len(word), 100)])
			}
			if constraint != "" {
				constraints, from = append(constraints, constraint), append(from, name)
			}
			break
		}
	}
	return constraints, from, nil
}

// readWithin reads the beginning of a regular file of the tree.
func readWithin(tree, path string) (text string, ok bool) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || !inputs.Within(tree, real) {
		return "", false
	}
	if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	f, err := os.Open(real)
	if err != nil {
		return "", false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxVersionFile))
	return string(bytes.TrimPrefix(b, []byte("\ufeff"))), err == nil
}

// versionWord is what a version file asks for. Of several versions of a tool
// the first counts: the others are for a machine that lacks it.
func versionWord(text, tool string) string {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if tool == "" && line != "" {
			return line
		}
		if fields := strings.Fields(line); tool != "" && len(fields) > 1 && fields[0] == tool {
			return fields[1]
		}
	}
	return ""
}

var (
	wholeVersion = lazyregexp.New(`^v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$`)
	partVersion  = lazyregexp.New(`^v?(\d+)(?:\.(\d+))?$`)
	// What people write of regular expressions: the beginning of a version.
	beginning = lazyregexp.New(`^\^?v?(\d+)(?:\\?\.(\d+))?(?:\\?\.(\d+))?(?:\\?\.)?(?:\.?\*|\\d\+|\[0-9\]\+|x)?\$?$`)
	operators = lazyregexp.New(`^[~<>=!]`)
)

// versionConstraint is the constraint that a word of a version file stands for;
// "" for any version. It is not known for what names no version: a path, a Git
// reference, an expression that is more than the beginning of a version.
func versionConstraint(word string) (constraint string, known bool) {
	switch word {
	case "latest", "latest-allowed", "latest-stable", "system":
		return "", true // the rest says which: required_version and the engine block
	}
	if m := wholeVersion().FindStringSubmatch(word); m != nil {
		return "= " + m[1], true
	}
	if m := partVersion().FindStringSubmatch(word); m != nil {
		return startingWith(m[1], m[2]), true
	}
	if operators().MatchString(word) {
		return word, true // as in required_version; what is none is refused with the rest
	}
	for _, prefix := range []string{"latest:", "prefix:"} {
		expr, ok := strings.CutPrefix(word, prefix)
		if m := beginning().FindStringSubmatch(expr); ok && m != nil {
			if m[3] != "" {
				return "= " + m[1] + "." + m[2] + "." + m[3], true
			}
			return startingWith(m[1], m[2]), true
		}
	}
	return "", false
}

// startingWith allows all versions that begin like this.
func startingWith(major, minor string) string {
	if minor == "" {
		return "~> " + major + ".0"
	}
	return "~> " + major + "." + minor + ".0"
}
