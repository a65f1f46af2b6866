package testrig

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Releases is a release server on 127.0.0.1, laid out like
// releases.hashicorp.com and signing with a key of its own. Tests damage it by
// replacing files after Add.
type Releases struct {
	URL string
	Key string // armored public key

	signer *openpgp.Entity

	mu       sync.Mutex
	files    map[string][]byte // by path, with a slash in front
	versions map[string][]string
	requests []string
	before   func(http.ResponseWriter, *http.Request) bool
}

// NewReleases starts a server that ends with the test.
func NewReleases(t testing.TB) *Releases {
	t.Helper()
	r := &Releases{signer: newSigner(t), files: map[string][]byte{}, versions: map[string][]string{}}
	r.Key = armored(t, r.signer)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// NewKey returns the armored public key of a signer that signed nothing here.
func NewKey(t testing.TB) string {
	t.Helper()
	return armored(t, newSigner(t))
}

func newSigner(t testing.TB) *openpgp.Entity { return signerWith(t, packet.PubKeyAlgoEdDSA) }

func signerWith(t testing.TB, algorithm packet.PublicKeyAlgorithm) *openpgp.Entity {
	t.Helper()
	signer, err := openpgp.NewEntity("Releases", "", "releases@example.com", &packet.Config{Algorithm: algorithm})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func armored(t testing.TB, e *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = e.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Before sets a function that sees each request first, and returns whether it
// answered it itself. It is called from the server's goroutines.
func (r *Releases) Before(f func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = f
}

// Requests returns the paths that were asked for, in order.
func (r *Releases) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Put replaces a file; nil removes it.
func (r *Releases) Put(path string, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if body == nil {
		delete(r.files, path)
		return
	}
	r.files[path] = body
}

// Get returns a file.
func (r *Releases) Get(path string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files[path]
}

func (r *Releases) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, req.URL.Path)
	body, ok := r.files[req.URL.Path]
	before := r.before
	r.mu.Unlock()
	if before != nil && before(w, req) {
		return
	}
	if !ok {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", contentType(req.URL.Path))
	_, _ = w.Write(body) // a client that went away is its own affair
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".json":
		return "application/json"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}

// ArchivePath is where the archive of a version for this platform is.
func ArchivePath(name, version string) string {
	return path.Join("/", name, version, archiveName(name, version))
}

// SumsPath is where its checksums file is; the signature has .sig behind it.
func SumsPath(name, version string) string {
	return path.Join("/", name, version, fmt.Sprintf("%s_%s_SHA256SUMS", name, version))
}

func archiveName(name, version string) string {
	return fmt.Sprintf("%s_%s_%s_%s.zip", name, version, runtime.GOOS, runtime.GOARCH)
}

// Add publishes a version: archive, checksums, signature and index entries.
func (r *Releases) Add(t testing.TB, name, version string, archive []byte) {
	t.Helper()
	r.Put(ArchivePath(name, version), archive)
	r.Sign(t, name, version, fmt.Sprintf("%x  %s\n", sha256.Sum256(archive), archiveName(name, version)))

	r.mu.Lock()
	defer r.mu.Unlock()
	r.versions[name] = append(r.versions[name], version)
	all := map[string]any{}
	for _, v := range r.versions[name] {
		all[v] = indexEntry(name, v)
	}
	r.files["/"+name+"/index.json"] = mustJSON(t, map[string]any{"name": name, "versions": all})
	r.files[path.Join("/", name, version, "index.json")] = mustJSON(t, indexEntry(name, version))
}

// Sign replaces the checksums file of a version and its signature.
func (r *Releases) Sign(t testing.TB, name, version, sums string) {
	t.Helper()
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, r.signer, strings.NewReader(sums), nil); err != nil {
		t.Fatal(err)
	}
	r.Put(SumsPath(name, version), []byte(sums))
	r.Put(SumsPath(name, version)+".sig", signature.Bytes())
}

func indexEntry(name, version string) map[string]any {
	sums := path.Base(SumsPath(name, version))
	return map[string]any{
		"name": name, "version": version,
		"shasums": sums, "shasums_signature": sums + ".sig", "shasums_signatures": []string{sums + ".sig"},
		"builds": []any{map[string]any{
			"name": name, "version": version, "os": runtime.GOOS, "arch": runtime.GOARCH,
			"filename": archiveName(name, version),
			"url":      "https://releases.example.com" + ArchivePath(name, version),
		}},
	}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Archive returns a zip that holds the binary under name and a licence, as
// release archives do. It is not compressed, which spares a test seconds.
func Archive(t testing.TB, name string, binary []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, entry := range []struct {
		name string
		body []byte
	}{{"LICENSE.txt", []byte("licence\n")}, {name, binary}} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: entry.name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(entry.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// VersionScript is a program that answers `version -json` like an engine and
// can do nothing else: for tests in which many versions must be there and
// none has to run.
func VersionScript(version string) []byte {
	return fmt.Appendf(nil, "#!/bin/sh\n[ \"$1\" = version ] || exit 3\necho '{\"terraform_version\": \"%s\"}'\n",
		version)
}
