package backend

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/inputs"
)

// A root module may leave settings of its backend open (`backend "s3" {}`) that
// the workspace gives: files of the repository, and values, which may be secret.
// Values go to init as a file in memory. The engine writes the backend's resolved
// configuration, in plain text, into terraform.tfstate of its data directory, and
// reads it from there in later commands: with values, that name is a link to
// another file in memory, which ends with the phase. So every phase inits.

// BackendFiles are the files in memory that hold a backend's settings.
type BackendFiles struct {
	Given    *os.File // what init is told
	Resolved *os.File // what the engine makes of it
	Link     string   // the name in the data directory that leads to resolved
	Tree     string   // in which that lies
}

// Unlink takes away the name of the resolved backend: it leads nowhere once the phase
// has ended, and is no part of what the run wrote.
func (b *BackendFiles) Unlink() error {
	if b.Link == "" {
		return nil
	}
	link := b.Link
	b.Link = ""
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 ||
		datafile.Straight(b.Tree, filepath.Dir(link)) != nil {
		return nil // it is gone, or code that ran there put something else in its place
	}
	return durable.Remove(link)
}

func (b *BackendFiles) Close() {
	_ = b.Unlink() // clearData removes it, too
	for _, f := range []*os.File{b.Given, b.Resolved} {
		if f != nil {
			f.Close()
		}
	}
}

// SettingsPlace is what the settings of a backend say of where the backend is, as far
// as two that share it must not be made at once; without credentials. See backendText.
func SettingsPlace(settings string) string {
	body, err := rootmodule.ParseNative("backend", []byte(settings))
	if err != nil { // tfops wrote it
		return ""
	}
	content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "conn_str"},
		{Name: "address"}}})
	if conn := rootmodule.Literal(content.Attributes["conn_str"]); conn != "" {
		return connection(conn)
	}
	return withoutUser(rootmodule.Literal(content.Attributes["address"]))
}

// BackendState is the file in which the engine keeps the resolved backend.
const BackendState = "terraform.tfstate"

// NoBackend is what backendState holds before any init: an empty file is none
// that the engine can read.
const NoBackend = `{"version":3,"serial":0,"lineage":""}`

// CheckBackendFile sees that a file with settings of the backend is in the tree.
func CheckBackendFile(tree, root, name string) error {
	const next = "correct `backend_config_files` of the workspace, or commit the file; its entries are relative to " +
		"`dir`"
	path := filepath.Join(root, filepath.FromSlash(name))
	if !inputs.Within(tree, path) {
		return diagnostics.Refuse(job.CauseBadInput, next,
			"the file %s with settings of the backend leads out of the repository", name)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return diagnostics.Refuse(job.CauseBadInput, next,
			"there is no file %s with settings of the backend in this commit", name)
	}
	if !inputs.Within(tree, real) {
		return diagnostics.Refuse(job.CauseBadInput, next,
			"the file %s with settings of the backend leads out of the repository", name)
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return diagnostics.Refuse(job.CauseBadInput, next,
			"%s, which should hold settings of the backend, is not a file",
			name)
	}
	return nil
}

// blocksOf are the settings that a type of backend takes as a block and not as a value.
// In a file of settings the engine refuses the other form.
var blocksOf = map[string][]string{"cos": {"assume_role"}, "kubernetes": {"exec"}, "oss": {"assume_role"}}

// AsBlocks is a file of settings, of which every one is a value, with blocks in place of those
// that the type of backend takes as such: one for an object, one each for a list of them.
func AsBlocks(kind, text string) ([]byte, error) {
	if len(blocksOf[kind]) == 0 {
		return []byte(text), nil
	}
	read, err := rootmodule.ParseNative("backend_config", []byte(text))
	if err != nil {
		return nil, err
	}
	out := hclwrite.NewEmptyFile()
	attrs := read.Attributes
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		v, diags := attrs[name].Expr.Value(nil)
		if diags.HasErrors() {
			return nil, diags
		}
		t := v.Type()
		switch list := t.IsTupleType() || t.IsListType(); {
		case !slices.Contains(blocksOf[kind], name) || v.IsNull() || !list && !t.IsObjectType():
			out.Body().SetAttributeValue(name, v)
		case list:
			for _, e := range v.AsValueSlice() {
				addBlock(out.Body(), name, e)
			}
		default:
			addBlock(out.Body(), name, v)
		}
	}
	return out.Bytes(), nil
}

func addBlock(to *hclwrite.Body, name string, v cty.Value) {
	if v.IsNull() || !v.Type().IsObjectType() {
		to.SetAttributeValue(name, v) // the engine says what is wrong with it
		return
	}
	body := to.AppendNewBlock(name, nil).Body()
	fields := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		body.SetAttributeValue(name, fields[name])
	}
}

// LocalPlaces are the directories in which settings put the states of a local backend.
func LocalPlaces(settings string) (dirs []string) {
	if path := LocalSetting(settings, "path"); filepath.IsAbs(path) {
		dirs = append(dirs, filepath.Dir(path))
	}
	if dir := LocalSetting(settings, "workspace_dir"); filepath.IsAbs(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

// LocalSetting is one of the settings of a local backend as they are written; "" where they do not have it.
func LocalSetting(settings, name string) string {
	body, err := rootmodule.ParseNative("backend", []byte(settings))
	if err != nil { // tfops wrote it
		return ""
	}
	content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
	return rootmodule.Literal(content.Attributes[name])
}
