package phase

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/memfile"
	"github.com/tfops/tfops/internal/workspace"
)

// moveState copies the state, reads it back, and plans on it.
func (p *phase) moveState(ctx context.Context) error {
	old, err := p.oldState(ctx)
	if err != nil {
		return err
	}
	there, err := p.work.Pull(ctx)
	if err != nil {
		return err
	}
	if got := p.identity(); got != p.job.Move.To && !p.job.Move.Import {
		return diagnostics.Refuse(job.CauseBadInput, "see where the state would be now: tfops sync "+p.job.Workspace,
			"the configuration leads to the state %s, and not to %s", got, p.job.Move.To)
	}
	decide := backend.WhatToMove
	if p.job.Move.Import {
		decide = func(name string, old, there []byte) (backend.Moving, error) {
			return backend.WhatToImport(name, p.job.Move.Replace, old, there)
		}
	}
	do, err := decide(p.job.Workspace, old, there)
	if err != nil {
		return err
	}
	var replaced string
	if p.job.Move.Import && do != backend.KeepIt {
		if replaced, err = p.keepReplaced(there); err != nil {
			return err
		}
	}
	if err := p.writeState(ctx, old, there, do); err != nil {
		return err
	}
	head, err := p.checkMoved(ctx, old, do)
	if err != nil {
		return err
	}
	p.result.Moved = &job.Moved{Serial: head.Serial, Lineage: head.Lineage, Resources: head.Resources,
		Already: do == backend.KeepIt, Replaced: replaced}
	if p.job.Move.Import {
		p.log.Say("info", "the state was imported: serial %d, lineage %s", head.Serial, head.Lineage)
	} else if do == backend.KeepIt {
		p.log.Say("info", "the new state was there already: serial %d, lineage %s, with %s; the old one was left as "+
			"it is",
			head.Serial, head.Lineage, backend.Holding(head.Resources))
	} else {
		p.log.Say("info", "the new state holds what the old one holds: serial %d, lineage %s; the old one was left "+
			"as it is", head.Serial, head.Lineage)
	}
	if p.work.Managed {
		if err := p.snapshot(); err != nil {
			p.note("no snapshot of the state could be kept: " + err.Error())
		}
	}
	return p.plan(ctx)
}

func (p *phase) identity() string {
	return locks.Identity(p.result.Backend.Type, p.result.Backend.Config, p.job.TerraformWorkspace)
}

// keepReplaced keeps an encrypted copy of what an import replaces, and returns its name.
func (p *phase) keepReplaced(there []byte) (string, error) {
	if len(bytes.TrimSpace(there)) == 0 {
		return "", nil
	}
	head, _ := backend.ReadState(there) // of one that is cut the serial is 0
	return p.keepSnapshot(there, head.Serial, p.job.Run+"-replaced")
}

// oldState reads the state that was applied, or the one that was brought.
func (p *phase) oldState(ctx context.Context) ([]byte, error) {
	m := p.job.Move
	if m.Import {
		return p.secrets.State, nil
	}
	if m.File != "" {
		b, err := datafile.Read(m.File, datafile.Large)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, diagnostics.Refuse(job.CauseState, "tfops state restore "+p.job.Workspace,
				"the old state is gone: there is no %s", m.File)
		}
		return b, err
	}
	if len(p.secrets.Old) == 0 {
		return nil, diagnostics.Refuse(job.CauseRunner, "restart tfops serve, then: tfops state move "+p.job.Workspace,
			"it is not known how to reach the old state: tfops serve is of another version")
	}
	var first error
	for i, access := range p.secrets.Old {
		b, err := p.oldStateWith(ctx, access)
		if err == nil || ctx.Err() != nil {
			return b, err
		}
		if first == nil {
			first = err
		}
		if i+1 < len(p.secrets.Old) {
			p.log.Say("warn", "the old state cannot be read with the credentials that it was applied with; trying "+
				"those of now")
		}
	}
	return nil, first
}

// oldStateWith reads the state of the applied commit's root module, and sees that it is the
// one which was applied.
func (p *phase) oldStateWith(ctx context.Context, access job.OldAccess) ([]byte, error) {
	m := p.job.Move
	q := newPhase(p.dir, job.Secrets{Env: access.Env, Backend: access.Backend, Hashed: access.Hashed,
		Modules: p.secrets.Modules}, p.stop)
	defer q.work.Close()
	q.log, q.mask, q.job, q.work.Names = p.log, p.mask, p.job, p.work.Names
	q.job.Checkout, q.job.Dir, q.job.TerraformWorkspace, q.job.VarFiles, q.job.Move = m.Checkout, m.Dir,
		m.TerraformWorkspace, nil, nil
	q.job.Backend, q.job.BackendFiles = m.Backend, m.BackendFiles
	q.work.Guard, q.work.Network = p.work.Guard, p.work.Network
	q.job.Tree, q.job.Ground = p.job.Tree+"-applied", filepath.Join(p.job.Ground, "applied")
	q.work.Job, q.work.Log = q.job, q.log
	if err := inOrder(ctx, q.openGround, q.readInputs, q.work.CheckBackend, q.work.UseNetwork, q.findEngine,
		q.work.Open,
		q.placeState); err != nil {
		return nil, err
	}
	b, err := q.work.Pull(ctx)
	if err != nil {
		return nil, err
	}
	if got := q.identity(); got != m.From {
		return nil, diagnostics.Refuse(job.CauseBadInput,
			"copy it by hand: `terraform state pull` where it is, `terraform state push` where it goes, then tfops "+
				"sync "+
				p.job.Workspace,
			"the applied commit leads to the state %s, and not to the one that was applied, %s", got, m.From)
	}
	is, _ := backend.ReadState(b) // of none nothing is held
	if why := m.Was.Changed(workspace.StateMark{Serial: is.Serial, Lineage: is.Lineage}, is.Resources); why != "" {
		return nil, diagnostics.Refuse(job.CauseState,
			"put it right where it is (most backends keep old versions), then: tfops state move "+p.job.Workspace+
				"; to go "+
				"on without it: tfops approve RUN --accept-new-state -m WHY",
			"the old state (%s) is not what was applied, with %s: %s", m.Was, m.Was.Holds(), why)
	}
	return b, nil
}

