package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/locks"
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
	there, err := p.pull(ctx)
	if err != nil {
		return err
	}
	if got := p.identity(); got != p.job.Move.To && !p.job.Move.Import {
		return diagnostics.Refuse(job.CauseBadInput, "see where the state would be now: tfops sync "+p.job.Workspace, "the configuration leads to the state %s, and not to %s", got, p.job.Move.To)
	}
	decide := whatToMove
	if p.job.Move.Import {
		decide = func(name string, old, there []byte) (moving, error) {
			return whatToImport(name, p.job.Move.Replace, old, there)
		}
	}
	do, err := decide(p.job.Workspace, old, there)
	if err != nil {
		return err
	}
	var replaced string
	if p.job.Move.Import && do != keepIt {
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
	p.result.Moved = &job.Moved{Serial: head.Serial, Lineage: head.Lineage, Resources: head.Resources, Already: do == keepIt, Replaced: replaced}
	if p.job.Move.Import {
		p.log.Say("info", "the state was imported: serial %d, lineage %s", head.Serial, head.Lineage)
	} else if do == keepIt {
		p.log.Say("info", "the new state was there already: serial %d, lineage %s, with %s; the old one was left as it is", head.Serial, head.Lineage, holding(head.Resources))
	} else {
		p.log.Say("info", "the new state holds what the old one holds: serial %d, lineage %s; the old one was left as it is", head.Serial, head.Lineage)
	}
	if p.managed {
		if err := p.snapshot(); err != nil {
			p.note("no snapshot of the state could be kept: " + err.Error())
		}
	}
	return p.plan(ctx)
}

func holding(resources int) string {
	return workspace.StateRef{Resources: resources, Counted: true}.Holds()
}

func (p *phase) identity() string {
	return locks.Identity(p.result.Backend.Type, p.result.Backend.Config, p.job.TerraformWorkspace)
}

// moving is what is done with the new state.
type moving int

const (
	writeIt     moving = iota // there is none yet
	replaceIt                 // there is one of another lineage, which is known and may go
	overwriteIt               // there is something that is no state, and it may go
	keepIt                    // it is the old one already, or what became of it
)

// whatToMove decides what is done with the new state. There is no way to
// overwrite one that holds something else.
func whatToMove(name string, old, there []byte) (moving, error) {
	from, err := ReadState(old)
	if err != nil {
		return 0, diagnostics.Refuse(job.CauseState, "see what a state that is lost or cut can be restored from: tfops state restore "+name, "the old state cannot be copied: %w", err)
	}
	if len(bytes.TrimSpace(there)) == 0 {
		return writeIt, nil
	}
	to, err := ReadState(there)
	switch {
	case err != nil:
		return 0, diagnostics.Refuse(job.CauseState, "look at it, and move it away if nobody needs it", "there is something where the new state would be, and it is not overwritten: %w", err)
	case sameContent(old, there, false):
		return keepIt, nil // a move that was killed may not have come to its lineage
	case from.Lineage != to.Lineage && to.Resources > 0:
		return 0, diagnostics.Refuse(job.CauseState, "look whose it is (`terraform state list` in the root module); to go on with it: tfops approve RUN --accept-new-state -m WHY",
			"the new state has another lineage (%s, not %s) and holds %d resources: it is not overwritten", to.Lineage, from.Lineage, to.Resources)
	case from.Lineage != to.Lineage:
		return replaceIt, nil
	case to.Serial >= from.Serial && to.Resources == 0 && from.Resources > 0:
		return 0, diagnostics.Refuse(job.CauseState, "if that was meant: tfops approve RUN --accept-new-state -m WHY; to put the old one there all the same: tfops state import "+name+" FILE --replace -m WHY",
			"the new state is the old one, or what became of it (serial %d, that one has %d), and holds no resources, while the old one holds %d: they were destroyed there, or taken out", to.Serial, from.Serial, from.Resources)
	case to.Serial == from.Serial:
		return 0, diagnostics.Refuse(job.CauseState, "look at both (`terraform state pull`) and decide which is right; to put the old one there all the same: tfops state import "+name+" FILE --replace -m WHY",
			"the new state has the lineage and the serial (%d) of the old one, and holds something else", to.Serial)
	case to.Serial > from.Serial:
		return keepIt, nil
	}
	return writeIt, nil
}

