package engine

import (
	"context"
	"fmt"
	"io/fs"
	"maps"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/workspace"
	"github.com/tfops/tfops/internal/workspace/reach"
)

// codeFacts is what the code of a workspace says of others.
type codeFacts struct {
	states reach.States
	wrong  error // a local module that it calls is not there
}

// index is what is remembered of a repository's code.
func (e *Engine) index(repository string) *reach.Index {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.indexes[repository] == nil {
		e.indexes[repository] = reach.NewIndex()
	}
	return e.indexes[repository]
}

// readCode reads what the code of workspaces says in one graph.
func (e *Engine) readCode(g *reach.Graph, defs []Definition) {
	all := map[string]codeFacts{}
	for _, d := range defs {
		f := codeFacts{states: g.States(d.Workspace, locks.Identity)}
		if problems := g.Problems(d.Dir); len(problems) > 0 {
			p := problems[0]
			f.wrong = fault.New(fault.Invalid, p.Next, "%s: %s", p.Where, p.Message)
		}
		all[d.Name] = f
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.Copy(e.code, all)
}

// infer finds which workspaces read the state of which others. The state that
// the newest plan of a workspace resolved counts more than the text of its
// backend.
func infer(defs []Definition, code map[string]codeFacts, records map[string]workspace.Record) []reach.Dependency {
	states := map[string]reach.States{}
	for _, d := range defs {
		st := code[d.Name].states
		if own := records[d.Name].State; own != "" {
			st.Own = own
		}
		states[d.Name] = st
	}
	return reach.Infer(states)
}

// wrong is why the local modules of a workspace cannot be what is meant.
func (e *Engine) wrong(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.code[name].wrong
}

// readHeads reads the code at the heads of a repository's branches, of each
// branch once for each of its commits and each fleet.
func (e *Engine) readHeads(ctx context.Context, repo Repository, heads map[string]string) []error {
	byBranch := map[string][]Definition{}
	for _, d := range e.current().Workspaces {
		if d.Repository == repo.name {
			byBranch[d.Follow()] = append(byBranch[d.Follow()], d)
		}
	}
	var failed []error
	for branch, defs := range byBranch {
		head, ok := heads[branch]
		if !ok {
			continue
		}
		key := head
		for _, d := range defs {
			key += "\x00" + d.Name + "\x00" + d.fingerprint // with what is said of its backend
		}
		err := e.need(ctx, repo, head)
		var missing []trees.MissingSubmodule
		if err == nil {
			missing, err = e.submodules(ctx, repo, head)
		}
		for _, sub := range missing { // what the code reads of it may be there later
			key += "\x00" + sub.Path
		}
		e.mu.Lock()
		known := e.codeAt[repo.name+"\x00"+branch] == key
		e.mu.Unlock()
		if known && err == nil {
			continue
		}
		var tree fs.FS
		if err == nil {
			tree, err = repo.Tree(head)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("branch %s: %w", branch, err))
			continue
		}
		e.readCode(e.index(repo.name).Graph(tree, values(defs)), defs)
		e.mu.Lock()
		e.codeAt[repo.name+"\x00"+branch] = key
		e.mu.Unlock()
	}
	return failed
}

func values(defs []Definition) []workspace.Workspace {
	out := make([]workspace.Workspace, len(defs))
	for i, d := range defs {
		out[i] = d.Workspace
	}
	return out
}
