package reach

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tfops/tfops/internal/workspace"
)

// Loops within one another need neither names nor functions. The daemon reads
// sources of modules, and computes nothing.
func TestSourcesAreNotComputed(t *testing.T) {
	bomb := "0"
	for _, v := range strings.Split("abcdefghi", "") {
		bomb = "[for " + v + " in [0,1,2,3,4,5,6,7,8,9] : " + bomb + "]"
	}
	for name, src := range map[string]string{
		"a list":          bomb,
		"in a string":     `"./${length(` + bomb + `)}"`,
		"in a string too": `"${` + bomb + `}"`,
		"in brackets":     "(" + bomb + ")",
	} {
		files := fstest.MapFS{"main.tf": {Data: []byte("module \"m\" {\n  source = " + src + "\n}\n")}}
		started := time.Now()
		Discover(files)
		if calls := NewIndex().Graph(files, nil).Calls(); len(calls) != 1 || calls[0].Local {
			t.Errorf("%s: taken for plain text: %+v", name, calls)
		}
		r, _ := NewIndex().Graph(files, []workspace.Workspace{{Name: "w", Dir: "."}}).Reach("w")
		if name == "in a string" && len(r.Widened) != 1 {
			t.Errorf("%s: the reach is not widened: %+v", name, r)
		}
		if d := time.Since(started); d > 5*time.Second {
			t.Errorf("%s: it took %s", name, d)
		}
	}
	for _, src := range []string{`"./m"`, `("./m")`, "<<EOT\n./m\nEOT"} {
		files := fstest.MapFS{"main.tf": {Data: []byte("module \"m\" {\n  source = " + src + "\n}\n")}}
		if calls := NewIndex().Graph(files, nil).Calls(); len(calls) != 1 ||
			strings.TrimSpace(calls[0].Source) != "./m" {
			t.Errorf("%s: %+v", src, calls)
		}
	}
}
