package engine

import (
	"context"
	"maps"
	"strings"

	"github.com/tfops/tfops/internal/engine/sources"

	"github.com/tfops/tfops/internal/engine/settings"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/workspace"
)

// targets is where what workspaces follow leads to now.
type targets struct {
	refs map[string]string        // by Workspace.Follow: the commit; branches, too
	tags map[string]workspace.Tag // by the same, of those that follow tags
	none map[string]error         // by the same: why there is none
}

// targets finds out what the workspaces of a repository follow besides branches.
func (e *Engine) targets(ctx context.Context, repo settings.Repository, heads map[string]string) (targets, error) {
	t := targets{refs: maps.Clone(heads), tags: map[string]workspace.Tag{}, none: map[string]error{}}
	if t.refs == nil {
		t.refs = map[string]string{}
	}
	var tags map[string]string
	for _, d := range e.txn.Settings.Get().Workspaces {
		key := d.Follow()
		_, found := t.refs[key]
		if d.Repository != repo.Name || d.Tag == "" && d.Commit == "" || found || t.none[key] != nil {
			continue
		}
		if d.Tag != "" && tags == nil {
			var err error
			if tags, err = e.sources.Tags(ctx, repo); err != nil {
				return t, err
			}
		}
		var err error
		if d.Tag != "" {
			err = t.newest(d, tags)
		} else {
			t.refs[key] = d.Commit
		}
		if err == nil {
			err = e.sources.Obtain(ctx, repo, d, t.refs[key])
		}
		switch {
		case err == nil:
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid):
			t.none[key] = err
			delete(t.refs, key)
		default:
			return t, err
		}
	}
	return t, nil
}

func (t *targets) newest(d fleet.Definition, tags map[string]string) error {
	tag, ok := d.Newest(tags)
	if !ok {
		return sources.NoTag(d, tags)
	}
	t.refs[d.Follow()], t.tags[d.Follow()] = tag.Commit, tag
	return nil
}

// noteTag has a run know the tag that it is of, and a person look at one that is
// not as tags should be.
func (e *Engine) noteTag(ctx context.Context, r run.Run, def fleet.Definition) error {
	if def.Tag == "" {
		return nil
	}
	_, err := e.txn.Change(ctx, r.ID, func(d *run.Tx) error {
		t := d.Record.Tag
		if t == nil || t.Wanted != def.Follow() || t.Commit != r.Commit.SHA {
			return nil
		}
		d.Run.Tag = t.Name
		if text, why := t.Unusual(); text != "" && r.Kind == run.Sync && d.Record.Applied != t.Commit {
			d.Run.Warn(text)
			d.Run.HoldBack(why)
		}
		return nil
	})
	return err
}

// tagged notes which tags the workspaces that were looked at lead to.
func (g *branchPoll) tagged(defs []fleet.Definition, tag workspace.Tag) {
	for _, d := range defs {
		rec := g.records[d.Name]
		next := d.NextTag(rec.Tag, tag, rec.Applied)
		if rec.Tag != nil && *rec.Tag == next {
			continue
		}
		if g.batch.Tags == nil {
			g.batch.Tags = map[string]workspace.FollowedTag{}
		}
		g.batch.Tags[d.Name] = next
		if text, _ := next.Unusual(); text != "" {
			g.e.Log.Warn("a tag is not as tags should be", "workspace", d.Name, "text", strings.TrimSuffix(text, "."))
		}
	}
}

func merged(into, more map[string]workspace.FollowedTag) map[string]workspace.FollowedTag {
	if into == nil {
		return more
	}
	maps.Copy(into, more)
	return into
}

// follows is what a workspace follows, for a person.
func follows(d fleet.Definition, rec workspace.Record) string {
	if t := rec.Tag; t != nil && t.Wanted == d.Follow() {
		return d.Follows(t.Name)
	}
	return d.Follows("")
}

// elsewhereNow says that a workspace does not lead to a run's commit any more.
func elsewhereNow(r run.Run, d fleet.Definition) error {
	return fault.New(fault.Conflict, "", "commit %s is not on %s any more", workspace.ShortCommit(r.Commit.SHA), d.Follows(r.Tag))
}
