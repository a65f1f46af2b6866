package engines_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/runner/engines"
	"github.com/tfops/tfops/internal/testrig"
)

func TestPathOrder(t *testing.T) {
	old, right, newer := script(t, "terraform", testrig.VersionScript("1.5.7")),
		script(t, "terraform", testrig.VersionScript("1.11.4")), script(t, "terraform", testrig.VersionScript("1.12.0"))
	broken := script(t, "terraform", []byte("#!/bin/sh\necho no such thing >&2\nexit 7\n"))
	directory := t.TempDir()
	if err := os.Mkdir(filepath.Join(directory, "terraform"), 0o700); err != nil {
		t.Fatal(err)
	}
	prerelease := script(t, "terraform", testrig.VersionScript("1.13.0-dev"))
	join := func(dirs ...string) string { return strings.Join(dirs, string(os.PathListSeparator)) }
	for _, tt := range []struct {
		path, constraint, dir, version string
	}{
		{join(right, newer), "", right, "1.11.4"},
		{join(newer, right), "", newer, "1.12.0"},
		{join(old, right, newer), ">= 1.9", right, "1.11.4"},
		{join(broken, directory, t.TempDir(), "", right), "", right, "1.11.4"},
		// Terraform itself would accept it, and a person put it there
		{join(prerelease, right), ">= 1.11", prerelease, "1.13.0-dev"},
	} {
		req := request(t, nil, tt.constraint)
		req.SearchPath = tt.path
		if e := found(t, req, tt.version); e.Path != filepath.Join(tt.dir, "terraform") {
			t.Errorf("PATH %q: found %s", tt.path, e.Path)
		}
	}

	req := request(t, testrig.NewReleases(t), "~> 1.9.0")
	req.SearchPath = join(old, broken, directory, right)
	req.ReleaseURL = "http://127.0.0.1:1"
	missing(t, req, fault.Unavailable,
		filepath.Join(old, "terraform")+" is 1.5.7",
		filepath.Join(broken, "terraform")+" cannot be used: did not tell its version: exit status 7: no such thing",
		filepath.Join(directory, "terraform")+" cannot be used: it is not an executable file",
		filepath.Join(right, "terraform")+" is 1.11.4")
}

// A relative entry of PATH may lead into a repository, whose code never runs here.
func TestRelativePathEntriesAreNotSearched(t *testing.T) {
	repository := script(t, "terraform", []byte("#!/bin/sh\ntouch "+filepath.Join(t.TempDir(), "evil")+
		"\necho Terraform v1.11.4\n"))
	t.Chdir(repository)
	req := request(t, nil)
	req.SearchPath = strings.Join([]string{"", ".", "../" + filepath.Base(repository)}, string(os.PathListSeparator))
	if e, err := engines.Lookup(t.Context(), req); err == nil {
		t.Errorf("found %+v", e)
	}
}

func TestNamedBinaryAndNothingElse(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	req := request(t, r, "~> 1.11")
	req.SearchPath = script(t, "terraform", testrig.VersionScript("1.11.4"))
	old := filepath.Join(script(t, "tf", testrig.VersionScript("1.5.7")), "tf")

	req.Path = old
	missing(t, req, fault.Invalid, old+" is 1.5.7", `"~> 1.11"`)
	req.Path = "bin/terraform"
	missing(t, req, fault.Invalid, "relative")
	req.Path = filepath.Join(t.TempDir(), "terraform")
	missing(t, req, fault.Invalid, req.Path, "no such file")
	req.Path, req.Constraints = old, []string{"~> 1.5.0"}
	if e := found(t, req, "1.5.7"); e.Path != old {
		t.Errorf("found %+v", e)
	}
	if len(r.Requests()) > 0 {
		t.Errorf("the release server was asked: %q", r.Requests())
	}
}

