// Package decode reads the blocks and attributes of tfops.hcl into typed values.
// It knows what may stand where (package schema), not what it means.
//
// A mistake is noted with its place, and reading goes on, so that a person sees
// all of them at once. Expressions know no variables but those of a match in a
// workspaces block; their functions are those of package hclfn, and env and file,
// which alone reach outside. What these two return is marked as secret, and the
// mark follows the value through every expression.
package decode

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/config/syntax"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// MaxFileSize bounds the configuration and what file("…") reads, in bytes.
const MaxFileSize = 1 << 20

// Reader collects what is wrong while it reads.
type Reader struct {
	Path string    // absolute, of the configuration file
	Now  time.Time // when it is read

	given    string // the path as it was named: messages use it
	sources  map[string]*hcl.File
	found    hcl.Diagnostics
	partial  bool // the syntax is broken: what seems missing may stand in what the parser skipped
	hidden   bool // and the parser did skip something
	eval     *hcl.EvalContext
	read     []string    // files that were read beside the configuration
	secrets  []string    // what env and file returned for the expression at hand
	kept     *kept       // what env and file returned so far
	redacted []hcl.Range // parts of the file whose lines no message shows
	redact   bool        // the expression at hand is such a part
}

// NewReader returns a reader of the file at a path.
func NewReader(path string) *Reader {
	full, err := filepath.Abs(path)
	if err != nil {
		full = path // the working directory is gone; reading the file says so
	}
	r := &Reader{Path: full, Now: time.Now(), given: path, sources: map[string]*hcl.File{}}
	r.kept = &kept{values: map[string]*workspace.Source{}}
	r.eval = &hcl.EvalContext{Functions: r.functions()}
	return r
}

// Open reads and parses the file. False: it cannot be, and that was reported.
func (r *Reader) Open() (Block, bool) {
	src, err := ReadFile(r.given)
	if err != nil {
		r.add(hcl.DiagError, nil, "cannot read the configuration", "%s: %s. "+
			"Check the path (--config, TFOPS_CONFIG) and that tfops may read the file.", r.given, Reason(err))
		return Block{}, false
	}
	if rootmodule.TooDeep(src) {
		r.add(hcl.DiagError, nil, "nested too deep", "%s has more brackets within brackets than tfops reads.", r.given)
		return Block{}, false
	}
	r.sources[r.given] = &hcl.File{Bytes: src}
	file := syntax.Parse(src, r.given)
	r.partial, r.hidden, r.found, r.redacted = file.Broken, file.Hidden, file.Found, file.Secrets
	top := Block{r: r, kind: schema.File, Body: file.Body}
	top.checkNames()
	return top, true
}

// ForMatch is a reader for one match of a workspaces block: it has the variables,
// findings of its own, and what env and file returned when the file was read.
func (r *Reader) ForMatch(variables map[string]cty.Value) *Reader {
	m := &Reader{Path: r.Path, Now: r.Now, given: r.given, sources: r.sources, kept: r.kept}
	m.eval = &hcl.EvalContext{Functions: m.functions(), Variables: variables}
	return m
}

// SetVariables sets what expressions may use; nil: nothing.
func (r *Reader) SetVariables(variables map[string]cty.Value) { r.eval.Variables = variables }

// Context is what expressions are evaluated with.
func (r *Reader) Context() *hcl.EvalContext { return r.eval }

func (r *Reader) add(severity hcl.DiagnosticSeverity, at *hcl.Range, summary, format string, args ...any) {
	r.found = append(r.found,
		&hcl.Diagnostic{Severity: severity, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: at})
}

// Errorf reports a mistake.
func (r *Reader) Errorf(rng hcl.Range, summary, format string, args ...any) {
	r.add(hcl.DiagError, &rng, summary, format, args...)
}

// Missingf reports the absence of something, which broken syntax can feign.
func (r *Reader) Missingf(rng hcl.Range, summary, format string, args ...any) {
	if !r.partial {
		r.add(hcl.DiagError, &rng, summary, format, args...)
	}
}

// Warnf reports what is allowed and yet probably not meant.
func (r *Reader) Warnf(rng hcl.Range, summary, format string, args ...any) {
	r.add(hcl.DiagWarning, &rng, summary, format, args...)
}

// WarnFile reports the same of the file as a whole.
func (r *Reader) WarnFile(summary, format string, args ...any) {
	r.add(hcl.DiagWarning, nil, summary, format, args...)
}

// WarnPlainText warns of a secret that is written out.
func (r *Reader) WarnPlainText(f Field[string], name string) {
	r.Warnf(f.Range, "secret in plain text",
		"Whoever may read this file reads the %s. Take it from outside: env(\"…\") or file(\"…\").", name)
	r.found[len(r.found)-1].Extra = problems.NoSource{}
}

// WarnPlainHTTP warns of a password that is sent without encryption.
func (r *Reader) WarnPlainHTTP(rng hcl.Range) {
	r.Warnf(rng, "password over plain http", "Anybody on the way can read the password. Use https.")
}

// Failed reports whether there was a mistake.
func (r *Reader) Failed() bool { return r.found.HasErrors() }

// FirstMistake is what was reported first and is not a warning; nil: nothing.
func (r *Reader) FirstMistake() *hcl.Diagnostic {
	for _, d := range r.found {
		if d.Severity == hcl.DiagError {
			return d
		}
	}
	return nil
}

// Found is how much was reported so far.
func (r *Reader) Found() int { return len(r.found) }

// Problems is what was found, in the order of the file.
func (r *Reader) Problems() *problems.List {
	return &problems.List{Diagnostics: problems.Sorted(r.withoutSources()), Files: r.sources, Hidden: r.hidden}
}

// Files are all that was read: the configuration and what it named.
func (r *Reader) Files() []string { return append([]string{r.Path}, r.read...) }

// Abs makes a path of the configuration absolute: it is relative to the
// directory of the file, and "~/" is the home directory.
func (r *Reader) Abs(path string) string {
	if home, err := os.UserHomeDir(); err == nil && len(path) > 1 && path[:2] == "~/" {
		return filepath.Join(home, path[2:])
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(filepath.Dir(r.Path), path)
}

// FileSource is the text of the file that an expression stands in.
func (r *Reader) FileSource(expr hclsyntax.Expression) []byte {
	if src := r.sources[expr.Range().Filename]; src != nil {
		return src.Bytes
	}
	return nil
}

// Source is an expression as it stands in the file.
func (r *Reader) Source(expr hclsyntax.Expression) string {
	if src := r.FileSource(expr); expr.Range().CanSliceBytes(src) {
		return string(expr.Range().SliceBytes(src))
	}
	return ""
}

// ReadNamed reads a file that the configuration names. A change of it can change
// the configuration.
func (r *Reader) ReadNamed(path string) ([]byte, error) {
	if !slices.Contains(r.read, path) {
		r.read = append(r.read, path)
	}
	return ReadFile(path)
}

// Reason is an error without the path that it repeats.
func Reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// ReadFile reads a regular file of bounded size.
func ReadFile(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxFileSize {
		return nil, fmt.Errorf("larger than %d KiB", MaxFileSize>>10)
	}
	return b, nil
}
