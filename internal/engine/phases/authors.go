package phases

import (
	"context"

	"github.com/tfops/tfops/internal/authorship"
	"github.com/tfops/tfops/internal/engine/decide"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// authors finds who wrote what a run's plan applies. It reads Git, so it is done before the
// transaction that stores the plan. What cannot be read is not known: that blocks the rules
// that ask for it, and no run.
func (ph *Worker) authors(ctx context.Context, r run.Run) *authorship.Authors {
	if !r.Kind.Applies() {
		return nil
	}
	var found authorship.Authors
	d, _, err := ph.Txn.Load(ctx, r.ID)
	if err == nil {
		found, err = ph.authorsSince(ctx, r, d)
	}
	if err != nil {
		found = authorship.Unknown("the repository cannot be read: "+err.Error(), decide.RetryCommand(r))
	}
	found.Since = d.Record.Applied
	s := ph.Txn.Settings.Get()
	if def, known := s.Lived(r.Workspace); known {
		// Also where no signature was looked at: it is by these keys that there was none.
		found.Keys = s.Repositories[def.Repository].Signing()
	}
	return &found
}

func (ph *Worker) authorsSince(ctx context.Context, r run.Run, d run.Tx) (authorship.Authors, error) {
	s, rec := ph.Txn.Settings.Get(), d.Record
	def, known := s.Lived(r.Workspace)
	repo, ok := s.Repositories[def.Repository]
	if !known || !ok {
		return authorship.Unknown("the workspace is not in the configuration any more", decide.RetryCommand(r)), nil
	}
	q := authorship.Question{Base: rec.Applied, Head: r.Commit.SHA, Repository: repo.Name,
		Retry: decide.RetryCommand(r), Keys: repo.Keys, SignedSince: repo.SignedSince}
	if r.Kind == run.Destroy && (rec.Orphan != nil || r.Trigger.Cause == run.ByRemoval) {
		switch {
		case rec.Orphan != nil && rec.Orphan.Head != "":
			q.Head = rec.Orphan.Head
		case r.Trigger.Cause == run.ByRemoval:
			return authorship.Unknown("Git does not say who deleted its branch",
				decide.RetryCommand(r)+"; whoever asks for it counts as its author"), nil
		}
	}
	if q.Base == q.Head { // nothing that anybody wrote comes of it
		return authorship.Authors{Until: q.Head}, nil
	}
	if q.Base != "" {
		// What cannot be had is told by the range.
		_ = ph.Jobs.Sources.Obtain(ctx, repo, def, q.Base)
	}
	q.Reconfigured = q.Base != "" && rec.AppliedFingerprint != r.Fingerprint
	if err := ph.reading(ctx, repo, r, rec, def, &q); err != nil {
		return authorship.Authors{}, err
	}
	return authorship.Find(ctx, repo, q, d.Now)
}

// reading notes what the workspace reads: by the commit of the run, and as it was applied.
func (ph *Worker) reading(ctx context.Context, repo settings.Repository, r run.Run, rec workspace.Record,
	def fleet.Definition, q *authorship.Question) error {
	now, err := ph.Jobs.Sources.GraphOf(r, def, repo)
	if err != nil {
		return err
	}
	q.Touches = append(q.Touches, now.Touches(def.Name))
	if q.Base == "" || !repo.Has(q.Base) {
		return nil
	}
	was, err := ph.Jobs.AsApplied(def, rec.AppliedFingerprint)
	if err != nil {
		if ctx.Err() != nil || !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
			return err
		}
		q.Every = true // nor which directory that was
		return nil
	}
	r.Commit.SHA = q.Base
	before, err := ph.Jobs.Sources.GraphOf(r, was, repo)
	if err != nil {
		return err
	}
	q.Touches = append(q.Touches, before.Touches(def.Name))
	return nil
}
