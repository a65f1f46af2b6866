package decide

import (
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/authorship"
	"github.com/tfops/tfops/internal/engine/settings"
	"github.com/tfops/tfops/internal/fleet"
	"github.com/tfops/tfops/internal/fleet/fleettest"
	"github.com/tfops/tfops/internal/run"
)

// Where commits have to be signed, nothing is applied of one that does not prove who made it, nor by
// keys that are not those that count now; and what waits for that names the command that moves it on.
func TestSignedCommitsBeforeTheApply(t *testing.T) {
	def := fleettest.Define("a")
	must := approvals.People{Signed: map[string]string{def.Repository: "keys"}}
	authors := func(change func(*authorship.Authors)) *authorship.Authors {
		a := &authorship.Authors{Since: "c1", Keys: "keys", Commits: 3, Verified: 3}
		change(a)
		return a
	}
	one := authorship.Unverified{Commit: "0123456789abcdef", Why: "it is not signed", Next: "sign it"}
	for name, c := range map[string]struct {
		people            approvals.People
		authors           *authorship.Authors
		awaiting, applies Action
		waits             string
	}{
		"all are verified": {must, authors(func(*authorship.Authors) {}), Allow, StartApply, ""},
		"one is not": {must, authors(func(a *authorship.Authors) {
			a.Verified, a.Unverified = 2, []authorship.Unverified{one}
		}), Nothing, Discard, "commit 01234567 does not prove who made it: it is not signed; sign it"},
		"two are not": {must, authors(func(a *authorship.Authors) {
			a.Verified, a.Unverified = 1, []authorship.Unverified{one, one}
		}), Nothing, Discard, "(and 1 more: tfops show r1)"},
		"one need not be": {must, authors(func(a *authorship.Authors) { a.Verified, a.Exempt = 2, 1 }), Allow,
			StartApply, ""},
		"which these are is not known": {must, authors(func(a *authorship.Authors) {
			a.Commits, a.Verified, a.Unknown, a.Next = 0, 0, "a forced push", "push a merge"
		}), Nothing, Discard, "it is not known which these are: a forced push; push a merge"},
		"other keys count": {must, authors(func(a *authorship.Authors) {
			a.Keys = "others"
		}), Discard, Discard, ""},
		"it was planned by a tfops that did not ask": {must, nil, Discard, Discard, ""},
		"none have to be": {approvals.People{}, authors(func(a *authorship.Authors) { a.Verified, a.Keys = 0, "" }),
			Allow, StartApply, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := (&settings.Settings{Config: fleet.Config{Workspaces: []fleet.Definition{def}}, Concurrency: 1,
				People: c.people}).Prepare()
			for status, want := range map[run.Status]Action{run.AwaitingApproval: c.awaiting,
				run.ApplyQueued: c.applies} {
				r := someRun("r1", "a", run.Sync, status)
				r.Fingerprint, r.Authors = s.Workspaces[0].Fingerprint, c.authors
				q := queueOf(r)
				vote(&q, &q.Active[0])
				got, w := About(q.queue(), s, &q.Active[0])
				if got != want {
					t.Errorf("%s: step %d (%+v), want %d", status, got, w, want)
				}
				if got == Nothing && (!strings.Contains(w.For.String(), c.waits) || w.Command != "tfops sync a") {
					t.Errorf("%s: waits for %q, command %q", status, w.For, w.Command)
				}
			}
		})
	}
}
