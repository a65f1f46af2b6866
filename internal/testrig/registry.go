package testrig

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Registry is a provider registry on 127.0.0.1, over TLS, which signs what it has with a
// key of its own, of a kind that Terraform 1.5 can read. It has the test provider, by any name and in any version, for
// this platform and for another one.
type Registry struct {
	Host string // of provider addresses: HOST/tfops/lab
	CA   string // the certificate that it is trusted by, for SSL_CERT_FILE

	url    string
	signer *openpgp.Entity
	binary []byte

	mu       sync.Mutex
	versions map[string][]string // by provider
	archives map[string][]byte   // by path
}

// Platform is this one, as engines call it.
const Platform = runtime.GOOS + "_" + runtime.GOARCH

// OtherPlatform is one that the tests do not run on.
const OtherPlatform = "plan9_arm"

// NewRegistry starts a registry that ends with the test. The binary is that of the
// test provider.
func NewRegistry(t testing.TB) *Registry {
	t.Helper()
	mirror := filepath.Join(filepath.Dir(Provider(t)), "mirror", filepath.FromSlash(ProviderSource), providerVersion,
		Platform)
	binary, err := os.ReadFile(filepath.Join(mirror, "terraform-provider-lab_v"+providerVersion))
	if err != nil {
		t.Fatal(err)
	}
	r := &Registry{signer: signerWith(t, packet.PubKeyAlgoRSA), binary: binary, versions: map[string][]string{},
		archives: map[string][]byte{}}
	server := httptest.NewTLSServer(r.routes(t))
	t.Cleanup(server.Close)
	r.url, r.Host = server.URL, strings.TrimPrefix(server.URL, "https://")
	r.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return r
}

// Add publishes a version of tfops/NAME.
func (r *Registry) Add(t testing.TB, name, version string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.versions[name] = append(r.versions[name], version)
	for _, platform := range []string{Platform, OtherPlatform} {
		binary := r.binary
		if platform == OtherPlatform {
			binary = []byte("of another platform")
		}
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		h := &zip.FileHeader{Name: fmt.Sprintf("terraform-provider-%s_v%s", name, version), Method: zip.Store}
		h.SetMode(0o755)
		f, err := z.CreateHeader(h)
		if err == nil {
			_, err = f.Write(binary)
		}
		if err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		r.archives[providerArchive(name, version, platform)] = b.Bytes()
	}
}

func providerArchive(name, version, platform string) string {
	return fmt.Sprintf("terraform-provider-%s_%s_%s.zip", name, version, platform)
}

func (r *Registry) routes(t testing.TB) http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, make func(req *http.Request) any) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, req *http.Request) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if name := req.PathValue("name"); name != "" && r.versions[name] == nil {
				http.NotFound(w, req)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(mustJSON(t, make(req))) // a client that went away is its own affair
		})
	}
	answer("/.well-known/terraform.json",
		func(*http.Request) any { return map[string]string{"providers.v1": "/v1/providers/"} })
	answer("/v1/providers/tfops/{name}/versions", func(req *http.Request) any {
		all := []any{}
		for _, v := range r.versions[req.PathValue("name")] {
			var platforms []any
			for _, p := range []string{Platform, OtherPlatform} {
				system, arch, _ := strings.Cut(p, "_")
				platforms = append(platforms, map[string]string{"os": system, "arch": arch})
			}
			all = append(all, map[string]any{"version": v, "protocols": []string{"6.0"}, "platforms": platforms})
		}
		return map[string]any{"versions": all}
	})
	answer("/v1/providers/tfops/{name}/{version}/download/{os}/{arch}", func(req *http.Request) any {
		name, version := req.PathValue("name"), req.PathValue("version")
		archive := providerArchive(name, version, req.PathValue("os")+"_"+req.PathValue("arch"))
		sums := r.url + "/sums/" + name + "/" + version
		return map[string]any{"protocols": []string{"6.0"}, "os": req.PathValue("os"), "arch": req.PathValue("arch"),
			"filename":     archive,
			"download_url": r.url + "/archives/" + archive,
			"shasum":       fmt.Sprintf("%x", sha256.Sum256(r.archives[archive])),
			"shasums_url":  sums, "shasums_signature_url": sums + "/sig",
			"signing_keys": map[string]any{"gpg_public_keys": []any{map[string]string{
				"key_id": r.signer.PrimaryKey.KeyIdString(), "ascii_armor": armored(t, r.signer)}}}}
	})
	raw := func(pattern string, make func(req *http.Request) []byte) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, req *http.Request) {
			r.mu.Lock()
			defer r.mu.Unlock()
			w.Header().Set("Content-Type", contentType(req.URL.Path))
			_, _ = w.Write(make(req))
		})
	}
	raw("/archives/{file}", func(req *http.Request) []byte { return r.archives[req.PathValue("file")] })
	raw("/sums/{name}/{version}", r.sums)
	raw("/sums/{name}/{version}/sig", func(req *http.Request) []byte {
		var signature bytes.Buffer
		if err := openpgp.DetachSign(&signature, r.signer, bytes.NewReader(r.sums(req)), nil); err != nil {
			t.Error(err)
		}
		return signature.Bytes()
	})
	return mux
}

// sums are the checksums of a version's archives.
func (r *Registry) sums(req *http.Request) []byte {
	var out []byte
	for _, platform := range slices.Sorted(slices.Values([]string{Platform, OtherPlatform})) {
		name := providerArchive(req.PathValue("name"), req.PathValue("version"), platform)
		out = fmt.Appendf(out, "%x  %s\n", sha256.Sum256(r.archives[name]), name)
	}
	return out
}
