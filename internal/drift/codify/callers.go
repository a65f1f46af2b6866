package codify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
)

// maxWalked is how many files and directories are looked at for callers: a few small trees
// that name each other many times can stand for any number of them.
const maxWalked = 1_000_000

var errTooMany = fmt.Errorf("the repository has more than %d files and directories", maxWalked)

// calls is where modules in the whole tree call this directory.
func (e *editor) calls(dir string) ([]hcl.Range, error) {
	if e.callers != nil {
		return e.callers[dir], nil
	}
	found := map[string][]hcl.Range{}
	left := maxWalked
	err := fs.WalkDir(e.src.Tree, ".", func(name string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return errTooMany
		}
		isHCL := strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tofu")
		isJSON := strings.HasSuffix(name, ".tf.json") || strings.HasSuffix(name, ".tofu.json")
		if err != nil || d.IsDir() || !isHCL && !isJSON {
			return err
		}
		text, err := fs.ReadFile(e.src.Tree, name)
		if err != nil || !strings.Contains(string(text), "module") {
			return nil // a link to nowhere calls nothing
		}
		add := func(source string, at hcl.Range) {
			if to, ok := localDir(path.Dir(name), source); ok {
				found[to] = append(found[to], at)
			}
		}
		if isJSON {
			jsonCalls(name, text, add)
		} else {
			hclCalls(name, text, add)
		}
		return nil
	})
	if errors.Is(err, errTooMany) {
		return nil, fault.New(fault.Invalid, "edit the code by hand", "who calls the module cannot be told: %w", err)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "try again", "the repository cannot be read: %w", err)
	}
	e.callers = found
	return found[dir], nil
}

// hclCalls adds the modules that a file calls, as far as it can be parsed.
func hclCalls(name string, text []byte, add func(source string, at hcl.Range)) {
	if rootmodule.TooDeep(text) {
		return
	}
	f, _ := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	if f == nil {
		return
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return
	}
	for _, b := range body.Blocks {
		if a := b.Body.Attributes["source"]; b.Type == "module" && a != nil {
			if s, ok := rootmodule.PlainText(a.Expr); ok {
				add(s, b.DefRange())
			}
		}
	}
}

// jsonCalls adds the modules that a file in JSON syntax calls.
func jsonCalls(name string, text []byte, add func(source string, at hcl.Range)) {
	var doc struct {
		Module any `json:"module"`
	}
	if json.Unmarshal(text, &doc) != nil {
		return
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, w := range v {
				walk(w)
			}
		case map[string]any:
			if s, ok := v["source"].(string); ok {
				add(s, hcl.Range{Filename: name, Start: hcl.InitialPos})
				return
			}
			for _, w := range v {
				walk(w)
			}
		}
	}
	walk(doc.Module)
}
