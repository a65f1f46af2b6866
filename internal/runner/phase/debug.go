package phase

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path/filepath"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/seal"
)

// keepDebugLog puts the debug log beside the run's log: masked by all that is
// known to be secret by now, and encrypted, since a provider may print what
// nobody knows to be one.
func (p *phase) keepDebugLog() {
	if p.work.Debug == nil {
		return
	}
	mask := diagnostics.NewMasker(append(append([]string{}, p.secrets.Mask...), p.hidden...))
	var masked bytes.Buffer
	in := bufio.NewReader(bytes.NewReader(p.work.Debug.End()))
	for {
		line, err := in.ReadString('\n')
		masked.WriteString(mask.Text(line))
		if errors.Is(err, io.EOF) {
			break
		}
	}
	b, err := seal.Encrypt(masked.Bytes(), p.job.Recipient)
	if err == nil {
		err = durable.Write(filepath.Join(p.dir, job.DebugFile), b)
	}
	if err != nil {
		p.note("the debug log could not be kept: " + err.Error())
	}
}
