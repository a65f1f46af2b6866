package config

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/lazily"
	"github.com/tfops/tfops/internal/rootmodule"
)

// rootInputs is what a root module needs to be told: the names of its var
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

// inputsOf looks into a directory. What cannot be read is passed over: the
// starter is help, and not a check.
// read are the var files that the workspace names: they are not named again, and no others
// count. Where it is nil, all that lie there are taken to be meant.
func inputsOf(tree fs.FS, dir string, read []string) (in rootInputs) {
	entries, err := fs.ReadDir(tree, dir)
	if err != nil {
		return in
	}
	required, given := map[string]inputVariable{}, map[string]bool{}
	for _, e := range entries {
		name := e.Name()
		plain := strings.TrimSuffix(name, ".json")
		vars := strings.HasSuffix(plain, ".tfvars")
		code := strings.HasSuffix(plain, ".tf") || strings.HasSuffix(plain, ".tofu")
		if e.IsDir() || !vars && !code || strings.HasPrefix(name, ".") || !utf8.ValidString(name) {
			continue
		}
		if vars && !readByItself(name) {
			in.varFiles = append(in.varFiles, name)
			if read != nil { // it is not told of this one
				continue
			}
		}
		body := parseCode(tree, path.Join(dir, name))
		switch {
		case body == nil:
		case vars:
			values, _ := body.JustAttributes()
			for v := range values {
				given[v] = true
			}
		default:
			declared(body, required)
		}
	}
	for _, name := range read {
		if body := parseCode(tree, path.Join(dir, name)); body != nil {
			values, _ := body.JustAttributes()
			for v := range values {
				given[v] = true
			}
		}
	}
	if read != nil {
		in.varFiles = nil
	}
	for name, v := range required {
		if !given[name] {
			in.variables = append(in.variables, v)
		}
	}
	slices.SortFunc(in.variables, func(a, b inputVariable) int { return strings.Compare(a.name, b.name) })
	return in
}

// parseCode reads a file of the engine's language in either form; nil: it cannot.
func parseCode(tree fs.FS, name string) hcl.Body {
	info, err := fs.Stat(tree, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil
	}
	src, err := fs.ReadFile(tree, name)
	if err != nil || rootmodule.TooDeep(src) {
		return nil
	}
	var file *hcl.File
	if strings.HasSuffix(name, ".json") {
		file, _ = hcljson.Parse(src, name)
	} else {
		file, _ = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	if file == nil {
		return nil
	}
	return file.Body
}

var (
	variableBlocks = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "variable", LabelNames: []string{"name"}}}}
	variableParts  = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "default"}, {Name: "sensitive"}}}
	secretName     = lazily.Pattern(`(?i)password|passwd|passphrase|secret|token|credential|private_?key|api_?key`)
)

// declared adds the variables of a file that have no default.
func declared(body hcl.Body, required map[string]inputVariable) {
	content, _, _ := body.PartialContent(variableBlocks)
	for _, b := range content.Blocks {
		parts, _, _ := b.Body.PartialContent(variableParts)
		name := b.Labels[0]
		if parts.Attributes["default"] != nil || !hclsyntax.ValidIdentifier(name) {
			continue
		}
		v := inputVariable{name: name, secret: secretName().MatchString(name)}
		if s := parts.Attributes["sensitive"]; s != nil {
			value, diags := s.Expr.Value(nil)
			v.secret = v.secret || !diags.HasErrors() && value.RawEquals(cty.True)
		}
		required[name] = v
	}
}

// maxLine is how long a line of variables may be, in characters, before it is one
// line for each.
const maxLine = 100

// String is the inputs as commented lines of a workspace block.
func (in rootInputs) String() string {
	var out strings.Builder
	if len(in.varFiles) > 0 {
		var files []string
		for _, f := range in.varFiles {
			files = append(files, text(f))
		}
		fmt.Fprintf(&out, "  # var_files = [%s]\n", strings.Join(files, ", "))
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
