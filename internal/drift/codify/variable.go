package codify

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/drift/codify/hclsource"
	"github.com/tfops/tfops/internal/rootmodule"
)

// variable goes on at where a variable has its value from: the call of the
// module, or, in the root module, the last that counts of default, files of
// values found by name, files given, and values from elsewhere.
// Source: "Variable Definition Precedence" of Terraform's documentation.
func (e *editor) variable(st site, whole []hclsource.Step, self hcl.Range, depth int) (site, *hclsource.Refusal) {
	s, name := st.sc, whole[1].Key
	declared := s.Mod.Blocks("variable", name)
	if len(declared) == 0 {
		return st, hclsource.Refuse(fmt.Sprintf("%s is not declared in this module", hclsource.PathOf(whole[:2])),
			hclsource.Handwork).In(self)
	}
	if r := s.Mod.Shared(whole, self, declared[0]); r != nil {
		return st, r
	}
	if s.Up != nil {
		if a := s.Up.Argument(name); a != nil {
			return e.follow(site{sc: s.Up, expr: a.Expr, rest: whole[2:], aim: st.aim}, depth+1)
		}
	} else {
		if slices.Contains(e.Src.Variables, name) {
			return st, hclsource.Refuse(fmt.Sprintf("%s is given from outside of the repository",
				hclsource.PathOf(whole[:2])),
				fmt.Sprintf("change %s where it is given: variables or inputs of the workspace", name)).In(self)
		}
		out, ok, r := e.fromFiles(name)
		if r != nil {
			return st, r
		}
		if ok {
			out.rest, out.aim = whole[2:], st.aim
			return e.follow(out, depth+1)
		}
	}
	for _, b := range slices.Backward(declared) {
		if a := b.Body.Attributes["default"]; a != nil {
			return e.follow(site{sc: s.Outside(), expr: a.Expr, rest: whole[2:], aim: st.aim},
				depth+1)
		}
	}
	return st, hclsource.Refuse(fmt.Sprintf("%s has its value from outside of the files that are known",
		hclsource.PathOf(whole[:2])),
		"change it where it is given").In(declared[0].DefRange())
}

// fromFiles finds the value that files give to a root variable.
func (e *editor) fromFiles(name string) (site, bool, *hclsource.Refusal) {
	files, r := e.valueFiles()
	if r != nil {
		return site{}, false, r
	}
	for _, file := range slices.Backward(files) {
		text, err := e.Read(file)
		if errors.Is(err, fs.ErrNotExist) {
			return site{}, false, hclsource.Refuse(fmt.Sprintf("the file of values %s is not in the commit", file),
				"name a file that is there")
		}
		if err != nil {
			return site{}, false, hclsource.Refuse(fmt.Sprintf("%s cannot be read", file), "try again")
		}
		at := hcl.Range{Filename: file, Start: hcl.InitialPos}
		if strings.HasSuffix(file, ".json") {
			if strings.Contains(string(text), `"`+name+`"`) {
				return site{}, false, hclsource.Refuse("the value is written in JSON syntax, which is not edited",
					hclsource.Handwork).In(at)
			}
			continue
		}
		body, err := hclsource.Parse(file, text)
		if err != nil {
			return site{}, false, hclsource.Refuse(err.Error(), "make the file valid, then try again").In(at)
		}
		if a := body.Attributes[name]; a != nil {
			return site{expr: a.Expr}, true, nil
		}
	}
	return site{}, false, nil
}

// valueFiles are the files of values of the root module, the last one counts.
func (e *editor) valueFiles() ([]string, *hclsource.Refusal) {
	entries, err := fs.ReadDir(e.Src.Tree, e.Src.Dir)
	if err != nil {
		return nil, hclsource.Refuse(fmt.Sprintf("%s cannot be read", e.Src.Dir), "try again")
	}
	var names, files []string
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	for _, n := range rootmodule.AutoVars(names) {
		files = append(files, path.Join(e.Src.Dir, n))
	}
	for _, n := range e.Src.VarFiles {
		p := path.Join(e.Src.Dir, n)
		if !fs.ValidPath(p) || path.IsAbs(n) {
			return nil, hclsource.Refuse(fmt.Sprintf("the file of values %s is outside of the repository", n),
				"change it there")
		}
		files = append(files, p)
	}
	return files, nil
}
