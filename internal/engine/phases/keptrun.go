package phases

import (
	"encoding/json"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/run"
)

// KeptRun is a run's record and votes as they were when its newest phase began, for the day on
// which the store is lost.
type KeptRun struct {
	FormatVersion int              `json:"format_version"`
	Run           run.Run          `json:"run"`
	Votes         []approvals.Vote `json:"votes,omitempty"`
}

// keepRun writes it without waiting for the disk: a run without it is recovered from its job, which
// tells less.
func (ph *Worker) keepRun(r run.Run, votes []approvals.Vote) error {
	b, err := json.Marshal(KeptRun{FormatVersion: 1, Run: r, Votes: votes})
	if err != nil {
		return err
	}
	return ph.Txn.Files.Run(r.ID).WriteSoon(artifacts.Record, b)
}
