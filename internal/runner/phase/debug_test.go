package phase

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// What only the plan tells to be sensitive is masked, too.
func TestDebugLogIsMaskedByThePlan(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	p := newPhase(t.TempDir(), job.Secrets{Mask: []string{"known-before"}}, cell.NewStopper())
	p.job.Recipient = identity.Recipient().String()
	if p.work.Debug, err = diagnostics.NewDebugLog(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(p.work.Debug.Write, "a known-before\nb {\"x\": \"known-after\"}\nno line end")
	p.hidden = []string{"known-after"}
	p.keepDebugLog()
	sealed, err := os.Open(filepath.Join(p.dir, job.DebugFile))
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	plain, err := age.Decrypt(sealed, identity)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), "a (sensitive value)\nb {\"x\": \"(sensitive value)\"}\nno line end"; got != want {
		t.Errorf("%q", got)
	}
}
