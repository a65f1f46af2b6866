package module

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What is read before the engine runs is read, not computed: an expression
// that takes forever is left to the engine, as is text too deep for a parser.
func TestReadingIsBounded(t *testing.T) {
	ten := "[0,1,2,3,4,5,6,7,8,9]"
	bomb := "0"
	for _, v := range strings.Split("abcdefghi", "") {
		bomb = "[for " + v + " in " + ten + " : " + bomb + "]"
	}
	for name, src := range map[string]string{
		"loops in HCL":    "module \"m\" {\n  source = " + bomb + "\n}\n",
		"brackets in HCL": "locals {\n  a = " + strings.Repeat("(", 100_000) + "\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(src), 0o600); err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			if _, err := Read(dir, dir, false); strings.HasPrefix(name, "brackets") == (err == nil) {
				t.Errorf("error %v", err)
			}
			if d := time.Since(started); d > 10*time.Second {
				t.Errorf("it took %s", d)
			}
		})
	}
}

// A provider that only a check block or the state names is found in the
// module all the same: its init guards the cache.
func TestProvidersOfChecks(t *testing.T) {
	dir := t.TempDir()
	src := "check \"c\" {\n  data \"acme_thing\" \"t\" {}\n  assert {\n    condition = true\n    error_message = " +
		"\"x\"\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Read(dir, dir, false)
	if err != nil || !m.Providers {
		t.Errorf("%+v %v on %s", m, err, runtime.GOOS)
	}
}

// Modules that call each other twice stand for any number of calls.
func TestCallsAreBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 40 {
		below := filepath.Join(dir, "m"+strconv.Itoa(i))
		if err := os.MkdirAll(below, 0o700); err != nil {
			t.Fatal(err)
		}
		src := ""
		for _, name := range []string{"a", "b", "c"} {
			src += fmt.Sprintf("module %q {\n  source = \"../m%d\"\n}\n", name, i+1)
		}
		if err := os.WriteFile(filepath.Join(below, "main.tf"), []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "m40"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "m40", "main.tf"),
		[]byte("module \"far\" {\n  source = \"acme/far/any\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	m, err := Read(dir, filepath.Join(dir, "m0"), false)
	if err != nil || !m.Unknown || len(m.Calls) > maxCalls {
		t.Errorf("%v, unknown %t, %d calls", err, m.Unknown, len(m.Calls))
	}
	if d := time.Since(started); d > 30*time.Second {
		t.Errorf("it took %s", d)
	}
}

// Names of any length are compared soon.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("a", 300_000)
	if slip(long+"b", []string{long + "c"}) != "" {
		t.Error("a name of 300 kB is taken for a slip")
	}
}
