package runner

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/inputs"
	"github.com/tfops/tfops/internal/runner/memfile"
)

// A root module may leave settings of its backend open (`backend "s3" {}`) that
// the workspace gives: files of the repository, and values, which may be secret.
// Values go to init as a file in memory. The engine writes the backend's resolved
// configuration, in plain text, into terraform.tfstate of its data directory, and
// reads it from there in later commands: with values, that name is a link to
// another file in memory, which ends with the phase. So every phase inits.

// backendFiles are the files in memory that hold a backend's settings.
type backendFiles struct {
	given    *os.File // what init is told
	resolved *os.File // what the engine makes of it
	link     string   // the name in the data directory that leads to resolved
}

// unlink takes away the name of the resolved backend: it leads nowhere once the phase
// has ended, and is no part of what the run wrote.
func (b *backendFiles) unlink() error {
	if b.link == "" {
		return nil
	}
	err := durable.Remove(b.link)
	b.link = ""
	return err
}

func (b *backendFiles) Close() {
	_ = b.unlink() // clearData removes it, too
	for _, f := range []*os.File{b.given, b.resolved} {
		if f != nil {
			f.Close()
		}
	}
}

// settingsPlace is what the settings of a backend say of where the backend is, as far
// as two that share it must not be made at once; without credentials. See backendText.
func settingsPlace(settings string) string {
	f, diags := hclsyntax.ParseConfig([]byte(settings), "backend", hcl.InitialPos)
	if diags.HasErrors() { // tfops wrote it
		return ""
	}
	content, _, _ := f.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "conn_str"}, {Name: "address"}}})
	if conn := inputs.LiteralText(content.Attributes["conn_str"]); conn != "" {
		return connection(conn)
	}
	return withoutUser(inputs.LiteralText(content.Attributes["address"]))
}

// backendState is the file in which the engine keeps the resolved backend.
const backendState = "terraform.tfstate"

// noBackend is what backendState holds before any init: an empty file is none
// that the engine can read.
const noBackend = `{"version":3,"serial":0,"lineage":""}`

// hidesBackend reports whether the backend's resolved configuration may hold a
// secret and must not be on the disk.
func (p *phase) hidesBackend() bool { return p.secrets.Backend != "" }

// checkBackend sees that there is a backend for the settings to belong to, and
// that their files are there.
func (p *phase) checkBackend(context.Context) error {
	if !p.hidesBackend() && len(p.job.BackendFiles) == 0 {
		return nil
	}
	switch p.module.backend {
	case "":
		if !p.module.unread { // otherwise the engine says what is wrong with the module
			return diagnostics.Refuse(job.CauseBadInput, "add a backend block of the type to the root module, for example `terraform { backend \"s3\" {} }`, or remove backend_config and backend_config_files",
				"the workspace has settings for a backend, and the root module %s declares none", p.job.Dir)
		}
	case "cloud":
		return diagnostics.Refuse(job.CauseBadInput, "remove backend_config and backend_config_files, or declare a backend block instead of the cloud block",
			"the root module %s has a cloud block, which takes no settings of a backend", p.job.Dir)
	}
	for _, name := range p.job.BackendFiles {
		if err := checkBackendFile(p.tree, p.root, name); err != nil {
			return err
		}
	}
	return nil
}

func checkBackendFile(tree, root, name string) error {
	const next = "correct `backend_config_files` of the workspace, or commit the file; its entries are relative to `dir`"
	path := filepath.Join(root, filepath.FromSlash(name))
	if !inputs.Within(tree, path) {
		return diagnostics.Refuse(job.CauseBadInput, next, "the file %s with settings of the backend leads out of the repository", name)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return diagnostics.Refuse(job.CauseBadInput, next, "there is no file %s with settings of the backend in this commit", name)
	}
	if !inputs.Within(tree, real) {
		return diagnostics.Refuse(job.CauseBadInput, next, "the file %s with settings of the backend leads out of the repository", name)
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return diagnostics.Refuse(job.CauseBadInput, next, "%s, which should hold settings of the backend, is not a file", name)
	}
	return nil
}

// backendKey is what init depends on of the settings: those in files. With values
// init is never skipped.
func (p *phase) backendKey() string {
	var parts []string
	for _, name := range p.job.BackendFiles {
		b, _ := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(name))) // checkBackend has seen it
		parts = append(parts, name, string(b))
	}
	return ground.KeyOf(parts...)
}

// prepareBackend makes the engine's data directory ready for an init: its name
// for the resolved backend leads into memory where that may hold a secret, and
// is never a link that an earlier phase left, which may lead to anything.
func (p *phase) prepareBackend(dataDir string) error {
	path := filepath.Join(dataDir, backendState)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case p.hidesBackend() || info.Mode()&fs.ModeSymlink != 0:
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	if !p.hidesBackend() {
		return nil
	}
	if p.backend.given == nil {
		text, err := asBlocks(p.module.backend, p.secrets.Backend)
		if err != nil {
			return err
		}
		if p.backend.given, err = memfile.New("tfops-backend", text); err != nil {
			return err
		}
		p.names[memfile.Path(p.backend.given)] = "the workspace's backend_config"
		if p.otherBackend() != "" {
			p.names[memfile.Path(p.backend.given)] = "the workspace's backend block"
		}
	}
	if p.backend.resolved == nil {
		if p.backend.resolved, err = memfile.New("tfops-backend-resolved", []byte(noBackend)); err != nil {
			return err
		}
		p.names[memfile.Path(p.backend.resolved)] = "the resolved backend"
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return err
	}
	p.backend.link = path
	return os.Symlink(memfile.Path(p.backend.resolved), path)
}

// blocksOf are the settings that a type of backend takes as a block and not as a value.
// In a file of settings the engine refuses the other form.
var blocksOf = map[string][]string{"cos": {"assume_role"}, "kubernetes": {"exec"}, "oss": {"assume_role"}}

// asBlocks is a file of settings, of which every one is a value, with blocks in place of those
// that the type of backend takes as such: one for an object, one each for a list of them.
func asBlocks(kind, text string) ([]byte, error) {
	if len(blocksOf[kind]) == 0 {
		return []byte(text), nil
	}
	read, diags := hclsyntax.ParseConfig([]byte(text), "backend_config", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	out := hclwrite.NewEmptyFile()
	attrs := read.Body.(*hclsyntax.Body).Attributes
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

// backendOptions are what init is told of the backend, after prepareBackend.
// The last one wins.
func (p *phase) backendOptions() []tfexec.InitOption {
	var opts []tfexec.InitOption
	for _, name := range p.job.BackendFiles {
		opts = append(opts, tfexec.BackendConfig(filepath.FromSlash(name)))
	}
	if p.backend.given != nil {
		opts = append(opts, tfexec.BackendConfig(memfile.Path(p.backend.given)))
	}
	return opts
}
