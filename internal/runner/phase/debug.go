package phase

import (
	"bytes"
	"path/filepath"
	"strings"

	"github.com/tfops/tfops/internal/job"
)

// keepDebugLog puts the debug log beside the run's log: masked by all that is
// known to be secret by now, and encrypted, since a provider may print what
// nobody knows to be one.
func (p *phase) keepDebugLog() {
	if p.work.Debug == nil {
		return
	}
	mask := masker(p.secrets, p.hidden...)
	var masked bytes.Buffer
	for line := range strings.Lines(string(p.work.Debug.End())) {
		masked.WriteString(mask.Text(line))
	}
	err := p.keepSealed(filepath.Join(p.dir, job.DebugFile), masked.Bytes())
	if err != nil {
		p.note("the debug log could not be kept: " + err.Error())
	}
}