// whatToImport decides what is done with the state that an import would write.
func whatToImport(name string, replace bool, brought, there []byte) (moving, error) {
	from, err := ReadState(brought)
	if err != nil {
		return 0, diagnostics.Refuse(job.CauseBadInput, "tfops state import "+name+" FILE", "what was brought is no state: %w", err)
	}
	if len(bytes.TrimSpace(there)) == 0 {
		return writeIt, nil
	}
	to, err := ReadState(there)
	switch {
	case err != nil && !replace:
		return 0, diagnostics.Refuse(job.CauseState, replaceCommand(name), "there is something where the state would be, and it is not overwritten: %w", err)
	case err == nil && sameContent(brought, there, true):
		return keepIt, nil
	case err != nil:
		return overwriteIt, nil
	case replace:
		return replaceIt, nil
	case to.Resources > 0:
		return 0, diagnostics.Refuse(job.CauseState, replaceCommand(name), "the state there holds %s (serial %d, lineage %s): it is not overwritten", holding(to.Resources), to.Serial, to.Lineage)
	case from.Lineage == to.Lineage && from.Serial < to.Serial:
		return 0, diagnostics.Refuse(job.CauseState, replaceCommand(name), "the state there holds no resources and is newer than what was brought (serial %d, not %d): what that holds was destroyed since, or taken out", to.Serial, from.Serial)
	}
	return replaceIt, nil
}

func replaceCommand(name string) string {
	return "to put it in its place all the same: tfops state import " + name + " FILE --replace -m WHY"
}

// keepReplaced keeps an encrypted copy of what an import replaces, and returns its name.
func (p *phase) keepReplaced(there []byte) (string, error) {
	if len(bytes.TrimSpace(there)) == 0 {
		return "", nil
	}
	head, _ := ReadState(there) // of one that is cut the serial is 0
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
			return nil, diagnostics.Refuse(job.CauseState, "tfops state restore "+p.job.Workspace, "the old state is gone: there is no %s", m.File)
		}
		return b, err
	}
	if len(p.secrets.Old) == 0 {
		return nil, diagnostics.Refuse(job.CauseRunner, "restart tfops serve, then: tfops state move "+p.job.Workspace, "it is not known how to reach the old state: tfops serve is of another version")
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
			p.log.Say("warn", "the old state cannot be read with the credentials that it was applied with; trying those of now")
		}
	}
	return nil, first
}

// oldStateWith reads the state of the applied commit's root module, and sees that it is the
// one which was applied.
func (p *phase) oldStateWith(ctx context.Context, access job.OldAccess) ([]byte, error) {
	m := p.job.Move
	q := newPhase(p.dir, job.Secrets{Env: access.Env, Backend: access.Backend, Hashed: access.Hashed, Modules: p.secrets.Modules}, p.stop)
	defer q.Close()
	q.log, q.mask, q.job, q.names = p.log, p.mask, p.job, p.names
	q.job.Checkout, q.job.Dir, q.job.TerraformWorkspace, q.job.VarFiles, q.job.Move = m.Checkout, m.Dir, m.TerraformWorkspace, nil, nil
	q.job.Backend, q.job.BackendFiles = m.Backend, m.BackendFiles
	q.job.Tree, q.job.Ground = p.job.Tree+"-applied", filepath.Join(p.job.Ground, "applied")
	if err := inOrder(ctx, q.openGround, q.readInputs, q.checkBackend, q.findEngine, q.openDirectories, q.placeState); err != nil {
		return nil, err
	}
	b, err := q.pull(ctx)
	if err != nil {
		return nil, err
	}
	if got := q.identity(); got != m.From {
		return nil, diagnostics.Refuse(job.CauseBadInput, "copy it by hand: `terraform state pull` where it is, `terraform state push` where it goes, then tfops sync "+p.job.Workspace,
			"the applied commit leads to the state %s, and not to the one that was applied, %s", got, m.From)
	}
	is, _ := ReadState(b) // of none nothing is held
	if why := m.Was.Changed(workspace.StateMark{Serial: is.Serial, Lineage: is.Lineage}, is.Resources); why != "" {
		return nil, diagnostics.Refuse(job.CauseState, "put it right where it is (most backends keep old versions), then: tfops state move "+p.job.Workspace+"; to go on without it: tfops approve RUN --accept-new-state -m WHY",
			"the old state (%s) is not what was applied, with %s: %s", m.Was, m.Was.Holds(), why)
	}
	return b, nil
}

