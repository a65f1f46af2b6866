package wire

import (
	"slices"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/audit"
	"github.com/tfops/tfops/internal/run"
)

// Audits are decisions.
func Audits(audits []audit.Record) []api.Audit {
	return each(audits, func(a audit.Record) api.Audit {
		return api.Audit{Number: a.Number, At: a.At.UTC(), Actor: a.Actor, Via: a.Via, Action: a.Action,
			Workspace: a.Workspace, Run: a.Run, Digest: a.Digest, Commit: a.Commit, Reason: a.Reason,
			Authors: a.Authors,
			Allowed: a.Refused == "", Refused: a.Refused, Unrecorded: a.Unrecorded,
			UID: a.Peer.UID, PID: a.Peer.PID, LoginUID: a.Peer.LoginUID, Login: a.Peer.Login}
	})
}

// Deliveries are notices on their way, or given up.
func Deliveries(all []run.Delivery) []api.Delivery {
	return each(all, func(d run.Delivery) api.Delivery {
		n := d.Notice
		return api.Delivery{ID: d.ID, Target: d.Target, Kind: string(n.Kind), Title: n.Title, Workspace: n.Workspace,
			Run: n.Run,
			At:  n.At.UTC(), Attempts: d.Attempts, LastError: d.LastError, DeadAt: at(d.DeadAt)}
	})
}

// Targets are the notify blocks and how their deliveries go; those too that the
// configuration has no more while something of theirs is left.
func Targets(configured []api.NotifyTarget, waiting, dead []run.Delivery) []api.NotifyTarget {
	out := append([]api.NotifyTarget{}, configured...)
	of := func(d run.Delivery) *api.NotifyTarget {
		i := slices.IndexFunc(out, func(t api.NotifyTarget) bool { return t.Name == d.Target })
		if i < 0 {
			i = len(out)
			out = append(out, api.NotifyTarget{Name: d.Target, Place: "not in the configuration any more",
				On: []string{}, Gone: true})
		}
		if d.LastError != "" {
			out[i].LastError = d.LastError
		}
		return &out[i]
	}
	for _, d := range dead {
		of(d).Dead++
	}
	for _, d := range waiting { // after those given up: their error is the newer one
		t := of(d)
		t.Waiting++
		t.Failing = t.Failing || d.LastError != ""
	}
	return out
}
