package phase

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/memfile"
)

// hidesBackend reports whether the backend's resolved configuration may hold a
// secret and must not be on the disk.
func (p *phase) hidesBackend() bool { return p.secrets.Backend != "" }

// checkBackend sees that there is a backend for the settings to belong to, and
// that their files are there.
func (p *phase) checkBackend(context.Context) error {
	if !p.hidesBackend() && len(p.job.BackendFiles) == 0 {
		return nil
	}
	switch p.module.Backend {
	case "":
		if !p.module.Unread { // otherwise the engine says what is wrong with the module
			return diagnostics.Refuse(job.CauseBadInput,
				"add a backend block of the type to the root module, for example `terraform { backend \"s3\" {} }`, or remove "+
					"backend_config and backend_config_files",
				"the workspace has settings for a backend, and the root module %s declares none", p.job.Dir)
		}
	case "cloud":
		return diagnostics.Refuse(job.CauseBadInput,
			"remove backend_config and backend_config_files, or declare a backend block instead of the cloud block",
			"the root module %s has a cloud block, which takes no settings of a backend", p.job.Dir)
	}
	for _, name := range p.job.BackendFiles {
		if err := backend.CheckBackendFile(p.tree, p.root, name); err != nil {
			return err
		}
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
	path := filepath.Join(dataDir, backend.BackendState)
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
	if p.backend.Given == nil {
		text, err := backend.AsBlocks(p.module.Backend, p.secrets.Backend)
		if err != nil {
			return err
		}
		if p.backend.Given, err = memfile.New("tfops-backend", text); err != nil {
			return err
		}
		p.engine.Names[memfile.Path(p.backend.Given)] = "the workspace's backend_config"
		if p.otherBackend() != "" {
			p.engine.Names[memfile.Path(p.backend.Given)] = "the workspace's backend block"
		}
	}
	if p.backend.Resolved == nil {
		if p.backend.Resolved, err = memfile.New("tfops-backend-resolved", []byte(backend.NoBackend)); err != nil {
			return err
		}
		p.engine.Names[memfile.Path(p.backend.Resolved)] = "the resolved backend"
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return err
	}
	p.backend.Link = path
	return os.Symlink(memfile.Path(p.backend.Resolved), path)
}

// backendOptions are what init is told of the backend, after prepareBackend.
// The last one wins.
func (p *phase) backendOptions() []tfexec.InitOption {
	var opts []tfexec.InitOption
	for _, name := range p.job.BackendFiles {
		opts = append(opts, tfexec.BackendConfig(filepath.FromSlash(name)))
	}
	if p.backend.Given != nil {
		opts = append(opts, tfexec.BackendConfig(memfile.Path(p.backend.Given)))
	}
	return opts
}
