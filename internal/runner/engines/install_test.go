package engines_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/testrig"
)

// realVersion asks the terraform on PATH through the package itself.
func realVersion(t *testing.T) engines.Engine {
	t.Helper()
	req := request(t, nil)
	req.Path = testrig.Terraform(t)
	e, err := engines.Find(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestInstallsTheRealTerraform(t *testing.T) {
	real := realVersion(t)
	binary, err := os.ReadFile(real.Path)
	if err != nil {
		t.Fatal(err)
	}
	r := testrig.NewReleases(t)
	r.Add(t, "terraform", real.Version, testrig.Archive(t, "terraform", binary))
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)

	req := request(t, r, "~> "+real.Version)
	var progress []string
	req.Progress = func(line string) { progress = append(progress, line) }
	e := found(t, req, real.Version)

	if want := filepath.Join(req.CacheDir, "engines", "terraform", real.Version, "terraform"); e.Path != want {
		t.Errorf("it is at %s, want %s", e.Path, want)
	}
	if installed, err := os.ReadFile(e.Path); err != nil || !bytes.Equal(installed, binary) {
		t.Errorf("what was installed is not what was published (%v)", err)
	}
	cmd := exec.CommandContext(t.Context(), e.Path, "version")
	cmd.Env = []string{"CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + os.DevNull}
	if out, err := cmd.Output(); err != nil || !strings.HasPrefix(string(out), "Terraform v"+real.Version) {
		t.Errorf("it answers %q, %v", out, err)
	}
	for _, dir := range []string{filepath.Dir(e.Path), filepath.Dir(filepath.Dir(e.Path))} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v; want it for its owner only", dir, info.Mode(), err)
		}
	}
	wantKept(t, req, real.Version)
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("temporary files were left: %v, %v", left, err)
	}
	if len(progress) < 3 {
		t.Errorf("progress was only %q", progress)
	}

	// Again, with the server gone: what is installed is enough.
	asked := len(r.Requests())
	r.Before(func(w http.ResponseWriter, _ *http.Request) bool { http.Error(w, "gone", http.StatusGone); return true })
	if again := found(t, req, real.Version); again != e || len(r.Requests()) != asked {
		t.Errorf("found %+v with %d more requests", again, len(r.Requests())-asked)
	}
}

func TestChoosesTheNewestThatFits(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.9.8", "1.11.4", "1.10.5", "1.11.10", "1.12.0-beta1", "1.12.0-rc2")
	for _, tt := range []struct {
		want        string
		constraints []string
	}{
		{"1.11.10", nil},
		{"1.11.10", []string{">= 1.9"}},
		{"1.10.5", []string{"~> 1.10.0"}},
		{"1.9.8", []string{">= 1.0", "< 1.10"}},
		{"1.11.4", []string{"1.11.4", ">= 1.5"}},
		{"1.12.0-beta1", []string{"1.12.0-beta1"}},
		{"1.12.0-rc2", []string{"~> 1.12.0-beta1", ">= 1.5"}},
	} {
		req := request(t, r, tt.constraints...)
		found(t, req, tt.want)
		wantKept(t, req, tt.want)
	}
	missing(t, request(t, r, ">= 1.12"), fault.NotFound, `">= 1.12"`, "the newest stable one is 1.11.10", r.URL)
}

// flip changes one byte in the middle.
func flip(data []byte) []byte {
	data = bytes.Clone(data)
	data[len(data)/2] ^= 0xff
	return data
}

