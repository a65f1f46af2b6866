package archtest

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// maxLines is how many lines a package has at most, tests aside: more than that nobody
// keeps in mind, and it holds two things that could have names of their own.
const maxLines = 1500

// large are packages that may have more, with the reason.
var large = map[string]string{
	"internal/workspace/reach": "one reader of a language: its parts make no sense without each other",
	"cmd/tfops":                "a file for each command",
	"internal/store/storetest": "one suite for any store",
	"test/bench":               "not part of the program",
}

func TestPackagesAreSmall(t *testing.T) {
	const format = `{{$d := .Dir}}{{.ImportPath}}{{range .GoFiles}} {{$d}}/{{.}}{{end}}`
	out, err := exec.Command("go", "list", "-f", format, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name, n := strings.TrimPrefix(fields[0], module), 0
		for _, file := range fields[1:] {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(src, []byte("\n"))
		}
		looked++
		if _, ok := large[name]; n > maxLines && !ok {
			t.Errorf("%s has %d lines, %d are the most: name what else it holds, and give that a package", name, n,
				maxLines)
		}
	}
	if looked < 30 {
		t.Errorf("only %d packages were looked at", looked)
	}
}
