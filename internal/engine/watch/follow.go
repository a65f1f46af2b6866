package watch

import (
	"context"
	"maps"
	"strings"

	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/engine/sources"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/workspace"
)

// targets is where what workspaces follow leads to now.
type targets struct {
	refs map[string]string        // by Workspace.Follow: the commit; branches, too
	tags map[string]workspace.Tag // by the same, of those that follow tags
	none map[string]error         // by the same: why there is none
}

// targets finds out what the workspaces of a repository follow besides branches.
func (w *Watcher) targets(ctx context.Context, repo settings.Repository, heads map[string]string) (targets, error) {
	t := targets{refs: maps.Clone(heads), tags: map[string]workspace.Tag{}, none: map[string]error{}}
	if t.refs == nil {
		t.refs = map[string]string{}
	}
	var tags map[string]string
	for _, d := range w.txn.Settings.Get().Workspaces {
		key := d.Follow()
		_, found := t.refs[key]
		if d.Repository != repo.Name || d.Tag == "" && d.Commit == "" || found || t.none[key] != nil {
			continue
		}
		if d.Tag != "" && tags == nil {
			var err error
			if tags, err = w.sources.Tags(ctx, repo); err != nil {
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
			err = w.sources.Obtain(ctx, repo, d, t.refs[key])
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

// tagged notes which tags the workspaces that were looked at lead to.
func (p *poll) tagged(defs []fleet.Definition, tag workspace.Tag) {
	for _, d := range defs {
		rec := p.records[d.Name]
		next := d.NextTag(rec.Tag, tag, rec.Applied)
		if rec.Tag != nil && *rec.Tag == next {
			continue
		}
		if p.batch.Tags == nil {
			p.batch.Tags = map[string]workspace.FollowedTag{}
		}
		p.batch.Tags[d.Name] = next
		if text, _ := next.Unusual(); text != "" {
			p.w.log.Warn("a tag is not as tags should be", "workspace", d.Name, "text", strings.TrimSuffix(text, "."))
		}
	}
}
