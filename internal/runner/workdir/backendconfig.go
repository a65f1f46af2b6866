package workdir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/memfile"
)

// HidesBackend reports whether the backend's resolved configuration may hold a
// secret and must not be on the disk.
func (d *Dir) HidesBackend() bool { return d.Secrets.Backend != "" }

// Unlink takes away the name of the resolved backend, which is no part of what the run wrote.
func (d *Dir) Unlink() error { return d.backend.Unlink() }

// CheckBackend sees that there is a backend for the settings to belong to, and
// that their files are there.
func (d *Dir) CheckBackend(context.Context) error {
	if !d.HidesBackend() && len(d.Job.BackendFiles) == 0 {
		return nil
	}
	switch d.Module.Backend {
	case "":
		if !d.Module.Unread { // otherwise the engine says what is wrong with the module
			return diagnostics.Refuse(job.CauseBadInput,
				"add a backend block of the type to the root module, for example `terraform { backend \"s3\" {} }`, "+
					"or remove backend_config and backend_config_files",
				"the workspace has settings for a backend, and the root module %s declares none", d.Job.Dir)
		}
	case "cloud":
		return diagnostics.Refuse(job.CauseBadInput,
			"remove backend_config and backend_config_files, or declare a backend block instead of the cloud block",
			"the root module %s has a cloud block, which takes no settings of a backend", d.Job.Dir)
	}
	for _, name := range d.Job.BackendFiles {
		if err := backend.CheckBackendFile(d.Tree, d.Root, name); err != nil {
			return err
		}
	}
	return nil
}

// backendKey is what init depends on of the settings: those in files. With values
// init is never skipped.
func (d *Dir) backendKey() string {
	var parts []string
	for _, name := range d.Job.BackendFiles {
		// CheckBackend has seen it.
		b, _ := datafile.ReadLinked(filepath.Join(d.Root, filepath.FromSlash(name)), datafile.Record)
		parts = append(parts, name, string(b))
	}
	return ground.KeyOf(parts...)
}

// prepareBackend makes the engine's data directory ready for an init: its name
// for the resolved backend leads into memory where that may hold a secret, and
// is never a link that an earlier phase left, which may lead to anything.
func (d *Dir) prepareBackend(dataDir string) error {
	path := filepath.Join(dataDir, backend.BackendState)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case d.HidesBackend() || info.Mode()&fs.ModeSymlink != 0:
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	if !d.HidesBackend() {
		return nil
	}
	if d.backend.Given == nil {
		text, err := backend.AsBlocks(d.Module.Backend, d.Secrets.Backend)
		if err != nil {
			return err
		}
		if d.backend.Given, err = memfile.Sealed("tfops-backend", text); err != nil {
			return err
		}
		d.Names[memfile.Path(d.backend.Given)] = "the workspace's backend_config"
		if d.OtherBackend() != "" {
			d.Names[memfile.Path(d.backend.Given)] = "the workspace's backend block"
		}
	}
	if d.backend.Resolved == nil {
		if d.backend.Resolved, err = memfile.New("tfops-backend-resolved", []byte(backend.NoBackend)); err != nil {
			return err
		}
		d.Names[memfile.Path(d.backend.Resolved)] = "the resolved backend"
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return err
	}
	d.backend.Link, d.backend.Tree = path, d.Tree
	return os.Symlink(memfile.Path(d.backend.Resolved), path)
}

// backendOptions are what init is told of the backend, after prepareBackend.
// The last one wins.
func (d *Dir) backendOptions() []tfexec.InitOption {
	var opts []tfexec.InitOption
	for _, name := range d.Job.BackendFiles {
		opts = append(opts, tfexec.BackendConfig(filepath.FromSlash(name)))
	}
	if d.backend.Given != nil {
		opts = append(opts, tfexec.BackendConfig(memfile.Path(d.backend.Given)))
	}
	return opts
}
