package offline

import (
	"context"
	"errors"
	"os/user"
	"path/filepath"

	"github.com/tfops/tfops/internal/access"
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/artifacts"
	"github.com/tfops/tfops/internal/datadir"
	"github.com/tfops/tfops/internal/engine/managed"
	"github.com/tfops/tfops/internal/seal"
	"github.com/tfops/tfops/internal/store"
)

// ErrDaemonRuns says that the data directory is in use.
var ErrDaemonRuns = errors.New("a daemon holds the data directory")

// RestoreState restores the managed state of a workspace.
func RestoreState(ctx context.Context, dir, name string, in api.RestoreState) (out api.RestoredState, err error) {
	lock, err := datadir.Lock(dir)
	if err != nil {
		return out, errors.Join(ErrDaemonRuns, err)
	}
	defer lock.Close()
	key, err := seal.Load(filepath.Join(dir, "key"))
	if err != nil {
		return out, err
	}
	s, err := store.Open(filepath.Join(dir, "tfops.db"), store.Options{})
	if err != nil {
		return out, err
	}
	defer s.Close()
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	restorer := managed.Restorer{Store: s, States: managed.States{Files: artifacts.Open(dir), Vault: key}}
	r, err := restorer.Restore(ctx, access.Actor{Name: who, Via: "offline"}, name, managed.Restoration(in))
	return api.RestoredState(r), err
}
