package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The architecture names the tests that hold each promise. A name that no test
// has holds nothing.
func TestPromisesAreHeldByRealTests(t *testing.T) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(root))
	doc, err := os.ReadFile(filepath.Join(dir, "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		have[filepath.Base(path)] = true
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)`).FindAllStringSubmatch(string(src), -1) {
			have[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range regexp.MustCompile(`(?m)^\| P\d .*$`).FindAllString(string(doc), -1) {
		names := regexp.MustCompile("`((?:Test|Fuzz)\\w+|\\w+\\.txt)`").FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("promise %d names no test", i+1)
		}
		for _, n := range names {
			if !have[n[1]] {
				t.Errorf("promise %d is said to be held by %s, which is not there", i+1, n[1])
			}
		}
	}
}
