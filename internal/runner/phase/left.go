package phase

import (
	"context"
	"path/filepath"
	"time"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/plan"
	"github.com/tfops/tfops/internal/plan/baseline"
)

// longestLook bounds the look at the world that ends an apply: the apply itself is done.
const longestLook = 10 * time.Minute

// leave keeps what an apply left, for the checks that come after it. Without it they tell less.
func (p *phase) leave(ctx context.Context, well bool) {
	if !p.job.Baseline || p.job.Destroy && well {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, longestLook)
	defer cancel()
	left, err := p.work.Left(ctx, well && p.touched())
	if err != nil {
		p.log.Say("warn", "what the apply left cannot be told, so that checks will know less of causes: %v", err)
		return
	}
	p.keepLeft(left)
}

func (p *phase) keepLeft(left *baseline.Baseline) {
	packed, err := left.Pack()
	if err == nil {
		err = p.keepSealed(filepath.Join(p.dir, job.LeftFile), packed)
	}
	if err != nil {
		p.log.Say("warn", "what is in the state cannot be kept, so that checks will know less of causes: %v", err)
	}
}

// touched reports whether the plan that was applied changed anything of the world.
func (p *phase) touched() bool {
	b, err := datafile.ReadSole(p.job.PlanJSON, datafile.Record)
	made := &plan.Plan{}
	return err == nil && made.UnmarshalJSON(b) == nil && !p.job.RefreshOnly && made.TouchesWorld()
}
