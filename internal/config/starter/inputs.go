package starter

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/rootmodule"
)

// rootInputs is what a root module needs: the names of its var
// files that no engine reads by itself, and its variables that have no default
// and no value in a file.
type rootInputs struct {
	varFiles  []string
	variables []inputVariable
}

type inputVariable struct {
	name   string
	secret bool
}

// moduleOf reads the code of a root module, with the files that only OpenTofu reads: where
// there are any, they are meant. What cannot be read is passed over: the starter is help,
// and not a check.
func moduleOf(tree fs.FS, dir string) *rootmodule.Module {
	left := &rootmodule.Left{Files: maxFiles, Bytes: maxBytes}
	m, err := rootmodule.Reader{Tree: tree, Tofu: true, Left: left}.Read(dir)
	if err != nil {
		return &rootmodule.Module{}
	}
	return m
}

// What is read of one root module at most, and of one file of values.
const (
	maxFileSize = 1 << 20
	maxFiles    = 10_000
	maxBytes    = 64 << 20
)

// inputsOf looks into a directory. named are the var files that the workspace names: they
// are not named again. others says whether all that lie there are meant, too.
func inputsOf(tree fs.FS, dir string, named []string, others bool) (in rootInputs) {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return in
	}
	given := map[string]bool{}
	give := func(name string) {
		values, _ := valuesIn(tree, path.Join(dir, name))
		for v := range values {
			given[v] = true
		}
	}
	for _, e := range entries {
		name := e.Name()
		vars := strings.HasSuffix(strings.TrimSuffix(name, ".json"), ".tfvars")
		if e.IsDir() || !vars || !utf8.ValidString(name) {
			continue
		}
		switch {
		case rootmodule.IsAutoVars(name):
			give(name)
		case strings.HasPrefix(name, "."):
		case others:
			in.varFiles = append(in.varFiles, name)
			give(name)
		}
	}
	for _, name := range named {
		give(name)
	}
	for _, b := range moduleOf(tree, dir).Blocks {
		if b.Type != "variable" || b.Attr("default") != nil {
			continue
		}
		if name := b.Labels[0]; hclsyntax.ValidIdentifier(name) && !given[name] {
			secret := b.IsTrue("sensitive") || secretName().MatchString(name)
			in.variables = append(in.variables, inputVariable{name, secret})
		}
	}
	slices.SortFunc(in.variables, func(a, b inputVariable) int { return strings.Compare(a.name, b.name) })
	return in
}

// valuesIn are the attributes in a file of the engine's language, in either form;
// none where it cannot be read.
func valuesIn(tree fs.FS, name string) (hcl.Attributes, hcl.Diagnostics) {
	info, err := fs.Stat(tree, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil, nil
	}
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, nil
	}
	body, _ := rootmodule.Parse(name, src)
	if body == nil {
		return nil, nil
	}
	return body.JustAttributes()
}

var secretName = lazyregexp.New(`(?i)password|passwd|passphrase|secret|token|credential|private_?key|api_?key`)

// maxLine is how long a line of variables may be, in characters, before it is one
// line for each.
const maxLine = 100

// String is the inputs as commented lines of a workspace block.
func (in rootInputs) String() string {
	var out strings.Builder
	if len(in.varFiles) > 0 {
		out.WriteString("  # " + list("var_files", in.varFiles))
	}
	if len(in.variables) == 0 {
		return out.String()
	}
	var items []string
	for _, v := range in.variables {
		value := `"…"`
		if v.secret {
			value = "env(" + text(strings.ToUpper(strings.ReplaceAll(v.name, "-", "_"))) + ")"
		}
		items = append(items, v.name+" = "+value)
	}
	line := fmt.Sprintf("  # variables = { %s }\n", strings.Join(items, ", "))
	if utf8.RuneCountInString(line) > maxLine {
		line = fmt.Sprintf("  # variables = {\n  #   %s\n  # }\n", strings.Join(items, "\n  #   "))
	}
	out.WriteString(line)
	return out.String()
}