// writeState has the new state hold what the old one holds. What is there was read without
// a lock, and somebody may have written to it since: so the engine, under the lock, is left to
// refuse a state that is not what becomes of the one which was read.
func (p *phase) writeState(ctx context.Context, old, there []byte, do backend.Moving) error {
	again := "see what is there now (`terraform state pull`), then: tfops state move " + p.job.Workspace
	if p.job.Move.Import {
		again = "see what is there now (`terraform state pull`), then: tfops state import " + p.job.Workspace + " FILE"
	}
	var err error
	switch do {
	case backend.KeepIt:
		return nil
	case backend.OverwriteIt:
		return p.push(ctx, old, backend.Pushing{Force: true, Wait: p.job.LockTimeout, Next: again})
	case backend.WriteIt:
		err = p.push(ctx, old, backend.Pushing{Wait: p.job.LockTimeout, Next: again})
	case backend.ReplaceIt:
		after, follows := backend.Following(old, there)
		if follows != nil {
			return follows
		}
		err = p.push(ctx, after, backend.Pushing{Wait: p.job.LockTimeout, Next: again})
	}
	if err != nil {
		return err
	}
	return p.keepLineage(ctx, old)
}

// push writes the state under the backend's lock.
func (p *phase) push(ctx context.Context, state []byte, how backend.Pushing) error {
	f, err := memfile.Sealed("tfops-state", state)
	if err != nil {
		return err
	}
	defer f.Close()
	path := memfile.Path(f)
	if err := p.markStarted(); err != nil {
		return err
	}
	_, err = p.work.RunPrepared(ctx, "state push", func(ctx context.Context, tf *tfexec.Terraform,
		_ *diagnostics.Output) error {
		return tf.StatePush(ctx, path, tfexec.Lock(true), tfexec.LockTimeout(how.Wait.String()),
			tfexec.Force(how.Force))
	})
	var refused *diagnostics.Failure
	if errors.As(err, &refused) && refused.Next == "" {
		refused.Next = how.Next
	}
	return err
}

// checkMoved reads both states once more: the new one holds what was read, and
// the old one has not gone on meanwhile. It returns the head of the new one.
func (p *phase) checkMoved(ctx context.Context, old []byte, did backend.Moving) (backend.StateHead, error) {
	again, err := p.oldState(ctx)
	if err != nil {
		return backend.StateHead{}, err
	}
	was, _ := backend.ReadState(old)
	if is, err := backend.ReadState(again); err != nil || is.Serial != was.Serial || is.Lineage != was.Lineage {
		return backend.StateHead{}, diagnostics.Refuse(job.CauseState,
			"see that nobody applies to the old state, then: tfops state move "+p.job.Workspace,
			"the old state changed "+
				"while it was copied")
	}
	there, err := p.work.Pull(ctx)
	if err != nil {
		return backend.StateHead{}, err
	}
	head, err := backend.ReadState(there)
	// what was there may have gone on since it was moved
	if err == nil && (did == backend.KeepIt || backend.SameContent(old, there, false)) {
		return head, nil
	}
	if p.job.Move.Import {
		return head, diagnostics.Refuse(job.CauseState,
			"look at it (`terraform state pull`), then: tfops state import "+p.job.Workspace+" FILE --replace -m WHY",
			"the "+
				"state, read back, does not hold what was brought")
	}
	return head, diagnostics.Refuse(job.CauseState,
		"look at both (`terraform state pull`), then: tfops state move "+p.job.Workspace,
		"the new state, read back, does "+
			"not hold what the old one holds")
}

// keepLineage gives the new state the lineage of the old one where it has another: that of
// the empty state which a backend begins by itself (S3, PostgreSQL), or the one that an
// engine begins where it finds nothing (http). Only forcing it changes a lineage. So nobody
// is waited for, who might write meanwhile: where the lock is taken, it stays as it is.
func (p *phase) keepLineage(ctx context.Context, old []byte) error {
	there, err := p.work.Pull(ctx)
	if err != nil {
		return err
	}
	from, _ := backend.ReadState(old)
	to, err := backend.ReadState(there)
	if err != nil || to.Lineage == from.Lineage || !backend.SameContent(old, there, false) {
		return nil // checkMoved says what is wrong
	}
	if err := p.push(ctx, old, backend.Pushing{Force: true}); err != nil {
		if ctx.Err() != nil {
			return err
		}
		p.log.Say("info", "the new state keeps the lineage %s, and does not take that of the old one: %s", to.Lineage,
			err)
	}
	return nil
}
