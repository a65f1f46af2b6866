package hclsource

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/rootmodule"
)

// maxWalked is how many files and directories are looked at for callers: a few small trees
// that name each other many times can stand for any number of them.
const maxWalked = 1_000_000

var errTooMany = fmt.Errorf("the repository has more than %d files and directories", maxWalked)

// calls is where modules in the whole tree call this directory.
func (e *Sources) calls(dir string) ([]hcl.Range, error) {
	if e.callers != nil {
		return e.callers[dir], nil
	}
	found := map[string][]hcl.Range{}
	left := maxWalked
	err := fs.WalkDir(e.Src.Tree, ".", func(name string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return errTooMany
		}
		if err != nil || d.IsDir() || !rootmodule.IsCode(path.Base(name), true) {
			return err
		}
		text, err := fs.ReadFile(e.Src.Tree, name)
		if err != nil || !strings.Contains(string(text), "module") || len(text) > rootmodule.MaxHCL {
			return nil // a link to nowhere calls nothing
		}
		body, _ := rootmodule.Parse(name, text) // as far as it can be
		if body == nil {
			return nil
		}
		content, _, _ := body.PartialContent(callSchema)
		for _, b := range content.Blocks {
			attrs, _, _ := b.Body.PartialContent(sourceSchema)
			if to, ok := rootmodule.LocalDir(path.Dir(name), rootmodule.Literal(attrs.Attributes["source"])); ok {
				found[to] = append(found[to], b.DefRange)
			}
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

var (
	callSchema   = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "module", LabelNames: []string{"name"}}}}
	sourceSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source"}}}
)
