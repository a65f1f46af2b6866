package starter

import "testing"

// A file may be called anything: in a comment its name must not end the line.
func TestFilesInComments(t *testing.T) {
	got := inComment([]string{"prod.tfbackend", "a\nworkspace \"x\" {}\n.tfbackend", "${x}.tfbackend"})
	if want := `prod.tfbackend, "a\nworkspace \"x\" {}\n.tfbackend", "$${x}.tfbackend"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
