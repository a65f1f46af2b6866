package places

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tfops/tfops/internal/fault"
)

func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func TestOwners(t *testing.T) {
	const rules = "# who\n*  @acme/platform\n/live/prod/  @ana ops@example.com\n*.md\n!!bad @@\n/live/prod/network/ " +
		" @net # inline\n"
	for _, c := range []struct{ name, at, file, want string }{
		{"the last match counts", "CODEOWNERS", "live/prod/network/main.tf", "@net"},
		{"a directory", "docs/CODEOWNERS", "live/prod/db/main.tf", "@ana ops@example.com"},
		{"everything else", ".github/CODEOWNERS", "modules/vpc/main.tf", "@acme/platform"},
		{"nobody", "CODEOWNERS", "README.md", ""},
		{"no file", "CODEOWNERS", "", ""},
	} {
		o, err := ReadOwners(files(c.at, rules))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(o.Of(c.file), " "); got != c.want || o.File != c.at {
			t.Errorf("%s: %q by %s, want %q", c.name, got, o.File, c.want)
		}
		if len(o.Problems) != 1 || !strings.HasPrefix(o.Problems[0], c.at+":5: ") {
			t.Errorf("%s: problems %q", c.name, o.Problems)
		}
	}
	o, err := ReadOwners(files("docs/CODEOWNERS", "* @docs", "CODEOWNERS", "* @root", ".github/CODEOWNERS", "* @hub"))
	if err != nil || o.Of("a")[0] != "@hub" {
		t.Errorf("the first place does not count: %v %v", o.Of("a"), err)
	}
	if o, err = ReadOwners(files("main.tf", "")); err != nil || o.File != "" || o.Of("main.tf") != nil {
		t.Errorf("without a file: %+v %v", o, err)
	}
	if _, err = ReadOwners(files("CODEOWNERS", strings.Repeat("#", maxOwners+1))); !fault.Is(err, fault.Invalid) {
		t.Errorf("too large: %v", err)
	}
}

func TestLocate(t *testing.T) {
	tree := files(
		"live/main.tf", "# first\nresource \"x\" \"a\" {\n}\n\nmodule \"net\" {\n  source = \"../modules/net\"\n  "+
			"for_each = toset([])\n}\nmodule \"far\" {\n  source = \"acme/far/aws\"\n}\noutput \"o\" { value = 1 }\n",
		"live/more.tf.json", "{\n \"resource\": {\n  \"x\": {\n   \"j\": {}\n  }\n },\n \"module\": {\n  \"jm\": "+
			"{\"source\": \"../modules/net\"}\n }\n}\n",
		"live/check.tf", "check \"c\" {\n  data \"x\" \"d\" {\n  }\n}\ndata \"x\" \"e\" {}\nvariable \"v\" {}\n",
		"live/broken.tf", "resource \"x\" \"half\" {\n  a = 1\n}\nresource \"x\" {{{\n",
		"live/deep.tf", "resource \"x\" \"deep\" { a = "+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+" }\n",
		"live/override.tf", "resource \"x\" \"a\" {}\n",
		"live/.hidden.tf", "resource \"x\" \"hidden\" {}\n",
		"modules/net/main.tf", "module \"sub\" { source = \"./sub\" }\nresource \"x\" \"n\" {}\n",
		"modules/net/sub/main.tf", "\n\nresource \"x\" \"s\" {}\nmodule \"loop\" { source = \"../\" }\n",
	)
	want := map[string]Place{
		"x.a": {"live/main.tf", 2, false}, "x.a[0]": {"live/main.tf", 2, false}, `x.a["k.l"]`: {"live/main.tf", 2, false},
		"x.a (deposed 12ab)": {"live/main.tf", 2, false}, "output.o": {"live/main.tf", 12, false},
		"x.j": {"live/more.tf.json", 4, false}, "module.jm.x.n": {"modules/net/main.tf", 2, false},
		"check.c": {"live/check.tf", 1, false}, "data.x.d": {"live/check.tf", 2, false},
		"data.x.e": {"live/check.tf", 5, false}, "var.v": {"live/check.tf", 6, false},
		`module.net["a.b"].x.n[1]`: {"modules/net/main.tf", 2, false}, `module.net["a"].module.sub.x.s`: {"modules/net/sub/main.tf", 3, false},
		"module.net.module.sub.module.loop.module.sub.x.s": {"modules/net/sub/main.tf", 3, false},
		"module.far.x.y":          {"live/main.tf", 9, true},
		"module.far.module.q.x.y": {"live/main.tf", 9, true},
		"x.half":                  {"live/broken.tf", 1, false},
	}
	addresses := []string{"x.none", "module.none.x.y", "x.deep", "x.hidden", "", "module", "module.net", "[", "data.x"}
	for a := range want {
		addresses = append(addresses, a)
	}
	slices.Sort(addresses)
	got := Locate(tree, "live", false, addresses)
	for a, p := range want {
		if got[a] != p {
			t.Errorf("%s is at %+v, want %+v", a, got[a], p)
		}
	}
	for a, p := range got {
		if _, ok := want[a]; !ok && a != "module.net" {
			t.Errorf("%s is at %+v, and should not be found", a, p)
		}
	}
	if got := Locate(tree, "../outside", false, []string{"x.a"}); len(got) != 0 {
		t.Errorf("outside of the tree: %v", got)
	}
}

