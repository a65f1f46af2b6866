package view

import (
	"bytes"
	"encoding/json"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/run"
)

// Progress is how far an apply came that ended halfway, as its events tell.
type Progress struct {
	Finished, Failed, UnderWay, NotBegun []Step
}

// Step is one thing that an apply does to a resource.
type Step struct {
	Address, Action string
	Provisioner     string // that was at work

	open bool
}

// progress is how far a run came whose apply failed or was interrupted; nil for any other.
func (view *View) progress(r run.Run) *Progress {
	if r.ApplyStartedAt.IsZero() || r.Status != run.Interrupted && r.Status != run.Errored {
		return nil
	}
	f := view.txn.Files.Run(r.ID)
	made, err := f.ReadPlan()
	if err != nil || made == nil {
		return nil
	}
	w := &walked{}
	if err := f.Log(job.ApplyPhase).Read(w.event); err != nil {
		return nil // the log itself says why it cannot be read
	}
	return w.against(made)
}

// walked is what an apply did, in the order in which it began.
type walked struct{ steps, failed []Step }

// event takes in a line of the engine's.
func (w *walked) event(line []byte) error {
	var e struct {
		Type string `json:"type"`
		Hook struct {
			Resource struct {
				Addr string `json:"addr"`
			} `json:"resource"`
			Action      string `json:"action"`
			Provisioner string `json:"provisioner"`
		} `json:"hook"`
	}
	if !bytes.Contains(line, []byte(`"hook"`)) || json.Unmarshal(line, &e) != nil || e.Hook.Resource.Addr == "" {
		return nil
	}
	h := e.Hook
	switch e.Type {
	case "apply_start":
		w.steps = append(w.steps, Step{Address: h.Resource.Addr, Action: h.Action, open: true})
	case "apply_complete", "apply_errored":
		if s := w.last(h.Resource.Addr); s != nil {
			s.open, s.Provisioner = false, ""
			if e.Type == "apply_errored" {
				w.failed = append(w.failed, *s)
			}
		}
	case "provision_start":
		if s := w.last(h.Resource.Addr); s != nil {
			s.Provisioner = h.Provisioner
		}
	case "provision_complete":
		if s := w.last(h.Resource.Addr); s != nil {
			s.Provisioner = ""
		}
	}
	return nil
}

// last is what was begun last of a resource and has not ended; nil for none.
func (w *walked) last(address string) *Step {
	for i := len(w.steps) - 1; i >= 0; i-- {
		if w.steps[i].Address == address && w.steps[i].open {
			return &w.steps[i]
		}
	}
	return nil
}

// against holds what was done against what was planned.
func (w *walked) against(p *plan.Plan) *Progress {
	out := &Progress{Failed: w.failed}
	begun, failed := map[Step]int{}, map[Step]int{}
	bare := func(s Step) Step { return Step{Address: s.Address, Action: s.Action} }
	for _, s := range w.failed {
		failed[bare(s)]++
	}
	for _, s := range w.steps {
		begun[bare(s)]++
		switch {
		case s.open:
			out.UnderWay = append(out.UnderWay, s)
		case failed[bare(s)] > 0:
			failed[bare(s)]--
		default:
			out.Finished = append(out.Finished, s)
		}
	}
	for _, c := range p.Changes {
		for _, action := range parts(c) {
			s := Step{Address: c.Address, Action: action}
			if begun[s] > 0 {
				begun[s]--
				continue
			}
			out.NotBegun = append(out.NotBegun, s)
		}
	}
	return out
}

// parts are the things that a change is done by, as the engine calls them.
func parts(c plan.Change) []string {
	switch {
	case c.Action == plan.NoOp || c.Action == plan.Forget:
		return nil // the engine tells nothing of it
	case c.Action != plan.Replace:
		return []string{string(c.Action)}
	case c.CreateFirst:
		return []string{"create", "delete"}
	}
	return []string{"delete", "create"}
}
