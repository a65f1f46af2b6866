package datadir

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/hclfn"
	"github.com/tfops/tfops/internal/rootmodule"
)

// Peek reads data_dir from a configuration, and nothing else: whoever talks to a running
// daemon need not have its secrets in the environment, and a mistake elsewhere in a file
// that is being edited is no reason not to answer. False where that does not succeed.
func Peek(path string) (string, bool) {
	src, err := readSome(path)
	if err != nil {
		return "", false
	}
	body, _ := rootmodule.ParseNative(path, src) // as far as it can be read
	if body == nil {
		return "", false
	}
	content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "data_dir"}}})
	attr := content.Attributes["data_dir"]
	if attr == nil {
		return "", false
	}
	v, diags := attr.Expr.Value(&hcl.EvalContext{Functions: hclfn.Pure()})
	if diags.HasErrors() || !v.IsWhollyKnown() || v.IsNull() || v.Type() != cty.String || v.AsString() == "" {
		return "", false
	}
	return v.AsString(), true
}

// readSome reads at most a mebibyte, the size that a configuration may have.
func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

// Absolute follows the configuration's rule: a path in it is relative to its
// directory, and "~/" is the home directory.
func Absolute(dir, config string) (string, error) {
	if rest, ok := strings.CutPrefix(dir, "~/"); ok {
		home, err := os.UserHomeDir()
		if err == nil {
			return filepath.Join(home, rest), nil
		}
	}
	if filepath.IsAbs(dir) {
		return filepath.Clean(dir), nil
	}
	base, err := filepath.Abs(filepath.Dir(config))
	if err != nil {
		return "", fault.New(fault.Unavailable, "change to a directory that exists",
			"the working directory is gone: %w", err)
	}
	return filepath.Join(base, dir), nil
}