// Which file declares a resource, and so whose it is, depends on what the engine reads.
func TestLocateReadsWhatTheEngineReads(t *testing.T) {
	tree := files(
		"live/main.tf", "resource \"x\" \"a\" {}\nmodule \"m\" {\n  source = \"./one\"\n}\n",
		"live/z/main.tofu", "resource \"x\" \"of_nobody\" {}\n",
		"live/a.b_override.tf", "\n\nresource \"x\" \"a\" {}\n",
		"live/override.more.tf", "\nresource \"x\" \"more\" {}\n",
		"live/only.tofu", "\n\n\nresource \"x\" \"t\" {}\n",
		"live/one/main.tf", "resource \"x\" \"in\" {}\n", "live/one/main.tofu", "\n\nresource \"x\" \"in\" {}\n",
		"live/two/main.tf", "\nresource \"x\" \"in\" {}\n",
	)
	addresses := []string{"x.a", "x.more", "x.t", "x.of_nobody", "module.m.x.in"}
	for _, c := range []struct {
		name, extra, text string
		tofu              bool
		want              map[string]Place
	}{
		{name: "Terraform", want: map[string]Place{
			"x.a": {"live/main.tf", 1, false}, "x.more": {"live/override.more.tf", 2, false},
			"module.m.x.in": {"live/one/main.tf", 1, false}}},
		{name: "OpenTofu", tofu: true, want: map[string]Place{"x.a": {"live/main.tf", 1, false},
			"x.more": {"live/override.more.tf", 2, false},
			"x.t":    {"live/only.tofu", 4, false}, "module.m.x.in": {"live/one/main.tofu", 3, false}}},
		{name: "a source that is overridden", extra: "live/a_override.tf",
			text: "module \"m\" {\n  source = \"./two\"\n}\n", want: map[string]Place{
				"x.a": {"live/main.tf", 1, false}, "x.more": {"live/override.more.tf", 2, false},
				"module.m.x.in": {"live/two/main.tf", 2, false}}},
		{name: "a file that OpenTofu reads instead", tofu: true, extra: "live/main.tofu",
			text: "\n\n\n\nresource \"x\" \"a\" {}\n", want: map[string]Place{
				"x.a": {"live/main.tofu", 5, false}, "x.more": {"live/override.more.tf", 2, false},
				"x.t": {"live/only.tofu", 4, false}}},
		{name: "and Terraform does not", extra: "live/main.tofu", text: "resource \"x\" \"a\" {}\n",
			want: map[string]Place{
				"x.a": {"live/main.tf", 1, false}, "x.more": {"live/override.more.tf", 2, false},
				"module.m.x.in": {"live/one/main.tf", 1, false}}},
	} {
		if c.extra != "" {
			tree[c.extra] = &fstest.MapFile{Data: []byte(c.text)}
		}
		if got := Locate(tree, "live", c.tofu, addresses); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		delete(tree, c.extra)
	}
}

func TestLocateIsBounded(t *testing.T) {
	tree := files()
	for i := range maxPlaceDirs + 10 {
		tree[fmt.Sprintf("m%d/main.tf", i)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"module \"n\" { source = \"../m%d\" }\nresource \"x\" \"a\" {}\n", i+1)}
	}
	near, far := strings.Repeat("module.n.", 3)+"x.a", strings.Repeat("module.n.", maxPlaceDirs+5)+"x.a"
	got := Locate(tree, "m0", false, []string{near, far})
	if got[near] != (Place{File: "m3/main.tf", Line: 2}) {
		t.Errorf("near: %+v", got[near])
	}
	if p, ok := got[far]; ok {
		t.Errorf("what is out of bounds was read: %+v", p)
	}
}