func TestDamagedCacheIsNotTrusted(t *testing.T) {
	for name, damage := range map[string]func(dir, binary string) error{
		"other content of the same size": func(_, binary string) error {
			data, err := os.ReadFile(binary)
			if err != nil {
				return err
			}
			return os.WriteFile(binary, bytes.ReplaceAll(data, []byte("exit"), []byte("kill")), 0o700)
		},
		"truncated":      func(_, binary string) error { return os.Truncate(binary, 10) },
		"gone":           func(_, binary string) error { return os.Remove(binary) },
		"not executable": func(_, binary string) error { return os.Chmod(binary, 0o600) },
		"open to others": func(dir, _ string) error { return os.Chmod(dir, 0o777) },
		"another version's": func(dir, _ string) error {
			return os.Rename(dir, filepath.Join(filepath.Dir(dir), "1.12.0"))
		},
		"no record": func(dir, _ string) error { return os.Remove(filepath.Join(dir, "install.json")) },
		"a damaged record": func(dir, _ string) error {
			return os.WriteFile(filepath.Join(dir, "install.json"), []byte("{"), 0o600)
		},
		"an empty record": func(dir, _ string) error {
			return os.WriteFile(filepath.Join(dir, "install.json"), []byte("{}"), 0o600)
		},
		"a symbolic link": func(_, binary string) error {
			return errors.Join(os.Rename(binary, binary+"2"), os.Symlink(binary+"2", binary))
		},
		"a link for the dir": func(dir, _ string) error {
			return errors.Join(os.Rename(dir, dir+"-x"), os.Symlink(dir+"-x", dir))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := testrig.NewReleases(t)
			publish(t, r, "terraform", "1.11.4")
			req := request(t, r)
			e := found(t, req, "1.11.4")
			if err := damage(filepath.Dir(e.Path), e.Path); err != nil {
				t.Fatal(err)
			}
			if e, err := engines.Lookup(t.Context(), req); err == nil {
				t.Errorf("it was trusted: %+v", e)
			} else {
				t.Log(err)
			}
			found(t, req, "1.11.4")
			if n := zipRequests(r); n != 2 {
				t.Errorf("it was downloaded %d times, want 2", n)
			}
			found(t, req, "1.11.4")
			if n := zipRequests(r); n != 2 {
				t.Errorf("the new install is not trusted: %d downloads", n)
			}
		})
	}
}

// Others may have put something into an open directory of versions, so it is
// closed first; they could not touch what is inside the versions.
func TestOpenDirectoryOfVersionsIsClosed(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	req := request(t, r)
	versions := filepath.Dir(filepath.Dir(found(t, req, "1.11.4").Path))
	if err := os.Chmod(versions, 0o770); err != nil {
		t.Fatal(err)
	}
	if e, err := engines.Lookup(t.Context(), req); err == nil {
		t.Errorf("it was trusted: %+v", e)
	}
	found(t, req, "1.11.4")
	if info, err := os.Stat(versions); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("it is still open: %v, %v", info.Mode(), err)
	}
	if n := zipRequests(r); n != 1 {
		t.Errorf("it was downloaded %d times", n)
	}
}

func TestUntouchedContentIsTrusted(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.11.4")
	req := request(t, r)
	e := found(t, req, "1.11.4")
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(e.Path, then, then); err != nil { // as after a restore from a backup
		t.Fatal(err)
	}
	found(t, req, "1.11.4")
	if n := zipRequests(r); n != 1 {
		t.Errorf("it was downloaded %d times", n)
	}
}

func TestNewestOfTheCache(t *testing.T) {
	r := testrig.NewReleases(t)
	publish(t, r, "terraform", "1.9.8", "1.11.4", "1.12.0-rc1")
	req := request(t, r)
	for _, exactly := range []string{"1.9.8", "1.11.4", "1.12.0-rc1"} {
		req.Constraints = []string{exactly}
		found(t, req, exactly)
	}
	for constraint, want := range map[string]string{"": "1.11.4", "< 1.10": "1.9.8", ">= 1.12.0-beta1": "1.12.0-rc1"} {
		req.Constraints = []string{constraint}
		e, err := engines.Lookup(t.Context(), req)
		if err != nil || e.Version != want {
			t.Errorf("%q: %+v, %v; want %s", constraint, e, err, want)
		}
	}
	req.Constraints = []string{"~> 1.10.0"}
	_, err := engines.Lookup(t.Context(), req)
	if !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "in the cache: 1.11.4") {
		t.Errorf("got %v", err)
	}
}

