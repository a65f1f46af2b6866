package reach

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/workspace"
)

// What many places use is worked out once, so that what a workspace reads is told
// however many steps lie between: worked out at each place, each of these would be
// beyond every bound.
func TestWhatIsUsedOftenIsWorkedOutOnce(t *testing.T) {
	const steps = 12
	chain := func(first, next string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "locals {\n  l0 = %s\n", first)
		for i := range steps {
			fmt.Fprintf(&b, "  l%d = %s\n", i+1, strings.ReplaceAll(next, "LAST", fmt.Sprintf("local.l%d", i)))
		}
		return b.String() + "}\n"
	}
	last := fmt.Sprintf("local.l%d", steps)
	modules := map[string]string{}
	for i := range steps {
		child := "variable \"x\" {}\nvariable \"y\" {}\n"
		if i < steps-1 {
			child += fmt.Sprintf("module \"m\" {\n  source = \"../m%02d\"\n  x = { p = try(var.x.p, var.y.p, "+
				"var.x.p) }\n  y = { p = try(var.y.p, var.x.p, var.y.p) }\n}\n", i+1)
		}
		modules[fmt.Sprintf("mods/m%02d/main.tf", i)] = child +
			"resource \"terraform_data\" \"x\" {\n  input = file(try(var.x.p, var.y.p))\n}\n"
	}
	for name, c := range map[string]struct {
		code string
		more map[string]string
	}{
		"an attribute": {code: chain(`{ p = "keys/a" }`, `{ p = coalesce(LAST.p, LAST["p"], LAST.p) }`) + read(last+".p")},
		"an object":    {code: chain(`{ p = "keys/a" }`, `merge(LAST, LAST, LAST)`) + read(last+".p")},
		"an element":   {code: chain(`["keys/a"]`, `[LAST[0], LAST[0], LAST[0]]`) + read(last+"[0]")},
		"a loop":       {code: chain(`["keys/a"]`, `distinct([for p in concat(LAST, LAST, LAST) : p])`) + read("one("+last+")")},
		"a condition":  {code: chain(`"keys/a"`, `LAST == "" ? LAST : (LAST == "x" ? LAST : LAST)`) + read(last)},
		"a lookup":     {code: chain(`{ p = "keys/a" }`, `{ p = lookup(LAST, "p", try(LAST.p, LAST.p)) }`) + read(`lookup(`+last+`, "p", "keys/a")`)},
		"modules": {code: "module \"m\" {\n  source = \"../../mods/m00\"\n  x = { p = \"keys/a\" }\n  y = { p = " +
			"\"keys/a\" }\n}\n",
			more: modules},
	} {
		tree := map[string]string{"live/app/main.tf": c.code, "live/app/keys/a": "", "live/other/x": ""}
		for p, text := range c.more {
			tree[p] = text
		}
		r := NewIndex().Graph(files(tree), []workspace.Workspace{{Name: "app", Dir: "live/app"}}).reaches[0]
		if r.touch("live/app/keys/a") == nil {
			t.Errorf("%s: the file is not in the reach", name)
		}
		if got := r.touch("live/other/x"); got != nil {
			t.Errorf("%s: the reach is the repository: %v", name, got)
		}
	}
}

func read(path string) string {
	return "resource \"terraform_data\" \"x\" {\n  input = file(" + path + ")\n}\n"
}
