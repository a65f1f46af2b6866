package phase

import (
	"os"

	"github.com/tfops/tfops/internal/runner/cell"
)

// continueDescendants lets what this process started and somebody stopped go on,
// so that it can hear that it is asked to end.
func continueDescendants() {
	var stopped []cell.Process
	for _, p := range cell.Descendants(os.Getpid()) {
		if p.Stopped {
			stopped = append(stopped, p)
		}
	}
	_ = cell.WakeUp(stopped) // what cannot be continued is killed in the end
}