func TestRefusesWhatIsNotSigned(t *testing.T) {
	const v = "1.11.4"
	archive, sums := testrig.ArchivePath("terraform", v), testrig.SumsPath("terraform", v)
	for name, tt := range map[string]struct {
		damage func(*testing.T, *testrig.Releases, *engines.Request)
		code   fault.Code
		say    []string
	}{
		"tampered archive": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put(archive, flip(r.Get(archive)))
		}, fault.Invalid, []string{"has the SHA-256", "is signed"}},
		"truncated archive": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put(archive, r.Get(archive)[:100])
		}, fault.Invalid, []string{"has the SHA-256"}},
		"connection cut in the archive": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Before(func(w http.ResponseWriter, req *http.Request) bool {
				if req.URL.Path != archive {
					return false
				}
				w.Header().Set("Content-Type", "application/zip")
				w.Header().Set("Content-Length", "1000000")
				_, _ = w.Write(r.Get(archive))
				return true
			})
		}, fault.Unavailable, []string{"broke off after"}},
		"another archive with its own checksum": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			evil := testrig.Archive(t, "terraform", []byte("#!/bin/sh\ntouch evil\n"))
			other := testrig.NewReleases(t)
			other.Add(t, "terraform", v, evil)
			r.Put(archive, evil)
			r.Put(sums, other.Get(sums))
		}, fault.Invalid, []string{"signature", "does not hold"}},
		"all signed by another key": {func(t *testing.T, r *testrig.Releases, req *engines.Request) {
			req.PublicKey = testrig.NewKey(t)
		}, fault.Invalid, []string{"signature", "does not hold"}},
		"a key that is none": {func(t *testing.T, r *testrig.Releases, req *engines.Request) {
			req.PublicKey = "secret"
		}, fault.Invalid, []string{"public_key"}},
		"tampered signature": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put(sums+".sig", flip(r.Get(sums+".sig")))
		}, fault.Invalid, []string{"signature", "does not hold"}},
		"empty signature": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put(sums+".sig", []byte{})
		}, fault.Invalid, []string{"has no signature"}},
		"no signature": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put(sums+".sig", nil)
		}, fault.NotFound, []string{"signature", "404"}},
		"no checksums": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put(sums, nil)
		}, fault.NotFound, []string{"404"}},
		"checksums that do not list the archive": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Sign(t, "terraform", v, strings.Repeat("0", 64)+"  terraform_1.11.4_plan9_386.zip\n")
		}, fault.Invalid, []string{"does not list"}},
		"checksums under another name": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			index := "/terraform/" + v + "/index.json"
			r.Put(index, bytes.ReplaceAll(r.Get(index), []byte(`_SHA256SUMS",`), []byte(`_SUMS",`)))
			r.Put(strings.Replace(sums, "_SHA256SUMS", "_SUMS", 1), r.Get(sums))
		}, fault.Invalid, []string{"without signed checksums"}},
		"an older version's signed files": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			publish(t, r, "terraform", "1.0.0")
			r.Put(archive, r.Get(testrig.ArchivePath("terraform", "1.0.0")))
			r.Put(sums, r.Get(testrig.SumsPath("terraform", "1.0.0")))
			r.Put(sums+".sig", r.Get(testrig.SumsPath("terraform", "1.0.0")+".sig"))
		}, fault.Invalid, []string{"does not list"}},
		"signed, but damaged inside": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Add(t, "terraform", v, flipContent(t, testrig.Archive(t, "terraform", testrig.VersionScript(v))))
		}, fault.Invalid, []string{"signed", "damaged", "checksum error"}},
		"signed, but not an archive": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Add(t, "terraform", v, []byte("<html>"))
		}, fault.Invalid, []string{"signed, but it cannot be read"}},
		"signed, but without the binary": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Add(t, "terraform", v, testrig.Archive(t, "terraform-docs", []byte("x")))
		}, fault.Invalid, []string{"holds no terraform"}},
		"signed, but another version": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Add(t, "terraform", v, testrig.Archive(t, "terraform", testrig.VersionScript("1.11.3")))
		}, fault.Invalid, []string{"says that it is 1.11.3"}},
		"signed, but cannot run": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Add(t, "terraform", v, testrig.Archive(t, "terraform", []byte("not a program")))
		}, fault.Invalid, []string{"cannot be run", "exec format error"}},
		"no archive": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put(archive, nil)
		}, fault.NotFound, []string{"404"}},
		"no index": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put("/terraform/index.json", nil)
		}, fault.NotFound, []string{"404", "none in 0 directories", "in the cache"}},
		"an index that is none": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put("/terraform/index.json", []byte("<html>log in</html>"))
		}, fault.Unavailable, []string{"at http://127.0.0.1"}},
		"an index with null for a version": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put("/terraform/index.json", []byte(`{"versions": {"1.11.4": null}}`))
		}, fault.Unavailable, []string{"cannot be read"}},
		"a version's index that is empty": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Put("/terraform/"+v+"/index.json", []byte(`{}`))
		}, fault.Unavailable, nil},
		"a broken server": {func(t *testing.T, r *testrig.Releases, _ *engines.Request) {
			r.Before(func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, "", http.StatusServiceUnavailable)
				return true
			})
		}, fault.Unavailable, []string{"503"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := testrig.NewReleases(t)
			publish(t, r, "terraform", v)
			req := request(t, r, v)
			tt.damage(t, r, &req)
			err := missing(t, req, tt.code, tt.say...)
			wantKept(t, req)
			t.Log(err, "| next:", fault.Next(err))

			// Nothing of it is trusted later, and an honest server cures it.
			honest := testrig.NewReleases(t)
			publish(t, honest, "terraform", v)
			req.ReleaseURL, req.PublicKey = honest.URL, honest.Key
			found(t, req, v)
		})
	}
}

// flipContent damages the binary inside an archive, leaving its directory whole.
func flipContent(t *testing.T, archive []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if f.Name == "terraform" {
			at, err := f.DataOffset()
			if err != nil {
				t.Fatal(err)
			}
			archive = bytes.Clone(archive)
			archive[at+20] ^= 0x01
		}
	}
	return archive
}

