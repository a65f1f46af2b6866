package command

import (
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"
)

// terraform-exec must take the version from us: this fails when its field
// was renamed, and every phase then asks the engine for its version.
func TestVersionIsTold(t *testing.T) {
	tf, err := tfexec.NewTerraform(t.TempDir(), "/nonexistent/terraform")
	if err != nil {
		t.Fatal(err)
	}
	tellVersion(tf, "1.11.4")
	if v, _, err := tf.Version(t.Context(), false); err != nil || v.String() != "1.11.4" {
		t.Fatalf("%v, %v", v, err)
	}
}