// pull reads the state of the root module, whatever its backend is; nothing
// where there is none yet. It goes nowhere but into memory.
func (p *phase) pull(ctx context.Context) ([]byte, error) {
	var state string
	_, err := p.prepared(ctx, command{"state pull", func(ctx context.Context, tf *tfexec.Terraform, _ *diagnostics.Output) error {
		var err error
		state, err = tf.StatePull(ctx)
		return err
	}})
	if neverWritten([]byte(state)) {
		return nil, err
	}
	return []byte(state), err
}

// neverWritten reports whether a pull printed what stands for no state: of a backend that has
// none yet, some engines print nothing, and some, as for http, an empty one of no lineage.
func neverWritten(state []byte) bool {
	var doc struct {
		Serial    uint64            `json:"serial"`
		Lineage   *string           `json:"lineage"`
		Outputs   map[string]any    `json:"outputs"`
		Resources []json.RawMessage `json:"resources"`
	}
	return json.Unmarshal(state, &doc) == nil && doc.Lineage != nil && *doc.Lineage == "" && doc.Serial == 0 && len(doc.Resources)+len(doc.Outputs) == 0
}

// writeState has the new state hold what the old one holds. What is there was read without
// a lock, and somebody may have written to it since: so the engine, under the lock, is left to
// refuse a state that is not what becomes of the one which was read.
func (p *phase) writeState(ctx context.Context, old, there []byte, do moving) error {
	again := "see what is there now (`terraform state pull`), then: tfops state move " + p.job.Workspace
	if p.job.Move.Import {
		again = "see what is there now (`terraform state pull`), then: tfops state import " + p.job.Workspace + " FILE"
	}
	var err error
	switch do {
	case keepIt:
		return nil
	case overwriteIt:
		return p.push(ctx, old, pushing{force: true, wait: p.job.LockTimeout, next: again})
	case writeIt:
		err = p.push(ctx, old, pushing{wait: p.job.LockTimeout, next: again})
	case replaceIt:
		after, follows := following(old, there)
		if follows != nil {
			return follows
		}
		err = p.push(ctx, after, pushing{wait: p.job.LockTimeout, next: again})
	}
	if err != nil {
		return err
	}
	return p.keepLineage(ctx, old)
}

