package rootmodule

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// files are a directory "d", from texts of "-- name --" lines and what follows.
func files(text string) fstest.MapFS {
	tree := fstest.MapFS{"d": {Mode: fs.ModeDir}}
	for _, part := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, content, _ := strings.Cut(part, " --\n")
		tree["d/"+name] = &fstest.MapFile{Data: []byte(content + "\n")}
	}
	return tree
}

func read(t *testing.T, text string, tofu bool) *Module {
	t.Helper()
	m, err := Reader{Tree: files(text), Tofu: tofu}.Read("d")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSelect(t *testing.T) {
	for _, c := range []struct{ name, has, terraform, tofu string }{
		{"OpenTofu prefers its own files", "a.tf a.tofu b.tf.json b.tofu.json", "a.tf b.tf.json", "a.tofu b.tofu.json"},
		{"of the same syntax only", "a.tf a.tofu.json b.tf.json b.tofu",
			"a.tf b.tf.json", "a.tf a.tofu.json b.tf.json b.tofu"},
		{"and the same name", "a.tf a.tf.tofu a.tf.tf a.tf.tf.tofu",
			"a.tf a.tf.tf", "a.tf a.tf.tf.tofu a.tf.tofu"},
		{"overrides come last", "z.tf override.tf x_override.tf.json a.tf",
			"a.tf z.tf override.tf x_override.tf.json", "a.tf z.tf override.tf x_override.tf.json"},
		{"by name, in bytes", "b_override.tf a.b_override.tf Z_override.tf override.tf.json override.tf",
			"Z_override.tf a.b_override.tf b_override.tf override.tf override.tf.json",
			"Z_override.tf a.b_override.tf b_override.tf override.tf override.tf.json"},
		{"an override is preferred, too", "override.tf override.tofu x_override.tf x_override.tofu.json",
			"override.tf x_override.tf", "override.tofu x_override.tf x_override.tofu.json"},
		{"what only looks like one", "override.x.tf myoverride.tf _override.tf override",
			"myoverride.tf override.x.tf _override.tf", "myoverride.tf override.x.tf _override.tf"},
		{"hidden files and copies", ".a.tf .tf a.tf~ #a.tf# .#a.tf .override.tf", "", ""},
		{"what is hidden prefers nothing", "a.tf .a.tofu a.tofu~", "a.tf", "a.tf"},
		{"a name of signs", "#a#.tf #a.tf -.tf", "#a#.tf #a.tf -.tf", "#a#.tf #a.tf -.tf"},
		{"tests and values", "a.tftest.hcl a.tftest.json a.tofutest.hcl a.tfvars a.tf.hcl tf a.json", "", ""},
	} {
		names := strings.Fields(c.has)
		for _, tofu := range []bool{false, true} {
			want := map[bool]string{false: c.terraform, true: c.tofu}[tofu]
			if got := strings.Join(Select(names, tofu), " "); got != want {
				t.Errorf("%s (tofu %t): %q, want %q", c.name, tofu, got, want)
			}
		}
		if got := strings.Join(names, " "); got != c.has {
			t.Errorf("%s: the list is %q afterwards", c.name, got)
		}
	}
}

func TestIsAutoVars(t *testing.T) {
	for name, want := range map[string]bool{"terraform.tfvars": true, "terraform.tfvars.json": true,
		"x.auto.tfvars":        true,
		"a.b.auto.tfvars.json": true, ".auto.tfvars": true, ".x.auto.tfvars": true,
		"x.tfvars": false, "auto.tfvars": false, "my.terraform.tfvars": false, "x.auto.tfvars~": false,
		"x.auto.tf": false} {
		if IsAutoVars(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}

func TestLocalDir(t *testing.T) {
	for source, want := range map[string]string{
		"./one": "live/one", "../one": "one", `.\one`: "live/one", `..\one\two`: "one/two",
		".//one//": "live/one", "./a/../one": "live/one", ".": "live", "..": ".",
		"../../one": "", "one": "", "/one": "", " ./one": "", "acme/vpc/aws": "", "git::https://x/y": "",
		"": "", ".one": "", "...": "",
	} {
		if got, ok := LocalDir("live", source); ok != (want != "") || ok && got != want {
			t.Errorf("%q leads to %q (%t), want %q", source, got, ok, want)
		}
	}
}

// A block is where it is declared, whatever an override file changes.
func TestPlaces(t *testing.T) {
	m := read(t, `-- a.b_override.tf --
resource "x" "a" {
  p = "over"
}
-- main.tf --
# first
resource "x" "a" {
  p = "base"
  q = "base"
}
check "c" {
  data "x" "d" {}
}
-- main.tf.json --
{
 "resource": {
  "x": {
   "j": {"p": "json"}
  }
 }
}
-- override.tf.json --
{"resource": {"x": {"a": {"q": "json over"}}}}
-- override.x.tf --
output "o" {}`, false)
	for want, b := range map[string]*Block{
		"d/main.tf:2 over json over": m.Find("resource", "x", "a"),
		"d/main.tf.json:4 json ":     m.Find("resource", "x", "j"),
		"d/main.tf:7  ":              m.Find("data", "x", "d"),
		"d/override.x.tf:1  ":        m.Find("output", "o"),
	} {
		if b == nil {
			t.Errorf("none at %s", want)
		} else if got := fmt.Sprintf("%s:%d %s %s", b.File, b.Line, b.Text("p"), b.Text("q")); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if m.Unread || m.Find("resource", "x", "none") != nil {
		t.Errorf("%+v", m)
	}
}

func TestSettings(t *testing.T) {
	asks := func(file, version string) string {
		return "-- " + file + " --\nterraform {\n  required_version = \"" + version + "\"\n}\n"
	}
	base := asks("m.tf", ">= 1") + "terraform {\n  backend \"s3\" {\n    key = \"m\"\n  }\n}\n"
	two := asks("b_override.tf", "2") + "terraform {\n  required_version = \"3\"\n}\n"
	const (
		cloud  = "terraform {\n  cloud {}\n}\n"
		gcs    = "terraform {\n  backend \"gcs\" {}\n}\n"
		inJSON = `{"terraform": {"backend": {"gcs": {"key": "o"}}}}`
	)
	for _, c := range []struct{ name, text, backend, key, versions string }{
		{"one file", base, "s3", "m", ">= 1 d/m.tf"},
		{"all versions of all files count", base + asks("z.tf", "< 2"), "s3", "m", ">= 1 d/m.tf, < 2 d/z.tf"},
		{"an override's takes their place", base + asks("z.tf", "< 2") + asks("override.tf", "1.5.0"),
			"s3", "m", "1.5.0 d/override.tf"},
		{"the last override's", base + asks("a_override.tf", "1") + two, "s3", "m",
			"2 d/b_override.tf, 3 d/b_override.tf"},
		{"a backend in an override, before it by name", "-- override.tf.json --\n" + inJSON + "\n-- z.tf --\n" + gcs,
			"gcs", "o", ""},
		{"cloud in an override", base + "-- override.tf --\n" + cloud, "cloud", "", ">= 1 d/m.tf"},
		{"a backend over cloud", "-- m.tf --\n" + cloud + "-- x.y_override.tf --\n" + gcs, "gcs", "", ""},
		{"none", "-- m.tf --\nlocals {}\n", "", "", ""},
	} {
		s := read(t, c.text, false).Settings()
		var versions []string
		for _, v := range s.Versions {
			versions = append(versions, v.Constraint+" "+v.File)
		}
		key := ""
		if s.Body != nil {
			attrs, _ := s.Body.JustAttributes()
			key = Literal(attrs["key"])
		}
		if got := strings.Join(versions, ", "); s.Backend != c.backend || key != c.key || got != c.versions {
			t.Errorf("%s: backend %q with %q, versions %q", c.name, s.Backend, key, got)
		}
	}
}

// What cannot be read takes nothing else with it.
func TestUnread(t *testing.T) {
	deep := strings.Repeat("[", 2*maxNesting)
	m := read(t, "-- a.tf --\nresource \"x\" \"half\" {}\nresource {{{\n-- b.tf --\nlocals {\n  a = "+deep+"\n}\n"+
		"-- c.tf.json --\n{\"a\": "+deep+"\n-- d.tf.json --\n{\"resource\": \n"+
		"-- e.tf --\nresource \"x\" {}\n-- f.tf --\nresource \"x\" \"whole\" {}\n", false)
	half, whole := m.Find("resource", "x", "half"), m.Find("resource", "x", "whole")
	if !m.Unread || half == nil || whole == nil || len(m.Files) != 6 || len(m.Blocks) != 2 {
		t.Errorf("%+v", m)
	}
	for i, deep := range []bool{false, true, true, false, false, false} {
		if f := m.Files[i]; errors.Is(f.Err, ErrTooDeep) != deep || (f.Err != nil) != (i < 4) {
			t.Errorf("%s: %v", f.Path, f.Err)
		}
	}
	if _, err := (Reader{Tree: files("")}).Read("e"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func TestBounds(t *testing.T) {
	const three = "-- a.tf --\noutput \"a\" {}\n-- b.tf --\noutput \"b\" {}\n-- c.tf --\noutput \"c\" {}\n"
	tree := files(three + "-- pipe.tf --\n")
	tree["d/large.tf"] = &fstest.MapFile{Data: []byte("output \"l\" {}\n" + strings.Repeat("#", MaxHCL))}
	tree["d/pipe.tf"].Mode = fs.ModeNamedPipe
	for _, c := range []struct {
		left *Left
		want string
	}{{nil, "a b c l"}, {&Left{100, 1 << 20}, "a b c"}, {&Left{2, 1 << 20}, "a b"}, {&Left{100, 20}, "a"}} {
		m, err := Reader{Tree: tree, Left: c.left}.Read("d")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range m.Blocks {
			got = append(got, b.Labels[0])
		}
		if strings.Join(got, " ") != c.want || !m.Unread {
			t.Errorf("with %+v left: %q, want %q", c.left, got, c.want)
		}
	}
}

func TestIsTrue(t *testing.T) {
	bomb := "true" + strings.Repeat("]", 9)
	for range 9 {
		bomb = "[for v in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] : " + bomb
	}
	for text, want := range map[string]bool{"true": true, `"true"`: true, "false": false, `"yes"`: false,
		"1": false, "null": false, "var.x": false, bomb: false} {
		m := read(t, "-- m.tf --\nvariable \"v\" {\n  a = "+text+"\n}\n", false)
		if m.Find("variable", "v").IsTrue("a") != want {
			t.Errorf("%.20s: %t", text, !want)
		}
		m = read(t, "-- m.tf.json --\n{\"variable\": {\"v\": {\"a\": "+text+"}}}\n", false)
		if v := m.Find("variable", "v"); v != nil && v.IsTrue("a") != want {
			t.Errorf("%.20s in JSON: %t", text, !want)
		}
	}
	m := read(t, "-- m.tf --\nvariable \"v\" {\n  a = true\n}\n"+
		"-- x.y_override.tf --\nvariable \"v\" {\n  a = false\n}\n", false)
	if m.Find("variable", "v").IsTrue("a") {
		t.Error("an override of several dots does not count")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("main.tf", "resource \"x\" \"a\" {\n  a = [1]\n}\n",
		"override.tf.json", `{"resource": {"x": {"a": {}}}, "terraform": [{"backend": {"s3": {}}}]}`)
	f.Add("x.tofu", "terraform {\n  required_version = \"1\"\n}\n",
		"x_override.tofu", "check \"c\" {\n  data \"x\" \"d\" {}\n}\n")
	f.Fuzz(func(t *testing.T, one, first, two, second string) {
		tree := fstest.MapFS{}
		for name, text := range map[string]string{one: first, two: second} {
			if fs.ValidPath("d/"+name) && !strings.Contains(name, "/") {
				tree["d/"+name] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		for _, tofu := range []bool{false, true} {
			m, err := Reader{Tree: tree, Tofu: tofu}.Read("d")
			if err != nil {
				return
			}
			_ = m.Settings()
			for _, b := range m.Blocks {
				_ = b.Text("source")
				i := slices.IndexFunc(m.Files, func(f File) bool { return f.Path == b.File })
				if i < 0 || b.Line < 1 || b.Line > 1+strings.Count(string(m.Files[i].Source), "\n") ||
					m.Find(b.Type, b.Labels...) == nil {
					t.Fatalf("%s %q is at %s:%d", b.Type, b.Labels, b.File, b.Line)
				}
			}
		}
	})
}
