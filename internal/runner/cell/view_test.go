package cell

import (
	"path/filepath"
	"testing"

	"github.com/tfops/tfops/internal/durable"
)

// What would be shown by a name that leads elsewhere is refused by either view itself,
// wherever the name came from.
func TestShownNames(t *testing.T) {
	for _, v := range []View{&overlays{ground: t.TempDir()}, &copies{ground: t.TempDir()}} {
		for _, name := range []string{"", "x", "modules", "modules/", "modules/.", "modules/..", "modules/../tree",
			"modules/a/../..", "tree/x", "/"} {
			at := filepath.Join(t.TempDir(), "at")
			if v.Show(t.TempDir(), name, at) == nil || v.Hide(name, at) == nil {
				t.Errorf("%T takes %q", v, name)
			}
			if durable.Exists(at) {
				t.Errorf("%T made a directory for %q", v, name)
			}
		}
	}
}
