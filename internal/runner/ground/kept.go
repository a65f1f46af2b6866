package ground

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
)

// DataDir is where the engine keeps its own files of a root module.
func DataDir(root string) string { return filepath.Join(root, ".terraform") }

// ModuleDir is where the engine has the package of a module.
func ModuleDir(root, name string) string { return filepath.Join(DataDir(root), "modules", name) }

func manifestFile(root string) string {
	return filepath.Join(DataDir(root), "modules", "modules.json")
}

func backendFile(root string) string { return filepath.Join(DataDir(root), "terraform.tfstate") }

// KeptInit is what the last init of a workspace made, so that the next phase need not
// run one where nothing that it depends on has changed. It only seeds a run's own data
// directory. It is a cache: what cannot be read or does not fit is as good as absent.
type KeptInit struct {
	Key       string            `json:"key"`       // of all that init depends on
	Backend   json.RawMessage   `json:"backend"`   // what it resolved of the backend
	Providers map[string]string `json:"providers"` // links to providers, by their place below .terraform/providers
	Manifest  json.RawMessage   `json:"manifest,omitempty"`
}

// Manifest is the engine's list of modules.
type Manifest struct {
	Modules []ManifestEntry `json:"Modules"`
}

type ManifestEntry struct {
	Key     string `json:"Key"`
	Source  string `json:"Source"`
	Version string `json:"Version,omitempty"`
	Dir     string `json:"Dir"`
}

// KeptInitFile is the file of what the last init of a workspace made.
func KeptInitFile(workspaceDir string) string {
	return filepath.Join(workspaceDir, "engine", "init.json")
}

// ReadKept reads what was kept; false when there is nothing that can be used. The
// content follows its own checksum: a power cut may have torn the file.
func ReadKept(workspaceDir string) (KeptInit, bool) {
	b, err := datafile.Read(KeptInitFile(workspaceDir), datafile.Record)
	sum, body, ok := strings.Cut(string(b), "\n")
	var k KeptInit
	if err != nil || !ok || sum != checksum(body) || json.Unmarshal([]byte(body), &k) != nil {
		return k, false
	}
	return k, true
}

func checksum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func (k KeptInit) Write(workspaceDir string) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	path := KeptInitFile(workspaceDir)
	text := checksum(string(b)) + "\n" + string(b)
	if old, err := datafile.Read(path, datafile.Record); err == nil && string(old) == text {
		return nil
	}
	return durable.WriteUnlisted(path, []byte(text))
}

// take reads what an init made in root; false when it cannot be kept, since a provider is
// there itself and not by a link.
func TakeInit(root, key string) (KeptInit, bool) {
	k := KeptInit{Key: key, Providers: map[string]string{}}
	var err error
	if k.Backend, err = datafile.ReadLinked(backendFile(root), datafile.Record); err != nil || !json.Valid(k.Backend) {
		return k, false
	}
	if b, err := datafile.Read(manifestFile(root), datafile.Record); err == nil && json.Valid(b) {
		k.Manifest = b
	}
	providers := filepath.Join(DataDir(root), "providers")
	err = filepath.WalkDir(providers, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == providers:
			return nil
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case d.Type()&fs.ModeSymlink == 0:
			return fs.ErrInvalid
		}
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(providers, path)
		k.Providers[rel] = target
		return err
	})
	return k, err == nil
}

// LayOut gives root the data directory that was kept, but for the packages of modules.
func (k KeptInit) LayOut(root string) error {
	for rel, target := range k.Providers {
		if !filepath.IsLocal(rel) {
			return fmt.Errorf("a provider is kept at %q", rel)
		}
		if _, err := os.Stat(target); err != nil {
			return err // the cache was emptied
		}
		path := filepath.Join(DataDir(root), "providers", rel)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, path); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(DataDir(root), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(backendFile(root), k.Backend, 0o600); err != nil {
		return err
	}
	if k.Manifest == nil {
		return nil
	}
	return WriteManifest(root, k.Manifest)
}

// WriteManifest writes the list of modules of a root module.
func WriteManifest(root string, content []byte) error {
	path := manifestFile(root)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return datafile.Write(path, content, 0o644)
}

// ReadManifest reads it; one that is not there is empty.
func ReadManifest(root string) (Manifest, error) {
	var m Manifest
	b, err := datafile.Read(manifestFile(root), datafile.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	return m, err
}

// Find is the entry of a call.
func (m Manifest) Find(key string) (ManifestEntry, bool) {
	i := slices.IndexFunc(m.Modules, func(e ManifestEntry) bool { return e.Key == key })
	if i < 0 {
		return ManifestEntry{}, false
	}
	return m.Modules[i], true
}

// PackageOf splits the directory of a module in a package into the package's name and
// the way within it; false for a module of the repository itself.
func PackageOf(dir string) (name, within string, ok bool) {
	rest, ok := strings.CutPrefix(filepath.ToSlash(filepath.Clean(dir)), ".terraform/modules/")
	if !ok {
		return "", "", false
	}
	name, within, _ = strings.Cut(rest, "/")
	return name, within, name != ""
}

// NoProviders reports whether the last init in root found that it needs no provider but
// the one that is built into the engine.
func NoProviders(root string) bool {
	entries, err := os.ReadDir(filepath.Join(DataDir(root), "providers"))
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0
}

// Choose selects a Terraform workspace without a process: the engine reads
// the name from this file. Init puts it back to "default" when the workspace
// does not exist yet, so it is written after init too.
func Choose(root, terraformWorkspace string) error {
	path := filepath.Join(DataDir(root), "environment")
	if job.IsDefault(terraformWorkspace) {
		return durable.Remove(path)
	}
	if b, err := datafile.Read(path, 1<<16); err == nil && strings.TrimSpace(string(b)) == terraformWorkspace {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return datafile.Write(path, []byte(terraformWorkspace), 0o644)
}

// KeyOf is a digest of all that init depends on. Each part is preceded by
// its length, so that no two lists of parts have the same digest.
func KeyOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