// The version of a program is asked once; a program that changed, and a
// script, are asked again.
func TestVersionsAreRemembered(t *testing.T) {
	real := realVersion(t)
	req := request(t, nil)
	req.SearchPath = t.TempDir()
	copied := filepath.Join(req.SearchPath, "terraform")
	data, err := os.ReadFile(real.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o700); err != nil {
		t.Fatal(err)
	}
	found(t, req, real.Version)

	// Only the memory can say this version: it shows that nobody was asked.
	memory := filepath.Join(req.CacheDir, "engines", "versions.json")
	text, err := os.ReadFile(memory)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte(`"`+real.Version+`"`), []byte(`"1.77.7"`))
	if err := os.WriteFile(memory, text, 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, req, "1.77.7")

	now := time.Now().Add(time.Second)
	if err := os.Chtimes(copied, now, now); err != nil {
		t.Fatal(err)
	}
	found(t, req, real.Version)

	if err := os.WriteFile(memory, []byte("{broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, req, real.Version)

	if err := os.Remove(copied); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, testrig.VersionScript("1.8.0"), 0o700); err != nil {
		t.Fatal(err)
	}
	found(t, req, "1.8.0")
	var known map[string]any
	if text, err = os.ReadFile(memory); err != nil || json.Unmarshal(text, &known) != nil {
		t.Fatalf("%s, %v", text, err)
	}
	if strings.Contains(string(text), "1.8.0") {
		t.Errorf("a script's answer was kept: %s", text)
	}
}

// What a binary is asked in: not in the current directory, and with nothing
// of this process's environment but HOME.
func TestBinariesAreAskedInANeutralPlace(t *testing.T) {
	t.Setenv("ENGINES_CANARY", "canary")
	t.Setenv("TF_LOG", "trace")
	seen := filepath.Join(t.TempDir(), "seen")
	req := request(t, nil)
	req.SearchPath = script(t, "terraform", []byte("#!/bin/sh\n{ pwd; /usr/bin/env; } > "+seen+
		"\necho Terraform v1.11.4\n"))
	found(t, req, "1.11.4")
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if lines[0] != "/" {
		t.Errorf("it was asked in %s", lines[0])
	}
	for _, unwanted := range []string{"ENGINES_CANARY", "TF_LOG"} {
		if strings.Contains(string(text), unwanted) {
			t.Errorf("it saw %s:\n%s", unwanted, text)
		}
	}
	if !strings.Contains(string(text), "CHECKPOINT_DISABLE=1") {
		t.Errorf("it may ask the maker's server:\n%s", text)
	}
}

func TestCancelOfABinaryThatHangs(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// The child has the fifo open for as long as it lives; version switchers
	// have children too.
	req := request(t, nil)
	req.SearchPath = script(t, "terraform", []byte("#!/bin/sh\n/bin/sleep 3600 > "+fifo+"\n"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { _, err := engines.Find(ctx, req); done <- err }()
	child, err := os.Open(fifo) // returns once the child opened it
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := io.ReadAll(child); err != nil { // returns once the child ended
		t.Error(err)
	}
}

func TestUnknownEngine(t *testing.T) {
	req := request(t, nil)
	req.Name = "pulumi"
	missing(t, req, fault.Invalid, "pulumi")
	req = request(t, nil, "newest")
	missing(t, req, fault.Invalid, `"newest"`)
	req = request(t, nil)
	req.ReleaseURL = "ftp://releases.example.com"
	missing(t, req, fault.Invalid, "not an http or https URL")
}
