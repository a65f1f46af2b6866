package codify

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestNextNamesTheWorkspace: a command of a next step that is about a workspace
// has a place for its name, which who asks fills in.
func TestNextNamesTheWorkspace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile("`tfops (?:sync|drift findings)([^`\n]*)`")
	seen := 0
	for _, file := range files {
		if match, _ := filepath.Match("*_test.go", file); match {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(src), -1) {
			if seen++; !regexp.MustCompile(`\bWORKSPACE\b`).MatchString(m[1]) {
				t.Errorf("%s: %s names no workspace", file, m[0])
			}
		}
	}
	if seen < 4 {
		t.Errorf("only %d commands were found", seen)
	}
}
