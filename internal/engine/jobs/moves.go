package jobs

import (
	"cmp"
	"context"
	"maps"

	"github.com/tfops/tfops/internal/engine/outcome"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/workspace"
)

// OldState is the state that was applied, and the name of the workspace that it
// belongs to: of one that is new, that is the one which it seems to have been.
func (j *Maker) OldState(rec workspace.Record, def fleet.Definition) (*workspace.AppliedState, string) {
	if old := rec.LastState(); old != nil {
		return old, rec.Name
	}
	met := workspace.StateRef{Identity: rec.State}
	if n := outcome.Renamed(rec, def.Place(), j.Settings.Get().Left, met); n != nil {
		for _, l := range j.Settings.Get().Left {
			if l.Name == n.Was {
				return l.LastState(), l.Name
			}
		}
	}
	return nil, ""
}

// PrepareMove exports what leads to the old state, and tells the runner of it.
func (j *Maker) PrepareMove(ctx context.Context, r run.Run, def fleet.Definition, of *job.Job, s *job.Secrets) error {
	q, err := j.Store.Queue(ctx)
	if err != nil {
		return err
	}
	rec := *q.Record(r.Workspace)
	if r.Moving.Import != nil {
		return j.prepareImport(r, of, s)
	}
	old, owner := j.OldState(rec, def)
	if old == nil || old.Identity != r.Moving.From.Identity {
		return fault.New(fault.Conflict, "tfops sync "+r.Workspace,
			"the state of workspace %s is another one since the move was asked for", r.Workspace)
	}
	m := &job.Move{Was: *old, From: old.Identity, To: r.Moving.To.Identity, Dir: old.At.Dir,
		TerraformWorkspace: old.At.TerraformWorkspace}
	of.Move = m
	if old.Backend == workspace.Managed {
		m.File = backend.ManagedState(j.Files.Workspace(owner).Dir(), old.At.TerraformWorkspace)
		return nil
	}
	sha := LeadsTo(rec, old)
	repo := j.Settings.Get().Repositories[def.Repository]
	if sha == "" || repo.Objects == nil {
		return fault.New(fault.Conflict, "copy it by hand: `terraform state pull` where it is, `terraform state "+
			"push` where it goes, then tfops sync "+r.Workspace,
			"it is not known which commit leads to the old state of workspace %s", r.Workspace)
	}
	if err := j.Sources.Need(ctx, repo, sha); err != nil {
		return err
	}
	tree, err := j.Checkouts.Ensure(ctx, repo.Named(repo.Name), repo, sha)
	if err != nil {
		return err
	}
	m.Checkout = tree.Dir
	ways := j.waysTo(owner, def, q.Record(owner).AppliedFingerprint)
	was := ways[0]
	m.Dir, m.TerraformWorkspace = cmp.Or(old.At.Dir, was.Dir), cmp.Or(old.At.TerraformWorkspace, was.TerraformWorkspace)
	m.Backend, m.BackendFiles = was.Backend, was.BackendConfigFiles
	for _, w := range ways {
		env, hide := Environment(j.Settings.Get(), j.Environ, w.Workspace)
		s.Old = append(s.Old, job.OldAccess{Env: env, Backend: variables(w.BackendConfig),
			Hashed: hashedNames(w.Workspace)})
		hide = hide.and(masksOf(w.Workspace), backendMasks(w.Workspace))
		s.Mask, s.MaskWhole = append(s.Mask, hide.Within()...), append(s.MaskWhole, hide.Whole()...)
	}
	return nil
}

// LeadsTo is the commit whose code leads to the state that was applied; empty where that is
// not known.
func LeadsTo(rec workspace.Record, old *workspace.AppliedState) string {
	return cmp.Or(old.Commit, rec.Applied)
}

// waysTo are with what the old state of a workspace may be reached, the likeliest first: as it
// was applied, and the same with the credentials of now, which may have been renewed since.
// Where it is not known what it was applied with, that leaves what the configuration says now.
func (j *Maker) waysTo(owner string, def fleet.Definition, fingerprint string) []fleet.Definition {
	f, err := j.SnapshotOf(owner)
	if err != nil || f.Fingerprint != fingerprint {
		return []fleet.Definition{def}
	}
	now := f.of(def)
	then := f.withSecrets(now)
	if maps.Equal(then.Env, now.Env) && variables(then.BackendConfig) == variables(now.BackendConfig) {
		return []fleet.Definition{now}
	}
	return []fleet.Definition{then, now}
}

// prepareImport gives the runner the state that was brought.
func (j *Maker) prepareImport(r run.Run, of *job.Job, s *job.Secrets) error {
	i := r.Moving.Import
	state, err := j.Vault.Open(j.Files.Workspace(r.Workspace).Import(i.File))
	if err != nil {
		return fault.New(fault.Unavailable, "tfops state import "+r.Workspace+" FILE",
			"the state that was brought cannot be read any more: %w", err)
	}
	if head, err := backend.CheckImport(state); err != nil || head.Digest != i.Digest {
		return fault.New(fault.Conflict, "tfops state import "+r.Workspace+" FILE",
			"the copy of the state that was brought is not what it was")
	}
	s.State, of.Move = state, &job.Move{Import: true, Replace: i.Replace}
	return nil
}
