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