// following is a state as one that comes after another: with its lineage and the next serial.
func following(state, before []byte) ([]byte, error) {
	head, err := ReadState(before)
	if err != nil {
		return nil, err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(state, &doc); err != nil {
		return nil, err
	}
	if doc["lineage"], err = json.Marshal(head.Lineage); err != nil {
		return nil, err
	}
	if doc["serial"], err = json.Marshal(head.Serial + 1); err != nil {
		return nil, err
	}
	return json.Marshal(doc)
}

// pushing is how a state is written.
type pushing struct {
	force bool          // whatever is there
	wait  time.Duration // for the lock
	next  string        // what to do where the engine refuses
}

// push writes the state under the backend's lock.
func (p *phase) push(ctx context.Context, state []byte, how pushing) error {
	f, err := memfile.New("tfops-state", state)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := p.markStarted(); err != nil {
		return err
	}
	_, err = p.prepared(ctx, command{"state push", func(ctx context.Context, tf *tfexec.Terraform, _ *diagnostics.Output) error {
		return tf.StatePush(ctx, memfile.Path(f), tfexec.Lock(true), tfexec.LockTimeout(how.wait.String()), tfexec.Force(how.force))
	}})
	var refused *diagnostics.Failure
	if errors.As(err, &refused) && refused.Next == "" {
		refused.Next = how.next
	}
	return err
}

// checkMoved reads both states once more: the new one holds what was read, and
// the old one has not gone on meanwhile. It returns the head of the new one.
func (p *phase) checkMoved(ctx context.Context, old []byte, did moving) (StateHead, error) {
	again, err := p.oldState(ctx)
	if err != nil {
		return StateHead{}, err
	}
	was, _ := ReadState(old)
	if is, err := ReadState(again); err != nil || is.Serial != was.Serial || is.Lineage != was.Lineage {
		return StateHead{}, diagnostics.Refuse(job.CauseState, "see that nobody applies to the old state, then: tfops state move "+p.job.Workspace, "the old state changed while it was copied")
	}
	there, err := p.pull(ctx)
	if err != nil {
		return StateHead{}, err
	}
	head, err := ReadState(there)
	if err == nil && (did == keepIt || sameContent(old, there, false)) { // what was there may have gone on since it was moved
		return head, nil
	}
	if p.job.Move.Import {
		return head, diagnostics.Refuse(job.CauseState, "look at it (`terraform state pull`), then: tfops state import "+p.job.Workspace+" FILE --replace -m WHY", "the state, read back, does not hold what was brought")
	}
	return head, diagnostics.Refuse(job.CauseState, "look at both (`terraform state pull`), then: tfops state move "+p.job.Workspace, "the new state, read back, does not hold what the old one holds")
}

// keepLineage gives the new state the lineage of the old one where it has another: that of
// the empty state which a backend begins by itself (S3, PostgreSQL), or the one that an
// engine begins where it finds nothing (http). Only forcing it changes a lineage. So nobody
// is waited for, who might write meanwhile: where the lock is taken, it stays as it is.
func (p *phase) keepLineage(ctx context.Context, old []byte) error {
	there, err := p.pull(ctx)
	if err != nil {
		return err
	}
	from, _ := ReadState(old)
	to, err := ReadState(there)
	if err != nil || to.Lineage == from.Lineage || !sameContent(old, there, false) {
		return nil // checkMoved says what is wrong
	}
	if err := p.push(ctx, old, pushing{force: true}); err != nil {
		if ctx.Err() != nil {
			return err
		}
		p.log.Say("info", "the new state keeps the lineage %s, and does not take that of the old one: %s", to.Lineage, err)
	}
	return nil
}

// sameContent reports whether two states hold the same. Engines write the rest of a file
// as they like, and newer ones add to each resource: only what every one of them carries
// over counts.
func sameContent(a, b []byte, lineage bool) bool {
	fa := contentOf(a, lineage)
	return fa != nil && bytes.Equal(fa, contentOf(b, lineage))
}

// contentOf is what a state holds, in one form; nil of what is no state.
func contentOf(state []byte, lineage bool) []byte {
	type instance struct {
		Key          any               `json:"index_key"`
		Status       string            `json:"status"`
		Deposed      string            `json:"deposed"`
		Version      int               `json:"schema_version"`
		Attributes   any               `json:"attributes"`
		Flat         map[string]string `json:"attributes_flat"`
		Private      string            `json:"private"`
		Dependencies []string          `json:"dependencies"`
	}
	type resource struct {
		Module    string     `json:"module"`
		Mode      string     `json:"mode"`
		Type      string     `json:"type"`
		Name      string     `json:"name"`
		Provider  string     `json:"provider"`
		Instances []instance `json:"instances"`
	}
	var c struct {
		Lineage   string         `json:"lineage"`
		Outputs   map[string]any `json:"outputs"`
		Resources []resource     `json:"resources"`
	}
	dec := json.NewDecoder(bytes.NewReader(state))
	dec.UseNumber()
	if dec.Decode(&c) != nil {
		return nil
	}
	if !lineage {
		c.Lineage = ""
	}
	form := func(v any) string {
		b, _ := json.Marshal(v) // of what was decoded; keys are sorted
		return string(b)
	}
	var all []string
	for _, r := range c.Resources {
		var instances []string
		for _, i := range r.Instances {
			slices.Sort(i.Dependencies)
			instances = append(instances, form(i))
		}
		slices.Sort(instances)
		r.Instances = nil
		all = append(all, form(r)+form(instances))
	}
	slices.Sort(all)
	if len(c.Outputs) == 0 {
		c.Outputs = nil
	}
	for _, o := range c.Outputs {
		if m, ok := o.(map[string]any); ok && m["sensitive"] == false {
			delete(m, "sensitive")
		}
	}
	return []byte(form([]any{c.Lineage, c.Outputs, all}))
}
