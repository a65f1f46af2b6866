package daemon

import (
	"context"
	"path/filepath"
	"time"

	"github.com/tfops/tfops/internal/sandbox"
)

// findSandbox finds out how well engines are shut in here. Where that cannot be found out nothing is
// taken for granted.
func (d *Daemon) findSandbox() sandbox.State {
	state, err := d.local.Probe(filepath.Join(d.cfg.DataDir, "cache"))
	if err != nil {
		return NotFound(err)
	}
	return state
}

// NotFound is what counts where it cannot be found out how well engines are shut in.
func NotFound(why error) sandbox.State {
	return sandbox.State{Level: sandbox.None, Lacks: []sandbox.Lack{{Kind: sandbox.LacksElse, Detail: why.Error()}}}
}

// sandboxEvery is how often it is looked whether engines are shut in as before: limits of the machine
// change, and a runner that could not be started finds that out.
const sandboxEvery = 15 * time.Second

// keepSandbox says how engines are shut in, and has runs wait or go on where that changes.
func (d *Daemon) keepSandbox(ctx context.Context) {
	d.tellSandbox()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sandboxEvery):
		}
		if now := d.findSandbox(); !now.Equal(d.engine.Sandbox().State) {
			d.engine.Found(now)
			d.tellSandbox()
		}
	}
}

func (d *Daemon) tellSandbox() {
	t := d.engine.Sandbox()
	switch {
	case t.Note() != "":
		lacks := []string{}
		for _, l := range t.Lacks {
			lacks = append(lacks, l.Sentence())
		}
		d.Log.Warn("engines are not shut in as well as they could be", "level", t.Level, "note", t.Note(),
			"lacks", lacks, "next", "tfops doctor")
	case t.Level != "":
		d.Log.Info("engines are shut in", "level", t.Level)
	}
}
