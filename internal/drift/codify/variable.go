package codify

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// variable goes on at where a variable has its value from: the call of the
// module, or, in the root module, the last that counts of default, files of
// values found by name, files given, and values from elsewhere.
// Source: "Variable Definition Precedence" of Terraform's documentation.
func (e *editor) variable(st site, whole []step, self hcl.Range, depth int) (site, *Refusal) {
	s, name := st.sc, whole[1].key
	declared := s.mod.blocks("variable", name)
	if len(declared) == 0 {
		return st, refuse(fmt.Sprintf("%s is not declared in this module", pathOf(whole[:2])), handwork).in(self)
	}
	if r := s.mod.shared(whole, self, declared[0]); r != nil {
		return st, r
	}
	if s.up != nil {
		if a := s.up.argument(name); a != nil {
			return e.follow(site{sc: s.up, expr: a.Expr, rest: whole[2:]}, depth+1)
		}
	} else {
		if slices.Contains(e.src.Variables, name) {
			return st, refuse(fmt.Sprintf("%s is given from outside of the repository", pathOf(whole[:2])),
				fmt.Sprintf("change %s where it is given: variables or inputs of the workspace", name)).in(self)
		}
		out, ok, r := e.fromFiles(name)
		if r != nil {
			return st, r
		}
		if ok {
			out.rest = whole[2:]
			return e.follow(out, depth+1)
		}
	}
	for _, b := range slices.Backward(declared) {
		if a := b.Body.Attributes["default"]; a != nil {
			return e.follow(site{sc: s.outside(), expr: a.Expr, rest: whole[2:]}, depth+1)
		}
	}
	return st, refuse(fmt.Sprintf("%s has its value from outside of the files that are known", pathOf(whole[:2])),
		"change it where it is given").in(declared[0].DefRange())
}

// fromFiles finds the value that files give to a root variable.
func (e *editor) fromFiles(name string) (site, bool, *Refusal) {
	files, r := e.valueFiles()
	if r != nil {
		return site{}, false, r
	}
	for _, file := range slices.Backward(files) {
		text, err := e.read(file)
		if errors.Is(err, fs.ErrNotExist) {
			return site{}, false, refuse(fmt.Sprintf("the file of values %s is not in the commit", file), "name a file that is there")
		}
		if err != nil {
			return site{}, false, refuse(fmt.Sprintf("%s cannot be read", file), "try again")
		}
		at := hcl.Range{Filename: file, Start: hcl.InitialPos}
		if strings.HasSuffix(file, ".json") {
			if strings.Contains(string(text), `"`+name+`"`) {
				return site{}, false, refuse("the value is written in JSON syntax, which is not edited", handwork).in(at)
			}
			continue
		}
		body, err := parse(file, text)
		if err != nil {
			return site{}, false, refuse(err.Error(), "make the file valid, then try again").in(at)
		}
		if a := body.Attributes[name]; a != nil {
			return site{expr: a.Expr}, true, nil
		}
	}
	return site{}, false, nil
}

// valueFiles are the files of values of the root module, the last one counts.
func (e *editor) valueFiles() ([]string, *Refusal) {
	entries, err := fs.ReadDir(e.src.Tree, e.src.Dir)
	if err != nil {
		return nil, refuse(fmt.Sprintf("%s cannot be read", e.src.Dir), "try again")
	}
	var first, auto []string
	for _, entry := range entries {
		n := entry.Name()
		switch {
		case entry.IsDir():
		case n == "terraform.tfvars" || n == "terraform.tfvars.json": // in this order
			first = append(first, path.Join(e.src.Dir, n))
		case strings.HasSuffix(n, ".auto.tfvars") || strings.HasSuffix(n, ".auto.tfvars.json"):
			auto = append(auto, path.Join(e.src.Dir, n))
		}
	}
	files := slices.Concat(first, auto)
	for _, n := range e.src.VarFiles {
		p := path.Join(e.src.Dir, n)
		if !fs.ValidPath(p) || path.IsAbs(n) {
			return nil, refuse(fmt.Sprintf("the file of values %s is outside of the repository", n), "change it there")
		}
		files = append(files, p)
	}
	return files, nil
}
