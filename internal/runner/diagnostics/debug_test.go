package diagnostics

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Of a long log the beginning and the end are kept, in whole lines.
func TestBounded(t *testing.T) {
	for _, n := range []int{0, 1, 3, 10, 1000} {
		b := bounded{head: 30, tail: 50}
		var all bytes.Buffer
		for i := range n {
			line := fmt.Appendf(nil, "line %d\n", i)
			all.Write(line)
			b.add(line)
		}
		got := string(b.bytes())
		if all.Len() <= 80 {
			if got != all.String() {
				t.Errorf("%d lines: %q", n, got)
			}
			continue
		}
		lines := strings.Split(got, "\n")
		if len(got) > 150 || lines[0] != "line 0" || !strings.HasSuffix(got, fmt.Sprintf("line %d\n", n-1)) ||
			strings.Count(got, "bytes were left out here") != 1 {
			t.Errorf("%d lines: %q", n, got)
		}
		for _, line := range lines[:len(lines)-1] {
			if !strings.HasPrefix(line, "line ") && !strings.HasPrefix(line, "…") {
				t.Errorf("%d lines: half a line %q", n, line)
			}
		}
	}
}
