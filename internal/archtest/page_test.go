package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Every file that docs/ARCHITECTURE.md names is there: who looks for one finds it.
func TestThePageNamesFiles(t *testing.T) {
	page, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:[a-z]+/)+[a-z_]+\\.go)`").FindAllStringSubmatch(string(page), -1)
	for _, m := range named {
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("the page names %s, which is not there", m[1])
			}
		}
	}
	if len(named) < 20 {
		t.Errorf("only %d files are named", len(named))
	}
}