func TestServerDown(t *testing.T) {
	r := testrig.NewReleases(t)
	req := request(t, r, ">= 99")
	req.From = []string{"versions.tf:2"}
	req.ReleaseURL = "http://127.0.0.1:1"
	req.SearchPath = filepath.Dir(testrig.Terraform(t))
	missing(t, req, fault.Unavailable, `">= 99" (versions.tf:2)`, testrig.Terraform(t)+" is "+realVersion(t).Version,
		"in the cache", "at http://127.0.0.1:1: ", "connection refused")
}

func TestCancelDuringADownload(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	ctx, cancel := context.WithCancel(t.Context())
	r.Before(func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasSuffix(req.URL.Path, ".zip") {
			return false
		}
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write([]byte("PK"))
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-req.Context().Done() // the client went away
		return true
	})
	req := request(t, r)
	_, err := engines.Find(ctx, req)
	if !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	wantKept(t, req)
}

func TestTwoProcessesInstallOnce(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	waiting := make(chan struct{})
	var once sync.Once
	r.Before(func(_ http.ResponseWriter, req *http.Request) bool {
		if strings.HasSuffix(req.URL.Path, ".zip") {
			if zipRequests(r) > 1 { // no lock held it back
				once.Do(func() { close(waiting) })
			}
			<-waiting // hold the first until the second has met its lock
		}
		return false
	})
	req := request(t, r)
	results := make(chan string, 2)
	for range 2 {
		cmd := helper(t, req)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			last := ""
			for lines := bufio.NewScanner(out); lines.Scan(); {
				last = lines.Text()
				if strings.HasPrefix(last, "waiting for another process") {
					once.Do(func() { close(waiting) })
				}
			}
			if err := cmd.Wait(); err != nil {
				last += ": " + err.Error()
			}
			results <- last
		}()
	}
	want := "found: " + filepath.Join(req.CacheDir, "engines", "terraform", "1.11.4", "terraform")
	for range 2 {
		if got := <-results; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if n := zipRequests(r); n != 1 {
		t.Errorf("it was downloaded %d times", n)
	}
	wantKept(t, req, "1.11.4")
}

func TestKilledInstallLeavesNothingTrusted(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	downloading := make(chan struct{})
	r.Before(func(_ http.ResponseWriter, req *http.Request) bool {
		if !strings.HasSuffix(req.URL.Path, ".zip") {
			return false
		}
		close(downloading)
		<-req.Context().Done()
		return true
	})
	req := request(t, r)
	cmd := helper(t, req)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-downloading
	testrig.Kill(t, cmd.Process.Pid)
	if err := cmd.Wait(); err == nil {
		t.Fatal("the killed process reported success")
	}
	left := kept(t, req)
	if len(left) != 1 || !strings.HasPrefix(left[0], ".installing-1.11.4-") {
		t.Fatalf("it left %q", left)
	}
	if e, err := engines.Lookup(t.Context(), req); err == nil {
		t.Errorf("an unfinished install was found: %+v", e)
	}
	r.Before(nil)
	found(t, req, "1.11.4")
	wantKept(t, req, "1.11.4")
}

func TestCredentialsReachTheServerOnly(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	r.Before(func(w http.ResponseWriter, req *http.Request) bool {
		user, password, _ := req.BasicAuth()
		if user == "ci" && password == "canary-password" {
			return false
		}
		http.Error(w, "who are you", http.StatusUnauthorized)
		return true
	})
	req := request(t, r)
	missing(t, req, fault.NotFound, "401")
	req.ReleaseURL = strings.Replace(r.URL, "://", "://ci:canary-password@", 1)
	found(t, req, "1.11.4")
	record, err := os.ReadFile(filepath.Join(req.CacheDir, "engines", "terraform", "1.11.4", "install.json"))
	if err != nil || bytes.Contains(record, []byte("canary")) {
		t.Errorf("the record: %s, %v", record, err)
	}
	r.Put("/terraform/index.json", nil)
	req.Constraints = []string{">= 2"}
	if err := missing(t, req, fault.NotFound, "404"); strings.Contains(err.Error()+fault.Next(err)+
		errors.Unwrap(err).Error(), "canary") {
		t.Errorf("the password is in the fault: %v", err)
	}
}

func TestProxyFromTheRequest(t *testing.T) {
	r := testrig.NewReleases(t) // answers as a proxy does: by the path, whatever the host
	publish(t, r, "terraform", "1.11.4")
	req := request(t, r)
	req.ReleaseURL = "http://releases.example.invalid"
	req.Env = map[string]string{"HTTP_PROXY": r.URL}
	found(t, req, "1.11.4")
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	req := request(t, r)
	if err := os.MkdirAll(req.CacheDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(req.CacheDir, "engines"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := missing(t, req, fault.Internal, "not a directory")
	if fault.Next(err) == "" {
		t.Error("nothing says what to do next")
	}
}
