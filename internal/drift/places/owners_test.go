package places

import (
	"strings"
	"testing"
	"testing/fstest"
)

func ownersOf(t testing.TB, text string) Owners {
	t.Helper()
	o, err := ReadOwners(fstest.MapFS{"CODEOWNERS": &fstest.MapFile{Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A line that the library fails with is told as one that cannot be read, and the others count.
func TestLinesThatOwnersFailWith(t *testing.T) {
	for _, line := range []string{"/ @x", " / @x @y", "/ @x # root"} {
		o := ownersOf(t, "* @all\n"+line+"\nlive/ @live\n")
		if len(o.Problems) != 1 || !strings.HasPrefix(o.Problems[0], "CODEOWNERS:2: ") {
			t.Errorf("%q: %q", line, o.Problems)
		}
		if got := strings.Join(o.Of("live/main.tf"), " "); got != "@live" {
			t.Errorf("%q: live/main.tf is owned by %q", line, got)
		}
		if got := strings.Join(o.Of("main.tf"), " "); got != "@all" {
			t.Errorf("%q: main.tf is owned by %q", line, got)
		}
	}
}

// Lines as GitHub reads them: words are parted by white space, and a comment begins where one begins with "#".
func TestOwnersAsOnGitHub(t *testing.T) {
	for _, c := range []struct{ line, file, want string }{
		{"*.tf @a # inline", "x/main.tf", "@a"},
		{"*.tf @a #inline", "x/main.tf", "@a"},
		{"*.tf #inline @a", "x/main.tf", ""},
		{"*.tf @b#c", "x/main.tf", "problem"},
		{"*.tf @b @c#d", "x/main.tf", "problem"},
		{`\#x @a`, "#x", "problem"},
		{`/a/\#x @a`, "a/#x", "@a"},
		{`/a/\#x @a`, "a/x", "@all"},
		{"a#b @a", "a#b", "@a"},
		{"a#b @a", "a", "@all"},
		{"#a @a", "#a", "@all"},
		{`/with\ space/ @a`, "with space/main.tf", "@a"},
		{`/with\ space/ @a`, "with/main.tf", "@all"},
		{"/übersicht/ @a", "übersicht/main.tf", "@a"},
		{"/über*/ @a", "überblick/main.tf", "@a"},
		{"/a,b=c~d/ @a", "a,b=c~d/main.tf", "@a"},
		{"/a+b/ @a", "a+b/main.tf", "@a"},
		{"/a+b/ @a", "a+2b+b/main.tf", "@all"},
		{`/a\*b @a`, "a*b", "@a"},
		{`/a\*b @a`, "axb", "@all"},
		{"!*.tf @a", "main.tf", "problem"},
		{"[a-z].tf @a", "b.tf", "problem"},
		{"*.tf @a mail@example.com", "main.tf", "@a mail@example.com"},
		{"*.tf a", "main.tf", "problem"},
		{"*.tf\t@a\t@b\r", "main.tf", "@a @b"},
		{"*.tf @a\\", "main.tf", "problem"},
		{"\xff @a", "main.tf", "problem"},
	} {
		o := ownersOf(t, "* @all\n"+c.line+"\n")
		got := strings.Join(o.Of(c.file), " ")
		if c.want == "problem" {
			if len(o.Problems) != 1 || !strings.HasPrefix(o.Problems[0], "CODEOWNERS:2: ") || got != "@all" {
				t.Errorf("%q: problems %q, and %s is owned by %q", c.line, o.Problems, c.file, got)
			}
			continue
		}
		if len(o.Problems) > 0 || got != c.want {
			t.Errorf("%q: problems %q, and %s is owned by %q, want %q", c.line, o.Problems, c.file, got, c.want)
		}
	}
}

// A byte order mark is told, and takes no line with it; a file that is no UTF-8 has none to count.
func TestOwnersWithAMark(t *testing.T) {
	o := ownersOf(t, "\ufeff*.tf @a\n*.md @b\n")
	if len(o.Problems) != 1 || !strings.Contains(o.Problems[0], "byte order mark") ||
		strings.Join(o.Of("main.tf"), " ") != "@a" || strings.Join(o.Of("a.md"), " ") != "@b" {
		t.Errorf("%q, %q", o.Problems, o.Of("main.tf"))
	}
	o = ownersOf(t, "\xff\xfe*\x00 \x00@\x00a\x00")
	if len(o.Problems) != 1 || !strings.Contains(o.Problems[0], "UTF-16") || len(o.Of("a")) > 0 {
		t.Errorf("%q, %q", o.Problems, o.Of("a"))
	}
}

// No text and no name ends the process.
func FuzzOwners(f *testing.F) {
	for _, line := range []string{"/ @a", "* @a", "/**/ @a", "a\\ b @a", "[a-z] @a", "!a @b", "\\", "a//b @c",
		"\x00 @a", "** ** @a"} {
		f.Add(line, "a/b.tf")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		o := ownersOf(t, text)
		o.Of(name)
		o.Of("a/b/c.tf")
	})
}
